"""What is asked of tracking: the counters that its workflow keeps for each delivery, and the newest log.

Tracking logs come in bulk, an hour or more after their time, since a workflow fetches them; to read them as they grow would
mean to read hours of them again and again. Campaign adds them up in NmsDelivery, which is small: the growth is counted there.
"""

from campaign_exporter.sources.statement import Index, Statement

# All of them, also those without any: one whose counters are computed anew must not be taken for a new one when they are back.
# Beside the counters: the channel, and whether the sending began within a day. What lies ahead of the clock did not.
TRACKING_COUNTERS = Statement(
    "tracking counters of deliveries",
    """
SELECT d.ideliveryid, d.imessagetype,
  coalesce(d.ideletestatus, 0) = 0 AND d.tsbroadstart >= now() - interval '24 hours' AND d.tsbroadstart <= now(),
  coalesce(d.itotalrecipientopen, 0), coalesce(d.itotalrecipientclick, 0), coalesce(d.ioptout, 0),
  coalesce(d.imirrorpage, 0), coalesce(d.itotalwebpage, 0), coalesce(d.itransaction, 0)
FROM nmsdelivery d
WHERE d.ideliveryid <> 0 AND coalesce(d.iismodel, 0) = 0 AND coalesce(d.ifcp, 0) = 0
""",
    {
        "nmsdelivery": (
            "ideliveryid",
            "imessagetype",
            "ideletestatus",
            "tsbroadstart",
            "iismodel",
            "ifcp",
            "itotalrecipientopen",
            "itotalrecipientclick",
            "ioptout",
            "imirrorpage",
            "itotalwebpage",
            "itransaction",
        )
    },
)

# One probe of the index. What lies ahead of the clock, by a server whose clock is wrong, is left out.
NEWEST_TRACKING_LOG = Statement(
    "newest tracking log",
    """
SELECT date_part('epoch', max(t.tslog)::timestamptz) FROM nmstrackinglogrcp t WHERE t.tslog <= now() + interval '1 hour'
""",
    {"nmstrackinglogrcp": ("tslog",)},
    Index("nmstrackinglogrcp", ("tslog",)),
)

# One probe of the index a delivery. It asks for a range of one, in its order: of a plain equality a planner without statistics
# expects that the first pages hold it, and scans. The links 0 and 1 are no delivery's: the zero record, and that of all opens.
TRACKED_DELIVERIES = Statement(
    "deliveries with a tracked link",
    """
SELECT w.id FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT true FROM nmstrackingurl u
  WHERE u.ideliveryid >= w.id AND u.ideliveryid <= w.id AND u.itrackingurlid NOT IN (0, 1) ORDER BY u.ideliveryid LIMIT 1
) l
""",
    {"nmstrackingurl": ("itrackingurlid", "ideliveryid")},
    Index("nmstrackingurl", ("ideliveryid",)),
)

TRACKING_STATEMENTS: tuple[Statement, ...] = (TRACKING_COUNTERS, NEWEST_TRACKING_LOG, TRACKED_DELIVERIES)
