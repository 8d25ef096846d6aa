"""No statement scans a log, and none gets dearer as history grows. A new statement is under guard as soon as it is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from campaign_exporter.sources.delivery_statements import JOB_LOG, PART_COUNTS
from campaign_exporter.sources.hygiene_statements import ADDRESS_STATISTICS, RECIPIENT_STATISTICS
from campaign_exporter.sources.recipient_statements import RECIPIENT_ACTIVITY
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import HOLDERS, NEXT_PASSES, STATEMENTS
from campaign_simulator.postgres import PostgresServer
from integration.database.history import SMALL, History
from integration.database.plans import Run, run, variants
from integration.database.scene import MakeScene, new_database

LOGS = frozenset(table for statement in STATEMENTS for table in statement.reads) - SMALL
#: Ask for what PostgreSQL's planner knows of columns; the right to read these is what is needed, and no row is read.
OF_THE_PLANNER = (ADDRESS_STATISTICS, RECIPIENT_STATISTICS)
#: Rows of each log in a long history, and in a short one.
LONG = 2_400_000 // len(LOGS)
SHORT = LONG // 10
#: By how much what a statement looks at may grow while a history grows tenfold.
GROWTH = 1.3


@dataclass(frozen=True)
class Stage:
    """What has become of the history; afterwards a statement may look at `growth` times the buffers of the short one."""

    name: str
    apply: Callable[[History], None]
    growth: float = GROWTH


def _only_what_is_declared(history: History) -> None:
    history.keep_only(statement.index for statement in STATEMENTS if statement.index is not None)


#: One after the other, on one database.
STAGES = (
    Stage("not analysed since it was short", lambda history: history.lengthen(LONG)),
    Stage("never analysed", History.forget_statistics),
    Stage("analysed", History.analyze),
    Stage("full of nulls", lambda history: history.add_blank(LONG // 5)),
    Stage("purged", History.purge),
    # The same rows, on several times as many pages.
    Stage("bloated", History.churn, growth=2),
    Stage("with the declared indexes alone", _only_what_is_declared, growth=2),
)


class Arena:
    """A database that goes through the stages, and what each statement cost before the first."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.history = History(connection, LOGS)
        self._waiting = list(STAGES)
        self.history.begin()
        self.history.lengthen(SHORT)
        self.history.analyze()
        self.short = {
            statement.name: [self._dearest(statement, each) for each in variants(statement)] for statement in STATEMENTS
        }

    def advance(self, stage: Stage) -> None:
        """Let happen what has not happened yet, up to a stage."""
        while stage in self._waiting:
            self._waiting.pop(0).apply(self.history)

    def leading(self, index: str) -> tuple[str, ...]:
        """Name the columns of an index in their order."""
        rows = self.connection.execute(
            "SELECT a.attname FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) ORDER BY a.attnum", (index,)
        )
        return tuple(name for (name,) in rows)

    def _dearest(self, statement: Statement, parameters: dict[str, object]) -> int:
        """Count the buffers, whichever way to use the index the planner likes best."""
        seen = []
        for bitmaps in ("off", "on"):
            self.connection.execute(f"SET enable_bitmapscan = {bitmaps}")
            seen += [run(self.connection, statement, parameters, generic=generic).buffers for generic in (False, True)]
        return max(seen)


@pytest.fixture(scope="module")
def arena(server: PostgresServer) -> Iterator[Arena]:
    with psycopg.connect(server.dsn(database=new_database(server)), autocommit=True) as connection:
        yield Arena(connection)


@pytest.fixture(scope="module", params=STAGES, ids=lambda stage: stage.name)
def stage(request: pytest.FixtureRequest, arena: Arena) -> Stage:
    chosen: Stage = request.param
    arena.advance(chosen)
    return chosen


#: Buffers by which a short answer may grow: row by row a page is counted each time that it is come back to, in a bitmap once,
#: and the planner may change from one to the other. What grew with the history, tenfold, would grow by far more.
COUNTED_AGAIN = 10


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_whoever_reads_a_log_names_the_index_that_it_stands_on(statement: Statement) -> None:
    logs = set(statement.reads) & LOGS if statement not in OF_THE_PLANNER else set()
    assert not logs or (statement.index is not None and logs == {statement.index.table}), f"{statement.name} reads {logs}"
    if statement.index is not None:
        assert set(statement.index.columns) <= set(statement.reads[statement.index.table])


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.name)
def test_a_statement_keeps_to_its_index_and_to_its_cost(arena: Arena, stage: Stage, statement: Statement) -> None:
    for parameters, short in zip(variants(statement), arena.short[statement.name], strict=True):
        for generic in (False, True):
            seen = run(arena.connection, statement, parameters, generic=generic)
            _check_scans(arena, statement, seen)
            if statement.reads:
                # A tree that holds ten times as much may be a level higher.
                allowed = stage.growth * short + seen.descents + COUNTED_AGAIN
                assert seen.buffers <= allowed, f"{short} buffers became {seen.buffers}: {seen}"


def _check_scans(arena: Arena, statement: Statement, seen: Run) -> None:
    for scan in seen.scans:
        if scan.table in LOGS:
            assert scan.index is not None, f"{statement.name} scans {scan.table}: it needs {statement.index}"
            assert scan.conditional, f"{statement.name} reads all of the index {scan.index}"
            assert statement.index is not None
            columns = statement.index.columns
            assert arena.leading(scan.index)[: len(columns)] == columns, f"{statement.name}: {scan.index}"


def test_a_delivery_of_any_size_is_looked_at_within_bounds(make_scene: MakeScene) -> None:
    """Two parts tell when it goes on, two hundred who holds it; for a person, 20,000 are counted and 500 lines read."""
    scene = make_scene()
    scene.execute(
        "INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid, tsnextpass, iprocessid, shostname)"
        " SELECT n, 1, now() - n * interval '1 second', n, 'mta1' FROM generate_series(1, 200000) n"
    )
    scene.execute(
        "INSERT INTO xtkjoblog (ijoblogid, ijobid, smessage) SELECT n, 1, 'text ' || n FROM generate_series(1, 200000) n"
    )
    scene.execute("ANALYZE")
    bounds = ((NEXT_PASSES, 20), (HOLDERS, 300), (PART_COUNTS, 500), (JOB_LOG, 50))
    with scene.connect() as connection:
        for statement, bound in bounds:
            parameters = {**next(variants(statement)), **({"deliveries": [1]} if statement in (NEXT_PASSES, HOLDERS) else {})}
            assert run(connection, statement, parameters).buffers <= bound, statement.name


@pytest.mark.parametrize("learnt", ["ANALYZE", "SELECT"], ids=["analysed", "never analysed"])
def test_a_recipient_with_any_number_of_logs_is_looked_at_within_bounds(make_scene: MakeScene, learnt: str) -> None:
    """The newest log is looked at first, a hundred and one at most, though the planner takes all for one recipient's."""
    scene = make_scene()
    scene.execute(
        "INSERT INTO nmstrackinglogrcp (itrackinglogid, irecipientid, tslog)"
        " SELECT n, 1 + n % 2, now() - interval '2 days' FROM generate_series(1, 200000) n"
    )
    scene.execute("INSERT INTO nmstrackinglogrcp (itrackinglogid, irecipientid, tslog) VALUES (-1, 2, now())")
    scene.execute(learnt)
    parameters = {"ids": [1, 2, 3], "inactive_after": 86400.0}
    with scene.connect() as connection:
        for generic in (False, True):
            seen = run(connection, RECIPIENT_ACTIVITY, parameters, generic=generic)
            assert {(scan.index, scan.conditional) for scan in seen.scans} == {("nmstrackinglogrcp_recipientid", True)}
            assert seen.buffers <= 40
        # The second did something, the third has no log, and of the first nobody can tell.
        assert connection.execute(RECIPIENT_ACTIVITY.text, parameters).fetchall() == [(1, 1, 1)]
