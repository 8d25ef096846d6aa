"""The time that one database may be asked for, and how the collectors share it.

A collector that costs more than is left for it runs only each second, third, or nth interval. That follows from what its rounds
cost, and not from what was spent: as a round costs the same however rare it is, nothing swings. The cost is a moving average
that forgets nothing, so that what was spent over the budget is paid back.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from campaign_exporter.rounds import Clock

_LOG = logging.getLogger(__name__)
_MINUTE = 60.0
#: Most important first: what pages stand on. Whatever is not named here is less important than all that is.
_IMPORTANCE = ("processes", "pending", "database", "deliveries", "affinity", "throughput")
#: Less important than anything else.
_LEAST = frozenset({"recipients"})
_VITAL = frozenset({"pending", "processes", "database"})
#: The longest interval in seconds. Of the others it is such that the next round ends before values are withdrawn.
_LONGEST_VITAL, _LONGEST = 60.0, 240.0
#: Weight of a round in the average, and seconds of interval from which on a round has it.
_WEIGHT, _WEIGHED = 0.5, 15.0
#: Intervals are made for rounds that cost so much more, and stay until they do not suffice: else they would follow the noise.
_ROOM = 1.25
#: Who takes no more than this share of the budget is left alone as long as possible: to slow it down would win nothing.
_MODEST = 0.05
_ROUNDING = 1e-9


class Demand(NamedTuple):
    """What a collector wants: an interval in seconds, at most `longest` times as long; a round takes `cost` seconds."""

    interval: float
    longest: int
    cost: float = 0.0

    def spent(self, stretch: int) -> float:
        """Tell the seconds a minute, at so many times the interval."""
        return _MINUTE * self.cost / (self.interval * stretch)

    def fitting(self, allowed: float) -> int:
        """Tell how many times as long the interval must be, to spend no more than so many seconds a minute; or the longest."""
        wanted = self.spent(1)
        if wanted <= allowed + _ROUNDING:
            return 1
        return self.longest if allowed <= 0 else min(math.ceil(wanted / allowed - _ROUNDING), self.longest)


def demand(collector: str, interval: float) -> Demand:
    """Tell how far the interval of a collector may be stretched; one that is longer than that already, not at all."""
    longest = _LONGEST_VITAL if collector in _VITAL else _LONGEST
    return Demand(interval, max(math.floor(longest / interval), 1))


def importance(collector: str) -> int:
    """Give the place of a collector, 0 for the most important."""
    return _IMPORTANCE.index(collector) if collector in _IMPORTANCE else len(_IMPORTANCE) + (collector in _LEAST)


def stretches(demands: Mapping[str, Demand], allowed: float) -> dict[str, int]:
    """Share seconds a minute among collectors: tell how many times as long each interval must be.

    First each gets the little that is modest, so that an expensive one starves nobody. All else goes to the most important
    first, so that the least important is stretched first. If even the longest intervals cost too much, all have them.
    """
    given = {name: one.longest for name, one in demands.items()}
    left = allowed - sum(one.spent(one.longest) for one in demands.values())
    if left < 0:
        return {name: one.longest if one.cost > 0 else 1 for name, one in demands.items()}
    for limit in (_MODEST * allowed, math.inf):
        for name in sorted(demands, key=importance):
            one, now = demands[name], demands[name].spent(given[name])
            given[name] = min(one.fitting(min(max(limit, now), now + left)), given[name])
            left -= one.spent(given[name]) - now
    return given


class Budget:
    """Seconds a minute that the collectors of one database may take; any thread may tell and ask."""

    def __init__(self, place: str, demands: Mapping[str, Demand], *, allowed: float, clock: Clock) -> None:
        self._place = place
        self._demands = dict(demands)
        self._allowed = allowed
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: deque[tuple[float, float]] = deque()
        self._stretches = dict.fromkeys(demands, 1)
        self._begun: set[str] = set()

    @property
    def ratio(self) -> float:
        """Database seconds of the last minute as a share of the budget."""
        horizon = self._clock.monotonic() - _MINUTE
        with self._lock:
            return sum(seconds for at, seconds in self._spent if at > horizon) / self._allowed

    def stretch(self, collector: str) -> int:
        """Tell how many times as long as configured the interval of a collector is."""
        return self._stretches.get(collector, 1)

    def spend(self, collector: str, seconds: float) -> None:
        """Take note of what a round has taken, and share anew."""
        now = self._clock.monotonic()
        with self._lock:
            self._spent.append((now, seconds))
            while self._spent[0][0] <= now - _MINUTE:
                self._spent.popleft()
            if collector in self._demands:
                self._demands[collector] = self._learnt(collector, seconds)
                self._share()

    def _learnt(self, collector: str, seconds: float) -> Demand:
        """Let a round count: the more often there is one, the less. The first does not: it looks around, and all is cold.

        No more is remembered than what would take the whole budget at the longest interval, or recovery would take as long.
        """
        one = self._demands[collector]
        most = self._allowed * one.interval * one.longest / _MINUTE
        weight = _WEIGHT * min(one.interval * self._stretches[collector] / _WEIGHED, 1.0) if collector in self._begun else 0.0
        self._begun.add(collector)
        return one._replace(cost=min(one.cost + weight * (seconds - one.cost), most))

    def _share(self) -> None:
        """Change intervals if they do not suffice, or if the most important of those that differ can be shorter."""
        roomy = stretches({name: one._replace(cost=_ROOM * one.cost) for name, one in self._demands.items()}, self._allowed)
        order = sorted(self._demands, key=importance)
        shorter = [roomy[name] for name in order] < [self._stretches[name] for name in order]
        if shorter or sum(one.spent(self._stretches[name]) for name, one in self._demands.items()) > self._allowed:
            changed = {name: stretch for name, stretch in roomy.items() if stretch != self._stretches[name]}
            self._stretches = roomy
            for name, stretch in changed.items():
                interval, cost = self._demands[name].interval * stretch, self._demands[name].cost
                _LOG.info("interval changed collector=%s/%s seconds=%g cost_seconds=%.3f", self._place, name, interval, cost)
