"""The exporter's sessions on a server: how soon it notices that we are gone, and how many of them there ever are."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psycopg
import pytest

from campaign_exporter.errors import ConnectFailed, TimedOut
from campaign_exporter.grants import CONNECTION_LIMIT
from campaign_exporter.sources.database import Database
from campaign_exporter.sources.sessions import THEIR_SIDE
from campaign_exporter.sources.statement import Statement
from campaign_simulator.postgres import PostgresServer
from integration.database.scene import PASSWORD, MakeScene, Scene, until
from integration.examined import examined

_KEEPALIVES = Statement("keepalives", "SELECT " + ", ".join(f"current_setting('{name}')::int" for name in THEIR_SIDE))
_BACKEND = Statement("backend", "SELECT pg_backend_pid()")


def connected(scene: Scene) -> Database:
    database = scene.watch().watched.database
    assert database is not None
    return database.connection


def ask(database: Database, statement: Statement) -> tuple[int, ...]:
    with database.round("test", 0.5) as session:
        return session.row(statement)


def test_the_server_notices_soon_that_we_are_gone(scene: Scene) -> None:
    database = connected(scene)
    assert ask(database, _KEEPALIVES) == (10, 5, 3, 10000)
    assert database._connection is not None
    between = database._connection.execute("SHOW tcp_keepalives_idle").fetchone()
    assert between == ("10",), "between two rounds most of all"
    scene.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'campaign-exporter'")
    assert ask(database, _KEEPALIVES) == (10, 5, 3, 10000), "a later session as well"


def test_a_session_over_a_unix_socket_needs_none_of_this(scene: Scene) -> None:
    folder = str(scene.server.socket_directory)
    scene.dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, host=folder)
    database = connected(scene)
    assert ask(database, _KEEPALIVES) == (0, 0, 0, 0)
    assert ask(database, _KEEPALIVES) == (0, 0, 0, 0)


@pytest.fixture
def freeze() -> Iterator[list[int]]:
    """Give a list of processes that go on when the test is over."""
    frozen: list[int] = []
    yield frozen
    for pid in frozen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_there_is_never_a_third_session_on_a_server_that_hangs(
    own_server: PostgresServer, make_scene: MakeScene, freeze: list[int]
) -> None:
    scene = make_scene(own_server)
    database = connected(scene)
    for _ in range(2):
        (pid,) = ask(database, _BACKEND)
        freeze.append(pid)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimedOut):
            ask(database, _BACKEND)
        scene.clock.ahead += 2
    for _ in range(3):
        with pytest.raises(ConnectFailed, match="2 sessions that were cut off have not ended yet: does the server hang"):
            ask(database, _BACKEND)
        assert database.up is False
        until(lambda: len(scene.our_sessions()) == 2)
        scene.clock.ahead += 2
    os.kill(freeze[0], signal.SIGCONT)
    until(lambda: len(scene.our_sessions()) == 1)
    (pid,) = ask(database, _BACKEND)
    assert pid not in freeze
    assert len(scene.our_sessions()) == 2


def test_a_session_that_has_ended_is_not_waited_for(scene: Scene) -> None:
    database = connected(scene)
    for _ in range(4):
        (pid,) = ask(database, _BACKEND)
        scene.execute("SELECT pg_terminate_backend(%s)", pid)
        until(lambda: scene.our_sessions() == [])
    assert ask(database, _BACKEND)


def test_a_pair_of_exporters_leaves_room_for_the_commands(scene: Scene) -> None:
    pair = [scene.watch().round(), scene.watch().round()]
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with psycopg.connect(dsn):  # `why`, say
        assert examined(scene.config()).findings == []
        for each in pair:
            each.round()
            assert all(each.success(name) == 1 for name in each.watched.jobs)


def test_the_limit_holds(scene: Scene) -> None:
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with ExitStack() as sessions:
        for _ in range(CONNECTION_LIMIT):
            sessions.enter_context(psycopg.connect(dsn))
        with pytest.raises(ConnectFailed, match="too many connections"):
            ask(connected(scene), _BACKEND)
