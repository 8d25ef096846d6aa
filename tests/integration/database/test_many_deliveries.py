"""A hundred thousand deliveries, a hundred times what Adobe advises: no statement takes long, and the table is read once."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from campaign_simulator.postgres import PostgresServer
from integration.database.history import History
from integration.database.scene import Scene, new_database

DELIVERIES = 100_000
#: No statement of ours may take more of the server, in milliseconds.
LONGEST = 50
OURS = "FROM pg_stat_statements WHERE userid = 'campaign_monitor'::regrole AND query !~ '^(BEGIN|SET|COMMIT|CLOSE|DECLARE)'"


#: Collectors that ask several times a minute, and the others on the database.
OFTEN = ("affinity", "deliveries", "pending", "throughput", "outlook", "database")
RARELY = ("messages", "tracking", "deliverability", "workflows", "maintenance", "hygiene", "recipients")


@pytest.fixture(scope="module")
def crowded(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as exits:
        scene = Scene(server, new_database(server), tmp_path_factory.mktemp("crowded"), exits=exits)
        if not scene.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"):
            pytest.skip("this PostgreSQL has no pg_stat_statements")
        scene.execute("CREATE EXTENSION pg_stat_statements")
        connection = scene.connect()
        history = History(connection, ("nmsdeliverystat", "nmsdeliverypart"))
        history.begin(DELIVERIES)
        history.lengthen(20_000)
        connection.execute("VACUUM ANALYZE")
        (directory := scene.directory / "serverConf.xml").write_text("<serverconf><shared/><default/></serverconf>")
        scene.instance["hosts"] = [{"name": "mta1", "configuration": [str(directory)]}]
        # A machine that is busy must not cut a round off: what a statement takes is looked at, not what a round does.
        patient = {"interval": 60, "timeout": 30}
        scene.collectors = {name: {"enabled": True, **patient} for name in (*OFTEN, *RARELY)}
        scene.collectors["processes"] = {"enabled": False}
        scene.database_settings["statement_timeout"] = 10
        yield scene


def dear(crowded: Scene, *collectors: str) -> list[tuple[float, str]]:
    """Run three rounds of some collectors, and give the statements that took long, on average."""
    crowded.execute("SELECT pg_stat_statements_reset()")
    seen = crowded.watch()
    for _ in range(3):
        seen.round(*collectors)
    assert [name for name in collectors if seen.success(name) != 1] == []
    seen.close()
    mean = "mean_time" if crowded.server.version.startswith("12.") else "mean_exec_time"
    return crowded.execute(f"SELECT {mean}, query {OURS} AND {mean} > {LONGEST}")


def test_nor_does_one_of_those_that_are_asked_each_minute_or_less_often(crowded: Scene) -> None:
    assert dear(crowded, *RARELY) == []


@pytest.mark.parametrize("source", ["delivery_stat", "delivery_counters"])
def test_no_statement_takes_long_and_no_round_reads_the_table_twice(crowded: Scene, source: str) -> None:
    crowded.instance["throughput"] = {"source": source}
    assert dear(crowded, *OFTEN) == []
    [(buffers, pages)] = crowded.execute(
        f"SELECT sum(shared_blks_hit + shared_blks_read) / 3, pg_relation_size('nmsdelivery') / 8192 {OURS}"
    )
    whole_reads = {"delivery_stat": 1, "delivery_counters": 2}[source]
    # PostgreSQL 18 reads ahead, and does not count the last pages with the statement that gets their rows.
    # Beside them are the reads by an index, those of the parts that are still to come among them.
    assert 0.95 * whole_reads * pages < buffers < (whole_reads + 0.85) * pages


def test_what_is_fetched_page_by_page_is_complete(crowded: Scene) -> None:
    seen = crowded.watch().round("deliveries")
    real = "ideliveryid <> 0 AND coalesce(iismodel, 0) = 0 AND coalesce(ifcp, 0) = 0 AND coalesce(ideletestatus, 0) = 0"
    by_state = crowded.execute(f"SELECT count(*) FROM nmsdelivery WHERE {real} AND istate = 95")
    assert seen.value("campaign_deliveries", state="finished", channel="email") == by_state[0][0] > 50_000
    assert (
        sum(seen.samples("campaign_deliveries").values())
        == crowded.execute(f"SELECT count(*) FROM nmsdelivery WHERE {real}")[0][0]
    )
    fetched = crowded.execute(f"SELECT sum(calls) {OURS} AND query LIKE 'FETCH%%'")
    assert fetched[0][0] >= 8
    seen.close()
