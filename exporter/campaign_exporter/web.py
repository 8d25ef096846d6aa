"""The web server: metrics, health, reload.

A scrape hands out the bytes of the current snapshot. It asks nobody, waits for nobody, and costs the same whatever happens to
the database.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from campaign_exporter import __version__
from campaign_exporter.snapshot import CONTENT_TYPE, Snapshot

Scope = Mapping[str, Any]
Headers = Mapping[bytes, bytes]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_PORT = re.compile(r"[0-9]{1,5}")
_STOP_SECONDS = 2
#: For a first request to come, and for an answer to be read.
_REQUEST_SECONDS = 30
#: Longer than the usual scrape interval, so that Prometheus keeps its connection.
_IDLE_SECONDS = 120


class Served(Protocol):
    """What the web server needs to know of the exporter."""

    @property
    def snapshot(self) -> Snapshot:
        """The exposition as it is now."""

    @property
    def healthy(self) -> bool:
        """Whether rounds are being run."""

    @property
    def ready(self) -> bool:
        """Whether each collector has ended a round."""

    def reload(self) -> str | None:
        """Read the configuration anew; give what is wrong with it, or None."""


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = MappingProxyType({})


class ListenRefused(Exception):
    """The address cannot be listened on."""


class Application:
    """The pages: a plain ASGI application, since a scrape is to cost as little as it can."""

    def __init__(self, served: Served, *, telemetry_path: str, lifecycle: bool) -> None:
        self._served = served
        self._lifecycle = lifecycle
        self._landing = _LANDING.format(version=escape(__version__), path=escape(telemetry_path)).encode()
        self._pages: dict[str, Callable[[Headers], Answer]] = {
            "/": lambda _: Answer(200, self._landing, "text/html; charset=utf-8"),
            "/-/healthy": lambda _: _state(served.healthy, "healthy", "no rounds are being run: restart the exporter"),
            "/-/ready": lambda _: _state(served.ready, "ready", "not ready: the first rounds have not ended"),
            telemetry_path: self._metrics,
        }

    async def __call__(self, scope: Scope, _receive: object, send: Send) -> None:
        """Answer one request."""
        method = scope["method"]
        found = await self._answer(method, scope["path"], dict(scope["headers"]))
        headers = {"content-type": found.content_type, "content-length": str(len(found.body)), **found.headers}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": found.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else found.body})

    async def _answer(self, method: str, path: str, headers: Headers) -> Answer:
        if path == "/-/reload":
            if method not in {"POST", "PUT"}:
                return _text(405, "only POST and PUT", allow="POST, PUT")
            return await asyncio.to_thread(self._reload)
        page = self._pages.get(path)
        if page is None:
            return _text(404, "not found")
        if method not in {"GET", "HEAD"}:
            return _text(405, "only GET and HEAD", allow="GET, HEAD")
        return page(headers)

    def _metrics(self, headers: Headers) -> Answer:
        snapshot = self._served.snapshot
        if _accepts_gzip(headers.get(b"accept-encoding", b"").decode("latin-1")):
            return Answer(200, snapshot.gzipped, CONTENT_TYPE, {"vary": "Accept-Encoding", "content-encoding": "gzip"})
        return Answer(200, snapshot.plain, CONTENT_TYPE, {"vary": "Accept-Encoding"})

    def _reload(self) -> Answer:
        if not self._lifecycle:
            return _text(403, "reload is off: start with --web.enable-lifecycle")
        problem = self._served.reload()
        return _text(200, "reloaded") if problem is None else _text(500, problem)


class _Protocol(H11Protocol):
    """Hangs up on a client that does not finish its request, or does not read its answer: neither may hold a place for ever."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._patience = self.loop.call_later(_REQUEST_SECONDS, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._patience.cancel()
        self._patience = self.loop.call_later(_REQUEST_SECONDS, self._look_whether_it_reads)
        super().on_response_complete()

    def _look_whether_it_reads(self) -> None:
        if self.transport.get_write_buffer_size():
            self._hang_up()
        else:
            self._patience = self.loop.call_later(_IDLE_SECONDS - _REQUEST_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        # Aborted, not closed: what a client does not read must not be waited for.
        self.transport.abort()


class WebServer:
    """Serves the application from a thread of its own."""

    def __init__(self, app: Application, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
            # A bound on what slow or hostile clients can hold open.
            limit_concurrency=512,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, and end within seconds."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS + 1)
        self._listener.close()


def listen(address: str) -> socket.socket:
    """Listen on `host:port`, `:port` or `[v6]:port`; raise ListenRefused."""
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not _PORT.fullmatch(port) or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenRefused(f"--web.listen-address {address}: must be HOST:PORT or :PORT")
    family = socket.AF_INET6 if ":" in host or (not host and socket.has_dualstack_ipv6()) else socket.AF_INET
    try:
        listener = socket.create_server(
            (host, int(port)), family=family, backlog=128, dualstack_ipv6=family == socket.AF_INET6 and not host
        )
    except (OSError, UnicodeError) as error:
        # Python adds the address once more to the operating system's words.
        why = (getattr(error, "strerror", None) or "no name of a host").partition(" (while")[0]
        raise ListenRefused(f"cannot listen on {address}: {why}: name another --web.listen-address") from None
    # Connections inherit it. asyncio sets it only where a socket names its protocol; without it each answer takes 40 ms more.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _accepts_gzip(header: str) -> bool:
    """Read Accept-Encoding as far as gzip goes: named, or by the star, and not with a weight of 0."""
    weights: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return weights.get("gzip", weights.get("*", False))


def _text(status: int, line: str, **headers: str) -> Answer:
    return Answer(status, f"{line}\n".encode(), "text/plain; charset=utf-8", headers)


def _state(good: bool, word: str, otherwise: str) -> Answer:  # noqa: FBT001 - the two states of a probe
    return _text(200, word) if good else _text(503, otherwise)


_LANDING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Campaign exporter</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>Campaign exporter {version}</h1><p><a href="{path}">Metrics</a></p>
<p><a href="/-/healthy">Healthy</a> · <a href="/-/ready">Ready</a></p></body></html>
"""
