"""How fast a delivery goes on, when it will be through at that rate, and what the end of its validity will cut off.

Campaign cancels what is unsent when the validity of a delivery ends (Adobe: database-cleanup-workflow.md). All moments are
seconds since the epoch, all rates messages a second.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

#: Counters move in steps of up to ten minutes: a rate is told once the better part of the window, two steps, was seen.
_SEEN_SHARE = 2 / 3
#: Points that are kept of a window.
_POINTS = 30


class Point(NamedTuple):
    """How many messages were processed by a moment."""

    at: float
    processed: int


class Wave(NamedTuple):
    """Messages that are not to be sent before a moment."""

    moment: float
    messages: int


class Queue(NamedTuple):
    """What is left of a delivery: messages that are due now, and the waves to come."""

    due: int
    waves: tuple[Wave, ...] = ()


def queue_of(waiting: int, waves: Iterable[Wave]) -> Queue:
    """Split what is left into what is due and what is to come; parts that count more than is left are cut short."""
    left, ahead = waiting, []
    for wave in sorted(waves):
        messages = min(wave.messages, left)
        left -= messages
        if messages:
            ahead.append(Wave(wave.moment, messages))
    return Queue(left, tuple(ahead))


def follow(points: Sequence[Point], new: Point, window: float) -> tuple[Point, ...]:
    """Add a point, and forget what lies before the window, in seconds.

    It begins anew where the count went back (Campaign computes its counters anew at times), where the clock did, and after a
    gap longer than the window.
    """
    if not points or new.processed < points[-1].processed or not 0 <= new.at - points[-1].at <= window:
        return (new,)
    kept = [*points, new]
    # The newest two are close together; between all others lies a share of the window.
    if len(kept) > 2 and kept[-2].at - kept[-3].at < window / _POINTS:  # noqa: PLR2004 - the newest, and two before it
        del kept[-2]
    while len(kept) > 1 and kept[1].at <= new.at - window:
        del kept[0]
    return tuple(kept)


def rate_of(points: Sequence[Point], window: float) -> float | None:
    """Measure the rate over the window; None where too little of it was seen."""
    if len(points) < 2:  # noqa: PLR2004 - a beginning and an end
        return None
    span = points[-1].at - points[0].at
    if span < _SEEN_SHARE * window:
        return None
    return (points[-1].processed - points[0].processed) / span


def expected_end(queue: Queue, rate: float, now: float) -> float | None:
    """Tell when all will be through at a rate; None where it never will."""
    if rate <= 0:
        return None
    end = now + queue.due / rate
    for wave in queue.waves:
        end = max(end, wave.moment) + wave.messages / rate
    return end


def unsent_at(deadline: float, queue: Queue, rate: float, now: float) -> int:
    """Count the messages that will not be through at a deadline, those of waves that come after it among them."""
    left, clock = float(queue.due), now
    for wave in queue.waves:
        moment = min(max(wave.moment, clock), max(deadline, clock))
        left, clock = max(left - rate * (moment - clock), 0.0) + wave.messages, moment
    left = max(left - rate * max(deadline - clock, 0.0), 0.0)
    # What is a rounding error away from nothing is nothing.
    return math.ceil(left - 1e-6)
