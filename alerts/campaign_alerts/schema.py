"""What may stand in values.yaml: each key with its type and its bounds."""

import re
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from campaign_alerts.durations import duration, seconds
from campaign_alerts.rule import Team
from campaign_exporter import sections
from campaign_exporter.catalogue import DELIVERY_START_DELAY
from campaign_exporter.config import HttpUrl

#: A password in a connection string or in an address.
_PASSWORD = re.compile(r"password\s*=|://[^/@\s]*:[^@\s]*@", re.IGNORECASE)
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST = 200


def _span(least: str, most: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        text = value if isinstance(value, str) else ""
        if not seconds(least) <= seconds(text) <= seconds(most):
            raise ValueError(f"must be from {least} to {most}")
        return text

    return check


def _number(least: float, most: float) -> Callable[[object], float]:
    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return value

    return check


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("must be a whole number from 1 up")
    return value


def _share(value: object) -> float:
    if not isinstance(value, float) or not 0 < value < 1:
        raise ValueError("must be a share between 0 and 1, such as 0.12 for 12 %")
    return value


def _bound(value: str) -> str:
    if seconds(value) not in DELIVERY_START_DELAY.buckets:
        known = ", ".join(duration(bound) for bound in DELIVERY_START_DELAY.buckets)
        raise ValueError(f"must be one of the bounds of {DELIVERY_START_DELAY.name}: {known}")
    return value


def _base(address: str) -> str:
    if set("?#'\"`\\{}$ ") & set(address):
        raise ValueError("must be the address before what the rules append: without ?, #, quotes, $ and braces")
    return address.rstrip("/")


def _word(value: str) -> str:
    """Accept what can stand between quotes in an expression, and in the template of an annotation."""
    if not 0 < len(value) <= _LONGEST or not value.isprintable() or set("'\"`\\{}$") & set(value):
        raise ValueError(f"must have 1 to {_LONGEST} printable characters, without quotes, \\, $ and braces")
    return value


def _path(value: str) -> str:
    if " " in _word(value):
        raise ValueError("must not hold spaces: it stands in commands")
    return value


def _uid(value: str) -> str:
    if not _UID.fullmatch(value):
        raise ValueError("must be a uid of Grafana: up to 40 letters, digits, - and _")
    return value


def _command(value: str) -> str:
    if not value.strip() or not value.isprintable() or "{{" in value or "}}" in value:
        raise ValueError("must be a command on one line, without {{ and }}")
    if _PASSWORD.search(value):
        raise ValueError("must not hold a password, since notifications show it: put it into ~/.pgpass")
    return value


Wait = Annotated[str, BeforeValidator(_span("0s", "1d"))]
Span = Annotated[str, BeforeValidator(_span("1s", "30d"))]
#: Prometheus forgets what has not been written for five minutes.
Interval = Annotated[str, BeforeValidator(_span("1s", "5m"))]
Count = Annotated[int, BeforeValidator(_count)]
Share = Annotated[float, BeforeValidator(_share)]
Factor = Annotated[int | float, BeforeValidator(_number(1, 100))]
BaseUrl = Annotated[HttpUrl, AfterValidator(_base)]
Word = Annotated[str, AfterValidator(_word)]
Path = Annotated[str, AfterValidator(_path)]
Uid = Annotated[str, AfterValidator(_uid)]


class Section(sections.Section):
    """A mapping of the file. Its keys have the names that stand there, and no others."""

    model_config = ConfigDict(populate_by_name=False)


class Cause(Section):
    """How grave a cause of waiting is, and who fixes it."""

    severity: Literal["critical", "warning", "info", "never"]
    team: Team | None = None

    @model_validator(mode="after")
    def _owned(self) -> Self:
        if self.team is None and self.severity != "never":
            raise ValueError("lacks the key team: add platform, campaign or deliverability, or nobody is told")
        return self


def _in_order(cause: Cause) -> Cause:
    if cause.severity != "never":
        raise ValueError("must have the severity never: such deliveries wait as planned")
    return cause


InOrder = Annotated[Cause, AfterValidator(_in_order)]


class Causes(Section):
    """Each cause of waiting that the exporter tells."""

    scheduled: InOrder
    waiting_wave: InOrder
    waiting_retry: InOrder
    validity_expired: Cause
    account_inactive: Cause
    mta_down: Cause
    stat_server_down: Cause
    affinity_unconfigured: Cause
    affinity_host_down: Cause
    concurrency_limit: Cause
    workflow_engine_down: Cause
    awaiting_approval: Cause
    preparation_stuck: Cause
    database_blocked: Cause
    parts_missing: Cause
    parts_orphaned: Cause
    mid_sourcing_lag: Cause
    unknown: Cause


class Lasting(Section):
    """An alert that fires once its condition has lasted for a while."""

    wait: Annotated[Wait, Field(alias="for")]


class LastingRange(Lasting):
    """The same, of what is seen over a range."""

    range: Span


class _Stalled(Lasting):
    after: Span
    others: Span
    minimum_messages: Count


class _ThroughputStalled(Lasting):
    after: Span
    onset: Span
    minimum_messages: Count


class _ThroughputLow(Lasting):
    busy_messages: Count
    baseline: Span
    baseline_at_least: Span
    share: Share


class _ErrorsHigh(LastingRange):
    share: Share
    minimum_messages: Count


class _Complaints(_ErrorsHigh):
    usual: Span


class _SoftBounces(_Complaints):
    minimum_at_domain: Count


class _DomainRefusing(LastingRange):
    share: Share
    minimum_attempts: Count


class _TrackingStalled(LastingRange):
    age: Span
    minimum_messages: Count


class _Failed(Section):
    range: Span


class _Burn(Section):
    long: Span
    short: Span
    burn: Factor
    minimum_deliveries: Count


class _StartsLate(Section):
    interval: Interval
    within: Annotated[Span, AfterValidator(_bound)]
    late_share: Share
    fast: _Burn
    slow: _Burn


class _WillMissValidity(Lasting):
    minimum_messages: Count
    page_within: Span
    for_later: Wait


class _Together(Lasting):
    takes: Span


class _AllDown(Lasting):
    last_seen_up: Span


class _Others(Lasting):
    for_others: Wait


class _Restarting(Section):
    range: Span
    restarts: Count


class _Blocked(LastingRange):
    wait_: Annotated[Span, Field(alias="wait")]


class _Workflow(Lasting):
    late: Span


class _Preparation(Lasting):
    after: Span


class _Older(Lasting):
    older_than: Span


class _WorkTables(Lasting):
    tables: Count


class _Sequence(Lasting):
    share: Share


class _Transaction(Lasting):
    after: Span
    after_at_work: Span


class _Events(Lasting):
    minimum_events: Count
    share: Share


class _ExporterDown(Lasting):
    remembered: Span
    for_nothing: Wait


class _DataStale(Lasting):
    intervals: Factor
    slack: Wait


class _Certificate(Lasting):
    before: Span


class _Connections(Lasting):
    share: Share
    minimum_connections: Count


class _Size(LastingRange):
    bytes: Count
    minimum_messages: Count


class _LogErrors(Section):
    range: Span
    lines: Count


class _Disk(Lasting):
    warning: Share
    alert: Share


class Alerts(Section):
    """The settings of each alert."""

    CampaignDeliveryStuckPending: Lasting
    CampaignPreparationStuck: _Preparation
    CampaignDeliveryStalled: _Stalled
    CampaignThroughputStalled: _ThroughputStalled
    CampaignThroughputLow: _ThroughputLow
    CampaignDeliveryErrorsHigh: _ErrorsHigh
    CampaignHardBouncesHigh: _ErrorsHigh
    CampaignSoftBouncesHigh: _SoftBounces
    CampaignComplaintsHigh: _Complaints
    CampaignDomainRefusing: _DomainRefusing
    CampaignTrackingStalled: _TrackingStalled
    CampaignDeliveryFailed: _Failed
    CampaignDeliveryStartsLate: _StartsLate
    CampaignDeliveryWillMissValidity: _WillMissValidity
    CampaignLargeDeliveriesTogether: _Together
    CampaignAllMtasDown: _AllDown
    CampaignMtaDown: Lasting
    CampaignProcessMissing: _Others
    CampaignHostUnobserved: LastingRange
    CampaignProcessMemoryHigh: LastingRange
    CampaignProcessRestarting: _Restarting
    CampaignServerConfigurationFault: Lasting
    CampaignIpAffinityUnconfigured: Lasting
    CampaignIpAffinityHostDown: LastingRange
    CampaignIpAffinityInconsistent: Lasting
    CampaignIpAffinityLatent: Lasting
    CampaignDatabaseUnreachable: Lasting
    CampaignDatabaseBlocked: _Blocked
    CampaignEndpointDown: _Others
    CampaignImageUnavailable: Lasting
    CampaignCertificateExpiring: _Certificate
    CampaignSmtpConnectionsFailing: _Connections
    CampaignMessageSizeHigh: _Size
    CampaignTemporaryFilesOnOtherDevice: Lasting
    CampaignMtaLogErrors: _LogErrors
    CampaignCoreDumped: Lasting
    CampaignDiskFull: _Disk
    CampaignWorkflowFailed: _Workflow
    CampaignCleanupFailing: _Older
    CampaignMidSourcingCopyStale: _Older
    CampaignWorkTablesOrphaned: _WorkTables
    CampaignSequenceNearLimit: _Sequence
    CampaignTransactionTooLong: _Transaction
    CampaignEventQueueStuck: _Events
    CampaignExporterDown: _ExporterDown
    CampaignExporterDataStale: _DataStale
    CampaignExporterCollectorFailing: Lasting
    CampaignExporterCollectorUnavailable: Lasting
    CampaignExporterOverBudget: LastingRange


class DashboardUids(Section):
    """The uid of each dashboard that alerts link."""

    overview: Uid
    deliveries: Uid
    hosts: Uid
    throughput: Uid
    load: Uid
    deliverability: Uid
    tracking: Uid
    hygiene: Uid
    exporter: Uid


class File(Section):
    """The whole file."""

    runbooks: BaseUrl
    dashboards: BaseUrl
    dashboard_uids: DashboardUids
    job: Word
    configuration_file: Path
    psql: Annotated[str, AfterValidator(_command)]
    scrape_interval: Interval
    interval: Interval
    window: Span
    keep_firing_for: Wait
    keep_root_firing_for: Wait
    causes: Causes
    alerts: Alerts
