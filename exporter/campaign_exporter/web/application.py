"""The pages: metrics, health, reload.

A scrape hands out the bytes of the current snapshot. It asks nobody, waits for nobody, and costs the same whatever happens to
the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from campaign_exporter import __version__
from campaign_exporter.snapshot import CONTENT_TYPE, Snapshot

Scope = Mapping[str, Any]
Headers = Mapping[bytes, bytes]
Send = Callable[[dict[str, Any]], Awaitable[None]]
#: What an ASGI server calls for each request.
App = Callable[[Scope, Any, Send], Awaitable[None]]


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
        await send_answer(await self._answer(scope["method"], scope["path"], dict(scope["headers"])), scope, send)

    async def _answer(self, method: str, path: str, headers: Headers) -> Answer:
        if path == "/-/reload":
            if method not in {"POST", "PUT"}:
                return text_answer(405, "only POST and PUT", allow="POST, PUT")
            return await asyncio.to_thread(self._reload)
        page = self._pages.get(path)
        if page is None:
            return text_answer(404, "not found")
        if method not in {"GET", "HEAD"}:
            return text_answer(405, "only GET and HEAD", allow="GET, HEAD")
        return page(headers)

    def _metrics(self, headers: Headers) -> Answer:
        snapshot = self._served.snapshot
        if _accepts_gzip(headers.get(b"accept-encoding", b"").decode("latin-1")):
            return Answer(200, snapshot.gzipped, CONTENT_TYPE, {"vary": "Accept-Encoding", "content-encoding": "gzip"})
        return Answer(200, snapshot.plain, CONTENT_TYPE, {"vary": "Accept-Encoding"})

    def _reload(self) -> Answer:
        if not self._lifecycle:
            return text_answer(403, "reload is off: start with --web.enable-lifecycle")
        problem = self._served.reload()
        return text_answer(200, "reloaded") if problem is None else text_answer(500, problem)


def _accepts_gzip(header: str) -> bool:
    """Read Accept-Encoding as far as gzip goes: named, or by the star, and not with a weight of 0."""
    weights: dict[str, bool] = {}
    for part in header.lower().split(","):
        coding, _, parameters = part.partition(";")
        weights[coding.strip()] = parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return weights.get("gzip", weights.get("*", False))


def text_answer(status: int, line: str, **headers: str) -> Answer:
    """Make an answer of one line."""
    return Answer(status, f"{line}\n".encode(), "text/plain; charset=utf-8", headers)


async def send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    """Send an answer to a request."""
    headers = {"content-type": answer.content_type, "content-length": str(len(answer.body)), **answer.headers}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def _state(good: bool, word: str, otherwise: str) -> Answer:  # noqa: FBT001 - the two states of a probe
    return text_answer(200, word) if good else text_answer(503, otherwise)


_LANDING = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Campaign exporter</title>
<meta name="viewport" content="width=device-width"></head>
<body><h1>Campaign exporter {version}</h1><p><a href="{path}">Metrics</a></p>
<p><a href="/-/healthy">Healthy</a> · <a href="/-/ready">Ready</a></p></body></html>
"""
