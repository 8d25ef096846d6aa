"""How a log table is read as it grows: which span of time is read next, and which of the rows that come back were counted.

A row shows itself by its time of modification, and not when it is written: a long transaction commits rows whose time lies
behind what has been read, clocks are set back, and several servers write by clocks of their own. So each moment is read more
than once: when it is `fresh`, as long as it is `recent`, and a last time when it is `overlap` seconds old. Rows in between are
remembered by their id, and count once for each state that they are seen in. What commits within the overlap after its own time
is counted exactly; how far clocks are set back must be added to that. Times are seconds since the epoch, as the database
reads them.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: The next moment that a timestamp of PostgreSQL can hold is this many seconds later.
_TICK = 1e-6
#: Rows that are remembered; with more, moments are read for the last time before they are `overlap` seconds old.
_MOST_REMEMBERED = 200_000

Mark = tuple[float | None, ...]


class Row(NamedTuple):
    """A row as it is now. It is news if its state is another one; or its mark and its time are. A note makes no news."""

    row_id: int
    moment: float
    state: int | None
    mark: Mark = ()
    note: int = 0


class Span(NamedTuple):
    """Moments from `start` on, up to and without `end`."""

    start: float
    end: float


class Page(NamedTuple):
    """Rows of a span in the order of their moments; `full` if there may be more of them behind the last one."""

    rows: Sequence[Row] = ()
    full: bool = False

    @property
    def crowd(self) -> float | None:
        """Tell the moment at which there are more rows than a page takes; None unless the page holds no other."""
        crowded = self.full and bool(self.rows) and self.rows[0].moment == self.rows[-1].moment
        return self.rows[0].moment if crowded else None


class Plan(NamedTuple):
    """What to read in a round; None for what there is no need to read."""

    late: Span | None = None
    recent: Span | None = None
    fresh: Span | None = None
    ahead: Span | None = None


class Pages(NamedTuple):
    """What a round has read of its plan."""

    late: Page = Page()
    recent: Page = Page()
    fresh: Page = Page()
    ahead: Page = Page()


@dataclass(slots=True)
class LogWindow:
    """What has been read of one log: all that lay before `front`; before `floor` nothing is looked for any more.

    `overlap` and `recent` are seconds. A crowd is a moment with more rows than a page takes: its rows are counted together,
    and not remembered. Up to `shadow` there may be rows ahead of a clock that was set back: they were counted, and are noted
    before their time comes again, up to `noted` so far.
    """

    overlap: float
    recent: float
    front: float | None = None
    floor: float = 0.0
    shadow: float = 0.0
    noted: float = 0.0
    known: dict[int, Row] = field(default_factory=dict)
    crowds: list[float] = field(default_factory=list)
    _passed: deque[tuple[float, float]] = field(default_factory=deque)

    def lag(self, now: float) -> float:
        """Tell how many seconds what has been read lies behind the clock."""
        return 0.0 if self.front is None else max(now - self.front, 0.0)

    def plan(self, now: float, monotonic: float) -> Plan:
        """Say what to read at a moment; what is there the very first time is not read at all."""
        if self.front is None or now < self.front - self.overlap:
            self._begin(now, monotonic)
        front = self.front if self.front is not None else now
        if self.floor in self.crowds:
            self.floor = _after(self.floor)
        late = min(self._ripe(now, monotonic), *(crowd for crowd in self.crowds if crowd >= self.floor), front)
        recent = max(min(front, now) - self.recent, self.floor, late)
        recent = max(recent, *(_after(crowd) for crowd in self.crowds), recent)
        ahead = min(now + self.overlap, self.shadow)
        return Plan(_span(self.floor, late), _span(recent, front), _span(front, now), _span(max(self.noted, now), ahead))

    def news(self, pages: Pages) -> list[Row]:
        """Give the rows that are news, and change nothing. A crowd's rows are not among them."""
        rows = (*pages.late.rows, *pages.recent.rows, *_whole(pages.fresh))
        return [row for row in rows if self._is_news(row)]

    def take(self, plan: Plan, pages: Pages, monotonic: float) -> None:
        """Take note of what was read, once all of it is counted."""
        for row in pages.ahead.rows:
            self.known.setdefault(row.row_id, row)
        self.known.update((row.row_id, row) for row in (*pages.late.rows, *pages.recent.rows, *_whole(pages.fresh)))
        self._advance(plan, pages, monotonic)
        self.known = {row_id: row for row_id, row in self.known.items() if row.moment >= self.floor}
        self.crowds = [crowd for crowd in self.crowds if crowd >= self.floor]

    def _begin(self, now: float, monotonic: float) -> None:
        """Read from now on: at first, and where the clock was set back so far that nobody knows what was counted."""
        self.shadow = max(self.shadow, self.front or 0.0)
        self.front = self.floor = self.noted = now
        self.crowds = []
        self._passed = deque([(now, monotonic)])

    def _ripe(self, now: float, monotonic: float) -> float:
        """Tell up to where what was to come has come: by the clock of the database, and by one that is never set."""
        if len(self.known) > _MOST_REMEMBERED:
            return self.front if self.front is not None else now
        while len(self._passed) > 1 and monotonic - self._passed[1][1] >= self.overlap:
            self._passed.popleft()
        passed, at = self._passed[0]
        return min(passed, now - self.overlap) if monotonic - at >= self.overlap else self.floor

    def _is_news(self, row: Row) -> bool:
        before = self.known.get(row.row_id)
        if before is None or before.state != row.state:
            return True
        return before.mark != row.mark and before.moment != row.moment

    def _advance(self, plan: Plan, pages: Pages, monotonic: float) -> None:
        if plan.late is not None:
            self.floor = _reached(plan.late, pages.late, pages.late.crowd)
        if plan.fresh is not None:
            crowd = pages.fresh.crowd
            self.front = _reached(plan.fresh, pages.fresh, crowd)
            self.crowds += [crowd] if crowd is not None else []
        if plan.ahead is not None:
            self.noted = _reached(plan.ahead, pages.ahead, pages.ahead.crowd)
        if self.front is not None:
            self._passed.append((self.front, monotonic))

    def dump(self) -> dict[str, Any]:
        """Write it down for a restart."""
        rows = self.known.values()
        return {
            "front": self.front,
            "floor": self.floor,
            "shadow": self.shadow,
            "noted": self.noted,
            "crowds": self.crowds,
            "rows": [[row.row_id, row.moment, row.state, *row.mark] for row in rows],
        }

    def load(self, section: Mapping[str, Any], monotonic: float) -> None:
        """Take over what `dump` wrote; how long ago that was, nobody knows."""
        self.front, self.floor = section["front"], section["floor"]
        self.shadow, self.noted = section["shadow"], section["noted"]
        self.crowds = list(section["crowds"])
        rows = (Row(row_id, moment, state, tuple(mark)) for row_id, moment, state, *mark in section["rows"])
        self.known = {row.row_id: row for row in rows}
        self._passed = deque([(self.front, monotonic)] if self.front is not None else ())


def _span(start: float, end: float) -> Span | None:
    return Span(start, end) if start < end else None


def _after(moment: float) -> float:
    return round(moment + _TICK, 6)


def _whole(page: Page) -> Iterable[Row]:
    """Leave out the last moment of a page that is full: there may be more rows of it."""
    last = page.rows[-1].moment if page.full and page.rows else None
    return _before(page.rows, last)


def _before(rows: Iterable[Row], moment: float | None) -> Iterator[Row]:
    return (row for row in rows if moment is None or row.moment < moment)


def _reached(span: Span, page: Page, crowd: float | None) -> float:
    """Tell up to where a span was read whole."""
    if crowd is not None:
        return _after(crowd)
    return page.rows[-1].moment if page.full and page.rows else span.end
