"""Locks on tables, each with a session that waits for it."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

_LOCK_WAIT = "10s"


@dataclass(frozen=True)
class LockKind:
    """What the one session does, and what the other cannot do meanwhile; the table's name is to be filled in."""

    hold: str
    wait: str


EXCLUSIVE = LockKind("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", "SELECT FROM {} LIMIT 1 FOR UPDATE")
# The zero record is nobody's: all other rows can be read and written.
ROW = LockKind("SELECT FROM {} WHERE iDeliveryId = 0 FOR UPDATE", "SELECT FROM {} WHERE iDeliveryId = 0 FOR UPDATE")
# The weakest lock on a table of which there is only one, as maintenance takes it: rows can be read and written.
SHARED = LockKind("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", "BEGIN; LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE; COMMIT")


class Lock:
    """A lock on one table."""

    def __init__(self, connect: Callable[[], psycopg.Connection], schema: str, table: str, kind: LockKind) -> None:
        self._connect = connect
        self._table = sql.Identifier(schema, table)
        self._kind = kind
        self._sessions: list[psycopg.Connection] = []

    def take(self) -> None:
        """Take the lock in one session, and let another wait for it; anew if the sessions were lost."""
        self.let_go()
        try:
            self._take()
        except psycopg.Error:
            self.let_go()
            raise

    def _take(self) -> None:
        for _ in range(2):
            self._sessions.append(self._connect())
        holder, waiter = self._sessions
        holder.autocommit = False
        holder.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_LOCK_WAIT))
        holder.execute(sql.SQL(self._kind.hold).format(self._table))
        waiter.execute("SET application_name TO mta")
        waiter.execute("SET lock_timeout TO 0")
        waiter.execute("SET statement_timeout TO 0")
        waiting = sql.SQL(self._kind.wait).format(self._table).as_bytes(waiter)
        waiter.pgconn.send_query(waiting)  # its answer is never read

    def let_go(self) -> None:
        """End both sessions; a server that is down or silent does not hold us up."""
        for session in self._sessions:
            session.close()
        self._sessions = []
