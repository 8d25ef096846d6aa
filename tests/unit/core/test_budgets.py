"""The law by which collectors share the time of one database, and the loop that follows it, on a clock set by hand."""

import logging
import math
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from campaign_exporter.budget import Budget, Demand, demand, importance, stretches
from campaign_exporter.catalogue import COLLECTORS
from campaign_exporter.config import CollectorSettings
from campaign_exporter.pace import Pace
from unit.core.handmade import HandClock

NAMES = ("pending", "database", "deliveries", "affinity", "throughput", "another")
#: The defaults, and what their rounds cost where all is well.
INTERVALS = {"pending": 15.0, "database": 15.0, "deliveries": 15.0, "affinity": 15.0, "throughput": 30.0}
#: A round takes no time that counts, or at least a microsecond.
_COST = st.just(0.0) | st.floats(1e-6, 5)
_DEMANDS = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.floats(1, 300), _COST), min_size=1).map(
    lambda drawn: {name: demand(name, interval)._replace(cost=cost) for name, (interval, cost) in drawn.items()}
)
_ALLOWED = st.floats(0.01, 60)


def spent(demands: Mapping[str, Demand], given_: Mapping[str, int]) -> float:
    return sum(one.spent(given_[name]) for name, one in demands.items())


def least(demands: Mapping[str, Demand]) -> float:
    return sum(one.spent(one.longest) for one in demands.values())


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_no_interval_is_longer_than_it_may_be_or_shorter_than_configured(demands: dict[str, Demand], allowed: float) -> None:
    for name, stretch in stretches(demands, allowed).items():
        interval = demands[name].interval
        assert stretch >= 1
        assert stretch == 1 or interval * stretch <= (60 if name in {"pending", "database"} else 240)


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_the_budget_is_kept_wherever_stretching_can_keep_it(demands: dict[str, Demand], allowed: float) -> None:
    assume(least(demands) <= allowed)
    assert spent(demands, stretches(demands, allowed)) <= allowed + 1e-6


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_nothing_is_stretched_that_fits(demands: dict[str, Demand], allowed: float) -> None:
    assume(spent(demands, dict.fromkeys(demands, 1)) <= allowed)
    assert set(stretches(demands, allowed).values()) == {1}


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_where_even_the_longest_intervals_cost_too_much_all_are_longest(demands: dict[str, Demand], allowed: float) -> None:
    allowed = min(allowed, 0.99 * least(demands))
    assume(allowed > 0)
    assert stretches(demands, allowed) == {name: one.longest if one.cost else 1 for name, one in demands.items()}


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_the_more_important_could_not_run_more_often_if_all_others_had_the_little_that_is_modest(
    demands: dict[str, Demand], allowed: float
) -> None:
    assume(least(demands) <= allowed)
    given_ = stretches(demands, allowed)
    share = 0.05 * allowed
    order = sorted(demands, key=importance)
    for place, name in enumerate(order):
        if given_[name] == 1:
            continue
        faster = {**{each: given_[each] for each in order[:place]}, name: given_[name] - 1}
        others = sum(
            min(demands[each].spent(1), max(share, demands[each].spent(demands[each].longest))) for each in order[place + 1 :]
        )
        assert sum(demands[each].spent(stretch) for each, stretch in faster.items()) + others > allowed - 1e-6


@given(demands=_DEMANDS, allowed=_ALLOWED)
def test_an_expensive_one_takes_no_time_from_those_that_want_little(demands: dict[str, Demand], allowed: float) -> None:
    share = 0.05 * allowed
    modest = {name for name, one in demands.items() if one.spent(1) <= share}
    # Unless the others cannot be made cheap enough to leave the modest ones what they want.
    assume(
        sum(one.spent(1) if name in modest else max(one.spent(one.longest), share) for name, one in demands.items()) <= allowed
    )
    given_ = stretches(demands, allowed)
    assert {given_[name] for name in modest} <= {1}


def test_the_least_important_is_stretched_first() -> None:
    demands = {name: demand(name, 15)._replace(cost=0.05) for name in ("throughput", "deliveries", "pending")}
    assert stretches(demands, 0.6) == {"pending": 1, "deliveries": 1, "throughput": 1}
    assert stretches(demands, 0.5) == {"pending": 1, "deliveries": 1, "throughput": 2}
    assert stretches(demands, 0.35) == {"pending": 1, "deliveries": 2, "throughput": 4}


def test_counting_recipients_gives_way_to_all_else() -> None:
    names = ("recipients", "hygiene", "tracking", "throughput")
    demands = {name: demand(name, 60)._replace(cost=0.1) for name in names}
    assert stretches(demands, 0.4) == dict.fromkeys(names, 1)
    assert stretches(demands, 0.35) == dict.fromkeys(names, 1) | {"recipients": 2}
    assert max(COLLECTORS, key=importance) == "recipients"


def test_an_interval_beyond_what_it_may_become_stays_as_it_is() -> None:
    assert demand("pending", 40).longest == 1
    assert demand("pending", 300).longest == 1
    assert demand("deliveries", 300).longest == 1
    assert (demand("pending", 15).longest, demand("deliveries", 15).longest, demand("anything", 60).longest) == (4, 16, 4)


class Loop:
    """Collectors that run when their pace says so, knocked at each interval, on one budget."""

    def __init__(self, cost: Callable[[str, float], float], allowed: float = 0.6) -> None:
        self.clock = HandClock()
        self.budget = Budget(
            "prod", {name: demand(name, each) for name, each in INTERVALS.items()}, allowed=allowed, clock=self.clock
        )
        self.paces = {name: Pace(CollectorSettings(interval=each), self._stretch(name)) for name, each in INTERVALS.items()}
        self.rounds: list[tuple[float, str, float]] = []
        self.changes = 0
        self._cost = cost
        self._second = 0

    def _stretch(self, name: str) -> Callable[[], int]:
        return lambda: self.budget.stretch(name)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            before = self.intervals
            for place, (name, pace) in enumerate(self.paces.items()):
                if self._second % INTERVALS[name] == place and pace.due(self.clock.monotonic()):
                    pace.begin(self.clock.monotonic())
                    seconds_ = self._cost(name, self._second)
                    self.budget.spend(name, seconds_)
                    pace.end()
                    self.rounds.append((self._second, name, seconds_))
            self.changes += self.intervals != before
            self._second += 1
            self.clock.advance(1)

    @property
    def intervals(self) -> dict[str, float]:
        return {name: pace.interval for name, pace in self.paces.items()}

    def per_minute(self, since: float) -> float:
        """Give the seconds a minute spent since a moment."""
        return 60 * sum(seconds for at, _, seconds in self.rounds if at >= since) / (self._second - since)

    def longest_wait(self, name: str) -> float:
        moments = [at for at, each, _ in self.rounds if each == name]
        return max(later - sooner for sooner, later in pairwise(moments))


def test_a_cheap_exporter_is_never_slowed_down_and_its_start_is_no_alarm() -> None:
    loop = Loop(lambda _, second: 0.2 if second < 15 else 0.01)  # the first rounds connect, and find nothing in memory
    loop.run(15)
    assert loop.intervals["pending"] == 15
    loop.run(285)
    assert loop.intervals == INTERVALS
    assert loop.budget.ratio < 0.5


def test_slow_statements_settle_below_the_budget_and_stay_there() -> None:
    loop = Loop(lambda *_: 0.15)
    loop.run(600)
    assert loop.per_minute(since=300) <= 0.6
    settled, loop.changes = loop.intervals, 0
    loop.run(3600)
    assert (loop.intervals, loop.changes) == (settled, 0)
    assert settled["pending"] < settled["throughput"]
    assert loop.per_minute(since=300) > 0.4


def test_one_expensive_collector_pays_alone() -> None:
    loop = Loop(lambda name, _: 0.9 if name == "deliveries" else 0.01)
    loop.run(1800)
    assert loop.per_minute(since=600) <= 0.6
    assert loop.intervals == {**INTERVALS, "deliveries": loop.intervals["deliveries"]}
    assert 90 <= loop.intervals["deliveries"] <= 240


def test_what_matters_most_is_never_rarer_than_each_minute() -> None:
    loop = Loop(lambda *_: 3.0)
    loop.run(3600)
    assert {name: loop.longest_wait(name) for name in ("pending", "database")} == {"pending": 60, "database": 60}
    assert {loop.longest_wait(name) for name in ("deliveries", "affinity", "throughput")} == {240}


def test_when_the_load_is_gone_all_run_as_before_within_minutes_and_not_all_at_once() -> None:
    loop = Loop(lambda _, second: 0.9 if second < 1200 else 0.01)
    loop.run(1200)
    assert min(loop.intervals["deliveries"], loop.intervals["throughput"]) == 240
    loop.run(600)
    assert loop.intervals == INTERVALS
    moments = [at for at, *_ in loop.rounds if at >= 1200]
    assert len(moments) == len(set(moments))  # one at a time, each in the second that it had from the start


def test_however_much_was_spent_all_run_as_before_within_a_quarter_of_an_hour() -> None:
    loop = Loop(lambda _, second: 10.0 if second < 1200 else 0.01)
    loop.run(1200 + 900)
    assert loop.intervals == INTERVALS


def test_a_single_slow_round_is_paid_back_and_forgotten() -> None:
    loop = Loop(lambda name, second: 1.5 if name == "deliveries" and 300 <= second < 315 else 0.01)
    loop.run(901)
    assert loop.intervals == INTERVALS
    assert loop.per_minute(since=300) < 0.6


@settings(max_examples=20)
@given(costs=st.lists(st.sampled_from((0.01, 0.1, 0.5, 1.0)), min_size=1, max_size=6))
def test_rounds_that_cost_now_more_now_less_keep_the_budget_on_average(costs: list[float]) -> None:
    taken = dict.fromkeys(INTERVALS, 0)

    def cost(name: str, _: float) -> float:
        taken[name] += 1
        return costs[taken[name] % len(costs)] if name in {"deliveries", "throughput"} else 0.005

    loop = Loop(cost)
    loop.run(3600)
    assert loop.per_minute(since=900) <= 0.6 * 1.05


def test_noise_moves_no_interval_to_and_fro() -> None:
    loop = Loop(lambda _, second: 0.15 * (1 + 0.1 * math.sin(second)))
    loop.run(900)
    loop.changes = 0
    loop.run(3600)
    assert loop.changes <= 2


def test_a_change_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    loop = Loop(lambda name, _: 0.9 if name == "deliveries" else 0.01)
    loop.run(3600)
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("interval changed collector=prod/deliveries seconds=")
    assert len(said) < 8


def test_a_clock_that_steps_changes_nothing() -> None:
    loop = Loop(lambda name, _: 0.9 if name == "deliveries" else 0.01)
    loop.run(1200)
    before, ratio = loop.intervals, loop.budget.ratio
    loop.clock.wall += 86400
    assert (loop.intervals, loop.budget.ratio) == (before, ratio)


def test_of_a_collector_that_it_does_not_know_it_only_counts_the_seconds(clock: HandClock) -> None:
    budget = Budget("prod", {"pending": demand("pending", 15)}, allowed=0.6, clock=clock)
    budget.spend("why", 1.2)
    assert (budget.ratio, budget.stretch("why"), budget.stretch("pending")) == (2, 1, 1)
    clock.advance(60)
    assert budget.ratio == 0
