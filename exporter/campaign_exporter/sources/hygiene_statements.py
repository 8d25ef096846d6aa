"""Statements about what is left behind, upkeep and technical workflows: see `statements` for the rules.

Sizes, rows and bloat come from PostgreSQL's catalogue alone: no table is opened, locked or measured on disk for them.
"""

from campaign_exporter.sources.statement import Index, Statement

# The zero record is nobody's, and is left out; templates and proofs own work tables as well, and are marked.
REMNANTS = Statement(
    "deliveries with their dates",
    """
SELECT d.ideliveryid, d.istate, coalesce(d.iismodel, 0) <> 0 OR coalesce(d.ifcp, 0) <> 0, coalesce(d.ideletestatus, 0) <> 0,
  d.tsbroadstart IS NOT NULL, date_part('epoch', d.tscreated::timestamptz), date_part('epoch', d.tslastmodified::timestamptz),
  date_part('epoch', d.tscontact::timestamptz), date_part('epoch', d.tsdelete::timestamptz)
FROM nmsdelivery d WHERE d.ideliveryid <> 0
""",
    {
        "nmsdelivery": (
            "ideliveryid",
            "istate",
            "iismodel",
            "ifcp",
            "ideletestatus",
            "tsbroadstart",
            "tscreated",
            "tslastmodified",
            "tscontact",
            "tsdelete",
        )
    },
)

WORKFLOW_OWNERS = Statement(
    "workflows as owners of tables",
    """
SELECT w.iworkflowid, w.istate, date_part('epoch', w.tslastmodified::timestamptz) FROM xtkworkflow w WHERE w.iworkflowid <> 0
""",
    {"xtkworkflow": ("iworkflowid", "istate", "tslastmodified")},
)

# Indexes are summed up once for all tables, not looked up for each. A view has no size. Before PostgreSQL 14 a table that was
# never analyzed looks like an empty one.
WORK_TABLES = Statement(
    "work tables",
    """
SELECT c.relname::text,
  (c.relpages + coalesce(t.relpages, 0) + coalesce(i.pages, 0)) * current_setting('block_size')::bigint,
  c.relkind = 'v' OR c.reltuples > 0 OR c.relpages > 0
    OR (c.reltuples = 0 AND current_setting('server_version_num')::int >= 140000)
FROM pg_class c
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid AND c.reltoastrelid <> 0
LEFT JOIN (
  SELECT k.indrelid, sum(x.relpages) AS pages FROM pg_index k JOIN pg_class x ON x.oid = k.indexrelid GROUP BY 1
) i ON i.indrelid = c.oid
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p', 'v')
  AND c.relname ~ '^(wkdlv_|wkf|wksimu_|grp)-?[0-9a-z]'
LIMIT 100000
""",
)

#: Tables whose upkeep Adobe speaks of, and the large ones.
KEPT_TABLES = (
    "nmsaddress",
    "nmsbroadlogmid",
    "nmsbroadlogmsg",
    "nmsbroadlogrcp",
    "nmsdelivery",
    "nmsdeliverypart",
    "nmsdeliverystat",
    "nmsexcludelogrcp",
    "nmsrecipient",
    "nmsrtevent",
    "nmstrackinglogrcp",
    "nmstrackingstats",
    "xtkjoblog",
    "xtkworkflow",
    "xtkworkflowlog",
)

# Statistics of use are not replicated: on a replica they would tell of nothing as of 0.
KEPT_TABLE_SIZES = Statement(
    "upkeep of tables",
    """
SELECT c.relname::text, CASE WHEN c.reltuples >= 0 AND (c.reltuples > 0 OR measured.since_14) THEN c.reltuples END,
  (c.relpages + coalesce(t.relpages, 0)) * block.size, coalesce(i.pages, 0) * block.size,
  CASE WHEN block.primary THEN pg_stat_get_dead_tuples(c.oid) END,
  CASE WHEN block.primary THEN
    date_part('epoch', greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid))) END,
  CASE WHEN block.primary THEN
    date_part('epoch', greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))) END
FROM pg_class c
CROSS JOIN LATERAL (SELECT current_setting('server_version_num')::int >= 140000 AS since_14) measured
CROSS JOIN LATERAL (
  SELECT current_setting('block_size')::bigint AS size, NOT pg_is_in_recovery() AS primary
) block
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid AND c.reltoastrelid <> 0
LEFT JOIN LATERAL (
  SELECT sum(x.relpages) AS pages FROM pg_index k JOIN pg_class x ON x.oid = k.indexrelid WHERE k.indrelid = c.oid
) i ON true
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind = 'r' AND c.relname = ANY(%(tables)s)
""",
)

# The planner's own knowledge of columns with few values; the view shows that of columns which we may read.
_STATISTICS = """
SELECT a.attname::text, c.reltuples, coalesce(s.null_frac, 0), coalesce(s.most_common_vals::text::int[], '{{}}'),
  coalesce(s.most_common_freqs, '{{}}')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ({columns})
LEFT JOIN pg_stats s
  ON s.schemaname = current_schema() AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind = 'r' AND c.relname = '{table}'
"""


def _statistics(name: str, table: str, columns: tuple[str, ...]) -> Statement:
    listed = ", ".join(f"'{column}'" for column in columns)
    return Statement(name, _STATISTICS.format(table=table, columns=listed), {table: columns})


ADDRESS_STATISTICS = _statistics("statistics of addresses", "nmsaddress", ("istatus", "itype", "iquarantinereason"))
RECIPIENT_STATISTICS = _statistics(
    "statistics of recipients",
    "nmsrecipient",
    ("iblacklist", "iblacklistemail", "iblacklistfax", "iblacklistmobile", "iblacklistphone", "iblacklistpostalmail"),
)

ADDRESSES_CHANGED = Statement(
    "addresses of the last hour",
    """
SELECT a.itype, a.istatus, a.iquarantinereason, count(*) FROM nmsaddress a
WHERE a.tslastmodified >= now() - interval '1 hour' AND a.iaddressid <> 0 GROUP BY 1, 2, 3
""",
    {"nmsaddress": ("iaddressid", "itype", "istatus", "iquarantinereason", "tslastmodified")},
    Index("nmsaddress", ("tslastmodified",)),
)

# That these are dates is documented, and that dates stand in this column follows from its name. The pointer is a date and a
# number of a message: an instance may keep it as a text as well, which is not read, since other texts are secrets.
MOMENTS = Statement(
    "dates among the options",
    r"""
SELECT o.sname, date_part('epoch', o.tstimestampvalue::timestamptz) FROM xtkoption o
WHERE (o.sname IN ('NmsCleanup_LastCleanup', 'NmsTracking_Pointer') OR o.sname LIKE 'NmsMidSourcing\_LastDelivery\_%%')
  AND o.tstimestampvalue IS NOT NULL
""",
    {"xtkoption": ("sname", "tstimestampvalue")},
)

TECHNICAL_WORKFLOWS = Statement(
    "all technical workflows",
    r"""
SELECT w.sinternalname, w.istate, coalesce(w.ifailed, 0) <> 0, date_part('epoch', w.tsprocess::timestamptz),
  date_part('epoch', w.tsnextprocessing::timestamptz)
FROM xtkworkflow w
WHERE w.iworkflowid <> 0 AND coalesce(w.iismodel, 0) = 0
  AND (w.sinternalname = ANY(%(names)s) OR w.sinternalname LIKE 'mcSynch\_%%')
""",
    {"xtkworkflow": ("iworkflowid", "iismodel", "sinternalname", "istate", "ifailed", "tsprocess", "tsnextprocessing")},
)

WORKFLOW_COUNTS = Statement(
    "workflows by kind and state",
    r"""
SELECT CASE WHEN w.sinternalname = ANY(%(names)s) OR w.sinternalname LIKE 'mcSynch\_%%' THEN 'technical'
  WHEN coalesce(w.ioperationid, 0) <> 0 THEN 'campaign' ELSE 'other' END, w.istate, coalesce(w.ifailed, 0) <> 0, count(*)
FROM xtkworkflow w WHERE w.iworkflowid <> 0 AND coalesce(w.iismodel, 0) = 0 GROUP BY 1, 2, 3
""",
    {"xtkworkflow": ("iworkflowid", "iismodel", "sinternalname", "ioperationid", "istate", "ifailed")},
)

# That 1 marks an error follows from the column's name.
CLEANUP_LOG_ERRORS = Statement(
    "errors of cleanup",
    """
SELECT count(*) FILTER (WHERE coalesce(l.ierror, 0) <> 0)
FROM (
  SELECT g.ierror FROM xtkworkflowlog g
  WHERE g.iworkflowid = (SELECT w.iworkflowid FROM xtkworkflow w
      WHERE w.sinternalname = 'cleanup' AND w.iworkflowid <> 0 AND coalesce(w.iismodel, 0) = 0 LIMIT 1)
    AND g.tslog >= now() - interval '25 hours'
  ORDER BY g.tslog DESC LIMIT 5000
) l
""",
    {"xtkworkflowlog": ("iworkflowid", "tslog", "ierror"), "xtkworkflow": ("iworkflowid", "sinternalname", "iismodel")},
    Index("xtkworkflowlog", ("iworkflowid", "tslog")),
)

TRANSACTIONS = Statement(
    "open transactions",
    """
SELECT CASE WHEN a.state LIKE 'idle in transaction%%' THEN 'idle_in_transaction' ELSE 'active' END, count(*),
  date_part('epoch', min(a.xact_start))
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
  AND a.pid <> pg_backend_pid()
GROUP BY 1
UNION ALL
SELECT 'prepared', count(*), date_part('epoch', min(p.prepared)) FROM pg_prepared_xacts p
WHERE p.database = current_database() HAVING count(*) > 0
""",
)

# No value without the right to read the sequence, nor before its first use.
SEQUENCES = Statement(
    "sequences",
    """
SELECT s.sequencename::text, s.last_value,
  has_sequence_privilege(quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename), 'SELECT, USAGE')
FROM pg_sequences s WHERE s.schemaname = current_schema() ORDER BY s.last_value DESC NULLS LAST LIMIT 50
""",
)

# A bounded sample of what had the time to be processed: the numbers of the statuses are not documented. Two hours are read
# at most, where PostgreSQL has never looked at the table, and sorts instead of going backwards through the index.
RT_EVENTS = Statement(
    "transactional events",
    """
SELECT s.istatus, count(*), count(*) FILTER (WHERE s.waits), date_part('epoch', min(s.tscreated) FILTER (WHERE s.waits))
FROM (
  SELECT e.istatus, e.tscreated::timestamptz AS tscreated,
    e.tsprocessed IS NULL AND (e.tsexpiration IS NULL OR e.tsexpiration > now())
      AND (e.tsscheduled IS NULL OR e.tsscheduled < now() - make_interval(secs => %(stuck)s)) AS waits
  FROM nmsrtevent e
  WHERE e.tslastmodified < now() - make_interval(secs => %(stuck)s) AND e.tslastmodified >= now() - interval '2 hours'
    AND e.irteventid <> 0
  ORDER BY e.tslastmodified DESC LIMIT 2000
) s
GROUP BY 1
""",
    {
        "nmsrtevent": (
            "irteventid",
            "istatus",
            "tscreated",
            "tsscheduled",
            "tsexpiration",
            "tsprocessed",
            "tslastmodified",
        )
    },
    Index("nmsrtevent", ("tslastmodified",)),
)
