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


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory for one run after the other."""
    return tmp_path_factory.mktemp("runs") / "with space"


def missing(directory: Path) -> str:
    """Return what nlserver says is down on the first server."""
    command = [str(directory / "hosts" / "mta1" / "nlserver"), "monitor", "-missing"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


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


def test_a_run_takes_commands_and_leaves_nothing_when_it_is_killed(directory: Path) -> None:
    at = ("--directory", str(directory))
    with running(directory) as process:
        port = port_of(directory)
        assert status(directory)["ready"] is True
        assert simulator("fault", "mta-down", "mta1", *at).stdout == "mta-down set: mta1\n"
        truth = json.loads(simulator("truth", *at).stdout)
        assert truth["processes"]["mta1"]["mta"] == 0
        assert truth["faults"] == {"mta-down": ["mta1"]}
        assert "mta@prod" in missing(directory)
        assert simulator("clear", "mta-down", *at).stdout == "mta-down cleared: mta1\n"
        assert "mta@prod" not in missing(directory)
        simulator("fault", "configuration-broken", "mta1", *at)
        os.kill(process.pid, signal.SIGKILL)
    assert port_is_closed(port)
    assert simulator("faults", *at).returncode == 1


def test_a_new_run_starts_over_and_ends_at_a_signal(directory: Path) -> None:
    with running(directory) as process:
        port = port_of(directory)
        assert (directory / "hosts" / "mta1" / "config-prod.xml").read_text().endswith("</serverconf>\n")
        second = simulator("run", "--directory", str(directory))
        assert second.returncode == 1
        assert second.stderr.startswith("campaign-simulator: a simulator runs in")
        assert (directory / "campaign-exporter.yaml").exists()
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - begun < 5
        assert process.stderr is not None
        log = process.stderr.read()
    assert "ready: PostgreSQL" in log
    assert "Traceback" not in log
    assert port_is_closed(port)
    assert not (directory / "simulator.json").exists()
    assert not (directory / "campaign-exporter.yaml").exists()


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


def test_a_name_that_endpoints_cannot_listen_on_is_told(tmp_path: Path) -> None:
    done = simulator("run", "--directory", str(tmp_path), "--endpoints-host", "192.0.2.1", "--endpoints-port", "8080")
    assert done.returncode == 1
    assert done.stderr == ("campaign-simulator: endpoints: cannot listen on 192.0.2.1:8080: Cannot assign requested address\n")


def test_a_socket_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    done = simulator("run", "--directory", str(tmp_path / "files"), "--postgres-socket", str(long))
    assert done.returncode == 1
    assert done.stderr == (f"campaign-simulator: {long}: PostgreSQL made no socket there: name a directory with a short path\n")
