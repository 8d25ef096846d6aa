"""What each statement is for: who asks it, and what is lost where it cannot be asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from campaign_exporter import catalogue, catalogue_hygiene, catalogue_outlook, catalogue_surroundings, message_metrics
from campaign_exporter.catalogue import METRICS
from campaign_exporter.doctor.check import listed
from campaign_exporter.sources import (
    deliverability_statements,
    delivery_statements,
    hygiene_statements,
    log_statements,
    outlook_statements,
    recipient_statements,
    statements,
    tracking_statements,
)
from campaign_exporter.sources.log_statements import OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import STATEMENTS


class Need(NamedTuple):
    """Which collectors (or `why`) ask, which of them `fail` without, which causes are then never named, what else is lost.

    `instead` is what to set where nobody can have it.
    """

    asked_by: tuple[str, ...]
    fails: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    words: str = ""
    instead: str = ""


#: The command that asks what no collector asks.
WHY = "why"

_PROGRESS = f"no {catalogue.MESSAGES_DUE.name}, {catalogue.DELIVERY_PROGRESS.name}: deliveries that stand still are not seen"

_AHEAD = f"no {catalogue_outlook.EXPECTED_END.name}, {catalogue_outlook.UPCOMING.name}: what comes is not seen ahead"
_NOT_COUNTED = f"no {message_metrics.MESSAGE_TRANSITIONS.name}, {message_metrics.MESSAGE_FAILURES.name} for the messages"
_NO_OWNER = "campaign_smtp_server_connections does not say who runs a mail server"
_COUNTERS = "throughput: {source: delivery_counters} for this instance"
_ADDRESSES = "no campaign_addresses_changed, campaign_addresses_by_status: quarantines are not counted"

#: By name of the statement; a statement that reads tables must be here, or nobody could say what it is for.
NEEDS: Mapping[str, Need] = {
    statements.DELIVERIES.name: Need(("deliveries",), ("deliveries",)),
    statements.DELIVERIES_IN_PROGRESS.name: Need(("deliveries",), words=_PROGRESS),
    statements.SENDING_DELIVERIES.name: Need(("pending", "affinity"), ("pending", "affinity")),
    statements.PREPARING_DELIVERIES.name: Need(
        ("pending",),
        causes=("concurrency_limit", "workflow_engine_down", "awaiting_approval", "preparation_stuck"),
        words=f"no {catalogue.PREPARATION_OLDEST.name}",
    ),
    statements.WORKFLOWS.name: Need(("pending",), causes=("workflow_engine_down", "mid_sourcing_lag")),
    statements.CAMPAIGN_WORKFLOWS.name: Need(("pending",), causes=("concurrency_limit",)),
    statements.TYPOLOGY_AFFINITIES.name: Need(
        ("pending", "affinity"), ("affinity",), ("affinity_unconfigured", "affinity_host_down")
    ),
    statements.ENUMERATED_AFFINITIES.name: Need(
        ("affinity",), words="campaign_ip_affinity_latent_definitions leaves out the values that users choose from"
    ),
    statements.INACTIVE_ACCOUNTS.name: Need(("pending",), causes=("account_inactive",)),
    statements.NEXT_PASSES.name: Need(
        ("pending", "deliveries", "outlook"),
        causes=("waiting_wave", "waiting_retry", "parts_missing", "parts_orphaned"),
        words=_PROGRESS,
    ),
    statements.HOLDERS.name: Need(("pending",), causes=("parts_orphaned",)),
    statements.FLOWING_AFFINITIES.name: Need(
        ("pending", "affinity"),
        words="which affinities mails went out under within the hour is told by NmsDelivery alone, less exactly",
    ),
    statements.SENDING_AFFINITIES.name: Need(("pending", "affinity"), ("pending", "affinity")),
    statements.OPTIONS.name: Need(
        ("pending", "hygiene"),
        causes=("concurrency_limit",),
        words="campaign_pending_alert_delay_seconds stays at Adobe's default of 30 minutes",
    ),
    statements.STAT_ROWS.name: Need(("throughput",), ("throughput",), instead=_COUNTERS),
    statements.THROUGHPUT_EVIDENCE.name: Need(("throughput",), ("throughput",), instead=_COUNTERS),
    statements.DELIVERY_COUNTERS.name: Need(("throughput",), ("throughput",)),
    log_statements.RECIPIENT_LOG.rows.name: Need(("messages",), ("messages",)),
    log_statements.RECIPIENT_LOG.crowd.name: Need(("messages",), ("messages",)),
    log_statements.RECIPIENT_LOG.domains.name: Need(
        ("messages",),
        words=f"no {message_metrics.MESSAGE_DOMAIN_RESULTS.name}: CampaignDomainRefusing cannot fire, and soft bounces are not"
        " judged by domain",
    ),
    log_statements.ANSWERS.name: Need(("messages",), ("messages",)),
    **{
        statement.name: Need(("messages",), words=f"{_NOT_COUNTED} of {log.table}")
        for log in log_statements.OTHER_LOGS
        for statement in (log.rows, log.crowd)
    },
    tracking_statements.TRACKING_COUNTERS.name: Need(("tracking",), ("tracking",)),
    tracking_statements.NEWEST_TRACKING_LOG.name: Need(
        ("tracking",), words="campaign_tracking_last_log_timestamp_seconds is not told: tracking that stands still is not seen"
    ),
    tracking_statements.TRACKED_DELIVERIES.name: Need(
        ("tracking",),
        words="no campaign_deliveries_started_recently: mails without a tracked link are not seen",
        instead="collectors: {tracking: {links: false}}",
    ),
    outlook_statements.OUTLOOK_DELIVERIES.name: Need(("outlook",), ("outlook",)),
    outlook_statements.WAVES.name: Need(("outlook",), words=_AHEAD),
    outlook_statements.LOG_ENDS.name: Need(("outlook",), words=f"no {catalogue_outlook.LOG_LINES.name}"),
    outlook_statements.LOG_TYPES.name: Need(("outlook",), words=f"no {catalogue_outlook.LOG_LINES.name}"),
    outlook_statements.LOG_FINDINGS.name: Need(("outlook",), words=f"no {catalogue_outlook.LOG_FINDINGS.name}"),
    deliverability_statements.SMTP_PATHS.name: Need(("deliverability",), ("deliverability",)),
    deliverability_statements.LAST_COALESCING.name: Need(("deliverability",), ("deliverability",)),
    deliverability_statements.RETRIES.name: Need(("deliverability",), ("deliverability",)),
    deliverability_statements.LAST_ADDRESS_ERROR.name: Need(("deliverability",), ("deliverability",)),
    deliverability_statements.SMTP_REPLIES.name: Need(
        ("deliverability",), words="campaign_smtp_last_reply_info does not say what mail servers replied"
    ),
    deliverability_statements.MX_OWNERS.name: Need(("deliverability",), words=_NO_OWNER),
    deliverability_statements.MX_DOMAINS.name: Need(("deliverability",), words=_NO_OWNER),
    hygiene_statements.REMNANTS.name: Need(("hygiene",), ("hygiene",)),
    hygiene_statements.WORKFLOW_OWNERS.name: Need(("hygiene",), ("hygiene",)),
    hygiene_statements.MOMENTS.name: Need(
        ("hygiene", "workflows"), ("hygiene", "workflows"), words="pending judges a mid-sourcing copy by its workflow alone"
    ),
    hygiene_statements.ADDRESS_STATISTICS.name: Need(("hygiene",), words=_ADDRESSES),
    hygiene_statements.ADDRESSES_CHANGED.name: Need(("hygiene",), words=_ADDRESSES),
    hygiene_statements.RECIPIENT_STATISTICS.name: Need(
        ("hygiene",), words="no campaign_recipients_denylisted: recipients on a denylist are not counted"
    ),
    hygiene_statements.TECHNICAL_WORKFLOWS.name: Need(("workflows",), ("workflows",)),
    hygiene_statements.WORKFLOW_COUNTS.name: Need(("workflows",), ("workflows",)),
    hygiene_statements.CLEANUP_LOG_ERRORS.name: Need(
        ("workflows",), words="no campaign_cleanup_log_errors: a task of cleanup that fails while it stays started is not seen"
    ),
    hygiene_statements.RT_EVENTS.name: Need(
        ("maintenance",), words="no campaign_rt_events_sampled: transactional events that wait are not seen"
    ),
    recipient_statements.RECIPIENT_STEP.name: Need(("recipients",), ("recipients",)),
    recipient_statements.RECIPIENT_ACTIVITY.name: Need(
        ("recipients",), words="no campaign_recipients_counted_by_activity: inactive recipients are not counted"
    ),
    delivery_statements.FOUND_DELIVERIES.name: Need((WHY,), (WHY,)),
    delivery_statements.DELIVERY.name: Need((WHY,), (WHY,)),
    delivery_statements.ACCOUNT_NAME.name: Need((WHY,), words="`campaign-exporter why` does not name the routing account"),
    delivery_statements.PART_COUNTS.name: Need((WHY,), words="`campaign-exporter why` does not count the parts"),
    delivery_statements.PRIORITY.name: Need(
        (WHY,), words="`campaign-exporter why` does not see deliveries of another priority"
    ),
    delivery_statements.JOB_LOG.name: Need((WHY,), words="`campaign-exporter why` does not see what the delivery's log says"),
}


#: What collectors say without the database, or without what others of their parts read, even if they fail there.
_STANDING = frozenset(
    {
        catalogue.AFFINITIES,
        catalogue.AFFINITY_INFO,
        catalogue.AFFINITY_INCONSISTENT,
        catalogue_surroundings.AFFINITY_ADDRESSES,
        catalogue_surroundings.AFFINITY_PUBLIC_ID,
        catalogue.PREPARATION_LIMIT,
        catalogue.SERVER_CONFIGURATION_FAULT,
        catalogue.PENDING_ALERT_DELAY,
        catalogue_hygiene.TABLE_BYTES,
        catalogue_hygiene.TABLE_INDEX_BYTES,
        catalogue_hygiene.TABLE_ROWS,
        catalogue_hygiene.TABLE_DEAD_ROWS,
        catalogue_hygiene.TABLE_LAST_VACUUM,
        catalogue_hygiene.TABLE_LAST_ANALYZE,
        catalogue_hygiene.ADDRESSES_CHANGED,
        catalogue_hygiene.ADDRESSES_BY_STATUS,
        catalogue_hygiene.ADDRESSES_BY_REASON,
        catalogue_hygiene.ADDRESSES_BY_CHANNEL,
        catalogue_hygiene.RECIPIENTS_DENYLISTED,
    }
)

#: What throughput does not ask where its source is configured.
_UNASKED: Mapping[str, frozenset[str]] = {
    "auto": frozenset(),
    "delivery_stat": frozenset({statements.THROUGHPUT_EVIDENCE.name, statements.DELIVERY_COUNTERS.name}),
    "delivery_counters": frozenset({statements.THROUGHPUT_EVIDENCE.name, statements.STAT_ROWS.name}),
}


class Scope(NamedTuple):
    """Where the exporter reads, as whom, for which collectors; `logs` are the delivery logs that not every instance has.

    `unasked` names the statements that the configuration leaves out.
    """

    schema: str
    role: str
    collectors: frozenset[str]
    throughput: str = "auto"
    logs: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()

    @property
    def statements(self) -> list[Statement]:
        """The statements that are asked here, and that `grants` opens."""
        others = (statement for statement in OTHER_LOG_STATEMENTS if self.logs.issuperset(statement.reads))
        return [
            statement
            for statement in (*STATEMENTS, *others)
            if statement.granted and statement.reads and statement.name not in _UNASKED[self.throughput]
            if statement.name not in self.unasked
            if self._asks(statement)
        ]

    @property
    def optional(self) -> list[Statement]:
        """The statements that are asked only where a site gives the right: `grants` mentions it, and opens nothing."""
        return [each for each in STATEMENTS if not each.granted and each.name in NEEDS and self._asks(each)]

    @property
    def tables(self) -> dict[str, tuple[str, ...]]:
        """The columns that these statements read, by table."""
        columns: dict[str, set[str]] = {}
        for statement in self.statements:
            for table, names in statement.reads.items():
                columns.setdefault(table, set()).update(names)
        return {table: tuple(sorted(names)) for table, names in sorted(columns.items())}

    def reading(self, table: str, columns: Iterable[str] | None = None) -> list[Statement]:
        """List the statements that read a table, or some of its columns."""
        wanted = None if columns is None else set(columns)
        return [
            statement
            for statement in self.statements
            if table in statement.reads and (wanted is None or wanted & set(statement.reads[table]))
        ]

    def failing(self, lost: Iterable[Statement]) -> list[str]:
        """Name the collectors that fail without these statements."""
        return sorted({name for statement in lost for name in NEEDS[statement.name].fails} & (self.collectors | {WHY}))

    def instead(self, lost: Iterable[Statement]) -> str:
        """Say what to set to do without these statements; empty where there is nothing that serves for all that is lost."""
        needs = [NEEDS[statement.name] for statement in lost]
        settings = {need.instead for need in needs if need.instead or self.collectors & set(need.fails)}
        return settings.pop() if len(settings) == 1 else ""

    def _asks(self, statement: Statement) -> bool:
        return bool((self.collectors | {WHY}) & set(NEEDS[statement.name].asked_by))

    def loss(self, lost: Sequence[Statement]) -> str:
        """Say what is not seen without these statements."""
        needs = [NEEDS[statement.name] for statement in lost]
        fails = self.failing(lost)
        pending = "pending" in self.collectors - set(fails)
        causes = sorted({name for need in needs for name in need.causes}) if pending else []
        parts = [_failing(name) for name in fails]
        parts += [f"no delivery is ever said to wait for {', '.join(causes)}"] if causes else []
        # What matters less is told where no collector fails.
        parts += [] if fails else sorted({need.words for need in needs if need.words})
        return "; ".join(parts)


def _failing(name: str) -> str:
    if name == WHY:
        return "`campaign-exporter why` fails"
    metrics = [metric.name for metric in METRICS.values() if metric.collector == name and metric not in _STANDING]
    return f"collector {name} fails: no {listed(metrics, 3)}"
