"""What becomes of messages on their way, by status, failure and domain."""

from collections.abc import Callable, Mapping

from campaign_exporter import message_metrics as m
from campaign_exporter.metric import Metric
from dashboards.world.sending import messages_a_minute
from dashboards.world.story import EVER, during
from dashboards.world.teller import Teller

_STATUSES = {"sent": 0.96, "failed": 0.012, "pending": 1.03, "cancelled": 0.0, "received_on_mobile": 0.0}
_FAILURES = {
    ("failed", "hard", "user_unknown"): 0.008,
    ("failed", "hard", "refused"): 0.002,
    ("failed", "soft", "mailbox_full"): 0.002,
    ("postponed", "soft", "unreachable"): 0.01,
    ("postponed", "soft", "refused"): 0.02,
}
_DOMAINS = {"mail.example": 0.5, "post.example": 0.25, "free.example": 0.15, "other": 0.1}
_RESULTS = {"sent": 0.95, "postponed": 0.03, "hard": 0.01, "soft": 0.002, "other": 0.0}
_EVENTS = {"open": 0.2, "click": 0.05, "opt_out": 0.002, "mirror_page": 0.005, "web_page": 0.0, "transaction": 0.0}
#: Deliveries that began within a day, with and without a tracked link.
_STARTED = {"email": (40, 2), "sms": (1, 9)}
#: By how much more refusals there are while mail servers refuse.
_REFUSING = 8


def tell_messages(teller: Teller) -> None:
    """Tell all of it."""
    for status, share in _STATUSES.items():
        _count(teller, m.MESSAGE_TRANSITIONS, share, {"status": status})
        teller.tell_always(m.MESSAGE_TRANSITIONS_CATCH_UP, 0, of={"status": status}, database=True)
    for (outcome, kind, reason), share in _FAILURES.items():
        of = {"outcome": outcome, "kind": kind, "reason": reason}
        _count(teller, m.MESSAGE_FAILURES, share, of, refused=reason == "refused")
    for domain, weight in _DOMAINS.items():
        for result, share in _RESULTS.items():
            of = {"domain": domain, "result": result}
            _count(teller, m.MESSAGE_DOMAIN_RESULTS, weight * share, of, refused=result == "postponed")
        for reason in m.DOMAIN_REFUSALS:
            of = {"domain": domain, "reason": reason}
            _count(teller, m.MESSAGE_DOMAIN_REFUSALS, 0.015 * weight, of, refused=reason == "refused")
    for event, share in _EVENTS.items():
        _count(teller, m.TRACKING_EVENTS, share, {"event": event})
        teller.tell_always(m.TRACKING_EVENTS_CATCH_UP, 0, of={"event": event}, database=True)
    hour_long = 3600
    stops = [start for (_, process), windows in teller.story.down.items() if process == "trackinglogd" for start, _ in windows]
    last = min(stops, default=EVER)
    for channel, (tracked, untracked) in _STARTED.items():
        for answer, number in (("yes", tracked), ("no", untracked)):
            of = {"channel": channel, "tracked": answer}
            teller.tell_always(m.DELIVERIES_STARTED, number, of=of, database=True)
    teller.tell(m.TRACKING_LAST, lambda hour: teller.start + int(min(hour, last) * hour_long) - 600, database=True)
    teller.tell(m.TRACKING_POINTER, lambda hour: teller.start + int(min(int(hour), last) * hour_long), database=True)
    teller.tell_always(m.TRACKING_WORKFLOW_UP, 1, database=True)
    teller.tell(m.TRACKING_WORKFLOW_NEXT_RUN, lambda hour: teller.start + int(hour + 1) * hour_long, database=True)
    teller.tell_always(m.MESSAGE_LOG_LAG, 0, of={"log": "nmsbroadlogrcp"}, database=True)


def _count(teller: Teller, metric: Metric, share: float, of: Mapping[str, str], *, refused: bool = False) -> None:
    rate = messages_a_minute(teller)

    def a_minute(more: int) -> Callable[[float], float]:
        return lambda hour: rate(hour) * share * (more if during(hour, teller.story.refused) else 1)

    teller.count(metric, a_minute(_REFUSING if refused else 1), of=of, database=True)
