"""A web site on loopback: the harness, the dashboards, and each Prometheus under a path of its own."""

import http.server
import mimetypes
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HARNESS = Path(__file__).resolve().parent / "harness" / "dist"
DASHBOARDS = ROOT / "grafana" / "dashboards"
_FONTS = Path("/usr/share/fonts/opentype/inter")


@contextmanager
def site(prometheuses: Mapping[str, str]) -> Iterator[str]:
    """Serve; /prometheus/NAME/ leads to that Prometheus."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers GET, and says nothing on the terminal."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer a file, or what a Prometheus answers."""
            status, kind, body = _proxied(self.path, prometheuses) if self.path.startswith("/prometheus/") else _file(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


class _Server(http.server.ThreadingHTTPServer):
    """Serves a browser, which may leave before it has all: what it lacked would show in a panel."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Be silent."""


def _file(path: str) -> tuple[int, str, bytes]:
    name = path.split("?", maxsplit=1)[0].lstrip("/") or "index.html"
    if name.startswith("public/fonts/inter/"):
        return _font(Path(name).stem)
    folder = DASHBOARDS.parent if name.startswith("dashboards/") else HARNESS
    file = (folder / name).resolve()
    if not file.is_relative_to(folder) or not file.is_file():
        return 404, "text/plain", b"not found"
    return 200, mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes()


def _font(style: str) -> tuple[int, str, bytes]:
    """Give Debian's copy of Grafana's font, where it is installed; Chromium minds the content, not the name."""
    file = _FONTS / f"{style}.otf"
    return (200, "font/otf", file.read_bytes()) if file.is_file() else (404, "text/plain", b"not found")


def _proxied(path: str, prometheuses: Mapping[str, str]) -> tuple[int, str, bytes]:
    _, _, name, rest = path.split("/", 3)
    try:
        with urllib.request.urlopen(f"{prometheuses[name]}/{rest}", timeout=60) as answer:
            return answer.status, "application/json", answer.read()
    except urllib.error.HTTPError as error:
        return error.code, "application/json", error.read()
