"""How many rows have which value, by the statistics that PostgreSQL keeps for its planner: no row is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: What a sample holds once, such as the zero record, is not among the most common values: up to a hundredth may be missing.
_COMPLETE = 0.99


@dataclass(frozen=True, slots=True)
class Column:
    """Statistics of a column of whole numbers: rows of the table, the share without a value, and shares by common value."""

    rows: float
    null_share: float
    values: Sequence[int]
    shares: Sequence[float]


def rows_by_value(column: Column) -> Mapping[int | None, int] | None:
    """Estimate the rows for each value, None standing for no value; None where the statistics do not know them all."""
    if column.rows < 0:
        return None
    known: dict[int | None, float] = dict(zip(column.values, column.shares, strict=True))
    if column.null_share > 0:
        known[None] = column.null_share
    if column.rows > 0 and sum(known.values()) < _COMPLETE:
        return None
    return {value: round(column.rows * share) for value, share in known.items()}


def rows_that_are_set(column: Column) -> int | None:
    """Estimate the rows in which a flag is set."""
    found = rows_by_value(column)
    return None if found is None else sum(rows for value, rows in found.items() if value)
