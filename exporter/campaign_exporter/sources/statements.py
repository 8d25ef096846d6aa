"""Every SQL statement of the exporter, with the tables, columns and index that it stands on.

Rules: no log table is ever scanned; NmsDelivery, NmsTypology, NmsExtAccount, XtkOption and the enumerations are small by
Adobe's own advice and may be read whole; mData and sPassword are never read. Times come out as seconds since the epoch:
the cast to timestamptz reads a timestamp without time zone in the session's TimeZone, which the round sets.
"""

from collections.abc import Iterable

from campaign_exporter.sources import (
    deliverability_statements,
    delivery_statements,
    hygiene_statements,
    outlook_statements,
    recipient_statements,
)
from campaign_exporter.sources.log_statements import LOG_STATEMENTS, OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Index, Statement
from campaign_exporter.sources.tracking_statements import TRACKING_STATEMENTS

# Neither the zero record, nor a template, nor a proof. It may lie in the bin, from where it can come back.
_OWN_DELIVERY = "d.ideliveryid <> 0 AND coalesce(d.iismodel, 0) = 0 AND coalesce(d.ifcp, 0) = 0"
_REAL_DELIVERY = f"{_OWN_DELIVERY} AND coalesce(d.ideletestatus, 0) = 0"
_OWN_DELIVERY_COLUMNS = ("ideliveryid", "iismodel", "ifcp")
_REAL_DELIVERY_COLUMNS = (*_OWN_DELIVERY_COLUMNS, "ideletestatus")

DELIVERIES = Statement(
    "deliveries",
    f"""
SELECT d.ideliveryid, d.istate, d.imessagetype, coalesce(d.ideletestatus, 0) <> 0, d.tsbroadstart IS NOT NULL,
  date_part('epoch', d.tsbroadstart::timestamptz) - date_part('epoch', d.tscontact::timestamptz),
  CASE WHEN d.istate >= 51 AND d.istate < 85
    THEN greatest(coalesce(d.itodeliver, 0)::bigint - coalesce(d.iprocessed, 0), 0) END
FROM nmsdelivery d
WHERE {_OWN_DELIVERY}
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdelivery": (
            *_REAL_DELIVERY_COLUMNS,
            "istate",
            "imessagetype",
            "tsbroadstart",
            "tscontact",
            "itodeliver",
            "iprocessed",
        )
    },
)

SENDING_DELIVERIES = Statement(
    "sending deliveries",
    f"""
SELECT d.ideliveryid, d.istate, coalesce(nullif(d.slabel, ''), d.sinternalname, ''), d.ideliverymode, d.imessagetype,
  date_part('epoch', d.tscontact::timestamptz), date_part('epoch', d.tsvalidity::timestamptz),
  date_part('epoch', d.tslastmodified::timestamptz), d.itodeliver, d.iprocessed,
  nullif(d.sipaffinity, ''), d.itypologyid, d.ideliveryproviderid
FROM nmsdelivery d
WHERE d.istate IN (51, 55, 61, 62) AND {_REAL_DELIVERY}
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdelivery": (
            *_REAL_DELIVERY_COLUMNS,
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
            "sipaffinity",
            "itypologyid",
            "ideliveryproviderid",
        )
    },
)

# Columns as those of the other deliveries; the dates of contact and validity are not asked: progress needs neither.
DELIVERIES_IN_PROGRESS = Statement(
    "deliveries in progress",
    f"""
SELECT d.ideliveryid, d.istate, coalesce(nullif(d.slabel, ''), d.sinternalname, ''), d.ideliverymode, d.imessagetype,
  NULL::float8, NULL::float8,
  date_part('epoch', d.tslastmodified::timestamptz), d.itodeliver, d.iprocessed
FROM nmsdelivery d
WHERE d.istate IN (55, 62) AND {_REAL_DELIVERY}
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdelivery": (
            *_REAL_DELIVERY_COLUMNS,
            "istate",
            "slabel",
            "sinternalname",
            "ideliverymode",
            "imessagetype",
            "tslastmodified",
            "itodeliver",
            "iprocessed",
        )
    },
)

# States from the first step of the preparation on, up to what is ready to be launched. Of all that lie there only those count
# whose contact date has passed, or on which work is done, within the window.
PREPARING_DELIVERIES = Statement(
    "deliveries before their launch",
    f"""
SELECT d.ideliveryid, d.istate, coalesce(nullif(d.slabel, ''), d.sinternalname, ''), d.ideliverymode, d.imessagetype,
  date_part('epoch', d.tscontact::timestamptz), date_part('epoch', d.tsvalidity::timestamptz),
  date_part('epoch', d.tslastmodified::timestamptz), d.itodeliver, d.iprocessed,
  coalesce(d.ioperationid, 0) <> 0, coalesce(d.iworkflowid, 0) <> 0,
  coalesce(d.iusecontentvalidation, 0) <> 0, coalesce(d.iusetargetvalidation, 0) <> 0,
  coalesce(d.iuseextractionvalidation, 0) <> 0, coalesce(d.iusebudgetvalidation, 0) <> 0, coalesce(d.iusefcpvalidation, 0) <> 0
FROM nmsdelivery d
WHERE d.istate IN (11, 12, 13, 15, 21, 22, 25, 45) AND {_REAL_DELIVERY}
  AND greatest(CASE WHEN d.tscontact <= now() THEN d.tscontact END, CASE WHEN d.istate <= 22 THEN d.tslastmodified END)
    > now() - make_interval(secs => %(window)s)
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdelivery": (
            *_REAL_DELIVERY_COLUMNS,
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
            "ioperationid",
            "iworkflowid",
            "iusecontentvalidation",
            "iusetargetvalidation",
            "iuseextractionvalidation",
            "iusebudgetvalidation",
            "iusefcpvalidation",
        )
    },
)

WORKFLOWS = Statement(
    "technical workflows",
    """
SELECT w.sinternalname, w.istate, coalesce(w.ifailed, 0) <> 0, date_part('epoch', w.tsnextprocessing::timestamptz)
FROM xtkworkflow w
WHERE w.iworkflowid <> 0 AND coalesce(w.iismodel, 0) = 0 AND w.sinternalname = ANY(%(names)s)
""",
    {"xtkworkflow": ("iworkflowid", "iismodel", "sinternalname", "istate", "ifailed", "tsnextprocessing")},
)

# That 11 is "started" is common knowledge, and not documented.
CAMPAIGN_WORKFLOWS = Statement(
    "campaign workflows",
    """
SELECT count(*) FROM xtkworkflow w
WHERE w.iworkflowid <> 0 AND coalesce(w.iismodel, 0) = 0 AND w.ioperationid <> 0 AND w.istate = 11
""",
    {"xtkworkflow": ("iworkflowid", "iismodel", "ioperationid", "istate")},
)

TYPOLOGY_AFFINITIES = Statement(
    "affinities of typologies",
    "SELECT itypologyid, sipaffinity FROM nmstypology WHERE itypologyid <> 0 AND sipaffinity <> ''",
    {"nmstypology": ("itypologyid", "sipaffinity")},
)

# XtkEnum.sName is, by all signs, plain IPAffinity; with a namespace it is taken as well.
ENUMERATED_AFFINITIES = Statement(
    "affinities of the enumeration",
    r"""
SELECT v.sname FROM xtkenumvalue v JOIN xtkenum e ON e.ienumid = v.ienumid
WHERE v.ienumvalueid <> 0 AND e.ienumid <> 0 AND e.sname ~* '(^|:)ipaffinity$' AND v.sname <> ''
""",
    {"xtkenum": ("ienumid", "sname"), "xtkenumvalue": ("ienumvalueid", "ienumid", "sname")},
)

INACTIVE_ACCOUNTS = Statement(
    "inactive accounts",
    "SELECT iextaccountid FROM nmsextaccount WHERE iextaccountid <> 0 AND iactive = 0",
    {"nmsextaccount": ("iextaccountid", "iactive")},
)

# Two probes of the index a delivery, whatever the number of its parts.
NEXT_PASSES = Statement(
    "next passes",
    """
SELECT w.id, first.there IS NOT NULL, undated.there IS NOT NULL, first.next_pass
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
LEFT JOIN LATERAL (
  SELECT true AS there, date_part('epoch', p.tsnextpass::timestamptz) AS next_pass
  FROM nmsdeliverypart p WHERE p.ideliveryid = w.id ORDER BY p.tsnextpass LIMIT 1
) first ON true
LEFT JOIN LATERAL (
  SELECT true AS there FROM nmsdeliverypart p WHERE p.ideliveryid = w.id AND p.tsnextpass IS NULL LIMIT 1
) undated ON true
""",
    {"nmsdeliverypart": ("ideliveryid", "tsnextpass")},
    Index("nmsdeliverypart", ("ideliveryid", "tsnextpass")),
)

# Only where the first part that is due is held are more of them looked at, and a bounded number: what matters is whether one is
# free. That iProcessId is 0 for a free part is inferred.
HOLDERS = Statement(
    "holders of parts",
    """
SELECT w.id, p.hostname, p.holder
FROM unnest(%(deliveries)s::bigint[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT coalesce(f.iprocessid, 0) AS holder FROM nmsdeliverypart f
  WHERE f.ideliveryid = w.id AND f.tsnextpass <= now() ORDER BY f.tsnextpass LIMIT 1
) first
CROSS JOIN LATERAL (
  SELECT DISTINCT h.hostname, h.holder FROM (
    SELECT coalesce(d.shostname, '') AS hostname, coalesce(d.iprocessid, 0) AS holder FROM nmsdeliverypart d
    WHERE d.ideliveryid = w.id AND d.tsnextpass <= now() ORDER BY d.tsnextpass LIMIT 200
  ) h
) p
WHERE first.holder <> 0
""",
    {"nmsdeliverypart": ("ideliveryid", "tsnextpass", "iprocessid", "shostname")},
    Index("nmsdeliverypart", ("ideliveryid", "tsnextpass")),
)

# Summed up by delivery first: a delivery is looked up once, and not for each of its statistics. The upper bound leaves nothing
# out: a planner without statistics takes a third of a table to lie above a lower bound, and a two-hundredth of it between two.
FLOWING_AFFINITIES = Statement(
    "affinities of the last hour",
    """
SELECT nullif(d.sipaffinity, ''), d.itypologyid, date_part('epoch', max(f.last)::timestamptz)
FROM (
  SELECT s.ideliveryid, max(s.tsdate) AS last FROM nmsdeliverystat s
  WHERE s.tsdate BETWEEN now() - interval '1 hour' AND 'infinity' AND coalesce(s.iverifymode, 0) = 0
    AND greatest(s.ifirstsuccess, s.ifirsterror, s.iretriessuccess, s.iretrieserror) > 0
  GROUP BY 1
) f JOIN nmsdelivery d ON d.ideliveryid = f.ideliveryid
GROUP BY 1, 2
""",
    {
        "nmsdeliverystat": (
            "tsdate",
            "ideliveryid",
            "iverifymode",
            "ifirstsuccess",
            "ifirsterror",
            "iretriessuccess",
            "iretrieserror",
        ),
        "nmsdelivery": ("ideliveryid", "sipaffinity", "itypologyid"),
    },
    Index("nmsdeliverystat", ("tsdate",)),
)

SENDING_AFFINITIES = Statement(
    "affinities of deliveries that were sending within the hour",
    f"""
SELECT nullif(d.sipaffinity, ''), d.itypologyid,
  date_part('epoch', max(CASE WHEN d.istate IN (55, 62) THEN d.tslastmodified ELSE d.tsbroadend END)::timestamptz)
FROM nmsdelivery d
WHERE {_REAL_DELIVERY} AND d.iprocessed > 0
  AND CASE WHEN d.istate IN (55, 62) THEN d.tslastmodified ELSE d.tsbroadend END >= now() - interval '1 hour'
GROUP BY 1, 2
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdelivery": (
            *_REAL_DELIVERY_COLUMNS,
            "iprocessed",
            "tsbroadend",
            "istate",
            "tslastmodified",
            "sipaffinity",
            "itypologyid",
        )
    },
)

# Which column holds the value depends on iDataType, whose codes are not documented: the first number among them counts.
OPTIONS = Statement(
    "options",
    "SELECT sname, ilongvalue, ddoublevalue FROM xtkoption WHERE sname = ANY(%(names)s)",
    {"xtkoption": ("sname", "ilongvalue", "ddoublevalue")},
)

# Keys stand in this column as well.
TIMEZONE = Statement(
    "time zone",
    "SELECT sstringvalue FROM xtkoption WHERE sname = 'WdbcTimeZone'",
    {"xtkoption": ("sname", "sstringvalue")},
    granted=False,
)

STAT_ROWS = Statement(
    "rows of the delivery statistics",
    """
SELECT date_part('epoch', s.tsdate::timestamptz), s.ideliveryid, coalesce(s.ifirstsuccess, 0), coalesce(s.ifirsterror, 0),
  coalesce(s.iretriessuccess, 0), coalesce(s.iretrieserror, 0), coalesce(s.dvolume, 0)
FROM nmsdeliverystat s
WHERE s.tsdate >= to_timestamp(%(start)s) AND s.tsdate < to_timestamp(%(end)s) AND coalesce(s.iverifymode, 0) = 0
""",
    {
        "nmsdeliverystat": (
            "tsdate",
            "ideliveryid",
            "ifirstsuccess",
            "ifirsterror",
            "iretriessuccess",
            "iretrieserror",
            "dvolume",
            "iverifymode",
        )
    },
    Index("nmsdeliverystat", ("tsdate",)),
)

# Whether the delivery statistics are in use here; else whether messages were sent long enough ago that they should be.
THROUGHPUT_EVIDENCE = Statement(
    "evidence for the source of throughput",
    f"""
SELECT (SELECT max(s.tsdate) FROM nmsdeliverystat s) IS NOT NULL,
  EXISTS (SELECT FROM nmsdelivery d WHERE {_REAL_DELIVERY} AND d.iprocessed > 0
    AND d.tsbroadstart < now() - interval '15 minutes')
""",  # noqa: S608 - put together from constants of this file
    {
        "nmsdeliverystat": ("tsdate",),
        "nmsdelivery": (*_REAL_DELIVERY_COLUMNS, "iprocessed", "tsbroadstart"),
    },
    Index("nmsdeliverystat", ("tsdate",)),
)

# All of them: one that drops out for a while, into the bin or while Campaign computes its counters anew, must not be taken
# for a new one when it is back.
DELIVERY_COUNTERS = Statement(
    "delivery counters",
    f"""
SELECT d.ideliveryid, coalesce(d.isuccess, 0), coalesce(d.ierror, 0) FROM nmsdelivery d WHERE {_OWN_DELIVERY}
""",  # noqa: S608 - put together from constants of this file
    {"nmsdelivery": (*_OWN_DELIVERY_COLUMNS, "isuccess", "ierror")},
)

NOW = Statement("clock", "SELECT date_part('epoch', clock_timestamp())")

# A replica that has replayed all it received, and still receives, is not behind, however idle the primary.
REPLAY_LAG = Statement(
    "replay lag",
    """
SELECT CASE
  WHEN NOT pg_is_in_recovery() THEN NULL
  WHEN EXISTS (SELECT FROM pg_stat_wal_receiver) AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
  ELSE date_part('epoch', clock_timestamp() - pg_last_xact_replay_timestamp()) END
""",
)

READS_STATISTICS = Statement("right to read statistics", "SELECT pg_has_role('pg_read_all_stats', 'USAGE')")

#: Tables whose locks stop the sending, by Adobe's notes on database blocking.
SENDING_TABLES = (
    "nmsdelivery",
    "nmsdeliverypart",
    "nmsdeliverystat",
    "nmsbroadlogmid",
    "nmsbroadlogmsg",
    "nmsbroadlogrcp",
    "xtkworkflow",
)

# A session that waits for a row waits for a transaction; the table is that of the tuple lock which it holds meanwhile.
# waitstart came with PostgreSQL 14; before it, the start of the statement is the nearest that is known.
BLOCKED_SESSIONS = Statement(
    "blocked sessions",
    """
WITH waiting AS (
  SELECT l.pid, coalesce(l.relation, t.relation) AS relation, (to_jsonb(l) ->> 'waitstart')::timestamptz AS start
  FROM pg_locks l LEFT JOIN pg_locks t
    ON t.pid = l.pid AND t.locktype = 'tuple' AND t.granted AND l.locktype = 'transactionid'
  WHERE NOT l.granted
    AND coalesce(l.database, t.database) = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
)
SELECT c.relname, count(DISTINCT w.pid),
  coalesce(max(date_part('epoch', clock_timestamp() - coalesce(w.start, a.query_start))), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN waiting w ON w.relation = c.oid
LEFT JOIN pg_stat_activity a ON a.pid = w.pid
WHERE n.nspname = current_schema() AND c.relname = ANY(%(tables)s) AND c.relkind IN ('r', 'p')
GROUP BY 1
""",
)

# What the schema has of the tables that the statements read: columns, whether we may read them, and leading index columns.
COLUMNS = Statement(
    "columns",
    """
SELECT c.relname, a.attname, has_column_privilege(c.oid, a.attnum, 'SELECT'), a.atttypid = 'timestamp'::regtype
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relname = ANY(%(tables)s)
""",
)

# An expression has no column, and stands as NULL in its place. What an index only includes cannot be searched by.
INDEXES = Statement(
    "indexes",
    """
SELECT c.relname, array_agg(a.attname ORDER BY k.place)
FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place) ON k.place <= i.indnkeyatts
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relname = ANY(%(tables)s)
  AND i.indisvalid AND i.indpred IS NULL
GROUP BY c.relname, i.indexrelid
""",
)

# Asked where no table is to be seen: a schema that is shut looks like one that is not there.
SCHEMA_SHUT = Statement(
    "right to the schema",
    """
SELECT NOT has_schema_privilege(n.oid, 'USAGE') FROM pg_namespace n
WHERE n.nspname = (parse_ident(current_setting('search_path'), false))[1]
""",
)

#: Subjects whose statements are in a file of their own.
_ELSEWHERE = (delivery_statements, outlook_statements, deliverability_statements, hygiene_statements, recipient_statements)

STATEMENTS: tuple[Statement, ...] = (
    *(value for place in (globals(), *map(vars, _ELSEWHERE)) for value in list(place.values()) if isinstance(value, Statement)),
    *LOG_STATEMENTS,
    *TRACKING_STATEMENTS,
)

#: All tables that anything is asked of, those included that may be shut, or not there.
TABLES: tuple[str, ...] = tuple(
    sorted({table for statement in (*STATEMENTS, *OTHER_LOG_STATEMENTS) for table in statement.reads})
)


def columns_read(of: Iterable[Statement] = STATEMENTS) -> dict[str, tuple[str, ...]]:
    """List the columns that all granted statements together read, by table."""
    columns: dict[str, set[str]] = {}
    for statement in (statement for statement in of if statement.granted):
        for table, names in statement.reads.items():
            columns.setdefault(table, set()).update(names)
    return {table: tuple(sorted(names)) for table, names in sorted(columns.items())}
