"""What is asked of the tables that grow with each message: never more than a page of rows, and always by an index.

The tables of delivery logs follow one template (NmsBroadLogRcp). A statement reads spans of tsLastModified, on which Adobe puts
an index; where a site has none, the log is not read at all. A row that was touched long after its last event, as by a cleanup,
is left out: nothing happened to its message. That tsEvent is rewritten with each change of status says Adobe in KA-16021.
"""

from typing import NamedTuple

from campaign_exporter.sources.statement import Index, Statement

#: A message that is given up is given up after its validity, which is five days unless changed.
_STALE = "interval '7 days'"


class BroadLog(NamedTuple):
    """A table of delivery logs, and what is asked of it."""

    table: str
    rows: Statement
    crowd: Statement
    domains: Statement


def _broad_log(name: str) -> BroadLog:
    table = f"nmsbroadlog{name}"
    counted = f"l.ibroadlogid <> 0 AND (l.tsevent IS NULL OR l.tsevent > l.tslastmodified - {_STALE})"
    columns = ("ibroadlogid", "tslastmodified", "istatus", "imsgid", "tsevent")
    by_time = Index(table, ("tslastmodified",))
    rows = Statement(
        f"delivery logs {name}",
        f"""
SELECT s.number, r.* FROM unnest(%(starts)s::float8[], %(ends)s::float8[]) WITH ORDINALITY AS s(start, finish, number)
CROSS JOIN LATERAL (
  SELECT l.ibroadlogid, date_part('epoch', l.tslastmodified::timestamptz), l.istatus, coalesce(l.imsgid, 0),
    date_part('epoch', l.tsevent::timestamptz)
  FROM {table} l
  WHERE l.tslastmodified >= to_timestamp(s.start) AND l.tslastmodified < to_timestamp(s.finish) AND {counted}
  ORDER BY l.tslastmodified LIMIT %(rows)s
) r
""",  # noqa: S608 - put together from constants of this file
        {table: columns},
        by_time,
    )
    crowd = Statement(
        f"delivery logs {name} of one moment",
        f"""
SELECT l.istatus, coalesce(l.imsgid, 0), count(*) FROM {table} l
WHERE l.tslastmodified = to_timestamp(%(moment)s) AND {counted} GROUP BY 1, 2
""",  # noqa: S608 - put together from constants of this file
        {table: columns},
        by_time,
    )
    # Nothing of an address leaves the database but its domain; that the role could read all of it is for the site to decide.
    domains = Statement(
        f"domains of delivery logs {name}",
        f"""
SELECT l.ibroadlogid, substring(l.saddress from '@([^@]+)$') FROM {table} l
WHERE l.ibroadlogid = ANY(%(ids)s) AND strpos(l.saddress, '@') > 0
""",  # noqa: S608 - put together from constants of this file
        {table: ("ibroadlogid", "saddress")},
        Index(table, ("ibroadlogid",)),
        granted=False,
    )
    return BroadLog(table, rows, crowd, domains)


#: That of recipients is everywhere; the others are read where they are there: of the mid-sourcing server, of transactional
#: messages, services, visitors, operators, subscribers of apps. Not that of archived events, which were counted before.
RECIPIENT_LOG = _broad_log("rcp")
OTHER_LOGS = tuple(map(_broad_log, ("mid", "rtevent", "batchevent", "svc", "visitor", "op", "appsubrcp")))
BROAD_LOGS = (RECIPIENT_LOG, *OTHER_LOGS)

ANSWERS = Statement(
    "messages of failure",
    """
SELECT m.ibroadlogmsgid, m.ifailuretype, m.ifailurereason FROM nmsbroadlogmsg m WHERE m.ibroadlogmsgid = ANY(%(ids)s)
""",
    {"nmsbroadlogmsg": ("ibroadlogmsgid", "ifailuretype", "ifailurereason")},
    Index("nmsbroadlogmsg", ("ibroadlogmsgid",)),
)

LOG_STATEMENTS: tuple[Statement, ...] = (*RECIPIENT_LOG[1:], ANSWERS)
#: Of tables that an instance may lack.
OTHER_LOG_STATEMENTS: tuple[Statement, ...] = tuple(statement for log in OTHER_LOGS for statement in log[1:])
