"""Deliveries that should be sending and are not: how many, since when, how much waits in them, and why."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from campaign_exporter import catalogue
from campaign_exporter.config import PendingSettings
from campaign_exporter.diagnosis.causes import CAUSES, evaluated
from campaign_exporter.diagnosis.episodes import dump, load
from campaign_exporter.diagnosis.waiting import Waiting, judge
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.campaign import CampaignDatabase
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.sources.situation import ALERT_DELAY, Site, read_situation
from campaign_exporter.state import Memory

#: By Adobe's description of the option.
_ALERT_DELAY_SECONDS = 1800.0


class PendingCollector:
    """Names the cause for each pending delivery of an instance."""

    name = "pending"

    def __init__(
        self,
        database: CampaignDatabase,
        hosts: Hosts,
        settings: PendingSettings,
        *,
        role: str,
        memory: Memory | None,
    ) -> None:
        self._database = database
        self._hosts = hosts
        self._table_size = settings.table_size
        self._site = Site(role, settings.database_blocked_after, settings.mid_sourcing_stale_after)
        self._memory = memory
        kept = (memory.read() if memory else None) or {"episodes": {}, "dropped": 0}
        self._episodes = load(kept["episodes"])
        self._dropped: int = kept["dropped"]
        self._alert_delay = _ALERT_DELAY_SECONDS

    def collect(self, current: Round) -> None:
        """Read what should be sending and is not, and decide for each delivery."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                situation = read_situation(ask, self._hosts, self._site)
            # The round fails for facts that are shut, though it goes on without them: their causes leave the running.
            current.failures.update(situation.obstacles)
            if ALERT_DELAY in situation.options:
                self._alert_delay = situation.options[ALERT_DELAY] * 60
            else:
                self._alert_delay = _ALERT_DELAY_SECONDS
            waiting, self._episodes = judge(situation.deliveries, situation.platform, self._episodes)
            _add_causes(samples, waiting, evaluated(situation.platform))
            self._add_table(samples, waiting)
            if situation.oldest_preparation is not None:
                samples.add(catalogue.PREPARATION_OLDEST, situation.oldest_preparation)
            self._keep()
        # Always there, since alerts are joined on it: Adobe's default until the option has been read.
        current.samples.add(catalogue.PENDING_ALERT_DELAY, self._alert_delay)

    def _add_table(self, samples: Samples, waiting: Sequence[Waiting]) -> None:
        """Show the gravest and oldest one by one; one that is scheduled for no date at all has no place in time."""
        dated = sorted((one for one in waiting if one.since != float("inf")), key=lambda one: one.gravity)
        for one in dated[: self._table_size]:
            delivery = one.delivery
            labels = {"delivery_id": str(delivery.delivery_id), "label": delivery.label, "cause": one.cause.name}
            samples.add(catalogue.DELIVERY_PENDING_SINCE, one.since, **labels)
        self._dropped += max(len(dated) - self._table_size, 0)
        if self._memory is not None:
            samples.add(catalogue.SERIES_DROPPED, self._dropped, family=catalogue.DELIVERY_PENDING_SINCE.name)

    def _keep(self) -> None:
        if self._memory is not None:
            self._memory.keep({"episodes": dump(self._episodes), "dropped": self._dropped})


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
