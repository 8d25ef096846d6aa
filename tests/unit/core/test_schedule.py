"""The schedule under clocks that step: nothing loops, nothing floods, the watchdog plans anew."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.config import CollectorSettings
from campaign_exporter.job import Job
from campaign_exporter.pace import Pace
from campaign_exporter.scheduler import Every, Watchdog
from campaign_exporter.state import Memory, State
from unit.core.handmade import HandClock, Published, Scripted

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside


@given(previous=st.none() | _MOMENTS, now=_MOMENTS, seconds=st.floats(1, 86400))
def test_the_next_time_is_always_near_and_never_past(previous: datetime | None, now: datetime, seconds: float) -> None:
    planned = Every(seconds).get_next_fire_time(previous, now)
    assert now < planned <= now + timedelta(seconds=seconds * 1.02 + 1)


def test_rounds_keep_their_pace() -> None:
    planned = Every(10).get_next_fire_time(NOW, NOW + timedelta(seconds=0.5))
    assert timedelta(seconds=10) <= planned - NOW <= timedelta(seconds=10.2)


def test_a_clock_set_from_1970_to_today_costs_one_round() -> None:
    began = time.perf_counter()
    planned = Every(1).get_next_fire_time(datetime(1970, 1, 1, tzinfo=UTC), NOW)
    assert planned > NOW
    assert time.perf_counter() - began < 0.1


@pytest.fixture
def jobs(clock: HandClock, published: Published) -> list[Job]:
    settings = CollectorSettings(interval=10)
    return [
        Job(name, Pace(settings), lambda _: Scripted(), memory=Memory(State(), f"p/{name}"), clock=clock, publish=published)
        for name in ("processes", "disks")
    ]


@pytest.mark.parametrize("step", [-3600.0, 3600.0, 1.7e9, -5.0])
def test_a_step_of_the_clock_plans_all_anew_once(clock: HandClock, jobs: list[Job], step: float) -> None:
    watchdog = Watchdog(clock)
    clock.advance(1)
    assert watchdog.look(jobs) == []
    clock.wall += step
    assert watchdog.look(jobs) == jobs
    clock.advance(1)
    assert watchdog.look(jobs) == []


def test_a_clock_that_is_slewed_is_no_step(clock: HandClock, jobs: list[Job]) -> None:
    watchdog = Watchdog(clock)
    for _ in range(100):
        clock.advance(1)
        clock.wall += 0.5
        for job in jobs:
            job.run()
        assert watchdog.look(jobs) == []


def test_a_job_that_the_schedule_forgot_is_planned_anew(clock: HandClock, jobs: list[Job]) -> None:
    watchdog = Watchdog(clock)
    clock.advance(15)
    jobs[0].run()
    clock.advance(7)
    assert watchdog.look(jobs) == [jobs[1]]


def test_a_step_of_the_clock_withdraws_nothing(clock: HandClock, published: Published, jobs: list[Job]) -> None:
    watchdog = Watchdog(clock)
    jobs[0].run()
    times = published.times
    clock.wall += 86400
    watchdog.look(jobs)
    assert published.times == times
