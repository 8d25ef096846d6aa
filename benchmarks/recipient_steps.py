"""What a step of collector `recipients` costs on a large instance: buffers and milliseconds of its two statements.

python benchmarks/recipient_steps.py [RECIPIENTS] [TRACKING_LOGS]; a million and five million by default, half a minute.
"""

import sys
from collections.abc import Mapping

import psycopg

from campaign_exporter.domain.recipient_laps import BEFORE_ALL
from campaign_exporter.sources.recipient_statements import RECIPIENT_ACTIVITY, RECIPIENT_STEP
from campaign_exporter.sources.statement import Statement
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.schema import create_schema

_DAY = 86400.0
_ROWS = (1_000, 10_000)
_INACTIVE_AFTER_DAYS = (180, 30, 1)
# Every other recipient never reacts; the others do ten times within half a year, in the order of time.
_RECIPIENTS = """
INSERT INTO nmsrecipient (irecipientid, semail, iblacklistemail, tscreated)
SELECT n, 'user' || n || '@mail.example', (n %% 40 = 0)::int, now() - n %% 1500 * interval '1 day'
FROM generate_series(1, %(recipients)s) n
"""
_LOGS = """
INSERT INTO nmstrackinglogrcp (itrackinglogid, ibroadlogid, ideliveryid, irecipientid, iurlid, tslog)
SELECT n, n, n %% 500, 2 * (1 + floor(random() * %(recipients)s / 2)), 1,
  now() - (%(logs)s - n) * interval '180 days' / %(logs)s
FROM generate_series(2, %(logs)s) n
"""


def cost(connection: psycopg.Connection, statement: Statement, parameters: Mapping[str, object]) -> str:
    """Run a statement twice, and tell of the second time: its pages are in memory then."""
    text = f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {statement.text}"
    connection.execute(text, parameters)
    [(plan,)] = connection.execute(text, parameters).fetchone() or ()
    buffers = sum(plan["Plan"][f"Shared {what} Blocks"] for what in ("Hit", "Read"))
    return f"{buffers:>6} buffers {plan['Execution Time']:>6.1f} ms"


def main(recipients: int, logs: int) -> None:
    """Fill a database and ask it."""
    with PostgresServer() as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        create_schema(connection)
        connection.execute("ALTER TABLE nmsrecipient SET UNLOGGED; ALTER TABLE nmstrackinglogrcp SET UNLOGGED")
        for statement in (_RECIPIENTS, _LOGS):
            connection.execute(statement, {"recipients": recipients, "logs": logs})
        connection.execute("VACUUM ANALYZE")
        connection.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        for rows in _ROWS:
            for days in _INACTIVE_AFTER_DAYS:
                since = {"inactive_after": days * _DAY}
                step = {"after": BEFORE_ALL, "rows": rows, **since}
                (*_, old) = connection.execute(RECIPIENT_STEP.text, step).fetchone() or ((),)
                told = (cost(connection, RECIPIENT_STEP, step), cost(connection, RECIPIENT_ACTIVITY, {"ids": old, **since}))
                print(f"rows {rows:>6}, inactive after {days:>3} d: {told[0]}; activity of {len(old):>5}: {told[1]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] or (1_000_000, 5_000_000)))
