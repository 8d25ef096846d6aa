"""What is asked of one delivery when a person wants to know about it. No round asks any of this."""

from campaign_exporter.sources.statement import Index, Statement

# By id, internal name or label, whatever else it is: a template that somebody asks for is a template, not missing.
FOUND_DELIVERIES = Statement(
    "deliveries of that name",
    """
SELECT d.ideliveryid, coalesce(d.sinternalname, ''), coalesce(d.slabel, ''), d.istate,
  CASE WHEN d.ideliveryid = %(id)s THEN 0 WHEN d.sinternalname = %(name)s THEN 1 WHEN d.slabel = %(name)s THEN 2 ELSE 3 END
FROM nmsdelivery d
WHERE d.ideliveryid <> 0 AND (d.ideliveryid = %(id)s OR d.sinternalname = %(name)s OR d.slabel = %(name)s
  OR strpos(lower(d.slabel), lower(%(name)s)) > 0 OR strpos(lower(d.sinternalname), lower(%(name)s)) > 0)
ORDER BY 5, d.tscontact DESC NULLS LAST LIMIT 20
""",
    {"nmsdelivery": ("ideliveryid", "sinternalname", "slabel", "istate", "tscontact")},
)

DELIVERY = Statement(
    "one delivery",
    """
SELECT coalesce(d.sinternalname, ''), coalesce(d.iismodel, 0) <> 0, coalesce(d.ifcp, 0) <> 0,
  coalesce(d.ideletestatus, 0) <> 0, coalesce(d.imidremoteid, 0), coalesce(d.ideliveryproviderid, 0),
  coalesce(d.isuccess, 0), coalesce(d.ierror, 0), date_part('epoch', d.tsbroadstart::timestamptz),
  date_part('epoch', d.tsbroadend::timestamptz),
  d.ideliveryid, d.istate, coalesce(nullif(d.slabel, ''), d.sinternalname, ''), d.ideliverymode, d.imessagetype,
  date_part('epoch', d.tscontact::timestamptz), date_part('epoch', d.tsvalidity::timestamptz),
  date_part('epoch', d.tslastmodified::timestamptz), d.itodeliver, d.iprocessed,
  nullif(d.sipaffinity, ''), d.itypologyid, d.ideliveryproviderid,
  coalesce(d.ioperationid, 0) <> 0, coalesce(d.iworkflowid, 0) <> 0,
  coalesce(d.iusecontentvalidation, 0) <> 0, coalesce(d.iusetargetvalidation, 0) <> 0,
  coalesce(d.iuseextractionvalidation, 0) <> 0, coalesce(d.iusebudgetvalidation, 0) <> 0, coalesce(d.iusefcpvalidation, 0) <> 0
FROM nmsdelivery d WHERE d.ideliveryid = %(id)s
""",
    {
        "nmsdelivery": (
            "sinternalname",
            "iismodel",
            "ifcp",
            "ideletestatus",
            "imidremoteid",
            "ideliveryproviderid",
            "isuccess",
            "ierror",
            "tsbroadstart",
            "tsbroadend",
            "ideliveryid",
            "istate",
            "slabel",
            "ideliverymode",
            "imessagetype",
            "tscontact",
            "tsvalidity",
            "tslastmodified",
            "itodeliver",
            "iprocessed",
            "sipaffinity",
            "itypologyid",
            "ioperationid",
            "iworkflowid",
            "iusecontentvalidation",
            "iusetargetvalidation",
            "iuseextractionvalidation",
            "iusebudgetvalidation",
            "iusefcpvalidation",
        )
    },
    Index("nmsdelivery", ("ideliveryid",)),
)

ACCOUNT_NAME = Statement(
    "name of an account",
    "SELECT coalesce(sname, '') FROM nmsextaccount WHERE iextaccountid = %(id)s AND iextaccountid <> 0",
    {"nmsextaccount": ("iextaccountid", "sname")},
)

# A bound that no delivery of a sane size meets: a million messages have 4,000 parts of 256.
PART_COUNTS = Statement(
    "number of parts",
    """
SELECT count(*), count(*) FILTER (WHERE p.tsnextpass <= now()), count(*) FILTER (WHERE coalesce(p.iprocessid, 0) <> 0)
FROM (SELECT tsnextpass, iprocessid FROM nmsdeliverypart WHERE ideliveryid = %(id)s LIMIT 20000) p
""",
    {"nmsdeliverypart": ("ideliveryid", "tsnextpass", "iprocessid")},
    Index("nmsdeliverypart", ("ideliveryid", "tsnextpass")),
)

# Which of the two columns is the delivery priority of the client, and which number goes first, are not documented: told is only
# who has other numbers.
PRIORITY = Statement(
    "deliveries of another priority",
    """
SELECT coalesce(d.ipriority, 0), coalesce(d.imsgpriority, 0), count(o.ideliveryid),
  (array_agg(DISTINCT coalesce(o.ipriority, 0)::text || '/' || coalesce(o.imsgpriority, 0)::text)
    FILTER (WHERE o.ideliveryid IS NOT NULL))[:11]
FROM nmsdelivery d LEFT JOIN nmsdelivery o ON o.istate IN (55, 62) AND coalesce(o.iismodel, 0) = 0
  AND o.ideliveryid <> d.ideliveryid
  AND (coalesce(o.ipriority, 0), coalesce(o.imsgpriority, 0)) <> (coalesce(d.ipriority, 0), coalesce(d.imsgpriority, 0))
WHERE d.ideliveryid = %(id)s GROUP BY 1, 2
""",
    {"nmsdelivery": ("ideliveryid", "istate", "iismodel", "ipriority", "imsgpriority")},
    Index("nmsdelivery", ("ideliveryid",)),
)

# Counts lines by what they say and hands none out: addresses and content stand in them. That iJobId is the delivery's id is
# inferred.
JOB_LOG = Statement(
    "delivery log",
    r"""
SELECT count(*), count(*) FILTER (WHERE l.smessage LIKE '%%DLV-490037%%'),
  count(*) FILTER (WHERE l.smessage LIKE '%%BAS-010015%%' OR l.smessage ILIKE '%%Postponing DeliveryParts%%'),
  count(*) FILTER (WHERE l.smessage ~ 'errno=18(?!\d)' OR l.smessage ILIKE '%%Invalid cross-device link%%'),
  count(*) FILTER (WHERE l.smessage LIKE '%%AppendDeliveryPart%%' AND l.smessage ~ '\m408\M'),
  count(*) FILTER (WHERE l.smessage ILIKE '%%connection quotas met%%' OR l.smessage ILIKE '%%dynamic flow control%%'),
  count(*) FILTER (WHERE l.smessage ILIKE '%%ipaffinity%%is not found on mid server%%')
FROM (SELECT smessage FROM xtkjoblog WHERE ijobid = %(id)s ORDER BY ijoblogid DESC LIMIT 500) l
""",
    {"xtkjoblog": ("ijoblogid", "ijobid", "smessage")},
    Index("xtkjoblog", ("ijobid", "ijoblogid")),
    granted=False,
)

# Null without the right to read the sequence.
SEQUENCE = Statement(
    "sequence of ids",
    """
SELECT s.last_value FROM pg_sequences s WHERE s.schemaname = current_schema() AND s.sequencename = 'xtknewid'
""",
)
