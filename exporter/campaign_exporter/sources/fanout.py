"""Asking many places at once, so that none waits for another."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from campaign_exporter.errors import SourceError, TimedOut

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

_PARALLEL = 16
# The part of the time allowed after which a task no longer keeps others from starting.
_PATIENCE = 1 / 8


@dataclass(slots=True)
class _Round(Generic[T]):
    """One run. A late thread puts its answer into a queue that nobody reads any more."""

    tasks: Mapping[str, Callable[[], T]]
    waiting: deque[str]
    places: int
    patience: float
    results: dict[str, T | SourceError] = field(default_factory=dict)
    answers: SimpleQueue[tuple[str, T | SourceError]] = field(default_factory=SimpleQueue)
    # By key that runs and holds a place: when it gives it away, on the monotonic clock.
    holding: dict[str, float] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.tasks)

    def next(self, now: float) -> str | None:
        """Take the next key that has a place to start in."""
        self.holding = {key: until for key, until in self.holding.items() if until > now and key not in self.results}
        if not self.waiting or len(self.holding) >= self.places:
            return None
        key = self.waiting.popleft()
        self.holding[key] = now + self.patience
        return key

    def receive(self, deadline: float) -> None:
        """Wait for one answer, or until a place becomes free for those who wait."""
        until = min([deadline, *self.holding.values()]) if self.waiting else deadline
        try:
            key, answer = self.answers.get(timeout=max(until - time.monotonic(), 0))
        except Empty:
            return
        self.results[key] = answer


class Fanout:
    """Runs one task a key in threads, at most one thread a key: what hangs costs one thread and harms no other key.

    At most `parallel` tasks start together; one that takes long gives its place to the next, and those that were late last
    time start last.
    """

    def __init__(self, parallel: int = _PARALLEL) -> None:
        self._parallel = parallel
        self._lock = threading.Lock()
        self._out: set[str] = set()
        self._late: frozenset[str] = frozenset()

    def run(self, tasks: Mapping[str, Callable[[], T]], timeout: float) -> dict[str, T | SourceError]:
        """Run all tasks and return what each returned or raised, in their order, after `timeout` seconds at most.

        TimedOut stands for a task that did not come back in time, now or since an earlier run; its late result is thrown away.
        """
        deadline = time.monotonic() + timeout
        order = deque(sorted(tasks, key=self._late.__contains__))
        current = _Round(tasks, order, self._parallel, timeout * _PATIENCE)
        while not current.done and (now := time.monotonic()) < deadline:
            while (key := current.next(now)) is not None:
                self._start(key, current)
            if not current.done:
                current.receive(deadline)
        late = frozenset(tasks.keys() - current.results.keys())
        self._late = (self._late - tasks.keys()) | late
        missed = {key: TimedOut(f"{key}: no answer within {timeout:.3g} s") for key in late}
        return {key: missed[key] if key in missed else current.results[key] for key in tasks}

    def _start(self, key: str, current: _Round[T]) -> None:
        """Start a thread for the key, or say why not."""
        with self._lock:
            if key in self._out:
                current.results[key] = TimedOut(f"{key}: an earlier reading has not come back yet")
                return
            self._out.add(key)
        try:
            threading.Thread(target=self._work, args=(key, current), name=f"fanout {key}", daemon=True).start()
        except RuntimeError as error:  # the operating system gives no more threads
            self._back(key)
            current.results[key] = SourceError(f"{key}: {error}")

    def _work(self, key: str, current: _Round[T]) -> None:
        answer: T | SourceError
        try:
            answer = current.tasks[key]()
        except SourceError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - a thread's edge: a fault of ours in one task must not harm the others
            _LOG.exception("a reading failed for an unforeseen reason: %s", key)
            answer = SourceError(f"{key}: unforeseen {type(error).__name__}, see the log")
        finally:
            self._back(key)
        current.answers.put((key, answer))

    def _back(self, key: str) -> None:
        with self._lock:
            self._out.discard(key)
