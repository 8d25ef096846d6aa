"""What has changed since the last write, for the store."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from campaign_simulator.model import Account, Delivery, Part, SendingStat, Typology
from campaign_simulator.vocabulary import DOMAINS, LogStatus, UrlType, WorkflowState, domain_of

_WRAP = 2**31  # keys are 32 bits wide
_NEAR_WRAP = _WRAP - 1_000_000


@dataclass(frozen=True)
class LogRange:
    """Delivery logs that a preparation made, with consecutive ids."""

    delivery_id: int
    first: int
    count: int
    made: datetime


@dataclass(frozen=True)
class Outcome:
    """What became of one message in one attempt."""

    log_id: int
    status: LogStatus
    message_id: int  # NmsBroadLogMsg: the mail server's answer, 0 for none
    when: datetime


@dataclass(frozen=True)
class Url:
    """A tracked link of a delivery (NmsTrackingUrl)."""

    url_id: int
    delivery_id: int
    kind: UrlType


@dataclass(frozen=True)
class TrackingLog:
    """One open or click (NmsTrackingLogRcp)."""

    tracking_log_id: int
    log_id: int
    delivery_id: int
    url_id: int
    when: datetime
    opt_out: bool


@dataclass
class TrackingStat:
    """Opens or clicks of one link in five minutes (NmsTrackingStats)."""

    stats_id: int
    delivery_id: int
    url_id: int
    start: datetime
    clicks: int = 0


@dataclass
class Workflow:
    """A workflow (XtkWorkflow)."""

    workflow_id: int
    name: str
    state: int
    operation_id: int = 0
    failed: bool = False
    last_run: datetime | None = None
    next_run: datetime | None = None

    @property
    def at_rest(self) -> bool:
        """Whether it is edited, paused or stopped."""
        return self.state in {WorkflowState.EDITED, WorkflowState.PAUSED, WorkflowState.STOPPED}


@dataclass(frozen=True)
class WorkflowLog:
    """A line of a workflow's journal (XtkWorkflowLog)."""

    log_id: int
    workflow_id: int
    when: datetime
    message: str
    error: bool = False


@dataclass(frozen=True)
class JobLog:
    """A line of a delivery's journal (XtkJobLog)."""

    log_id: int
    delivery_id: int
    when: datetime
    message: str


@dataclass(frozen=True)
class Option:
    """An option of the instance (XtkOption)."""

    name: str
    text: str | None = None
    number: int = 0
    moment: datetime | None = None


@dataclass
class SmtpStat:
    """Connections from an address of ours to a mail server in five minutes (NmsEmailErrorStat), and the last reply."""

    date: datetime
    mx: int
    public_id: int
    connections: int = 0
    message: int = 0
    refused: int = 0
    timeout: int = 0
    sent: int = 0
    reply: tuple[int, str] | None = None
    last: datetime | None = None

    @property
    def unconnected(self) -> int:
        """Connections that came to nothing."""
        return self.refused + self.timeout


@dataclass(frozen=True)
class AddressError:
    """An error of the recipient whom a delivery log is about (NmsAddress)."""

    log_id: int
    reason: int
    when: datetime


@dataclass
class Journal:
    """Changes by kind; those of one row replace each other, so that a failed write can be repeated."""

    deliveries: dict[int, Delivery] = field(default_factory=dict)
    parts: dict[int, Part] = field(default_factory=dict)
    removed_parts: set[int] = field(default_factory=set)
    log_ranges: list[LogRange] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    stats: dict[tuple[datetime, int], SendingStat] = field(default_factory=dict)
    smtp_stats: dict[tuple[datetime, int, int], SmtpStat] = field(default_factory=dict)
    address_errors: dict[int, AddressError] = field(default_factory=dict)
    urls: list[Url] = field(default_factory=list)
    tracking_logs: list[TrackingLog] = field(default_factory=list)
    tracking_stats: dict[int, TrackingStat] = field(default_factory=dict)
    workflows: dict[int, Workflow] = field(default_factory=dict)
    workflow_logs: list[WorkflowLog] = field(default_factory=list)
    job_logs: list[JobLog] = field(default_factory=list)
    options: dict[str, Option] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    typologies: dict[int, Typology] = field(default_factory=dict)
    #: What became of messages since the database was made, by status, answer and domain: this one is not forgotten.
    fates: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def prepared(self, made: LogRange) -> None:
        """Note that messages wait to be sent."""
        self.log_ranges.append(made)
        for place, domain in enumerate(DOMAINS[(made.first + place) % len(DOMAINS)] for place in range(len(DOMAINS))):
            self.fates[LogStatus.PENDING, 0, domain] += (made.count - place + len(DOMAINS) - 1) // len(DOMAINS)

    def settled(self, outcomes: Iterable[Outcome]) -> None:
        """Note what became of messages."""
        for outcome in outcomes:
            self.outcomes.append(outcome)
            self.fates[outcome.status, outcome.message_id, domain_of(outcome.log_id)] += 1

    def changed(self, delivery: Delivery) -> None:
        """Note that a delivery is new or not what it was."""
        self.deliveries[delivery.delivery_id] = delivery

    def changed_part(self, part: Part) -> None:
        """Note that a part is new or not what it was."""
        self.parts[part.part_id] = part
        self.removed_parts.discard(part.part_id)

    def removed_part(self, part: Part) -> None:
        """Note that a part is no more."""
        self.parts.pop(part.part_id, None)
        self.removed_parts.add(part.part_id)


@dataclass
class Ids:
    """Keys of new rows: one sequence for most tables, others for logs, as in Campaign."""

    shared: int = 20_000
    log: int = 1
    tracking_log: int = 1
    near_wrap: bool = False  # the database's sequence is far ahead of us

    @property
    def sequence(self) -> int:
        """What the shared sequence stands at."""
        return min(_WRAP - 1, _NEAR_WRAP + self.shared) if self.near_wrap else self.shared

    def next(self) -> int:
        """Return a key from the shared sequence (XtkNewId)."""
        self.shared += 1
        return self.shared

    def logs(self, count: int) -> range:
        """Return keys for delivery logs."""
        first = self.log
        self.log += count
        return range(first, first + count)

    def next_tracking_log(self) -> int:
        """Return a key for a tracking log."""
        self.tracking_log += 1
        return self.tracking_log


def part_ranges(logs: range | list[int], size: int) -> Iterator[range | list[int]]:
    """Cut logs into parts."""
    for start in range(0, len(logs), size):
        yield logs[start : start + size]
