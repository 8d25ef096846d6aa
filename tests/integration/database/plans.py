"""How PostgreSQL runs a statement: on which indexes, and how many buffers it looks at."""

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import SENDING_TABLES, columns_read

#: Values for each parameter that a statement may have; the first is an ordinary one.
EXAMPLES: Mapping[str, Sequence[object]] = {
    "deliveries": ([1, -2, 3], [1], list(range(1, 51)), list(range(1, 1001))),
    "names": (["NmsMTA_Alert_Delay", "operationMgt"],),
    "id": (1,),
    "name": ("DM1",),
    "window": (7 * 86400,),
    "start": (time.time() - 3 * 3600,),
    "end": (math.inf, time.time() - 3600),
    "starts": ([time.time() - 1200], [time.time() - 7200, time.time() - 600]),
    "ends": ([time.time() + 60], [time.time() - 3600, math.inf]),
    "rows": (500, 5000),
    "stuck": (900,),
    "moment": (time.time() - 600,),
    "ids": ([1, 2, 3], [1], list(range(1, 51)), list(range(1, 1001))),
    "span": (6 * 3600.0,),
    "coalesced": (0.0, time.time() - 3 * 3600),
    "most": (5000,),
    "mxs": ([1, -2, 3],),
    "public_ids": ([1, 2, 3],),
    "after": (-(2**63), -100, 5),
    "inactive_after": (365 * 86400.0, 3600.0),
    "tables": ([*SENDING_TABLES, *columns_read()],),
}
_PARAMETER = re.compile(r"%\((\w+)\)s")
#: As in a round of the exporter.
_SETTINGS = "SET jit = off; SET max_parallel_workers_per_gather = 0"


@dataclass(frozen=True)
class Scan:
    """One node of a plan that reads a table."""

    table: str
    kind: str
    index: str | None
    conditional: bool
    descents: int


@dataclass(frozen=True)
class Run:
    """How a statement was run once: its scans, shared buffers and milliseconds."""

    scans: tuple[Scan, ...]
    buffers: int
    milliseconds: float

    @property
    def descents(self) -> int:
        """How often an index was searched from its root."""
        return sum(scan.descents for scan in self.scans)


def variants(statement: Statement) -> Iterator[dict[str, object]]:
    """Give values for the parameters of a statement: ordinary ones, then each example of each parameter."""
    names = set(_PARAMETER.findall(statement.text))
    unknown = names - EXAMPLES.keys()
    assert not unknown, f"{statement.name}: say in EXAMPLES what {sorted(unknown)} may be"
    ordinary = {name: EXAMPLES[name][0] for name in names}
    yield ordinary
    for name in sorted(names):
        yield from ({**ordinary, name: value} for value in EXAMPLES[name][1:])


def run(
    connection: psycopg.Connection, statement: Statement, parameters: Mapping[str, object], *, generic: bool = False
) -> Run:
    """Run a statement twice under EXPLAIN; tell of the second time. A `generic` plan is made before the values are known."""
    connection.execute(_SETTINGS)
    text, values = f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) {statement.text}", parameters
    if generic:
        text, values = _prepared(connection, statement, parameters), {}
    connection.execute(text, values or None)
    [(told,)] = connection.execute(text, values or None).fetchone() or ()
    planning = told.get("Planning", {})
    buffers = sum(each.get(f"Shared {what} Blocks", 0) for each in (told["Plan"], planning) for what in ("Hit", "Read"))
    most = max((len(value) for value in parameters.values() if isinstance(value, list)), default=1)
    return Run(tuple(_scans(told["Plan"], most)), buffers, told["Execution Time"])


def _prepared(connection: psycopg.Connection, statement: Statement, parameters: Mapping[str, object]) -> str:
    names = list(dict.fromkeys(_PARAMETER.findall(statement.text)))
    numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement.text).replace("%%", "%")
    connection.execute("SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL")
    connection.execute(f"PREPARE ours AS {numbered}".encode())
    literals = ", ".join(psycopg.sql.Literal(_quoted(parameters[name])).as_string(connection) for name in names)
    return f"EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json) EXECUTE ours{f'({literals})' if names else ''}"


def _quoted(value: object) -> object:
    """Write a value so that PostgreSQL may take it for what it wants."""
    if isinstance(value, list):
        return "{" + ",".join(map(str, value)) + "}"
    return str(value)


def _scans(plan: Mapping[str, Any], most: int) -> Iterator[Scan]:
    """List the nodes that read tables; an index is searched for each of at most `most` elements of an array."""
    table = plan.get("Relation Name")
    if table is not None:
        on = _index_node(plan) or {}
        condition = on.get("Index Cond", "")
        searches = plan["Actual Loops"] * (most if "= ANY" in condition else 1) if on else 0
        yield Scan(table, plan["Node Type"], on.get("Index Name"), bool(condition), searches)
    for child in plan.get("Plans", ()):
        yield from _scans(child, most)


def _index_node(plan: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the index that a scan of a table goes by: a bitmap is made below it."""
    if "Index Name" in plan:
        return plan
    return next((found for child in plan.get("Plans", ()) if (found := _index_node(child))), None)
