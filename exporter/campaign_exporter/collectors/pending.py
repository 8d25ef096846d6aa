"""Deliveries that should be sending and are not: how many, since when, how much waits in them, and why."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from campaign_exporter import catalogue
from campaign_exporter.config import PendingSettings
from campaign_exporter.diagnosis.causes import CAUSES, SEVERITIES, Cause, decide, evaluated
from campaign_exporter.diagnosis.episodes import Episode, follow, waiting_since
from campaign_exporter.diagnosis.facts import Delivery, Parts, Platform
from campaign_exporter.domain.deliveries import PENDING_STATES
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import statements
from campaign_exporter.sources.campaign import CampaignDatabase, Questions, read_platform
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.state import Memory

#: Minutes, by Adobe's description of the option.
_ALERT_DELAY_OPTION = "NmsMTA_Alert_Delay"
_ALERT_DELAY_SECONDS = 1800.0
#: What causes stand on, beside the deliveries themselves.
_FACTS = (statements.NEXT_PASSES, statements.INACTIVE_ACCOUNTS, statements.TYPOLOGY_AFFINITIES)


class Waiting(NamedTuple):
    """A delivery that waits, since when (seconds since the epoch), and why."""

    delivery: Delivery
    since: float
    cause: Cause


class PendingCollector:
    """Names the cause for each pending delivery of an instance."""

    name = "pending"

    def __init__(
        self,
        database: CampaignDatabase,
        hosts: Hosts,
        settings: PendingSettings,
        *,
        life: float,
        memory: Memory | None,
    ) -> None:
        self._database = database
        self._hosts = hosts
        self._table_size = settings.table_size
        self._life = life
        self._memory = memory
        kept = (memory.read() if memory else None) or {"episodes": {}, "dropped": 0}
        self._episodes = {int(id_): Episode(*values) for id_, values in kept["episodes"].items()}
        self._dropped: int = kept["dropped"]
        self._alert_delay = _ALERT_DELAY_SECONDS

    def collect(self, current: Round) -> None:
        """Read what is launched and does not send, and decide for each delivery."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=self._life) as ask:
                deliveries, parts_seen = _pending(ask)
                _tell_what_is_not_seen(current, ask)
                platform = read_platform(ask, self._hosts, parts_seen=parts_seen)
                self._alert_delay = _alert_delay(ask)
            waiting = self._judge(deliveries, platform)
            _add_causes(samples, waiting, evaluated(platform))
            self._add_table(samples, waiting)
            self._keep()
        # Always there, since alerts are joined on it: Adobe's default until the option has been read.
        current.samples.add(catalogue.PENDING_ALERT_DELAY, self._alert_delay)

    def _judge(self, deliveries: Sequence[Delivery], platform: Platform) -> list[Waiting]:
        self._episodes = follow(self._episodes, deliveries, platform.now)
        return [
            Waiting(
                delivery,
                waiting_since(delivery, self._episodes[delivery.delivery_id], platform.now),
                decide(delivery, platform),
            )
            for delivery in deliveries
        ]

    def _add_table(self, samples: Samples, waiting: Sequence[Waiting]) -> None:
        """Show the gravest and oldest one by one; one that is scheduled for no date at all has no place in time."""
        dated = [one for one in waiting if one.since != float("inf")]
        dated.sort(key=lambda one: (SEVERITIES.index(one.cause.severity), one.since, one.delivery.delivery_id))
        for one in dated[: self._table_size]:
            delivery = one.delivery
            labels = {"delivery_id": str(delivery.delivery_id), "label": delivery.label, "cause": one.cause.name}
            samples.add(catalogue.DELIVERY_PENDING_SINCE, one.since, **labels)
        self._dropped += max(len(dated) - self._table_size, 0)
        if self._memory is not None:
            samples.add(catalogue.SERIES_DROPPED, self._dropped, family=catalogue.DELIVERY_PENDING_SINCE.name)

    def _keep(self) -> None:
        if self._memory is not None:
            episodes = {str(id_): list(episode) for id_, episode in self._episodes.items()}
            self._memory.keep({"episodes": episodes, "dropped": self._dropped})


def _tell_what_is_not_seen(current: Round, ask: Questions) -> None:
    """Let the round fail for facts that are shut, though it goes on without them: their causes leave the running."""
    for statement in _FACTS:
        obstacle = ask.obstacle(statement)
        if obstacle is not None:
            current.failures[statement.name] = obstacle


def _pending(ask: Questions) -> tuple[list[Delivery], bool]:
    """List the pending deliveries with their parts, and tell whether parts can be seen."""
    deliveries = [delivery for delivery in ask.sending_deliveries() if delivery.state in PENDING_STATES]
    if not ask.can_ask(statements.NEXT_PASSES):
        return deliveries, False
    parts: Mapping[int, Parts] = ask.parts(delivery.delivery_id for delivery in deliveries)
    return [dataclasses.replace(delivery, parts=parts[delivery.delivery_id]) for delivery in deliveries], True


def _alert_delay(ask: Questions) -> float:
    minutes = ask.option(_ALERT_DELAY_OPTION) if ask.can_ask(statements.OPTION) else None
    return minutes * 60 if minutes is not None else _ALERT_DELAY_SECONDS


def _add_causes(samples: Samples, waiting: Sequence[Waiting], seen: Mapping[str, bool]) -> None:
    by_cause: dict[str, list[Waiting]] = defaultdict(list)
    for one in waiting:
        by_cause[one.cause.name].append(one)
    for cause in CAUSES:
        samples.add(catalogue.PENDING_CAUSE_EVALUATED, seen[cause.name], cause=cause.name)
        if not seen[cause.name]:
            continue
        these = by_cause[cause.name]
        samples.add(catalogue.DELIVERIES_PENDING, len(these), cause=cause.name)
        samples.add(catalogue.PENDING_MESSAGES, sum(one.delivery.messages_waiting for one in these), cause=cause.name)
        since = min((one.since for one in these), default=float("inf"))
        if since != float("inf"):
            samples.add(catalogue.PENDING_OLDEST, since, cause=cause.name)
