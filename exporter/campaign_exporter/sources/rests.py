"""Statements that took too long, and rest: each time twice as long, but no longer than their collector's longest interval.

How big their tables were is remembered, also over a restart: once one of them has become clearly smaller, as by a purge, the
statement is asked again before its time.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from campaign_exporter.budget import Demand
from campaign_exporter.errors import Resting, SourceError
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.catalogue_statements import SIZES
from campaign_exporter.sources.database import Session
from campaign_exporter.sources.statement import Statement
from campaign_exporter.state import Memory

_LOG = logging.getLogger(__name__)
#: A table with no more than this share of its rows, or of its pages, is another table.
_SMALLER = 0.8
#: Doublings after which any rest has reached its bound.
_DOUBLINGS = 20


class Size(NamedTuple):
    """How big a table is, as PostgreSQL estimates: rows are below 0 where it never looked."""

    rows: float
    pages: int

    def clearly_smaller_than(self, other: "Size") -> bool:
        """Tell whether it holds far less than the other, in rows or in pages."""
        return 0 <= self.rows < _SMALLER * other.rows or self.pages < _SMALLER * other.pages


Sizes = Mapping[str, Size]


@dataclass
class Rest:
    """A statement that is not asked until a moment of the monotonic clock; `sizes` of its tables when it failed, once known."""

    tables: tuple[str, ...]
    until: float
    failures: int = 1
    sizes: Sizes = field(default_factory=dict)

    def shrunk(self, now: Sizes) -> str | None:
        """Name a table that is clearly smaller than it was when the statement failed."""
        return next((name for name in self.sizes if name in now and now[name].clearly_smaller_than(self.sizes[name])), None)

    def told(self, statement: str, now: float) -> Resting:
        """Say why the statement is not asked."""
        big = "".join(f", with {size.rows:.0f} rows in {name}" for name, size in self.sizes.items() if size.rows >= 0)
        times = "" if self.failures == 1 else f" {self.failures} times in a row"
        again = f"asked again within {max(self.until - now, 0.0):.0f} s, or once its table is clearly smaller"
        return Resting(f"{statement}: took too long{times}{big}: {again}")


class Rests:
    """The statements of one database that rest, by collector. They rest for one collector only, as each has its own pace."""

    def __init__(self, place: str, demands: Mapping[str, Demand], *, clock: Clock, memory: Memory | None = None) -> None:
        self._place = place
        self._demands = demands
        self._clock = clock
        self._memory = memory
        self._rests: dict[tuple[str, str], Rest] = {}
        try:
            self._load((memory.read() if memory else None) or {})
        except (KeyError, TypeError, ValueError, AttributeError):
            _LOG.warning("state not understood of=%s/rests: all statements are asked again", place)

    def of(self, collector: str, session: Session) -> dict[str, SourceError]:
        """Tell which statements a round must not ask, by name, and why; the catalogue is read only if one rests."""
        mine = {name: rest for (owner, name), rest in self._rests.items() if owner == collector}
        now = self._clock.monotonic()
        resting = {name: rest for name, rest in mine.items() if now < rest.until}
        if resting:
            sizes = _sizes(session, resting)
            for name in [name for name, rest in resting.items() if self._may_try(collector, name, rest, sizes)]:
                del resting[name]
        return {name: rest.told(name, now) for name, rest in resting.items()}

    def failed(self, collector: str, statement: Statement) -> None:
        """Let a statement rest that took too long."""
        wanted = self._demands.get(collector)
        if wanted is None:
            return
        before = self._rests.get((collector, statement.name))
        failures = before.failures + 1 if before else 1
        seconds = wanted.interval * min(2 ** min(failures, _DOUBLINGS), wanted.longest)
        # The schedule may come a little early, and the failure was a little late.
        until = self._clock.monotonic() + seconds - wanted.interval / 2
        self._rests[collector, statement.name] = Rest(tuple(statement.reads), until, failures)
        told = (self._place, collector, statement.name, failures, seconds)
        _LOG.warning("statement rests collector=%s/%s statement=%r failures=%d seconds=%g", *told)
        self._keep()

    def answered(self, collector: str, names: Iterable[str]) -> None:
        """Take note of the statements that went well all through a round."""
        for name in names:
            if self._rests.pop((collector, name), None) is not None:
                _LOG.info("statement answered again collector=%s/%s statement=%r", self._place, collector, name)
                self._keep()

    def _may_try(self, collector: str, statement: str, rest: Rest, sizes: Sizes) -> bool:
        if not rest.sizes:
            # The failure has ended its transaction: this is the first one since in which to look.
            rest.sizes = {name: sizes[name] for name in rest.tables if name in sizes}
            self._keep()
        table = rest.shrunk(sizes)
        if table is not None:
            rest.until = self._clock.monotonic()
            told = (self._place, collector, statement, table)
            _LOG.info("statement asked before its time collector=%s/%s statement=%r: %s is smaller", *told)
        return table is not None

    def _keep(self) -> None:
        if self._memory is None:
            return
        ahead = self._clock.time() - self._clock.monotonic()
        section: dict[str, dict[str, Any]] = {}
        for (collector, name), rest in self._rests.items():
            sizes = {table: list(size) for table, size in rest.sizes.items()}
            kept = {"tables": list(rest.tables), "until": rest.until + ahead, "failures": rest.failures, "sizes": sizes}
            section.setdefault(collector, {})[name] = kept
        self._memory.keep(section)

    def _load(self, section: Mapping[str, Any]) -> None:
        """Read what was kept; a clock that was set meanwhile makes no rest longer than it may be."""
        behind = self._clock.monotonic() - self._clock.time()
        for collector, wanted in self._demands.items():
            latest = self._clock.monotonic() + wanted.interval * wanted.longest
            for name, kept in section.get(collector, {}).items():
                sizes = {table: Size(*size) for table, size in kept["sizes"].items()}
                until = min(kept["until"] + behind, latest)
                self._rests[collector, name] = Rest(tuple(kept["tables"]), until, kept["failures"], sizes)


def _sizes(session: Session, resting: Mapping[str, Rest]) -> Sizes:
    tables = sorted({table for rest in resting.values() for table in rest.tables})
    if not tables:
        return {}
    return {name: Size(rows, pages) for name, rows, pages in session.rows(SIZES, {"tables": tables})}
