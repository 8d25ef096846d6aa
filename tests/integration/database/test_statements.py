import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from campaign_exporter.config import Database as DatabaseSettings
from campaign_exporter.errors import SourceError, StatementFailed
from campaign_exporter.grants import grants_sql
from campaign_exporter.sources.database import Database
from campaign_exporter.sources.log_statements import OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import (
    NEXT_PASSES,
    SENDING_DELIVERIES,
    SENDING_TABLES,
    STATEMENTS,
    columns_read,
)
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.programs import embedded_bin_directory, find_bin_directory
from campaign_simulator.tricky import insert_tricky_rows
from integration.database.scene import PASSWORD, MakeScene, Scene, prepare

LARGE = ("nmsbroadlogrcp", "nmstrackinglogrcp", "nmsdeliverystat", "nmsdeliverypart", "xtkjoblog")
PARAMETERS = {
    "deliveries": [1, -2, 3],
    "names": ["NmsMTA_Alert_Delay", "operationMgt"],
    "id": 1,
    "name": "DM1",
    "window": 7 * 86400,
    "start": time.time() - 3 * 3600,
    "end": math.inf,
    "tables": [*SENDING_TABLES, *columns_read()],
    "starts": [time.time() - 60],
    "ends": [time.time()],
    "rows": 100,
    "moment": 0,
    "ids": [1, -2, 3],
}


def database(scene: Scene) -> Iterator[Database]:
    settings = scene.config().instances[0].database
    assert isinstance(settings, DatabaseSettings)
    opened = Database(settings, scene.clock, budget=1)
    yield opened
    opened.close()


@pytest.fixture
def opened(scene: Scene) -> Iterator[Database]:
    yield from database(scene)


@pytest.fixture(scope="session")
def newest() -> Iterator[PostgresServer]:
    """Start the wheel's server, which is newer than Debian's."""
    with PostgresServer(bin_directory=embedded_bin_directory()) as server:
        prepare(server)
        yield server


def test_the_two_servers_are_of_two_versions(server: PostgresServer, newest: PostgresServer) -> None:
    if "CAMPAIGN_SIMULATOR_PG_BIN" in os.environ:  # one version is wanted for all tests, as `make matrix` does
        assert find_bin_directory() == Path(os.environ["CAMPAIGN_SIMULATOR_PG_BIN"])
    else:
        assert find_bin_directory() != embedded_bin_directory()
        assert server.version.split(".")[0] != newest.version.split(".")[0]


@pytest.mark.parametrize("which", ["server", "newest"])
def test_the_granted_columns_are_enough_for_each_statement(
    which: str, request: pytest.FixtureRequest, make_scene: MakeScene
) -> None:
    scene = make_scene(request.getfixturevalue(which))
    insert_tricky_rows(scene.connect())
    for opened in database(scene):
        for statement in STATEMENTS:
            if statement.granted:
                with opened.round("test", 5) as session:
                    session.rows(statement, wanted(statement))
    seen = scene.watch().round()
    assert [name for name in seen.watched.jobs if seen.success(name) != 1] == []


def wanted(statement: Statement) -> dict[str, object]:
    return {name: PARAMETERS[name] for name in re.findall(r"%\((\w+)\)s", statement.text)}


@pytest.mark.parametrize(
    "forbidden",
    [
        "SELECT mdata FROM nmsdelivery",
        "SELECT spassword FROM nmsextaccount",
        "SELECT saddress FROM nmsbroadlogrcp",
        "SELECT mmemovalue FROM xtkoption",
        "SELECT sstringvalue FROM xtkoption",
        "SELECT * FROM nmsdelivery",
        "SELECT 1 FROM nmsrecipient",
    ],
)
def test_the_role_reads_nothing_else(scene: Scene, forbidden: str) -> None:
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with psycopg.connect(dsn) as role, pytest.raises(psycopg.errors.InsufficientPrivilege):
        role.execute(forbidden)


@pytest.mark.parametrize(
    "write",
    [
        "UPDATE nmsdelivery SET istate = 55",
        "DELETE FROM nmsdeliverypart",
        "INSERT INTO nmsdeliverystat (ideliveryid) VALUES (1)",
        "CREATE TABLE public.ours (id int)",
        "TRUNCATE nmsdelivery",
    ],
)
def test_the_role_writes_nothing_even_where_it_takes_off_its_own_guard(scene: Scene, write: str) -> None:
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with psycopg.connect(dsn, autocommit=True) as role:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            role.execute(write)
        role.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            role.execute(write)


def test_no_statement_names_content_or_passwords_nor_an_address_unless_a_site_opens_it() -> None:
    for statement in (*STATEMENTS, *OTHER_LOG_STATEMENTS):
        shut = ("mdata", "spassword", "mmemovalue", *(["saddress"] if statement.granted else []))
        assert not re.search(rf"\b({'|'.join(shut)})\b", statement.text, re.IGNORECASE)
        for columns in statement.reads.values():
            assert not set(shut) & set(columns)
        # Of an address nothing but what stands behind the last @ is handed out.
        handed_out = statement.text.split("FROM nms")[0].replace("substring(l.saddress from '@([^@]+)$')", "")
        assert "saddress" not in handed_out


def test_what_a_statement_reads_is_declared() -> None:
    """A column of ours that a text names must be declared, or its want would be noticed too late."""
    known = {column for columns in columns_read().values() for column in columns}
    for statement in STATEMENTS:
        text = set(re.findall(r"\b(?:i|s|ts|d)[a-z]{3,}\b", re.sub(r"'[^']*'", "", statement.text)))
        declared = {column for columns in statement.reads.values() for column in columns}
        assert text & known <= declared, statement.name


@pytest.mark.parametrize("superuser", ["no", "yes"])
def test_a_round_is_read_only_with_its_timeouts_even_for_a_superuser(scene: Scene, superuser: str) -> None:
    if superuser == "yes":
        scene.dsn = scene.server.dsn(database=scene.database)
    for opened in database(scene):
        with opened.round("test", 5) as session:
            settings = dict(session.rows(Statement("settings", "SELECT name, setting FROM pg_settings")))
        expected = {
            "transaction_read_only": "on",
            "transaction_isolation": "repeatable read",
            "statement_timeout": "1000",
            "lock_timeout": "200",
            "idle_in_transaction_session_timeout": "5000",
            "jit": "off",
        }
        assert expected.items() <= settings.items()
        write = Statement("write", "INSERT INTO nmsdeliverystat (ideliveryid) VALUES (1) RETURNING 1")
        with pytest.raises(SourceError, match=r"read-only|permission"), opened.round("test", 5) as session:
            session.rows(write)
        assert scene.execute("SELECT count(*) FROM nmsdeliverystat") == [(0,)]


def test_all_statements_of_a_round_see_one_moment(scene: Scene, opened: Database) -> None:
    with opened.round("test", 5) as session:
        before = session.rows(SENDING_DELIVERIES)
        scene.delivery(1)
        assert session.rows(SENDING_DELIVERIES) == before == []
        assert session.rows(NEXT_PASSES, {"deliveries": [1]}) == [(1, False, False, None)]
    with opened.round("test", 5) as session:
        assert len(session.rows(SENDING_DELIVERIES)) == 1


def test_nothing_stays_open_or_set_between_two_rounds(scene: Scene) -> None:
    seen = scene.watch().round().round()
    assert [state for state, _ in scene.our_sessions()] == ["idle"]
    locks = "SELECT count(*) FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    assert scene.execute(f"{locks} AND pid <> pg_backend_pid()") == [(0,)]
    connection = seen.watched.jobs["deliveries"]._collector._database.connection._connection  # type: ignore[attr-defined]
    assert connection.execute("SHOW lock_timeout").fetchone() == ("1s",)  # the role's own


def test_a_round_that_fails_leaves_no_transaction_open(scene: Scene, opened: Database) -> None:
    with pytest.raises(StatementFailed), opened.round("test", 5) as session:
        session.rows(Statement("wrong", "SELECT 1 / 0"))
    assert [state for state, _ in scene.our_sessions()] == ["idle"]


def test_two_rounds_never_take_two_connections(scene: Scene, opened: Database) -> None:
    with opened.round("one", 5), pytest.raises(SourceError, match="busy"), opened.round("two", 0.1):
        raise AssertionError
    assert len(scene.our_sessions()) == 1


def test_grants_can_be_run_on_a_fresh_server(own_server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene(own_server)
    scene.dsn = own_server.dsn(user='odd "role"', database=scene.database)
    scene.execute(grants_sql(scene.config()))
    scene.execute(f'ALTER ROLE "odd ""role""" PASSWORD \'{PASSWORD.replace(chr(39), chr(39) * 2)}\'')
    seen = scene.watch().round()
    assert [name for name in seen.watched.jobs if seen.success(name) != 1] == []


FILL = """
INSERT INTO nmsdelivery (ideliveryid, istate, sinternalname, ideliverymode, iprocessed, tscontact, tslastmodified)
  SELECT id, CASE WHEN id <= 20 THEN 51 ELSE 95 END, 'DM' || id, 1, 10, now(), now() FROM generate_series(1, 1000) id;
INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess)
  SELECT date_bin('10 minutes', now() - bucket * interval '10 minutes', '2026-01-01'), id, 5
  FROM generate_series(0, 4319) bucket, generate_series(1, 47) id;
INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid, tsnextpass, iprocessid)
  SELECT id, 1 + id % 100, now() + (id % 60 - 30) * interval '1 minute', id % 2 FROM generate_series(1, 200000) id;
INSERT INTO nmsbroadlogrcp (ibroadlogid, ideliveryid, istatus, tslastmodified)
  SELECT id, 1 + id % 1000, 1, now() FROM generate_series(1, 1000000) id;
INSERT INTO nmsbroadlogmsg (ibroadlogmsgid, smd5) SELECT id, md5(id::text) FROM generate_series(1, 20000) id;
INSERT INTO nmstrackinglogrcp (itrackinglogid, tslog) SELECT id, now() - id * interval '1 s' FROM generate_series(1, 20000) id;
INSERT INTO xtkjoblog (ijoblogid, ijobid, smessage)
  SELECT id, 1 + id % 1000, 'a line of a log' FROM generate_series(1, 200000) id;
ANALYZE
"""


@pytest.mark.parametrize("which", ["server", "newest"])
def test_no_statement_scans_a_large_table(which: str, request: pytest.FixtureRequest, make_scene: MakeScene) -> None:
    scene = make_scene(request.getfixturevalue(which))
    scene.execute(FILL)
    for statement in STATEMENTS:
        plan = explained(scene, statement)
        tables = {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}
        assert not tables & set(LARGE), f"{statement.name} scans {tables}: it needs its index {statement.index}"
        if statement.index is not None:
            indexes = {node["Index Name"] for node in plan if "Index Name" in node}
            of_table = scene.execute("SELECT indexname FROM pg_indexes WHERE tablename = %s", statement.index.table)
            assert indexes & {name for (name,) in of_table}, f"{statement.name} does not use {statement.index}"


def explained(scene: Scene, statement: Statement) -> list[dict[str, str]]:
    """List all nodes of the plan that a round would use."""
    settings = "; ".join(f"SET {name} = {value}" for name, value in (("max_parallel_workers_per_gather", "0"), ("jit", "off")))
    with psycopg.connect(scene.server.dsn(database=scene.database), autocommit=True) as connection:
        connection.execute(settings)
        row = connection.execute(f"EXPLAIN (FORMAT json) {statement.text}", wanted(statement)).fetchone()
    assert row is not None
    return list(nodes(row[0][0]["Plan"]))


def nodes(plan: dict[str, object]) -> Iterator[dict[str, str]]:
    yield plan  # type: ignore[misc]
    for child in plan.get("Plans", ()):  # type: ignore[attr-defined]
        yield from nodes(child)
