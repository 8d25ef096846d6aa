import os
import re
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
    STATEMENTS,
    columns_read,
)
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.programs import embedded_bin_directory, find_bin_directory
from campaign_simulator.tricky import insert_tricky_rows
from integration.database.plans import variants
from integration.database.scene import PASSWORD, MakeScene, Scene, prepare


def database(scene: Scene) -> Iterator[Database]:
    settings = scene.config().instances[0].database
    assert isinstance(settings, DatabaseSettings)
    opened = Database(settings, scene.clock)
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
                    session.rows(statement, next(variants(statement)))
    seen = scene.watch().round()
    assert [name for name in seen.watched.jobs if seen.success(name) != 1] == []


@pytest.mark.parametrize(
    "forbidden",
    [
        "SELECT mdata FROM nmsdelivery",
        "SELECT spassword FROM nmsextaccount",
        "SELECT saddress FROM nmsbroadlogrcp",
        "SELECT mmemovalue FROM xtkoption",
        "SELECT sstringvalue FROM xtkoption",
        "SELECT * FROM nmsdelivery",
        "SELECT semail FROM nmsrecipient",
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
        assert not re.search(r"\bsaddress\b", handed_out)


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
