"""Which deliveries wait, since when, and for what: what metric, alert and command all stand on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from campaign_exporter.diagnosis.causes import SEVERITIES, Cause, decide
from campaign_exporter.diagnosis.episodes import Episode, follow, waiting_since
from campaign_exporter.diagnosis.facts import Delivery, Platform


class Waiting(NamedTuple):
    """A delivery that waits, since when (seconds since the epoch), and why."""

    delivery: Delivery
    since: float
    cause: Cause

    @property
    def gravity(self) -> tuple[int, float, int]:
        """Sort by it: the gravest cause first, then who has waited longest."""
        return (SEVERITIES.index(self.cause.severity), self.since, self.delivery.delivery_id)


def judge(
    deliveries: Iterable[Delivery], platform: Platform, before: Mapping[int, Episode]
) -> tuple[list[Waiting], dict[int, Episode]]:
    """Name the cause of each delivery that waits; give the episodes of waiting, carried on from those before, as well."""
    causes = [(delivery, cause) for delivery in deliveries if (cause := decide(delivery, platform)) is not None]
    episodes = follow(before, [delivery for delivery, _ in causes], platform.now)
    waiting = [
        Waiting(delivery, waiting_since(delivery, episodes[delivery.delivery_id], platform.now), cause)
        for delivery, cause in causes
    ]
    return waiting, episodes
