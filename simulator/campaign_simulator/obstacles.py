"""What keeps a delivery from going on: the engine obeys it, and the truth tells it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from campaign_simulator.model import Delivery
from campaign_simulator.vocabulary import MODULE_OF_CHANNEL, PENDING, SENDING, Cause, Channel, State


class Servers(Protocol):
    """The servers of the instance, as far as sending depends on them."""

    def expected_on(self, module: str) -> Collection[str]:
        """Return the hosts that are to run a module."""

    def running_on(self, module: str) -> Collection[str]:
        """Return the hosts that run a module."""

    def process_id(self, host: str, module: str) -> int:
        """Return the process id of a module that runs on a host."""

    def declaring(self, affinity: str) -> Collection[str]:
        """Return the hosts whose configuration declares an IP affinity."""


@dataclass
class Site:
    """What deliveries depend on besides themselves."""

    servers: Servers
    campaign_workflows: int = 2
    concurrency_limit: int = 10
    failed_workflows: set[str] = field(default_factory=set)
    blocked_tables: set[str] = field(default_factory=set)
    stalled: bool = False  # the mta is up and takes nothing

    @property
    def database_blocked(self) -> bool:
        """Whether tables that sending needs are locked."""
        return any(table.startswith(_SENDING_TABLES) for table in self.blocked_tables)


_SENDING_TABLES = ("nmsdelivery", "nmsbroadlog", "xtkworkflow")
_LAUNCHERS = frozenset({"operationMgt", "deliveryMgt"})


def obstacle(delivery: Delivery, site: Site, now: datetime) -> Cause | None:
    """Return the first cause that keeps a delivery where it is; none if it can go on, or is where it should be."""
    if delivery.state in PENDING | SENDING:
        return next((cause for cause, holds in _SENDING_CAUSES if holds(delivery, site, now)), None)
    if State.TARGETING_PENDING <= delivery.state <= State.READY:
        return next((cause for cause, holds in _PREPARATION_CAUSES if holds(delivery, site, now)), None)
    return None


def module_of(delivery: Delivery) -> str:
    """Return the module that sends a delivery's channel."""
    return MODULE_OF_CHANNEL.get(delivery.channel, "mta")


def _waiting(delivery: Delivery, now: datetime) -> bool:
    """Tell whether every part is still to come."""
    return bool(delivery.parts) and not delivery.due_parts(now)


def _retrying(delivery: Delivery) -> bool:
    return delivery.state == State.RETRY_PENDING or delivery.processed > 0


def _module_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    module = module_of(delivery)
    return delivery.automatic and bool(site.servers.expected_on(module)) and not site.servers.running_on(module)


def _stat_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    servers = site.servers
    return _by_email(delivery) and bool(servers.expected_on("stat")) and not servers.running_on("stat")


def _affinity_unconfigured(delivery: Delivery, site: Site, _now: datetime) -> bool:
    affinity = delivery.effective_affinity
    return _by_email(delivery) and bool(affinity) and not site.servers.declaring(affinity or "")


def _affinity_host_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    affinity = delivery.effective_affinity
    if not (_by_email(delivery) and affinity):
        return False
    return not set(site.servers.declaring(affinity)) & set(site.servers.running_on("mta"))


def _by_email(delivery: Delivery) -> bool:
    return delivery.automatic and delivery.channel == Channel.EMAIL


def _orphaned(delivery: Delivery, _site: Site, _now: datetime) -> bool:
    """Tell whether every part is held, though nobody is sending: its process is dead."""
    return delivery.state in PENDING and bool(delivery.parts) and all(part.process_id for part in delivery.parts.values())


def _engine_down(delivery: Delivery, site: Site, _now: datetime) -> bool:
    servers = site.servers
    down = bool(servers.expected_on("wfserver")) and not servers.running_on("wfserver")
    down = down or bool(site.failed_workflows & _LAUNCHERS)
    return bool(delivery.operation_id) and down


_Test = Callable[[Delivery, Site, datetime], bool]

_SENDING_CAUSES: tuple[tuple[Cause, _Test], ...] = (
    (Cause.SCHEDULED, lambda d, _s, now: d.state == State.START_PENDING and d.contact > now),
    (Cause.WAITING_RETRY, lambda d, _s, now: _waiting(d, now) and _retrying(d)),
    (Cause.WAITING_WAVE, lambda d, _s, now: _waiting(d, now)),
    (Cause.VALIDITY_EXPIRED, lambda d, _s, now: d.validity is not None and d.validity <= now),
    (Cause.ACCOUNT_INACTIVE, lambda d, _s, _now: d.account is not None and not d.account.active),
    (Cause.MTA_DOWN, _module_down),
    (Cause.STAT_SERVER_DOWN, _stat_down),
    (Cause.AFFINITY_UNCONFIGURED, _affinity_unconfigured),
    (Cause.AFFINITY_HOST_DOWN, _affinity_host_down),
    (Cause.DATABASE_BLOCKED, lambda _d, s, _now: s.database_blocked),
    (
        Cause.PARTS_MISSING,
        lambda d, _s, _now: d.automatic and d.state == State.START_PENDING and not d.parts,
    ),
    (Cause.PARTS_ORPHANED, _orphaned),
    (Cause.UNKNOWN, lambda _d, s, _now: s.stalled),
)

_PREPARATION_CAUSES: tuple[tuple[Cause, _Test], ...] = (
    (
        Cause.CONCURRENCY_LIMIT,
        lambda d, s, _now: bool(d.operation_id) and s.campaign_workflows >= s.concurrency_limit,
    ),
    (Cause.WORKFLOW_ENGINE_DOWN, _engine_down),
    (Cause.AWAITING_APPROVAL, lambda d, _s, _now: d.needs_approval and d.state == State.READY),
    (Cause.PREPARATION_STUCK, lambda d, _s, _now: d.preparation_held),
)
