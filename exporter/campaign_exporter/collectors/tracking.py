"""What recipients do with their messages, and whether that reaches the database."""

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

from campaign_exporter import message_metrics
from campaign_exporter.config import TrackingSettings
from campaign_exporter.domain.deliveries import CHANNELS, channel_name
from campaign_exporter.domain.growth import growth
from campaign_exporter.domain.workflows import TRACKING, Workflow
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources import statements
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.tracking_statements import (
    NEWEST_TRACKING_LOG,
    TRACKED_DELIVERIES,
    TRACKING_COUNTERS,
)
from campaign_exporter.state import Memory

_EVENTS = message_metrics.TRACKING_EVENTS.values["event"]


class TrackingCollector:
    """Counts opens, clicks and the like. Without memory it only tells of the newest log and of the workflow."""

    name = "tracking"

    def __init__(self, database: CampaignDatabase, settings: TrackingSettings, *, clock: Clock, memory: Memory | None) -> None:
        self._database = database
        self._links = settings.links
        self._clock = clock
        self._memory = memory
        kept: Mapping[str, Any] = (memory.read() if memory else None) or {"figures": None, "totals": [0] * len(_EVENTS)}
        self._figures: dict[str, list[int]] | None = kept["figures"]
        self._totals: list[int] = list(kept["totals"])
        self._late: list[int] = list(kept.get("late", [0] * len(_EVENTS)))
        self._last_success: float | None = None

    def collect(self, current: Round) -> None:
        """Count what the deliveries' counters have grown by; each other fact may fail alone."""
        started: dict[int, int | None] | None = None
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                with current.part("log") as facts:
                    _add_newest(ask, facts)
                with current.part("workflow") as facts:
                    _add_workflow(ask, facts)
                rows = ask.rows(TRACKING_COUNTERS)
            started = {id_: channel for id_, channel, recently, *_ in rows if recently}
            if self._memory is not None:
                self._count({str(id_): counts for id_, _, _, *counts in rows}, current.life)
                self._memory.keep({"figures": self._figures, "totals": self._totals, "late": self._late})
                self._add_to(samples)
        if self._links and started is not None:
            # A transaction of its own: a lock on the links spoils no count.
            with current.part("links") as samples, self._database.round(self.name, current, life=current.life) as ask:
                _add_started(ask, samples, started)

    def _count(self, figures: Mapping[str, list[int]], life: float) -> None:
        """Count the growth; what is there the very first time is only remembered."""
        gap = self._last_success is None or self._clock.monotonic() - self._last_success > life
        grown, highest = growth(self._figures or {}, figures)
        if self._figures is not None and grown:
            self._totals = [sum(pair) for pair in zip(self._totals, grown, strict=True)]
            self._late = [sum(pair) for pair in zip(self._late, grown, strict=True)] if gap else self._late
        self._figures = {key: counts for key, counts in highest.items() if any(counts)}
        self._last_success = self._clock.monotonic()

    def _add_to(self, samples: Samples) -> None:
        for event, total, late in zip(_EVENTS, self._totals, self._late, strict=True):
            samples.add(message_metrics.TRACKING_EVENTS, total, event=event)
            samples.add(message_metrics.TRACKING_EVENTS_CATCH_UP, late, event=event)


def _add_newest(ask: Questions, samples: Samples) -> None:
    ((newest,),) = ask.rows(NEWEST_TRACKING_LOG)
    if newest is not None:
        samples.add(message_metrics.TRACKING_LAST, newest)


def _add_workflow(ask: Questions, samples: Samples) -> None:
    """Tell how the workflow stands that fetches tracking logs; nothing where it is not there."""
    workflow: Workflow | None = ask.workflows((TRACKING,)).get(TRACKING) if ask.can_ask(statements.WORKFLOWS) else None
    if workflow is not None:
        samples.add(message_metrics.TRACKING_WORKFLOW_UP, workflow.trouble is None)
        if workflow.next_run is not None:
            samples.add(message_metrics.TRACKING_WORKFLOW_NEXT_RUN, workflow.next_run)


def _add_started(ask: Questions, samples: Samples, started: Mapping[int, int | None]) -> None:
    """Count deliveries, given with their channels, by whether they have a tracked link."""
    tracked = {id_ for (id_,) in ask.rows(TRACKED_DELIVERIES, {"deliveries": [*started]})}
    counts = Counter(dict.fromkeys(product(CHANNELS.values(), ("yes", "no")), 0))
    counts.update((channel_name(channel), "yes" if id_ in tracked else "no") for id_, channel in started.items())
    for (channel, answer), number in counts.items():
        samples.add(message_metrics.DELIVERIES_STARTED, number, channel=channel, tracked=answer)
