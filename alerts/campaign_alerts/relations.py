"""What must hold between two values of values.yaml.

They are looked at in the data as read, so that they are told together with all else that is wrong.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from campaign_alerts.durations import duration, is_duration, seconds
from campaign_exporter.document import Document, Location, Problem

_LATE = ("alerts", "CampaignDeliveryStartsLate")
_STALLED = ("alerts", "CampaignThroughputStalled")
_LOW = ("alerts", "CampaignThroughputLow")
_SOFT = ("alerts", "CampaignSoftBouncesHigh")
_COMPLAINTS = ("alerts", "CampaignComplaintsHigh")


class _Order(NamedTuple):
    """One duration against another one, and what goes wrong otherwise."""

    key: Location
    how: Literal["at least", "at most"]
    other: Location
    why: str
    twice: bool = False


def _ranges(*keys: Location, floor: str, why: str) -> Iterator[_Order]:
    yield from (_Order(key, "at least", (floor,), why) for key in keys)


_ORDERS = (
    _Order(("window",), "at least", ("scrape_interval",), "one failed scrape would show", twice=True),
    _Order(("interval",), "at most", ("window",), "what happens between two evaluations would not be seen"),
    *_ranges(
        ("alerts", "CampaignDeliveryStalled", "after"),
        ("alerts", "CampaignDeliveryStalled", "others"),
        (*_STALLED, "after"),
        ("alerts", "CampaignDeliveryErrorsHigh", "range"),
        ("alerts", "CampaignHardBouncesHigh", "range"),
        (*_SOFT, "range"),
        (*_COMPLAINTS, "range"),
        ("alerts", "CampaignDomainRefusing", "range"),
        ("alerts", "CampaignTrackingStalled", "range"),
        ("alerts", "CampaignTrackingStalled", "age"),
        ("alerts", "CampaignDeliveryFailed", "range"),
        (*_LATE, "fast", "short"),
        (*_LATE, "slow", "short"),
        ("alerts", "CampaignAllMtasDown", "last_seen_up"),
        ("alerts", "CampaignProcessRestarting", "range"),
        ("alerts", "CampaignExporterDown", "remembered"),
        floor="window",
        why="too few samples would lie in it",
    ),
    *_ranges(
        (*_STALLED, "onset"),
        ("alerts", "CampaignHostUnobserved", "range"),
        ("alerts", "CampaignProcessMemoryHigh", "range"),
        ("alerts", "CampaignIpAffinityHostDown", "range"),
        ("alerts", "CampaignDatabaseBlocked", "range"),
        floor="scrape_interval",
        why="no sample might lie in it",
    ),
    _Order((*_STALLED, "onset"), "at most", (*_STALLED, "after"), "it is the beginning of that"),
    _Order((*_LOW, "baseline_at_least"), "at most", (*_LOW, "baseline"), "the alert could never fire"),
    _Order((*_LOW, "baseline"), "at least", (*_STALLED, "after"), "it is an average of such spans"),
    _Order((*_SOFT, "range"), "at most", (*_SOFT, "usual"), "it is compared with an average of such spans"),
    _Order((*_COMPLAINTS, "range"), "at most", (*_COMPLAINTS, "usual"), "it is compared with an average of such spans"),
    _Order((*_LATE, "fast", "short"), "at most", (*_LATE, "fast", "long"), "it is the end of that"),
    _Order((*_LATE, "slow", "short"), "at most", (*_LATE, "slow", "long"), "it is the end of that"),
)


def problems(document: Document) -> Iterator[Problem]:
    """Find the values that do not fit each other; what is no duration or number at all is told elsewhere."""
    for order in _ORDERS:
        if problem := _out_of_order(document, order):
            yield problem
    yield from _roots_too_short(document)
    yield from _burns_too_high(document)


def _value(document: Document, key: Location) -> Any:  # noqa: ANN401 - data of any shape
    data = document.data
    for step in key:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _length(document: Document, key: Location) -> float | None:
    value = _value(document, key)
    return seconds(value) if is_duration(value) else None


def _out_of_order(document: Document, order: _Order) -> Problem | None:
    mine, other = _length(document, order.key), _length(document, order.other)
    if mine is None or other is None:
        return None
    limit = other * 2 if order.twice else other
    if mine >= limit if order.how == "at least" else mine <= limit:
        return None
    name = f"{order.other[-2]}.{order.other[-1]}" if order.other[1:] else order.other[0]
    times = "twice " if order.twice else ""
    told = f"must be {order.how} {times}{name} ({_value(document, order.other)}), or {order.why}"
    return document.problem(order.key, told.replace(", or it is", ": it is"))


def _roots_too_short(document: Document) -> Iterator[Problem]:
    """Find root alerts that end before what they explain, so that a page would go out for what is fixed already."""
    names = ("keep_root_firing_for", "keep_firing_for", "window", "interval")
    root, keep, window, interval = (_length(document, (name,)) for name in names)
    if root is None or keep is None or window is None or interval is None:
        return
    least = keep + window + 2 * interval
    if root < least:
        told = f"must be at least {duration(least)}, keep_firing_for, window and two intervals together"
        yield document.problem(names[:1], f"{told}, or effects would page once their cause is fixed")


def _burns_too_high(document: Document) -> Iterator[Problem]:
    share = _value(document, (*_LATE, "late_share"))
    for speed in ("fast", "slow"):
        burn = _value(document, (*_LATE, speed, "burn"))
        if isinstance(share, float) and isinstance(burn, int | float) and 0 < share < 1 <= burn * share:
            told = f"must be below {1 / share:g}, as late_share is {share:g}, or the alert could never fire"
            yield document.problem((*_LATE, speed, "burn"), told)
