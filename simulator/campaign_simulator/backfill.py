"""History: deliveries that were over before the simulation began."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

from campaign_simulator import rows
from campaign_simulator.journal import Ids
from campaign_simulator.model import Delivery, SendingStat
from campaign_simulator.sending import HARD_ANSWERS, STAT_PERIOD, floor
from campaign_simulator.traffic import Traffic
from campaign_simulator.vocabulary import FailureReason, LogStatus, State

_REFUSED_EVERY = 40  # one message in so many is refused for good
_RETRIED_EVERY = 30  # and one in so many needs a second attempt
_MAX_PERIODS = 4  # a delivery is sent in at most so many statistics periods

_WRITE_LOGS = f"""
INSERT INTO NmsBroadLogRcp
    (iBroadLogId, iDeliveryId, iRecipientId, iMsgId, iStatus, sAddress, tsEvent, tsLastModified)
SELECT log, delivery.id, {rows.LOG_RECIPIENT},
       CASE WHEN log - delivery.first < delivery.refused THEN {HARD_ANSWERS[0].message_id} ELSE 0 END,
       CASE WHEN log - delivery.first < delivery.refused THEN {LogStatus.FAILED:d} ELSE {LogStatus.SENT:d} END,
       {rows.LOG_ADDRESS}, delivery.ended, delivery.ended
FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], %s::timestamptz[])
         AS delivery (id, first, size, refused, ended),
     generate_series(delivery.first, delivery.first + delivery.size - 1) AS log
"""  # noqa: S608  our own expressions and numbers


@dataclass(frozen=True)
class History:
    """Finished deliveries, with the first id of their logs and their statistics."""

    deliveries: tuple[Delivery, ...]
    first_logs: tuple[int, ...]
    stats: tuple[SendingStat, ...]


class Backfill:
    """Makes and writes history."""

    def __init__(self, traffic: Traffic, ids: Ids, seed: int) -> None:
        self._traffic = traffic
        self._ids = ids
        self._chance = random.Random(seed)  # noqa: S311  repeatable, not secret

    def plan(self, now: datetime, span: timedelta, deliveries: int, log_rows: int) -> History:
        """Make up deliveries that ended in a span before now, with so many delivery logs together."""
        longest = STAT_PERIOD * _MAX_PERIODS
        room = max(span - longest, timedelta(0))  # in which deliveries may begin, so that all are over by now
        made: list[Delivery] = []
        stats: list[SendingStat] = []
        for number in range(deliveries):
            size = log_rows // deliveries + (number < log_rows % deliveries)
            begun = now - longest - room + room * number / deliveries
            delivery = self._finished(begun, size)
            made.append(delivery)
            stats += self._stats(delivery, begun)
        first_logs = tuple(self._ids.logs(delivery.size).start for delivery in made)
        return History(tuple(made), first_logs, tuple(stats))

    def _finished(self, begun: datetime, size: int) -> Delivery:
        """Make up a delivery that ended well."""
        delivery = self._traffic.plain(begun - timedelta(minutes=5), size=size)
        delivery.typology = self._chance.choice(list(self._traffic.typologies.values()))
        delivery.state = State.FINISHED
        delivery.ready_at = None
        delivery.contact = delivery.started = begun
        delivery.broad_start = begun + timedelta(seconds=self._chance.uniform(1, 60))
        delivery.broad_end = delivery.modified = begun + STAT_PERIOD * (self._chance.randint(1, _MAX_PERIODS) - 0.5)
        delivery.to_deliver = size
        delivery.error = delivery.new_quarantine = size // _REFUSED_EVERY
        delivery.reasons = {FailureReason.USER_UNKNOWN: delivery.error}
        delivery.success = size - delivery.error
        return delivery

    def _stats(self, delivery: Delivery, begun: datetime) -> Iterable[SendingStat]:
        """Spread a delivery's messages over the periods in which it was sent."""
        ended = delivery.broad_end or begun
        first = floor(begun, STAT_PERIOD)
        periods = int((ended - first) / STAT_PERIOD) + 1
        retried = delivery.success // _RETRIED_EVERY
        for number in range(periods):
            share = [_share(total, periods, number) for total in (delivery.success - retried, delivery.error, retried)]
            stat = SendingStat(first + number * STAT_PERIOD, delivery.delivery_id, verify_mode=0)
            stat.first_success, refused, stat.retries_success = share
            stat.first_error = refused + stat.retries_success  # what was tried again was refused at first
            attempts = stat.first_success + stat.first_error + stat.retries_success
            stat.volume = attempts * delivery.message_bytes
            yield stat


def write_history(connection: psycopg.Connection, history: History) -> None:
    """Write history in one transaction, the logs made by the database itself; millions of rows take seconds."""
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout TO 0")
        _copy(connection, "NmsDelivery", [rows.delivery_row(delivery) for delivery in history.deliveries])
        _copy(connection, "NmsDeliveryStat", [rows.stat_row(stat) for stat in history.stats])
        connection.execute(
            _WRITE_LOGS,
            (
                [delivery.delivery_id for delivery in history.deliveries],
                list(history.first_logs),
                [delivery.size for delivery in history.deliveries],
                [delivery.error for delivery in history.deliveries],
                [delivery.broad_end for delivery in history.deliveries],
            ),
        )


def _copy(connection: psycopg.Connection, table: str, new: list[rows.Row]) -> None:
    """Copy rows into a table."""
    if not new:
        return
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(new[0])}) FROM STDIN") as copy:
        for row in new:
            copy.write_row(list(row.values()))


def _share(total: int, parts: int, number: int) -> int:
    """Return one of nearly equal parts of a total."""
    return total * (number + 1) // parts - total * number // parts
