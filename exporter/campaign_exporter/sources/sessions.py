"""What holds for a session of ours as long as it lives, and the sessions that we had to leave behind.

A server that loses its client without a word keeps the session until the operating system says so, which is two hours later
by default; until then it counts against the role's limit of connections.
"""

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import psycopg

from campaign_exporter.sources.catalogue_statements import KEEPALIVES, OUR_BACKENDS

Connection = psycopg.Connection[tuple[Any, ...]]

#: Seconds, and how often: within half a minute either side knows that the other one is gone.
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: Milliseconds in which what was sent must be acknowledged.
_ACKNOWLEDGED = {"tcp_user_timeout": 10000}
#: For libpq.
OUR_SIDE = _KEEPALIVES | _ACKNOWLEDGED
#: The server's settings. It leaves them at 0 on a Unix socket, where nobody goes without a word.
THEIR_SIDE = {f"tcp_{name}": value for name, value in _KEEPALIVES.items()} | _ACKNOWLEDGED


class Backend(NamedTuple):
    """A process of the server that works for one session; it began at a time in seconds since the epoch."""

    pid: int
    began: float


def watch_for_loss(connection: Connection) -> None:
    """Let the server end the session soon after we are gone. Raises psycopg.Error."""
    names, values = list(THEIR_SIDE), [str(value) for value in THEIR_SIDE.values()]
    connection.execute(KEEPALIVES.text, {"names": names, "values": values, "backend": connection.info.backend_pid})


def backends(connection: Connection, left: AbstractSet[Backend]) -> tuple[Backend | None, frozenset[Backend]]:
    """Tell which backend is ours, and which of those that we had to leave are still there. Raises psycopg.Error.

    Ours is None behind a pooler, where it is nobody's.
    """
    ours = connection.info.backend_pid
    pids = [ours, *(each.pid for each in left)]
    seen = frozenset(Backend(*row) for row in connection.execute(OUR_BACKENDS.text, {"pids": pids}))
    return next((each for each in seen if each.pid == ours), None), seen & left
