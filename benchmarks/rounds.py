"""What a round costs the database, as the database itself counts it: ours, the others, and the best that a hand can do.

pg_stat_statements tells the time of planning and execution, and the buffers, of each statement by role.
"""

import tempfile
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.exporters import OURS, RIVALS, ROLES, Site, backends, rival
from benchmarks.machine import CONSOLE, circumstances, step
from benchmarks.questions import BEST, NAIVE
from campaign_exporter.config import Budget, load_config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import SystemClock
from campaign_exporter.snapshot import Exposition
from campaign_exporter.state import State
from campaign_simulator.instance import Simulator
from campaign_simulator.postgres import PostgresServer

ROWS = (1_000_000, 5_000_000, 20_000_000)
BY_HAND = "by hand"
#: A round of every collector, also of those for whose answers nobody else was asked.
EVERYTHING = f"{OURS}, all that it tells"
#: The collectors that answer what the others are asked.
_ASKED = frozenset({"affinity", "deliveries", "pending", "throughput", "database"})
#: Others than ours are asked this often at most; where it takes minutes they are asked once.
_PATIENCE_SECONDS = 20.0
_ONCE = 3600
_SETTINGS = {"shared_buffers": "1GB", "pg_stat_statements.track_planning": "on", "max_wal_size": "8GB"}
# As many deliveries, statistics and parts as a busy instance keeps, and twenty deliveries that wait.
_FILL = """
INSERT INTO nmsdelivery (ideliveryid, istate, sinternalname, slabel, ideliverymode, iprocessed, tscontact, tslastmodified)
  SELECT -id, CASE WHEN id <= 20 THEN 51 ELSE 95 END, 'DM-' || id, 'Newsletter ' || id, 1, 10, now(), now()
  FROM generate_series(1, 10000) id;
INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess)
  SELECT date_bin('10 minutes', now() - bucket * interval '10 minutes', '2026-01-01'), -id, 5
  FROM generate_series(0, 4319) bucket, generate_series(1, 47) id;
INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid, tsnextpass)
  SELECT -id, -1 - id % 100, now() + id % 60 * interval '1 minute' FROM generate_series(1, 200000) id
"""
_SPENT = """
SELECT regexp_replace(query, '\\s+', ' ', 'g'), s.calls, total_exec_time + total_plan_time, max_exec_time + max_plan_time,
  shared_blks_hit + shared_blks_read
FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = %s ORDER BY 3 DESC
"""


@dataclass(frozen=True)
class Cost:
    """What one round took: milliseconds, the longest statement's, buffers, and statements, given as text, times and costs."""

    milliseconds: float
    longest: float
    buffers: int
    statements: list[tuple[str, int, float, int]]


def rounds(runs: int, rows: Sequence[int] = ROWS) -> dict[str, Any]:
    """Measure rounds with so many delivery logs, several times each."""
    told: dict[str, Any] = {**circumstances(), "rows": {}, "connections": 0}
    with tempfile.TemporaryDirectory() as folder, _simulator(Path(folder)) as simulator:
        site = Site(simulator, Path(folder), interval=_ONCE)
        site.admit()
        told["postgresql"] = simulator.postgres.version
        filled = 0
        for size in sorted(rows):
            with step(f"filled in {size - filled:,} delivery logs"):
                _fill(simulator, size - filled, first=not filled)
                filled = size
            told["rows"][str(size)] = _of_size(site, size, runs)
            told["connections"] = max(told["connections"], told["rows"][str(size)].pop("connections"))
    return told


def _simulator(folder: Path) -> Simulator:
    return Simulator(folder / "simulator", postgres=PostgresServer(settings=_SETTINGS))


def _fill(simulator: Simulator, rows: int, *, first: bool) -> None:
    simulator.backfill_delivery_logs(rows)
    with simulator.connect() as connection:
        connection.execute("SET statement_timeout TO 0")
        if first:
            connection.execute("CREATE EXTENSION pg_stat_statements")
            connection.execute("CREATE ROLE bench_hand; GRANT pg_read_all_data, pg_monitor TO bench_hand")
            connection.execute(_FILL)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _of_size(site: Site, rows: int, runs: int) -> dict[str, Any]:
    measured: dict[str, list[Cost]] = {name: [] for name in (OURS, EVERYTHING, BY_HAND, *RIVALS)}
    config = load_config(site.simulator.configuration_file)
    # A round that the budget leaves out would cost nothing.
    generous = config.model_copy(update={"budget": Budget(database_seconds_per_minute=60)})
    watch = Watch(generous, config.instances[0], clock=SystemClock(), state=State(), exposition=Exposition())
    with site.simulator.connect() as connection, _hand(site) as hand:
        connection.execute("SET statement_timeout TO 0")
        for _ in range(2):
            _our_round(watch, watch.jobs)
            _by_hand(hand)
        held = backends(connection, [OURS])[OURS]
        for number in range(runs):
            with step(f"{rows:,} rows: run {number + 1} of {runs}"):
                measured[OURS].append(_cost(connection, ROLES[OURS], lambda: _our_round(watch, _ASKED)))
                measured[EVERYTHING].append(_cost(connection, ROLES[OURS], lambda: _our_round(watch, watch.jobs)))
                held = max(held, backends(connection, [OURS])[OURS])
                measured[BY_HAND].append(_cost(connection, "bench_hand", lambda: _by_hand(hand)))
                for name in RIVALS:
                    if number == 0 or measured[name][-1].milliseconds < _PATIENCE_SECONDS * 1000:
                        ask = _their_round(name, site, connection)
                        measured[name].append(_cost(connection, ROLES[name], ask))
            for name, costs in measured.items():
                CONSOLE.print(f"  {name:<20}{costs[-1].milliseconds:12,.1f} ms {costs[-1].buffers:12,} buffers")
        collectors = _each(watch, connection)
    watch.close()
    # The page shows the statements of our last round.
    for cost in (each for name, costs in measured.items() for each in (costs[:-1] if name == EVERYTHING else costs)):
        cost.statements.clear()
    told: dict[str, Any] = {name: [asdict(cost) for cost in costs] for name, costs in measured.items()}
    return told | {"collectors": collectors, "connections": held}


def _each(watch: Watch, connection: psycopg.Connection) -> dict[str, Any]:
    """Measure a round of each collector by itself: seconds of its interval, milliseconds and buffers."""
    found: dict[str, Any] = {}
    for name, job in watch.jobs.items():
        cost = _cost(connection, ROLES[OURS], partial(_our_round, watch, {name}))
        if cost.buffers:
            interval = type(job.settings)().interval
            found[name] = {"interval": interval, "milliseconds": cost.milliseconds, "buffers": cost.buffers}
    return found


def _cost(connection: psycopg.Connection, role: str, work: Callable[[], None]) -> Cost:
    connection.execute("SELECT pg_stat_statements_reset()")
    work()
    rows = connection.execute(_SPENT, [role]).fetchall()
    statements = [(str(text)[:100], int(calls), float(ms), int(buffers)) for text, calls, ms, _, buffers in rows]
    return Cost(
        sum(ms for _, _, ms, _ in statements),
        max((float(longest) for _, _, _, longest, _ in rows), default=0.0),
        sum(buffers for *_, buffers in statements),
        [each for each in statements if each[3] or each[2] > 1],
    )


def _our_round(watch: Watch, names: Container[str]) -> None:
    for job in (job for name, job in watch.jobs.items() if name in names):
        job.run()
        if job.errors and job.name != "endpoints":
            raise RuntimeError(f"{job.name}: {job.errors}")


def _hand(site: Site) -> psycopg.Connection:
    """Give a session for the best hand, as ours has one; nobody but the superuser may become this role."""
    connection = site.simulator.connect()
    settings: Mapping[str, object] = {"role": "bench_hand", "jit": "off", "max_parallel_workers_per_gather": 0}
    for name, value in settings.items():
        connection.execute(sql.SQL("SET {} TO {}").format(sql.SQL(name), sql.Literal(value)))
    return connection


def _by_hand(connection: psycopg.Connection) -> None:
    for query in BEST:
        connection.execute(query).fetchall()


def _their_round(name: str, site: Site, connection: psycopg.Connection) -> Callable[[], None]:
    active = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND state <> 'idle'"

    def ask() -> None:
        with rival(name, site, NAIVE):
            while True:
                time.sleep(0.2)
                row = connection.execute(active, [ROLES[name]]).fetchone()
                if row == (0,):
                    return

    return ask
