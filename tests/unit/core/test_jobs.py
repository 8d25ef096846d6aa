"""Jobs: what is published when rounds go well, fail, hang, or say that what they see is old."""

import logging
import threading
from collections.abc import Callable

import pytest

from campaign_exporter import catalogue
from campaign_exporter.config import CollectorSettings
from campaign_exporter.errors import REASONS, ConnectFailed, Missing, NotInDatabase, Stale, TimedOut
from campaign_exporter.job import Job
from campaign_exporter.pace import Pace, life_of
from campaign_exporter.rounds import Round
from campaign_exporter.state import Memory, State
from unit.core.handmade import HandClock, Published, Scripted, together

Make = Callable[..., tuple[Job, Scripted]]
UP = "campaign_host_up"
SUCCESS = "campaign_exporter_collector_success"
ERRORS = "campaign_exporter_collector_errors_total"
LAST_SUCCESS = "campaign_exporter_collector_last_success_timestamp_seconds"


def good(current: Round, host: str = "mta1") -> None:
    with current.part(host) as samples:
        samples.add(catalogue.PROCESSES, 1, host=host, process="mta")


def good2(current: Round) -> None:
    good(current, "mta2")


def bad(error: Exception) -> Callable[[Round], None]:
    def act(current: Round) -> None:
        current.samples.add(catalogue.HOST_UP, 0, host="mta1", source="processes")
        with current.part("mta1"):
            raise error

    return act


@pytest.fixture
def make(clock: HandClock, published: Published) -> Make:
    def job(act: Callable[[Round], None] = good, **settings: float) -> tuple[Job, Scripted]:
        collector = Scripted(act)
        given = CollectorSettings.model_validate({"interval": 10, **settings})
        made = Job(
            "processes",
            Pace(given),
            lambda _: collector,
            memory=Memory(State(), "prod/processes"),
            clock=clock,
            publish=published,
        )
        return made, collector

    return job


def test_before_the_first_round_nothing_is_said_of_success(make: Make, published: Published) -> None:
    job, _ = make()
    job.announce()
    assert published.value(SUCCESS, "processes") is None
    assert published.value(LAST_SUCCESS, "processes") is None
    assert published.value("campaign_exporter_collector_available", "processes") == 1
    assert published.value("campaign_exporter_collector_interval_seconds", "processes") == 10
    assert {reason: published.value(ERRORS, "processes", reason) for reason in REASONS} == dict.fromkeys(REASONS, 0)


def test_a_good_round(make: Make, published: Published, clock: HandClock) -> None:
    job, collector = make()
    collector.act = together(lambda _: clock.advance(2), good)
    job.run()
    assert published.value("campaign_processes", "mta1", "mta") == 1
    assert published.value(SUCCESS, "processes") == 1
    assert published.value("campaign_exporter_collector_duration_seconds", "processes") == 2
    assert published.value(LAST_SUCCESS, "processes") == clock.wall
    assert published.value("campaign_exporter_collector_series", "processes") == 1
    assert job.first_round_ended.is_set()
    assert not job.failed


def test_a_part_that_fails_keeps_its_values_for_three_intervals_and_harms_no_other(
    make: Make, published: Published, clock: HandClock
) -> None:
    job, collector = make(together(good, good2))
    job.run()
    collector.act = together(bad(ConnectFailed("gone")), good2)
    for _ in range(3):
        clock.advance(10)
        job.run()
        job.withdraw_stale()
        assert published.value("campaign_processes", "mta1", "mta") == 1
        assert published.value(UP, "mta1", "processes") == 0
        assert published.value(SUCCESS, "processes") == 0
    clock.advance(0.1)
    job.withdraw_stale()
    assert published.value("campaign_processes", "mta1", "mta") is None
    assert published.value("campaign_processes", "mta2", "mta") == 1
    assert published.value(LAST_SUCCESS, "processes") == 1.7e9
    assert published.value(ERRORS, "processes", "connect") == 3


def test_what_was_read_before_the_round_is_withdrawn_by_its_own_age(make: Make, published: Published, clock: HandClock) -> None:
    def old(current: Round) -> None:
        with current.part("mta1", read_at=clock.monotonic() - 20) as samples:
            samples.add(catalogue.PROCESSES, 1, host="mta1", process="mta")

    job, _ = make(together(old, good2))
    job.run()
    clock.advance(10)
    job.withdraw_stale()
    assert published.value("campaign_processes", "mta1", "mta") == 1
    clock.advance(1)
    job.withdraw_stale()
    assert published.value("campaign_processes", "mta1", "mta") is None
    assert published.value("campaign_processes", "mta2", "mta") == 1


def test_what_its_source_calls_stale_is_withdrawn_at_once(make: Make, published: Published, clock: HandClock) -> None:
    job, collector = make(together(good, good2))
    job.run()
    clock.advance(10)
    collector.act = together(bad(Stale("written 121 s ago")), good2)
    job.run()
    assert published.value("campaign_processes", "mta1", "mta") is None
    assert published.value("campaign_processes", "mta2", "mta") == 1
    assert published.value(UP, "mta1", "processes") == 0
    assert published.value(ERRORS, "processes", "stale") == 1


def test_a_whole_round_that_is_stale_withdraws_all(make: Make, published: Published, clock: HandClock) -> None:
    job, collector = make()
    job.run()
    clock.advance(10)

    def stale(_round: Round) -> None:
        raise Stale("the replica is 300 s behind")

    collector.act = stale
    job.run()
    assert published.value("campaign_processes", "mta1", "mta") is None
    assert published.value(SUCCESS, "processes") == 0


def test_what_a_good_round_no_longer_speaks_of_is_gone_at_once(make: Make, published: Published, clock: HandClock) -> None:
    job, collector = make(together(good, good2))
    job.run()
    clock.advance(10)
    collector.act = good
    job.run()
    assert published.value("campaign_processes", "mta2", "mta") is None


@pytest.mark.parametrize(
    ("interval", "timeout", "life"), [(1, 1, 3), (15, 10, 45), (100, 10, 300), (200, 10, 300), (295, 10, 305), (3600, 10, 3610)]
)
def test_values_live_three_intervals_but_not_beyond_five_minutes(interval: float, timeout: float, life: float) -> None:
    assert life_of(interval, timeout) == life


def test_a_defect_is_counted_and_ends_nothing(make: Make, published: Published, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_round: Round) -> None:
        raise ZeroDivisionError

    job, collector = make(broken)
    job.run()
    assert published.value(ERRORS, "processes", "internal") == 1
    assert "a defect of this exporter" in caplog.text
    collector.act = good
    job.run()
    assert published.value(SUCCESS, "processes") == 1


def test_a_failure_is_said_once_and_its_end_once(make: Make, clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    job, collector = make()
    for age in range(121, 200, 10):  # the text moves on, the failure is the same
        collector.act = bad(Stale(f"pdump.txt was written {age} s ago"))
        job.run()
        clock.advance(10)
    collector.act = good
    job.run()
    job.run()
    assert [record.getMessage() for record in caplog.records] == [
        "not read collector=prod/processes part=mta1 reason=stale: pdump.txt was written 121 s ago",
        "read again collector=prod/processes part=mta1",
    ]


def test_missing_things_make_a_collector_unavailable_until_they_are_there(make: Make, published: Published) -> None:
    def missing(current: Round) -> None:
        with current.part("deliveries"):
            raise NotInDatabase("table nmsdelivery is not there")

    job, collector = make(missing)
    job.run()
    assert published.value("campaign_exporter_collector_available", "processes") == 0
    assert published.value("campaign_exporter_collector_errors_total", "processes", "missing") == 1
    collector.act = good
    job.run()
    assert published.value("campaign_exporter_collector_available", "processes") == 1


def test_a_file_that_is_missing_makes_no_collector_unavailable(make: Make, published: Published) -> None:
    def missing(_round: Round) -> None:
        raise Missing("pdump.txt is not there")

    job, _ = make(missing)
    job.run()
    assert published.value("campaign_exporter_collector_available", "processes") == 1
    assert published.value("campaign_exporter_collector_errors_total", "processes", "missing") == 1


def test_time_outs_open_a_breaker_that_lets_a_mended_world_be_seen_within_three_intervals(make: Make, clock: HandClock) -> None:
    def slow(_round: Round) -> None:
        raise TimedOut("no answer")

    job, collector = make(slow)
    tried = []
    for interval in range(12):
        before = collector.rounds
        job.run()
        tried += [interval] if collector.rounds > before else []
        clock.advance(10)
    assert tried == [0, 2, 5, 8, 11]
    collector.act = good
    for _ in range(3):
        job.run()
        clock.advance(10)
    assert not job.failed


def test_other_failures_open_no_breaker(make: Make) -> None:
    job, collector = make(bad(ConnectFailed("refused")))
    for _ in range(5):
        job.run()
    assert collector.rounds == 5


def test_one_slow_host_opens_no_breaker_for_the_others(make: Make) -> None:
    job, collector = make(together(good2, bad(TimedOut("no answer"))))
    for _ in range(5):
        job.run()
    assert collector.rounds == 5


class Hanging:
    """A collector that hangs until it is let go, then keeps and publishes what it should not."""

    name = "processes"

    def __init__(self, memory: Memory, gate: threading.Event, began: threading.Semaphore) -> None:
        self._memory, self._gate, self._began = memory, gate, began

    def collect(self, current: Round) -> None:
        self._began.release()
        assert self._gate.wait(20)
        good(current)
        self._memory.keep({"from": "a lost worker"})


def test_lost_workers_are_replaced_and_their_late_results_thrown_away(clock: HandClock, published: Published) -> None:
    state, gate, began, built = State(), threading.Event(), threading.Semaphore(0), []

    def build(memory: Memory) -> Hanging:
        built.append(memory)
        return Hanging(memory, gate, began)

    job = Job(
        "processes", Pace(CollectorSettings(interval=10)), build, memory=Memory(state, "p/x"), clock=clock, publish=published
    )
    threads = []
    for lost in range(1, 6):
        for _ in range(3):  # the breaker leaves out two rounds
            thread = threading.Thread(target=job.run)
            thread.start()
            threads.append(thread)
            if lost <= 3 and began.acquire(timeout=0.2):
                break
        assert job.give_up_lost_worker() is False  # its time is not up
        clock.advance(15.1)
        assert job.give_up_lost_worker() is (lost <= 3)
        assert job.worn_out is (lost >= 3)
    assert len(built) == 4
    assert published.value(SUCCESS, "processes") == 0
    assert published.value(ERRORS, "processes", "timeout") == 3
    seen = published.times
    gate.set()
    for thread in threads:
        thread.join(10)
    assert published.times == seen
    assert state.section("p/x") is None
    assert not job.worn_out  # they came back: the job works again
    for _ in range(3):
        job.run()
    assert published.value(SUCCESS, "processes") == 1


def test_no_round_begins_while_one_is_under_way(make: Make) -> None:
    job, collector = make()
    collector.act = lambda _round: job.run() if collector.rounds == 1 else pytest.fail("overlap")
    job.run()
    assert collector.rounds == 1


def test_a_retired_job_is_silent(make: Make, published: Published, caplog: pytest.LogCaptureFixture) -> None:
    job, collector = make()
    collector.act = together(good, lambda _: job.retire())
    job.run()
    job.withdraw_stale()
    collector.act = lambda _: pytest.fail("it began a round")
    job.run()
    assert published.times == 0
    assert caplog.records == []


def test_memory_that_its_collector_does_not_understand_begins_anew(
    clock: HandClock, published: Published, caplog: pytest.LogCaptureFixture
) -> None:
    state = State()
    state.put("prod/x", {"strange": True})

    def build(memory: Memory) -> Scripted:
        kept = memory.read()
        if kept is not None:
            _ = kept["counts"]
        return Scripted(good)

    job = Job("processes", Pace(CollectorSettings()), build, memory=Memory(state, "prod/x"), clock=clock, publish=published)
    job.run()
    assert published.value(SUCCESS, "processes") == 1
    assert "state not understood collector=prod/x" in caplog.text


def test_the_next_round_is_due_an_interval_after_the_last(make: Make, clock: HandClock) -> None:
    job, _ = make()
    assert job.due_in() == 0
    job.run()
    clock.advance(4)
    assert job.due_in() == 6
    clock.advance(20)
    assert job.due_in() == 0


def test_one_waits_for_the_first_round_of_another(make: Make, clock: HandClock, published: Published) -> None:
    first, _ = make()
    after = Scripted(good)
    second = Job(
        "affinity",
        Pace(CollectorSettings()),
        lambda _: after,
        memory=Memory(State(), "p/a"),
        clock=clock,
        publish=published,
        after=first,
    )
    thread = threading.Thread(target=second.run)
    thread.start()
    assert after.rounds == 0
    first.run()
    thread.join(10)
    assert after.rounds == 1
