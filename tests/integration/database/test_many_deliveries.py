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
        scene.collectors = dict.fromkeys(("affinity", "deliveries", "pending", "throughput", "database"), patient)
        scene.collectors["processes"] = {"enabled": False}
        scene.database_settings["statement_timeout"] = 10
        yield scene


@pytest.mark.parametrize("source", ["delivery_stat", "delivery_counters"])
def test_no_statement_takes_long_and_no_round_reads_the_table_twice(crowded: Scene, source: str) -> None:
    crowded.instance["throughput"] = {"source": source}
    crowded.execute("SELECT pg_stat_statements_reset()")
    seen = crowded.watch().round().round().round()
    assert [name for name in seen.watched.jobs if seen.success(name) != 1] == []
    mean = "mean_time" if crowded.server.version.startswith("12.") else "mean_exec_time"
    dear = crowded.execute(f"SELECT {mean}, query {OURS} AND {mean} > {LONGEST}")
    seen.close()
    assert dear == []
    [(buffers, pages)] = crowded.execute(
        f"SELECT sum(shared_blks_hit + shared_blks_read) / 3, pg_relation_size('nmsdelivery') / 8192 {OURS}"
    )
    whole_reads = {"delivery_stat": 1, "delivery_counters": 2}[source]
    # PostgreSQL 18 reads ahead, and does not count the last pages with the statement that gets their rows.
    assert 0.95 * whole_reads * pages < buffers < (whole_reads + 0.7) * pages


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
