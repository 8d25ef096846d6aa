"""What wears an exporter out: many reloads, and clients that hold on to what they were given."""

import os
import socket
import time
from pathlib import Path

import pytest

from campaign_exporter.snapshot import Snapshot
from campaign_exporter.web import server as web
from campaign_exporter.web.application import Application
from campaign_exporter.web.server import WebServer, listen
from integration.core.exporter_process import LISTING, Exporter, exporter, wait_until

CONFIGURATION = """
instances:
  - name: prod
    hosts: [{name: mta1, expected_processes: [mta], processes: {file: pdump.txt, max_age: 1d}, directories: {var: .}}]
  - name: NAME
    database: {dsn: "postgresql://u@127.0.0.1:9/db"}
    hosts: [{name: mta1, expected_processes: [mta], processes: {command: [cat, pdump.txt]}}]
collectors: {processes: {interval: 1s}}
state_directory: state
"""


def _held(running: Exporter) -> tuple[int, int]:
    process = Path("/proc") / str(running.process.pid)
    return len(os.listdir(process / "task")), len(os.listdir(process / "fd"))  # noqa: PTH208 - names are enough


def test_many_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "pdump.txt").write_text(LISTING)
    file = tmp_path / "exporter.yml"
    file.write_text(CONFIGURATION)
    with exporter(file, "--web.enable-lifecycle") as running:
        running.wait_ready()
        threads, descriptors = _held(running)
        for number in range(60):
            file.write_text(CONFIGURATION.replace("NAME", f"other{number % 3}"))
            assert running.ask("/-/reload", "POST").status == 200
        wait_until(lambda: _held(running)[0] <= threads + 8 and _held(running)[1] <= descriptors + 4)
        text = running.ask().text
        assert 'campaign_instance="other2"' in text
        assert 'campaign_instance="other1"' not in text
        assert running.value("campaign_process_up", "mta1", "mta") == 1
        assert running.stop()[0] == 0
        assert "Traceback" not in running.log.read_text()


class Large:
    """An exporter with more to say than a socket's buffers take."""

    healthy = ready = True
    snapshot = Snapshot(b"# " + b"x" * 30_000_000 + b"\n", b"")

    def reload(self) -> str | None:
        return None


@pytest.mark.parametrize("request_", [b"", b"GET /metrics HTTP/1.1\r\nHos", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_client_that_stops_in_the_middle_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, request_: bytes) -> None:
    monkeypatch.setattr(web, "_REQUEST_SECONDS", 0.5)
    listener = listen("127.0.0.1:0")
    server = WebServer(Application(Large(), telemetry_path="/metrics", lifecycle=False), listener)
    server.start()
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(request_)  # and reads no answer
        wait_until(lambda: len(server._server.server_state.connections) == 1)
        wait_until(lambda: len(server._server.server_state.connections) == 0, 5)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 3
