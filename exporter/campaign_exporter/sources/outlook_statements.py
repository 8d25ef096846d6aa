"""What is asked to look ahead: deliveries under way and to come, the waves of their parts, and their logs."""

from campaign_exporter.sources.statement import Index, Statement

#: Future parts of one delivery that are looked at; 5 million messages have so many. What is beyond counts as due.
_PARTS = 20000
#: Lines of one delivery's log that are counted, the first ones: a count that stops is better than one that goes back.
LOG_LINES = 1000

# One statement for all that the outlook is made of: launched and not over; or before the launch (a preparation that failed
# among them) and touched within a day or to come. Its columns begin as those of the other deliveries.
OUTLOOK_DELIVERIES = Statement(
    "deliveries under way and to come",
    """
SELECT d.ideliveryid, d.istate, coalesce(nullif(d.slabel, ''), d.sinternalname, ''), d.ideliverymode, d.imessagetype,
  date_part('epoch', d.tscontact::timestamptz), date_part('epoch', d.tsvalidity::timestamptz),
  date_part('epoch', d.tslastmodified::timestamptz), d.itodeliver, d.iprocessed,
  coalesce(d.isuccess, 0), coalesce(d.ierror, 0), coalesce(d.ireject, 0), coalesce(d.inewquarantine, 0)
FROM nmsdelivery d
WHERE d.ideliveryid <> 0 AND coalesce(d.iismodel, 0) = 0 AND coalesce(d.ifcp, 0) = 0 AND coalesce(d.ideletestatus, 0) = 0
  AND d.istate >= 11 AND d.istate < 85
  AND (d.istate >= 51 OR greatest(d.tscontact, d.tslastmodified + interval '1 day') > now())
""",
    {
        "nmsdelivery": (
            "ideliveryid",
            "iismodel",
            "ifcp",
            "ideletestatus",
            "istate",
            "slabel",
            "sinternalname",
            "ideliverymode",
            "imessagetype",
            "tscontact",
            "tsvalidity",
            "tslastmodified",
            "itodeliver",
            "iprocessed",
            "isuccess",
            "ierror",
            "ireject",
            "inewquarantine",
        )
    },
)

# Five minutes make one wave, which begins with its first part. The parts are read only where their passes differ: that
# all of a delivery comes at one time, as with most that are scheduled, two probes of the index tell (NULL messages: all).
WAVES = Statement(
    "waves of parts",
    f"""
SELECT w.id, date_part('epoch', p.first::timestamptz), p.messages
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT e.tsnextpass AS pass FROM nmsdeliverypart e WHERE e.ideliveryid = w.id ORDER BY e.tsnextpass LIMIT 1
) earliest
CROSS JOIN LATERAL (
  SELECT l.tsnextpass AS pass FROM nmsdeliverypart l
  WHERE l.ideliveryid = w.id AND l.tsnextpass < 'infinity' ORDER BY l.tsnextpass DESC LIMIT 1
) latest
CROSS JOIN LATERAL (
  SELECT earliest.pass = latest.pass
    AND NOT EXISTS (SELECT FROM nmsdeliverypart u WHERE u.ideliveryid = w.id AND u.tsnextpass IS NULL) AS one
) passes
CROSS JOIN LATERAL (
  SELECT latest.pass AS first, NULL::bigint AS messages WHERE passes.one
  UNION ALL
  SELECT min(f.tsnextpass), sum(coalesce(f.ircpcount, 0)) FROM (
    SELECT n.tsnextpass, n.ircpcount FROM nmsdeliverypart n
    WHERE n.ideliveryid = w.id AND n.tsnextpass > now() AND n.tsnextpass < 'infinity' AND NOT passes.one
    ORDER BY n.tsnextpass LIMIT {_PARTS}
  ) f
  GROUP BY floor(date_part('epoch', f.tsnextpass::timestamptz) / 300)
) p
WHERE latest.pass > now()
""",  # noqa: S608 - put together from constants of this file
    {"nmsdeliverypart": ("ideliveryid", "tsnextpass", "ircpcount")},
    Index("nmsdeliverypart", ("ideliveryid", "tsnextpass")),
)

#: What a line of a delivery's log can say, in the order of the statement.
FINDINGS = ("capacity", "temporary_file", "cross_device", "mid_timeout", "throttled", "affinity_not_on_mid")

# That iJobId is the delivery's id is inferred. Two probes of the index a delivery tell whether there may be new lines.
LOG_ENDS = Statement(
    "ends of delivery logs",
    """
SELECT w.id, first.line, last.line
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT f.ijoblogid AS line FROM xtkjoblog f WHERE f.ijobid = w.id AND f.ijoblogid <> 0 ORDER BY f.ijoblogid LIMIT 1
) first
CROSS JOIN LATERAL (
  SELECT l.ijoblogid AS line FROM xtkjoblog l WHERE l.ijobid = w.id AND l.ijoblogid <> 0 ORDER BY l.ijoblogid DESC LIMIT 1
) last
""",
    {"xtkjoblog": ("ijobid", "ijoblogid")},
    Index("xtkjoblog", ("ijobid", "ijoblogid")),
)

# Ids of lines are no measure of their order, since each server takes them in blocks: all lines of a delivery are counted.
LOG_TYPES = Statement(
    "lines of delivery logs",
    f"""
SELECT w.id, l.ilogtype, count(*)
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT j.ilogtype FROM xtkjoblog j WHERE j.ijobid = w.id AND j.ijoblogid <> 0 ORDER BY j.ijoblogid LIMIT {LOG_LINES}
) l
GROUP BY 1, 2
""",  # noqa: S608 - put together from constants of this file
    {"xtkjoblog": ("ijobid", "ijoblogid", "ilogtype")},
    Index("xtkjoblog", ("ijobid", "ijoblogid")),
)

# Counts lines by what they say and hands none out: addresses and content stand in them. The phrases are Adobe's.
LOG_FINDINGS = Statement(
    "findings in delivery logs",
    rf"""
SELECT w.id, count(*) FILTER (WHERE l.smessage LIKE '%%DLV-490037%%'),
  count(*) FILTER (WHERE l.smessage LIKE '%%BAS-010015%%' OR l.smessage ILIKE '%%Postponing DeliveryParts%%'),
  count(*) FILTER (WHERE l.smessage ~ 'errno=18(?!\d)' OR l.smessage ILIKE '%%Invalid cross-device link%%'),
  count(*) FILTER (WHERE l.smessage LIKE '%%AppendDeliveryPart%%' AND l.smessage ~ '\m408\M'),
  count(*) FILTER (WHERE l.smessage ILIKE '%%connection quotas met%%' OR l.smessage ILIKE '%%dynamic flow control%%'),
  count(*) FILTER (WHERE l.smessage ILIKE '%%ipaffinity%%is not found on mid server%%')
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT j.smessage FROM xtkjoblog j WHERE j.ijobid = w.id AND j.ijoblogid <> 0 ORDER BY j.ijoblogid LIMIT {LOG_LINES}
) l
GROUP BY 1
""",  # noqa: S608 - put together from constants of this file
    {"xtkjoblog": ("ijobid", "ijoblogid", "smessage")},
    Index("xtkjoblog", ("ijobid", "ijoblogid")),
    granted=False,
)
