import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

import psycopg
import pytest

from campaign_exporter.errors import Locked
from campaign_exporter.grants import CONNECTION_LIMIT
from campaign_simulator.postgres import PostgresServer
from integration.database.proxy import Proxy
from integration.database.scene import PASSWORD, MakeScene, Observer, Scene, until

ON_DATABASE = ("deliveries", "pending", "throughput", "database")
QUICK = {name: {"interval": 1, "timeout": 0.6} for name in ON_DATABASE}


@contextmanager
def locked(scene: Scene, table: str) -> Iterator[None]:
    with scene.connect() as blocker:
        blocker.autocommit = False
        blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield
        blocker.rollback()


def up(seen: Observer) -> float | None:
    return seen.value("campaign_up")


def seconds(seen: Observer, collector: str) -> float:
    began = time.monotonic()
    seen.round(collector)
    return time.monotonic() - began


def available(seen: Observer, collector: str) -> float | None:
    return seen.value("campaign_exporter_collector_available", collector=collector)


def successes(seen: Observer) -> dict[str, bool]:
    return {name: seen.success(name) == 1 for name in ON_DATABASE}


def test_a_locked_table_fails_soon_and_alone(scene: Scene) -> None:
    seen = scene.watch().round()
    with locked(scene, "nmsdeliverystat"):
        assert seconds(seen, "throughput") < 0.5
        seen.round("deliveries", "database")
        assert successes(seen) == {"deliveries": True, "pending": True, "throughput": False, "database": True}
        assert seen.failures("throughput") == {"lock": 1}
        assert up(seen) == 1
    assert successes(seen.round()) == dict.fromkeys(ON_DATABASE, True)


def test_who_waits_for_a_lock_is_seen(scene: Scene) -> None:
    scene.delivery(1)
    seen = scene.watch().round("database")
    assert seen.counted("campaign_database_blocked_sessions") == {}
    assert len(seen.samples("campaign_database_blocked_sessions")) == 7
    with locked(scene, "nmsdelivery"):
        waiting = psycopg.connect(scene.server.dsn(database=scene.database), autocommit=True)
        waiting.pgconn.send_query(b"SELECT count(*) FROM nmsdelivery")
        until(lambda: bool(scene.execute("SELECT 1 FROM pg_locks WHERE NOT granted")))
        seen.round("database")
    waiting.pgconn.get_result()
    waiting.close()
    assert seen.counted("campaign_database_blocked_sessions") == {("nmsdelivery",): 1}
    wait = seen.value("campaign_database_longest_wait_seconds", table="nmsdelivery")
    assert wait is not None
    assert 0 < wait < 10


def test_who_waits_for_a_row_is_seen_with_its_table(scene: Scene) -> None:
    scene.delivery(1)
    seen = scene.watch()
    with ExitStack() as sessions:
        for _ in range(3):
            session = sessions.enter_context(closing(psycopg.connect(scene.server.dsn(database=scene.database))))
            session.pgconn.send_query(b"BEGIN; UPDATE nmsdelivery SET istate = 55 WHERE ideliveryid = 1")
            time.sleep(0.1)
        until(lambda: scene.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] == 2)
        seen.round("database")
    assert seen.counted("campaign_database_blocked_sessions") == {("nmsdelivery",): 2}


def test_a_slow_statement_is_ended_by_the_server(scene: Scene) -> None:
    scene.database_settings["statement_timeout"] = 0.2
    scene.delivery(1)
    scene.execute("ALTER TABLE nmsdelivery RENAME TO slow")
    scene.execute("CREATE VIEW nmsdelivery AS SELECT slow.* FROM slow, pg_sleep(5)")
    scene.execute("GRANT SELECT ON nmsdelivery TO campaign_monitor")
    seen = scene.watch()
    assert seconds(seen, "deliveries") < 0.6
    assert seen.failures("deliveries") == {"timeout": 1}
    assert up(seen) == 1
    assert seen.round("database").success("database") == 1


def test_a_killed_server_is_reached_again_in_the_next_round(own_server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene(own_server)
    seen = scene.watch().round("deliveries")
    own_server.kill()
    seen.round("deliveries")
    assert (up(seen), seen.failures("deliveries")) == (0, {"connect": 1})
    own_server.start()
    scene.clock.ahead += 1
    assert (up(seen.round("deliveries")), seen.success("deliveries")) == (1, 1)
    own_server.restart()
    assert (up(seen.round("deliveries")), seen.success("deliveries")) == (1, 1)
    assert seen.failures("deliveries") == {"connect": 1}


def test_a_frozen_server_costs_a_deadline_and_never_a_third_connection(
    own_server: PostgresServer, make_scene: MakeScene
) -> None:
    scene = make_scene(own_server)
    scene.collectors = QUICK
    seen = scene.watch().round("deliveries", "database")
    own_server.pause()
    try:
        assert 0.5 < seconds(seen, "deliveries") < 1.0
        assert (up(seen), seen.failures("deliveries")) == (0, {"timeout": 1})
        seen.round("database", "deliveries", "deliveries")
        assert up(seen) == 0
    finally:
        own_server.resume()
    scene.clock.ahead += 1
    for _ in range(3):  # the breaker leaves out two rounds at most
        seen.round("deliveries", "database")
        assert len(scene.our_sessions()) <= 2
    assert (up(seen), seen.success("deliveries"), seen.success("database")) == (1, 1, 1)


def test_a_server_that_freezes_in_the_middle_holds_nobody_for_good(own_server: PostgresServer, make_scene: MakeScene) -> None:
    """The rollback that follows a failed statement hangs as well; the connection must not be lost with it."""
    scene = make_scene(own_server)
    scene.collectors = QUICK
    seen = scene.watch().round("deliveries")
    database = seen.watched.jobs["deliveries"]._collector._database.connection  # type: ignore[attr-defined]
    try:
        with suppress(Locked), database.round("deliveries", 0.5):
            own_server.pause()
            raise Locked
    finally:
        own_server.resume()
    assert database.up is False
    scene.clock.ahead += 1
    assert seen.round("deliveries").success("deliveries") == 1


def test_a_network_that_swallows_everything(scene: Scene) -> None:
    scene.collectors = QUICK
    with Proxy(scene.server.port) as proxy:
        scene.dsn = f"postgresql://campaign_monitor@127.0.0.1:{proxy.port}/{scene.database}?sslmode=disable&gssencmode=disable"
        seen = scene.watch().round("deliveries")
        assert seen.success("deliveries") == 1
        proxy.swallows.set()
        assert seconds(seen, "deliveries") < 1.0
        assert (up(seen), seen.failures("deliveries")) == (0, {"timeout": 1})
        assert seconds(seen, "pending") < 4.0  # the network accepts, and never answers
        assert seen.failures("pending") == {"timeout": 1}
        proxy.swallows.clear()
        scene.clock.ahead += 2
        assert successes(seen.round().round()) == dict.fromkeys(ON_DATABASE, True)
        seen.close()


def test_nobody_listens(scene: Scene) -> None:
    with Proxy(scene.server.port) as proxy:
        port = proxy.port
    scene.dsn = f"postgresql://campaign_monitor@127.0.0.1:{port}/{scene.database}"
    seen = scene.watch().round("deliveries")
    assert (up(seen), seen.failures("deliveries")) == (0, {"connect": 1})


def test_a_password_is_rotated_without_restart(scene: Scene) -> None:
    seen = scene.watch()
    scene.password_file.write_text("old")
    assert seen.round("deliveries").failures("deliveries") == {"authentication": 1}
    assert up(seen) == 0
    scene.password_file.unlink()
    scene.clock.ahead += 2
    assert seen.round("deliveries").failures("deliveries") == {"authentication": 1, "missing": 1}
    scene.password_file.write_text(f"{PASSWORD}\n")
    scene.clock.ahead += 2
    assert seen.round("deliveries").success("deliveries") == 1


@pytest.mark.parametrize("user", ["nobody", "postgres_"])
def test_a_role_that_does_not_exist(scene: Scene, user: str) -> None:
    scene.dsn = scene.server.dsn(user=user, database=scene.database)
    assert scene.watch().round("deliveries").failures("deliveries") == {"authentication": 1}


def test_too_many_connections(scene: Scene) -> None:
    seen = scene.watch()
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with ExitStack() as sessions:
        for _ in range(CONNECTION_LIMIT):
            sessions.enter_context(psycopg.connect(dsn))
        assert seen.round("deliveries").failures("deliveries") == {"connect": 1}
    until(lambda: not scene.execute("SELECT 1 FROM pg_stat_activity WHERE usename = 'campaign_monitor'"))
    scene.clock.ahead += 2
    assert seen.round("deliveries").success("deliveries") == 1


def test_a_database_that_does_not_exist(scene: Scene) -> None:
    scene.dsn = scene.server.dsn(user="campaign_monitor", database="nowhere")
    assert scene.watch().round("deliveries").failures("deliveries") == {"connect": 1}


def test_a_database_that_is_closed_to_the_role(scene: Scene) -> None:
    scene.execute(f"REVOKE CONNECT ON DATABASE {scene.database} FROM public")
    assert scene.watch().round("deliveries").failures("deliveries") == {"permission": 1}


def test_a_server_without_the_tls_that_is_asked_for(scene: Scene) -> None:
    scene.dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, sslmode="require")
    assert scene.watch().round("deliveries").failures("deliveries") == {"tls": 1}


def test_a_schema_that_does_not_exist(scene: Scene) -> None:
    scene.schema = "nowhere"
    seen = scene.watch().round()
    assert {name: seen.failures(name) for name in ON_DATABASE} == {name: {"missing": 1} for name in ON_DATABASE}
    assert up(seen) == 1


@pytest.mark.parametrize(
    ("what", "failing"),
    [
        ("SELECT (tsvalidity) ON nmsdelivery", {"pending"}),
        ("SELECT (tsbroadstart) ON nmsdelivery", {"deliveries", "throughput"}),
        ("SELECT (dvolume) ON nmsdeliverystat", {"throughput"}),
        ("SELECT (iactive) ON nmsextaccount", set()),
        ("SELECT (sname) ON xtkoption", {"pending"}),
        ("SELECT (ifailed) ON xtkworkflow", {"pending"}),
        ("SELECT (iusebudgetvalidation) ON nmsdelivery", {"pending"}),
    ],
)
def test_a_right_that_is_taken_away_harms_only_who_needs_it(scene: Scene, what: str, failing: set[str]) -> None:
    seen = scene.watch().round()
    scene.execute(f"REVOKE {what} FROM campaign_monitor")
    seen.round().round()  # the first one finds out
    assert {name for name in ON_DATABASE if seen.success(name) == 0} == failing
    assert all(seen.failures(name).keys() == {"permission"} for name in failing)
    assert {available(seen, name) for name in ON_DATABASE} == {1.0}
    scene.execute(f"GRANT {what} TO campaign_monitor")
    scene.clock.ahead += 61
    assert successes(seen.round()) == dict.fromkeys(ON_DATABASE, True)


def test_what_cannot_be_seen_for_want_of_a_right_is_not_guessed(scene: Scene) -> None:
    scene.delivery(1, parts=())
    for table in ("nmsextaccount", "nmstypology", "nmsdeliverypart"):
        for column in ("iactive", "itypologyid", "tsnextpass"):
            if scene.execute("SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s", table, column):
                scene.execute(f"REVOKE SELECT ({column}) ON {table} FROM campaign_monitor")
    seen = scene.watch().round("pending")
    unseen = [cause for (cause,), value in seen.samples("campaign_pending_cause_evaluated").items() if value == 0]
    assert {"account_inactive", "parts_missing", "waiting_wave", "waiting_retry", "affinity_unconfigured"} <= set(unseen)
    assert seen.counted("campaign_deliveries_pending") == {("unknown",): 1}


def test_without_the_right_to_statistics_the_clock_is_still_there(scene: Scene) -> None:
    scene.execute("REVOKE pg_read_all_stats FROM campaign_monitor")
    try:
        seen = scene.watch().round("database")
    finally:
        scene.execute("GRANT pg_read_all_stats TO campaign_monitor")
    assert seen.failures("database") == {"permission": 1}
    assert seen.samples("campaign_database_blocked_sessions") == {}
    offset = seen.value("campaign_database_clock_offset_seconds")
    assert offset is not None
    assert abs(offset) < 1
    assert seen.value("campaign_database_replay_lag_seconds") is None


def test_the_clock_offset_is_theirs_minus_ours(scene: Scene) -> None:
    scene.clock.ahead = -300
    offset = scene.watch().round("database").value("campaign_database_clock_offset_seconds")
    assert offset is not None
    assert abs(offset - 300) < 1


def test_a_database_that_names_no_encoding(server: PostgresServer, make_scene: MakeScene) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("UPDATE pg_database SET encoding = pg_char_to_encoding('SQL_ASCII') WHERE datname = 'template_1'")
    try:
        scene = make_scene()
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute("UPDATE pg_database SET encoding = pg_char_to_encoding('UTF8') WHERE datname = 'template_1'")
    scene.execute("INSERT INTO nmsdelivery (ideliveryid, istate, slabel) VALUES (1, 51, E'\\303\\274ml')")
    seen = scene.watch().round("deliveries", "pending")
    assert seen.failures("pending") == {}
    labels = seen.samples("campaign_delivery_pending_since_timestamp_seconds", delivery_id="1", cause="unknown")
    assert [label for (label,) in labels] == ["üml"]
