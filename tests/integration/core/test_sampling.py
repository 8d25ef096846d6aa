"""The command `sample`: one round, its exit status, and no trace of it."""

import socket
import subprocess
import time
from pathlib import Path

import pytest

from integration.core.exporter_process import COMMAND, LISTING


def configuration(directory: Path, listing: str = "pdump.txt", more: str = "") -> Path:
    (directory / "pdump.txt").write_text(LISTING)
    (directory / "exporter.yml").write_text(f"""
instances:
  - name: prod
    hosts: [{{name: mta1, expected_processes: [mta], processes: {{file: {listing}, max_age: 1d}}}}]
    {more}
state_directory: state
""")
    return directory / "exporter.yml"


def sample(file: Path, **more: object) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "sample", "--config.file", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)  # type: ignore[call-overload, no-any-return] # passed on


def test_a_good_round(tmp_path: Path) -> None:
    done = sample(configuration(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert 'campaign_process_up{campaign_instance="prod",host="mta1",process="mta"} 1.0' in done.stdout
    assert "restarts_total" not in done.stdout


def test_a_failure_is_one_line_and_the_rest_is_there(tmp_path: Path) -> None:
    done = sample(configuration(tmp_path, "none.txt"))
    assert done.returncode == 1
    assert done.stderr == f"prod: processes (mta1): {tmp_path / 'none.txt'} is not there\n"
    assert 'campaign_host_up{campaign_instance="prod",host="mta1",source="processes"} 0.0' in done.stdout


def test_the_state_is_neither_read_nor_written(tmp_path: Path) -> None:
    file = configuration(tmp_path)
    sample(file)
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir()
    (tmp_path / "state/state.json").write_text("not a state")
    done = sample(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["state.json"]


def test_it_ends_in_time_while_everything_hangs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        more = f'database: {{dsn: "postgresql://u:S3CRET@{address}/db", connect_timeout: 2s}}'
        began = time.monotonic()
        done = sample(configuration(tmp_path, more=more))
    assert done.returncode == 1
    assert time.monotonic() - began < 30
    assert "S3CRET" not in done.stdout + done.stderr
    assert 'campaign_up{campaign_instance="prod"} 0.0' in done.stdout


@pytest.mark.parametrize("reader", ["head -n 1", "true"])
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path, reader: str) -> None:
    line = f"{COMMAND} sample --config.file {configuration(tmp_path)} | {reader}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
