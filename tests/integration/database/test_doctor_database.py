"""What the doctor says of a database that is ill, away, behind, or differs from what is expected."""

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from campaign_exporter.doctor.check import Result
from campaign_exporter.grants import CONNECTION_LIMIT
from campaign_simulator.postgres import PostgresServer
from integration.database.proxy import Proxy
from integration.database.scene import PASSWORD, MakeScene, Scene, until
from integration.examined import Examined, examined


def look(scene: Scene) -> Examined:
    seen = examined(scene.config(), scene.clock)
    assert PASSWORD not in seen.text
    return seen


def lost(seen: Examined) -> bool:
    """Tell whether the rest was left alone after a failure."""
    rest = [check for check in seen.checks if check.instance and check.name != "connection"]
    return bool(rest) and {check.result for check in rest} == {Result.CANNOT_TELL}


@contextmanager
def locked(scene: Scene, table: str) -> Iterator[psycopg.Connection]:
    with scene.connect() as blocker:
        blocker.autocommit = False
        blocker.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield blocker
        blocker.rollback()


def test_it_never_takes_more_than_one_connection(scene: Scene) -> None:
    scene.execute("ALTER ROLE campaign_monitor CONNECTION LIMIT 1")
    try:
        seen = look(scene)
        assert seen.found == {"connections"}
        assert "1 of this role now (one is this doctor's), CONNECTION LIMIT 1" in seen.findings[0].what
        scene.execute(seen.findings[0].mend)
        assert look(scene).findings == []
    finally:
        scene.execute(f"ALTER ROLE campaign_monitor CONNECTION LIMIT {CONNECTION_LIMIT}")


def test_it_fits_beside_a_running_exporter(scene: Scene) -> None:
    running = scene.watch().round()
    assert look(scene).findings == []
    running.round()
    assert all(running.success(name) == 1 for name in running.watched.jobs)


def test_a_limit_that_is_reached(scene: Scene) -> None:
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    with ExitStack() as sessions:
        for _ in range(CONNECTION_LIMIT):
            sessions.enter_context(psycopg.connect(dsn))
        seen = look(scene)
        assert seen.found == {"connection"}
        assert lost(seen)
        query, _, limit = seen.findings[0].mend.removeprefix("end a session of the role (").partition(") or ")
        assert len(scene.execute(query)) == CONNECTION_LIMIT
    assert limit == 'ALTER ROLE "campaign_monitor" CONNECTION LIMIT 5;'


def test_a_server_that_is_gone(scene: Scene) -> None:
    with Proxy(scene.server.port) as proxy:
        port = proxy.port
    scene.dsn = f"postgresql://campaign_monitor@127.0.0.1:{port}/{scene.database}"
    seen = look(scene)
    assert seen.found == {"connection"}
    assert "Connection refused" in seen.findings[0].what
    assert lost(seen)


@pytest.mark.parametrize(("password", "mended"), [("wrong", "put the role's password into"), (None, "write the file")])
def test_a_password_that_is_wrong_or_missing(scene: Scene, password: str | None, mended: str) -> None:
    config = scene.config()
    scene.password_file.unlink()
    if password is not None:
        scene.password_file.write_text(password)
    seen = examined(config)
    assert seen.found == {"connection"}
    assert seen.findings[0].mend.startswith(mended)
    assert str(scene.password_file) in f"{seen.findings[0].what} {seen.findings[0].mend}"


def test_a_database_that_is_closed_to_the_role(scene: Scene) -> None:
    scene.execute(f"REVOKE CONNECT ON DATABASE {scene.database} FROM public")
    seen = look(scene)
    scene.execute(seen.the("connection").mend.partition(";")[0])
    assert look(scene).findings == []


def test_a_paused_server_is_a_finding_and_not_a_hang(own_server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene(own_server)
    own_server.pause()
    try:
        seen = look(scene)
    finally:
        own_server.resume()
    assert seen.found == {"connection"}
    assert lost(seen)
    assert seen.seconds < 10


# psycopg warns of a cursor that it could not close, where the server was gone by then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("after", [0.03, 0.1, 0.2, 0.3, 0.5])
def test_a_server_that_falls_silent_in_the_middle(scene: Scene, after: float) -> None:
    with Proxy(scene.server.port) as proxy:
        scene.dsn = f"postgresql://campaign_monitor@127.0.0.1:{proxy.port}/{scene.database}?sslmode=disable&gssencmode=disable"
        timer = threading.Timer(after, proxy.swallows.set)
        timer.start()
        seen = look(scene)
        timer.join()
        accepted = len(proxy._sockets) // 2
    assert len(seen.findings) <= 1  # on a fast machine all is over before it falls silent
    assert seen.seconds < 20
    assert accepted == 1


def test_a_locked_table_is_told_and_waited_for_shortly(scene: Scene) -> None:
    scene.delivery(1)
    with locked(scene, "nmsdelivery") as blocker:
        seen = look(scene)
        (pid,) = blocker.execute("SELECT pg_backend_pid()").fetchone() or (0,)
        query = seen.the("round of deliveries").mend.partition("): ")[2]
        assert pid in {row[0] for row in scene.execute(query)}
    assert {"round of deliveries", "round of pending"} <= seen.found
    reading = ("deliveries", "pending", "throughput", "outlook", "tracking", "deliverability", "hygiene")
    assert seen.found <= {f"round of {name}" for name in reading}
    assert seen.the("write in a round").result is Result.CANNOT_TELL
    assert seen.seconds < 10


def test_nobody_waits_behind_the_doctor(scene: Scene) -> None:
    """While it runs again and again, an administrator's strongest lock is had at once."""
    scene.delivery(1)
    ended = threading.Event()

    def examine() -> None:
        while not ended.is_set():
            look(scene)

    thread = threading.Thread(target=examine)
    thread.start()
    try:
        with scene.connect() as other:
            other.execute("SET lock_timeout = '1s'")
            for _ in range(30):
                other.execute("BEGIN; LOCK TABLE nmsdelivery IN ACCESS EXCLUSIVE MODE; COMMIT")
                time.sleep(0.02)
    finally:
        ended.set()
        thread.join(30)


@pytest.mark.parametrize(
    ("broken", "name", "what", "lost_"),
    [
        ("INDEX nmsdeliverystat_date", "indexes", "nmsdeliverystat lacks an index that begins with tsdate", "throughput"),
        ("COLUMN nmsdelivery.tsvalidity", "tables", "nmsdelivery lacks tsvalidity", "collector pending fails"),
        ("TABLE nmsdeliverystat", "tables", "nmsdeliverystat is not there", "throughput"),
        ("COLUMN nmsdeliverypart.tsnextpass", "tables", "nmsdeliverypart lacks tsnextpass", "parts_missing"),
        ("TABLE xtkworkflow", "tables", "xtkworkflow is not there", "workflow_engine_down"),
        ("COLUMN nmsbroadlogmid.imsgid", "tables", "nmsbroadlogmid lacks imsgid", "for the messages of nmsbroadlogmid"),
        (
            "INDEX nmsbroadlogmid_lastmodified",
            "indexes",
            "nmsbroadlogmid lacks an index that begins with tslastmodified",
            "for the messages of nmsbroadlogmid",
        ),
    ],
)
def test_what_the_build_lacks(scene: Scene, broken: str, name: str, what: str, lost_: str) -> None:
    kind, _, thing = broken.partition(" ")
    table, _, column = thing.partition(".")
    scene.execute(f"ALTER TABLE {table} DROP {column} CASCADE" if column else f"DROP {kind} {thing} CASCADE")
    seen = look(scene)
    # An index goes with its column.
    assert {name} <= seen.found <= {name, "indexes"}
    (check,) = [check for check in seen.findings if check.name == name]
    assert check.what == f"table {what}"
    assert lost_ in check.why


def test_an_index_is_made_by_its_mend(scene: Scene) -> None:
    scene.execute("DROP INDEX nmsdeliverystat_date")
    mend = look(scene).the("indexes").mend
    assert mend == 'CREATE INDEX CONCURRENTLY ON "public"."nmsdeliverystat" ("tsdate");'
    scene.execute(mend)
    assert look(scene).findings == []


def test_the_index_of_tracked_links_can_be_done_without(scene: Scene) -> None:
    [name] = scene.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'nmstrackingurl'::regclass"
        " AND pg_get_indexdef(indexrelid, 1, true) = 'ideliveryid'"
    )
    scene.execute(f"DROP INDEX {name[0]}")
    mend = look(scene).the("indexes").mend
    assert mend.endswith(" Or, if nobody misses that, set collectors: {tracking: {links: false}}")
    scene.collectors["tracking"] = {"links": False}
    assert look(scene).findings == []
    scene.collectors.clear()
    scene.execute(mend.split(" Or,")[0])
    assert look(scene).findings == []


def test_a_delivery_log_that_not_every_instance_has_is_examined_where_it_is_there(scene: Scene) -> None:
    table = "nmsbroadlogsvc"
    assert table not in look(scene).text
    scene.execute(f"CREATE TABLE {table} (LIKE nmsbroadlogmid)")
    seen = look(scene)
    assert seen.found == {"rights to read", "indexes"}
    for name in seen.found:
        check = next(check for check in seen.findings if check.name == name)
        assert f"campaign_message_failures_total for the messages of {table}" in check.why
        scene.execute(check.mend)
    whole = look(scene)
    assert whole.findings == []
    assert f"{table} (tslastmodified)" in whole.the("indexes").what
    scene.collectors["messages"] = {"enabled": False}
    assert table not in look(scene).text
    scene.collectors.clear()
    scene.execute("DROP TABLE nmsbroadlogsvc, nmsbroadlogmid")
    assert look(scene).findings == []


def test_tracking_logs_that_are_purged_too_soon_to_tell_who_is_inactive(scene: Scene) -> None:
    assert not look(scene).of("inactive recipients")
    scene.collectors["recipients"] = {"enabled": True, "inactive_after": "90d"}
    assert look(scene).results("inactive recipients") == {Result.CANNOT_TELL}
    scene.insert("XtkOption", iOptionId=1, sName="NmsCleanup_TrackingLogPurgeDelay", iLongValue=60 * 86400)
    check = look(scene).the("inactive recipients")
    assert check.what == "tracking logs are kept for 60 days, recipients.inactive_after is 90 days"
    assert "inactive_after: 60d" in check.mend
    scene.collectors["recipients"]["inactive_after"] = "60d"
    assert look(scene).results("inactive recipients") == {Result.OK}
    scene.execute("REVOKE SELECT (sname) ON xtkoption FROM campaign_monitor")
    assert look(scene).results("inactive recipients") == {Result.CANNOT_TELL}


def test_what_recipients_are_counted_by_is_needed_only_where_they_are(scene: Scene) -> None:
    scene.execute("DROP INDEX nmstrackinglogrcp_recipientid")
    scene.execute("REVOKE SELECT (tscreated) ON nmsrecipient FROM campaign_monitor")
    assert look(scene).findings == []
    scene.collectors["recipients"] = {"enabled": True}
    seen = look(scene)
    assert seen.found == {"rights to read", "indexes"}
    assert "collector recipients fails: no campaign_recipients_counted" in seen.the("rights to read").why
    assert seen.the("indexes").why == "no campaign_recipients_counted_by_activity: inactive recipients are not counted"
    scene.execute(seen.the("rights to read").mend)
    scene.execute(seen.the("indexes").mend)
    assert look(scene).findings == []


def test_without_statistics_the_mend_is_the_other_source(scene: Scene) -> None:
    scene.execute("DROP TABLE nmsdeliverystat CASCADE")
    assert "throughput: {source: delivery_counters}" in look(scene).the("tables").mend
    scene.instance["throughput"] = {"source": "delivery_counters"}
    seen = look(scene)
    assert "throughput" not in seen.the("tables").why
    assert "there is nothing to do" in seen.the("tables").mend


def test_clocks_that_differ(scene: Scene) -> None:
    assert look(scene).the("clock").result is Result.OK
    scene.clock.ahead = -300
    seen = look(scene)
    assert seen.found == {"clock"}
    assert "the database's is 300." in seen.findings[0].what


@pytest.mark.parametrize(
    ("option", "setting", "result", "words"),
    [
        (None, None, Result.FINDING, "read in the server's"),
        (None, "Europe/Paris", Result.OK, "read in Europe/Paris (database.timezone)"),
        ("America/New_York", None, Result.OK, "read in America/New_York (option WdbcTimeZone)"),
        ("Nowhere/Atlantis", None, Result.FINDING, "cannot be read or names none"),
    ],
)
def test_timestamps_without_time_zone(
    make_scene: MakeScene, option: str | None, setting: str | None, result: Result, words: str
) -> None:
    scene = make_scene(with_time_zone=False)
    if option is not None:
        scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue=option)
        scene.execute("GRANT SELECT (sstringvalue) ON xtkoption TO campaign_monitor")
    if setting is not None:
        scene.database_settings["timezone"] = setting
    check = look(scene).the("time zone")
    assert (check.result, words in check.what) == (result, True)


def test_a_zone_that_is_the_wrong_one(make_scene: MakeScene) -> None:
    scene = make_scene(with_time_zone=False)
    now = scene.execute("SELECT localtimestamp AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'Asia/Tokyo'")[0][0]
    scene.delivery(1, 95, tsLastModified=now)
    scene.database_settings["timezone"] = "Asia/Tokyo"
    assert look(scene).findings == []
    scene.database_settings["timezone"] = "UTC"
    seen = look(scene)
    assert seen.found == {"newest change"}
    assert "9.0 h in the future" in seen.findings[0].what


def test_a_round_that_costs_more_than_the_budget(scene: Scene) -> None:
    scene.delivery(1)
    scene.budget["database_seconds_per_minute"] = 0.001
    seen = look(scene)
    assert seen.found == {"budget"}
    assert "make the intervals of all collectors" in seen.findings[0].mend
    assert "dearest statement: " in seen.findings[0].what


def test_timeouts_in_force_are_those_of_the_configuration(scene: Scene) -> None:
    scene.database_settings |= {"statement_timeout": 2.5, "lock_timeout": 0.15}
    seen = look(scene)
    assert "statement_timeout 2.5 s, lock_timeout 0.15 s" in seen.the("timeouts of a round").what
    told = "default_transaction_read_only on, statement_timeout 5s, lock_timeout 1s"
    assert seen.the("timeouts of the role").what == told
    scene.execute(f"ALTER ROLE campaign_monitor IN DATABASE {scene.database} SET lock_timeout = '3s'")
    assert "lock_timeout 3s" in look(scene).the("timeouts of the role").what


@pytest.fixture
def tls_server() -> Iterator[PostgresServer]:
    """Give a server that speaks TLS, with a certificate of its own."""
    with PostgresServer() as server:
        key, crt = server.data_directory / "server.key", server.data_directory / "server.crt"
        kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        names = ["-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(crt)]
        subprocess.run(["openssl", "req", *kind, *names], check=True, capture_output=True)
        owner = server.data_directory.stat()
        for file in (key, crt):
            subprocess.run(["chown", f"{owner.st_uid}:{owner.st_gid}", str(file)], check=True)
        key.chmod(0o600)
        server._settings["ssl"] = "on"
        server.restart()
        yield server


def test_tls_is_told(tls_server: PostgresServer, tmp_path: Path) -> None:
    scene = Scene(tls_server, "postgres", tmp_path, dsn=tls_server.dsn(database="postgres"))
    assert look(scene).the("TLS").what == "in use, TLSv1.3"
    scene.dsn = tls_server.dsn(database="postgres", sslmode="disable")
    assert look(scene).the("TLS").what.startswith("not in use: the connection does not leave this machine")
    scene.dsn = tls_server.dsn(database="postgres", sslmode="verify-full", sslrootcert="system")
    assert look(scene).the("connection").mend.startswith("set sslmode and sslrootcert")


def test_a_socket_of_the_machine(scene: Scene) -> None:
    scene.dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, host=str(scene.server.socket_directory))
    seen = look(scene)
    assert seen.findings == []
    assert str(scene.server.socket_directory) in seen.the("connection").what


def test_a_slow_statement_is_ended_by_the_server(scene: Scene) -> None:
    scene.database_settings["statement_timeout"] = 0.2
    scene.delivery(1)
    scene.execute("ALTER TABLE nmsdelivery RENAME TO slow")
    scene.execute("CREATE VIEW nmsdelivery AS SELECT slow.* FROM slow, pg_sleep(5)")
    scene.execute("GRANT SELECT ON nmsdelivery TO campaign_monitor")
    seen = look(scene)
    assert {"round of deliveries", "round of pending"} <= seen.found, seen.text
    assert seen.seconds < 10
    until(lambda: scene.our_sessions() == [])
