"""What the other exporters are asked, so that they tell what ours tells: as one writes it who knows the tables.

No documentation of theirs has a query for Campaign; these are ours. The delivery log is where Campaign's own reports look,
and where everybody looks first. `BEST` is what a patient hand makes of the same: an index for everything, one look at each
table, and no log.
"""

from benchmarks.exporters import Question

NAIVE = (
    Question(
        "campaign_deliveries",
        "Deliveries by state and channel.",
        ("state", "channel"),
        "deliveries",
        "SELECT iState::text AS state, iMessageType::text AS channel, count(*) AS deliveries FROM NmsDelivery"
        " WHERE iDeliveryId <> 0 AND iIsModel = 0 AND iFCP = 0 AND iDeleteStatus = 0 GROUP BY 1, 2",
    ),
    Question(
        "campaign_pending",
        "Deliveries that wait, by state.",
        ("state",),
        "deliveries",
        "SELECT iState::text AS state, count(*) AS deliveries FROM NmsDelivery WHERE iState IN (51, 61) GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_pending_messages",
        "Messages that wait in them.",
        ("delivery",),
        "messages",
        "SELECT d.iDeliveryId::text AS delivery, count(*) AS messages FROM NmsDelivery d"
        " JOIN NmsBroadLogRcp l ON l.iDeliveryId = d.iDeliveryId WHERE d.iState IN (51, 61) AND l.iStatus = 6 GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_next_pass",
        "When the next part of a delivery is due.",
        ("delivery",),
        "timestamp_seconds",
        "SELECT iDeliveryId::text AS delivery, date_part('epoch', min(tsNextPass)) AS timestamp_seconds"
        " FROM NmsDeliveryPart WHERE iDeliveryId <> 0 GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_messages",
        "Messages by status.",
        ("status",),
        "messages",
        "SELECT iStatus::text AS status, count(*) AS messages FROM NmsBroadLogRcp GROUP BY 1",
    ),
    Question(
        "campaign_messages_hour",
        "Messages of the last hour by status.",
        ("status",),
        "messages",
        "SELECT iStatus::text AS status, count(*) AS messages FROM NmsBroadLogRcp"
        " WHERE tsEvent > now() - interval '1 hour' GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_message_bytes_hour",
        "Bytes of the last hour.",
        ("mode",),
        "bytes",
        "SELECT iVerifyMode::text AS mode, sum(dVolume) AS bytes FROM NmsDeliveryStat"
        " WHERE tsDate > now() - interval '1 hour' GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_affinities",
        "IP affinities that sent in the last hour.",
        ("affinity",),
        "messages",
        "SELECT coalesce(d.sIPAffinity, '') AS affinity, count(*) AS messages FROM NmsBroadLogRcp l"
        " JOIN NmsDelivery d ON d.iDeliveryId = l.iDeliveryId"
        " WHERE l.tsEvent > now() - interval '1 hour' GROUP BY 1",
        may_be_empty=True,
    ),
    Question(
        "campaign_blocked",
        "Sessions that wait for a lock.",
        ("relation",),
        "sessions",
        "SELECT c.relname::text AS relation, count(l.pid) AS sessions FROM pg_class c"
        " LEFT JOIN pg_locks l ON l.relation = c.oid AND NOT l.granted"
        " WHERE c.relname LIKE 'nms%' AND c.relkind = 'r' GROUP BY 1",
    ),
    Question(
        "campaign_workflows",
        "Technical workflows by state.",
        ("workflow",),
        "state",
        "SELECT sInternalName AS workflow, iState AS state FROM XtkWorkflow WHERE iWorkflowId <> 0 AND iIsModel = 0",
    ),
)

#: One look at the deliveries for all that is asked of them, the statistics of the hours that can still change, two probes of
#: an index for each delivery that waits, and the small tables.
BEST = (
    """
SELECT d.iDeliveryId, d.iState, d.iMessageType, d.iDeleteStatus, d.iDeliveryMode, d.tsBroadStart, d.tsBroadEnd, d.tsContact,
  d.tsValidity, d.tsLastModified, d.iToDeliver, d.iProcessed, d.sIPAffinity, d.iTypologyId, d.iDeliveryProviderId,
  d.iSuccess, d.iError, CASE WHEN d.iState < 85 THEN d.sLabel END
FROM NmsDelivery d WHERE d.iDeliveryId <> 0 AND d.iIsModel = 0 AND d.iFCP = 0
""",
    """
SELECT s.tsDate, s.iDeliveryId, s.iFirstSuccess, s.iFirstError, s.iRetriesSuccess, s.iRetriesError, s.dVolume
FROM NmsDeliveryStat s WHERE s.tsDate >= now() - interval '3 hours' AND s.iVerifyMode = 0
""",
    """
SELECT d.iDeliveryId, first.tsNextPass, first.iProcessId, first.sHostname, undated.there
FROM NmsDelivery d
LEFT JOIN LATERAL (SELECT p.tsNextPass, p.iProcessId, p.sHostname FROM NmsDeliveryPart p WHERE p.iDeliveryId = d.iDeliveryId
  ORDER BY p.tsNextPass LIMIT 1) first ON true
LEFT JOIN LATERAL (SELECT true AS there FROM NmsDeliveryPart p WHERE p.iDeliveryId = d.iDeliveryId AND p.tsNextPass IS NULL
  LIMIT 1) undated ON true
WHERE d.iState IN (51, 61)
""",
    "SELECT sName, iLongValue, dDoubleValue FROM XtkOption",
    "SELECT sInternalName, iState, iFailed, tsNextProcessing, iOperationId FROM XtkWorkflow WHERE iIsModel = 0",
    "SELECT iTypologyId, sIPAffinity FROM NmsTypology WHERE sIPAffinity <> ''",
    "SELECT iExtAccountId FROM NmsExtAccount WHERE iActive = 0",
    "SELECT v.sName FROM XtkEnumValue v JOIN XtkEnum e ON e.iEnumId = v.iEnumId WHERE lower(e.sName) LIKE '%ipaffinity'",
    """
SELECT c.relname, count(l.pid), max(l.waitstart) FROM pg_class c LEFT JOIN pg_locks l ON l.relation = c.oid AND NOT l.granted
WHERE c.relname IN ('nmsdelivery', 'nmsdeliverypart', 'nmsdeliverystat', 'nmsbroadlogmid', 'nmsbroadlogmsg', 'nmsbroadlogrcp',
  'xtkworkflow') GROUP BY 1
""",
    "SELECT clock_timestamp()",
)
