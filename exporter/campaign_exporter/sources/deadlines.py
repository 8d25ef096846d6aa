"""An end to a whole HTTP exchange.

The timeouts of requests begin anew with each byte, so that a server which sends one now and then is waited for without end.
"""

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection


@dataclass(frozen=True, slots=True)
class Aim:
    """A server to connect to instead of the one that a name leads to: TLS and the header Host go by the name all the same."""

    name: str
    port: int
    server: str
    server_port: int | None = None

    def place(self, name: str, port: int) -> tuple[str, int] | None:
        """Tell where to connect for a name and a port; None for a name that is not ours."""
        if name != self.name:
            return None
        return self.server, (self.server_port or port) if port == self.port else port


class Deadline:
    """Cuts every connection that a DeadlineAdapter opens in this context once the seconds given are over."""

    def __init__(self, seconds: float, aim: Aim | None = None) -> None:
        self.aim = aim
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        #: When the first certificate that the other sides showed ends, in seconds since the epoch; None without TLS.
        self.certificate_ends: float | None = None

    @property
    def remaining(self) -> float:
        """Seconds left; never 0, which requests would refuse."""
        return max(self._until - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._until

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection at the end, too."""
        # A duplicate of the descriptor: TLS replaces the socket object, and what it wraps may be closed while we cut it.
        with self._lock:
            self._sockets.append(connection.dup())
        if self.passed:
            self._cut()

    def note_certificate(self, shown: Mapping[str, Any] | None) -> None:
        """Take note of a certificate that was verified."""
        if shown and "notAfter" in shown:
            ends = float(ssl.cert_time_to_seconds(str(shown["notAfter"])))
            self.certificate_ends = ends if self.certificate_ends is None else min(ends, self.certificate_ends)

    def __enter__(self) -> Self:
        self._token = _CURRENT.set(self)
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._timer.cancel()
        _CURRENT.reset(self._token)
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def _cut(self) -> None:
        with self._lock:
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


_CURRENT: ContextVar[Deadline] = ContextVar("_CURRENT")


class _Watched(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        deadline = _CURRENT.get()
        place = deadline.aim.place(self.host, self.port) if deadline.aim else None
        connection = socket.create_connection(place, deadline.remaining) if place else super()._new_conn()
        deadline.watch(connection)
        return connection


class _WatchedTls(_Watched, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        if isinstance(self.sock, ssl.SSLSocket):
            _CURRENT.get().note_certificate(self.sock.getpeercert())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


_POOLS = {"http": _Pool, "https": _TlsPool}


class DeadlineAdapter(HTTPAdapter):
    """Opens connections that the Deadline of the context watches."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on as they are
        """Make the pool for direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:  # noqa: ANN401 - passed on as they are
        """Make the pool for connections through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager
