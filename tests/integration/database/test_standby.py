import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from campaign_exporter.doctor.check import Result
from campaign_simulator.postgres import PostgresServer
from integration.database.scene import MakeScene, Scene, until
from integration.examined import examined

LAG = "campaign_database_replay_lag_seconds"


@pytest.fixture
def standby(own_server: PostgresServer) -> Iterator[PostgresServer]:
    """Give a replica of a server, in a directory that the server's account may use."""
    copy = Path(own_server.socket_directory) / "standby"
    source = own_server.dsn(database="postgres")
    own_server._tools().run("pg_basebackup", f"--dbname={source}", f"--pgdata={copy}", "-R", "--checkpoint=fast", "--no-sync")
    replica = PostgresServer(copy)
    try:
        with replica:
            yield replica
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def execute(server: PostgresServer, database: str, statement: str) -> object:
    with psycopg.connect(server.dsn(database=database), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def test_a_replica_tells_its_lag_and_is_not_believed_when_it_is_behind(
    own_server: PostgresServer, standby: PostgresServer, make_scene: MakeScene
) -> None:
    primary = make_scene(own_server)
    replica = Scene(standby, primary.database, primary.directory, exits=primary.exits, clock=primary.clock)
    until(lambda: execute(standby, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{primary.database}'") is not None)
    caught_up(primary, replica)
    replica.collectors = {"deliveries": {"interval": 1}, "pending": {"interval": 1}}
    seen = replica.watch().round()
    assert (seen.value(LAG), seen.success("deliveries")) == (0, 1)
    assert primary.watch().round("database").value(LAG) is None

    execute(standby, "postgres", "SELECT pg_wal_replay_pause()")
    primary.delivery(1)
    until(lambda: lag(replica) > 3.5)
    seen.round("deliveries", "database")
    assert seen.failures("deliveries") == {"stale": 1}
    assert (seen.value("campaign_up"), seen.success("database")) == (1, 1)
    assert (seen.value(LAG) or 0) > 3.5

    execute(standby, "postgres", "SELECT pg_wal_replay_resume()")
    caught_up(primary, replica)
    seen.round("deliveries", "database")
    assert (seen.value(LAG), seen.success("deliveries")) == (0, 1)
    assert seen.value("campaign_deliveries", state="start_pending", channel="email") == 1


def caught_up(primary: Scene, replica: Scene) -> None:
    (position,) = primary.execute("SELECT pg_current_wal_lsn()")[0]
    until(lambda: replica.execute("SELECT pg_last_wal_replay_lsn() >= %s", position) == [(True,)])
    until(lambda: replica.execute("SELECT pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()") == [(True,)])


def lag(replica: Scene) -> float:
    (value,) = replica.execute("SELECT date_part('epoch', clock_timestamp() - pg_last_xact_replay_timestamp())")[0]
    return float(value)


def test_the_doctor_tells_a_replica_and_when_it_is_too_far_behind(
    own_server: PostgresServer, standby: PostgresServer, make_scene: MakeScene
) -> None:
    primary = make_scene(own_server)
    replica = Scene(standby, primary.database, primary.directory, exits=primary.exits, clock=primary.clock)
    until(lambda: execute(standby, "postgres", f"SELECT 1 FROM pg_database WHERE datname = '{primary.database}'") is not None)
    caught_up(primary, replica)
    replica.collectors = {"deliveries": {"interval": 1}}
    seen = examined(replica.config())
    assert seen.found == set()
    assert seen.the("replica").what == "this is a replica, 0.0 s behind"
    assert {check.result for check in seen.checks if check.name.startswith("write")} == {Result.OK}

    execute(standby, "postgres", "SELECT pg_wal_replay_pause()")
    primary.delivery(1)
    until(lambda: lag(replica) > 3.5)
    seen = examined(replica.config())
    assert {"replica", "round of deliveries"} <= seen.found
    assert "withdraws what is older than 3 s" in seen.the("replica").why
    execute(standby, "postgres", "SELECT pg_wal_replay_resume()")
