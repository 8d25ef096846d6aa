"""Since when a delivery waits.

An episode of waiting begins anew when the delivery's state, processed count or next pass changes. It is dated by the last
modification at its beginning, so that a later edit of the label does not make an old wait young, nor a clock that is ahead
a wait that never grows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from campaign_exporter.diagnosis.facts import Delivery


class Episode(NamedTuple):
    """What was true of a delivery when it began to wait; `began` in seconds since the epoch, never to come."""

    state: int | None
    processed: int | None
    next_pass: float | None
    began: float


def _begin(delivery: Delivery, now: float) -> Episode:
    next_pass = delivery.parts.next_pass if delivery.parts else None
    began = delivery.contact if delivery.modified is None else delivery.modified
    return Episode(delivery.state, delivery.processed, next_pass, now if began is None else min(began, now))


def dump(episodes: Mapping[int, Episode]) -> dict[str, list[float | None]]:
    """Write episodes down, by delivery, for a restart."""
    return {str(id_): list(episode) for id_, episode in episodes.items()}


def load(written: Mapping[str, Sequence[Any]]) -> dict[int, Episode]:
    """Read what `dump` wrote."""
    return {int(id_): Episode(*values) for id_, values in written.items()}


def follow(before: Mapping[int, Episode], deliveries: Iterable[Delivery], now: float) -> dict[int, Episode]:
    """Carry the episodes on over those deliveries that wait now: the same episode, or a new one."""
    episodes = {}
    for delivery in deliveries:
        new = _begin(delivery, now)
        old = before.get(delivery.delivery_id)
        episodes[delivery.delivery_id] = old if old is not None and old[:3] == new[:3] else new
    return episodes


def waiting_since(delivery: Delivery, episode: Episode, now: float) -> float:
    """Date the wait, in seconds since the epoch: the latest of what had to happen before it could send.

    That is the contact date, the last modification when the episode began, and the earliest next pass that came due.
    """
    if delivery.contact is not None and delivery.contact > now:
        return delivery.contact
    due = (moment for moment in (delivery.contact, episode.next_pass) if moment is not None and moment <= now)
    return max((episode.began, *due))
