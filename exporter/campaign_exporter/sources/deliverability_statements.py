"""What is asked about deliverability: errors by mail server and address, what waits for a retry, the last error noted."""

from campaign_exporter.sources.statement import Index, Statement

# The upper bound lets the planner know that little is asked for, whatever the lower one is worth.
# Coalescing inserts rows anew, without iSentMessages and iHitCount: what is older than its last run is not read
# (docs: database-cleanup-workflow.md).
SMTP_PATHS = Statement(
    "errors of mail servers",
    """
SELECT s.imxip, s.ipublicid, coalesce(sum(s.itotalconnections), 0)::bigint, coalesce(sum(s.itotalerrors), 0)::bigint,
  coalesce(sum(s.imessageerrors), 0)::bigint, coalesce(sum(s.iabortedconnections), 0)::bigint,
  coalesce(sum(s.ifailedconnections), 0)::bigint, coalesce(sum(s.irefusedconnections), 0)::bigint,
  coalesce(sum(s.itimeoutconnections), 0)::bigint, coalesce(sum(s.isentmessages), 0)::bigint
FROM nmsemailerrorstat s
WHERE s.tsdate > greatest(now() - make_interval(secs => %(span)s), to_timestamp(%(coalesced)s))
  AND s.tsdate < now() + interval '1 hour' AND s.imxip IS NOT NULL AND s.ipublicid IS NOT NULL
GROUP BY 1, 2 ORDER BY 3 DESC LIMIT %(most)s
""",
    {
        "nmsemailerrorstat": (
            "tsdate",
            "imxip",
            "ipublicid",
            "itotalconnections",
            "itotalerrors",
            "imessageerrors",
            "iabortedconnections",
            "ifailedconnections",
            "irefusedconnections",
            "itimeoutconnections",
            "isentmessages",
        )
    },
    Index("nmsemailerrorstat", ("tsdate",)),
)

LAST_COALESCING = Statement(
    "last coalescing of error statistics",
    """
SELECT date_part('epoch', o.tstimestampvalue::timestamptz) FROM xtkoption o WHERE o.sname = 'NmsLastErrorStatCoalesce'
""",
    {"xtkoption": ("sname", "tstimestampvalue")},
)

SMTP_REPLIES = Statement(
    "last replies of mail servers",
    """
SELECT e.imxip, e.ipublicid, e.ilastreplycode, left(e.slastreplymessage, 1000)
FROM unnest(%(mxs)s::bigint[], %(public_ids)s::bigint[]) AS w(mx, public_id)
JOIN nmsemailerror e ON e.imxip = w.mx AND e.ipublicid = w.public_id
""",
    {"nmsemailerror": ("imxip", "ipublicid", "ilastreplycode", "slastreplymessage")},
    Index("nmsemailerror", ("imxip",)),
)

# No index is known of it; it has a row for each mail server, and is read where it is small.
MX_OWNERS = Statement(
    "owners of mail servers",
    "SELECT o.imxip, min(o.sowner) FROM nmsmxowner o WHERE o.imxip = ANY(%(mxs)s::bigint[]) AND o.sowner <> '' GROUP BY 1",
    {"nmsmxowner": ("imxip", "sowner")},
)

MX_DOMAINS = Statement(
    "domains of mail servers",
    """
SELECT w.mx, d.sdomain FROM unnest(%(mxs)s::bigint[]) AS w(mx)
CROSS JOIN LATERAL (
  SELECT m.sdomain FROM nmsmxdomain m WHERE m.imxip = w.mx AND m.sdomain <> '' ORDER BY m.sdomain LIMIT 1
) d
""",
    {"nmsmxdomain": ("imxip", "sdomain")},
    Index("nmsmxdomain", ("imxip", "sdomain")),
)

# States of recovery (docs: delivery-statuses.md).
RETRIES = Statement(
    "messages that wait for a retry",
    """
SELECT d.imessagetype, coalesce(sum(greatest(coalesce(d.itodeliver, 0)::bigint - coalesce(d.iprocessed, 0), 0)), 0)::bigint
FROM nmsdelivery d
WHERE d.istate IN (61, 62) AND d.ideliveryid <> 0 AND coalesce(d.iismodel, 0) = 0 AND coalesce(d.ifcp, 0) = 0
  AND coalesce(d.ideletestatus, 0) = 0
GROUP BY 1
""",
    {
        "nmsdelivery": (
            "imessagetype",
            "itodeliver",
            "iprocessed",
            "istate",
            "ideliveryid",
            "iismodel",
            "ifcp",
            "ideletestatus",
        )
    },
)

# tsLastError has no index. Campaign changes an address when it notes an error of it, so that the last error is among the
# last changes, unless a cleanup has just freed more addresses than are looked at.
LAST_ADDRESS_ERROR = Statement(
    "last error of an address",
    """
SELECT date_part('epoch', max(a.tslasterror)::timestamptz) FROM (
  SELECT n.tslasterror FROM nmsaddress n WHERE n.tslastmodified IS NOT NULL ORDER BY n.tslastmodified DESC LIMIT 200
) a
""",
    {"nmsaddress": ("tslasterror", "tslastmodified")},
    Index("nmsaddress", ("tslastmodified",)),
)
