"""What is scheduled to be sent, how much of it comes by when, and which large deliveries come together."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

from campaign_exporter.domain.forecast import Wave

#: Seconds from now on, by name.
HORIZONS: Mapping[str, float] = MappingProxyType(
    {"15m": 900.0, "30m": 1800.0, "1h": 3600.0, "2h": 7200.0, "4h": 14400.0, "8h": 28800.0, "24h": 86400.0}
)
LAUNCHED, PREPARED = "launched", "prepared"
#: Adobe: do not schedule large deliveries together, there is a gap of 5-10 minutes (delivery-performances.md).
TOGETHER_SECONDS = 600.0


class Load(NamedTuple):
    """Messages of a delivery that are to be sent from a moment on, in seconds since the epoch.

    `launched`: nobody needs to do anything more; else the delivery is prepared, and still to be launched.
    """

    moment: float
    delivery_id: int
    messages: int
    launched: bool
    label: str = ""


def loads_of(waiting: int, contact: float | None, waves: Iterable[Wave], now: float) -> list[Wave]:
    """List what is still to come of a delivery: its waves, and the rest at its contact date.

    Nothing comes before the contact date. What is due already is not to come any more.
    """
    start = contact if contact is not None else now
    left, coming = waiting, []
    for wave in sorted(waves):
        messages = min(wave.messages, left)
        left -= messages
        coming.append(Wave(max(wave.moment, start), messages))
    coming.append(Wave(start, left))
    return sorted(wave for wave in coming if wave.messages > 0 and wave.moment > now)


def upcoming(loads: Iterable[Load], now: float) -> dict[tuple[str, str], int]:
    """Sum the messages by stage and horizon; what comes within one horizon comes within each longer one."""
    sums = {(stage, horizon): 0 for stage in (LAUNCHED, PREPARED) for horizon in HORIZONS}
    for load in loads:
        stage = LAUNCHED if load.launched else PREPARED
        for horizon, seconds in HORIZONS.items():
            if now < load.moment <= now + seconds:
                sums[stage, horizon] += load.messages
    return sums


def together(loads: Iterable[Load], *, large: int, now: float) -> list[tuple[Load, ...]]:
    """Group the large deliveries of the longest horizon, each within ten minutes of the one before; alone is a group too.

    Of a delivery in waves the next large one counts.
    """
    end = now + max(HORIZONS.values())
    found: dict[int, Load] = {}
    for load in sorted(loads):
        if load.messages >= large and now < load.moment <= end:
            found.setdefault(load.delivery_id, load)
    return _groups(list(found.values()))


def _groups(loads: Sequence[Load]) -> list[tuple[Load, ...]]:
    if not loads:
        return []
    groups = [[loads[0]]]
    for earlier, later in pairwise(loads):
        if later.moment - earlier.moment <= TOGETHER_SECONDS:
            groups[-1].append(later)
        else:
            groups.append([later])
    return [tuple(group) for group in groups]
