"""The web server: metrics, health, reload.

A scrape hands out the bytes of the current snapshot. It asks nobody, waits for nobody, and costs the same whatever happens to
the database.
"""

import asyncio
import logging
import socket
import threading
from html import escape
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from campaign_exporter import __version__
from campaign_exporter.snapshot import CONTENT_TYPE, Snapshot

_LOG = logging.getLogger(__name__)
_STOP_SECONDS = 2


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


class ListenRefused(Exception):
    """The address cannot be listened on."""


def application(served: Served, *, telemetry_path: str, lifecycle: bool) -> Starlette:
    """Make the routes."""

    async def metrics(request: Request) -> Response:
        snapshot = served.snapshot
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        if _accepts_gzip(request.headers.get("accept-encoding", "")):
            return Response(snapshot.gzipped, headers=headers | {"Content-Encoding": "gzip"})
        return Response(snapshot.plain, headers=headers)

    async def healthy(_request: Request) -> Response:
        return _state(served.healthy, "healthy", "no rounds are being run: restart the exporter")

    async def ready(_request: Request) -> Response:
        return _state(served.ready, "ready", "not ready: the first rounds have not ended")

    async def reload(_request: Request) -> Response:
        if not lifecycle:
            return PlainTextResponse("reload is off: start with --web.enable-lifecycle\n", 403)
        problem = await asyncio.to_thread(served.reload)
        return PlainTextResponse("reloaded\n" if problem is None else f"{problem}\n", 200 if problem is None else 500)

    async def landing(_request: Request) -> Response:
        return HTMLResponse(_LANDING.format(version=escape(__version__), path=escape(telemetry_path)))

    routes = [
        Route(telemetry_path, metrics),
        Route("/-/healthy", healthy),
        Route("/-/ready", ready),
        Route("/-/reload", reload, methods=["POST", "PUT"]),
    ]
    if telemetry_path != "/":
        routes.append(Route("/", landing))
    return Starlette(routes=routes)


class WebServer:
    """Serves the application from a thread of its own."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=120,
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
    if not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the highest port
        raise ListenRefused(f"--web.listen-address {address}: must be HOST:PORT or :PORT")
    family = socket.AF_INET6 if ":" in host or (not host and socket.has_dualstack_ipv6()) else socket.AF_INET
    try:
        return socket.create_server(
            (host, int(port)), family=family, backlog=128, dualstack_ipv6=family == socket.AF_INET6 and not host
        )
    except OSError as error:
        raise ListenRefused(f"cannot listen on {address}: {error.strerror}: name another --web.listen-address") from None


def _accepts_gzip(header: str) -> bool:
    """Read Accept-Encoding as far as gzip goes: named, or by the star, and not with a weight of 0."""
    weights: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return weights.get("gzip", weights.get("*", False))


def _state(good: bool, word: str, otherwise: str) -> Response:  # noqa: FBT001 - the two states of a probe
    return PlainTextResponse(f"{word}\n" if good else f"{otherwise}\n", 200 if good else 503)


_LANDING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Campaign exporter</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>Campaign exporter {version}</h1><p><a href="{path}">Metrics</a></p>
<p><a href="/-/healthy">Healthy</a> · <a href="/-/ready">Ready</a></p></body></html>
"""
