"""Since when a delivery waits.

An episode of waiting begins anew when the delivery's state, processed count or next pass changes. It is dated by the last
modification at its beginning, so that a later edit of the label does not make an old wait young.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from campaign_exporter.diagnosis.facts import Delivery


class Episode(NamedTuple):
    """What was true of a delivery when it began to wait; `modified` in seconds since the epoch."""

    state: int
    processed: int | None
    next_pass: float | None
    modified: float | None


def _begin(delivery: Delivery) -> Episode:
    next_pass = delivery.parts.next_pass if delivery.parts else None
    return Episode(delivery.state, delivery.processed, next_pass, delivery.modified)


def follow(before: Mapping[int, Episode], deliveries: Iterable[Delivery]) -> dict[int, Episode]:
    """Carry the episodes on over those deliveries that wait now: the same episode, or a new one."""
    episodes = {}
    for delivery in deliveries:
        new = _begin(delivery)
        old = before.get(delivery.delivery_id)
        episodes[delivery.delivery_id] = old if old is not None and old[:3] == new[:3] else new
    return episodes


def waiting_since(delivery: Delivery, episode: Episode, now: float) -> float:
    """Date the wait, in seconds since the epoch: the latest of what had to happen before it could send.

    That is the contact date, the last modification when the episode began, and the earliest next pass that came due.
    """
    if delivery.contact is not None and delivery.contact > now:
        return delivery.contact
    moments = (delivery.contact, episode.modified, episode.next_pass)
    return max((moment for moment in moments if moment is not None and moment <= now), default=now)
