"""A collector on duty: runs its rounds, remembers how they went, and withdraws what has grown old."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from campaign_exporter import catalogue
from campaign_exporter.errors import REASONS, BudgetSpent, NotInDatabase, Resting, SourceError, Stale, TimedOut
from campaign_exporter.metric import Samples
from campaign_exporter.pace import Pace
from campaign_exporter.rounds import Clock, Collector, Round
from campaign_exporter.state import Memory

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LOG = logging.getLogger(__name__)
#: Seconds after its deadline at which a worker that has not come back is given up.
_GRACE = 5.0
#: Workers given up that may still be out there, before no new one is sent after them.
_LOST_WORKERS = 3


def _gist(text: str) -> str:
    """Leave the numbers out: an age that grows makes no new message of an old failure."""
    return _NUMBER.sub("", text)


class _Part(NamedTuple):
    samples: Samples
    read_at: float
    interval: float


@dataclass(slots=True)
class _Record:
    """How the rounds went."""

    success: bool | None = None
    available: bool = True
    duration: float | None = None
    last_round: float | None = None
    last_success: float | None = None


class Job:
    """The rounds of one collector for one instance.

    `build` makes the collector from what is remembered; it is called again when a worker does not come back, so that a
    collector is never used by two workers. `publish` is called with the samples after each change. `pace` says which rounds are
    left out.
    """

    def __init__(
        self,
        name: str,
        pace: Pace,
        build: Callable[[Memory], Collector],
        *,
        memory: Memory,
        clock: Clock,
        publish: Callable[[Samples], None],
        after: "Job | None" = None,
    ) -> None:
        self.name = name
        self._place = f"collector={memory.name}"
        self.settings = pace.settings
        self._pace = pace
        self._build = build
        self._memory = memory
        self._clock = clock
        self._publish = publish
        self._after = after
        self._lock = threading.Lock()
        self._collector = self._build_collector()
        self._round: Round | None = None
        self._lost = 0
        self._skip = 0
        self._timeouts_in_a_row = 0
        self._parts: dict[str, _Part] = {}
        self._facts = Samples()
        self._record = _Record()
        self._errors: Counter[str] = Counter()
        self._said: dict[str, str] = {}
        self._last_start = clock.monotonic()
        self._started = False
        self._retired = False
        #: What failed in the last round, by part.
        self.errors: dict[str, SourceError] = {}
        #: Set once the first round has ended, well or not.
        self.first_round_ended = threading.Event()

    @property
    def interval(self) -> float:
        """Seconds between two rounds, as in effect."""
        return self._pace.interval

    @property
    def failed(self) -> bool:
        """Whether the last round did not read all it wanted."""
        return self._record.success is False

    @property
    def worn_out(self) -> bool:
        """Whether so many workers are lost that no new one is sent."""
        return self._lost >= _LOST_WORKERS

    @property
    def failures(self) -> dict[str, str]:
        """The failures of the last round as text, by part."""
        return {part: str(error) for part, error in self.errors.items()}

    def due_in(self) -> float:
        """Tell in how many seconds `run` is to be called: at once where it never was."""
        if not self._started:
            return 0.0
        return max(self._last_start + self.settings.interval - self._clock.monotonic(), 0.0)

    def overdue(self, now: float) -> bool:
        """Tell whether the schedule has forgotten this job: no round runs, and none was called for in two intervals."""
        return self._round is None and now - self._last_start > 2 * self.settings.interval + 1

    def run(self) -> None:
        """Run one round, unless one is under way, the breaker open or the budget spent; called each interval as configured."""
        if self._after is not None and not self.first_round_ended.is_set():
            self._after.first_round_ended.wait(self._after.settings.deadline + _GRACE)
        current = self._begin()
        if current is None:
            return
        collector = self._collector
        try:
            collector.collect(current)
        except SourceError as error:
            current.failures[""] = error
        except Exception as error:  # noqa: BLE001 - the one place that catches all
            # The edge of the schedule: whatever a collector has overlooked must not end the others.
            _LOG.exception("round failed %s: a defect of this exporter, please report it", self._place)
            current.failures[""] = SourceError(f"{type(error).__name__} inside the exporter: see its log")
        with self._lock:
            if self._retired:
                return
            if self._round is current:
                self._end(current)
            else:
                self._lost -= 1

    def give_up_lost_worker(self) -> bool:
        """Go on without a worker that is past its deadline; its result will be thrown away."""
        with self._lock:
            current = self._round
            if current is None or self._clock.monotonic() < current.deadline + _GRACE:
                return False
            self._lost += 1
            _LOG.error("worker does not come back %s lost=%d", self._place, self._lost)
            self._memory = self._memory.take_over()
            self._collector = self._build_collector()
            lost = Round(self._clock, current.deadline, current.life)
            lost.failures[""] = TimedOut("the round did not come back")
            self._end(lost, started=current.deadline - self.settings.deadline)
            return True

    def withdraw_stale(self) -> None:
        """Take away parts older than three intervals; what is told of the rounds themselves stays."""
        with self._lock:
            now = self._clock.monotonic()
            stale = [name for name, part in self._parts.items() if part.read_at < now - self._pace.life(part.interval)]
            for name in stale:
                del self._parts[name]
            if stale:
                _LOG.warning("values withdrawn %s parts=%s", self._place, ",".join(stale) or "all")
                self._publish(self._all_samples())

    def _build_collector(self) -> Collector:
        try:
            return self._build(self._memory)
        except Exception:  # noqa: BLE001 - whatever a collector stumbles over in its memory must not keep the exporter from starting
            _LOG.warning("state not understood %s: its counters begin anew", self._place, exc_info=True)
            self._memory.forget()
            return self._build(self._memory)

    def _begin(self) -> Round | None:
        with self._lock:
            self._last_start, self._started = self._clock.monotonic(), True
            if self._round is not None or self.worn_out or self._retired:
                return None
            if not self._pace.due(self._last_start):
                self._errors[BudgetSpent.reason] += 1
                self._publish(self._all_samples())
                return None
            if self._skip > 0:
                self._skip -= 1
                return None
            self._pace.begin(self._last_start)
            self._round = Round(self._clock, self._last_start + self.settings.deadline, self._pace.life())
            return self._round

    def _end(self, current: Round, started: float | None = None) -> None:
        now, wall = self._clock.monotonic(), self._clock.time()
        self._round = None
        self._facts = current.samples
        self._pace.end()
        for name, samples in current.parts.items():
            self._parts[name] = _Part(samples, current.read_at.get(name, now), self.interval)
        self._note(current)
        self._record.duration = now - (current.deadline - self.settings.deadline if started is None else started)
        self._record.last_round = wall
        self._record.success = not current.failures
        self._record.available = not any(isinstance(error, NotInDatabase) for error in current.failures.values())
        if self._record.success:
            self._record.last_success = wall
            # What this round no longer speaks of (a host that left the configuration) is gone at once.
            self._parts = {name: part for name, part in self._parts.items() if name in current.parts}
        self._drop_what_is_stale(current)
        self._open_breaker(current)
        self._publish(self._all_samples())
        self.first_round_ended.set()

    def _drop_what_is_stale(self, current: Round) -> None:
        """Withdraw at once what its source calls too old: it is not that nothing was heard, but that it is known to be old."""
        stale = {name for name, error in current.failures.items() if isinstance(error, Stale)}
        if "" in stale:
            self._parts = {name: part for name, part in self._parts.items() if name in current.parts}
        for name in stale - current.parts.keys():
            self._parts.pop(name, None)

    def _note(self, current: Round) -> None:
        """Count the failures; say each once, and once when it is over."""
        self.errors = dict(current.failures)
        for part, error in current.failures.items():
            self._errors[error.reason] += 1
            text = f"{error}"
            if isinstance(error, Resting) and part in self._said:
                continue
            if _gist(self._said.get(part, "")) != _gist(text):
                _LOG.warning("not read %s%s reason=%s: %s", self._place, f" part={part}" if part else "", error.reason, text)
            self._said[part] = text
        for part in [part for part in self._said if part not in current.failures]:
            _LOG.info("read again %s%s", self._place, f" part={part}" if part else "")
            del self._said[part]

    def _open_breaker(self, current: Round) -> None:
        """After a time-out leave out one round, after several in a row two: recovery still takes at most three intervals.

        A statement that rests opens nothing: the next round goes on without it.
        """
        timed_out = any(isinstance(error, TimedOut) and not isinstance(error, Resting) for error in current.failures.values())
        if timed_out and not current.parts:
            self._timeouts_in_a_row += 1
            self._skip = min(self._timeouts_in_a_row, 2)
        else:
            self._timeouts_in_a_row = 0

    def _all_samples(self) -> Samples:
        samples = Samples()
        for part in sorted(self._parts.values(), key=lambda part: part.read_at):
            samples.merge(part.samples)
        samples.merge(self._facts)
        series = len(samples)
        self._add_record(samples)
        samples.add(catalogue.COLLECTOR_SERIES, series, collector=self.name)
        return samples

    def _add_record(self, samples: Samples) -> None:
        record = self._record
        told = {
            catalogue.COLLECTOR_AVAILABLE: record.available,
            catalogue.COLLECTOR_INTERVAL: self.interval,
            catalogue.COLLECTOR_STRETCH: self._pace.stretch,
            catalogue.COLLECTOR_SUCCESS: record.success,
            catalogue.COLLECTOR_DURATION: record.duration,
            catalogue.COLLECTOR_LAST_ROUND: record.last_round,
            catalogue.COLLECTOR_LAST_SUCCESS: record.last_success,
        }
        for metric, value in told.items():
            if value is not None:
                samples.add(metric, float(value), collector=self.name)
        for reason in REASONS:
            samples.add(catalogue.COLLECTOR_ERRORS, self._errors[reason], collector=self.name, reason=reason)

    def retire(self) -> None:
        """Fall silent: a round that is still under way neither publishes nor remembers nor says anything."""
        with self._lock:
            self._retired = True
            self._memory.take_over()
            self._publish = lambda _samples: None

    def announce(self) -> None:
        """Publish what is known before the first round."""
        with self._lock:
            self._publish(self._all_samples())
