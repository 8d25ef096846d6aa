"""Metrics of what is left behind, of upkeep, and of technical workflows; `catalogue` gathers them with all others."""

from campaign_exporter.domain.leftovers import AGES, KEPT_AGES, LEFT_KINDS, RECYCLED
from campaign_exporter.domain.recipient_laps import ACTIVITIES, DENYLISTS
from campaign_exporter.domain.technical_workflows import KINDS, STANDINGS, TROUBLES
from campaign_exporter.domain.work_tables import PREFIXES
from campaign_exporter.domain.work_tables import STANDINGS as TABLE_STANDINGS
from campaign_exporter.metric import Metric

# --- technical workflows ----------------------------------------------------------------------------------------------------

WORKFLOWS = Metric(
    "campaign_workflows",
    "gauge",
    "Workflows by what they are for and how they stand, without templates and the zero record; one in error is failed, whatever"
    " its state. That 11 means started is common knowledge; states that Adobe does not document go by their number.",
    "workflows",
    ("kind", "state"),
    {"kind": KINDS, "state": STANDINGS},
    source="XtkWorkflow.iState, iFailed, iOperationId",
)
TECHNICAL_WORKFLOW_TROUBLE = Metric(
    "campaign_technical_workflow_trouble",
    "gauge",
    "1 where a technical workflow is in error, or rests in this way, else 0; absent where the instance has no such workflow.",
    "workflows",
    ("workflow", "trouble"),
    {"trouble": TROUBLES},
    source="XtkWorkflow.iFailed; iState 0, 13, 20",
)
TECHNICAL_WORKFLOW_LAST_RUN = Metric(
    "campaign_technical_workflow_last_run_timestamp_seconds",
    "gauge",
    "When a technical workflow last did something; absent where it never did.",
    "workflows",
    ("workflow",),
    source="XtkWorkflow.tsProcess",
)
TECHNICAL_WORKFLOW_NEXT_RUN = Metric(
    "campaign_technical_workflow_next_run_timestamp_seconds",
    "gauge",
    "When a technical workflow is to run next, in the past where it is late; absent where it is in error, rests, plans none.",
    "workflows",
    ("workflow",),
    source="XtkWorkflow.tsNextProcessing",
)
CLEANUP_LAST_RUN = Metric(
    "campaign_cleanup_last_run_timestamp_seconds",
    "gauge",
    "When cleanup ran last, as it notes itself; absent where it has noted nothing.",
    "workflows",
    source="option NmsCleanup_LastCleanup",
)
CLEANUP_LOG_ERRORS = Metric(
    "campaign_cleanup_log_errors",
    "gauge",
    "Lines that are marked as errors in cleanup's journal of the last 25 hours: a task that fails keeps the next ones from"
    " running, and may leave the workflow started.",
    "workflows",
    source="XtkWorkflowLog.iError, tsLog",
)
MID_SOURCING_LAST_COPY = Metric(
    "campaign_mid_sourcing_last_copy_timestamp_seconds",
    "gauge",
    "Up to when deliveries have been copied from a mid-sourcing server.",
    "workflows",
    ("account",),
    source="options NmsMidSourcing_LastDelivery_<account>",
)

# --- what is left behind ----------------------------------------------------------------------------------------------------

_TABLE = {"prefix": tuple(PREFIXES), "standing": TABLE_STANDINGS}
WORK_TABLES = Metric(
    "campaign_work_tables",
    "gauge",
    "Work tables by their prefix and standing: in_use, to_drop (its owner is over since the last cleanup), orphaned (cleanup"
    " should have dropped it, or its owner is gone), unknown (whose it is cannot be told, as of groups and simulations).",
    "hygiene",
    ("prefix", "standing"),
    _TABLE,
    source="pg_class; NmsDelivery.iState 0, 85, 100, XtkWorkflow.iState 20: no longer needed",
)
WORK_TABLE_BYTES = Metric(
    "campaign_work_table_bytes",
    "gauge",
    "Size of work tables with their indexes, as of the last time that PostgreSQL vacuumed or analyzed each.",
    "hygiene",
    ("prefix", "standing"),
    _TABLE,
    source="pg_class.relpages",
)
WORK_TABLES_UNMEASURED = Metric(
    "campaign_work_tables_unmeasured",
    "gauge",
    "Work tables that were never vacuumed or analyzed: their size is not known, and missing in campaign_work_table_bytes.",
    "hygiene",
    ("prefix",),
    {"prefix": tuple(PREFIXES)},
    source="pg_class.reltuples",
)
DELIVERIES_LEFT = Metric(
    "campaign_deliveries_left",
    "gauge",
    "Deliveries that failed, whose preparation failed, or that are prepared, past their contact date and were never sent, by"
    " the time since their last change; without templates, proofs and deleted ones.",
    "hygiene",
    ("kind", "age"),
    {"kind": LEFT_KINDS, "age": AGES},
    source="NmsDelivery.iState 87, 37, 25 and 45, tsContact, tsBroadStart, tsLastModified",
)
DELIVERIES_KEPT = Metric(
    "campaign_deliveries_kept",
    "gauge",
    "Deliveries by age, without templates, proofs and deleted ones; Adobe advises fewer than 1,000, and none over two years.",
    "hygiene",
    ("age",),
    {"age": KEPT_AGES},
    source="NmsDelivery.tsCreated",
)
DELIVERIES_RECYCLED = Metric(
    "campaign_deliveries_recycled",
    "gauge",
    "Deleted deliveries: kept (their purge date is to come), due (the next cleanup purges them), overdue (it was over before"
    " the last cleanup), unknown (no date, or the option is not set: its default is not documented).",
    "hygiene",
    ("standing",),
    {"standing": RECYCLED},
    source="NmsDelivery.iDeleteStatus, tsDelete; option NmsCleanup_RecycledDeliveryPurgeDelay",
)
CLEANUP_DELAY = Metric(
    "campaign_cleanup_delay_seconds",
    "gauge",
    "How long cleanup keeps what an option is about; absent where the option is not set.",
    "hygiene",
    ("option",),
    source="options NmsCleanup_<what>PurgeDelay",
)
ADDRESSES_CHANGED = Metric(
    "campaign_addresses_changed",
    "gauge",
    "Addresses that changed within the last hour, by what they are now: new quarantines are among them. Of the statuses Adobe"
    " documents only the number of valid; others go by theirs.",
    "hygiene",
    ("channel", "status", "reason"),
    source="NmsAddress.iType, iStatus, iQuarantineReason, tsLastModified",
)
ADDRESSES_BY_STATUS = Metric(
    "campaign_addresses_by_status",
    "gauge",
    "Addresses that Campaign keeps errors of, by status, as PostgreSQL estimated at its last ANALYZE; no row is read.",
    "hygiene",
    ("status",),
    source="pg_class.reltuples and pg_stats of NmsAddress.iStatus",
)
ADDRESSES_BY_REASON = Metric(
    "campaign_addresses_by_reason",
    "gauge",
    "Addresses that Campaign keeps errors of, by quarantine reason, as PostgreSQL estimated at its last ANALYZE.",
    "hygiene",
    ("reason",),
    source="pg_class.reltuples and pg_stats of NmsAddress.iQuarantineReason",
)
ADDRESSES_BY_CHANNEL = Metric(
    "campaign_addresses_by_channel",
    "gauge",
    "Addresses that Campaign keeps errors of, by channel, as PostgreSQL estimated at its last ANALYZE.",
    "hygiene",
    ("channel",),
    source="pg_class.reltuples and pg_stats of NmsAddress.iType",
)
RECIPIENTS_DENYLISTED = Metric(
    "campaign_recipients_denylisted",
    "gauge",
    "Recipients who are on the denylist of a channel, or of all, as PostgreSQL estimated at its last ANALYZE; where collector"
    " recipients is on, campaign_recipients_counted_denylisted is exact.",
    "hygiene",
    ("channel",),
    {"channel": DENYLISTS},
    source="pg_class.reltuples and pg_stats of NmsRecipient.iBlackList, iBlackListEmail and its like",
)

# --- recipients, one by one: only where that is switched on -----------------------------------------------------------------

RECIPIENTS_COUNTED = Metric(
    "campaign_recipients_counted",
    "gauge",
    "Recipients, without the zero record, counted one by one in the last complete lap over all of them. Each was looked at once"
    " in it, as he was then; absent before the first lap has ended.",
    "recipients",
    source="NmsRecipient.iRecipientId",
)
RECIPIENTS_COUNTED_DENYLISTED = Metric(
    "campaign_recipients_counted_denylisted",
    "gauge",
    "Those of them who were on the denylist of a channel, or of all: exact, where campaign_recipients_denylisted estimates.",
    "recipients",
    ("channel",),
    {"channel": DENYLISTS},
    source="NmsRecipient.iBlackList, iBlackListEmail and its like",
)
RECIPIENTS_COUNTED_BY_ACTIVITY = Metric(
    "campaign_recipients_counted_by_activity",
    "gauge",
    "Those of them by what they did within recipients.inactive_after, our own definition: new (created since), active (older,"
    " with a tracking log since), inactive (older, without), unknown (creation date empty, or more than 100 tracking logs, of"
    " which those looked at are older). Tracking logs that cleanup has purged cannot be seen: where they are kept for a shorter"
    " time, inactive counts too many. Absent where tracking logs could not be asked all through the lap.",
    "recipients",
    ("activity",),
    {"activity": ACTIVITIES},
    source="NmsRecipient.tsCreated; NmsTrackingLogRcp.iRecipientId, tsLog",
)
RECIPIENTS_INACTIVE_AFTER = Metric(
    "campaign_recipients_inactive_after_seconds",
    "gauge",
    "The time without a tracking log after which that lap took a recipient for inactive.",
    "recipients",
    source="configuration recipients.inactive_after",
)
RECIPIENTS_LAP_END = Metric(
    "campaign_recipients_lap_end_timestamp_seconds",
    "gauge",
    "When the last complete lap over all recipients ended: what it counted stays until the next one ends.",
    "recipients",
)
RECIPIENTS_LAP_DURATION = Metric(
    "campaign_recipients_lap_duration_seconds",
    "gauge",
    "How long the last complete lap over all recipients took, pauses of the exporter included.",
    "recipients",
)
RECIPIENTS_LAP_ROWS = Metric(
    "campaign_recipients_lap_rows",
    "gauge",
    "Recipients that the present lap has looked at so far.",
    "recipients",
    source="NmsRecipient.iRecipientId",
)

# --- upkeep -----------------------------------------------------------------------------------------------------------------

TABLE_BYTES = Metric(
    "campaign_table_bytes",
    "gauge",
    "Size of a table without its indexes, as of the last time that PostgreSQL vacuumed or analyzed it.",
    "hygiene",
    ("table",),
    source="pg_class.relpages",
)
TABLE_INDEX_BYTES = Metric(
    "campaign_table_index_bytes",
    "gauge",
    "Size of a table's indexes together, as of the same time: Adobe calls for a vacuum where they are larger than the table.",
    "hygiene",
    ("table",),
    source="pg_class.relpages",
)
TABLE_ROWS = Metric(
    "campaign_table_rows",
    "gauge",
    "Rows of a table, as PostgreSQL estimated at its last ANALYZE or VACUUM; absent where there was none.",
    "hygiene",
    ("table",),
    source="pg_class.reltuples",
)
TABLE_DEAD_ROWS = Metric(
    "campaign_table_dead_rows",
    "gauge",
    "Rows of a table that are dead and not yet vacuumed away; absent on a replica, which does not know.",
    "hygiene",
    ("table",),
    source="pg_stat_get_dead_tuples()",
)
TABLE_LAST_VACUUM = Metric(
    "campaign_table_last_vacuum_timestamp_seconds",
    "gauge",
    "When a table was vacuumed last, by whomever; absent where that is not known.",
    "hygiene",
    ("table",),
    source="pg_stat_get_last_vacuum_time(), pg_stat_get_last_autovacuum_time()",
)
TABLE_LAST_ANALYZE = Metric(
    "campaign_table_last_analyze_timestamp_seconds",
    "gauge",
    "When a table was analyzed last, by whomever: estimates are as old as that; absent where that is not known.",
    "hygiene",
    ("table",),
    source="pg_stat_get_last_analyze_time(), pg_stat_get_last_autoanalyze_time()",
)
_TRANSACTION = {"state": ("active", "idle_in_transaction", "prepared")}
TRANSACTIONS = Metric(
    "campaign_database_transactions",
    "gauge",
    "Open transactions of the database but our own: at work, idle in a transaction, or prepared for a two-phase commit.",
    "maintenance",
    ("state",),
    _TRANSACTION,
    source="pg_stat_activity, pg_prepared_xacts",
)
OLDEST_TRANSACTION = Metric(
    "campaign_database_oldest_transaction_timestamp_seconds",
    "gauge",
    "When the oldest of these transactions began; absent where there is none.",
    "maintenance",
    ("state",),
    _TRANSACTION,
    source="pg_stat_activity.xact_start, pg_prepared_xacts.prepared",
)
SEQUENCE_LAST_VALUE = Metric(
    "campaign_sequence_last_value",
    "gauge",
    "Last id that a sequence gave out, of the 50 that are furthest; Campaign's ids are 32 bits wide, and wrap at 2^31.",
    "maintenance",
    ("sequence",),
    source="pg_sequences.last_value",
)
RT_EVENTS_SAMPLED = Metric(
    "campaign_rt_events_sampled",
    "gauge",
    "Transactional events that last changed within two hours, and longer ago than maintenance.events_stuck_after: the newest"
    " 2,000, by status, whose numbers Adobe does not document.",
    "maintenance",
    ("status",),
    source="NmsRtEvent.iStatus, tsLastModified",
)
RT_EVENTS_UNPROCESSED = Metric(
    "campaign_rt_events_unprocessed",
    "gauge",
    "Those of them that were due by then, are not expired, and have no date of processing.",
    "maintenance",
    ("status",),
    source="NmsRtEvent.tsProcessed, tsScheduled, tsExpiration",
)
RT_EVENTS_OLDEST = Metric(
    "campaign_rt_events_unprocessed_oldest_timestamp_seconds",
    "gauge",
    "When the oldest of these unprocessed events came in; absent where there is none.",
    "maintenance",
    source="NmsRtEvent.tsCreated",
)
