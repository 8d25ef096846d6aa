"""TLS as the web configuration wants it: who gets a connection, and which."""

import re
import socket
import ssl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from campaign_exporter.web import tls
from campaign_exporter.web.tls import Refusals
from integration.core.exporter_process import wait_until
from integration.web.authority import Authority
from integration.web.secured import CERTIFICATES, CLIENTS, Secured, Within, serving


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("handshakes")
    authority = Authority(directory)
    authority.issue("server", "localhost")
    authority.issue("client", "central.example", "10.1.2.3", "2001:db8::1", "sre@central.example")
    authority.issue("late", "central.example", expired=True)
    stranger = Authority(directory, "strangers")
    stranger.issue("stranger", "central.example")
    return directory


def ask(served: Secured, context: ssl.SSLContext) -> ssl.SSLSocket:
    """Ask for the metrics over a raw connection; give it back when the answer has begun."""
    connection = context.wrap_socket(socket.create_connection(("127.0.0.1", served.port), 10), server_hostname="localhost")
    try:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        if connection.recv(15) != b"HTTP/1.1 200 OK":
            raise ConnectionResetError("the connection ended")
    except OSError:
        connection.close()
        raise
    return connection


def refusal(served: Secured, context: ssl.SSLContext) -> str:
    try:
        ask(served, context).close()
    except ssl.SSLError as error:
        return error.reason or "ended"
    except ConnectionError:
        return "ended"
    return ""


def refused(served: Secured, context: ssl.SSLContext) -> bool:
    return bool(refusal(served, context))


def test_tls_answers_as_plain_http_does(directory: Path) -> None:
    with serving(directory, CERTIFICATES) as served:
        reply = served.get()
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert served.get("/nowhere").status_code == 404
        assert served.get("/-/reload", "POST").text == "reloaded\n"
        with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
            served.get(verify=True)
        with closing(ask(served, served.context())) as connection:
            assert connection.version() == "TLSv1.3"


def test_an_idle_client_does_not_hold_up_the_end(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    with requests.Session() as session:
        with serving(directory, CERTIFICATES) as served:
            reply = session.get(f"https://localhost:{served.port}/metrics", verify=str(directory / "ca.pem"), timeout=10)
            assert reply.text.startswith("campaign_up 1\n")
            began = time.monotonic()
        assert time.monotonic() - began < 1
    assert caplog.text == ""


def test_http_2_is_not_spoken(directory: Path) -> None:
    with serving(directory, CERTIFICATES + "http_server_config: {http2: true}\n") as served:
        context = served.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with closing(ask(served, context)) as connection:
            assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.fixture(scope="module", params=["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"])
def asking(request: pytest.FixtureRequest, directory: Path) -> Iterator[tuple[str, Within]]:
    kind = request.param
    clients = "" if kind == "NoClientCert" else "  client_ca_file: ca.pem\n"
    with serving(directory, f"{CERTIFICATES}  client_auth_type: {kind}\n{clients}") as served:
        yield kind, served


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("client", "alerts"),
    [
        (None, {"RequireAndVerifyClientCert": "CERTIFICATE_REQUIRED HANDSHAKE_FAILURE"}),
        ("client", {}),
        ("stranger", {"VerifyClientCertIfGiven": "UNKNOWN_CA", "RequireAndVerifyClientCert": "UNKNOWN_CA"}),
        ("late", {"VerifyClientCertIfGiven": "CERTIFICATE_EXPIRED", "RequireAndVerifyClientCert": "CERTIFICATE_EXPIRED"}),
    ],
)
def test_which_client_is_let_in_and_what_the_others_are_told(
    asking: tuple[str, Within], client: str | None, alerts: dict[str, str], version: str
) -> None:
    kind, served = asking
    context = served.context()
    context.maximum_version = ssl.TLSVersion[version]
    if client:
        context.load_cert_chain(*served.client(client))
    told = refusal(served, context)
    assert told.rpartition("ALERT_")[2] in alerts.get(kind, "").split() or (told, kind in alerts) == ("", False)
    wait_until(lambda: served.connections == 0)


def test_a_refused_client_is_told_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    refusals = Refusals(lambda: now[0])
    for now[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
        refusals.say("it has no certificate")
        refusals.say("another reason")
    assert [record.getMessage() for record in caplog.records] == [
        "client refused: it has no certificate",
        "client refused: another reason",
    ] * 2


def test_requests_with_a_client_certificate(directory: Path) -> None:
    with serving(directory, CERTIFICATES + CLIENTS) as served:
        assert served.get(cert=served.client("client")).status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError, match="alert certificate required"):
            served.get()
        with pytest.raises(requests.exceptions.ConnectionError, match="alert unknown ca"):
            served.get(cert=served.client("stranger"))


def test_the_client_file_may_hold_the_client_itself(directory: Path) -> None:
    """As in Go: what stands in the file is trusted, whoever issued it."""
    with serving(directory, CERTIFICATES + CLIENTS.replace("ca.pem", "stranger.pem")) as served:
        assert served.get(cert=served.client("stranger")).status_code == 200
        with pytest.raises(requests.exceptions.ConnectionError):
            served.get(cert=served.client("client"))


@pytest.mark.parametrize("name", ["central.example", "10.1.2.3", "2001:db8::1", "sre@central.example"])
def test_a_client_with_a_name_that_is_let_in(directory: Path, name: str) -> None:
    with serving(directory, f"{CERTIFICATES}{CLIENTS}  client_allowed_sans: [other, '{name}']\n") as served:
        assert served.get(cert=served.client("client")).status_code == 200


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_client_with_no_name_that_is_let_in(
    directory: Path, version: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "[localhost, central, central.example.org, '*.example', CENTRAL.EXAMPLE]"
    with serving(directory, f"{CERTIFICATES}{CLIENTS}  client_allowed_sans: {names}\n") as served:
        context = served.context()
        context.maximum_version = ssl.TLSVersion[version]
        context.load_cert_chain(*served.client("client"))
        monkeypatch.setattr(tls, "_REFUSALS", Refusals(time.monotonic))
        assert all(refused(served, context) for _ in range(5))
        wait_until(lambda: served.connections == 0)
    [said] = [record.getMessage() for record in caplog.records]
    assert said == "client refused: its certificate is good, and has none of the names in client_allowed_sans"


def test_a_session_that_is_taken_up_again_shows_its_certificate_again(directory: Path) -> None:
    with serving(directory, CERTIFICATES + CLIENTS + "  client_allowed_sans: [central.example]\n") as served:
        context = served.context()
        context.load_cert_chain(*served.client("client"))
        with closing(ask(served, context)) as first:
            session = first.session
        again = context.wrap_socket(
            socket.create_connection(("127.0.0.1", served.port), 10), server_hostname="localhost", session=session
        )
        with closing(again):
            again.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert again.recv(15) == b"HTTP/1.1 200 OK"
            assert again.session_reused


def client_of(version: ssl.TLSVersion, served: Secured) -> ssl.SSLContext:
    context = served.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    return context


VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


@pytest.mark.parametrize(
    ("keys", "served_versions"),
    [
        ("", {"TLS12", "TLS13"}),
        ("  min_version: TLS13\n", {"TLS13"}),
        ("  max_version: TLS12\n", {"TLS12"}),
        ("  min_version: TLS12\n  max_version: TLS12\n", {"TLS12"}),
        ("  min_version: TLS10\n", {"TLS10", "TLS11", "TLS12", "TLS13"}),
        ("  min_version: TLS11\n  max_version: TLS11\n", {"TLS11"}),
        ("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n", {"TLS13"}),
    ],
)
def test_which_versions_are_spoken(directory: Path, keys: str, served_versions: set[str]) -> None:
    with serving(directory, CERTIFICATES + keys) as served:
        assert {
            name for name, version in VERSIONS.items() if not refused(served, client_of(version, served))
        } == served_versions


def negotiated(served: Secured, change: Callable[[ssl.SSLContext], object]) -> str:
    context = served.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    change(context)
    with closing(ask(served, context)) as connection:
        cipher = connection.cipher()
        assert cipher
        return cipher[0]


def test_which_cipher_suites_are_spoken(directory: Path) -> None:
    suites = "[TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]"
    other_order = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    with serving(directory, f"{CERTIFICATES}  cipher_suites: {suites}\n") as served:
        assert negotiated(served, lambda context: context.set_ciphers(other_order)) == "ECDHE-ECDSA-AES256-GCM-SHA384"
        with pytest.raises(ssl.SSLError):
            negotiated(served, lambda context: context.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305"))
    with serving(directory, f"{CERTIFICATES}  cipher_suites: {suites}\n  prefer_server_cipher_suites: false\n") as served:
        assert negotiated(served, lambda context: context.set_ciphers(other_order)) == "ECDHE-ECDSA-AES128-GCM-SHA256"


@pytest.mark.parametrize("curve", ["X25519", "CurveP256", "CurveP384", "CurveP521"])
def test_which_curve_is_spoken(directory: Path, curve: str) -> None:
    known_as = {"X25519": "X25519", "CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
    with serving(directory, f"{CERTIFICATES}  curve_preferences: [{curve}]\n") as served:
        for other, its_name in known_as.items():
            context = served.context()
            context.set_ecdh_curve(its_name)
            assert refused(served, context) == (other != curve)


def test_headers_stand_on_every_answer(directory: Path) -> None:
    headers = {
        "Content-Security-Policy": "default-src 'none'",
        "X-Frame-Options": "deny",
        "X-Content-Type-Options": "nosniff",
        "X-XSS-Protection": "1; mode=block",
        "Strict-Transport-Security": "max-age=31536000",
    }
    lines = "".join(f'    {name}: "{value}"\n' for name, value in headers.items())
    with serving(directory, f"{CERTIFICATES}http_server_config:\n  headers:\n{lines}") as served:
        for path in ("/", "/metrics", "/nowhere", "/-/ready"):
            found = served.get(path).headers
            assert {name: found[name] for name in headers} == headers
            assert re.fullmatch("[0-9]+", found["content-length"])
