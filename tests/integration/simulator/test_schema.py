from collections.abc import Iterator

import psycopg
import pytest

from campaign_simulator.postgres import PostgresServer
from campaign_simulator.schema import create_schema

TABLES_WITHOUT_ZERO_RECORD = {
    "nmsdeliverystat",
    "nmsemailerrorstat",
    "nmsemailerror",
    "nmsmxdomain",
    "nmsmxowner",
    "nmsdlvexclusion",
}


@pytest.fixture(scope="module", params=[("public", True), ("neolane", True), ("old", False)], ids=str)
def created(request: pytest.FixtureRequest, postgres: PostgresServer) -> Iterator[tuple[psycopg.Connection, str, bool]]:
    schema, with_time_zone = request.param
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        create_schema(connection, schema, with_time_zone=with_time_zone)
        connection.execute(f"SET search_path TO {schema}".encode())
        yield connection, schema, with_time_zone


def test_tables_hold_their_zero_record_and_nothing_else(created: tuple[psycopg.Connection, str, bool]) -> None:
    connection, schema, _ = created
    tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))]
    assert len(tables) == 31
    for table in tables:
        counted = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        expected = 0 if table in TABLES_WITHOUT_ZERO_RECORD else 1
        assert counted == (expected + (table == "nmstrackingurl"),), table  # and the link of all opens


def test_times_have_a_zone_or_not(created: tuple[psycopg.Connection, str, bool]) -> None:
    connection, schema, with_time_zone = created
    query = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = %s AND column_name LIKE %s"
    types = {row[0] for row in connection.execute(query, (schema, "ts%"))}
    assert types == {"timestamp with time zone" if with_time_zone else "timestamp without time zone"}


def test_keys_are_integers_that_may_be_negative(created: tuple[psycopg.Connection, str, bool]) -> None:
    connection, _, _ = created
    with pytest.raises(psycopg.errors.UniqueViolation, match="nmsdelivery_id"):
        connection.execute("INSERT INTO NmsDelivery (iDeliveryId, iState) VALUES (-2147483648, NULL), (-2147483648, 0)")


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("nmsdelivery", "istate"),
        ("nmsdelivery", "ideliverymode, tslastmodified"),
        ("nmsdeliverypart", "ideliveryid, tsnextpass"),
        ("nmsdeliverystat", "tsdate, ideliveryid"),
        ("nmsbroadlogrcp", "ideliveryid, tslastmodified"),
        ("nmsbroadlogrcp", "tslastmodified"),
        ("nmstrackinglogrcp", "tslog"),
        ("nmstrackingstats", "ideliveryid, tsstart"),
        ("nmsemailerrorstat", "tsdate"),
        ("nmsaddress", "tslastmodified, istatus"),
        ("nmsrtevent", "istatus"),
        ("xtkworkflowlog", "iworkflowid, tslog"),
        ("xtkjoblog", "ijobid, ijoblogid"),
        ("xtkoption", "sname"),
    ],
)
def test_documented_indexes_are_there(table: str, columns: str, created: tuple[psycopg.Connection, str, bool]) -> None:
    connection, schema, _ = created
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = %s AND tablename = %s"
    definitions = [row[0] for row in connection.execute(query, (schema, table))]
    assert any(definition.endswith(f"({columns})") for definition in definitions)
