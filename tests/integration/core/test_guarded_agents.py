"""Agents behind a web configuration of their own: TLS, a password, a client certificate; and who is not let in."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import yaml

from integration.core.exporter_process import COMMAND, Exporter, free_port, wait_until
from integration.core.test_agents import _PATIENCE, Site, site, write
from integration.web.authority import HASH, PASSWORD, Authority

__all__ = ["site"]  # the fixture

_ERRORS = "campaign_exporter_collector_errors_total"


@contextmanager
def agent(site: Site, name: str, web: dict[str, object]) -> Iterator[str]:
    """Run an agent for the host of that name behind a web configuration; give its address."""
    file = write(site.directory / f"{name}.yml", [{"name": "prod", "hosts": [site.host(name)]}])
    web_file = site.directory / f"{name}-web.yml"
    web_file.write_text(yaml.safe_dump(web))
    port = free_port()
    flags = ["--web.listen-address", f"127.0.0.1:{port}", "--web.config.file", str(web_file)]
    with (site.directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([COMMAND, "serve", "--config.file", str(file), *flags], stdin=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or _listens(port), 30)
        assert process.poll() is None, (site.directory / f"{name}.log").read_text()
        yield f"https://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
def authority(site: Site) -> Authority:
    made = Authority(site.directory)
    made.issue("server", "127.0.0.1")
    made.issue("central", "central.example")
    return made


def web(authority: Authority, **more: object) -> dict[str, object]:
    directory = authority.directory
    tls = {"cert_file": str(directory / "server.pem"), "key_file": str(directory / "server.key"), **more}
    return {"tls_server_config": tls}


def up(central: Exporter, host: str, source: str = "agent") -> float | None:
    return central.value("campaign_host_up", host, source)


def test_one_of_several_guarded_agents_may_be_lost_or_refuse_us(site: Site, authority: Authority) -> None:
    directory = site.directory
    password, wrong = directory / "password", directory / "wrong"
    password.write_text(f"{PASSWORD}\n")
    wrong.write_text("another")
    verified = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": str(authority.certificate)}
    other = Authority(directory, "other-ca")
    with (
        agent(site, "mta1", {**web(authority), "basic_auth_users": {"central": HASH}}) as by_password,
        agent(site, "mta2", web(authority, **verified)) as by_certificate,
    ):
        trust = {"ca_file": str(authority.certificate)}
        named = {"username": "central", "password_file": str(password)}
        ours = {"cert_file": str(directory / "central.pem"), "key_file": str(directory / "central.key")}
        central = site.central(
            {
                "mta1": {"url": by_password, **trust, **named},
                "mta2": {"url": by_certificate, **trust, **ours},
                "denied": {"url": by_password, "host": "mta1", **trust, **named, "password_file": str(wrong)},
                "bare": {"url": by_certificate, "host": "mta2", **trust},
                "doubted": {"url": by_password, "host": "mta1", "ca_file": str(other.certificate), **named},
            }
        )
        wait_until(lambda: up(central, "mta1") == 1 and up(central, "mta2") == 1, _PATIENCE)
        for host in ("mta1", "mta2"):
            assert central.value("campaign_process_up", host, "mta") == 1
        for host in ("denied", "bare", "doubted"):
            assert up(central, host) == 0
            assert central.value("campaign_process_up", host, "mta") is None, "unknown, not down"
        wait_until(lambda: (central.value(_ERRORS, "processes", "authentication") or 0) > 0, _PATIENCE)
        assert (central.value(_ERRORS, "processes", "tls") or 0) > 0
        # The password is read anew each time: what was refused is let in once it is right.
        wrong.write_text(PASSWORD)
        wait_until(lambda: up(central, "denied") == 1, _PATIENCE)
        log = central.log.read_text()
        assert PASSWORD not in log
        assert "another" not in log
    wait_until(lambda: central.value("campaign_process_up", "mta1", "mta") is None, _PATIENCE)
    assert up(central, "mta1") == 0
