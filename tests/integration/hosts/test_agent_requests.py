"""Asking an agent: real servers that give what a real agent exposes, well and ill."""

import base64
import gzip
import json
import socket
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from campaign_exporter import config
from campaign_exporter.config import load_config
from campaign_exporter.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectFailed,
    Missing,
    SourceError,
    TimedOut,
    TlsFailed,
    Unreadable,
)
from campaign_exporter.rounds import SystemClock
from campaign_exporter.sampling import sample_once
from campaign_exporter.sources.agents import MAXIMAL_BYTES, Agent
from integration.core.exporter_process import LISTING
from integration.hosts.sites import Behaviour, answer, raw, self_signed, serving

TIMEOUT = 10.0  # half of it is for the exchange


@pytest.fixture
def exposition(tmp_path: Path) -> bytes:
    """Take what an agent exposes after its first rounds."""
    (tmp_path / "pdump.txt").write_text(LISTING)
    host = {"name": "mta1", "expected_processes": ["mta"], "processes": {"file": "pdump.txt"}, "directories": {"var": "."}}
    file = tmp_path / "agent.yml"
    file.write_text(json.dumps({"instances": [{"name": "prod", "hosts": [host]}]}))
    body, failures = sample_once(load_config(file), SystemClock())
    assert failures == []
    return body


def agent(url: str, **settings: object) -> Agent:
    return Agent(config.Agent.model_validate({"url": url, **settings}), "prod")


def is_up(found: Agent, timeout: float = TIMEOUT) -> bool:
    """Ask, and tell whether the mta is said to run."""
    processes = found.read(timeout).host("mta1").processes.value
    return processes is not None and processes.up == {"mta": True}


def packed(body: bytes, *, cut: int = 0, coding: str = "gzip") -> Behaviour:
    content = gzip.compress(body)
    return answer(content[: len(content) - cut], Content_Encoding=coding)


def test_plain_and_packed_answers_are_read(exposition: bytes) -> None:
    for behaviour in (answer(exposition), packed(exposition), packed(exposition, coding="x-gzip")):
        with serving(behaviour) as site:
            assert is_up(agent(site.url))
            assert site.seen == [("/metrics", None)]


def test_gzip_is_asked_for_and_nothing_in_between_may_keep_it(exposition: bytes) -> None:
    asked: list[tuple[str | None, ...]] = []

    def behave(request: BaseHTTPRequestHandler) -> None:
        asked.append(tuple(request.headers.get(name) for name in ("Accept-Encoding", "Cache-Control", "Authorization")))
        answer(exposition)(request)

    with serving(behave) as site:
        is_up(agent(site.url))
    assert asked == [("gzip", "no-cache", None)]


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (answer(b"", 401), AuthenticationFailed),
        (answer(b"", 403), AuthenticationFailed),
        (answer(b"", 404), BadAnswer),
        (answer(b"", 500), BadAnswer),
        (answer(b"", 302, Location="/login"), BadAnswer),
        (answer(b"", 308, Location="https://127.0.0.1:1/metrics"), BadAnswer),
        (answer(b""), Unreadable),
        (answer(b"<html></html>\n"), Unreadable),
        (answer(b"\xff\n"), Unreadable),
        (answer(b"up 1\n"), Unreadable),
        (answer(b"x", Content_Encoding="br"), Unreadable),
        (answer(b"not packed", Content_Encoding="gzip"), Unreadable),
        (answer(b"x" * (MAXIMAL_BYTES + 1)), BadAnswer),
        (raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 100), BadAnswer),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), ConnectFailed),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), ConnectFailed),
        (raw(), ConnectFailed),
    ],
)
def test_anything_else_is_an_error_with_a_meaning(behaviour: Behaviour, error: type[SourceError], tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    with serving(behaviour) as site:
        with pytest.raises(SourceError) as caught:
            agent(f"{site.url}/?hunter2", username="central", password_file=tmp_path / "password").read(TIMEOUT)
        assert type(caught.value) is error
        assert f"{site.url}/metrics" in str(caught.value)
        assert "hunter2" not in str(caught.value)
        assert len(site.seen) == 1  # a redirect is not followed


def test_a_packed_answer_that_is_cut_off_or_goes_on_is_not_taken(exposition: bytes) -> None:
    for behaviour in (packed(exposition, cut=1), answer(gzip.compress(exposition) + b"x", Content_Encoding="gzip")):
        with serving(behaviour) as site, pytest.raises(Unreadable, match="the answer is cut off, or goes on"):
            agent(site.url).read(TIMEOUT)


def test_a_packed_answer_is_unpacked_within_the_bound() -> None:
    bomb = gzip.compress(b"x" * (64 << 20))
    with serving(answer(bomb, Content_Encoding="gzip")) as site:
        tracemalloc.start()
        with pytest.raises(Unreadable, match=f"unpacks to more than {MAXIMAL_BYTES} bytes"):
            agent(site.url).read(TIMEOUT)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAXIMAL_BYTES
        tracemalloc.stop()


def test_a_redirect_is_not_followed_but_told(exposition: bytes) -> None:
    with serving(answer(exposition)) as other, serving(answer(b"", 302, Location=f"{other.url}/metrics")) as site:
        with pytest.raises(BadAnswer, match="redirects: name the address that it leads to"):
            agent(site.url).read(TIMEOUT)
        assert other.seen == []


@pytest.mark.parametrize("date", [b"", b"Date: yesterday\r\n", b"Date: Mon, 99 Nov 2026 08:00:00 GMT\r\n"])
def test_without_the_agents_clock_nothing_is_believed(exposition: bytes, date: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + date + f"Content-Length: {len(exposition)}\r\n\r\n".encode()
    with serving(raw(head, exposition)) as site, pytest.raises(Unreadable, match="has no Date"):
        agent(site.url).read(TIMEOUT)


def test_ages_are_those_of_the_agents_clock(exposition: bytes) -> None:
    def dated(date: str) -> Behaviour:
        head = f"HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {len(exposition)}\r\n\r\n"
        return raw(head.encode(), exposition)

    with serving(dated("Mon, 01 Jan 2024 00:00:00 GMT")) as site:
        told = agent(site.url).read(TIMEOUT).host("mta1").processes
    assert (told.value, told.error and told.error.reason) == (None, "stale")


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda request: request.rfile.read(1),  # until we go away
        raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.05),
    ],
)
def test_an_agent_that_trickles_ends_at_the_deadline(behaviour: Behaviour) -> None:
    with serving(behaviour) as site:
        start = time.monotonic()
        with pytest.raises(TimedOut, match=r"no whole answer within 0.3 s"):
            agent(site.url).read(0.6)
        assert time.monotonic() - start < 2.5


def test_nobody_there_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match="Connection refused"):
        agent(f"http://127.0.0.1:{port}").read(TIMEOUT)


def guarded(exposition: bytes, *passwords: str) -> Behaviour:
    """Let in who has the user central's password, one after the other."""
    expected = iter([f"Basic {base64.b64encode(f'central:{password}'.encode()).decode()}" for password in passwords])

    def behave(request: BaseHTTPRequestHandler) -> None:
        good = request.headers.get("Authorization") == next(expected)
        answer(exposition if good else b"", 200 if good else 401)(request)

    return behave


def test_the_password_is_read_anew_each_time(exposition: bytes, tmp_path: Path) -> None:
    file = tmp_path / "password"
    with serving(guarded(exposition, "hunter2", "pâss:word ", "other")) as site:
        found = agent(site.url, username="central", password_file=file)
        with pytest.raises(Missing, match="password is not there"):
            found.read(TIMEOUT)
        file.write_text("hunter2\n")
        assert is_up(found)
        file.write_text("pâss:word \r\n")
        assert is_up(found)
        with pytest.raises(AuthenticationFailed):
            found.read(TIMEOUT)
        file.write_bytes(b"\xff")
        with pytest.raises(Unreadable, match="password is not UTF-8"):
            found.read(TIMEOUT)


def test_a_certificate_is_checked(exposition: bytes, certificate: Path, tmp_path: Path) -> None:
    other = self_signed(tmp_path, "other")
    with serving(answer(exposition), certificate=certificate) as site:
        assert is_up(agent(site.url, ca_file=certificate))
        for trust in ({}, {"ca_file": other}):
            with pytest.raises(TlsFailed, match="certificate is not to be trusted"):
                agent(site.url, **trust).read(TIMEOUT)
        with pytest.raises(TlsFailed, match="not valid for"):
            agent(site.url.replace("127.0.0.1", "localhost"), ca_file=certificate).read(TIMEOUT)
        assert len(site.seen) == 1


def test_a_client_certificate_is_shown(exposition: bytes, certificate: Path, tmp_path: Path) -> None:
    ours, other = self_signed(tmp_path, "ours"), self_signed(tmp_path, "other")
    with serving(answer(exposition), certificate=certificate, clients=ours) as site:
        assert is_up(agent(site.url, ca_file=certificate, cert_file=ours))
        apart = {"cert_file": tmp_path / "ours-crt.pem", "key_file": tmp_path / "ours-key.pem"}
        assert is_up(agent(site.url, ca_file=certificate, **apart))
        strange: tuple[dict[str, Path], ...] = (
            {},
            {"cert_file": other},
            {"cert_file": ours, "key_file": tmp_path / "other-key.pem"},
        )
        for stranger in strange:
            with pytest.raises(SourceError) as caught:
                agent(site.url, ca_file=certificate, **stranger).read(TIMEOUT)
            # The server may hang up before we have read why.
            assert caught.value.reason in {"tls", "connect"}
            assert "the connection broke" not in str(caught.value)
        assert len(site.seen) == 2


def test_a_key_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    both = self_signed(tmp_path, "ours")
    crt, key = tmp_path / "ours-crt.pem", tmp_path / "ours-key.pem"
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-in", key, "-out", locked, "-passout", "pass:x"], check=True, capture_output=True
    )
    for settings, named in (
        ({"cert_file": crt}, crt),
        ({"cert_file": crt, "key_file": crt}, crt),
        ({"cert_file": crt, "key_file": locked}, locked),
    ):
        with pytest.raises(Unreadable, match=f"{named.name} holds no private key, or one with a pass phrase"):
            agent("https://127.0.0.1:1", **settings).read(TIMEOUT)
    with pytest.raises(Missing, match=r"none.pem is not there"):
        agent("https://127.0.0.1:1", cert_file=tmp_path / "none.pem", key_file=both).read(TIMEOUT)
    with pytest.raises(Missing, match=r"none.pem is not there"):
        agent("https://127.0.0.1:1", ca_file=tmp_path / "none.pem").read(TIMEOUT)


def test_secrets_do_not_pass_through_the_environments_proxy(exposition: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer(b"", 500)) as proxy, serving(answer(exposition)) as site:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert is_up(agent(site.url))
        assert proxy.seen == []


@pytest.fixture
def open_files() -> Iterator[None]:
    """See that nothing is left open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    yield
    time.sleep(0.05)  # the server's own sides close
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]


@pytest.mark.usefixtures("open_files")
def test_nothing_is_left_open(exposition: bytes, certificate: Path) -> None:
    with serving(answer(exposition), certificate=certificate) as site:
        for _ in range(20):
            assert is_up(agent(site.url, ca_file=certificate))
