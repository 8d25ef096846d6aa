"""Metrics of what surrounds the sending: public resources, mail servers, files of the hosts; `catalogue` gathers them."""

from campaign_exporter.domain.deliveries import CHANNELS
from campaign_exporter.domain.mta_log import PHRASES
from campaign_exporter.domain.smtp_paths import KINDS
from campaign_exporter.metric import Metric

# --- endpoints ------------------------------------------------------------------------------------------------------------

_ENDPOINT = ("endpoint", "kind", "address")
_KIND = {"kind": ("redirection", "ping", "resource")}
ENDPOINT_BYTES = Metric(
    "campaign_endpoint_response_bytes",
    "gauge",
    "Size of the last good answer of an HTTP endpoint.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)
ENDPOINT_STATUS = Metric(
    "campaign_endpoint_http_status",
    "gauge",
    "HTTP status of an endpoint's answer in the last round; absent where none came.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)
ENDPOINT_CERTIFICATE_END = Metric(
    "campaign_endpoint_certificate_end_timestamp_seconds",
    "gauge",
    "When the first of the certificates that an endpoint showed in the last round ends; absent without TLS, and where it was"
    " not to be trusted.",
    "endpoints",
    _ENDPOINT,
    _KIND,
)

_QUEUE = "/nl/jsp/mcPing.jsp (Adobe's SDK for JavaScript: mcPing)"
EVENT_QUEUE_LENGTH = Metric(
    "campaign_event_queue_length",
    "gauge",
    "Events that wait in Message Center's queue, as the endpoint answered in the last round, also where it answers that the"
    " queue is full; absent where the answer does not tell.",
    "endpoints",
    ("endpoint", "address"),
    source=f"{_QUEUE}: eventQueueSize",
)
EVENT_QUEUE_LIMIT = Metric(
    "campaign_event_queue_limit",
    "gauge",
    "Events at which Message Center's queue counts as full, by the same answer.",
    "endpoints",
    ("endpoint", "address"),
    source=f"{_QUEUE}: eventQueueMaxSize",
)

# --- deliverability -------------------------------------------------------------------------------------------------------

_PATH = ("mx", "public_id")
_STATISTICS = "NmsEmailErrorStat, of the paths with minConnectionsToLog connections and more"
SMTP_WINDOW = Metric(
    "campaign_smtp_window_seconds",
    "gauge",
    "The time that connections, errors and messages of mail servers are summed over, up to now.",
    "deliverability",
    source="configuration: collectors.deliverability.window",
)
SMTP_PATHS = Metric(
    "campaign_smtp_paths",
    "gauge",
    "Paths from an address of ours to a mail server that Campaign noted in the window; none is normal where little is sent.",
    "deliverability",
    source=_STATISTICS,
)
SMTP_PATH_CONNECTIONS = Metric(
    "campaign_smtp_path_connections",
    "gauge",
    "Connections of the window on a path: the paths with the most failed connections, a bounded number of them. mx is the IPv4"
    " address of the mail server, public_id that of our address in serverConf.xml.",
    "deliverability",
    _PATH,
    source=f"{_STATISTICS}: iTotalConnections",
)
SMTP_PATH_ERRORS = Metric(
    "campaign_smtp_path_errors",
    "gauge",
    "All errors of the window on such a path, as Campaign sums them.",
    "deliverability",
    _PATH,
    source=f"{_STATISTICS}: iTotalErrors",
)
SMTP_PATH_ERRORS_BY_KIND = Metric(
    "campaign_smtp_path_errors_by_kind",
    "gauge",
    "Errors of the window on such a path by kind: of messages, and connections that were aborted, failed, refused, timed out."
    " Whether they make up all errors is not documented.",
    "deliverability",
    (*_PATH, "kind"),
    {"kind": KINDS},
    source=f"{_STATISTICS}: iMessageErrors, iAbortedConnections, iFailedConnections, iRefusedConnections, iTimeoutConnections",
)
SMTP_PATH_MESSAGES = Metric(
    "campaign_smtp_path_messages",
    "gauge",
    "Messages of the window that were sent on such a path.",
    "deliverability",
    _PATH,
    source=f"{_STATISTICS}: iSentMessages",
)
SMTP_LAST_REPLY = Metric(
    "campaign_smtp_last_reply_info",
    "gauge",
    "The last reply on such a path, cut to 80 characters, without addresses and ids; empty where none is noted.",
    "deliverability",
    (*_PATH, "code", "reply"),
    source="NmsEmailError.iLastReplyCode, sLastReplyMessage",
)
SMTP_SERVER_CONNECTIONS = Metric(
    "campaign_smtp_server_connections",
    "gauge",
    "Connections of the window to a mail server, of the most used ones; owner is who runs it, else a domain that it serves.",
    "deliverability",
    ("mx", "owner"),
    source=f"{_STATISTICS}; NmsMxOwner, NmsMxDomain",
)
SMTP_SERVER_CONNECTION_ERRORS = Metric(
    "campaign_smtp_server_connection_errors",
    "gauge",
    "Connections of the window to such a mail server that were aborted, failed, were refused or timed out.",
    "deliverability",
    ("mx", "owner"),
    source=_STATISTICS,
)
SMTP_ADDRESS_CONNECTIONS = Metric(
    "campaign_smtp_address_connections",
    "gauge",
    "Connections of the window from an address of ours, of the most used ones, by its publicId.",
    "deliverability",
    ("public_id",),
    source=_STATISTICS,
)
SMTP_ADDRESS_CONNECTION_ERRORS = Metric(
    "campaign_smtp_address_connection_errors",
    "gauge",
    "Connections of the window from such an address that were aborted, failed, were refused or timed out.",
    "deliverability",
    ("public_id",),
    source=_STATISTICS,
)
AFFINITY_CONNECTIONS = Metric(
    "campaign_smtp_affinity_connections",
    "gauge",
    "Connections of the window from the addresses that an affinity declares; one that several affinities share counts for"
    " each. Absent where no configuration can be read.",
    "deliverability",
    ("affinity",),
    source=f"{_STATISTICS}; IPAffinity: publicId",
)
AFFINITY_CONNECTION_ERRORS = Metric(
    "campaign_smtp_affinity_connection_errors",
    "gauge",
    "Connections of the window from these addresses that were aborted, failed, were refused or timed out.",
    "deliverability",
    ("affinity",),
    source=f"{_STATISTICS}; IPAffinity: publicId",
)
MESSAGES_IN_RECOVERY = Metric(
    "campaign_messages_in_recovery",
    "gauge",
    "Messages that are left in deliveries which wait for a retry or are in one.",
    "deliverability",
    ("channel",),
    {"channel": tuple(CHANNELS.values())},
    source="NmsDelivery.iToDeliver - iProcessed, iState 61, 62",
)
ADDRESS_ERROR_LAST = Metric(
    "campaign_address_error_last_timestamp_seconds",
    "gauge",
    "When Campaign last noted an error of an address, among the 200 addresses that changed last: by a bounce that inMail read,"
    " or by the MTA itself, which Adobe documents no way to tell apart. Absent where none is noted.",
    "deliverability",
    source="NmsAddress.tsLastError, tsLastModified",
)

# --- addresses of IP affinities -------------------------------------------------------------------------------------------

AFFINITY_ADDRESSES = Metric(
    "campaign_ip_affinity_addresses",
    "gauge",
    "Addresses that a host's configuration gives an IP affinity; absent where a mask gives them. Few lower the throughput;"
    " Adobe names no number.",
    "affinity",
    ("host", "affinity"),
    source="serverConf.xml, config-<instance>.xml: IPAffinity/IP address, IPMask",
)
AFFINITY_PUBLIC_ID = Metric(
    "campaign_ip_affinity_public_id_info",
    "gauge",
    "A publicId of an address of an IP affinity: by it the error statistics name the address.",
    "affinity",
    ("host", "affinity", "public_id"),
    source="serverConf.xml, config-<instance>.xml: IPAffinity/IP publicId",
)

# --- files ----------------------------------------------------------------------------------------------------------------

_HOST = ("host",)
TEMPORARY_OTHER_DEVICE = Metric(
    "campaign_host_temporary_other_device",
    "gauge",
    "1 if temporary files are on another device than var, so that the MTA cannot rename them (errno=18), else 0.",
    "files",
    _HOST,
    source="docs: temporary-files.md",
)
WORKING_FILES = Metric(
    "campaign_mta_working_files",
    "gauge",
    "Files in the folder through which mta and mtachild exchange what is to be sent.",
    "files",
    _HOST,
    source="var/<instance>/mta (docs: temporary-files.md)",
)
WORKING_BYTES = Metric(
    "campaign_mta_working_bytes",
    "gauge",
    "Bytes of these files.",
    "files",
    _HOST,
)
WORKING_OLDEST = Metric(
    "campaign_mta_working_oldest_timestamp_seconds",
    "gauge",
    "When the oldest of these files was written; absent where there is none.",
    "files",
    _HOST,
)
FILES_CUT = Metric(
    "campaign_host_files_cut",
    "gauge",
    "1 if more lies in a folder than is looked at in one round, so that the numbers are too small, else 0.",
    "files",
    ("host", "what"),
    {"what": ("working", "cores")},
    source="configuration: files.most_files",
)
CORE_FILES = Metric(
    "campaign_host_core_files",
    "gauge",
    "Core files in the configured folders: each is a process that died. Adobe alerts at one.",
    "files",
    _HOST,
    source="docs: monitoring-processes.md, indicator Core Files",
)
CORE_NEWEST = Metric(
    "campaign_host_core_newest_timestamp_seconds",
    "gauge",
    "When the newest of these core files was written; absent where there is none.",
    "files",
    _HOST,
)
MTA_LOG_LINES = Metric(
    "campaign_mta_log_lines_total",
    "counter",
    "Lines of the MTA's log by what they tell: postponed_parts, cannot_open_file, cross_device are faults of temporary files;"
    " quota and flow_control say that a mail server's limits are kept, which is in order within bounds.",
    "files",
    ("host", "kind"),
    {"kind": tuple(PHRASES)},
    source="var/<instance>/log/mta.log; kb KA-16998, KA-22154, KA-21165; docs: temporary-files.md",
)
MTA_LOG_UNREAD = Metric(
    "campaign_mta_log_unread_bytes",
    "gauge",
    "Bytes of the MTA's log that were left for the next round: more than a line where it grows faster than it is read.",
    "files",
    _HOST,
)
#: What an agent tells of a host's files.
OF_FILES = (
    TEMPORARY_OTHER_DEVICE,
    WORKING_FILES,
    WORKING_BYTES,
    WORKING_OLDEST,
    FILES_CUT,
    CORE_FILES,
    CORE_NEWEST,
    MTA_LOG_LINES,
    MTA_LOG_UNREAD,
)
