import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

COMMAND = str(Path(sys.executable).with_name("campaign-simulator"))


def simulator(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def running(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a simulator until the end of the block, and wait until it is ready."""
    command = [COMMAND, "run", "--directory", str(directory), "--backfill-rows", "500"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until_ready(directory, process)
            yield process
        finally:
            process.kill()


def wait_until_ready(directory: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 10
    while status(directory).get("pid") != process.pid:
        assert time.monotonic() < deadline, "it takes longer than ten seconds to be ready"
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)


def status(directory: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((directory / "simulator.json").read_text())
    except FileNotFoundError:
        return {}
    return content


def port_is_closed(port: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.05)
    return False


def port_of(directory: Path) -> int:
    return int(psycopg.conninfo.conninfo_to_dict(status(directory)["dsn"])["port"] or 0)


def test_a_run_takes_commands_and_ends_at_a_signal(tmp_path: Path) -> None:
    directory = tmp_path / "with space"
    at = ("--directory", str(directory))
    with running(directory) as process:
        port = port_of(directory)
        assert status(directory)["ready"] is True
        assert simulator("fault", "mta-down", "mta1", *at).stdout == "mta-down set: mta1\n"
        truth = json.loads(simulator("truth", *at).stdout)
        assert truth["processes"]["mta1"]["mta"] == 0
        assert truth["faults"] == {"mta-down": ["mta1"]}
        nlserver = [str(directory / "hosts" / "mta1" / "nlserver"), "monitor", "-missing"]
        assert "mta@prod" in subprocess.run(nlserver, capture_output=True, text=True, check=True).stdout
        assert simulator("clear", "mta-down", *at).stdout == "mta-down cleared: mta1\n"
        second = simulator("run", *at)
        assert second.returncode == 1
        assert "a simulator runs in" in second.stderr
        assert "Traceback" not in second.stderr
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 5
        assert process.stderr is not None
        log = process.stderr.read()
    assert "fault mta-down set (mta1)" in log
    assert "Traceback" not in log
    assert port_is_closed(port)
    assert simulator("truth", *at).returncode == 1


def test_after_a_kill_nothing_is_left_and_a_new_run_starts_over(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        port = port_of(tmp_path)
        simulator("fault", "configuration-broken", "mta1", "--directory", str(tmp_path))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert port_is_closed(port)
        assert simulator("faults", "--directory", str(tmp_path)).returncode == 1
    with running(tmp_path) as process:
        assert "SET" not in simulator("faults", "--directory", str(tmp_path)).stdout
        assert (tmp_path / "hosts" / "mta1" / "config-prod.xml").read_text().endswith("</serverconf>\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_a_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = simulator("run", "--directory", str(tmp_path / "file" / "below"))
    assert result.returncode == 1
    assert result.stderr.startswith("campaign-simulator: ")
    assert result.stderr.count("\n") == 1


def test_without_postgresql_the_mend_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SIMULATOR_PG_BIN", str(tmp_path))
    result = simulator("run", "--directory", str(tmp_path / "data"))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("holds no initdb: name PostgreSQL's bin directory")
    assert "Traceback" not in result.stderr
