"""What is under way, when it will be through, and what comes."""

import math
from collections.abc import Callable
from functools import partial

from campaign_exporter import catalogue_outlook as c
from dashboards.world.sending import UNDER_WAY
from dashboards.world.story import during
from dashboards.world.teller import Teller

_DAY = 86_400
_KINDS = {"to_deliver": 60_000, "processed": 41_000, "success": 39_800, "error": 1_200, "rejected": 900, "quarantined": 150}
_HORIZONS = (4_000, 9_000, 22_000, 60_000, 140_000, 180_000, 420_000)
_LARGE = {"Spring sale": 180_000, "Newsletter of March": 120_000}


def tell_coming(teller: Teller) -> None:
    """Tell all of it."""
    _sums(teller)
    for number, label in enumerate(UNDER_WAY):
        _one(teller, number, {"delivery_id": str(900 + number), "label": label})
    for number, (label, messages) in enumerate(_LARGE.items()):
        of = {"delivery_id": str(1300 + number), "label": label, "group": "1300"}
        teller.tell_always(c.UPCOMING_LARGE, messages, of=of, database=True)
        teller.tell_always(c.UPCOMING_LARGE_START, teller.start + _DAY + 7200 + 300 * number, of=of, database=True)
    for log_type, a_minute in (("0", 6.0), ("1", 0.2)):
        teller.count(c.LOG_LINES, partial(_steady, a_minute), of={"log_type": log_type}, database=True)
    for finding in c.LOG_FINDINGS.values["finding"]:
        gains = 0.05 if finding == "throttled" else 0.0
        teller.count(c.LOG_FINDINGS, partial(_steady, gains), of={"finding": finding}, database=True)


def _sums(teller: Teller) -> None:
    for state in c.UNDER_WAY_STATES.values():
        for kind, messages in _KINDS.items():
            of = {"state": state, "channel": "email", "kind": kind}
            there = messages if state in {"in_progress", "retry_pending"} else 0
            teller.tell(c.UNDER_WAY, partial(_wave, there), of=of, database=True)
    for stage, share in (("launched", 1.0), ("prepared", 0.4)):
        for horizon, messages in zip(c.UPCOMING.values["horizon"], _HORIZONS, strict=True):
            teller.tell(c.UPCOMING, partial(_wave, share * messages), of={"stage": stage, "horizon": horizon}, database=True)


def _one(teller: Teller, number: int, labels: dict[str, str]) -> None:
    """Tell of one; while mail servers refuse, the largest of them crawls, and will miss its validity."""
    size, usual = 20_000 * (number + 1), 4.0 * (number + 1)
    left, valid = 0.4 * size, _DAY + 3600 * (3 + number)
    crawls = teller.story.refused if number == len(UNDER_WAY) - 1 else ()

    def rate(hour: float) -> float:
        return usual / 20 if during(hour, crawls) else usual

    for kind, share in zip(c.KINDS[:4], (1.0, 0.6, 0.58, 0.02), strict=True):
        teller.tell_always(c.DELIVERY_MESSAGES, int(share * size), of=labels | {"kind": kind}, database=True)
    teller.tell(c.RATE, rate, of=labels, database=True)
    teller.tell(c.EXPECTED_END, lambda hour: teller.start + int(3600 * hour + left / rate(hour)), of=labels, database=True)
    teller.tell_always(c.VALIDITY, teller.start + valid, of=labels, database=True)
    past = partial(_past, left, rate, valid)
    teller.tell(c.PAST_VALIDITY, past, of=labels, database=True)


def _past(left: float, rate: Callable[[float], float], valid: int, hour: float) -> int:
    return int(max(left - rate(hour) * (valid - 3600 * hour), 0))


def _wave(messages: float, hour: float) -> int:
    return int(messages * (1 + 0.3 * math.sin(hour / 2)))


def _steady(value: float, _: float) -> float:
    return value
