"""What a database lacks switches off what stands on it, says so once, and harms nothing else.

What each collector is expected to lose is what `doctor` says of each statement: so the two agree.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import psycopg
import pytest

from campaign_exporter.doctor.needs import NEEDS, WHY, Scope
from campaign_exporter.sources import deliverability_statements, hygiene_statements, statements
from campaign_exporter.sources.log_statements import OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_simulator.postgres import PostgresServer
from integration.database.scene import MakeScene, Observer, Scene, new_database, until

#: What each collector on the database tells as long as it tells anything of it.
TELLS = {
    "affinity": "campaign_ip_affinity_latent_definitions",
    "deliveries": "campaign_deliveries",
    "pending": "campaign_deliveries_pending",
    "throughput": "campaign_messages_total",
    "outlook": "campaign_messages_under_way",
    "database": "campaign_database_blocked_sessions",
}
#: These tell much beside what any single statement gives: whether they fall silent is for tests of their own.
IN_PARTS = ("messages", "tracking", "deliverability", "workflows", "maintenance", "hygiene", "recipients")
#: Statements for whose answers there is another source: nobody is off without them.
DISPENSABLE = (statements.FLOWING_AFFINITIES,)
#: Of tables that not every instance has: nobody is off where the table is not there.
OPTIONAL = (
    deliverability_statements.MX_OWNERS,
    hygiene_statements.ADDRESS_STATISTICS,
    hygiene_statements.ADDRESSES_CHANGED,
    hygiene_statements.RECIPIENT_STATISTICS,
    hygiene_statements.CLEANUP_LOG_ERRORS,
    hygiene_statements.RT_EVENTS,
    *OTHER_LOG_STATEMENTS,
)
#: Delivery logs that not every instance has, and the simulator's has.
LOGS = frozenset({"nmsbroadlogmid"})
SERVER_CONFIGURATION = """
<serverconf>
  <shared><mta><IPAffinity name="retail.fr"><IP address="192.0.2.1" publicId="1"/></IPAffinity></mta></shared>
  <default><mta autoStart="true"/></default>
</serverconf>
"""
SCHEMA = "public"


class Want(NamedTuple):
    """A table, a column of it, or all indexes that begin with one, that is missing where throughput has some source."""

    source: str
    table: str
    column: str | None = None
    leading: str | None = None

    def __str__(self) -> str:
        thing = self.column or (f"index on {self.leading}" if self.leading else "")
        return f"{self.source} {self.table} {thing}"

    @property
    def lost(self) -> list[Statement]:
        """The statements that cannot be asked any more."""
        scope = Scope(SCHEMA, "", frozenset((*TELLS, *IN_PARTS)), self.source, LOGS)
        if self.leading is not None:
            found = ((each, each.index) for each in scope.statements)
            return [each for each, on in found if on and (on.table, on.columns[0]) == (self.table, self.leading)]
        return scope.reading(self.table, None if self.column is None else [self.column])

    @property
    def word(self) -> str:
        """What the log line must name."""
        if self.leading is not None:
            return f"lacks an index that begins with {self.leading}"
        return f"lacks the column {self.column}" if self.column else "is not there"


def wants() -> Iterator[Want]:
    """List all that may be missing."""
    scope = Scope(SCHEMA, "", frozenset((*TELLS, *IN_PARTS)), "delivery_stat", LOGS)
    for table, columns in scope.tables.items():
        yield from (Want(scope.throughput, table, column) for column in (None, *columns))
    for table, leading in sorted({(each.index.table, each.index.columns[0]) for each in scope.statements if each.index}):
        yield Want(scope.throughput, table, leading=leading)
    for source, statement in (("delivery_counters", statements.DELIVERY_COUNTERS), ("auto", statements.THROUGHPUT_EVIDENCE)):
        for table, columns in statement.reads.items():
            yield from (Want(source, table, column) for column in columns)


@pytest.fixture(scope="module")
def site(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("site")
    (directory / "serverConf.xml").write_text(SERVER_CONFIGURATION)
    with ExitStack() as exits:
        scene = Scene(server, new_database(server), directory, exits=exits)
        scene.instance["hosts"] = [
            {"name": "mta1", "configuration": [str(directory / "serverConf.xml")], "expected_processes": ["mta"]}
        ]
        scene.collectors |= {"processes": {"enabled": False}, "recipients": {"enabled": True}}
        scene.delivery(1, sIPAffinity="retail.fr")
        scene.insert("NmsTypology", iTypologyId=1, sIPAffinity="ghost")
        yield scene


@contextmanager
def without(site: Scene, want: Want) -> Iterator[None]:
    back = list(_take_away(site, want))
    try:
        yield
    finally:
        for statement in back:
            site.execute(statement)


def _take_away(site: Scene, want: Want) -> Iterator[str]:
    """Take it away; give the statements that bring it back."""
    if want.leading is not None:
        beginning = f"({want.leading}"
        definitions = site.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", want.table)
        for name, definition in definitions:
            if f"{beginning}," in definition or f"{beginning})" in definition:
                site.execute(f"DROP INDEX {name}")
                yield definition
    elif want.column is None:
        site.execute(f"ALTER TABLE {want.table} RENAME TO gone")
        yield f"ALTER TABLE gone RENAME TO {want.table}"
    else:
        site.execute(f"ALTER TABLE {want.table} RENAME {want.column} TO gone")
        yield f"ALTER TABLE {want.table} RENAME gone TO {want.column}"


@contextmanager
def watched(site: Scene, source: str) -> Iterator[Observer]:
    site.instance["throughput"] = {"source": source}
    seen = site.watch()
    try:
        yield seen
    finally:
        seen.close()
        until(lambda: not site.our_sessions())  # the role has but a few connections


def off(seen: Observer) -> set[str]:
    """Name the collectors that say that something which they stand on is not there."""
    return {name for (name,), value in seen.samples("campaign_exporter_collector_available").items() if value == 0}


def failed(seen: Observer) -> set[str]:
    return {name for name in seen.watched.jobs if seen.success(name) != 1}


def silent(seen: Observer) -> set[str]:
    return {name for name, metric in TELLS.items() if not seen.samples(metric)}


def askers(want: Want) -> set[str]:
    """Name the collectors that miss what is missing."""
    dispensable = (*DISPENSABLE, *(OPTIONAL if want.column is None and want.leading is None else ()))
    missed = [statement for statement in want.lost if statement not in dispensable]
    return {name for statement in missed for name in NEEDS[statement.name].asked_by} - {WHY}


def test_each_collector_on_the_database_is_under_this_test(site: Scene) -> None:
    askers = {name for need in NEEDS.values() for name in need.asked_by} - {WHY}
    assert askers <= {*TELLS, *IN_PARTS}, "say in TELLS by which metric one sees that it goes on"
    with watched(site, "auto") as seen:
        assert seen.watched.jobs.keys() == {*TELLS, *IN_PARTS}


@pytest.mark.parametrize("want", [*wants()], ids=str)
def test_what_is_missing_switches_off_what_stands_on_it_and_nothing_else(
    site: Scene, want: Want, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(site, want.source) as seen, without(site, want):
        seen.round()
        assert off(seen) == failed(seen) == askers(want)
        assert silent(seen) == set(Scope(SCHEMA, "", frozenset((*TELLS, *IN_PARTS)), want.source, LOGS).failing(want.lost)) - {
            WHY,
            *IN_PARTS,
        }
        assert all(seen.failures(name).keys() == {"missing"} for name in off(seen))
        said = [record.getMessage() for record in caplog.records if "reason=missing" in record.getMessage()]
        assert {line.split("prod/")[1].split()[0] for line in said} == off(seen)
        assert all(f"table {want.table} {want.word}" in line for line in said)


@pytest.mark.parametrize("want", [want for want in wants() if want.column is None], ids=str)
def test_it_is_said_once_and_over_once_it_is_back(site: Scene, want: Want, caplog: pytest.LogCaptureFixture) -> None:
    with watched(site, want.source) as seen:
        seen.round()
        assert off(seen) == failed(seen) == silent(seen) == set()
        with without(site, want):
            site.clock.ahead += 61
            seen.round().round()
            assert off(seen) == failed(seen) == askers(want)
            said = [line for line in caplog.messages if "reason=missing" in line]
            assert len(said) == len(set(said))
        site.clock.ahead += 61
        caplog.clear()
        seen.round()
        assert off(seen) == failed(seen) == silent(seen) == set()
        assert not [line for line in caplog.messages if "not read" in line]


@contextmanager
def changed(site: Scene, *statements: str, back: str) -> Iterator[None]:
    for statement in statements:
        site.execute(statement)
    try:
        yield
    finally:
        site.execute(back)


STAT_INDEX = "DROP INDEX IF EXISTS other; CREATE UNIQUE INDEX nmsdeliverystat_date ON nmsdeliverystat (tsdate, ideliveryid)"


@pytest.mark.parametrize(
    "definition",
    [
        "(ideliveryid, tsdate)",
        "(tsdate) WHERE iverifymode = 0",
        "((ideliveryid + 1), tsdate)",
        "USING brin (tsdate)",
        "USING hash (tsdate)",
        "(ideliveryid) INCLUDE (tsdate)",
    ],
)
def test_an_index_of_another_kind_does_not_do(site: Scene, definition: str) -> None:
    made = f"CREATE INDEX other ON nmsdeliverystat {definition}"
    with changed(site, "DROP INDEX nmsdeliverystat_date", made, back=STAT_INDEX), watched(site, "delivery_stat") as seen:
        seen.round()
        assert off(seen) == {"throughput"}
        assert seen.failures("throughput") == {"missing": 1}


@pytest.mark.parametrize("definition", ["(tsdate)", "(tsdate DESC NULLS LAST, iverifymode)", "(tsdate) INCLUDE (ideliveryid)"])
def test_an_index_of_another_name_does(site: Scene, definition: str) -> None:
    made = f"CREATE INDEX other ON nmsdeliverystat {definition}"
    with changed(site, "DROP INDEX nmsdeliverystat_date", made, back=STAT_INDEX), watched(site, "delivery_stat") as seen:
        assert off(seen.round()) == failed(seen) == set()


def test_included_columns_and_half_an_index_make_no_part_cheap_to_find(site: Scene) -> None:
    state = "DROP INDEX other; CREATE INDEX nmsdeliverypart_state ON nmsdeliverypart (ideliveryid, tsnextpass)"
    made = "CREATE INDEX other ON nmsdeliverypart (ideliveryid) INCLUDE (tsnextpass)"
    with changed(site, "DROP INDEX nmsdeliverypart_state", made, back=state), watched(site, "auto") as seen:
        assert off(seen.round()) == {"deliveries", "pending", "outlook"}
        assert silent(seen) == set()


def test_an_index_that_could_not_be_built_does_not_do_until_it_is_built_anew(site: Scene) -> None:
    with (
        changed(site, "DROP INDEX nmsdeliverystat_date", back="TRUNCATE nmsdeliverystat; " + STAT_INDEX),
        watched(site, "delivery_stat") as seen,
    ):
        site.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid) VALUES (now(), 1), (now(), 1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            site.execute("CREATE UNIQUE INDEX CONCURRENTLY other ON nmsdeliverystat (tsdate)")
        assert site.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'other'::regclass") == [(False,)]
        assert off(seen.round()) == {"throughput"}
        site.execute("DROP INDEX other")
        site.execute("CREATE INDEX CONCURRENTLY other ON nmsdeliverystat (tsdate)")
        site.clock.ahead += 61
        assert off(seen.round()) == failed(seen) == set()


def test_a_partitioned_table_is_as_good_as_its_index(site: Scene) -> None:
    partitioned = """
    ALTER TABLE nmsdeliverystat RENAME TO whole;
    CREATE TABLE nmsdeliverystat (LIKE whole) PARTITION BY RANGE (tsdate);
    GRANT SELECT ON nmsdeliverystat TO campaign_monitor;
    CREATE TABLE this_century PARTITION OF nmsdeliverystat FOR VALUES FROM ('2000-01-01') TO ('2100-01-01');
    INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (now(), 1, 5);
    CREATE INDEX half ON ONLY nmsdeliverystat (tsdate)
    """
    back = "DROP TABLE nmsdeliverystat; ALTER TABLE whole RENAME TO nmsdeliverystat"
    with changed(site, partitioned, back=back), watched(site, "delivery_stat") as seen:
        assert off(seen.round()) == {"throughput"}  # of the parent alone: it is not valid
        site.execute("CREATE INDEX ON nmsdeliverystat (tsdate, ideliveryid)")
        site.clock.ahead += 61
        assert off(seen.round()) == failed(seen) == set()


def test_a_view_has_columns_and_no_index(site: Scene) -> None:
    away = """
    ALTER TABLE {0} RENAME TO beneath; CREATE VIEW {0} AS SELECT * FROM beneath; GRANT SELECT ON {0} TO campaign_monitor
    """
    back = "DROP VIEW {0}; ALTER TABLE beneath RENAME TO {0}"
    for table, expected in (("nmstypology", set()), ("nmsdelivery", set()), ("nmsdeliverystat", {"throughput"})):
        with changed(site, away.format(table), back=back.format(table)), watched(site, "delivery_stat") as seen:
            assert off(seen.round()) == failed(seen) == expected, table


def test_names_are_lower_case_as_campaign_makes_them(site: Scene) -> None:
    with (
        changed(
            site,
            'ALTER TABLE nmsdeliverystat RENAME TO "NmsDeliveryStat"',
            back='ALTER TABLE "NmsDeliveryStat" RENAME TO nmsdeliverystat',
        ),
        watched(site, "delivery_stat") as seen,
    ):
        assert off(seen.round()) == {"throughput"}


def test_a_schema_of_any_name_and_only_that(make_scene: MakeScene) -> None:
    scene = make_scene(schema='Odd "Schema"')
    scene.execute("CREATE TABLE public.nmsdeliverystat (tsdate int); DROP INDEX nmsdeliverystat_date")
    scene.execute("CREATE INDEX ON public.nmsdeliverystat (tsdate)")
    seen = scene.watch().round()
    assert off(seen) == {"throughput"}
    scene.execute("CREATE INDEX ON nmsdeliverystat (tsdate)")
    scene.clock.ahead += 61
    assert off(seen.round()) == set()


@pytest.mark.parametrize("schema", ["public", 'Odd "Schema"'])
def test_a_schema_that_is_shut_is_not_missing(make_scene: MakeScene, schema: str) -> None:
    scene = make_scene(schema=schema)
    quoted = '"{}"'.format(schema.replace('"', '""'))
    scene.execute(f"REVOKE USAGE ON SCHEMA {quoted} FROM public, campaign_monitor")
    seen = scene.watch().round()
    on_database = [name for name in TELLS if name != "affinity"]
    assert {name: seen.failures(name).keys() for name in on_database} == {name: {"permission"} for name in on_database}
    assert off(seen) == set()
    scene.execute(f"GRANT USAGE ON SCHEMA {quoted} TO campaign_monitor")
    scene.clock.ahead += 61
    seen.round()
    assert [name for name in on_database if seen.success(name) != 1] == []
