"""Golden transcripts: what a user types, and exactly what comes back."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

TRANSCRIPTS = Path(__file__).parent / "transcripts"
COMMAND = Path(sys.executable).parent / "campaign-exporter"


def answer(line: str, directory: Path) -> str:
    """Run one line, and give what it prints; the exit status stands at the end."""
    words = line.split()
    assert words[0] == "campaign-exporter"
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "LANG": "C.UTF-8", "COLUMNS": "100"}
    done = subprocess.run(
        [COMMAND, *words[1:]],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    output = done.stdout.replace(str(directory.resolve()), "HERE").replace(str(directory), "HERE")
    return f"{output}[exit status {done.returncode}]\n"


@pytest.mark.parametrize("file", sorted(TRANSCRIPTS.glob("*.txt")), ids=lambda file: file.stem)
def test_transcript(file: Path, tmp_path: Path) -> None:
    directory = tmp_path / "here"
    shutil.copytree(TRANSCRIPTS, directory)
    expected = file.read_text(encoding="utf-8")
    lines = [line for line in expected.splitlines() if line.startswith("$ ")]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda line: answer(line[2:], directory), lines))
    found = "\n".join(f"{line}\n{text}" for line, text in zip(lines, answers, strict=True))
    if os.environ.get("ACCEPT_TRANSCRIPTS"):
        file.write_text(found, encoding="utf-8")
    assert found == expected, f"if the new output is right, run ACCEPT_TRANSCRIPTS=1 pytest {Path(__file__).name}"
    assert "hunter2" not in found
    assert not (directory / ".local").exists(), "these commands keep no state"
