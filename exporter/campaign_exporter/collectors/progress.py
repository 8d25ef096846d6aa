"""Whether deliveries in progress go on: how much of them is due, and when each last processed a message.

What waits for its wave or its retry is not due, and has no progress to be missed.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from campaign_exporter import catalogue
from campaign_exporter.diagnosis.facts import Delivery
from campaign_exporter.domain.deliveries import CHANNELS, channel_name
from campaign_exporter.metric import Samples
from campaign_exporter.sources import statements
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.state import Section

#: Deliveries shown one by one.
_TABLE_SIZE = 50


class Due(NamedTuple):
    """Deliveries in progress of which a part is due, and the database's clock, in seconds since the epoch."""

    deliveries: Sequence[Delivery]
    now: float


def read_due(ask: Questions) -> Due:
    """List the deliveries in progress that this instance sends and of which a part is due; raise where parts are shut."""
    obstacle = ask.obstacle(statements.NEXT_PASSES)
    if obstacle is not None:
        raise obstacle
    ours = [delivery for delivery in ask.deliveries_in_progress() if delivery.sent_here and delivery.messages_waiting]
    now, parts = ask.now(), ask.parts(delivery.delivery_id for delivery in ours)
    ours = [dataclasses.replace(delivery, parts=parts[delivery.delivery_id]) for delivery in ours]
    return Due([delivery for delivery in ours if _is_due(delivery, now)], now)


def _is_due(delivery: Delivery, now: float) -> bool:
    return delivery.parts is not None and delivery.parts.exist and not delivery.parts.all_later_than(now)


class _Step(NamedTuple):
    """What a delivery had processed, and since when it has been at that."""

    processed: int
    since: float


class Progress:
    """When each delivery that is due last processed a message."""

    def __init__(self) -> None:
        self._steps: dict[int, _Step] = {}
        #: Deliveries that the table had no place for, all rounds together.
        self.dropped = 0

    def follow(self, due: Due) -> None:
        """Compare with the last time. What is seen for the first time is dated by its last modification."""
        self._steps = {
            delivery.delivery_id: _next_step(self._steps.get(delivery.delivery_id), delivery, due.now)
            for delivery in due.deliveries
        }
        self.dropped += max(len(due.deliveries) - _TABLE_SIZE, 0)

    def add_to(self, samples: Samples, due: Due) -> None:
        """Show what is due by channel, and the deliveries that have not moved for longest one by one."""
        _add_due(samples, due.deliveries)
        slowest = sorted(due.deliveries, key=lambda delivery: (self._steps[delivery.delivery_id].since, delivery.delivery_id))
        for delivery in slowest[:_TABLE_SIZE]:
            labels = {"delivery_id": str(delivery.delivery_id), "label": delivery.label}
            samples.add(catalogue.DELIVERY_PROGRESS, self._steps[delivery.delivery_id].since, **labels)
            samples.add(catalogue.DELIVERY_MESSAGES_REMAINING, delivery.messages_waiting, **labels)

    def dump(self) -> Section:
        """Write it down for a restart."""
        return {"steps": {str(id_): list(step) for id_, step in self._steps.items()}, "dropped": self.dropped}

    @classmethod
    def load(cls, section: Section | None) -> "Progress":
        """Read what `dump` wrote; a state file from before has nothing of it."""
        progress = cls()
        if section is not None:
            progress._steps = {int(id_): _Step(*step) for id_, step in section["steps"].items()}
            progress.dropped = section["dropped"]
        return progress


def _next_step(before: _Step | None, delivery: Delivery, now: float) -> _Step:
    processed = delivery.processed or 0
    if before is None:
        since = now if delivery.modified is None else min(delivery.modified, now)
    else:
        since = before.since if before.processed == processed else now
    next_pass = delivery.parts.next_pass if delivery.parts else None
    return _Step(processed, max(since, next_pass or since))


def _add_due(samples: Samples, deliveries: Iterable[Delivery]) -> None:
    due = Counter(dict.fromkeys(CHANNELS.values(), 0))
    for delivery in deliveries:
        due[channel_name(delivery.channel)] += delivery.messages_waiting
    for channel, messages in due.items():
        samples.add(catalogue.MESSAGES_DUE, messages, channel=channel)
