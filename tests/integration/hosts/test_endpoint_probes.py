"""Endpoints: real HTTP servers on loopback, well and ill."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from campaign_exporter.domain.answers import EventQueue
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
from campaign_exporter.sources.endpoints import MAXIMAL_BYTES, Answer, EndpointProbe, Kind
from integration.hosts.sites import Behaviour, answer, raw, serving

REDIR = b"<redir status='OK' date='2021-08-27 08:02:07.963-07' build='9236' host='t' localHost='t'/>"
PING = b"OK\n2021-08-27 15:43:48.862Z\n"
TOKEN = "___hunter2"  # what a test's token looks like
TIMEOUT = 5.0


def ping(url: str, *, kind: Kind = "ping") -> EndpointProbe:
    return EndpointProbe(kind, url, session_token=lambda: TOKEN)


def checked(probe: EndpointProbe, timeout: float) -> Answer:
    """Give the good answer, or raise what was wrong with it."""
    look = probe.look(timeout)
    if look.answer is None:
        assert look.error is not None
        raise look.error
    return look.answer


@pytest.mark.parametrize(
    ("kind", "body", "build"), [("redirection", REDIR, "9236"), ("ping", PING, None), ("resource", b"x", None)]
)
def test_a_good_answer_is_timed(kind: Kind, body: bytes, build: str | None) -> None:
    with serving(answer(body)) as site:
        found = checked(EndpointProbe(kind, site.url), TIMEOUT)
    assert found.build == build
    assert 0 < found.duration_seconds < TIMEOUT


@pytest.mark.parametrize(
    ("kind", "behaviour", "error"),
    [
        ("resource", answer(b""), BadAnswer),
        ("ping", answer(b""), BadAnswer),
        ("ping", answer(b"OK"), BadAnswer),
        ("ping", answer(b"Error\nThe queue is full (7/400)"), BadAnswer),
        ("redirection", answer(b""), Unreadable),
        ("redirection", answer(b"<html>"), Unreadable),
        ("redirection", answer(b"<redir status='KO'/>"), BadAnswer),
        ("redirection", answer(REDIR, 500), BadAnswer),
        ("resource", answer(b"x", 404), BadAnswer),
        ("resource", answer(b"x", 204), BadAnswer),
        ("resource", answer(b"", 304), BadAnswer),
        ("ping", answer(b"", 401), AuthenticationFailed),
        ("ping", answer(b"", 403), AuthenticationFailed),
        ("resource", answer(b"", 302), BadAnswer),  # no Location: back to itself
        ("resource", answer(b"", 302, Location="ftp://x/"), BadAnswer),
        ("resource", answer(b"", 302, Location="file:///etc/passwd"), BadAnswer),
        ("resource", answer(b"", 302, Location="http://[/"), BadAnswer),
        ("resource", answer(b"", 302, Location="http://:80:80/"), BadAnswer),
        ("resource", answer(b"", 302, Location="/again"), BadAnswer),
        ("resource", raw(b"SSH-2.0-OpenSSH_9.6\r\n"), ConnectFailed),
        ("resource", raw(), ConnectFailed),
        ("resource", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), ConnectFailed),
        ("resource", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha"), ConnectFailed),
        ("resource", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ConnectFailed),
        ("resource", raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 200, b"\r\nx"), ConnectFailed),
        ("resource", answer(b"x" * (MAXIMAL_BYTES + 1)), BadAnswer),
        ("resource", raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65536] * 64), BadAnswer),
    ],
)
def test_anything_else_is_an_error_with_a_meaning(kind: Kind, behaviour: Behaviour, error: type[SourceError]) -> None:
    with serving(behaviour) as site:
        with pytest.raises(SourceError) as caught:
            checked(EndpointProbe(kind, f"{site.url}/path?secret=hunter2#hunter2"), TIMEOUT)
        assert type(caught.value) is error
        assert f"{site.url}/path" in str(caught.value)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "status", "up", "queue"),
    [
        (PING + b"7/400 pending events\n", 200, True, EventQueue(7, 400)),
        (b"Error\nThe queue is full (400/400)\n", 200, False, EventQueue(400, 400)),
        (PING, 200, True, None),
        (PING + b"some pending events\n", 200, True, None),
        (PING + b"7/400 pending events\n", 500, False, None),
    ],
)
def test_message_centers_queue_is_seen_also_when_it_is_full(
    body: bytes,
    status: int,
    up: bool,  # noqa: FBT001 - a table
    queue: EventQueue | None,
) -> None:
    with serving(answer(body, status)) as site:
        look = ping(f"{site.url}/nl/jsp/mcPing.jsp").look(TIMEOUT)
    assert (look.error is None, look.status, look.queue) == (up, status, queue)


def test_the_largest_answer_allowed_is_read() -> None:
    with serving(answer(b"x" * MAXIMAL_BYTES)) as site:
        assert checked(EndpointProbe("resource", site.url), TIMEOUT).build is None


def test_a_packed_answer_is_not_unpacked() -> None:
    with serving(answer(b"\x1f\x8b\x08\x00", Content_Encoding="gzip")) as site:
        checked(EndpointProbe("resource", site.url), TIMEOUT)
        with pytest.raises(Unreadable):
            checked(EndpointProbe("redirection", site.url), TIMEOUT)


@pytest.mark.parametrize(
    "behaviour",
    [
        lambda _: time.sleep(5.0),
        raw(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 100, pause=0.05),
        raw(*[bytes((each,)) for each in b"HTTP/1.1 200 OK" + b" and on" * 12], pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.05),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 100, pause=0.05),
    ],
)
def test_a_slow_drip_ends_at_the_deadline(behaviour: Behaviour) -> None:
    with serving(behaviour) as site:
        start = time.monotonic()
        with pytest.raises(TimedOut, match=r"no whole answer within 0.3 s"):
            checked(EndpointProbe("resource", site.url), 0.3)
        assert time.monotonic() - start < 2.5


def test_redirects_share_one_deadline() -> None:
    def behave(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.15)
        answer(b"", 302, Location="/next")(request)

    with serving(behave) as site:
        start = time.monotonic()
        with pytest.raises(TimedOut):
            checked(EndpointProbe("resource", site.url), 0.3)
        assert time.monotonic() - start < 2.5


def test_a_handshake_that_drips_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        with pytest.raises(TimedOut):
            checked(EndpointProbe("resource", f"https://127.0.0.1:{listener.getsockname()[1]}/"), 0.3)
        assert time.monotonic() - start < 2.5


def test_three_redirects_are_followed_and_four_are_not() -> None:
    def behave(request: BaseHTTPRequestHandler) -> None:
        left = int(request.path.strip("/"))
        (answer(b"there") if left == 0 else answer(b"", 307, Location=f"/{left - 1}"))(request)

    with serving(behave) as site:
        checked(EndpointProbe("resource", f"{site.url}/3"), TIMEOUT)
        site.seen.clear()
        with pytest.raises(BadAnswer, match="redirects more than 3 times"):
            checked(EndpointProbe("resource", f"{site.url}/4"), TIMEOUT)
        assert len(site.seen) == 4


def test_the_token_travels_as_a_cookie_and_never_in_the_address() -> None:
    with serving(answer(PING)) as site:
        checked(ping(f"{site.url}/nl/jsp/ping.jsp"), TIMEOUT)
        assert site.seen == [("/nl/jsp/ping.jsp", f"__sessiontoken={TOKEN}")]


def test_the_token_is_asked_anew_each_time() -> None:
    tokens = iter(["one\n", "two"])
    with serving(answer(PING)) as site:
        probe = EndpointProbe("ping", site.url, session_token=lambda: next(tokens))
        checked(probe, TIMEOUT)
        checked(probe, TIMEOUT)
        assert site.cookies() == ["__sessiontoken=one", "__sessiontoken=two"]


@pytest.mark.parametrize("token", ["", " \n", "a;b", "a\r\nX: y", 'a"b', "a b", "é"])
def test_a_token_that_is_none_is_not_sent(token: str) -> None:
    with serving(answer(PING)) as site:
        with pytest.raises(Unreadable) as caught:
            checked(EndpointProbe("ping", site.url, session_token=lambda: token), TIMEOUT)
        assert site.seen == []
    assert "a;b" not in str(caught.value)


def test_what_hides_the_token_is_passed_on() -> None:
    def gone() -> str:
        raise Missing("token file is not there")

    with pytest.raises(Missing, match="token file"):
        checked(EndpointProbe("ping", "http://127.0.0.1:1/", session_token=gone), TIMEOUT)


def test_the_token_follows_on_the_same_host_only() -> None:
    with serving(answer(PING), host="127.0.0.2") as other:

        def behave(request: BaseHTTPRequestHandler) -> None:
            (answer(b"", 302, Location="/here") if request.path == "/" else answer(b"", 302, Location=other.url))(request)

        with serving(behave) as site:
            checked(ping(site.url + "/"), TIMEOUT)
            assert site.cookies() == [f"__sessiontoken={TOKEN}"] * 2
        assert other.cookies() == [None]


def test_the_token_does_not_go_to_another_port() -> None:
    with serving(answer(PING)) as other, serving(answer(b"", 301, Location=other.url)) as site:
        checked(ping(site.url), TIMEOUT)
        assert other.cookies() == [None]


def test_the_token_does_not_go_from_https_to_http(certificate: Path) -> None:
    with serving(answer(PING)) as plain, serving(answer(b"", 302, Location=plain.url), certificate=certificate) as site:
        checked(EndpointProbe("ping", site.url, session_token=lambda: TOKEN, ca_file=certificate), TIMEOUT)
        assert site.cookies() == [f"__sessiontoken={TOKEN}"]
        assert plain.cookies() == [None]


def test_an_answer_that_repeats_the_token_does_not_betray_it() -> None:
    with serving(answer(f"Error\nno session {TOKEN}".encode())) as site, pytest.raises(BadAnswer) as caught:
        checked(ping(site.url), TIMEOUT)
    assert "no session (token)" in str(caught.value)


def test_a_user_and_password_in_the_address_stay_out_of_messages() -> None:
    with serving(answer(b"", 500)) as site, pytest.raises(BadAnswer) as caught:
        checked(EndpointProbe("resource", site.url.replace("://", "://user:hunter2@")), TIMEOUT)
    assert "hunter2" not in str(caught.value)


def test_nobody_there_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match="Connection refused"):
        checked(EndpointProbe("resource", f"http://127.0.0.1:{port}/?hunter2"), TIMEOUT)


def test_a_name_that_is_unknown_is_a_failed_connection() -> None:
    with pytest.raises(SourceError) as caught:
        checked(EndpointProbe("resource", "http://no-such-host.invalid/?hunter2"), TIMEOUT)
    assert isinstance(caught.value, ConnectFailed | TimedOut)
    assert "hunter2" not in str(caught.value)


def test_a_certificate_is_checked(certificate: Path) -> None:
    with serving(answer(b"x"), certificate=certificate) as site:
        checked(EndpointProbe("resource", site.url, ca_file=certificate), TIMEOUT)
        with pytest.raises(TlsFailed, match=r"certificate is not to be trusted: self.signed certificate"):
            checked(EndpointProbe("resource", site.url), TIMEOUT)
        with pytest.raises(TlsFailed, match=r"not valid for|doesn't match|mismatch"):
            checked(EndpointProbe("resource", site.url.replace("127.0.0.1", "localhost"), ca_file=certificate), TIMEOUT)


def test_plain_http_behind_https_is_a_tls_failure() -> None:
    with serving(answer(b"x")) as site, pytest.raises(TlsFailed, match="the TLS handshake failed"):
        checked(EndpointProbe("resource", site.url.replace("http:", "https:")), TIMEOUT)


def test_a_ca_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"ca.pem is not there"):
        checked(EndpointProbe("resource", "https://127.0.0.1:1/", ca_file=tmp_path / "ca.pem"), TIMEOUT)


def test_a_ca_file_that_is_none_is_a_tls_failure(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SourceError) as caught:
        checked(EndpointProbe("resource", "https://127.0.0.1:1/", ca_file=tmp_path / "ca.pem"), TIMEOUT)
    assert isinstance(caught.value, TlsFailed | ConnectFailed)


def test_the_environments_proxy_is_used_but_for_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer(b"x")) as proxy, serving(answer(b"x")) as site:
        monkeypatch.setenv("http_proxy", proxy.url)
        checked(EndpointProbe("resource", "http://campaign.invalid/r/test"), TIMEOUT)
        assert proxy.seen == [("http://campaign.invalid/r/test", None)]
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        checked(EndpointProbe("resource", site.url), TIMEOUT)
        assert len(proxy.seen) == len(site.seen) == 1


def test_a_proxy_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(ConnectFailed, match="the proxy of the environment fails"):
        checked(EndpointProbe("resource", "http://campaign.invalid/"), TIMEOUT)


def test_passwords_of_netrc_are_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent: list[str | None] = []

    def behave(request: BaseHTTPRequestHandler) -> None:
        sent.append(request.headers.get("Authorization"))
        answer(b"x")(request)

    with serving(behave) as site:
        checked(EndpointProbe("resource", site.url), TIMEOUT)
    assert sent == [None]


def test_nothing_is_left_open() -> None:
    with serving(answer(b"x")) as site:
        for _ in range(20):
            checked(EndpointProbe("resource", site.url), TIMEOUT)
        time.sleep(0.05)  # the server's own sides close
        open_before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(20):
            checked(EndpointProbe("resource", site.url), TIMEOUT)
        time.sleep(0.05)
        assert len(list(Path("/proc/self/fd").iterdir())) <= open_before
        assert not [each for each in threading.enumerate() if isinstance(each, threading.Timer)]
