"""Pages that stand beside a site, or before its exporter: a stale cache, a resource over TLS, a disk that is full on paper."""

import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import trustme

#: Long enough for no rule to mind it, and short enough for all to.
_LONG, _SHORT = timedelta(days=300), timedelta(hours=1)
_PICTURE = b"\x89PNG\r\n\x1a\n"
_AVAILABLE = re.compile(r"^(campaign_host_directory_avail_bytes\{.*directory=\"var\".*\}) .*$", re.MULTILINE)
_SIZE = re.compile(r"^campaign_host_directory_size_bytes\{.*directory=\"var\".*\} (.*)$", re.MULTILINE)
_LEFT = 0.05


class _Page:
    """A server on loopback that answers each GET with what a function gives: type and content."""

    def __init__(self, answer: Callable[[], tuple[str, bytes]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                kind, content = answer()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server asks for
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


class StalePage(_Page):
    """A cache before an exporter that gives the same page for ever."""

    def __init__(self, page: tuple[bytes, str]) -> None:
        content, kind = page
        super().__init__(lambda: (kind, content))


class SecureResource(_Page):
    """A picture over TLS, whose certificate can be one that ends soon."""

    def __init__(self, directory: Path) -> None:
        super().__init__(lambda: ("image/png", _PICTURE))
        self.ca_file = directory / "page-ca.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.renew()
        self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def endpoint(self) -> dict[str, str]:
        """What the exporter's configuration says of it."""
        url = f"https://{self.address}/probe.png"
        return {"name": "secure", "kind": "resource", "url": url, "ca_file": str(self.ca_file)}

    def renew(self, *, soon: bool = False) -> None:
        """Show a new certificate from now on, one that lasts or one that ends soon."""
        ends = datetime.now(UTC) + (_SHORT if soon else _LONG)
        self._authority.issue_cert("127.0.0.1", not_after=ends).configure_cert(self._context)


class FullDisk(_Page):
    """What stands before an exporter, and says of the file system of var that five per cent are left: none is filled here."""

    def __init__(self, page: Callable[[], tuple[bytes, str]]) -> None:
        def answer() -> tuple[str, bytes]:
            content, kind = page()
            return kind, _filled(content.decode()).encode()

        super().__init__(answer)


def _filled(text: str) -> str:
    size = _SIZE.search(text)
    return _AVAILABLE.sub(rf"\g<1> {float(size.group(1)) * _LEFT}", text) if size else text
