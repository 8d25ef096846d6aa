"""What a database has of that which the statements stand on: columns, rights, indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaign_exporter.errors import NotInDatabase, PermissionDenied, SourceError
from campaign_exporter.sources.database import Session
from campaign_exporter.sources.statement import Index, Statement
from campaign_exporter.sources.statements import COLUMNS, INDEXES, SCHEMA_SHUT, TABLES


@dataclass(frozen=True, slots=True)
class Survey:
    """The tables of one schema at one moment.

    `columns` tells by table and column whether we may read it, `indexes` lists the columns of each usable index by table.
    `shut` says that the schema is there, and that we may not look into it.
    """

    columns: Mapping[str, Mapping[str, bool]]
    indexes: Mapping[str, Sequence[tuple[str, ...]]]
    naive_timestamps: bool = False
    shut: bool = False

    def obstacle(self, statement: Statement) -> SourceError | None:
        """Tell why a statement cannot be run here; None if it can."""
        for table, names in statement.reads.items():
            have = self.columns.get(table)
            if have is None:
                return self.absence(f"table {table} is not there (or the schema is another)")
            if absent := [name for name in names if name not in have]:
                return NotInDatabase(f"table {table} lacks the column {', '.join(absent)}")
            if closed := [name for name in names if not have[name]]:
                return PermissionDenied(f"no right to read {table} ({', '.join(closed)}): see `campaign-exporter grants`")
        return self._missing_index(statement)

    def absence(self, words: str) -> SourceError:
        """Say that a table is not there; where nobody lets us look, that is what is wrong."""
        if self.shut:
            return PermissionDenied("no right to use the schema: see `campaign-exporter grants`")
        return NotInDatabase(words)

    def has_index(self, index: Index) -> bool:
        """Tell whether some index begins with these columns."""
        width = len(index.columns)
        return any(columns[:width] == index.columns for columns in self.indexes.get(index.table, ()))

    def _missing_index(self, statement: Statement) -> NotInDatabase | None:
        index = statement.index
        if index is None or self.has_index(index):
            return None
        return NotInDatabase(f"table {index.table} lacks an index that begins with {', '.join(index.columns)}")


def survey(session: Session) -> Survey:
    """Read the catalogue of the round's schema."""
    tables = list(TABLES)
    columns: dict[str, dict[str, bool]] = {}
    naive = False
    for table, column, readable, is_naive in session.rows(COLUMNS, {"tables": tables}):
        columns.setdefault(table, {})[column] = readable
        naive = naive or (table == "nmsdelivery" and is_naive)
    indexes: dict[str, list[tuple[str, ...]]] = {}
    for table, names in session.rows(INDEXES, {"tables": tables}):
        indexes.setdefault(table, []).append(tuple(names))
    shut = not columns and any(is_shut for (is_shut,) in session.rows(SCHEMA_SHUT))
    return Survey(columns, indexes, naive, shut)
