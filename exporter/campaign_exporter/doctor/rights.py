"""Rights to read: those that are missing, with the GRANT, and those that go beyond what is read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from campaign_exporter.catalogue import DATABASE_BLOCKED, DATABASE_LONGEST_WAIT
from campaign_exporter.doctor import mends
from campaign_exporter.doctor.check import Check, Result, cannot_tell, finding, listed, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.needs import Scope
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.sources.checkup import ColumnRight, Relation, Schema
from campaign_exporter.sources.delivery_statements import JOB_LOG
from campaign_exporter.sources.log_statements import BROAD_LOGS, OTHER_LOG_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import READS_STATISTICS, STATEMENTS, TIMEZONE, columns_read
from campaign_exporter.sources.survey import Survey

#: What nobody needs to see, by table.
_SECRETS: Mapping[str, tuple[str, str]] = {
    "nmsdelivery": ("mdata", "the content of deliveries (mData)"),
    "nmsextaccount": ("spassword", "the passwords of accounts (sPassword of NmsExtAccount)"),
    "xtkoption": ("sstringvalue", "the text of options, keys among them (sStringValue of XtkOption)"),
}
#: What `grants` only mentions, and a site may open.
_AS_ONE_LIKES = (JOB_LOG, *(log.domains for log in BROAD_LOGS))


def examine(patient: Patient) -> Iterator[Check]:
    """Look at the schema, then at what may be read in it."""
    if patient.server is None:
        return
    scope = patient.scope
    yield schema(patient.schemas, scope, patient.server.database)
    if patient.server.superuser:
        yield cannot_tell("rights to read", SUBJECT, "a superuser has every right; which ones are needed cannot be seen by it")
        return
    here = patient.schemas.get(scope.schema)
    if here is not None and here.usage and here.holds_campaign:
        patient.survey = patient.checkup.survey()
        scope = patient.scope
        yield from columns(patient.survey, scope)
        yield from optional(patient.survey, scope)
        zone_read = patient.survey.naive_timestamps and patient.database.timezone is None
        exempt = frozenset[tuple[str, str]]().union(*map(_columns_of, _AS_ONE_LIKES)) | (
            _columns_of(TIMEZONE) if zone_read else frozenset()
        )
        tables = beyond_tables(patient.relations, scope)
        yield tables
        where = "" if tables.result is Result.OK else " of the tables that may not be read as a whole"
        yield beyond_columns(patient.checkup.column_rights(), scope, exempt, where)
    if "database" in patient.collectors:
        yield statistics(allowed=patient.checkup.reads_statistics(), role=scope.role)


def schema(schemas: Mapping[str, Schema], scope: Scope, database: str) -> Check:
    """Tell whether the schema is there, open, and Campaign's."""
    here = schemas.get(scope.schema)
    why = scope.loss(scope.statements)
    if here is not None and here.holds_campaign and here.usage:
        return ok("schema", SUBJECT, f"{scope.schema} holds Campaign's tables, and is open to the role")
    if here is not None and here.holds_campaign:
        mend = f"GRANT USAGE ON SCHEMA {mends.quoted(scope.schema)} TO {mends.quoted(scope.role)};"
        return finding("schema", SUBJECT, f"{scope.schema} is closed to the role", why=why, mend=mend)
    what = f"{scope.schema} {'is not there' if here is None else 'holds no table nmsdelivery'}"
    others = sorted(other.name for other in schemas.values() if other.holds_campaign)
    if others:
        return finding("schema", SUBJECT, f"{what}; {listed(others)} does", why=why, mend=f"set database.schema: {others[0]}")
    mend = "name Campaign's database in database.dsn"
    return finding("schema", SUBJECT, f"{what}, nor does any schema of database {database}", why=why, mend=mend)


def columns(survey: Survey, scope: Scope) -> Iterator[Check]:
    """Name the columns that are there and shut, by table."""
    shut = {table: closed for table, names in scope.tables.items() if (closed := _shut(survey, table, names))}
    for table, names in shut.items():
        yield finding(
            "rights to read",
            SUBJECT,
            f"no right to read {table} ({listed(names)})",
            why=scope.loss(scope.reading(table, names)),
            mend=mends.grant(scope.schema, scope.role, table, names),
        )
    if not shut:
        count = sum(len(names) for names in scope.tables.values())
        yield ok("rights to read", SUBJECT, f"all that are needed: {count} columns of {len(scope.tables)} tables")


def optional(survey: Survey, scope: Scope) -> Iterator[Check]:
    """Tell what is not seen for want of a right that `grants` only mentions: whether to give it is the site's choice."""
    lost: dict[str, list[Statement]] = {}
    for statement in scope.optional:
        for table, names in statement.reads.items():
            if _shut(survey, table, names):
                lost.setdefault(table, []).append(statement)
    for table, statements in lost.items():
        closed = _shut(survey, table, sorted({name for each in statements for name in each.reads[table]}))
        text = f"{table} ({listed(closed)}) may not be read, which is a choice: {scope.loss(statements)}"
        yield ok("optional rights", SUBJECT, f"{text}; `campaign-exporter grants` shows how to allow it")


def _shut(survey: Survey, table: str, columns_: Iterable[str]) -> list[str]:
    """List those of a table's columns that are there and may not be read."""
    return [name for name in columns_ if survey.columns.get(table, {}).get(name) is False]


def statistics(*, allowed: bool, role: str) -> Check:
    """Tell whether waits of other sessions can be seen."""
    if allowed:
        return ok(READS_STATISTICS.name, SUBJECT, "pg_read_all_stats is granted")
    return finding(
        READS_STATISTICS.name,
        SUBJECT,
        "the role is not in pg_read_all_stats",
        why=f"who waits for locks cannot be seen: collector database fails, no {DATABASE_BLOCKED.name},"
        f" {DATABASE_LONGEST_WAIT.name}; no delivery is ever said to wait for database_blocked",
        mend=f"GRANT pg_read_all_stats TO {mends.quoted(role)};",
    )


def beyond_tables(relations: Sequence[Relation], scope: Scope) -> Check:
    """Find tables that may be read as a whole."""
    whole = [relation for relation in relations if relation.whole and not relation.owned]
    if not whole:
        return ok("whole tables", SUBJECT, "none may be read as a whole")
    names = [relation.name for relation in whole]
    holders = sorted({holder for relation in whole for holder in relation.readers})
    target = f"ALL TABLES IN SCHEMA {mends.quoted(scope.schema)}"
    role = mends.quoted(scope.role)
    take = mends.revoke(["SELECT"], target, holders) if holders else f"REVOKE pg_read_all_data FROM {role};"
    others = listed([holder or "PUBLIC" for holder in holders if holder != scope.role])
    secrets = [words for table, (_, words) in _SECRETS.items() if table in names]
    return finding(
        "whole tables",
        SUBJECT,
        f"{len(names)} may be read as a whole: {listed(names)}",
        why=_unneeded(secrets),
        mend=f"{take}{f' (others may stand on what {others} has)' if others else ''} then {mends.GRANTS}",
    )


def beyond_columns(given: Sequence[ColumnRight], scope: Scope, exempt: frozenset[tuple[str, str]], where: str) -> Check:
    """Find columns that may be read and are not; `where` says which ones were looked at."""
    asked = columns_read((*STATEMENTS, *OTHER_LOG_STATEMENTS))
    read = {(table, column) for table, names in asked.items() for column in names} | exempt
    unread = [right for right in given if (right.table, right.column) not in read]
    if not unread:
        return ok("other columns", SUBJECT, f"none{where} may be read beyond those that are")
    secrets = [_SECRETS[right.table][1] for right in unread if _SECRETS.get(right.table, ("", ""))[0] == right.column]
    return finding(
        "other columns",
        SUBJECT,
        f"{listed([f'{right.table}.{right.column}' for right in unread])} may be read",
        why=_unneeded(secrets),
        mend=" ".join(
            mends.revoke(
                [f"SELECT ({mends.quoted(right.column)})"],
                mends.table(scope.schema, right.table),
                right.readers or [scope.role],
            )
            for right in unread
        ),
    )


def _unneeded(secrets: Sequence[str]) -> str:
    seen = f"; with it can be seen: {', '.join(secrets)}" if secrets else ""
    return f"no metric is lost, and none needs it{seen}"


def _columns_of(statement: Statement) -> frozenset[tuple[str, str]]:
    """List the columns of a statement that `grants` only mentions: whoever opens them may have wanted to."""
    return frozenset((table, column) for table, names in statement.reads.items() for column in names)
