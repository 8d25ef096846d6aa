"""What keeps a delivery from going on: the engine obeys it, and the truth tells it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from campaign_simulator.journal import Workflow
from campaign_simulator.model import Delivery, Part
from campaign_simulator.serverconf import MAX_PREPARATION_SECONDS
from campaign_simulator.vocabulary import (
    IN_PREPARATION,
    MODULE_OF_CHANNEL,
    PENDING,
    PREPARATION,
    SENDING,
    Cause,
    Channel,
    DeliveryMode,
    State,
    WorkflowState,
)

# Adobe, on database blocking: locks on these keep mails from being sent.
SENDING_TABLES = (
    "nmsdelivery",
    "nmsdeliverypart",
    "nmsdeliverystat",
    "nmsbroadlogmid",
    "nmsbroadlogmsg",
    "nmsbroadlogrcp",
    "xtkworkflow",
)
LAUNCHERS = ("operationMgt", "deliveryMgt")  # the workflows that launch a campaign's deliveries
COPIER = "defaultMidSourcingDlv"  # the workflow that refreshes what is known of deliveries on a mid-sourcing server
_COPIER_PATIENCE = timedelta(minutes=10)
_COPY_PATIENCE = timedelta(hours=2)  # a number of ours, by default the exporter's
_PREPARATION_PATIENCE = timedelta(seconds=MAX_PREPARATION_SECONDS)


class Servers(Protocol):
    """The servers of the instance, as far as sending depends on them."""

    def expected_on(self, module: str) -> Collection[str]:
        """Return the hosts that are to run a module."""

    def running_on(self, module: str) -> Collection[str]:
        """Return the hosts that run a module."""

    def process_id(self, host: str, module: str) -> int:
        """Return the process id of a module that runs on a host."""

    def lost(self, host: str | None, process_id: int, module: str) -> bool:
        """Tell whether a process is gone for sure: its module is down there, or it is not listed and children are."""

    def declaring(self, affinity: str) -> Collection[str]:
        """Return the hosts whose configuration declares an IP affinity."""

    def public_ids(self, host: str, affinity: str) -> Sequence[int]:
        """Return the numbers of the addresses that a host has for an IP affinity."""


@dataclass
class Site:
    """What deliveries depend on besides themselves."""

    servers: Servers
    marketing: bool = False  # some deliveries go out through a mid-sourcing server
    concurrency_limit: int = 10  # option NmsOperation_LimitConcurrency
    preparation_window: timedelta = timedelta(days=7)  # option NmsOperation_DeliveryPreparationWindow
    workflows: dict[str, Workflow] = field(default_factory=dict)  # by internal name
    last_copy: datetime | None = None  # when deliveries were last copied from the mid-sourcing server
    preparing: dict[int, Delivery] = field(default_factory=dict)  # campaign deliveries in preparation
    blocked_tables: dict[str, datetime] = field(default_factory=dict)  # since when a session waits for them
    stalled: bool = False  # the mta is up and takes nothing

    @property
    def blocked_since(self) -> datetime | None:
        """Since when a session waits for a table that sending needs; none while none does."""
        return min((since for table, since in self.blocked_tables.items() if table in SENDING_TABLES), default=None)

    @property
    def campaign_workflows(self) -> int:
        """How many workflows of campaigns are started."""
        return sum(bool(w.operation_id) and w.state == WorkflowState.STARTED for w in self.workflows.values())

    def down(self, module: str) -> bool:
        """Tell whether a module is to run, and runs nowhere."""
        return bool(self.servers.expected_on(module)) and not self.servers.running_on(module)

    def note(self, delivery: Delivery) -> None:
        """Keep count of the campaign deliveries in preparation."""
        if delivery.in_campaign and delivery.state in IN_PREPARATION:
            self.preparing[delivery.delivery_id] = delivery
        else:
            self.preparing.pop(delivery.delivery_id, None)

    def limit_reached(self, delivery: Delivery, now: datetime) -> bool:
        """Tell whether as many campaign workflows and other deliveries are at work as may be."""
        since = now - self.preparation_window
        others = sum(d is not delivery and d.modified is not None and d.modified > since for d in self.preparing.values())
        return self.campaign_workflows + others >= self.concurrency_limit

    def in_window(self, delivery: Delivery, now: datetime) -> bool:
        """Tell whether a delivery that was not launched should have been: its contact date has passed, not long ago."""
        return now - self.preparation_window <= delivery.contact <= now


def causes(delivery: Delivery, site: Site, now: datetime) -> tuple[Cause, ...]:
    """Return all documented causes that hold for a delivery, in order of precedence."""
    return tuple(_holding(delivery, site, now))


def held(delivery: Delivery, site: Site, now: datetime) -> bool:
    """Tell whether a delivery stays where it is, for a documented cause or another."""
    if delivery.held or (site.stalled and delivery.state in _LAUNCHED):
        return True
    if delivery.state == State.BEING_EDITED:
        return delivery.in_campaign and site.limit_reached(delivery, now)
    return any(cause not in _SIGNS and not _has_its_place(delivery, cause) for cause in _holding(delivery, site, now))


def module_of(delivery: Delivery) -> str:
    """Return the module that sends a delivery's channel."""
    return MODULE_OF_CHANNEL.get(delivery.channel, "mta")


def _holding(delivery: Delivery, site: Site, now: datetime) -> Iterator[Cause]:
    return (cause for cause, states, holds in _TABLE if delivery.state in states and holds(delivery, site, now))


def _has_its_place(delivery: Delivery, cause: Cause) -> bool:
    """Tell whether a delivery counts against the limit itself: the limit is for those that come after it."""
    return cause == Cause.CONCURRENCY_LIMIT and delivery.state in IN_PREPARATION


def _waiting(delivery: Delivery, now: datetime) -> bool:
    """Tell whether every part is still to come."""
    return bool(delivery.parts) and not delivery.due_parts(now)


def _retried_elsewhere(delivery: Delivery, site: Site, now: datetime) -> bool:
    """Tell whether the mid-sourcing server waits for its next try, as far as a fresh copy of its state says."""
    elsewhere = delivery.mode == DeliveryMode.MID_SOURCING and delivery.state == State.RETRY_PENDING and not delivery.parts
    fresh = COPIER in site.workflows and not _copy_stale(delivery, site, now)
    return elsewhere and fresh and not _expired(delivery, site, now) and not _account_inactive(delivery, site, now)


def _expired(delivery: Delivery, _site: Site, now: datetime) -> bool:
    return delivery.validity is not None and delivery.validity <= now


def _account_inactive(delivery: Delivery, _site: Site, _now: datetime) -> bool:
    return delivery.account is not None and not delivery.account.active


def _tried(delivery: Delivery) -> bool:
    return delivery.state == State.RETRY_PENDING or delivery.processed > 0


def _stat_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    by_email = delivery.automatic and delivery.channel == Channel.EMAIL
    return by_email and bool(site.servers.running_on("mta")) and site.down("stat")


def _affinity_unconfigured(delivery: Delivery, site: Site, _now: datetime) -> bool:
    affinity = delivery.effective_affinity
    return delivery.automatic and bool(affinity) and not site.servers.declaring(affinity or "")


def _affinity_host_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    if not (delivery.automatic and delivery.effective_affinity):
        return False
    module, declaring = module_of(delivery), set(site.servers.declaring(delivery.effective_affinity))
    down = set(site.servers.expected_on(module)) - set(site.servers.running_on(module))
    return bool(declaring) and declaring <= down


def _engine_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    launchers = [site.workflows[name] for name in LAUNCHERS if name in site.workflows]
    return delivery.by_workflow and (site.down("wfserver") or any(w.failed or w.at_rest for w in launchers))


def _preparation_stuck(delivery: Delivery, _site: Site, now: datetime) -> bool:
    return delivery.modified is not None and delivery.modified < now - _PREPARATION_PATIENCE


def _orphaned(delivery: Delivery, site: Site, now: datetime) -> bool:
    """Tell whether every part that is due is held by a process that is gone."""

    def orphan(part: Part) -> bool:
        return bool(part.process_id) and site.servers.lost(part.hostname, part.process_id, module_of(delivery))

    due = delivery.due_parts(now)
    return bool(due) and all(map(orphan, due))


def _copy_stale(delivery: Delivery, site: Site, now: datetime) -> bool:
    """Tell whether what is known of a delivery elsewhere is not refreshed, be it that the workflow does not run."""
    workflow = site.workflows.get(COPIER)
    if delivery.mode != DeliveryMode.MID_SOURCING or workflow is None:
        return False
    overdue = workflow.next_run is not None and workflow.next_run < now - _COPIER_PATIENCE
    old = site.last_copy is not None and site.last_copy < now - _COPY_PATIENCE
    return site.down("wfserver") or workflow.failed or workflow.at_rest or overdue or old


_Test = Callable[[Delivery, Site, datetime], bool]

_LAUNCHED = PENDING | SENDING  # what keeps a delivery from starting stops one that is being sent as well
_UNLAUNCHED = frozenset(PREPARATION)
_START = frozenset({State.START_PENDING})
_PREPARED = frozenset({State.MESSAGE_READY, State.READY})
_SIGNS = frozenset({Cause.PREPARATION_STUCK, Cause.MID_SOURCING_LAG})  # of standing still, and no reason to

_TABLE: tuple[tuple[Cause, frozenset[State], _Test], ...] = (
    (Cause.SCHEDULED, _START, lambda d, _s, now: d.contact > now),
    (Cause.WAITING_WAVE, _LAUNCHED, lambda d, _s, now: _waiting(d, now) and not _tried(d)),
    (Cause.WAITING_RETRY, _LAUNCHED, lambda d, s, now: (_waiting(d, now) and _tried(d)) or _retried_elsewhere(d, s, now)),
    (Cause.VALIDITY_EXPIRED, _LAUNCHED, _expired),
    (Cause.ACCOUNT_INACTIVE, _LAUNCHED, _account_inactive),
    (Cause.MTA_DOWN, _LAUNCHED, lambda d, s, _now: d.automatic and s.down(module_of(d))),
    (Cause.STAT_SERVER_DOWN, _LAUNCHED, _stat_down),
    (Cause.AFFINITY_UNCONFIGURED, _LAUNCHED, _affinity_unconfigured),
    (Cause.AFFINITY_HOST_DOWN, _LAUNCHED, _affinity_host_down),
    (Cause.CONCURRENCY_LIMIT, _UNLAUNCHED, lambda d, s, now: d.in_campaign and s.limit_reached(d, now)),
    (Cause.WORKFLOW_ENGINE_DOWN, _UNLAUNCHED, _engine_down),
    (Cause.AWAITING_APPROVAL, _PREPARED, lambda d, _s, _now: bool(d.approvals)),
    (Cause.PREPARATION_STUCK, IN_PREPARATION - {State.TARGET_READY}, _preparation_stuck),
    (Cause.DATABASE_BLOCKED, _LAUNCHED, lambda _d, s, _now: s.blocked_since is not None),
    (Cause.PARTS_MISSING, _START, lambda d, _s, _now: d.automatic and not d.parts),
    (Cause.PARTS_ORPHANED, PENDING, _orphaned),
    (Cause.MID_SOURCING_LAG, PENDING, _copy_stale),
)
