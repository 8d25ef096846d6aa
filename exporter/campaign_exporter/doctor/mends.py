"""SQL that a mend consists of: written out for an administrator, never run by us."""

from collections.abc import Iterable

from psycopg import sql

from campaign_exporter.grants import grant_columns

#: How a right that everybody has is noted.
PUBLIC = ""
GRANTS = "run what `campaign-exporter grants --config.file FILE` prints"


def quoted(name: str) -> str:
    """Write a name as SQL does."""
    return sql.Identifier(name).as_string()


def table(schema: str, name: str) -> str:
    """Write a table with its schema."""
    return f"{quoted(schema)}.{quoted(name)}"


def grant(schema: str, role: str, name: str, columns: Iterable[str]) -> str:
    """Let a role read columns."""
    return grant_columns(sql.Identifier(schema), sql.Identifier(role), name, tuple(columns)).as_string()


def revoke(rights: Iterable[str], target: str, holders: Iterable[str]) -> str:
    """Take rights away from those who hold them."""
    whom = ", ".join("PUBLIC" if name == PUBLIC else quoted(name) for name in holders)
    return f"REVOKE {', '.join(rights)} ON {target} FROM {whom};"


def connection_limit(role: str, limit: int) -> str:
    """Let a role have some sessions."""
    return f"ALTER ROLE {quoted(role)} CONNECTION LIMIT {limit};"


def sessions_of(role: str) -> str:
    """Look who uses up the sessions of a role."""
    name = sql.Literal(role).as_string()
    columns = "pid, application_name, client_addr, state"
    return f"SELECT {columns} FROM pg_stat_activity WHERE usename = {name};"  # noqa: S608 - printed, and quoted by psycopg


def holders_of(schema: str, name: str) -> str:
    """Look who holds a lock on a table."""
    relation = sql.Literal(table(schema, name)).as_string()
    columns = "a.pid, a.usename, a.application_name, a.xact_start, l.mode"
    return (
        f"SELECT {columns} FROM pg_locks l JOIN pg_stat_activity a USING (pid)"  # noqa: S608 - printed, and quoted by psycopg
        f" WHERE l.relation = {relation}::regclass AND l.granted;"
    )


def index(schema: str, name: str, columns: Iterable[str]) -> str:
    """Make an index without locking anybody out."""
    return f"CREATE INDEX CONCURRENTLY ON {table(schema, name)} ({', '.join(quoted(column) for column in columns)});"
