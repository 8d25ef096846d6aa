"""The facts that a diagnosis stands on. None always means: cannot be told."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from campaign_exporter.domain.deliveries import CHANNELS_OUTSIDE_MTA, MODES_OF_OTHERS, SMS
from campaign_exporter.domain.workflows import Workflow

#: Campaign's own limit for a delivery in preparation, where serverConf.xml gives no other (maxPreparationJobsSec).
PREPARATION_SECONDS = 3600.0
#: A delivery that is not launched so long after its contact date is no longer waited for, where option
#: NmsOperation_DeliveryPreparationWindow says nothing else: seven days.
LAUNCH_WINDOW_SECONDS = 7 * 86400.0
#: Sessions that wait for longer than this on a sending table hang the sending.
BLOCKED_SECONDS = 300.0

#: What a copy from a mid-sourcing server may be old. Adobe gives no number; this one is ours, above the longest period that its
#: documents name for the workflow, an hour and twenty minutes.
COPY_SECONDS = 7200.0


class Holder(NamedTuple):
    """A process that parts are given to, by the name of its server (NmsDeliveryPart.sHostname, iProcessId)."""

    hostname: str
    process_id: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What is prepared to be sent (NmsDeliveryPart): whether there is any, and the earliest next pass.

    `next_pass` is in seconds since the epoch; None with parts there means that one is due without a date. `holders` are the
    processes that hold the due parts, if all that were looked at are held; empty where one is free or none is due.
    """

    exist: bool
    next_pass: float | None = None
    holders: frozenset[Holder] | None = None

    def all_later_than(self, now: float) -> bool:
        """Tell whether every part's next pass is still to come."""
        return self.exist and self.next_pass is not None and self.next_pass > now


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, as the database has it. Times are seconds since the epoch.

    `of_campaign`: a campaign (NmsOperation) is to launch it, `of_workflow`: a workflow is, of a campaign or not. `validations`
    are the approvals that are asked for before that.
    """

    delivery_id: int
    state: int | None
    label: str = ""
    mode: int | None = None
    channel: int | None = None
    contact: float | None = None
    validity: float | None = None
    modified: float | None = None
    to_deliver: int | None = None
    processed: int | None = None
    affinity: str | None = None
    account_active: bool | None = None
    parts: Parts | None = None
    of_campaign: bool | None = None
    of_workflow: bool | None = None
    validations: tuple[str, ...] | None = None

    @property
    def messages_waiting(self) -> int:
        """Messages that are still to be processed; 0 where Campaign has not counted them."""
        return max((self.to_deliver or 0) - (self.processed or 0), 0)

    def due_within(self, seconds: float, now: float) -> bool:
        """Tell whether the contact date has passed, and not longer ago than so many seconds."""
        return self.contact is not None and now - seconds <= self.contact <= now

    @property
    def sent_here(self) -> bool:
        """Whether processes of this very instance are to send it; False where that cannot be told."""
        if self.mode is None or self.channel is None:
            return False
        return self.mode not in MODES_OF_OTHERS and self.channel not in CHANNELS_OUTSIDE_MTA

    @property
    def launched_by_engine(self) -> bool:
        """Whether workflows are to launch it, be they a campaign's or not."""
        return bool(self.of_campaign or self.of_workflow)

    @property
    def module(self) -> str:
        """The nlserver module that sends this channel."""
        return "sms" if self.channel == SMS else "mta"


@dataclass(frozen=True, slots=True)
class Host:
    """One server that runs Campaign processes.

    `expected` are the modules that are to run there, `up` those known to run (True) or not (False), `affinities` the names
    that its configuration declares, `pids` the ids of all processes listed there, `lists_children` whether processes that the
    mta starts are among them, `preparation_seconds` how long its configuration lets a delivery be in preparation.
    """

    expected: frozenset[str] | None = None
    up: Mapping[str, bool] = field(default_factory=dict)
    affinities: frozenset[str] | None = None
    pids: frozenset[int] | None = None
    lists_children: bool = False
    preparation_seconds: float | None = None

    def may_run(self, module: str) -> bool:
        """Tell whether a module is to run here, or might be."""
        return self.expected is None or module in self.expected

    def knows_the_dead(self, module: str) -> bool:
        """Tell whether a process of a module that is not listed here is dead for sure.

        It is where the module is down. Else it may be a child of the mta, and whether `nlserver pdump` lists those is not
        documented: only a listing that shows some is taken to show them all.
        """
        return self.up.get(module) is False or (self.pids is not None and self.lists_children)

    def lives(self, process_id: int, module: str) -> bool | None:
        """Tell whether a process of a module lives here; None where it may be one that is not listed."""
        if self.up.get(module) is not False and process_id in (self.pids or ()):
            return True
        return False if self.knows_the_dead(module) else None


class ModuleStatus(Enum):
    """How a module stands over all hosts."""

    UP = "runs on at least one host"
    DOWN = "runs on none of the hosts that are to run it"
    NOT_EXPECTED = "no host is to run it"
    UNKNOWN = "a host that is to run it cannot be seen"


@dataclass(frozen=True, slots=True)
class CampaignJobs:
    """What counts against option NmsOperation_LimitConcurrency: campaign workflows at work, deliveries in preparation."""

    limit: int
    workflows: int
    preparing: frozenset[int] = frozenset()

    def besides(self, delivery_id: int) -> int:
        """Count the jobs that run, but for one delivery's own."""
        return self.workflows + len(self.preparing - {delivery_id})


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything around the deliveries at one moment.

    `flowing` are the affinities of which messages were processed within the last hour, `workflows` the technical ones by
    internal name, `last_copy` is the latest moment up to which deliveries were copied from a mid-sourcing server (option
    NmsMidSourcing_LastDelivery_<account>), None where that is not noted, `waits` how long in seconds sessions wait for each
    sending table of the database.
    """

    now: float
    hosts: Mapping[str, Host] = field(default_factory=dict)
    flowing: frozenset[str] = frozenset()
    role: str = "standalone"
    workflows: Mapping[str, Workflow] | None = None
    last_copy: float | None = None
    copy_seconds: float = COPY_SECONDS
    campaign_jobs: CampaignJobs | None = None
    waits: Mapping[str, float] | None = None
    blocked_seconds: float = BLOCKED_SECONDS
    launch_window_seconds: float = LAUNCH_WINDOW_SECONDS
    accounts_seen: bool = True
    typologies_seen: bool = True
    parts_seen: bool = True
    holders_seen: bool = True
    preparing_seen: bool = True

    @property
    def copy_stale(self) -> bool:
        """Whether nothing has been copied from any mid-sourcing server for too long, as far as that is noted."""
        return self.last_copy is not None and self.now - self.last_copy > self.copy_seconds

    def status(self, module: str) -> ModuleStatus:
        """Tell how a module stands; one host that cannot be seen leaves it unknown, unless it is seen to run elsewhere."""
        if any(host.up.get(module) for host in self.hosts.values()):
            return ModuleStatus.UP
        if not self.observed(module):
            return ModuleStatus.UNKNOWN
        return ModuleStatus.DOWN if self._to_run(module) else ModuleStatus.NOT_EXPECTED

    def observed(self, module: str) -> bool:
        """Tell whether each host that is to run a module is known."""
        return all(host.expected is not None and module in host.up for host in self.hosts.values() if host.may_run(module))

    def expected(self, module: str) -> bool:
        """Tell whether at least one host is known to be to run a module."""
        return bool(self._to_run(module))

    def configurations_known(self, module: str) -> bool:
        """Tell whether there are hosts to run a module, and what each of them declares is known."""
        hosts = [host for host in self.hosts.values() if host.may_run(module)]
        return bool(hosts) and all(host.affinities is not None for host in hosts)

    def declaring(self, affinity: str) -> tuple[Host, ...]:
        """List the hosts that declare an affinity. Names compare exactly, with case."""
        return tuple(host for host in self.hosts.values() if host.affinities and affinity in host.affinities)

    @property
    def preparation_seconds(self) -> float:
        """How long a delivery may be in preparation: the longest that a host allows, else Campaign's default."""
        return max((each.preparation_seconds or 0.0 for each in self.hosts.values()), default=0.0) or PREPARATION_SECONDS

    def hosts_to_run(self, module: str) -> tuple[str, ...]:
        """Name the hosts that are known to be to run a module."""
        return tuple(name for name, host in self.hosts.items() if host.expected is not None and module in host.expected)

    def host_called(self, hostname: str) -> Host | None:
        """Find a host by the name that Campaign gives it, the short or the long form of ours; None where two may be meant."""
        wanted = hostname.lower()
        exact = [host for name, host in self.hosts.items() if name.lower() == wanted]
        meant = exact or [host for name, host in self.hosts.items() if _short_and_long(name.lower(), wanted)]
        return meant[0] if len(meant) == 1 else None

    def _to_run(self, module: str) -> Iterable[Host]:
        return [host for host in self.hosts.values() if host.expected is not None and module in host.expected]


def _short_and_long(one: str, other: str) -> bool:
    """Tell whether one name is the other's first part. An address has no parts that name anything."""
    short, long = sorted((one, other), key=len)
    return "." not in short and long.partition(".")[0] == short and not _is_address(long)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
