"""The schedule with APScheduler, threads and real seconds: a hung job blocks no other, and nothing outlives its end."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo

import pytest

from campaign_exporter.config import CollectorSettings
from campaign_exporter.job import Job
from campaign_exporter.metric import Samples
from campaign_exporter.pace import Pace
from campaign_exporter.rounds import Round, SystemClock
from campaign_exporter.scheduler import Scheduler
from campaign_exporter.state import Memory, State
from integration.core.exporter_process import wait_until


class Counting:
    """Counts its rounds, and whether two were ever under way."""

    name = "processes"

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        self.rounds: list[float] = []
        self.overlapped = False
        self._act = act
        self._busy = threading.Lock()

    def collect(self, _current: Round) -> None:
        self.overlapped |= not self._busy.acquire(blocking=False)
        self.rounds.append(time.monotonic())
        self._act()
        if self._busy.locked():
            self._busy.release()


class Shifted(datetime):
    """The wall clock as APScheduler and the schedule see it, set wrong by `step` seconds."""

    step = 0.0

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # as datetime's own
        return datetime.now(tz) + timedelta(seconds=cls.step)


class StepClock(SystemClock):
    """A wall clock that can be stepped."""

    def time(self) -> float:
        return super().time() + Shifted.step


def job(
    collector: Counting, clock: SystemClock, interval: float = 1.0, publish: Callable[[Samples], None] = lambda _: None
) -> Job:
    settings = CollectorSettings(interval=interval, timeout=min(interval, 1.0))
    return Job("processes", Pace(settings), lambda _: collector, memory=Memory(State(), "p/x"), clock=clock, publish=publish)


@pytest.fixture
def clock() -> StepClock:
    return StepClock()


@pytest.fixture
def scheduler(clock: StepClock) -> Iterator[Scheduler]:
    made = Scheduler(clock)
    made.start(lambda: None)
    yield made
    made.stop()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_hung_job_blocks_no_other_and_never_overlaps(scheduler: Scheduler, clock: StepClock, gate: threading.Event) -> None:
    hung, good = Counting(lambda: gate.wait(30)), Counting()
    scheduler.plan({"hung": job(hung, clock), "good": job(good, clock), "other": job(Counting(), clock)})
    wait_until(lambda: len(good.rounds) >= 4)
    gaps = [later - earlier for earlier, later in zip(good.rounds, good.rounds[1:], strict=False)]
    assert all(0.8 < gap < 1.5 for gap in gaps)
    assert len(hung.rounds) == 1
    assert not good.overlapped
    assert not scheduler.ready
    began = time.monotonic()
    scheduler.stop()
    assert time.monotonic() - began < 2
    rounds = len(good.rounds)
    time.sleep(1.2)
    assert len(good.rounds) == rounds


def test_a_round_longer_than_its_interval_is_not_doubled(scheduler: Scheduler, clock: StepClock) -> None:
    slow = Counting(lambda: time.sleep(1.7))
    scheduler.plan({"slow": job(slow, clock)})
    wait_until(lambda: len(slow.rounds) >= 3)
    assert not slow.overlapped


@pytest.mark.parametrize(("before", "after"), [(0, -3600), (0, 3600), (-1.7e9, 0)])
def test_a_step_of_the_clock_neither_stops_nor_floods(
    clock: StepClock, monkeypatch: pytest.MonkeyPatch, before: float, after: float
) -> None:
    for module in ("apscheduler.schedulers.base", "apscheduler.executors.base", "campaign_exporter.scheduler"):
        monkeypatch.setattr(f"{module}.datetime", Shifted)
    monkeypatch.setattr(Shifted, "step", before)
    scheduler, good = Scheduler(clock), Counting()
    scheduler.start(lambda: None)
    scheduler.plan({"good": job(good, clock)})
    wait_until(lambda: len(good.rounds) >= 2)
    monkeypatch.setattr(Shifted, "step", after)
    began, count = time.monotonic(), len(good.rounds)
    wait_until(lambda: time.monotonic() > began + 3.3)
    assert 2 <= len(good.rounds) - count <= 6
    assert scheduler.healthy
    scheduler.stop()


def test_planning_anew_leaves_a_job_its_pace_and_drops_what_is_gone(scheduler: Scheduler, clock: StepClock) -> None:
    stays, goes = Counting(), Counting()
    staying = job(stays, clock, interval=60)
    scheduler.plan({"stays": staying, "goes": job(goes, clock)})
    wait_until(lambda: stays.rounds and goes.rounds)
    for _ in range(5):
        scheduler.plan({"stays": staying})
    gone = len(goes.rounds)
    new = Counting()
    scheduler.plan({"stays": staying, "new": job(new, clock)})
    wait_until(lambda: len(new.rounds) >= 2)
    assert len(stays.rounds) == 1
    assert len(goes.rounds) == gone


def test_lost_workers_make_it_unhealthy_until_they_are_back(clock: StepClock, gate: threading.Event) -> None:
    hung = Counting(lambda: gate.wait(30))
    made = job(hung, clock)
    scheduler = Scheduler(clock)
    scheduler.plan({"hung": made})
    wait_until(lambda: len(hung.rounds) == 1)
    made._lost = 2  # two were lost before; the third is being lost
    made._round = Round(clock, clock.monotonic() - 5.1)
    assert made.give_up_lost_worker()
    assert not scheduler.healthy
    gate.set()
    wait_until(lambda: scheduler.healthy)
    scheduler.stop()
