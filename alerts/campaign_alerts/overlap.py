"""Which alert owns a situation that several could tell, and what keeps the others silent."""

from typing import NamedTuple


class Situation(NamedTuple):
    """What is the case, the alert that tells it, the alerts that would as well, and why they do not."""

    what: str
    owner: str
    silent: tuple[str, ...]
    how: str


_EXPRESSION = "its expression leaves it out"
_CAUSE = "Alertmanager, by equal `campaign_instance` and `cause`"
_STUCK = "CampaignDeliveryStuckPending"

SITUATIONS = (
    Situation(
        "no host runs the MTA, or sms",
        "CampaignAllMtasDown",
        ("CampaignMtaDown", "CampaignProcessMissing (stat; sms)", "CampaignIpAffinityHostDown", "CampaignThroughputStalled"),
        _EXPRESSION,
    ),
    Situation("", "", (f"{_STUCK} (`mta_down`)",), _CAUSE),
    Situation(
        "stat runs nowhere, an MTA does",
        "CampaignProcessMissing (stat), CampaignDeliveryStalled (ticket) of what had stood still for long before",
        ("CampaignThroughputStalled",),
        _EXPRESSION,
    ),
    Situation("", "", (f"{_STUCK} (`stat_server_down`)",), _CAUSE),
    Situation("wfserver runs nowhere", "CampaignProcessMissing (wfserver)", (f"{_STUCK} (`workflow_engine_down`)",), _CAUSE),
    Situation(
        "stat, wfserver or sms is down on one host and runs on another",
        "CampaignProcessMissing (ticket)",
        ("CampaignProcessMissing (page)", "CampaignAllMtasDown"),
        _EXPRESSION,
    ),
    Situation(
        "a process dies and is started again",
        "CampaignProcessRestarting",
        ("CampaignProcessMissing", "CampaignMtaDown"),
        "each time it is over sooner than these take",
    ),
    Situation(
        "a delivery uses an affinity that is declared nowhere",
        "CampaignIpAffinityUnconfigured",
        ("CampaignIpAffinityLatent",),
        "the metric counts what no launched delivery uses",
    ),
    Situation("", "", (f"{_STUCK} (`affinity_unconfigured`)",), _CAUSE),
    Situation(
        "a delivery uses an affinity whose hosts are down, others send",
        "CampaignIpAffinityHostDown (page), CampaignMtaDown (ticket), CampaignDeliveryStalled (ticket) of what had begun",
        (f"{_STUCK} (`affinity_host_down`)",),
        _CAUSE,
    ),
    Situation(
        "nothing is sent though messages are due, no cause is known",
        "CampaignThroughputStalled",
        ("CampaignDeliveryStalled", "CampaignThroughputLow"),
        _EXPRESSION,
    ),
    Situation("", "", (f"{_STUCK} (`unknown`)",), _CAUSE),
    Situation(
        "one delivery stands still, others go on", "CampaignDeliveryStalled", ("CampaignThroughputStalled",), _EXPRESSION
    ),
    Situation(
        "many messages are refused for good",
        "CampaignHardBouncesHigh, and CampaignDeliveryErrorsHigh above its own limit",
        ("CampaignSoftBouncesHigh",),
        _EXPRESSION,
    ),
    Situation(
        "one domain refuses what it is sent, or cannot be reached",
        "CampaignDomainRefusing, and CampaignDeliveryErrorsHigh where that is much of all",
        ("CampaignHardBouncesHigh", "CampaignSoftBouncesHigh"),
        "what is tried again has not bounced yet",
    ),
    Situation(
        "opens and clicks do not arrive",
        "CampaignTrackingStalled, and CampaignEndpointDown, CampaignProcessMissing or CampaignWorkflowFailed where that is why",
        ("CampaignThroughputStalled",),
        "messages go out",
    ),
    Situation(
        "a delivery stands still, and its validity ends days later",
        "CampaignDeliveryStalled",
        ("CampaignDeliveryWillMissValidity (ticket)",),
        _EXPRESSION,
    ),
    Situation(
        "a delivery stands still, and its validity ends within hours",
        "CampaignDeliveryWillMissValidity (page: what is lost, and when), CampaignDeliveryStalled (ticket: why)",
        ("CampaignDeliveryWillMissValidity (ticket)",),
        _EXPRESSION,
    ),
    Situation(
        "a preparation hangs, and its delivery has been due for longer than NmsMTA_Alert_Delay",
        f"{_STUCK} (`preparation_stuck`, or why nothing is launched)",
        ("CampaignPreparationStuck",),
        _EXPRESSION,
    ),
    Situation(
        "sessions are blocked on Campaign's tables",
        "CampaignDatabaseBlocked",
        ("CampaignExporterCollectorFailing", "CampaignExporterOverBudget", "CampaignThroughputStalled"),
        _EXPRESSION,
    ),
    Situation("", "", (f"{_STUCK} (`database_blocked`)",), _CAUSE),
    Situation("", "", ("CampaignTransactionTooLong",), _EXPRESSION),
    Situation(
        "operationMgt or deliveryMgt is in error and deliveries have waited for it, or defaultMidSourcingDlv and copies",
        f"{_STUCK} (`workflow_engine_down`, `mid_sourcing_lag`)",
        ("CampaignWorkflowFailed",),
        _EXPRESSION,
    ),
    Situation(
        "nothing is copied from a mid-sourcing server for two hours",
        "CampaignMidSourcingCopyStale",
        ("CampaignWorkflowFailed (`late`, defaultMidSourcingDlv)",),
        _EXPRESSION,
    ),
    Situation(
        "the same, and defaultMidSourcingDlv is in error, wfserver is down, or deliveries are stuck for it",
        f"CampaignWorkflowFailed (`failed`), CampaignProcessMissing (wfserver), {_STUCK} (`mid_sourcing_lag`)",
        ("CampaignMidSourcingCopyStale",),
        _EXPRESSION,
    ),
    Situation(
        "cleanup is in error or late, and has not come to its end for two days",
        "CampaignCleanupFailing",
        ("CampaignWorkflowFailed", "CampaignWorkTablesOrphaned"),
        _EXPRESSION,
    ),
    Situation(
        "wfserver runs nowhere, so that workflows are late",
        "CampaignProcessMissing (wfserver)",
        ("CampaignWorkflowFailed (`late`)",),
        _EXPRESSION,
    ),
    Situation(
        "the database is not reached",
        "CampaignDatabaseUnreachable",
        ("CampaignExporterCollectorFailing", "CampaignExporterOverBudget"),
        _EXPRESSION,
    ),
    Situation("", "", ('all that carry `needs="database"`',), "Alertmanager, by equal `campaign_instance`"),
    Situation(
        "a host's processes, configuration, directories or files cannot be read",
        "CampaignHostUnobserved",
        ("CampaignExporterCollectorFailing (processes, affinity, disks, files)",),
        _EXPRESSION,
    ),
    Situation(
        "a redirection or ping endpoint does not answer, on all or one of its servers",
        "CampaignEndpointDown",
        ("CampaignImageUnavailable", "CampaignExporterCollectorFailing (endpoints)"),
        _EXPRESSION,
    ),
    Situation(
        "a public resource is not given out, by all or one of its servers",
        "CampaignImageUnavailable",
        ("CampaignEndpointDown", "CampaignExporterCollectorFailing (endpoints)"),
        _EXPRESSION,
    ),
    Situation(
        "a certificate has ended",
        "CampaignEndpointDown, CampaignImageUnavailable",
        ("CampaignCertificateExpiring",),
        "the certificate is not to be trusted, and its end no longer told",
    ),
    Situation(
        "temporary files are on another device, and the MTA's log says so",
        "CampaignTemporaryFilesOnOtherDevice",
        ("CampaignMtaLogErrors (`cross_device`)",),
        _EXPRESSION,
    ),
    Situation("a file system is fuller than 90 %", "CampaignDiskFull (page)", ("CampaignDiskFull (ticket)",), _EXPRESSION),
    Situation(
        "a mail server refuses connections, and so many messages fail that all providers together show it",
        "CampaignSmtpConnectionsFailing (which one), CampaignDeliveryErrorsHigh (that messages fail)",
        (),
        "both tell: connections that fail need not lose messages",
    ),
    Situation(
        "a table, column or index is missing",
        "CampaignExporterCollectorUnavailable",
        ("CampaignExporterCollectorFailing",),
        _EXPRESSION,
    ),
    Situation(
        "statements are slow, and are answered",
        "CampaignExporterOverBudget",
        ("CampaignExporterCollectorFailing",),
        "a round that is left out has not failed; where statements are ended for their time, both tell",
    ),
    Situation("a collector ends no round", "CampaignExporterDataStale", ("CampaignExporterCollectorFailing",), _EXPRESSION),
    Situation(
        "an exporter does not answer, and nobody else watches its instance",
        "CampaignExporterDown (unwatched)",
        ("CampaignExporterDown (target)",),
        _EXPRESSION,
    ),
    Situation(
        "an exporter does not answer",
        "CampaignExporterDown",
        ("CampaignExporterDataStale, CampaignExporterCollectorFailing and CampaignExporterCollectorUnavailable of it",),
        "their series are gone; for the minutes that they are kept: Alertmanager, by equal `instance`",
    ),
)
