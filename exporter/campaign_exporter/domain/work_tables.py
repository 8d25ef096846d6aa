"""Work tables: whose each is, by its name, and whether anybody still needs it.

Names and what is needed: Adobe's documentation of the cleanup workflow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

_DELIVERY, _WORKFLOW = "delivery", "workflow"
#: Whose the tables of a prefix are; None where the table of the owners is not documented.
PREFIXES: Mapping[str, str | None] = MappingProxyType(
    {"wkdlv": _DELIVERY, "wkf": _WORKFLOW, "wkfhisto": _WORKFLOW, "wksimu": None, "grp": None}
)
STANDINGS = ("in_use", "to_drop", "orphaned", "unknown")
_NAME = re.compile(r"(?:(wkdlv|wksimu)_(-?\d+)_|(wkfhisto|wkf)(-?\d+)_|(grp)(-?\d+))", re.ASCII)
_SIGN, _WRAP = 1 << 31, 1 << 32
#: States in which a delivery needs its tables no more: being edited, stopped, deleted; and a workflow: stopped or finished.
_OVER: Mapping[str, frozenset[int]] = MappingProxyType({_DELIVERY: frozenset({0, 85, 100}), _WORKFLOW: frozenset({20})})


@dataclass(frozen=True, slots=True)
class WorkTable:
    """A work table: size in bytes with its indexes, as far as it was measured."""

    prefix: str
    owner: int | None
    size: int
    measured: bool


class Owner(NamedTuple):
    """A delivery or a workflow: its state, and when it was last changed, in seconds since the epoch."""

    state: int | None
    modified: float | None


class Owners(NamedTuple):
    """All that work tables can belong to, by id, and when cleanup last ran."""

    deliveries: Mapping[int, Owner]
    workflows: Mapping[int, Owner]
    last_cleanup: float | None


def work_table(name: str, size: int, *, measured: bool) -> WorkTable | None:
    """Read the name of a work table; None for a table whose name only begins like one."""
    match = _NAME.match(name)
    if match is None:
        return None
    prefix, number = (text for text in match.groups() if text is not None)
    return WorkTable(prefix, _signed(int(number)), size, measured)


def _signed(number: int) -> int | None:
    """Turn an id that is written without its sign, as those below 0 are (kb: KA-15190), into the id that it is."""
    if not -_SIGN <= number < _WRAP:
        return None
    return number - _WRAP if number >= _SIGN else number


def standing(table: WorkTable, owners: Owners) -> str:
    """Say whether a table is needed; what cleanup has not had the time to drop is no orphan."""
    kind = PREFIXES[table.prefix]
    if kind is None or table.owner is None:
        return "unknown"
    owner = (owners.deliveries if kind == _DELIVERY else owners.workflows).get(table.owner)
    if owner is None:
        return "orphaned"
    if owner.state is None:
        return "unknown"
    if owner.state not in _OVER[kind]:
        return "in_use"
    seen = owners.last_cleanup is not None and owner.modified is not None and owner.modified < owners.last_cleanup
    return "orphaned" if seen else "to_drop"
