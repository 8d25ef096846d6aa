from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from campaign_exporter.collectors.throughput import Ledger


class Rows(RuleBasedStateMachine):
    """Rows that grow, are purged, and are read at any time, also after a restart."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, int] = {}
        self.highest: Counter[str] = Counter()
        self.ledger = Ledger()
        self.last = 0.0

    @rule(key=st.sampled_from("abc"), amount=st.integers(0, 10**9))
    def grow(self, key: str, amount: int) -> None:
        self.rows[key] = self.rows.get(key, 0) + amount

    @rule(key=st.sampled_from("abc"))
    def purge(self, key: str) -> None:
        self.rows.pop(key, None)

    @rule(key=st.sampled_from("abc"), figure=st.integers(-5, 5))
    def correct(self, key: str, figure: int) -> None:
        self.rows[key] = figure

    @rule(unwatched=st.booleans())
    def read(self, *, unwatched: bool) -> None:
        for key, figure in self.rows.items():
            self.ledger.count(self.ledger.remember(key, [figure, 0, 0, 0, 0.0]), unwatched=unwatched)
            self.highest[key] = max(self.highest[key], figure)

    @rule()
    def restart(self) -> None:
        self.ledger = Ledger.load(self.ledger.dump())

    @invariant()
    def the_total_is_all_growth_and_counts_nothing_twice(self) -> None:
        assert self.ledger.totals == [self.highest.total(), 0, 0, 0, 0.0]

    @invariant()
    def nothing_shrinks(self) -> None:
        assert self.ledger.totals[0] >= self.last
        assert 0 <= self.ledger.catch_up[0] <= self.ledger.totals[0]
        self.last = self.ledger.totals[0]


TestRows = Rows.TestCase


@given(st.lists(st.floats(0, 1e12), max_size=9))
def test_what_was_dumped_does_not_change_with_the_ledger(figures: list[float]) -> None:
    ledger = Ledger()
    dumped = ledger.dump()
    for number, figure in enumerate(figures):
        ledger.count(ledger.remember(str(number), [figure] * 5), unwatched=True)
    assert dumped == Ledger().dump()
