"""Deliveries, what waits, and what goes out."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from campaign_exporter import catalogue as c
from campaign_exporter.diagnosis.causes import CAUSES
from dashboards.world.exposition import Value
from dashboards.world.story import Stuck, during
from dashboards.world.teller import At, Teller

_IN_ORDER = {"scheduled": (3, 240_000), "waiting_wave": (2, 60_000), "waiting_retry": (4, 9_000)}
UNDER_WAY = ("Morning news", "Loyalty points", "Retail weekly")
_ENTERED = {"in_progress": 0.1, "finished": 0.1, "start_pending": 0.1, "failed": 0.002}
_WEIGHTS = {"email": 1.0, "sms": 0.1}
_PARTS = {("success", "first"): 0.0, ("error", "first"): 0.0, ("success", "retry"): 0.04, ("error", "retry"): 0.02}


def tell_sending(teller: Teller, channels: Sequence[str]) -> None:
    """Tell all of it."""
    _throughput(teller)
    for channel in channels:
        _channel(teller, channel)
    teller.tell_always(
        c.DELIVERIES, 1, of={"state": "47", "channel": "email"}, database=True
    )  # one that Adobe does not document
    _under_way(teller)
    _waiting(teller)


def messages_a_minute(teller: Teller) -> Callable[[float], float]:
    """Give the messages a minute: two waves a day over a low ground."""
    story, hosts = teller.story, teller.campaign.hosts

    def rate(hour: float) -> float:
        of_day = (hour + 12) % 24  # a scene ends at noon
        shape = 0.25 + math.exp(-((of_day - 9) ** 2) / 4) + 0.8 * math.exp(-((of_day - 17) ** 2) / 6)
        up = sum(not during(hour, story.down.get((host, "mta"), ())) for host in hosts) / len(hosts)
        return 0.0 if during(hour, [*story.stalled, *story.blocked]) else teller.campaign.hourly / 60 * shape * up

    return rate


def _throughput(teller: Teller) -> None:
    rate = messages_a_minute(teller)

    def part(result: str, pass_: str) -> Callable[[float], float]:
        def counted(hour: float) -> float:
            failing = 0.22 if during(hour, teller.story.refused) else 0.03
            first = failing if result == "error" else 0.94 * (1 - failing)
            return rate(hour) * (first if pass_ == "first" else _PARTS[result, pass_])

        return counted

    for result, pass_ in _PARTS:
        labels = {"result": result, "pass": pass_}
        teller.count(c.MESSAGES, part(result, pass_), of=labels, database=True, every=10)
        teller.tell_always(c.MESSAGES_CATCH_UP, 0, of=labels, database=True)
    teller.count(c.MESSAGE_BYTES, lambda hour: rate(hour) * 48_000, database=True, every=10)
    teller.tell_always(c.THROUGHPUT_SOURCE, 1, of={"source": "delivery_stat"}, database=True)


def _channel(teller: Teller, channel: str) -> None:
    rate, weight = messages_a_minute(teller), _WEIGHTS.get(channel, 0.0)
    stuck = teller.story.stuck

    def left(hour: float) -> int:
        return int(weight * (30 * rate(hour) + sum(each.messages for each in _now(stuck, hour))))

    def late(bound: float, hour: float) -> float:
        return 1 - math.exp(-bound / (1500 if _now(stuck, hour) else 200))

    of = {"channel": channel}
    for state in c.DELIVERIES.values["state"]:
        entered = _ENTERED.get(state, 0.0) * (channel == "email")
        teller.tell(c.DELIVERIES, _in_state(teller, state, channel), of=of | {"state": state}, database=True)
        teller.count(c.DELIVERY_TRANSITIONS, partial(_steady, entered), of=of | {"state": state}, database=True)
    teller.tell(c.MESSAGES_REMAINING, left, of=of, database=True)
    teller.tell(c.MESSAGES_DUE, lambda hour: int(weight * 12 * rate(hour)), of=of, database=True)
    teller.spread(c.DELIVERY_START_DELAY, late, 6.0 if channel == "email" else 0.0, of)


def _steady(value: float, _: float) -> float:
    return value


def _in_state(teller: Teller, state: str, channel: str) -> At:
    if channel != "email":
        return lambda _: {"finished": 40, "being_edited": 2}.get(state, 0) if channel == "sms" else 0

    def counted(hour: float) -> int:
        wave = 1 + math.sin(hour / 3)
        counts = {
            "being_edited": 14,
            "message_ready": int(2 * wave),
            "ready": 1,
            "start_pending": 5 + len(_now(teller.story.stuck, hour)),
            "in_progress": int(3 * wave) + 1,
            "retry_pending": 4,
            "paused": 1,
            "failed": 2 if during(hour, teller.story.refused) else 0,
            "finished": 2_300 + int(6 * hour),
        }
        return counts.get(state, 0)

    return counted


def _under_way(teller: Teller) -> None:
    """Tell of the deliveries in progress; while something is stuck, the last of them stands still."""
    for number, label in enumerate(UNDER_WAY):
        labels = {"delivery_id": str(900 + number), "label": label}
        still = 2400 if number == len(UNDER_WAY) - 1 and teller.story.stuck else 90 * (number + 1)
        teller.tell(c.DELIVERY_PROGRESS, partial(_ago, teller, still), of=labels, database=True)
        teller.tell_always(c.DELIVERY_MESSAGES_REMAINING, 4_000 * (number + 1), of=labels, database=True)


def _waiting(teller: Teller) -> None:
    for cause in (cause.name for cause in CAUSES):
        seen = cause != "mid_sourcing_lag" or teller.campaign.role == "marketing"
        teller.tell_always(c.PENDING_CAUSE_EVALUATED, seen, of={"cause": cause}, database=True)
        if seen:
            _cause(teller, cause)
    for number, each in enumerate(teller.story.stuck):
        labels = {"delivery_id": str(1200 + number), "label": each.label, "cause": each.cause}
        teller.tell(c.DELIVERY_PENDING_SINCE, partial(_since, teller, each), of=labels, database=True)
    teller.tell_always(c.PENDING_ALERT_DELAY, 1800, database=True)
    teller.tell(c.PREPARATION_OLDEST, partial(_ago, teller, 5400 if teller.story.stuck else 240), database=True)


def _cause(teller: Teller, cause: str) -> None:
    stuck = [each for each in teller.story.stuck if each.cause == cause]
    usual, messages = _IN_ORDER.get(cause, (0, 0))

    def oldest(hour: float) -> Value:
        starts = [each.window[0] for each in _now(stuck, hour)]
        if starts:
            return _moment(teller, min(starts))
        return _moment(teller, hour) - 240 if usual else None

    def held(hour: float) -> int:
        return messages + sum(each.messages for each in _now(stuck, hour))

    of = {"cause": cause}
    teller.tell(c.DELIVERIES_PENDING, lambda hour: usual + len(_now(stuck, hour)), of=of, database=True)
    teller.tell(c.PENDING_MESSAGES, held, of=of, database=True)
    teller.tell(c.PENDING_OLDEST, oldest, of=of, database=True)


def _ago(teller: Teller, seconds: int, hour: float) -> int:
    return _moment(teller, hour) - seconds


def _since(teller: Teller, each: Stuck, hour: float) -> Value:
    return _moment(teller, each.window[0]) if during(hour, [each.window]) else None


def _now(stuck: Sequence[Stuck], hour: float) -> Sequence[Stuck]:
    return [each for each in stuck if during(hour, [each.window])]


def _moment(teller: Teller, hour: float) -> int:
    return teller.start + int(3600 * hour)
