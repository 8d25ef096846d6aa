"""Writes the journal to the database."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from campaign_simulator import rows
from campaign_simulator.journal import Ids, Journal, LogRange, Outcome
from campaign_simulator.mail_servers import FIRST_NUMBER
from campaign_simulator.mail_servers import NAMES as MAIL_SERVERS
from campaign_simulator.recipients import DENYLISTS, recipients
from campaign_simulator.rows import Row
from campaign_simulator.sending import ANSWERS
from campaign_simulator.traffic import AFFINITIES, CAMPAIGN_OPERATION

_Item = TypeVar("_Item")
_FORGET_STAT = "DELETE FROM NmsEmailErrorStat WHERE tsDate = %s AND iMXIP = %s AND iPublicId = %s"

_MAKE_LOGS = f"""
INSERT INTO NmsBroadLogRcp (iBroadLogId, iDeliveryId, iRecipientId, iStatus, sAddress, tsEvent, tsLastModified)
SELECT log, %(delivery_id)s, {rows.LOG_RECIPIENT}, {rows.PENDING_LOG}, {rows.LOG_ADDRESS}, %(made)s, %(made)s
FROM generate_series(%(first)s::int, %(last)s::int) AS log
ON CONFLICT (iBroadLogId) DO NOTHING
"""  # noqa: S608  our own expressions
_SETTLE_LOGS = """
UPDATE NmsBroadLogRcp AS log
SET iStatus = new.status, iMsgId = new.message, tsEvent = new.moment, tsLastModified = new.moment
FROM unnest(%s::int[], %s::int[], %s::int[], %s::timestamptz[]) AS new (id, status, message, moment)
WHERE log.iBroadLogId = new.id
"""
_COUNT_ANSWERS = "UPDATE NmsBroadLogMsg SET iCount = least(100000, iCount + %s) WHERE iBroadLogMsgId = %s"
_MAKE_RECIPIENTS = f"""
INSERT INTO NmsRecipient (iRecipientId, sEmail, tsCreated, {", ".join(DENYLISTS.values())})
SELECT new.id, 'user' || new.id || '@mail.example', new.created, {", ".join(f"new.{name}" for name in DENYLISTS.values())}
FROM unnest(%s::int[], %s::timestamptz[], {", ".join(["%s::int[]"] * len(DENYLISTS))})
  AS new (id, created, {", ".join(DENYLISTS.values())})
"""  # noqa: S608  our own names


class Store:
    """The rows of one instance in one schema."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def create(self, now: datetime) -> None:
        """Write what does not change: recipients, refusals, the affinity list, mail servers."""
        with self._connection.transaction():
            self._connection.execute(_MAKE_RECIPIENTS, _recipient_columns(now))
            self._insert("NmsBroadLogMsg", [rows.answer_row(answer, now) for answer in ANSWERS])
            self._insert("NmsOperation", [{"iOperationId": CAMPAIGN_OPERATION, "sInternalName": "OP301", "sLabel": "Spring"}])
            self._insert("NmsDeliveryMapping", [_MAPPING])
            self._insert("XtkEnum", [{"iEnumId": 601, "sName": "IPAffinity", "sLabel": "IP affinity"}])
            values = [
                {"iEnumValueId": number, "iEnumId": 601, "sName": name, "sLabel": name}
                for number, name in enumerate(AFFINITIES, start=602)
            ]
            self._insert("XtkEnumValue", values)
            self._insert("NmsDomain", [{"iDomainId": i, "sDomain": name} for i, name in enumerate(MAIL_SERVERS, start=1)])
            self._insert("NmsMxDomain", [_mx_domain(i, name) for i, name in enumerate(MAIL_SERVERS, start=1)])
            owners = [{"iMXIP": FIRST_NUMBER + i, "sOwner": name} for i, name in enumerate(MAIL_SERVERS, start=1)]
            self._insert("NmsMxOwner", owners)

    def write(self, journal: Journal, ids: Ids) -> None:
        """Write all changes in one transaction and forget them; after a failure they can be written again."""
        with self._connection.transaction():
            self._write_master_data(journal)
            self._write_deliveries(journal)
            self._write_logs(journal)
            self._write_tracking(journal)
            self._write_mail_servers(journal)
            self._connection.execute("SELECT setval('XtkNewId', %s)", (ids.sequence,))
        _clear(journal)

    def analyze(self) -> None:
        """Let the database learn what its tables hold, as Campaign's cleanup does."""
        self._connection.execute("ANALYZE")

    def _write_master_data(self, journal: Journal) -> None:
        self._upsert("NmsTypology", "iTypologyId", _each(rows.typology_row, journal.typologies.values()))
        self._upsert("NmsExtAccount", "iExtAccountId", _each(rows.account_row, journal.accounts.values()))
        self._upsert("XtkWorkflow", "iWorkflowId", _each(rows.workflow_row, journal.workflows.values()))
        self._upsert("XtkOption", "sName", _each(rows.option_row, journal.options.values()))
        logs = [
            {
                "iWorkflowLogId": log.log_id,
                "iWorkflowId": log.workflow_id,
                "tsLog": log.when,
                "iError": int(log.error),
                "sMessage": log.message,
            }
            for log in journal.workflow_logs
        ]
        self._upsert("XtkWorkflowLog", "iWorkflowLogId", logs)

    def _write_deliveries(self, journal: Journal) -> None:
        self._upsert("NmsDelivery", "iDeliveryId", _each(rows.delivery_row, journal.deliveries.values()))
        self._upsert("NmsDeliveryPart", "iDeliveryPartId", _each(rows.part_row, journal.parts.values()))
        if journal.removed_parts:
            gone = list(journal.removed_parts)
            self._connection.execute("DELETE FROM NmsDeliveryPart WHERE iDeliveryPartId = ANY(%s)", (gone,))
        self._upsert("XtkJobLog", "iJobLogId", _each(rows.job_log_row, journal.job_logs))
        self._upsert("NmsDeliveryStat", "tsDate, iDeliveryId", _each(rows.stat_row, journal.stats.values()))

    def _write_logs(self, journal: Journal) -> None:
        for made in journal.log_ranges:
            self._connection.execute(sql.SQL(_MAKE_LOGS), _range_parameters(made))
        if journal.outcomes:
            self._connection.execute(_SETTLE_LOGS, _columns(journal.outcomes))
            answers = [outcome.message_id for outcome in journal.outcomes if outcome.message_id]
            counts = [(answers.count(answer), answer) for answer in sorted(set(answers))]
            with self._connection.cursor() as cursor:
                cursor.executemany(_COUNT_ANSWERS, counts)

    def _write_tracking(self, journal: Journal) -> None:
        self._upsert("NmsTrackingUrl", "iTrackingUrlId", _each(rows.url_row, journal.urls))
        self._upsert("NmsTrackingLogRcp", "iTrackingLogId", _each(rows.tracking_log_row, journal.tracking_logs))
        self._upsert("NmsTrackingStats", "iTrackingStatsId", _each(rows.tracking_stat_row, journal.tracking_stats.values()))
        leaving = [rows.recipient_of(log.log_id) for log in journal.tracking_logs if log.opt_out]
        if leaving:
            self._connection.execute("UPDATE NmsRecipient SET iBlackListEmail = 1 WHERE iRecipientId = ANY(%s)", (leaving,))

    def _write_mail_servers(self, journal: Journal) -> None:
        stats = list(journal.smtp_stats.values())
        if stats:
            with self._connection.cursor() as cursor:
                cursor.executemany(_FORGET_STAT, [(stat.date, stat.mx, stat.public_id) for stat in stats])
            self._insert("NmsEmailErrorStat", _each(rows.smtp_stat_row, stats))
        replied = [stat for stat in stats if stat.reply]
        self._upsert("NmsEmailError", "iMXIP, iPublicId", _each(rows.smtp_reply_row, replied))
        self._upsert("NmsAddress", "iAddressId", _each(rows.address_row, journal.address_errors.values()))

    def _insert(self, table: str, new: Sequence[Row]) -> None:
        """Insert rows that are not there."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_insertion(table, new[0]), [list(row.values()) for row in new])

    def _upsert(self, table: str, key: str, changed: Sequence[Row]) -> None:
        """Insert rows, or give those of the same key their new values."""
        if not changed:
            return
        others = [column for column in changed[0] if column not in key.split(", ")]
        update = sql.SQL(", ").join(sql.SQL(f"{column} = EXCLUDED.{column}") for column in others)
        statement = sql.SQL("{} ON CONFLICT ({}) DO UPDATE SET {}").format(_insertion(table, changed[0]), sql.SQL(key), update)
        with self._connection.cursor() as cursor:
            cursor.executemany(statement, [list(row.values()) for row in changed])


_MAPPING: Row = {
    "iMappingId": 701,
    "sName": "mapRecipient",
    "sLabel": "Recipients",
    "sBroadLogSchema": "nms:broadLogRcp",
    "sBroadLogExclSchema": "nms:excludeLogRcp",
}


def _mx_domain(number: int, name: str) -> Row:
    return {"iMXIP": FIRST_NUMBER + number, "sDomain": name, "sMX": f"mx.{name}"}


def _each(make_row: Callable[[_Item], Row], items: Iterable[_Item]) -> list[Row]:
    return [make_row(item) for item in items]


def _insertion(table: str, row: Row) -> sql.Composed:
    """Return the insertion of rows with the columns of one."""
    columns = sql.SQL(", ").join(sql.SQL(column) for column in row)
    values = sql.SQL(", ").join(sql.Placeholder() * len(row))
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.SQL(table), columns, values)


def _range_parameters(made: LogRange) -> dict[str, Any]:
    return {
        "delivery_id": made.delivery_id,
        "first": made.first,
        "last": made.first + made.count - 1,
        "made": made.made,
    }


def _columns(outcomes: Sequence[Outcome]) -> tuple[list[Any], ...]:
    """Turn outcomes into one array a column."""
    return (
        [outcome.log_id for outcome in outcomes],
        [int(outcome.status) for outcome in outcomes],
        [outcome.message_id for outcome in outcomes],
        [outcome.when for outcome in outcomes],
    )


def _recipient_columns(now: datetime) -> tuple[list[Any], ...]:
    """Turn recipients into one array a column; a flag that is not set is 0, or nothing."""
    made = recipients()
    unset = {0: None, 1: 0}
    flags = [[1 if name in each.refuses else unset[each.recipient_id % 2] for each in made] for name in DENYLISTS]
    created = [None if each.age is None else now - each.age for each in made]
    return [each.recipient_id for each in made], created, *flags


def _clear(journal: Journal) -> None:
    """Forget what was written."""
    for changes in (changes for name, changes in vars(journal).items() if name != "fates"):
        changes.clear()
