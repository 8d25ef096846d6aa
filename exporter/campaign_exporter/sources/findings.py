"""What comes of looking at a host, and for how long it is remembered."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from campaign_exporter.errors import SourceError, Stale, TimedOut
from campaign_exporter.rounds import Clock

T = TypeVar("T")


class Finding(NamedTuple, Generic[T]):
    """What came of one look at one kind of facts about a host.

    `up` tells whether they were read, None where nobody looks at them, or their agent was not heard. `reached` tells whether
    the agent was, None for a host without one. `read_at` is of the monotonic clock. An `error` may stand beside a value
    that is not the whole truth.
    """

    host: str
    up: bool | None
    value: T | None = None
    read_at: float | None = None
    error: SourceError | None = None
    reached: bool | None = None


#: Look within the seconds given; by the name that a failure is told under.
Readers = Mapping[str, Callable[[float], Finding[T]]]


class Read(NamedTuple, Generic[T]):
    """A value, and when the reading of it began, on the monotonic clock."""

    value: T
    at: float


class Remembered(Generic[T]):
    """One thing that is read again and again: by one at a time, and for all who ask within `fresh` seconds.

    What was read last is known for `life` seconds where a later reading fails.
    """

    def __init__(self, reader: Callable[[float], T], *, clock: Clock, life: float, fresh: float = 0.0) -> None:
        self._reader = reader
        self._clock = clock
        self._life = life
        self._fresh = fresh
        self._lock = threading.Lock()
        self._good: Read[T] | None = None
        self._last: Read[T] | SourceError | None = None
        self._began = self._ended = 0.0

    def read(self, timeout: float) -> Read[T]:
        """Read within the seconds given, or give what somebody else has just read; raise what the reading raises."""
        asked = self._clock.monotonic()
        # Real seconds, whatever clock was handed in: this is what the lock goes by.
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=timeout):
            raise TimedOut("an earlier reading has not come back yet")
        try:
            last = self._last
            if last is None or (asked >= self._ended and asked - self._began >= self._fresh):
                last = self._last = self._read(max(deadline - time.monotonic(), 0.1))
        finally:
            self._lock.release()
        if isinstance(last, SourceError):
            raise last
        return last

    def known(self) -> T | None:
        """Give what was read last, if it is young enough to be believed."""
        good = self._good
        return good.value if good is not None and self._clock.monotonic() - good.at <= self._life else None

    def _read(self, timeout: float) -> Read[T] | SourceError:
        self._began = self._clock.monotonic()
        try:
            self._good = Read(self._reader(timeout), self._began)
        except SourceError as error:
            if isinstance(error, Stale):
                self._good = None
            return error
        else:
            return self._good
        finally:
            self._ended = self._clock.monotonic()
