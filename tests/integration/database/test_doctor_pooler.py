"""The doctor behind a real PgBouncer that hands each transaction to whatever session is free."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import psycopg
import pytest

from campaign_exporter.doctor.check import Result
from campaign_exporter.errors import TimedOut
from campaign_exporter.sources.statement import Statement
from integration.database.scene import PASSWORD, Scene, until
from integration.examined import examined

_SETTINGS = """
[databases]
{database} = host=127.0.0.1 port={server_port} dbname={database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/users
pool_mode = transaction
default_pool_size = 1
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooler(scene: Scene) -> Iterator[int]:
    """Give the port of a pooler for the scene's database; like the server, it does not run as root."""
    account = scene.server._tools().account
    directory, port = scene.server.socket_directory / f"pooler-{scene.database}", _free_port()
    directory.mkdir(mode=0o755)
    settings = _SETTINGS.format(database=scene.database, server_port=scene.server.port, port=port, directory=directory)
    for name, text in (("pgbouncer.ini", settings), ("users", f'"campaign_monitor" "{PASSWORD}"\n')):
        (directory / name).write_text(text)
        if account is not None:
            os.chown(directory / name, account.uid, account.gid)
    process = subprocess.Popen(
        ["/usr/sbin/pgbouncer", "--quiet", str(directory / "pgbouncer.ini")],
        stderr=subprocess.DEVNULL,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
    )
    try:
        until(lambda: _answers(port) or process.poll() is not None)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def test_a_pooled_session_is_left_as_it_was(scene: Scene, pooler: int) -> None:
    """It is others' as well; and that it outlives our connection is no session that we have left behind."""
    scene.dsn = f"host=127.0.0.1 port={pooler} user=campaign_monitor dbname={scene.database}"
    idle = "SELECT current_setting('tcp_keepalives_idle')"
    with psycopg.connect(scene.dsn, password=PASSWORD, autocommit=True, prepare_threshold=None) as other:
        before = other.execute(idle).fetchone()
        for _ in range(4):
            seen = scene.watch().round("deliveries")
            assert seen.success("deliveries") == 1
            database = seen.watched.database
            assert database is not None
            with suppress(TimedOut), database.connection.round("test", 0.2) as session:
                session.rows(Statement("long", "SELECT pg_sleep(0.3)"))
            scene.clock.ahead += 2
            assert seen.round("deliveries").success("deliveries") == 1
            seen.close()
        assert other.execute(idle).fetchone() == before != ("10",)


def test_what_is_in_force_is_told_behind_a_pooler_as_well(scene: Scene, pooler: int) -> None:
    scene.dsn = f"host=127.0.0.1 port={pooler} user=campaign_monitor dbname={scene.database}"
    scene.delivery(1)
    seen = examined(scene.config())
    assert seen.findings == []
    assert seen.the("connection").what.endswith("as campaign_monitor, through a pooler")
    assert "statement_timeout 1 s, lock_timeout 0.2 s" in seen.the("timeouts of a round").what
    assert seen.the("write in a round").result is Result.OK
    assert seen.the("write without guard").result is Result.OK
    assert scene.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'campaign_monitor'") == [(1,)]
