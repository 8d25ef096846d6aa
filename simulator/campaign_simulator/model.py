"""What the simulator knows of deliveries: the rows that it writes, before they are rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaign_simulator.vocabulary import (
    AUTOMATIC_CHANNELS,
    Approval,
    Channel,
    DeliveryMode,
    FailureReason,
    Priority,
    State,
)

PART_SIZE = 256  # Adobe: at most 256 recipients a part
VALIDITY = timedelta(days=5)  # Adobe's default for email


@dataclass(frozen=True)
class Typology:
    """A set of rules that deliveries obey (NmsTypology)."""

    typology_id: int
    name: str
    affinity: str | None = None


@dataclass
class Account:
    """An external account of type routing (NmsExtAccount)."""

    account_id: int
    name: str
    channel: Channel
    active: bool = True
    mode: DeliveryMode = DeliveryMode.MASS


@dataclass
class Part:
    """Messages of a delivery that are sent together (NmsDeliveryPart)."""

    part_id: int
    delivery_id: int
    logs: Sequence[int]  # ids of the delivery logs
    next_pass: datetime
    retry: int = 0
    process_id: int = 0
    hostname: str | None = None
    sent: int = 0  # how many of the messages were tried in this pass

    def hold(self, hostname: str, process_id: int) -> None:
        """Give the part to a process."""
        self.hostname, self.process_id = hostname, process_id

    def release(self) -> None:
        """Take the part back from whatever held it."""
        self.hostname, self.process_id = None, 0


@dataclass
class Tracking:
    """What recipients did (the tracking counters of NmsDelivery)."""

    openers: int = 0
    opens: int = 0
    clickers: int = 0
    clicks: int = 0
    opt_outs: int = 0
    mirror_pages: int = 0


@dataclass
class Delivery:
    """A delivery (NmsDelivery)."""

    delivery_id: int
    internal_name: str
    label: str
    created: datetime
    contact: datetime
    channel: Channel = Channel.EMAIL
    mode: DeliveryMode = DeliveryMode.MASS
    state: State = State.BEING_EDITED
    size: int = 0  # messages that the preparation will find
    message_bytes: float = 40_000.0  # Adobe advises at most 60 kB a mail
    affinity: str | None = None
    typology: Typology | None = None
    account: Account | None = None
    operation_id: int = 0
    workflow_id: int = 0
    verify_mode: int = 0  # 1: simulated, not really sent
    priority: Priority = Priority.NORMAL
    mid_remote_id: int = 0  # its id on the mid-sourcing server
    approvals: frozenset[Approval] = frozenset()  # that are still to be given
    held: bool = False  # it stays where it is, and no table says why
    clue: str | None = None  # what there is to be found beside its own rows, such as job-log:quota
    modified: datetime | None = None
    validity: datetime | None = None
    ready_at: datetime | None = None  # when the next step of the preparation ends
    started: datetime | None = None
    broad_start: datetime | None = None
    broad_end: datetime | None = None
    parts: dict[int, Part] = field(default_factory=dict)
    softly_bounced: list[int] = field(default_factory=list)  # ids of the logs to try again
    retries: int = 0
    to_deliver: int = 0
    success: int = 0
    error: int = 0
    rejected: int = 0  # left out by rules when it was prepared
    new_quarantine: int = 0
    reasons: dict[FailureReason, int] = field(default_factory=dict)
    tracking: Tracking = field(default_factory=Tracking)

    @property
    def automatic(self) -> bool:
        """Whether this instance's own processes send it, part by part."""
        return self.channel in AUTOMATIC_CHANNELS and self.mode == DeliveryMode.MASS

    @property
    def in_campaign(self) -> bool:
        """Whether it belongs to a campaign: it counts against the limit of concurrent jobs."""
        return bool(self.operation_id)

    @property
    def by_workflow(self) -> bool:
        """Whether workflows are to launch it, a campaign's or others."""
        return bool(self.operation_id or self.workflow_id)

    @property
    def processed(self) -> int:
        """Messages whose fate is settled."""
        return self.success + self.error

    @property
    def remaining(self) -> int:
        """Messages whose fate is not settled."""
        return self.to_deliver - self.processed

    @property
    def effective_affinity(self) -> str | None:
        """The delivery's own IP affinity, else its typology's."""
        return self.affinity or (self.typology.affinity if self.typology else None)

    @property
    def next_pass(self) -> datetime | None:
        """When the next of its parts may be sent; none without parts."""
        return min((part.next_pass for part in self.parts.values()), default=None)

    def due_parts(self, now: datetime) -> list[Part]:
        """Return the parts that may be sent now."""
        return [part for part in self.parts.values() if part.next_pass <= now]


@dataclass
class SendingStat:
    """Messages of a delivery in ten minutes (NmsDeliveryStat)."""

    date: datetime
    delivery_id: int
    verify_mode: int
    first_success: int = 0
    first_error: int = 0
    retries_success: int = 0
    retries_error: int = 0
    volume: float = 0.0  # bytes
