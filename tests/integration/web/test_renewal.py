"""Certificates and users exchanged while a real exporter runs."""

import ssl
from contextlib import closing
from pathlib import Path

import pytest
import requests

from integration.core.exporter_process import wait_until
from integration.web.authority import HASH, Authority
from integration.web.secured import ALICE, CERTIFICATES, CLIENTS, Process, process
from integration.web.test_handshakes import ask

USERS = f"basic_auth_users:\n  alice: {HASH}\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path)
    authority.issue("server", "localhost")
    authority.issue("client", "central.example")
    return authority


def certificate(running: Process) -> bytes:
    """Give what a new client is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with closing(ask(running, context)) as connection:
        return connection.getpeercert(binary_form=True) or b""


def goes_on(connection: ssl.SSLSocket) -> bool:
    """Ask again over an open connection whose last answer has been read in part."""
    connection.settimeout(10)
    while b"\r\n\r\n" not in connection.recv(65536):
        pass
    connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    seen = b""
    while b"healthy\n" not in seen:
        seen += connection.recv(65536)
    return True


def test_new_connections_get_the_new_certificate_and_open_ones_go_on(authority: Authority) -> None:
    with process(authority.directory, CERTIFICATES) as running:
        old = certificate(running)
        with closing(ask(running, running.context())) as connection:
            authority.issue("server", "localhost")
            wait_until(lambda: certificate(running) != old, 5)
            assert goes_on(connection)
        assert "web configuration read again" in running.log.read_text()


def test_users_and_headers_are_exchanged(authority: Authority) -> None:
    with process(authority.directory, CERTIFICATES + USERS) as running:
        assert running.get(auth=ALICE).status_code == 200
        running.file.write_text(
            CERTIFICATES + USERS.replace("alice", "bob") + "http_server_config: {headers: {X-Frame-Options: deny}}\n"
        )
        wait_until(lambda: running.get(auth=ALICE).status_code == 401, 5)
        reply = running.get(auth=("bob", ALICE[1]))
        assert (reply.status_code, reply.headers["x-frame-options"]) == (200, "deny")


def test_the_clients_that_are_trusted_are_exchanged(authority: Authority) -> None:
    directory = authority.directory
    others = Authority(directory, "others")
    others.issue("other", "central.example")
    with process(directory, CERTIFICATES + CLIENTS) as running:
        assert running.get(cert=running.client("client")).status_code == 200
        running.file.write_text(CERTIFICATES + CLIENTS.replace("ca.pem", "others.pem"))

        def other_is_let_in() -> bool:
            try:
                return running.get(cert=running.client("other")).status_code == 200
            except requests.ConnectionError:
                return False

        wait_until(other_is_let_in, 5)
        with pytest.raises(requests.ConnectionError):
            running.get(cert=running.client("client"))


def test_a_file_written_slowly_harms_nobody_and_is_said_once(authority: Authority) -> None:
    new = CERTIFICATES + USERS + USERS.split("\n")[1].replace("alice", "carol") + "\n"
    with process(authority.directory, CERTIFICATES + USERS) as running:
        with running.file.open("w") as writer:
            writer.write(new[:100])
            writer.flush()
            wait_until(lambda: "not read again" in running.log.read_text(), 5)
            assert running.get(auth=ALICE).status_code == 200
            assert running.get().status_code == 401
            writer.write(new[100:])
        wait_until(lambda: running.get(auth=("carol", ALICE[1])).status_code == 200, 5)
        assert running.get("/-/reload", "POST", auth=ALICE).text == "reloaded\n"
        lines = running.log.read_text().splitlines()
    assert len([line for line in lines if "not read again" in line]) == 1
    assert len([line for line in lines if "web configuration read again" in line]) == 1


def test_an_expired_certificate_is_served_with_a_warning(authority: Authority) -> None:
    authority.issue("server", "localhost", expired=True)
    with process(authority.directory, CERTIFICATES) as running:
        with pytest.raises(requests.exceptions.SSLError, match="certificate has expired"):
            running.get()
        assert certificate(running)
        warnings = [line for line in running.log.read_text().splitlines() if "level=warn" in line]
    assert len(warnings) == 1
    assert "server.pem: certificate has expired" in warnings[0]
