"""What a database tells about itself and about our rights there, for `doctor`: each answer is a round of its own."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from campaign_exporter.errors import SourceError
from campaign_exporter.sources import catalogue_statements as statements
from campaign_exporter.sources.database import Database, Link
from campaign_exporter.sources.statements import READS_STATISTICS
from campaign_exporter.sources.survey import Survey, survey

#: The name under which our seconds on the database are booked.
_NAME = "doctor"


class Server(NamedTuple):
    """The server, and the role that we are there. `connection_limit` is -1 for none."""

    version_number: int
    version: str
    role: str
    database: str
    replica: bool
    backend: int
    tls_version: str | None
    sessions: int
    connection_limit: int
    attributes: tuple[str, ...]
    memberships: tuple[str, ...]

    @property
    def major(self) -> int:
        """The major version."""
        return self.version_number // 10_000

    @property
    def superuser(self) -> bool:
        """Whether the role may do everything."""
        return "SUPERUSER" in self.attributes


class Schema(NamedTuple):
    """A schema: may we see into it and make tables there, by whose right ('' is PUBLIC), and is Campaign in it."""

    name: str
    usage: bool
    create: bool
    holds_campaign: bool
    creators: tuple[str, ...]


class Relation(NamedTuple):
    """A table, view or sequence on which we have more than rights on columns; `readers` and `writers` hold the right."""

    name: str
    sequence: bool
    owner: str
    owned: bool
    whole: bool
    writes: tuple[str, ...]
    readers: tuple[str, ...]
    writers: tuple[str, ...]


class ColumnRight(NamedTuple):
    """A column that we may read by a right on just that column."""

    table: str
    column: str
    readers: tuple[str, ...]


class Attempts(NamedTuple):
    """How attempts to write ended: the refusal, or None for one that went through (and was undone).

    `guarded` are those in a round as the exporter has it, by name. `read_only` says whether that round called itself so;
    if it did not, nothing was tried. `planned` is the one without that guard.
    """

    read_only: bool
    guarded: Mapping[str, SourceError | None]
    planned: SourceError | None


class Checkup:
    """Asks one database, over the one connection that the collectors use. Each question may raise a SourceError."""

    def __init__(self, database: Database, schema: str, *, timeout: float) -> None:
        self._database = database
        self._schema = {"schema": schema}
        self._timeout = timeout

    def server(self) -> tuple[Server, Link]:
        """Tell who answers, and as whom we are there."""
        with self._database.round(_NAME, self._timeout) as session:
            return Server(*_frozen(session.row(statements.SERVER))), session.link

    def settings(self) -> tuple[dict[str, str], dict[str, str]]:
        """Give what is in force within a round, and what is set for the role; times in milliseconds as PostgreSQL has them."""
        with self._database.round(_NAME, self._timeout) as session:
            return dict(session.rows(statements.SETTINGS)), dict(session.rows(statements.ROLE_SETTINGS))

    def schemas(self) -> dict[str, Schema]:
        """List the configured schema, if it is there, and those that hold Campaign's tables."""
        with self._database.round(_NAME, self._timeout) as session:
            found = (Schema(*_frozen(row)) for row in session.rows(statements.SCHEMAS, self._schema))
            return {schema.name: schema for schema in found}

    def survey(self) -> Survey:
        """Look at the tables that the statements read."""
        with self._database.round(_NAME, self._timeout) as session:
            return survey(session)

    def reads_statistics(self) -> bool:
        """Tell whether the role may see what other sessions do."""
        with self._database.round(_NAME, self._timeout) as session:
            (allowed,) = session.row(READS_STATISTICS)
            return bool(allowed)

    def relations(self) -> list[Relation]:
        """List the relations of the schema that we may change, or read as a whole."""
        with self._database.round(_NAME, self._timeout) as session:
            rows = session.rows(statements.WIDE_RIGHTS, self._schema)
            return [Relation(*_frozen(row)) for row in rows]

    def column_rights(self) -> list[ColumnRight]:
        """List the columns that we may read one by one."""
        with self._database.round(_NAME, self._timeout) as session:
            rows = session.rows(statements.COLUMN_RIGHTS, self._schema)
            return [ColumnRight(*_frozen(row)) for row in rows]

    def attempts(self) -> Attempts:
        """Try to write: as a round does, and without its guard. Nothing can change by it; see the statements."""
        with self._database.round(_NAME, self._timeout) as session:
            read_only = dict(session.rows(statements.SETTINGS)).get("transaction_read_only") == "on"
            tried = (statements.UPDATE_NOTHING, statements.CREATE_TABLE) if read_only else ()
            guarded = {statement.name: session.attempt(statement) for statement in tried}
        try:
            with self._database.round(_NAME, self._timeout) as session:
                session.allow_writes()
                planned = session.attempt(statements.PLAN_UPDATE)
        except SourceError as error:
            if not self._database.up:
                raise
            planned = error
        return Attempts(read_only, guarded, planned)

    def newest_change_ahead(self) -> float | None:
        """Tell by how many seconds the newest change of a delivery lies ahead of the database's clock; None without one."""
        with self._database.round(_NAME, self._timeout) as session:
            (ahead,) = session.row(statements.NEWEST_CHANGE)
            return None if ahead is None else float(ahead)


def _frozen(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Make tuples of the arrays in a row."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in row)
