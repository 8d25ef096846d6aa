"""What a round costs the database: milliseconds and buffers of each statement, and of a round of each collector.

Run it with `python benchmarks/round_cost.py --rows 1000000`. It starts a throw-away PostgreSQL server, fills Campaign's
tables, and runs every statement under EXPLAIN (ANALYZE, BUFFERS), warm, in the very session that the exporter uses.
"""

import argparse
import math
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from campaign_exporter.catalogue import DATABASE_SECONDS
from campaign_exporter.config import load_config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import SystemClock
from campaign_exporter.snapshot import Exposition
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import SENDING_TABLES, STATEMENTS, columns_read
from campaign_exporter.state import State
from campaign_simulator.instance import Simulator

CONSOLE = Console()
REPEATS = 9
# As many statistics and parts as a busy instance has, and twenty deliveries that wait.
FILL = """
INSERT INTO nmsdelivery (ideliveryid, istate, sinternalname, ideliverymode, iprocessed, tscontact, tslastmodified)
  SELECT -id, CASE WHEN id <= 20 THEN 51 ELSE 95 END, 'DM-' || id, 1, 10, now(), now() FROM generate_series(1, 1000) id;
INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess)
  SELECT date_bin('10 minutes', now() - bucket * interval '10 minutes', '2026-01-01'), -id, 5
  FROM generate_series(0, 4319) bucket, generate_series(1, 47) id;
INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid, tsnextpass)
  SELECT -id, -1 - id % 100, now() + id % 60 * interval '1 minute' FROM generate_series(1, 200000) id
"""


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is under way and how long it took."""
    began = time.monotonic()
    with CONSOLE.status(f"{what} ..."):
        yield
    CONSOLE.print(f"{what}: {time.monotonic() - began:.1f} s")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="delivery logs (NmsBroadLogRcp) to fill in first")
    rows: int = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory, Simulator(Path(directory) / "simulator") as simulator:
        with step(f"filled {rows:,} delivery logs, 200,000 statistics, 200,000 parts"):
            simulator.backfill_delivery_logs(rows)
            with simulator.connect() as connection:
                connection.execute(FILL)
                connection.execute("VACUUM ANALYZE")
        with step("measured the statements"):
            statements = measure_statements(simulator)
        with step("measured the rounds"):
            rounds = measure_rounds(simulator)
        show("statement", ("server ms", "buffers"), statements)
        show("round of", ("wall ms, median", "a minute, ms"), rounds)
        total = sum(row[1] for row in rounds.values())
        CONSOLE.print(f"PostgreSQL {simulator.postgres.version}: {total / 1000:.3f} s of the database a minute")


def measure_statements(simulator: Simulator) -> dict[str, tuple[float, float]]:
    """Run each statement some times; give the median of the server's own time, and the buffers of the last run."""
    measured = {}
    with simulator.connect() as connection:
        connection.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        ids = [number for (number,) in connection.execute("SELECT ideliveryid FROM nmsdelivery WHERE istate IN (51, 61)")]
        for statement in STATEMENTS:
            runs = [explain(connection, statement, ids) for _ in range(REPEATS)]
            measured[statement.name] = (statistics.median(run[0] for run in runs), runs[-1][1])
    return measured


def explain(connection: psycopg.Connection, statement: Statement, ids: list[int]) -> tuple[float, float]:
    """Run a statement; give milliseconds of planning and execution, and buffers."""
    parameters = {
        "deliveries": ids,
        "names": ["NmsMTA_Alert_Delay", "operationMgt"],
        "id": 1,
        "name": "DM1",
        "window": 7 * 86400,
        "start": time.time() - 3 * 3600,
        "end": math.inf,
        "tables": [*SENDING_TABLES, *columns_read()],
        "starts": [time.time() - 300],
        "ends": [time.time()],
        "rows": 10_000,
        "moment": time.time(),
    }
    parameters["ids"] = ids
    used = {name: parameters[name] for name in re.findall(r"%\((\w+)\)s", statement.text)}
    row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {statement.text}", used).fetchone()
    if row is None:
        raise RuntimeError("EXPLAIN gave nothing")
    told = row[0][0]
    plan = told["Plan"]
    return told["Planning Time"] + told["Execution Time"], plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def measure_rounds(simulator: Simulator) -> dict[str, tuple[float, float]]:
    """Run rounds of each collector as `serve` does; give the time at the database of one, and of all in a minute."""
    config = load_config(simulator.configuration_file)
    exposition = Exposition()
    watch = Watch(config, config.instances[0], clock=SystemClock(), state=State(), exposition=exposition)
    measured = {}
    for name, job in watch.jobs.items():
        job.run()
        if name not in database_seconds(exposition):
            continue
        seconds = []
        for _ in range(REPEATS):
            before = database_seconds(exposition)[name]
            job.run()
            seconds.append(database_seconds(exposition)[name] - before)
        median = statistics.median(seconds) * 1000
        measured[name] = (median, median * 60 / job.interval)
    watch.close()
    return measured


def database_seconds(exposition: Exposition) -> dict[str, float]:
    """Read what the exporter itself tells of its time at the database, by collector."""
    families = text_string_to_metric_families(exposition.snapshot.plain.decode())
    samples = (sample for family in families for sample in family.samples)
    return {sample.labels["collector"]: sample.value for sample in samples if sample.name == DATABASE_SECONDS.name}


def show(what: str, heads: tuple[str, str], rows: Mapping[str, tuple[float, float]]) -> None:
    """Print a table."""
    table = Table(what, *heads)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, (first, second) in rows.items():
        table.add_row(name, f"{first:,.2f}", f"{second:,.0f}")
    CONSOLE.print(table)


if __name__ == "__main__":
    main()
