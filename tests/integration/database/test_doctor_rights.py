"""What the doctor says of a role: proofs that it cannot write, rights that are missing, rights that go too far."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql

from campaign_exporter.doctor.check import Result
from campaign_exporter.grants import grants_sql
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.programs import embedded_bin_directory
from campaign_simulator.schema import create_schema
from integration.database.scene import PASSWORD, MakeScene, Scene, grant_columns, new_database, prepare
from integration.examined import Examined, examined

ABOUT_WRITING = {"write in a round", "write without guard", "powers", "rights to write", "right to create"}
ABOUT_READING = {"schema", "rights to read", "whole tables", "other columns", "right to read statistics"}


@pytest.fixture(scope="session")
def wheel() -> Iterator[PostgresServer]:
    """Start the wheel's server, which is newer than Debian's."""
    with PostgresServer(bin_directory=embedded_bin_directory()) as server:
        prepare(server)
        yield server


def look(scene: Scene) -> Examined:
    seen = examined(scene.config(), scene.clock)
    assert PASSWORD not in seen.text
    return seen


@contextmanager
def granted(scene: Scene, right: str, role: str = "campaign_monitor") -> Iterator[None]:
    """Give a right that holds in the whole server, for a while."""
    scene.execute(f"GRANT {right} TO {role}")
    try:
        yield
    finally:
        scene.execute(f"REVOKE {right} FROM {role}")


def mend(scene: Scene, seen: Examined, name: str) -> None:
    """Run the SQL of a mend, which may end in a sentence."""
    for check in seen.of(name):
        if check.result is Result.FINDING:
            scene.execute(check.mend.split("; then")[0].split("; Before")[0])
            if "then run what `campaign-exporter grants" in check.mend:
                grant_columns(scene)


@pytest.mark.parametrize("which", ["server", "wheel"])
def test_a_role_as_granted_is_clean(which: str, request: pytest.FixtureRequest, make_scene: MakeScene) -> None:
    seen = look(make_scene(request.getfixturevalue(which)))
    assert seen.findings == []
    assert {check.name for check in seen.checks if check.result is Result.CANNOT_TELL} == {"causes"}
    assert {check.name for check in seen.checks} >= ABOUT_WRITING | ABOUT_READING


def test_nothing_is_left_behind(scene: Scene) -> None:
    look(scene)
    assert scene.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'campaign_exporter%'") == [(0,)]
    assert scene.our_sessions() == []


def test_a_superuser_is_found_and_nothing_is_changed(scene: Scene) -> None:
    """A trigger would fire for a statement even where no row is touched; a sequence tells, since no rollback moves it back."""
    scene.execute("CREATE SEQUENCE fired")
    scene.execute(
        "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('public.fired'); RETURN NULL; END$$"
    )
    scene.execute(
        "CREATE TRIGGER fire BEFORE INSERT OR UPDATE OR DELETE ON nmsdelivery FOR EACH STATEMENT EXECUTE FUNCTION fire()"
    )
    scene.execute(
        "CREATE FUNCTION made() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('public.fired'); END$$"
    )
    scene.execute("CREATE EVENT TRIGGER made ON ddl_command_start EXECUTE FUNCTION made()")
    scene.delivery(1)
    before = scene.execute("SELECT xmin, * FROM nmsdelivery")
    scene.execute("ALTER SEQUENCE fired RESTART")
    scene.execute("SELECT setval('fired', 1, false)")
    scene.dsn = scene.server.dsn(database=scene.database)
    seen = look(scene)
    assert seen.found == {"write without guard", "powers"}
    assert seen.the("write in a round").result is Result.OK
    assert "SUPERUSER" in seen.the("powers").what
    assert scene.execute("SELECT is_called FROM fired") == [(False,)]
    assert scene.execute("SELECT xmin, * FROM nmsdelivery") == before


@pytest.mark.parametrize(
    ("right", "names"),
    [
        ("UPDATE (ideliveryid) ON nmsdelivery", {"rights to write", "write without guard"}),
        ("UPDATE (istate) ON nmsdelivery", {"rights to write"}),
        ("INSERT, DELETE, TRUNCATE ON nmsdeliverystat", {"rights to write"}),
        ("INSERT (sname) ON xtkoption", {"rights to write"}),
        ("CREATE ON SCHEMA public", {"right to create"}),
        ("USAGE ON SEQUENCE xtknewid", {"rights to write"}),
    ],
)
@pytest.mark.parametrize("whose", ["campaign_monitor", "PUBLIC"])
def test_a_right_to_write_is_found_and_its_mend_takes_it_away(scene: Scene, right: str, names: set[str], whose: str) -> None:
    scene.execute(f"GRANT {right} TO {whose}")
    seen = look(scene)
    assert seen.found == names
    for name in names - {"write without guard"}:
        mend(scene, seen, name)
    assert look(scene).findings == []


def test_an_owner_is_found_also_one_that_the_role_may_only_become(scene: Scene) -> None:
    scene.execute("CREATE ROLE neolane_owner")
    try:
        scene.execute("ALTER TABLE nmsdelivery OWNER TO neolane_owner")
        scene.execute("ALTER ROLE campaign_monitor NOINHERIT")
        with granted(scene, "neolane_owner"):
            seen = look(scene)
        # Without inheritance the right to statistics is not in force either.
        assert seen.found - {"right to read statistics"} == {"rights to write"}
        assert "neolane_owner, who owns nmsdelivery" in seen.the("rights to write").what
    finally:
        scene.execute("ALTER ROLE campaign_monitor INHERIT")
        scene.execute("ALTER TABLE nmsdelivery OWNER TO postgres")
        scene.execute("DROP ROLE neolane_owner")
    scene.execute("ALTER TABLE nmsdelivery OWNER TO campaign_monitor")
    assert look(scene).found == {"rights to write", "write without guard"}


@pytest.fixture
def roles_that_may_do_all(server: PostgresServer) -> None:
    if int(server.version.split(".")[0]) < 14:
        pytest.skip("pg_read_all_data and pg_write_all_data came with PostgreSQL 14")


@pytest.mark.usefixtures("roles_that_may_do_all")
def test_powers_of_a_role_are_found_and_taken_away(scene: Scene) -> None:
    scene.execute("ALTER ROLE campaign_monitor CREATEDB CREATEROLE REPLICATION")
    with granted(scene, "pg_write_all_data"):
        seen = look(scene)
    assert seen.found == {"powers", "rights to write", "write without guard"}
    assert "CREATEDB, CREATEROLE, REPLICATION, pg_write_all_data" in seen.the("powers").what
    mend(scene, seen, "powers")
    assert look(scene).findings == []


@pytest.mark.parametrize(
    ("right", "table", "lost"),
    [
        ("SELECT (tsvalidity) ON nmsdelivery", "nmsdelivery", "collector affinity fails|collector pending fails"),
        ("SELECT (dvolume) ON nmsdeliverystat", "nmsdeliverystat", "collector throughput fails"),
        ("SELECT (iactive) ON nmsextaccount", "nmsextaccount", "account_inactive"),
        ("SELECT (sname) ON xtkoption", "xtkoption", "concurrency_limit"),
        ("SELECT (tsnextprocessing) ON xtkworkflow", "xtkworkflow", "workflow_engine_down"),
        ("SELECT (istatus) ON nmsbroadlogmid", "nmsbroadlogmid", "for the messages of nmsbroadlogmid"),
    ],
)
def test_a_right_that_is_missing_comes_with_its_grant(scene: Scene, right: str, table: str, lost: str) -> None:
    scene.execute(f"REVOKE {right} FROM campaign_monitor")
    seen = look(scene)
    (check,) = seen.findings
    column = right.partition("(")[2].partition(")")[0]
    assert (check.name, check.what) == ("rights to read", f"no right to read {table} ({column})")
    assert check.mend == f'GRANT SELECT ("{column}") ON "public"."{table}" TO "campaign_monitor";'
    assert any(words in check.why for words in lost.split("|"))
    scene.execute(check.mend)
    assert look(scene).findings == []


def test_what_is_not_asked_needs_no_right(scene: Scene) -> None:
    scene.execute("REVOKE SELECT (dvolume) ON nmsdeliverystat FROM campaign_monitor")
    scene.instance["throughput"] = {"source": "delivery_counters"}
    assert look(scene).findings == []
    scene.instance = {}
    scene.collectors = {"throughput": {"enabled": False}}
    assert look(scene).findings == []


def test_statistics_that_are_shut(scene: Scene) -> None:
    scene.execute("REVOKE pg_read_all_stats FROM campaign_monitor")
    try:
        seen = look(scene)
        assert seen.found == {"right to read statistics"}
        assert "campaign_database_blocked_sessions" in seen.findings[0].why
        scene.execute(seen.findings[0].mend)
        assert look(scene).findings == []
    finally:
        scene.execute("GRANT pg_read_all_stats TO campaign_monitor")


@pytest.mark.parametrize("whose", ["campaign_monitor", "PUBLIC"])
def test_whole_tables_are_found(scene: Scene, whose: str) -> None:
    scene.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {whose}")
    seen = look(scene)
    assert seen.found == {"whole tables"}
    for secret in ("mData", "sPassword", "sStringValue"):
        assert secret in seen.findings[0].why
    assert ("PUBLIC" in seen.findings[0].mend) == (whose == "PUBLIC")
    assert seen.the("other columns").what.startswith("none of the tables that may not be read as a whole")
    scene.execute(seen.findings[0].mend.split(";")[0])
    grant_columns(scene)
    assert look(scene).findings == []


def test_one_table_is_found_by_its_name(scene: Scene) -> None:
    scene.execute("GRANT SELECT ON nmsrecipient TO campaign_monitor")
    seen = look(scene)
    assert seen.the("whole tables").what == "1 may be read as a whole: nmsrecipient"
    assert "sPassword" not in seen.the("whole tables").why


@pytest.mark.usefixtures("roles_that_may_do_all")
def test_a_role_that_reads_all_data(scene: Scene) -> None:
    with granted(scene, "pg_read_all_data"):
        seen = look(scene)
    assert seen.found == {"whole tables"}
    assert seen.findings[0].mend.startswith('REVOKE pg_read_all_data FROM "campaign_monitor";')


def test_single_columns_beyond_need_are_found_and_taken_away(scene: Scene) -> None:
    scene.execute("GRANT SELECT (spassword) ON nmsextaccount TO campaign_monitor")
    scene.execute("GRANT SELECT (mdata) ON nmsdelivery TO PUBLIC")
    scene.execute("GRANT SELECT (sstringvalue) ON xtkoption TO campaign_monitor")
    seen = look(scene)
    assert seen.found == {"other columns"}
    assert seen.findings[0].what == "nmsdelivery.mdata, nmsextaccount.spassword, xtkoption.sstringvalue may be read"
    mend(scene, seen, "other columns")
    assert look(scene).findings == []


def test_what_grants_only_mentions_is_no_finding(make_scene: MakeScene) -> None:
    scene = make_scene(with_time_zone=False)
    scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue="Europe/Paris")
    scene.execute("GRANT SELECT (sstringvalue) ON xtkoption TO campaign_monitor")
    scene.execute("GRANT SELECT (ijobid, ijoblogid, smessage) ON xtkjoblog TO campaign_monitor")
    scene.execute("GRANT SELECT ON SEQUENCE xtknewid TO campaign_monitor")
    assert look(scene).findings == []
    scene.database_settings["timezone"] = "Europe/Paris"
    assert look(scene).found == {"other columns"}


def test_a_closed_schema_and_a_wrong_one(make_scene: MakeScene) -> None:
    scene = make_scene(schema="neolane")
    scene.execute("REVOKE USAGE ON SCHEMA neolane FROM campaign_monitor")
    seen = look(scene)
    assert seen.found == {"schema"}
    assert {check.result for check in seen.of("tables and indexes")} == {Result.CANNOT_TELL}
    scene.execute(seen.findings[0].mend)
    assert look(scene).findings == []
    scene.database_settings["schema"] = "public"
    assert look(scene).the("schema").mend == "set database.schema: neolane"
    scene.database_settings["schema"] = "nowhere"
    assert look(scene).the("schema").what == "nowhere is not there; neolane does"


def test_no_schema_of_campaign_at_all(server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.database = new_database(server, "template0")
    seen = look(scene)
    assert seen.found == {"schema"}
    assert "nor does any schema of database" in seen.the("schema").what


def test_names_that_need_quotes(own_server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene(own_server)
    with psycopg.connect(own_server.dsn(database=scene.database), autocommit=True) as connection:
        create_schema(connection, 'Camp "aign', with_time_zone=True)
    scene.schema = 'Camp "aign'
    scene.dsn = own_server.dsn(user='odd "role"', database=scene.database)
    scene.execute(grants_sql(scene.config()))
    scene.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier('odd "role"'), sql.Literal(PASSWORD)).as_string())
    assert look(scene).findings == []
    scene.execute('REVOKE SELECT (istate) ON nmsdelivery FROM "odd ""role"""')
    scene.execute('GRANT SELECT ON nmsrecipient TO "odd ""role"""')
    scene.execute("DROP INDEX nmsdeliverystat_date")
    seen = look(scene)
    assert seen.found == {"rights to read", "whole tables", "indexes"}
    for check in seen.findings:
        scene.execute(check.mend.split("; then")[0])
        if check.name == "whole tables":
            grant_columns(scene)
    assert look(scene).findings == []
