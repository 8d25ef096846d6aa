"""Whatever happens between two looks at a log: each event counts once."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter.domain.log_window import LogWindow, Page, Pages, Row, Span

OVERLAP = 60.0
#: The longest transaction and all steps back together stay below the overlap.
LONGEST, STEPS_BACK = 25.0, 20.0


@dataclass
class Log:
    """A table that a clock, long transactions and purges work on, and a reader that is restarted now and then."""

    cap: int
    window: LogWindow = field(default_factory=lambda: LogWindow(OVERLAP, 10.0))
    real: float = 1_000_000.0
    step: float = 0.0
    rows: dict[int, Row] = field(default_factory=dict)
    open: list[tuple[float, Row]] = field(default_factory=list)
    news: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    crowds: int = 0
    #: Rows that are written at one moment at most.
    tied: int = 10_000
    #: Whether the next look fails in the middle.
    breaks_off: bool = False

    @property
    def now(self) -> float:
        return round(self.real + self.step, 6)

    def write(self, row_id: int, state: int, *, after: float = 0.0) -> None:
        """Write a row in a transaction that commits some seconds later."""
        if sum(row.moment == self.now for row in (*self.rows.values(), *(row for _, row in self.open))) >= self.tied:
            self.wait(0.000001)
        self.open.append((self.real + after, Row(row_id, self.now, state)))

    def wait(self, seconds: float) -> None:
        self.real = round(self.real + seconds, 6)
        self.commit()

    def commit(self) -> None:
        for due, row in self.open:
            if due <= self.real:
                self.rows[row.row_id] = row
        self.open = [(due, row) for due, row in self.open if due > self.real]

    def page(self, span: Span | None) -> Page:
        if span is None:
            return Page()
        inside = sorted((row for row in self.rows.values() if span.start <= row.moment < span.end), key=lambda row: row.moment)
        return Page(inside[: self.cap], len(inside) >= self.cap)

    def look(self) -> None:
        self.commit()
        plan = self.window.plan(self.now, self.real)
        pages = Pages(*map(self.page, plan))
        if pages.fresh.crowd is not None and not self.breaks_off:
            self.crowds += 1
            self.news.update((row.row_id, row.state) for row in self.rows.values() if row.moment == pages.fresh.crowd)
        if self.breaks_off:
            self.breaks_off = False
            return
        self.news.update((row.row_id, row.state) for row in self.window.news(pages))
        self.window.take(plan, pages, self.real)

    def restart(self) -> None:
        kept = json.loads(json.dumps(self.window.dump()))
        self.window = LogWindow(OVERLAP, 10.0)
        self.window.load(kept, self.real)

    def purge(self) -> None:
        self.rows = {row_id: row for row_id, row in self.rows.items() if not self.news[row_id, row.state]}

    def fail(self) -> None:
        self.breaks_off = True

    def settle(self) -> None:
        """Let all come to rest, and be read for the last time."""
        for _ in range(400):
            self.wait(7.0)
            self.look()
        assert self.window.lag(self.now) == 0
        assert not self.window.known


events = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.floats(0, LONGEST)),
        st.tuples(st.just("write"), st.just(0.0)),
        st.tuples(st.just("wait"), st.floats(0.001, 30)),
        st.tuples(st.just("look"), st.just(0.0)),
        st.tuples(st.just("restart"), st.just(0.0)),
        st.tuples(st.just("down"), st.floats(100, 2000)),
        st.tuples(st.just("step"), st.floats(-7, 3)),
        st.tuples(st.just("purge"), st.just(0.0)),
        st.tuples(st.just("fail"), st.just(0.0)),
    ),
    max_size=120,
)


def play(log: Log, happens: list[tuple[str, float]]) -> int:
    """Let it happen; give the number of rows that were written."""
    number, back = 0, 0.0
    for what, amount in happens:
        if what == "write":
            number += 1
            log.write(number if number % 2 else -number, 1, after=amount)
        elif what == "wait":
            log.wait(amount)
        elif what == "down":
            log.wait(amount)
            log.restart()
        elif what == "step" and back - min(amount, 0.0) < STEPS_BACK:
            back -= min(amount, 0.0)
            log.step += amount
        elif what in {"purge", "restart", "fail", "look"}:
            getattr(log, what)()
    return number


@settings(max_examples=150, deadline=None)
@given(happens=events, cap=st.integers(2, 12))
def test_each_row_counts_once_whatever_happens(happens: list[tuple[str, float]], cap: int) -> None:
    log = Log(cap, tied=cap - 1)
    log.look()
    log.wait(STEPS_BACK + 1)
    number = play(log, happens)
    log.settle()
    assert sum(log.news.values()) == number
    assert set(log.news.values()) <= {1}


updates = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.floats(0.001, 20), st.booleans()), max_size=60)


@settings(max_examples=100, deadline=None)
@given(happens=updates)
def test_a_row_that_changes_counts_once_for_each_state_that_is_seen(happens: list[tuple[int, int, float, bool]]) -> None:
    log = Log(cap=100)
    log.look()
    log.wait(1.0)
    expected: Counter[tuple[int, int | None]] = Counter()
    last: dict[int, int | None] = {}
    for row_id, state, wait, look in [*happens, (6, 1, 1.0, True)]:
        log.write(row_id, state)
        log.wait(wait)
        if look:
            log.look()
            expected.update((row.row_id, row.state) for row in log.rows.values() if last.get(row.row_id) != row.state)
            last = {row.row_id: row.state for row in log.rows.values()}
    # What is written again in the same state after it was forgotten is taken for a new event.
    assert all(log.news[key] >= count for key, count in expected.items())
    assert log.news.keys() == expected.keys()
    if log.real < 1_000_000 + OVERLAP:
        assert log.news == expected


def test_what_is_there_at_first_is_not_counted() -> None:
    log = Log(10)
    log.write(1, 1)
    log.wait(5)
    for _ in range(20):
        log.look()
        log.wait(10)
    assert not log.news


def test_after_an_absence_the_rest_is_read_at_a_bounded_pace_and_the_lag_tells() -> None:
    log = Log(10)
    log.look()
    for number in range(1, 101):
        log.wait(20)
        log.write(number, 1)
    log.wait(1)
    lags, counts = [], []
    for _ in range(12):
        log.look()
        lags.append(log.window.lag(log.now))
        counts.append(sum(log.news.values()))
    assert counts[:3] == [9, 18, 27]
    assert counts[-1] == 100
    assert lags == sorted(lags, reverse=True)
    assert lags[-1] == 0


def test_a_crowd_of_one_moment_is_counted_once_as_a_whole() -> None:
    log = Log(10)
    log.look()
    log.wait(1)
    for number in range(1, 26):
        log.write(number, 6)
    log.wait(1)
    for number in range(26, 30):
        log.write(number, 6)
    log.wait(1)
    for _ in range(40):
        log.look()
        log.wait(5)
    assert log.crowds == 1
    assert sum(log.news.values()) == 29
    for number in range(1, 26):
        log.write(number, 1)
        log.wait(0.1)
    log.settle()
    assert log.news[3, 1] == 1


@pytest.mark.parametrize("back", [70.0, 3600.0, 86400.0])
def test_a_clock_set_far_back_counts_nothing_twice(back: float) -> None:
    log = Log(1000)
    log.look()
    for number in range(1, 201):
        log.wait(15)
        log.write(number, 1)
        log.look()
    log.wait(1)
    log.look()
    log.step -= back
    log.look()
    before = sum(log.news.values())
    assert before == 200
    for number in range(201, 401):
        log.wait(15)
        log.write(number, 1)
        log.look()
    log.wait(1)
    log.look()
    assert set(log.news.values()) == {1}
    assert sum(log.news.values()) == 400


def test_memory_is_bounded_by_what_can_still_be_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaign_exporter.domain.log_window._MOST_REMEMBERED", 50)
    log = Log(20)
    log.look()
    for number in range(1, 601):
        log.wait(0.5)
        log.write(number, 1)
        if number % 10 == 0:
            log.look()
            assert len(log.window.known) <= 50 + 20
    log.settle()
    assert sum(log.news.values()) == 600
