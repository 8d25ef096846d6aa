"""The command `doctor` as a process: its exit status, its output on a terminal and elsewhere, and an end in any case."""

import json
import os
import pty
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from integration.core.exporter_process import COMMAND, LISTING, wait_until

CONF = '<serverconf><shared><mta autoStart="true" statServerAddress="localhost:7777"/></shared></serverconf>'
SECRET = "hunter2"


def configuration(directory: Path, processes: str = "{file: pdump.txt, max_age: 1d}", more: str = "") -> Path:
    (directory / "pdump.txt").write_text(LISTING)
    (directory / "serverConf.xml").write_text(CONF)
    (directory / "token").write_text(SECRET)
    (directory / "exporter.yml").write_text(f"""
instances:
  - name: prod
    hosts: [{{name: mta1, processes: {processes}, configuration: [serverConf.xml]}}]
    {more}
state_directory: state
""")
    return directory / "exporter.yml"


def doctor(file: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, "doctor", "--config.file", str(file), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env={**os.environ, **environment})
    assert SECRET not in done.stdout + done.stderr
    return done


def on_a_terminal(file: Path, **environment: str) -> str:
    """Give what a terminal is sent."""
    leader, follower = pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "COLUMNS", "FORCE_COLOR"}}
    command = [COMMAND, "doctor", "--config.file", str(file)]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env={**variables, "TERM": "xterm", **environment}
    ) as process:
        os.close(follower)
        sent = b""
        with suppress(OSError):  # the way in which Linux tells that the other side is closed
            while chunk := os.read(leader, 65536):
                sent += chunk
        os.close(leader)
        process.wait(30)
    return sent.decode()


def test_all_is_well(tmp_path: Path) -> None:
    done = doctor(configuration(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\n3 checks, 0 findings\n")
    assert not (tmp_path / "state").exists()


def test_a_finding_is_exit_status_1(tmp_path: Path) -> None:
    done = doctor(configuration(tmp_path, "{file: none.txt}"))
    assert (done.returncode, done.stderr) == (1, "")
    assert f"finding host mta1 processes: {tmp_path}/none.txt is not there why: " in " ".join(done.stdout.split())
    assert done.stdout.endswith("\nfindings\n             prod: host mta1 processes\n\n3 checks, 1 finding\n")


def test_json_is_for_machines(tmp_path: Path) -> None:
    done = doctor(configuration(tmp_path, "{file: none.txt}"), "--output", "json")
    assert (done.returncode, done.stderr) == (1, "")
    content = json.loads(done.stdout)
    assert content.keys() == {"checks", "findings"}
    assert content["findings"] == 1
    assert all(check.keys() == {"name", "instance", "subject", "result", "what", "why", "mend"} for check in content["checks"])
    assert [check["subject"] for check in content["checks"] if check["result"] == "finding"] == ["host mta1"]
    assert {check["instance"] for check in content["checks"]} == {"prod", ""}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--prometheus", f"http://central:{SECRET}@127.0.0.1"), "give --prometheus.username and --prometheus.password-file"),
        (("--prometheus", "127.0.0.1:9090"), "must be an http:// or https:// address"),
        (("--prometheus", "http://127.0.0.1", "--prometheus.username", "central"), "go together"),
        (("--prometheus.ca-file", "ca.pem"), "are for --prometheus"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    done = doctor(configuration(tmp_path), *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_everything_hangs_and_it_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        more = f"""database: {{dsn: "postgresql://u:{SECRET}@{address}/db", connect_timeout: 2s}}
    endpoints: [{{name: app, kind: ping, url: "http://{address}/?x={SECRET}", session_token_file: token}}]"""
        began = time.monotonic()
        done = doctor(configuration(tmp_path, "{command: [sleep, '60']}", more), "--prometheus", f"http://{address}")
        took = time.monotonic() - began
    assert (done.returncode, done.stderr) == (1, "")
    for name in ("connection", "host mta1 processes", "endpoint app answer"):
        assert f" prod: {name}\n" in done.stdout
    assert " prometheus: server\n" in done.stdout
    assert took < 40


def test_it_can_be_interrupted(tmp_path: Path) -> None:
    processes = f"{{command: [sh, '-c', 'touch {tmp_path}/at-work; sleep 60']}}"
    command = [COMMAND, "doctor", "--config.file", str(configuration(tmp_path, processes))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until((tmp_path / "at-work").exists)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (1, b"\nAborted!\n")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    line = f"{COMMAND} doctor --config.file {configuration(tmp_path)} | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_a_terminal_sees_colours_and_the_progress(tmp_path: Path) -> None:
    sent = on_a_terminal(configuration(tmp_path, "{command: [sleep, '1']}"))
    assert "\x1b[32mok" in sent
    assert "\x1b[1;31mfinding" in sent
    assert "prod: hosts" in sent.partition("host mta1 configuration")[0]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_it_plain(tmp_path: Path, environment: Mapping[str, str]) -> None:
    sent = on_a_terminal(configuration(tmp_path), **environment)
    assert "\x1b" not in sent
    assert "3 checks, 0 findings" in sent


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_lines_fit_the_terminal(tmp_path: Path, width: int) -> None:
    done = doctor(configuration(tmp_path, "{command: [nlserver-is-not-there]}"), COLUMNS=str(width))
    lines = done.stdout.splitlines()
    assert all(len(line) <= max(min(width, 120), 53) or len(line.split()[-1]) > 27 for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_a_name_that_cannot_be_printed_ends_nothing(tmp_path: Path) -> None:
    done = doctor(configuration(tmp_path, '{file: "n\\u00f6\\u4e2d.txt"}'), PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "n??.txt is not there" in " ".join(done.stdout.split())
