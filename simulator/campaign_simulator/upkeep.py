"""What has to be kept in order beside the sending: work tables, events, sessions that hold transactions open."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

_EVENT_AGE = timedelta(minutes=40)
_EVENTS_AT_FIRST = 20
# The numbers of statuses are not documented: these two are the simulator's own.
_WAITING, _PROCESSED = 0, 1
_MAKE_EVENTS = """
INSERT INTO NmsRtEvent (iRtEventId, iStatus, sType, sEmail, tsCreated, tsLastModified, tsProcessed)
SELECT id, %(status)s, 'orderConfirmation', 'user' || id || '@mail.example', %(made)s, %(made)s,
  CASE WHEN %(status)s = 1 THEN %(made)s::timestamptz END
FROM generate_series(%(first)s::int, %(last)s::int) AS id
"""
_PROCESS_EVENTS = (
    "UPDATE NmsRtEvent SET iStatus = 1, tsProcessed = %s, tsLastModified = %s WHERE iStatus = 0 AND iRtEventId <> 0"
)


@dataclass
class Upkeep:
    """What the model knows of all this."""

    tables: dict[str, tuple[str, str]] = field(default_factory=dict)  # prefix and standing, by name
    events_made: int = 0
    events_waiting: int = 0
    open_transactions: int = 0

    @property
    def work_tables(self) -> Counter[tuple[str, str]]:
        """How many work tables there are, by prefix and standing."""
        return Counter(self.tables.values())


def create_upkeep(connection: psycopg.Connection, upkeep: Upkeep, *, delivery: int, workflow: int, now: datetime) -> None:
    """Make what every instance has: tables of a delivery and of a workflow under way, events that were processed."""
    names = {f"wkdlv_{delivery}_1": "wkdlv", f"wkf{workflow}_1": "wkf", f"wkfhisto{workflow}_query": "wkfhisto"}
    make_tables(connection, names)
    upkeep.tables |= {name: (prefix, "in_use") for name, prefix in names.items()}
    make_events(connection, upkeep, _EVENTS_AT_FIRST, now, waiting=False)


def make_tables(connection: psycopg.Connection, names: Iterable[str]) -> None:
    """Make work tables with a row each."""
    for name in names:
        table = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE TABLE {} (iId INTEGER PRIMARY KEY, sText TEXT)").format(table))
        connection.execute(sql.SQL("INSERT INTO {} VALUES (1, 'work')").format(table))


def drop_tables(connection: psycopg.Connection, names: Iterable[str]) -> None:
    """Drop work tables."""
    for name in names:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))


def make_events(connection: psycopg.Connection, upkeep: Upkeep, count: int, now: datetime, *, waiting: bool) -> None:
    """Let transactional events have come in a while ago, and be processed or not."""
    first = upkeep.events_made + 1
    status = _WAITING if waiting else _PROCESSED
    parameters = {"status": status, "made": now - _EVENT_AGE, "first": first, "last": first + count - 1}
    connection.execute(_MAKE_EVENTS, parameters)
    upkeep.events_made += count
    upkeep.events_waiting += count if waiting else 0


def process_events(connection: psycopg.Connection, upkeep: Upkeep, now: datetime) -> None:
    """Process all events that wait."""
    connection.execute(_PROCESS_EVENTS, (now, now))
    upkeep.events_waiting = 0
