"""The metrics of collector `outlook`: what is under way, when it will be through, and what is to come."""

from campaign_exporter.domain.deliveries import CHANNELS, STATES
from campaign_exporter.domain.schedule import HORIZONS, LAUNCHED, PREPARED
from campaign_exporter.metric import Metric
from campaign_exporter.sources.outlook_statements import FINDINGS

_COLLECTOR = "outlook"
_ONE = ("delivery_id", "label")
_SCHEDULE = (
    "NmsDelivery.iToDeliver - iProcessed, tsContact, iState 25, 45, 51, 55, 61, 62; NmsDeliveryPart.tsNextPass, iRcpCount"
)
#: What counts of a delivery, in the order in which the collector adds them.
KINDS = ("to_deliver", "processed", "success", "error", "rejected", "quarantined")
#: Launched, and not over.
UNDER_WAY_STATES = {number: name for number, name in STATES.items() if 51 <= number < 85}  # noqa: PLR2004 - iState

UNDER_WAY = Metric(
    "campaign_messages_under_way",
    "gauge",
    "Messages of launched deliveries that are not over, by what became of them: to be delivered at all, processed so far, of"
    " these successful or failed, rejected by rules before, new quarantines. Known states are there for email, other channels"
    " where a delivery is.",
    _COLLECTOR,
    ("state", "channel", "kind"),
    {"state": tuple(UNDER_WAY_STATES.values()), "channel": tuple(CHANNELS.values()), "kind": KINDS},
    source="NmsDelivery.iToDeliver, iProcessed, iSuccess, iError, iReject, iNewQuarantine, iState 51 to 84",
)
DELIVERY_MESSAGES = Metric(
    "campaign_delivery_messages",
    "gauge",
    "Messages of a launched delivery that is not over, by what became of them: deliveries that will miss their validity, then"
    " those with most left, a bounded number of them.",
    _COLLECTOR,
    (*_ONE, "kind"),
    {"kind": KINDS[:4]},
    source="NmsDelivery.iToDeliver, iProcessed, iSuccess, iError, iState 51 to 84",
)
RATE = Metric(
    "campaign_delivery_messages_per_second",
    "gauge",
    "Rate at which a delivery in progress of which a part is due processed messages over the last rate_window (30 minutes"
    " unless configured); absent until two thirds of it were seen.",
    _COLLECTOR,
    _ONE,
    source="NmsDelivery.iProcessed, iState 55; NmsDeliveryPart.tsNextPass",
)
EXPECTED_END = Metric(
    "campaign_delivery_expected_end_timestamp_seconds",
    "gauge",
    "When a delivery in progress will be through at its measured rate, its waves to come among it; absent where the rate is not"
    " known, or 0.",
    _COLLECTOR,
    _ONE,
    source="NmsDelivery.iToDeliver - iProcessed, iState 55; NmsDeliveryPart.tsNextPass, iRcpCount",
)
VALIDITY = Metric(
    "campaign_delivery_validity_timestamp_seconds",
    "gauge",
    "When the validity of a launched delivery ends: Campaign cancels what is unsent then.",
    _COLLECTOR,
    _ONE,
    source="NmsDelivery.tsValidity",
)
PAST_VALIDITY = Metric(
    "campaign_delivery_messages_past_validity",
    "gauge",
    "Messages of a delivery in progress that will not be through when its validity ends, at its measured rate; absent where"
    " that cannot be told.",
    _COLLECTOR,
    _ONE,
    source="NmsDelivery.iToDeliver - iProcessed, tsValidity, iState 55; NmsDeliveryPart.tsNextPass, iRcpCount",
)
UPCOMING = Metric(
    "campaign_upcoming_messages",
    "gauge",
    "Messages that become due between now and a horizon: of launched deliveries (also their waves and retries), and of prepared"
    " ones that somebody or something is still to launch. A longer horizon holds the shorter ones. What is due already is"
    " campaign_messages_due.",
    _COLLECTOR,
    ("stage", "horizon"),
    {"stage": (LAUNCHED, PREPARED), "horizon": tuple(HORIZONS)},
    source=_SCHEDULE,
)
UPCOMING_LARGE = Metric(
    "campaign_upcoming_large_delivery_messages",
    "gauge",
    "Messages of a large delivery (large_delivery, 10000 unless configured) to come within 24 hours, a bounded number of them."
    " Those that come within ten minutes of one another are one group, named by the delivery that comes first.",
    _COLLECTOR,
    (*_ONE, "group"),
    source=_SCHEDULE,
)
UPCOMING_LARGE_START = Metric(
    "campaign_upcoming_large_delivery_timestamp_seconds",
    "gauge",
    "When this large delivery, or its next wave, is to start.",
    _COLLECTOR,
    (*_ONE, "group"),
    source="NmsDelivery.tsContact; NmsDeliveryPart.tsNextPass",
)
LOG_LINES = Metric(
    "campaign_delivery_log_lines_total",
    "counter",
    "Lines of the logs of deliveries that are prepared or sent, the first 1000 of each, by type: the number of iLogType, whose"
    " meaning Adobe does not document.",
    _COLLECTOR,
    ("log_type",),
    source="XtkJobLog.iLogType",
)
LOG_FINDINGS = Metric(
    "campaign_delivery_log_findings_total",
    "counter",
    "Lines of the same logs that say something known; absent where the role may not read their text.",
    _COLLECTOR,
    ("finding",),
    {"finding": FINDINGS},
    source="XtkJobLog.sMessage: DLV-490037, BAS-010015, errno=18, AppendDeliveryPart and 408, connection quotas, ipaffinity",
)
