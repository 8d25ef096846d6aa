"""The pace of a job under a budget: which rounds are left out, what is told of them, and for how long values stand."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter import catalogue
from campaign_exporter.config import CollectorSettings
from campaign_exporter.errors import ConnectFailed, Resting
from campaign_exporter.job import Job
from campaign_exporter.pace import Pace
from campaign_exporter.rounds import Round
from campaign_exporter.state import Memory, State
from unit.core.handmade import HandClock, Published, Scripted

ERRORS = "campaign_exporter_collector_errors_total"
INTERVAL = "campaign_exporter_collector_interval_seconds"


@dataclass
class Stretch:
    times: int = 1

    def __call__(self) -> int:
        return self.times


@dataclass
class Stage:
    """A job whose interval of 10 s is stretched by hand."""

    clock: HandClock
    published: Published
    stretch: Stretch = field(default_factory=Stretch)
    lives: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.collector = Scripted(self.good)
        self.job = Job(
            "deliveries",
            Pace(CollectorSettings(interval=10), self.stretch),
            lambda _: self.collector,
            memory=Memory(State(), "prod/deliveries"),
            clock=self.clock,
            publish=self.published,
        )

    def good(self, current: Round) -> None:
        self.lives.append(current.life)
        with current.part() as samples:
            samples.add(catalogue.MESSAGES_REMAINING, 1, channel="email")

    def knock(self, times: int = 1) -> "Stage":
        """Let the schedule come an interval later, and the watchdog each second."""
        for _ in range(times):
            for _ in range(10):
                self.clock.advance(1)
                self.job.withdraw_stale()
            self.job.run()
        return self

    @property
    def shown(self) -> bool:
        return self.published.value("campaign_messages_remaining", "email") is not None


@pytest.fixture
def stage(clock: HandClock, published: Published) -> Stage:
    return Stage(clock, published)


def test_a_stretched_interval_leaves_rounds_out_and_says_so(stage: Stage) -> None:
    stage.knock()
    stage.stretch.times = 4
    stage.knock(8)
    assert stage.collector.rounds == 3
    assert stage.published.value(INTERVAL, "deliveries") == 40
    assert stage.published.value("campaign_exporter_collector_stretch_ratio", "deliveries") == 4
    assert stage.published.value(ERRORS, "deliveries", "budget") == 6
    assert stage.published.value("campaign_exporter_collector_success", "deliveries") == 1
    assert stage.shown


def test_an_interval_that_gets_shorter_needs_no_new_plan(stage: Stage) -> None:
    stage.knock()
    stage.stretch.times = 16
    stage.knock(5)
    assert stage.collector.rounds == 1
    stage.stretch.times = 1
    stage.knock(2)
    assert stage.collector.rounds == 3


def test_a_schedule_that_comes_a_little_early_or_twice_makes_no_round_more(stage: Stage) -> None:
    stage.stretch.times = 2
    stage.job.run()
    for early in (9.0, 0.2, 9.3):
        stage.clock.advance(early)
        stage.job.run()
    assert stage.collector.rounds == 2


def test_a_step_of_the_wall_clock_lets_no_round_come_sooner(stage: Stage) -> None:
    stage.stretch.times = 3
    stage.job.run()
    stage.clock.wall += 86400
    stage.job.run()
    assert stage.collector.rounds == 1
    assert not stage.job.overdue(stage.clock.monotonic())


def test_values_stand_while_the_next_round_is_awaited_but_never_for_more_than_five_minutes(stage: Stage) -> None:
    stage.stretch.times = 24
    stage.knock(24)
    assert stage.shown
    stage.collector.act = lambda _: pytest.fail("it hangs")
    for _ in range(300):
        stage.clock.advance(1)
        stage.job.withdraw_stale()
    assert not stage.shown


def test_what_was_read_at_a_long_interval_stays_when_it_gets_short_until_a_round_could_read_it_anew(stage: Stage) -> None:
    stage.stretch.times = 12
    stage.knock(12)
    stage.stretch.times = 1

    def refused(_: Round) -> None:
        raise ConnectFailed("refused")

    stage.collector.act = refused
    stage.knock(3)
    assert stage.shown
    stage.collector.act = stage.good
    stage.knock()
    stage.collector.act = refused
    stage.knock(4)
    assert not stage.shown


def test_a_round_is_told_the_longest_interval_since_the_last_one(stage: Stage) -> None:
    """So that a collector does not take a long interval for a time in which nobody watched."""
    stage.knock()
    stage.stretch.times = 9
    stage.knock(8)
    stage.stretch.times = 1
    stage.knock(2)
    assert stage.lives == [30, 270, 30]


def test_a_round_that_hangs_under_a_stretched_interval_is_given_up_as_any_other(stage: Stage) -> None:
    stage.stretch.times = 6
    stage.knock()
    stage.job._round = Round(stage.clock, stage.clock.monotonic() - 5.1)
    assert stage.job.give_up_lost_worker()


def test_a_statement_that_rests_opens_no_breaker_and_is_said_once(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    def rests(_: Round) -> None:
        raise Resting(["took too long", "asked again in 20 s", "asked again in 10 s"][stage.collector.rounds % 3])

    stage.collector.act = rests
    stage.knock(6)
    assert stage.collector.rounds == 6
    assert stage.published.value(ERRORS, "deliveries", "timeout") == 6
    assert len([record for record in caplog.records if "not read" in record.getMessage()]) == 1


@given(times=st.lists(st.integers(1, 24), min_size=1, max_size=60))
def test_however_intervals_change_a_round_comes_in_time_and_values_never_go(times: list[int]) -> None:
    stage = Stage(HandClock(), Published())
    stage.knock()
    waited = 0
    for stretch in times:
        stage.stretch.times = stretch
        before = stage.collector.rounds
        stage.knock()
        waited = 0 if stage.collector.rounds > before else waited + 1
        assert waited < stretch
        assert stage.shown
