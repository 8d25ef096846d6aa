"""The metrics of single messages and of what their recipients do, declared for the catalogue."""

from campaign_exporter.domain.deliveries import CHANNELS
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

# --- what recipients do ---------------------------------------------------------------------------------------------------

_EVENT = {"event": ("open", "click", "opt_out", "mirror_page", "web_page", "transaction")}
TRACKING_EVENTS = Metric(
    "campaign_tracking_events_total",
    "counter",
    "What recipients did, each time. Moves when Campaign's workflow has fetched tracking logs and added them up.",
    "tracking",
    ("event",),
    _EVENT,
    source="NmsDelivery.iTotalRecipientOpen, iTotalRecipientClick, iOptOut, iMirrorPage, iTotalWebPage, iTransaction",
)
TRACKING_EVENTS_CATCH_UP = Metric(
    "campaign_tracking_events_catch_up_total",
    "counter",
    "The part of campaign_tracking_events_total that was counted at once for a time that was not watched.",
    "tracking",
    ("event",),
    _EVENT,
)
TRACKING_LAST = Metric(
    "campaign_tracking_last_log_timestamp_seconds",
    "gauge",
    "When a recipient did what the newest tracking log tells; absent where there is none.",
    "tracking",
    source="NmsTrackingLogRcp.tsLog",
)
TRACKING_POINTER = Metric(
    "campaign_tracking_pointer_timestamp_seconds",
    "gauge",
    "Up to when Campaign's workflow has fetched tracking logs, as it notes itself. Absent where the instance keeps that date in"
    " another column of the option: which one is not documented, and others are not read.",
    "workflows",
    source="XtkOption.tsTimeStampValue of NmsTracking_Pointer; that it is a date: kb KA-17739",
)
TRACKING_WORKFLOW_UP = Metric(
    "campaign_tracking_workflow_up",
    "gauge",
    "1 if the workflow that fetches tracking logs is at work, 0 if it is in error, paused, stopped or not started; absent where"
    " it is not there.",
    "tracking",
    source="XtkWorkflow.iState, iFailed of the workflow tracking",
)
TRACKING_WORKFLOW_NEXT_RUN = Metric(
    "campaign_tracking_workflow_next_run_timestamp_seconds",
    "gauge",
    "When that workflow runs next, or should have.",
    "tracking",
    source="XtkWorkflow.tsNextProcessing of the workflow tracking",
)
DELIVERIES_STARTED = Metric(
    "campaign_deliveries_started_recently",
    "gauge",
    "Deliveries whose sending began within 24 hours, by whether they have a tracked link. Mails without a link and most SMS"
    " have none; of other mails no click is counted. Absent where no index finds the links of a delivery.",
    "tracking",
    ("channel", "tracked"),
    {"channel": tuple(CHANNELS.values()), "tracked": ("yes", "no")},
    source="NmsDelivery.tsBroadStart; rows of NmsTrackingUrl by iDeliveryId, but for those with id 0 and 1",
)
