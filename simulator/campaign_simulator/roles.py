"""The role that monitoring logs in with."""

import psycopg
from psycopg import sql

MONITOR_ROLE = "campaign_monitor"
#: Two exporters, and two commands beside them.
_CONNECTION_LIMIT = 4


def create_monitor_role(connection: psycopg.Connection, schema: str, password: str) -> None:
    """Create the role, which may read every table and the server's statistics over a few connections at most."""
    role, name = sql.Identifier(MONITOR_ROLE), sql.Identifier(schema)
    statements = (
        sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT {}").format(role, _CONNECTION_LIMIT),
        sql.SQL("GRANT pg_read_all_stats TO {}").format(role),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, role),
        sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(name, role),
        sql.SQL("GRANT SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(name, role),
    )
    for statement in statements:
        connection.execute(statement)
    set_password(connection, password)


def set_password(connection: psycopg.Connection, password: str) -> None:
    """Give the role a password, in clear or as PostgreSQL keeps it."""
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(MONITOR_ROLE), sql.Literal(password))
    connection.execute(statement)
