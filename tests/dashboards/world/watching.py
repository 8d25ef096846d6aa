"""What an exporter tells of itself, for each instance that it watches."""

import math
from collections.abc import Sequence

from campaign_exporter import catalogue as c
from dashboards.world.story import Window, during
from dashboards.world.teller import Teller

_OF_DATABASE = (
    "deliveries",
    "pending",
    "throughput",
    "outlook",
    "database",
    "messages",
    "tracking",
    "deliverability",
    "workflows",
    "maintenance",
    "hygiene",
    "recipients",
)
_INTERVALS = dict(zip(c.COLLECTORS, (15, 15, 15, 60, 60, 30, 60, 15, 30, 60, 60, 60, 60, 600, 30, 60, 60), strict=True))


def tell_watching(teller: Teller) -> None:
    """Tell all of it."""
    unreachable = teller.story.unreachable
    teller.tell_always(c.INSTANCE_INFO, 1, of={"role": teller.campaign.role, "build": "9359"})
    teller.tell(c.UP, lambda hour: not during(hour, unreachable))
    teller.tell(c.DATABASE_BUDGET, lambda hour: 0 if during(hour, unreachable) else round(0.3 + 0.1 * math.sin(hour), 3))
    for collector in c.COLLECTORS:
        bad = [*teller.story.failing.get(collector, ()), *(unreachable if collector in _OF_DATABASE else ())]
        _rounds(teller, collector, bad)
        _figures(teller, collector, bad)
    teller.count(c.SERIES_DROPPED, lambda _: 0.0, of={"family": c.DELIVERY_PENDING_SINCE.name})


def _rounds(teller: Teller, collector: str, bad: Sequence[Window]) -> None:
    interval = _INTERVALS[collector]

    def ended(hour: float) -> int:
        return teller.start + int(3600 * hour) - interval // 2

    def succeeded(hour: float) -> int:
        return ended(min([hour, *(start for start, end in bad if start <= hour < end)]))

    teller.tell_always(c.COLLECTOR_AVAILABLE, 1, of={"collector": collector})
    teller.tell(c.COLLECTOR_SUCCESS, lambda hour: not during(hour, bad), of={"collector": collector})
    teller.tell_always(c.COLLECTOR_INTERVAL, interval, of={"collector": collector})
    teller.tell_always(c.COLLECTOR_STRETCH, 1, of={"collector": collector})
    teller.tell(c.COLLECTOR_LAST_ROUND, ended, of={"collector": collector})
    teller.tell(c.COLLECTOR_LAST_SUCCESS, succeeded, of={"collector": collector})


def _figures(teller: Teller, collector: str, bad: Sequence[Window]) -> None:
    place, of_database = c.COLLECTORS.index(collector), collector in _OF_DATABASE

    def series(hour: float) -> int:
        return 0 if of_database and during(hour, bad) else 20 + 90 * (place < 2)

    def errors(hour: float) -> float:
        return 4.0 * during(hour, bad)

    teller.tell(
        c.COLLECTOR_DURATION,
        lambda hour: round(0.004 * (1 + place) * (1.2 + 0.2 * math.sin(40 * hour)), 5),
        of={"collector": collector},
    )
    teller.tell(c.COLLECTOR_SERIES, series, of={"collector": collector})
    teller.count(c.DATABASE_SECONDS, lambda _: 0.02 * max(8 - place, 1) * of_database, digits=3, of={"collector": collector})
    for reason in c.COLLECTOR_ERRORS.values["reason"]:
        counts = reason == ("connect" if of_database else "http")
        teller.count(c.COLLECTOR_ERRORS, errors if counts else _none, of={"collector": collector, "reason": reason})


def _none(_: float) -> float:
    return 0.0
