"""A web server with a web configuration, on a real socket; within this process or as one of its own."""

import gzip
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import requests

from campaign_exporter.snapshot import Snapshot
from campaign_exporter.web.application import Application
from campaign_exporter.web.policy import PolicyInForce, read_policy
from campaign_exporter.web.server import WebServer, listen
from integration.core.exporter_process import COMMAND, free_port, wait_until
from integration.web.authority import PASSWORD

ALICE = ("alice", PASSWORD)
CERTIFICATES = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
CLIENTS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"
_NUMBERS = count()
#: Debian 12's promtool is older than this key.
_NEWER_THAN_PROMTOOL = "client_allowed_sans"


def web_config(directory: Path, text: str) -> Path:
    """Write a good web configuration, a file of its own: one that Prometheus's own tool finds good as well."""
    file = directory / f"web-{next(_NUMBERS)}.yml"
    known = [line for line in text.splitlines() if _NEWER_THAN_PROMTOOL not in line]
    file.write_text("\n".join(known))
    done = subprocess.run(["promtool", "check", "web-config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    file.write_text(text)
    return file


class Page:
    """An exporter with one thing to say."""

    healthy = ready = True
    snapshot = Snapshot(b"campaign_up 1\n" * 1000, gzip.compress(b"campaign_up 1\n" * 1000))

    def reload(self) -> str | None:
        return None


@dataclass
class Secured:
    """Where the server is, and whom to trust."""

    directory: Path
    port: int
    file: Path

    def get(self, path: str = "/metrics", method: str = "GET", **given: Any) -> requests.Response:  # noqa: ANN401 - requests' own
        """Ask once, as the agent's reader does."""
        url = f"https://localhost:{self.port}{path}"
        return requests.request(method, url, timeout=10, **{"verify": str(self.directory / "ca.pem"), **given})

    def client(self, name: str) -> tuple[str, str]:
        """Name the files of a client's certificate."""
        return str(self.directory / f"{name}.pem"), str(self.directory / f"{name}.key")

    def context(self) -> ssl.SSLContext:
        """Make the TLS of a client that trusts the authority."""
        return ssl.create_default_context(cafile=self.directory / "ca.pem")


@dataclass
class Within(Secured):
    """A server within this process."""

    server: WebServer
    in_force: PolicyInForce

    @property
    def connections(self) -> int:
        """How many clients have finished their handshake and are there."""
        return len(self.server._server.server_state.connections)


@contextmanager
def serving(directory: Path, text: str, page: Page | None = None) -> Iterator[Within]:
    """Serve within this process."""
    file = web_config(directory, text)
    in_force = PolicyInForce(file, read_policy(file))
    listener = listen("127.0.0.1:0")
    server = WebServer(Application(page or Page(), telemetry_path="/metrics", lifecycle=True), listener, in_force)
    server.start()
    try:
        yield Within(directory, listener.getsockname()[1], file, server, in_force)
    finally:
        server.stop()


@dataclass
class Process(Secured):
    """A server as an operator runs it."""

    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def process(directory: Path, text: str) -> Iterator[Process]:
    """Run `serve` until the end of the block."""
    (directory / "exporter.yml").write_text(
        "instances: [{name: prod, hosts: [{name: mta1, directories: {var: .}}]}]\nstate_directory: none\n"
    )
    port = free_port()
    file = web_config(directory, text)
    log = file.with_suffix(".log")
    command = [COMMAND, "serve", "--config.file", str(directory / "exporter.yml"), "--web.enable-lifecycle"]
    command += ["--web.config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}"]
    with log.open("ab") as errors, subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors) as running:
        try:
            wait_until(lambda: running.poll() is not None or 'msg="serving' in log.read_text(), 30)
            assert running.poll() is None, log.read_text()
            yield Process(directory, port, file, running, log)
        finally:
            running.kill()
