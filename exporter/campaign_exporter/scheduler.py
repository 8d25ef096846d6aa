"""When each job runs: APScheduler's plan, and a watchdog on the clock that never steps.

APScheduler plans on the wall clock. If that steps back an hour, nothing would run for an hour; the watchdog notices the step
and plans anew. It also gives up workers that do not come back, and has old values withdrawn.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from campaign_exporter.job import Job
from campaign_exporter.rounds import Clock

_LOG = logging.getLogger(__name__)
_TICK = 1.0
#: A difference between the clocks that a slow machine does not explain.
_STEP = 2.0
#: Each job may have a worker at work, and some that were given up.
_WORKERS_PER_JOB = 4
#: Seconds between the first rounds of two jobs, so that a start is no burst, and within which all are to begin.
_STAGGER, _STAGGERED = 0.15, 10.0


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler publishes no types
    """Fire once an interval, counted from the last time, and never for a time gone by.

    APScheduler's own interval trigger lists every time that was missed: a clock that is set from 1970 to today, as machines
    without a battery do, would keep it listing for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        # Keeps jobs of one interval, and exporters started together, from marching in step.
        self._jitter = min(0.02 * seconds, 1.0)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Give the time after `previous_fire_time`, which is an interval away from `now` at most, and not past."""
        wait = self._seconds + random.uniform(0, self._jitter)  # noqa: S311 - spreads load, guards nothing
        planned = (previous_fire_time or now) + timedelta(seconds=wait)
        return planned if now < planned <= now + timedelta(seconds=wait) else now + timedelta(seconds=wait)


class Watchdog:
    """Looks after the jobs on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = clock.time() - clock.monotonic()
        #: When the last look ended, on the monotonic clock.
        self.last_look = clock.monotonic()

    def look(self, jobs: Sequence[Job]) -> list[Job]:
        """Do what is due, and give the jobs that must be planned anew."""
        for job in jobs:
            job.withdraw_stale()
        again = [job for job in jobs if job.give_up_lost_worker()]
        now = self._clock.monotonic()
        offset = self._clock.time() - now
        if abs(offset - self._offset) > _STEP:
            _LOG.warning("clock stepped seconds=%.1f: planning anew", offset - self._offset)
            again = list(jobs)
        again += [job for job in jobs if job.overdue(now) and job not in again]
        self._offset = offset
        self.last_look = now
        return again


class Scheduler:
    """Runs jobs at their intervals, from a pool that no job can exhaust."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchdog = Watchdog(clock)
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._scheduler: BackgroundScheduler | None = None
        self._on_look: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs that are planned."""
        return tuple(self._jobs.values())

    @property
    def healthy(self) -> bool:
        """Whether the watchdog looks, and no job has run out of workers."""
        awake = self._clock.monotonic() - self._watchdog.last_look < 30 * _TICK
        return awake and not any(job.worn_out for job in self.jobs)

    @property
    def ready(self) -> bool:
        """Whether each job has ended a round."""
        return all(job.first_round_ended.is_set() for job in self.jobs)

    def start(self, on_look: Callable[[], None]) -> None:
        """Begin to watch; `on_look` is called after each look of the watchdog."""
        self._on_look = on_look
        self._thread.start()

    def plan(self, jobs: dict[str, Job]) -> None:
        """Run these jobs from now on, those that stand first beginning first; a round under way is not waited for."""
        with self._lock:
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
            self._jobs = dict(jobs)
            self._scheduler = BackgroundScheduler(
                executors={"default": ThreadPoolExecutor(_WORKERS_PER_JOB * len(jobs) + 1)},
                job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": _WORKERS_PER_JOB},
                timezone=UTC,
            )
            stagger = min(_STAGGER, _STAGGERED / max(len(jobs), 1))
            for number, (key, job) in enumerate(jobs.items()):
                self._add(key, job, delay=max(number * stagger, job.due_in()))
            self._scheduler.start()

    def stop(self) -> None:
        """Start no more rounds; one under way is not waited for."""
        self._stopping.set()
        with self._lock:
            if self._scheduler is not None:
                self._scheduler.shutdown(wait=False)
                self._scheduler = None

    def _add(self, key: str, job: Job, delay: float) -> None:
        if self._scheduler is None:
            return
        first = datetime.now(UTC) + timedelta(seconds=delay)
        self._scheduler.add_job(job.run, Every(job.settings.interval), id=key, next_run_time=first, replace_existing=True)

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK):
            with self._lock:
                planned = dict(self._jobs)
            again = self._watchdog.look(list(planned.values()))
            self._on_look()
            with self._lock:
                for key, job in planned.items():
                    if job in again and self._jobs.get(key) is job:
                        self._add(key, job, delay=random.uniform(0, 0.5))  # noqa: S311 - spreads load, guards nothing
