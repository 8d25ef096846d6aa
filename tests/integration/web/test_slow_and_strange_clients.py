"""Clients of the TLS port that are slow on purpose, or that do not speak TLS at all."""

import os
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from campaign_exporter.snapshot import Snapshot
from campaign_exporter.web import server as web
from integration.core.exporter_process import wait_until
from integration.web.authority import Authority
from integration.web.secured import CERTIFICATES, Page, Process, process, serving

ASK = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
#: The beginning of what a client of TLS says first.
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("strange")
    Authority(directory).issue("server", "localhost")
    return directory


@pytest.fixture(scope="module")
def running(directory: Path) -> Iterator[Process]:
    with process(directory, CERTIFICATES) as running:
        yield running


def descriptors(running: Process) -> int:
    return len(os.listdir(f"/proc/{running.process.pid}/fd"))  # noqa: PTH208 - names are enough


def scrape_seconds(running: Process) -> float:
    began = time.perf_counter()
    assert running.get().status_code == 200
    return time.perf_counter() - began


def test_a_crowd_that_is_silent_holds_little_and_delays_nobody(running: Process) -> None:
    before, context = descriptors(running), running.context()
    with ExitStack() as clients:
        for number in range(600):
            client = clients.enter_context(socket.create_connection(("127.0.0.1", running.port), 10))
            if number % 3:
                client.sendall([b"", HALF_A_HELLO][number % 2])
            else:  # finishes its handshake, and asks for nothing
                clients.enter_context(context.wrap_socket(client, server_hostname="localhost"))
        assert statistics.median(scrape_seconds(running) for _ in range(20)) < 0.1
        wait_until(lambda: descriptors(running) < before + 260)
    wait_until(lambda: descriptors(running) <= before + 5)


def test_who_was_heard_of_stays_and_who_was_silent_for_long_goes(running: Process) -> None:
    with ExitStack() as clients, requests.Session() as kept:

        def crowd() -> None:
            for _ in range(200):
                clients.enter_context(socket.create_connection(("127.0.0.1", running.port), 10))
            assert running.get().status_code == 200  # so all before it have been taken

        def source_port() -> int:
            with kept.get(f"https://localhost:{running.port}/", verify=str(running.directory / "ca.pem"), stream=True) as reply:
                assert reply.raw.connection
                port = int(reply.raw.connection.sock.getsockname()[1])
                assert reply.text
                return port

        first = source_port()
        for _ in range(3):
            crowd()
            assert source_port() == first  # over the same connection, though 600 came meanwhile
        crowd()
        crowd()
        assert source_port() != first  # sent away, and let in again


@pytest.mark.parametrize(
    "words", [ASK, b"\0" * 300, b"\x16\x03\x01\x00\x02\x01\x00", b"SSH-2.0-x\r\n", HALF_A_HELLO + b"\xff" * 600]
)
def test_what_is_no_tls_is_dropped_without_a_word(running: Process, words: bytes) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", running.port), 10) as client:
            client.sendall(words)
            client.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: client.recv(1000), b""))
            assert len(answer) < 10  # an alert at most
    assert running.get().status_code == 200
    assert len(running.log.read_text().splitlines()) == 1


def test_plain_http_is_dropped_at_once(running: Process) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 10) as client:
        client.sendall(ASK)
        began = time.monotonic()
        assert client.recv(1000) == b""
        assert time.monotonic() - began < 1


def test_who_breaks_off_in_the_middle_leaves_nothing(running: Process) -> None:
    before = descriptors(running)
    for number in range(60):
        raw = socket.create_connection(("127.0.0.1", running.port), 10)
        with running.context().wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(ASK * (number % 20))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: descriptors(running) <= before + 2)
    assert len(running.log.read_text().splitlines()) == 1


class Large(Page):
    """An exporter with more to say than buffers take."""

    snapshot = Snapshot(b"# " + b"x" * 30_000_000 + b"\n", b"")


@pytest.mark.parametrize("words", [b"", ASK[:20], ASK])
def test_who_stops_behind_the_handshake_is_hung_up_on(directory: Path, monkeypatch: pytest.MonkeyPatch, words: bytes) -> None:
    monkeypatch.setattr(web, "_REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(web, "_IDLE_SECONDS", 0.6)
    with serving(directory, CERTIFICATES, Large()) as served:
        raw = socket.create_connection(("127.0.0.1", served.port), 10)
        with served.context().wrap_socket(raw, server_hostname="localhost") as client:
            client.sendall(words)  # and reads no answer
            wait_until(lambda: served.connections == 1)
            wait_until(lambda: served.connections == 0, 5)
