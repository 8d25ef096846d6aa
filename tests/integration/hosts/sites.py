"""Small web servers on loopback, well and ill."""

import http.server
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    """A server under test, and the requests that it saw."""

    url: str
    seen: list[tuple[str, str | None]] = field(default_factory=list)

    def cookies(self) -> list[str | None]:
        return [cookie for _, cookie in self.seen]


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients that go away are what is tested here."""


@contextmanager
def serving(
    behave: Behaviour, host: str = "127.0.0.1", certificate: Path | None = None, clients: Path | None = None
) -> Iterator[Site]:
    """Serve over TLS if there is a certificate, and to those only whom `clients` has signed if that is given."""
    site = Site("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.seen.append((self.path, self.headers.get("Cookie")))
            behave(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = QuietServer((host, 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if clients is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(clients)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.url = f"{'http' if certificate is None else 'https'}://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    def behave(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return behave


def raw(*pieces: bytes, pause: float = 0.0) -> Behaviour:
    """Send bytes as they are, and close."""

    def behave(request: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):
            for piece in pieces:
                request.wfile.write(piece)
                time.sleep(pause)

    return behave


def self_signed(folder: Path, name: str = "both", days: int = 2) -> Path:
    """Make a certificate for 127.0.0.1 that nobody has signed; key and certificate in one file, and in one each."""
    key, crt, both = folder / f"{name}-key.pem", folder / f"{name}-crt.pem", folder / f"{name}.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days)]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(crt)]
    subprocess.run(["openssl", "req", *kind, *names], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    return both
