"""The pace of a collector: its interval, as the budget stretches it, and how long what it read is believed."""

import math
from collections.abc import Callable

from campaign_exporter.config import CollectorSettings

#: Withdrawal comes after three intervals, but never later than this where rounds are more frequent.
_LONGEST_LIFE = 300.0


def life_of(interval: float, deadline: float) -> float:
    """Tell for how many seconds a value is believed: three intervals, at most five minutes but where rounds are rarer."""
    return min(3 * interval, max(_LONGEST_LIFE, interval + deadline))


def _as_configured() -> int:
    return 1


class Pace:
    """Says when rounds are due. The schedule knocks at each interval as configured; who is stretched lets some pass.

    So an interval that gets longer or shorter changes no plan, and collectors that recover together still keep out of step.
    """

    def __init__(self, settings: CollectorSettings, stretch: Callable[[], int] = _as_configured) -> None:
        #: When the collector runs by the configuration.
        self.settings = settings
        self._stretch = stretch
        self._began = -math.inf
        self._slowest = settings.interval

    @property
    def stretch(self) -> int:
        """How many times as long as configured the interval is."""
        return self._stretch()

    @property
    def interval(self) -> float:
        """Seconds between two rounds, as in effect."""
        return self.settings.interval * self._stretch()

    def life(self, interval: float = 0.0) -> float:
        """Tell for how many seconds a value is believed, by the longest interval since the last round, or a longer one."""
        return life_of(max(interval, self._slowest, self.interval), self.settings.deadline)

    def due(self, now: float) -> bool:
        """Tell whether it is time for a round, on the monotonic clock; the schedule may come a little early."""
        stretch = self._stretch()
        self._slowest = max(self._slowest, self.settings.interval * stretch)
        return stretch == 1 or now >= self._began + self.settings.interval * (stretch - 0.5)

    def begin(self, now: float) -> None:
        """Take note that a round begins."""
        self._began = now

    def end(self) -> None:
        """Take note that a round has ended."""
        self._slowest = self.interval
