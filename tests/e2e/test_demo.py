"""The demo, as somebody sees it who has just cloned the project."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import requests

from integration.core.exporter_process import wait_until

_COMMAND = str(Path(sys.executable).parent / "campaign-exporter")


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A place for the demo's files that the simulated database's user can enter."""
    with tempfile.TemporaryDirectory(prefix="demo-test-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def _demo(scratch: Path, address: str, *words: str) -> subprocess.Popen[str]:
    environment = os.environ | {"TMPDIR": str(scratch), "COLUMNS": "120"}
    command = [_COMMAND, "demo", "--web.listen-address", address, *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _left_behind(scratch: Path) -> list[str]:
    """Processes that still work in the demo's directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(scratch) in words:
            found.append(words)
    return found


def test_it_tells_its_story_and_ends_after_its_duration(scratch: Path) -> None:
    address = _free_address()
    output, errors = _demo(scratch, address, "--duration", "20s").communicate(timeout=90)
    assert errors == ""
    assert f"http://{address}/metrics" in output
    assert 'campaign_deliveries_pending{cause="scheduled"} 1' in output
    assert "messages/h" in output
    assert "Alerts      http://127.0.0.1:" in output
    assert "\x1b" not in output, "no colours where there is no terminal"
    assert _left_behind(scratch) == []
    assert list(scratch.iterdir()) == []


def test_its_prometheus_has_the_rules_and_its_alertmanager_the_alerts(scratch: Path) -> None:
    process = _demo(scratch, _free_address())
    assert process.stdout is not None
    told = dict(
        re.findall(r"(Prometheus|Alerts) +(http\S+)", "".join(takewhile(lambda line: "Ask it" not in line, process.stdout)))
    )
    try:
        groups = wait_until(lambda: requests.get(f"{told['Prometheus']}/api/v1/rules", timeout=5).json()["data"]["groups"], 30)
        alerts = wait_until(lambda: requests.get(f"{told['Alerts']}/api/v2/alerts", timeout=5).json(), 90)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert "campaign-deliveries" in {group["name"] for group in groups}
    assert [alert["labels"]["alertname"] for alert in alerts] == ["CampaignWatchdog"]


def test_it_can_be_interrupted_and_leaves_nothing_behind(scratch: Path) -> None:
    process = _demo(scratch, _free_address())
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("/metrics" in line for line in lines)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert output.endswith("ended\n")
    assert _left_behind(scratch) == []
    assert list(scratch.iterdir()) == []


def test_a_port_that_is_taken_is_one_clear_line(scratch: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = _demo(scratch, address, "--duration", "20s")
        output, _ = process.communicate(timeout=90)
    assert process.returncode == 1
    assert f"cannot listen on {address}: Address already in use" in output


def test_a_duration_that_is_none_is_one_clear_line(scratch: Path) -> None:
    process = _demo(scratch, _free_address(), "--duration", "soon")
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (2, "--duration soon: must be a duration such as 15s, 1m30s or 2d\n")
