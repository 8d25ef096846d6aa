"""What a statement is: its text, and all that it stands on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Index:
    """Leading columns that some index of a table must have."""

    table: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. `reads` are the columns by table, `index` what makes it cheap; None where the tables are small.

    One that is not `granted` is asked where the role may: it would open more than a careful administrator likes.
    """

    name: str
    text: str
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    index: Index | None = None
    granted: bool = True
