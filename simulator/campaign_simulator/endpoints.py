"""The HTTP endpoints of a Campaign instance, on loopback unless another address is given."""

import struct
import threading
import zlib
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSION_TOKEN = "monitoring"  # noqa: S105  Adobe's name of the monitoring operator, which is its token
_SLOW_SECONDS = 20.0
NAMES = {"tracking": "redirection", "app": "ping", "events": "ping", "images": "resource"}  # endpoint: kind
TROUBLES = ("error", "slow", "wrong")
QUEUE_LIMIT = 400  # as in the example of Adobe's SDK
_SECONDS_AN_EVENT = 5  # in which another event comes in; each minute all are processed


class Endpoints:
    """Answers /r/test, /nl/jsp/ping.jsp, /nl/jsp/mcPing.jsp and a picture of the resources, unless told to fail."""

    def __init__(self, instance: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.paths = {
            "tracking": "/r/test",
            "app": "/nl/jsp/ping.jsp",
            "events": "/nl/jsp/mcPing.jsp",
            "images": f"/res/{instance}/probe.png",
        }
        self.instance = instance
        self.troubles: dict[str, str] = {}  # endpoint: how it fails
        self.queue_full = False
        self._released = threading.Event()
        self._host = host
        self._port = port
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Listen, on a free port unless one is given; after a stop on the same one. Raises OSError."""
        self._released.clear()
        try:
            self._server = ThreadingHTTPServer((self._host, self._port), _handler(self))
        except OSError as error:
            raise OSError(f"endpoints: cannot listen on {self._host}:{self._port}: {error.strerror}") from None
        self._port = self._server.server_address[1]
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="endpoints", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and let go of slow answers."""
        self._released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def mend(self, name: str) -> None:
        """Let an endpoint answer as it should."""
        self.troubles.pop(name, None)

    def answer(self, path: str, cookie: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, content type and body for a request."""
        name = next((name for name, known in self.paths.items() if known == path.partition("?")[0]), None)
        if name is None:
            return HTTPStatus.NOT_FOUND, "text/plain", b"not found\n"
        trouble = self.troubles.get(name)
        if trouble == "error":
            return HTTPStatus.INTERNAL_SERVER_ERROR, "text/html", b"<html><body>Internal error</body></html>"
        if trouble == "wrong":
            return HTTPStatus.OK, "text/html", b"<html><body>Please log in</body></html>"
        if trouble == "slow":
            self._released.wait(_SLOW_SECONDS)
        if name == "tracking":
            return self._redirection()
        if name == "images":
            return _picture()
        return _with_session(cookie, self._ping() if name == "app" else self._queue())

    def _redirection(self) -> tuple[HTTPStatus, str, bytes]:
        """Return what the redirection module says of itself."""
        moment = datetime.now(UTC)
        date = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z"
        text = (
            f"<redir status='OK' date='{date}' build='9364' sha1='8f3ef8e' instance='{self.instance}' "
            f"sourceIP='127.0.0.1' host='127.0.0.1' localHost='mta1'/>\n"
        )
        return HTTPStatus.OK, "text/xml", text.encode()

    def _ping(self) -> str:
        """Return the application server's state and the database's time."""
        return f"OK\n{_database_time(datetime.now(UTC))}\n"

    def _queue(self) -> str:
        """Return Message Center's state and how many events wait in its queue."""
        if self.queue_full:
            return f"Error\nThe queue is full ({QUEUE_LIMIT}/{QUEUE_LIMIT})\n"
        moment = datetime.now(UTC)
        return f"Ok\n{_database_time(moment)}\n{moment.second // _SECONDS_AN_EVENT}/{QUEUE_LIMIT} pending events\n"


def _database_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _with_session(cookie: str, text: str) -> tuple[HTTPStatus, str, bytes]:
    """Return a text to those who have a session."""
    if f"__sessiontoken={SESSION_TOKEN}" not in [part.strip() for part in cookie.split(";")]:
        return HTTPStatus.FORBIDDEN, "text/plain", b"Access denied\n"
    return HTTPStatus.OK, "text/plain", text.encode()


def _picture() -> tuple[HTTPStatus, str, bytes]:
    """Return a PNG of one grey point."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(b"\x00\x80")), (b"IEND", b"")
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return HTTPStatus.OK, "image/png", b"\x89PNG\r\n\x1a\n" + body


def _handler(endpoints: Endpoints) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of these endpoints."""

    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        def do_GET(self) -> None:
            """Answer a GET."""
            status, kind, body = endpoints.answer(self.path, self.headers.get("Cookie", ""))
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # a client with a timeout did not wait

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Say nothing of single requests."""

    return Handler
