"""Every metric, declared once: exposition, docs/metrics.md and the checks of rules and dashboards come from here."""

from campaign_exporter import catalogue_hygiene, catalogue_outlook, catalogue_surroundings, message_metrics
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.domain.deliveries import CHANNELS, STATES
from campaign_exporter.errors import REASONS
from campaign_exporter.metric import Metric

COLLECTORS = (
    "deliveries",
    "pending",
    "processes",
    "affinity",
    "throughput",
    "endpoints",
    "disks",
    "database",
    "outlook",
    "deliverability",
    "files",
    "workflows",
    "maintenance",
    "hygiene",
    "messages",
    "tracking",
    "recipients",
)

_STATE = {"state": tuple(STATES.values())}
_CHANNEL = {"channel": tuple(CHANNELS.values())}
_CAUSE = {"cause": tuple(cause.name for cause in CAUSES)}
_COLLECTOR = {"collector": COLLECTORS}

# --- the instance ---------------------------------------------------------------------------------------------------------

INSTANCE_INFO = Metric(
    "campaign_instance_info",
    "gauge",
    "A Campaign instance that this exporter watches; build is that of the server processes, else of the redirection server,"
    " empty where unknown.",
    labels=("role", "build"),
    values={"role": ("standalone", "marketing", "mid-sourcing", "execution")},
    source="configuration; header of nlserver pdump; /r/test",
)
UP = Metric(
    "campaign_up",
    "gauge",
    "1 if the database server was reached and answered in the last round, else 0; absent without a database.",
)

# --- deliveries -----------------------------------------------------------------------------------------------------------

DELIVERIES = Metric(
    "campaign_deliveries",
    "gauge",
    "Deliveries by state, without templates, proofs, deleted ones and the zero record. Values that Adobe does not document"
    " go by their number.",
    "deliveries",
    ("state", "channel"),
    _STATE | _CHANNEL,
    source="NmsDelivery.iState, iMessageType, iIsModel, iFCP, iDeleteStatus",
)
DELIVERY_TRANSITIONS = Metric(
    "campaign_delivery_transitions_total",
    "counter",
    "Deliveries seen entering a state; states passed through between two rounds are not seen.",
    "deliveries",
    ("state", "channel"),
    _STATE | _CHANNEL,
    source="NmsDelivery.iState",
)
DELIVERY_START_DELAY = Metric(
    "campaign_delivery_start_delay_seconds",
    "histogram",
    "Time from a delivery's contact date to the start of its sending, observed when it starts.",
    "deliveries",
    ("channel",),
    _CHANNEL,
    buckets=(60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400),
    source="NmsDelivery.tsBroadStart, tsContact",
)
MESSAGES_REMAINING = Metric(
    "campaign_messages_remaining",
    "gauge",
    "Messages of launched deliveries that are not processed yet.",
    "deliveries",
    ("channel",),
    _CHANNEL,
    source="NmsDelivery.iToDeliver - iProcessed, iState 51 to 84",
)

MESSAGES_DUE = Metric(
    "campaign_messages_due",
    "gauge",
    "Messages that are left in deliveries in progress which this instance sends, and of which a part is due now.",
    "deliveries",
    ("channel",),
    _CHANNEL,
    source="NmsDelivery.iToDeliver - iProcessed, iState 55, 62; NmsDeliveryPart.tsNextPass",
)
DELIVERY_PROGRESS = Metric(
    "campaign_delivery_progress_timestamp_seconds",
    "gauge",
    "When a delivery in progress of which a part is due last processed a message, or became due again: those for which it is"
    " longest ago, a bounded number of them.",
    "deliveries",
    ("delivery_id", "label"),
    source="NmsDelivery.iProcessed, tsLastModified, iState 55, 62; NmsDeliveryPart.tsNextPass",
)
DELIVERY_MESSAGES_REMAINING = Metric(
    "campaign_delivery_messages_remaining",
    "gauge",
    "Messages that are left in these deliveries.",
    "deliveries",
    ("delivery_id", "label"),
    source="NmsDelivery.iToDeliver - iProcessed",
)

# --- pending --------------------------------------------------------------------------------------------------------------

DELIVERIES_PENDING = Metric(
    "campaign_deliveries_pending",
    "gauge",
    "Deliveries that should be sending and are not, by cause; absent for a cause that cannot be seen.",
    "pending",
    ("cause",),
    _CAUSE,
    source="NmsDelivery.iState 51, 61",
)
PENDING_MESSAGES = Metric(
    "campaign_pending_messages",
    "gauge",
    "Messages that wait in pending deliveries, by cause.",
    "pending",
    ("cause",),
    _CAUSE,
    source="NmsDelivery.iToDeliver - iProcessed",
)
PENDING_OLDEST = Metric(
    "campaign_deliveries_pending_oldest_timestamp_seconds",
    "gauge",
    "Since when the delivery that has waited longest waits, by cause; absent where none waits.",
    "pending",
    ("cause",),
    _CAUSE,
    source="NmsDelivery.tsContact, tsLastModified; NmsDeliveryPart.tsNextPass",
)
PREPARATION_OLDEST = Metric(
    "campaign_preparation_oldest_start_timestamp_seconds",
    "gauge",
    "Last change of the delivery whose preparation has stood still for longest, be its contact date past or to come; absent"
    " where none is in preparation.",
    "pending",
    source="NmsDelivery.tsLastModified in iState 11-13, 21, 22",
)
PENDING_CAUSE_EVALUATED = Metric(
    "campaign_pending_cause_evaluated",
    "gauge",
    "1 if the facts for a cause can be seen, 0 if not: then no delivery is ever said to wait for it.",
    "pending",
    ("cause",),
    _CAUSE,
)
PENDING_ALERT_DELAY = Metric(
    "campaign_pending_alert_delay_seconds",
    "gauge",
    "After how long Campaign itself calls a delivery delayed; always there.",
    "pending",
    source="option NmsMTA_Alert_Delay in minutes, else 30 minutes",
)
DELIVERY_PENDING_SINCE = Metric(
    "campaign_delivery_pending_since_timestamp_seconds",
    "gauge",
    "Since when a delivery waits: the gravest and oldest ones, a bounded number of them.",
    "pending",
    ("delivery_id", "label", "cause"),
    _CAUSE,
    source="NmsDelivery.iDeliveryId, sLabel",
)

# --- hosts ----------------------------------------------------------------------------------------------------------------

HOST_SOURCES = ("processes", "configuration", "agent", "directories", "files")
HOST_UP = Metric(
    "campaign_host_up",
    "gauge",
    "1 if that kind of facts about a host was read in the last round, else 0; of a host with an agent, what the agent says.",
    "processes",
    ("host", "source"),
    {"source": HOST_SOURCES},
)
PROCESS_EXPECTED = Metric(
    "campaign_process_expected",
    "gauge",
    "1 for each process that is to run on a host; absent where that is not known.",
    "processes",
    ("host", "process"),
    source="configuration; serverConf.xml, config-<instance>.xml: autoStart",
)
PROCESS_UP = Metric(
    "campaign_process_up",
    "gauge",
    "1 if a process that is to run on a host runs, 0 if not; absent where that cannot be told.",
    "processes",
    ("host", "process"),
    source="nlserver pdump, or nlserver monitor -missing",
)
PROCESSES = Metric(
    "campaign_processes",
    "gauge",
    "Running processes of one kind on a host.",
    "processes",
    ("host", "process"),
    source="nlserver pdump",
)
PROCESS_MEMORY = Metric(
    "campaign_process_memory_bytes",
    "gauge",
    "Memory of the largest process of one kind on a host; absent where unreadable.",
    "processes",
    ("host", "process"),
    source="nlserver pdump",
)
PROCESS_MEMORY_LIMIT = Metric(
    "campaign_process_memory_limit_bytes",
    "gauge",
    "Memory from which Campaign warns, alerts, or restarts the process.",
    "processes",
    ("host", "process", "level"),
    {"level": ("warning", "alert", "restart")},
    source="serverConf.xml maxProcessMemoryWarningMb, maxProcessMemoryAlertMb, maxMemoryMb",
)
PROCESS_RESTARTS = Metric(
    "campaign_process_restarts_total",
    "counter",
    "Changes of the process id of a process that is to run, the daily restart of all processes among them.",
    "processes",
    ("host", "process"),
    source="nlserver pdump",
)
SERVER_CONFIGURATION_FAULT = Metric(
    "campaign_server_configuration_fault",
    "gauge",
    "1 if the server configuration of a host has a fault of this kind, else 0.",
    "affinity",
    ("host", "kind"),
    {"kind": ("address_two_helo_hosts", "public_id_duplicate", "no_address", "stat_server_missing")},
    source="serverConf.xml, config-<instance>.xml: IPAffinity, statServerAddress",
)
DIRECTORY_SIZE = Metric(
    "campaign_host_directory_size_bytes",
    "gauge",
    "Size of the file system that holds a directory.",
    "disks",
    ("host", "directory"),
)
DIRECTORY_AVAILABLE = Metric(
    "campaign_host_directory_avail_bytes",
    "gauge",
    "Space that is left for unprivileged users on the file system that holds a directory.",
    "disks",
    ("host", "directory"),
)
DIRECTORY_FILES = Metric(
    "campaign_host_directory_files",
    "gauge",
    "Inodes of the file system that holds a directory.",
    "disks",
    ("host", "directory"),
)
DIRECTORY_FILES_FREE = Metric(
    "campaign_host_directory_files_free",
    "gauge",
    "Inodes that are free on the file system that holds a directory.",
    "disks",
    ("host", "directory"),
)

# --- IP affinities --------------------------------------------------------------------------------------------------------

PREPARATION_LIMIT = Metric(
    "campaign_preparation_limit_seconds",
    "gauge",
    "How long a host's configuration lets a delivery be in preparation; absent where it names no number, which means an hour.",
    "affinity",
    ("host",),
    source="serverConf.xml: monitoring maxPreparationJobsSec",
)
AFFINITIES = Metric(
    "campaign_ip_affinities",
    "gauge",
    "IP affinities that a host's configuration declares: 0 where it declares none, absent where it cannot be read.",
    "affinity",
    ("host",),
    source="serverConf.xml, config-<instance>.xml: mta/child/smtp/IPAffinity",
)
AFFINITY_INFO = Metric(
    "campaign_ip_affinity_info",
    "gauge",
    "An IP affinity that a host's configuration declares.",
    "affinity",
    ("host", "affinity"),
    source="serverConf.xml, config-<instance>.xml: mta/child/smtp/IPAffinity",
)
AFFINITY_MISMATCH = Metric(
    "campaign_ip_affinity_mismatch",
    "gauge",
    "Launched deliveries that use an affinity which no host declares, or only hosts whose module is down.",
    "affinity",
    ("affinity", "kind"),
    {"kind": ("unconfigured", "host_down")},
    source="NmsDelivery.sIPAffinity, NmsTypology.sIPAffinity; iState 51, 55, 61, 62",
)
AFFINITY_INCONSISTENT = Metric(
    "campaign_ip_affinity_inconsistent",
    "gauge",
    "1 if an affinity is declared on some of the hosts that are to run an MTA and not on others, else 0.",
    "affinity",
    ("affinity",),
)
AFFINITY_LATENT = Metric(
    "campaign_ip_affinity_latent_definitions",
    "gauge",
    "Typologies and enumeration values that name an affinity which is declared nowhere, while no launched delivery uses it.",
    "affinity",
    ("affinity",),
    source="NmsTypology.sIPAffinity; XtkEnum, XtkEnumValue",
)

# --- throughput -----------------------------------------------------------------------------------------------------------

_RESULT_AND_PASS = {"result": ("success", "error"), "pass": ("first", "retry", "unknown")}
MESSAGES = Metric(
    "campaign_messages_total",
    "counter",
    "Messages processed; pass is unknown where only the delivery counters tell. Moves in steps, as Campaign consolidates.",
    "throughput",
    ("result", "pass"),
    _RESULT_AND_PASS,
    source="NmsDeliveryStat.iFirstSuccess, iFirstError, iRetriesSuccess, iRetriesError with iVerifyMode 0",
)
MESSAGES_CATCH_UP = Metric(
    "campaign_messages_catch_up_total",
    "counter",
    "The part of campaign_messages_total that was counted at once for a time that was not watched.",
    "throughput",
    ("result", "pass"),
    _RESULT_AND_PASS,
)
MESSAGE_BYTES = Metric(
    "campaign_message_bytes_total",
    "counter",
    "Volume sent, in the configured unit of dVolume, which Adobe does not document; absent where delivery counters feed.",
    "throughput",
    source="NmsDeliveryStat.dVolume",
)
THROUGHPUT_SOURCE = Metric(
    "campaign_throughput_source_info",
    "gauge",
    "The table that feeds the message counters.",
    "throughput",
    ("source",),
    {"source": ("delivery_stat", "delivery_counters")},
)

# --- endpoints ------------------------------------------------------------------------------------------------------------

_KIND = {"kind": ("redirection", "ping", "resource")}
ENDPOINT_UP = Metric(
    "campaign_endpoint_up",
    "gauge",
    "1 if an HTTP endpoint answered as it should in the last round, else 0; address is the server that was asked, empty"
    " where none is configured.",
    "endpoints",
    ("endpoint", "kind", "address"),
    _KIND,
    source="/r/test, /nl/jsp/ping.jsp, public resources",
)
ENDPOINT_DURATION = Metric(
    "campaign_endpoint_duration_seconds",
    "gauge",
    "Time that the last good answer of an HTTP endpoint took.",
    "endpoints",
    ("endpoint", "kind", "address"),
    _KIND,
)

# --- database -------------------------------------------------------------------------------------------------------------

DATABASE_BLOCKED = Metric(
    "campaign_database_blocked_sessions",
    "gauge",
    "Sessions that wait for a lock on one of Campaign's sending tables.",
    "database",
    ("table",),
    source="pg_locks, pg_stat_activity",
)
DATABASE_LONGEST_WAIT = Metric(
    "campaign_database_longest_wait_seconds",
    "gauge",
    "How long the session that has waited longest for a lock on this table waits; 0 where none waits.",
    "database",
    ("table",),
    source="pg_locks, pg_stat_activity",
)
DATABASE_CLOCK_OFFSET = Metric(
    "campaign_database_clock_offset_seconds",
    "gauge",
    "The database server's clock minus this exporter's.",
    "database",
)
DATABASE_REPLAY_LAG = Metric(
    "campaign_database_replay_lag_seconds",
    "gauge",
    "Age of the last transaction that a replica has replayed; absent on a primary.",
    "database",
    source="pg_last_xact_replay_timestamp()",
)

# --- the exporter itself --------------------------------------------------------------------------------------------------


def _about_rounds(name: str, help_: str) -> Metric:
    return Metric(f"campaign_exporter_collector_{name}", "gauge", help_, "", ("collector",), _COLLECTOR)


BUILD_INFO = Metric("campaign_exporter_build_info", "gauge", "This exporter.", labels=("version", "python"), per_instance=False)
CONFIG_RELOAD_SUCCESS = Metric(
    "campaign_exporter_config_last_reload_successful",
    "gauge",
    "1 if the configuration file was good when it was read last, else 0: then the one before is in force.",
    per_instance=False,
)
CONFIG_RELOAD_TIMESTAMP = Metric(
    "campaign_exporter_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration in force was read.",
    per_instance=False,
)
STATE_WRITE_SUCCESS = Metric(
    "campaign_exporter_state_write_success",
    "gauge",
    "1 if the state file could be written the last time, else 0; absent without a state directory.",
    per_instance=False,
)
COLLECTOR_AVAILABLE = _about_rounds(
    "available", "1 if the tables, columns and indexes that a collector stands on are there, else 0."
)
COLLECTOR_SUCCESS = _about_rounds("success", "1 if the last round read all it wanted, else 0.")
COLLECTOR_DURATION = _about_rounds("duration_seconds", "Time that the last round took.")
COLLECTOR_INTERVAL = _about_rounds("interval_seconds", "Time between two rounds, as it is in effect.")
COLLECTOR_STRETCH = _about_rounds(
    "stretch_ratio",
    "Interval in effect, as a multiple of the configured one: above 1 the budget of database time stretches it.",
)
COLLECTOR_LAST_ROUND = _about_rounds("last_round_timestamp_seconds", "When the last round ended.")
COLLECTOR_LAST_SUCCESS = _about_rounds("last_success_timestamp_seconds", "When the last round that read all it wanted ended.")
COLLECTOR_SERIES = _about_rounds("series", "Series that stand in the exposition from this collector.")
COLLECTOR_ERRORS = Metric(
    "campaign_exporter_collector_errors_total",
    "counter",
    "Facts that could not be read, by reason; of reason budget, rounds that were left out.",
    labels=("collector", "reason"),
    values=_COLLECTOR | {"reason": REASONS},
)
DATABASE_SECONDS = Metric(
    "campaign_exporter_database_seconds_total",
    "counter",
    "Time that this exporter's statements took on the database, as seen from here.",
    labels=("collector",),
    values=_COLLECTOR,
)
DATABASE_BUDGET = Metric(
    "campaign_exporter_database_budget_ratio",
    "gauge",
    "Database time of the last minute, as a share of the budget.",
)
SERIES_DROPPED = Metric(
    "campaign_exporter_series_dropped_total",
    "counter",
    "Series that a bound kept out of the exposition.",
    labels=("family",),
)

#: Subjects whose metrics stand in a file of their own.
_ELSEWHERE = (catalogue_outlook, message_metrics, catalogue_surroundings, catalogue_hygiene)
METRICS: dict[str, Metric] = {
    metric.name: metric
    for place in (globals(), *map(vars, _ELSEWHERE))
    for metric in list(place.values())
    if isinstance(metric, Metric)
}
