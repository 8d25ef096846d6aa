"""What is asked of recipients, step by step in the order of their ids: each step is one short search of an index."""

from campaign_exporter.sources.statement import Index, Statement

# The zero record is nobody's. Those who were created long ago are handed to the next statement.
RECIPIENT_STEP = Statement(
    "next recipients",
    """
SELECT max(s.irecipientid), count(*), count(*) FILTER (WHERE s.iblacklist <> 0),
  count(*) FILTER (WHERE s.iblacklistemail <> 0), count(*) FILTER (WHERE s.iblacklistfax <> 0),
  count(*) FILTER (WHERE s.iblacklistmobile <> 0), count(*) FILTER (WHERE s.iblacklistphone <> 0),
  count(*) FILTER (WHERE s.iblacklistpostalmail <> 0), count(*) FILTER (WHERE s.tscreated IS NULL),
  array_agg(s.irecipientid::bigint) FILTER (WHERE s.tscreated < now() - make_interval(secs => %(inactive_after)s))
FROM (
  SELECT r.irecipientid, r.iblacklist, r.iblacklistemail, r.iblacklistfax, r.iblacklistmobile, r.iblacklistphone,
    r.iblacklistpostalmail, r.tscreated
  FROM nmsrecipient r WHERE r.irecipientid > %(after)s::bigint AND r.irecipientid <> 0 ORDER BY r.irecipientid LIMIT %(rows)s
) s
""",
    {
        "nmsrecipient": (
            "irecipientid",
            "iblacklist",
            "iblacklistemail",
            "iblacklistfax",
            "iblacklistmobile",
            "iblacklistphone",
            "iblacklistpostalmail",
            "tscreated",
        )
    },
    Index("nmsrecipient", ("irecipientid",)),
)

# From the end of the index: there, of one recipient, stands what was written last. At most 101 logs of each are looked at, and
# of most only one. Bounds instead of equality: else the order would mean nothing to the planner, and where it takes a recipient
# to have many logs, it would read the table from its beginning until it meets one.
RECIPIENT_ACTIVITY = Statement(
    "activity of recipients",
    """
SELECT count(*) FILTER (WHERE a.recent), count(*) FILTER (WHERE a.recent IS NULL), count(*) FILTER (WHERE NOT a.recent)
FROM unnest(%(ids)s::bigint[]) AS w(id)
LEFT JOIN LATERAL (
  SELECT n.recent FROM (
    SELECT l.recent, row_number() OVER () AS place FROM (
      SELECT coalesce(t.tslog >= now() - make_interval(secs => %(inactive_after)s), false) AS recent
      FROM nmstrackinglogrcp t WHERE t.irecipientid >= w.id AND t.irecipientid <= w.id
      ORDER BY t.irecipientid DESC LIMIT 101
    ) l
  ) n
  WHERE n.recent OR n.place > 100 LIMIT 1
) a ON true
""",
    {"nmstrackinglogrcp": ("irecipientid", "tslog")},
    Index("nmstrackinglogrcp", ("irecipientid",)),
)

#: Asked only where recipients are to be counted: nobody else needs the rights.
RECIPIENT_STATEMENTS = (RECIPIENT_STEP, RECIPIENT_ACTIVITY)
