"""The web server: connections, and how long a client may hold one."""

import asyncio
import re
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from campaign_exporter.web.application import Application
from campaign_exporter.web.guard import Guard
from campaign_exporter.web.policy import PolicyInForce
from campaign_exporter.web.tls import renewed_context

_PORT = re.compile(r"[0-9]{1,5}")
_STOP_SECONDS = 2
#: For a first request to come, and for an answer to be read.
_REQUEST_SECONDS = 30
#: Longer than the usual scrape interval, so that Prometheus keeps its connection.
_IDLE_SECONDS = 120
_MAXIMAL_CLIENTS = 256
#: For how long a thread that computes may keep the serving thread waiting; Python's own 5 ms come several times a scrape.
_SWITCH_SECONDS = 0.0005


class ListenRefused(Exception):
    """The address cannot be listened on."""


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
        # Of TLS, what waits below it cannot be seen here: then the limit for idle clients holds.
        if self.transport.get_write_buffer_size():
            self._hang_up()
        else:
            self._patience = self.loop.call_later(_IDLE_SECONDS - _REQUEST_SECONDS, self._hang_up)

    def _hang_up(self) -> None:
        # Aborted, not closed: what a client does not read must not be waited for.
        self.transport.abort()


class _TlsProtocol(_Protocol):
    """Speaks with a client whose handshake is done, if its certificate has a name that is let in."""

    def __init__(self, doorway: "Doorway", **given: Any) -> None:  # noqa: ANN401 - uvicorn's own, passed on
        super().__init__(**given)
        self._doorway = doorway

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self._doorway.heard_of(self.client)
        client = transport.get_extra_info("ssl_object")
        if not client.context.admits(client):
            self._hang_up()

    def on_response_complete(self) -> None:
        self._doorway.heard_of(self.client)
        super().on_response_complete()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            # It was idle. TLS would wait for the client to say goodbye as well, and an idle client does not listen.
            self._hang_up()


class Doorway(socket.socket):
    """A listener that takes each client, and sends away the one that was silent for the longest where there are too many.

    asyncio gives each connection 256 KiB for TLS, a handshake that is never finished as well. So a flood of idle clients
    costs no more than this, and a scrape always finds a place.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.family, listener.type, listener.proto, listener.dup().detach())
        #: By address; who was heard of last stands last.
        self._clients: dict[object, socket.socket] = {}

    def accept(self) -> tuple[socket.socket, Any]:
        """Take the next client."""
        connection, address = super().accept()
        self._clients[address[:2]] = connection
        if len(self._clients) > _MAXIMAL_CLIENTS:
            self._clients = {each: client for each, client in self._clients.items() if client.fileno() >= 0}
        if len(self._clients) > _MAXIMAL_CLIENTS:
            with suppress(OSError):  # it has gone by itself
                self._clients.pop(next(iter(self._clients))).shutdown(socket.SHUT_RDWR)
        return connection, address

    def heard_of(self, address: object) -> None:
        """Note that a client has finished its handshake, or was answered."""
        if address in self._clients:
            self._clients[address] = self._clients.pop(address)


class WebServer:
    """Serves the application from a thread of its own, guarded by a web configuration where there is one."""

    def __init__(self, app: Application, listener: socket.socket, in_force: PolicyInForce | None = None) -> None:
        self._in_force = in_force
        self._guard = Guard(app, in_force) if in_force else None
        self._listener = self._door = listener
        secured: dict[str, Any] = {"http": _Protocol}
        if in_force and in_force.policy.tls:
            self._door = doorway = Doorway(listener)
            context = renewed_context(in_force.server_context)
            secured = {"http": partial(_TlsProtocol, doorway), "ssl_context_factory": lambda *_: context}
        config = uvicorn.Config(
            self._guard or app,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
            # A bound on what slow or hostile clients can hold open.
            limit_concurrency=512,
            **secured,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._door],), name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        if self._in_force:
            self._in_force.start()
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, and end within seconds."""
        self._server.should_exit = True
        if self._in_force and self._guard:
            self._in_force.stop()
            self._guard.close()
        self._thread.join(_STOP_SECONDS + 1)
        self._door.close()
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
