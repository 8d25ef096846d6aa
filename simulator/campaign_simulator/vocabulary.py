"""The numbers of Adobe Campaign that the simulator writes; the documentation gives each of them."""

from enum import IntEnum, StrEnum


class State(IntEnum):
    """Delivery states (NmsDelivery.iState)."""

    BEING_EDITED = 0
    TARGETING_PENDING = 11
    COUNTING_IN_PROGRESS = 12
    ARBITRATION_IN_PROGRESS = 13
    TARGET_READY = 15
    PERSONALIZATION_PENDING = 21
    PERSONALIZATION_IN_PROGRESS = 22
    MESSAGE_READY = 25
    PREPARATION_ERROR = 37
    READY = 45
    START_PENDING = 51
    IN_PROGRESS = 55
    RETRY_PENDING = 61
    RETRY_IN_PROGRESS = 62
    PAUSED = 75
    STOPPED = 85
    FAILED = 87
    FINISHED = 95


PREPARATION = (
    State.TARGETING_PENDING,
    State.COUNTING_IN_PROGRESS,
    State.ARBITRATION_IN_PROGRESS,
    State.TARGET_READY,
    State.PERSONALIZATION_PENDING,
    State.PERSONALIZATION_IN_PROGRESS,
    State.MESSAGE_READY,
    State.READY,
)
IN_PREPARATION = frozenset(PREPARATION) - {State.MESSAGE_READY, State.READY}  # what counts against the concurrency limit
PENDING = frozenset({State.START_PENDING, State.RETRY_PENDING})
SENDING = frozenset({State.IN_PROGRESS, State.RETRY_IN_PROGRESS})


class Channel(IntEnum):
    """Channels (NmsDelivery.iMessageType)."""

    EMAIL = 0
    SMS = 1
    DIRECT_MAIL = 3
    IOS = 41
    ANDROID = 42


class DeliveryMode(IntEnum):
    """Who sends (NmsDelivery.iDeliveryMode)."""

    EXTERNAL = 0
    MASS = 1
    MID_SOURCING = 4


#: Domains of the recipients. Addresses below .example never belong to anybody.
DOMAINS = ("mail.example", "post.example", "free.example", "web.example")


def domain_of(log_id: int) -> str:
    """Return the domain of the recipient whom a delivery log is about."""
    return DOMAINS[log_id % len(DOMAINS)]


class LogStatus(IntEnum):
    """Statuses of a delivery log (NmsBroadLogRcp.iStatus) whose numbers are documented."""

    SENT = 1
    FAILED = 2
    PENDING = 6
    CANCELLED = 7


class FailureType(IntEnum):
    """Kinds of failure (NmsBroadLogMsg.iFailureType)."""

    SOFT = 1
    HARD = 2


class FailureReason(IntEnum):
    """Reasons of failure (NmsBroadLogMsg.iFailureReason), of those that a mail server's answer or a complaint leads to."""

    USER_UNKNOWN = 1
    INVALID_DOMAIN = 2
    UNREACHABLE = 3
    MAILBOX_FULL = 5
    DENYLISTED = 8
    REFUSED = 20


class UrlType(IntEnum):
    """What a tracked link is for (NmsTrackingUrl.iType)."""

    CLICK = 1
    OPEN = 2
    OPT_OUT = 3
    MIRROR_PAGE = 6


class WorkflowState(IntEnum):
    """Workflow states (XtkWorkflow.iState)."""

    EDITED = 0
    STARTED = 11
    PAUSED = 13
    STOPPED = 20


class Approval(StrEnum):
    """What can have to be approved before a delivery (NmsDelivery.iUse*Validation)."""

    CONTENT = "content"
    TARGET = "target"
    EXTRACTION = "extraction"
    BUDGET = "budget"
    FCP = "fcp"


class Priority(IntEnum):
    """Delivery priorities (NmsDelivery.iPriority, iMsgPriority); the number of a low one is not documented."""

    LOW = 0
    NORMAL = 10
    HIGH = 20


class Cause(StrEnum):
    """Why a delivery is not being sent, in order of precedence; `unknown` where no documented cause applies."""

    SCHEDULED = "scheduled"
    WAITING_WAVE = "waiting_wave"
    WAITING_RETRY = "waiting_retry"
    VALIDITY_EXPIRED = "validity_expired"
    ACCOUNT_INACTIVE = "account_inactive"
    MTA_DOWN = "mta_down"
    STAT_SERVER_DOWN = "stat_server_down"
    AFFINITY_UNCONFIGURED = "affinity_unconfigured"
    AFFINITY_HOST_DOWN = "affinity_host_down"
    CONCURRENCY_LIMIT = "concurrency_limit"
    WORKFLOW_ENGINE_DOWN = "workflow_engine_down"
    AWAITING_APPROVAL = "awaiting_approval"
    PREPARATION_STUCK = "preparation_stuck"
    DATABASE_BLOCKED = "database_blocked"
    PARTS_MISSING = "parts_missing"
    PARTS_ORPHANED = "parts_orphaned"
    MID_SOURCING_LAG = "mid_sourcing_lag"
    UNKNOWN = "unknown"


AUTOMATIC_CHANNELS = frozenset({Channel.EMAIL, Channel.SMS, Channel.IOS, Channel.ANDROID})
MODULE_OF_CHANNEL = {Channel.SMS: "sms"}  # every other channel goes through the mta
