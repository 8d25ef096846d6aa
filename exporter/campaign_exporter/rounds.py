"""One round of one collector: what it may use, and what comes out of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from campaign_exporter.errors import SourceError
from campaign_exporter.metric import Samples


class Clock(Protocol):
    """The two clocks: one that people read, and one that never steps."""

    def time(self) -> float:
        """Give seconds since the epoch."""

    def monotonic(self) -> float:
        """Give seconds that only grow."""


class SystemClock:
    """The machine's own clocks."""

    def time(self) -> float:
        """Give seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds that only grow."""
        return time.monotonic()


@dataclass(slots=True)
class Round:
    """A round under way.

    What a collector reads from one place (a table, a host, an endpoint) goes into a part of its own: if it fails, that part
    alone fails, and what it said last stays for a while. What is true of the round itself, such as that a host was not
    reached, goes straight into `samples` and is published in any case.
    """

    clock: Clock
    deadline: float
    #: Seconds for which a value is believed, at the interval in effect.
    life: float = 300.0
    samples: Samples = field(default_factory=Samples)
    parts: dict[str, Samples] = field(default_factory=dict)
    failures: dict[str, SourceError] = field(default_factory=dict)
    #: When a part was read, on the monotonic clock, where that was before this round.
    read_at: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str = "", read_at: float | None = None) -> Iterator[Samples]:
        """Collect one part; a SourceError inside fails it and nothing else. `read_at`: see the field of that name."""
        samples = Samples()
        if read_at is not None:
            self.read_at[name] = read_at
        try:
            yield samples
        except SourceError as error:
            self.failures[name] = error
        else:
            self.parts[name] = samples

    def remaining(self) -> float:
        """Tell how many seconds are left of the round, never less than a tenth."""
        return max(self.deadline - self.clock.monotonic(), 0.1)


class Collector(Protocol):
    """Reads one subject through a source, and turns it into samples of the catalogue."""

    @property
    def name(self) -> str:
        """The name in the configuration and in the label `collector`."""

    def collect(self, current: Round) -> None:
        """Do one round; raise SourceError where all of it fails."""
