"""The database of a Campaign instance: its tables and what every instance holds from the start."""

from importlib.resources import files

import psycopg
from psycopg import sql


def create_schema(connection: psycopg.Connection, schema: str = "public", *, with_time_zone: bool = True) -> None:
    """Create the documented tables, with their zero records, in a schema.

    Without time zones timestamps are those of the option WdbcTimeZone (an older database, Adobe's
    WdbcUseTimeStampWithTZ).
    """
    text = files(__package__).joinpath("schema.sql").read_text(encoding="utf-8")
    if not with_time_zone:
        text = text.replace("TIMESTAMPTZ", "TIMESTAMP")
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL(text))
