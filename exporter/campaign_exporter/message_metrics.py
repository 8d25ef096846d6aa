"""The metrics of single messages and of what their recipients do, declared for the catalogue."""

from campaign_exporter.domain.messages import FAILURE_REASONS, FAILURE_TYPES, LOG_STATUSES, UNKNOWN
from campaign_exporter.metric import Metric

_STATUS = {"status": tuple(LOG_STATUSES.values())}
OUTCOMES = ("failed", "postponed")
DOMAIN_RESULTS = ("sent", "postponed", "hard", "soft", "other")
DOMAIN_REFUSALS = ("refused", "unreachable")

MESSAGE_TRANSITIONS = Metric(
    "campaign_message_transitions_total",
    "counter",
    "Delivery logs seen entering a status; pending also with each refusal that leads to another attempt. A status that was"
    " passed through between two rounds is not seen. Values that Adobe does not document go by their number.",
    "messages",
    ("status",),
    _STATUS,
    source="NmsBroadLogRcp.iStatus, tsLastModified and its like of other delivery logs",
)
MESSAGE_TRANSITIONS_CATCH_UP = Metric(
    "campaign_message_transitions_catch_up_total",
    "counter",
    "The part of campaign_message_transitions_total that was counted later for a time that was not watched.",
    "messages",
    ("status",),
    _STATUS,
)
MESSAGE_FAILURES = Metric(
    "campaign_message_failures_total",
    "counter",
    "Messages that failed, and attempts that were postponed to another one, by kind and reason; unknown where the message of"
    " failure is gone. Values that Adobe does not document go by their number.",
    "messages",
    ("outcome", "kind", "reason"),
    {
        "outcome": OUTCOMES,
        "kind": (*FAILURE_TYPES.values(), UNKNOWN),
        "reason": (*FAILURE_REASONS.values(), UNKNOWN),
    },
    source="NmsBroadLogMsg.iFailureType, iFailureReason of delivery logs with iStatus 2, or 6 and an iMsgId",
)
MESSAGE_DOMAIN_RESULTS = Metric(
    "campaign_message_domain_results_total",
    "counter",
    "Mails that were sent, failed, or were postponed, by the recipient's domain: the largest domains, a bounded number of them,"
    " and other. Absent without the right to read addresses.",
    "messages",
    ("domain", "result"),
    {"result": DOMAIN_RESULTS},
    source="NmsBroadLogRcp.sAddress, iStatus; NmsBroadLogMsg.iFailureType",
)
MESSAGE_DOMAIN_REFUSALS = Metric(
    "campaign_message_domain_refusals_total",
    "counter",
    "Those of them that failed or were postponed because the domain's servers refused them, or could not be reached.",
    "messages",
    ("domain", "reason"),
    {"reason": DOMAIN_REFUSALS},
    source="NmsBroadLogRcp.sAddress; NmsBroadLogMsg.iFailureReason 3, 20",
)
MESSAGE_LOG_LAG = Metric(
    "campaign_message_log_lag_seconds",
    "gauge",
    "How far what was read of a delivery log lies behind the database's clock; above 0 while more is written, or is to be"
    " caught up, than a round may read.",
    "messages",
    ("log",),
)
