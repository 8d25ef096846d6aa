"""What is left behind, how the database is kept up, and how technical workflows stand."""

import math
from functools import partial

from campaign_exporter import catalogue_hygiene as c
from dashboards.world.story import during
from dashboards.world.teller import Teller

_WORKFLOWS = ("cleanup", "deliveryMgt", "operationMgt", "tracking")
_TABLES = ("nmsaddress", "nmsbroadlogrcp", "nmsdelivery", "nmsdeliverypart", "nmsrecipient")
_MIB = 2**20


def tell_upkeep(teller: Teller) -> None:
    """Tell all of it: an instance in order, unless nobody sees to it."""
    neglected = teller.story.neglected
    _workflows(teller)
    _left_behind(teller)
    _addresses(teller)
    _recipients(teller)
    _tables(teller)
    for state in c.TRANSACTIONS.values["state"]:
        teller.tell_always(c.TRANSACTIONS, state == "active", of={"state": state}, database=True)
    teller.tell(c.OLDEST_TRANSACTION, lambda hour: _at(teller, hour) - 2, of={"state": "active"}, database=True)
    idle = {"state": "idle_in_transaction"}
    teller.tell(
        c.OLDEST_TRANSACTION, lambda hour: _at(teller, neglected[0][0]) if _is(hour, teller) else None, of=idle, database=True
    )
    teller.tell(c.SEQUENCE_LAST_VALUE, lambda hour: 9e8 + int(4000 * hour), of={"sequence": "xtknewid"}, database=True)
    teller.tell_always(c.RT_EVENTS_SAMPLED, 2000, of={"status": "1"}, database=True)
    waiting = {"status": "1"}
    teller.tell(c.RT_EVENTS_UNPROCESSED, lambda hour: 900 if _is(hour, teller) else 3, of=waiting, database=True)
    teller.tell(c.RT_EVENTS_OLDEST, lambda hour: _at(teller, hour) - (5400 if _is(hour, teller) else 1200), database=True)


def _is(hour: float, teller: Teller) -> bool:
    return during(hour, teller.story.neglected)


def _at(teller: Teller, hour: float) -> int:
    return teller.start + int(3600 * hour)


def _workflows(teller: Teller) -> None:
    for kind in c.WORKFLOWS.values["kind"]:
        for state in c.WORKFLOWS.values["state"]:
            teller.tell_always(c.WORKFLOWS, 12 * (state == "started"), of={"kind": kind, "state": state}, database=True)
    for workflow in _WORKFLOWS:
        of = {"workflow": workflow}
        for trouble in c.TECHNICAL_WORKFLOW_TROUBLE.values["trouble"]:
            fails = teller.story.neglected if (workflow, trouble) == ("cleanup", "failed") else ()
            teller.tell(
                c.TECHNICAL_WORKFLOW_TROUBLE, partial(during, windows=fails), of=of | {"trouble": trouble}, database=True
            )
        teller.tell(c.TECHNICAL_WORKFLOW_LAST_RUN, lambda hour: _at(teller, hour) - 600, of=of, database=True)
        teller.tell(c.TECHNICAL_WORKFLOW_NEXT_RUN, lambda hour: _at(teller, hour) + 600, of=of, database=True)
    teller.tell(c.CLEANUP_LAST_RUN, lambda hour: _at(teller, -48.0 if _is(hour, teller) else hour - hour % 24), database=True)
    teller.tell(c.CLEANUP_LOG_ERRORS, lambda hour: 3 * _is(hour, teller), database=True)
    teller.tell(c.MID_SOURCING_LAST_COPY, lambda hour: _at(teller, hour) - 300, of={"account": "mid1"}, database=True)


def _left_behind(teller: Teller) -> None:
    for place, prefix in enumerate(c.WORK_TABLES.values["prefix"]):
        for standing in c.WORK_TABLES.values["standing"]:
            usual = {"in_use": 90, "to_drop": 12}.get(standing, 0) // (place + 1)
            left = 300 // (place + 1) if standing == "orphaned" else usual
            of = {"prefix": prefix, "standing": standing}
            for metric, size in ((c.WORK_TABLES, 1), (c.WORK_TABLE_BYTES, 3 * _MIB)):
                teller.tell(metric, partial(_changes, teller, size * usual, size * left), of=of, database=True)
        teller.tell_always(c.WORK_TABLES_UNMEASURED, 2 * (place < 2), of={"prefix": prefix}, database=True)
    for kind in c.DELIVERIES_LEFT.values["kind"]:
        for place, age in enumerate(c.DELIVERIES_LEFT.values["age"]):
            teller.tell_always(c.DELIVERIES_LEFT, (9, 4, 2, 0, 0)[place], of={"kind": kind, "age": age}, database=True)
    for place, age in enumerate(c.DELIVERIES_KEPT.values["age"]):
        teller.tell_always(c.DELIVERIES_KEPT, (20, 180, 300, 90, 0, 0)[place], of={"age": age}, database=True)
    for place, standing in enumerate(c.DELIVERIES_RECYCLED.values["standing"]):
        teller.tell_always(c.DELIVERIES_RECYCLED, (9, 3, 0, 0)[place], of={"standing": standing}, database=True)
    for what, days in (("RecycledDelivery", 7), ("BroadLog", 60), ("TrackingLog", 365)):
        teller.tell_always(c.CLEANUP_DELAY, days * 86400, of={"option": f"NmsCleanup_{what}PurgeDelay"}, database=True)


def _changes(teller: Teller, usual: int, neglected: int, hour: float) -> int:
    return neglected if _is(hour, teller) else usual


def _addresses(teller: Teller) -> None:
    of = {"channel": "email", "status": "3", "reason": "mailbox_full"}
    teller.tell(c.ADDRESSES_CHANGED, lambda hour: int(40 + 20 * math.sin(hour)), of=of, database=True)
    for metric, label, values in (
        (c.ADDRESSES_BY_STATUS, "status", ("valid", "1", "3")),
        (c.ADDRESSES_BY_REASON, "reason", ("not_defined", "user_unknown", "mailbox_full")),
        (c.ADDRESSES_BY_CHANNEL, "channel", ("email", "sms")),
    ):
        for place, value in enumerate(values):
            teller.tell_always(metric, 90_000 / 3**place, of={label: value}, database=True)
    for place, channel in enumerate(c.RECIPIENTS_DENYLISTED.values["channel"]):
        teller.tell_always(c.RECIPIENTS_DENYLISTED, 40_000 / 4**place, of={"channel": channel}, database=True)


def _recipients(teller: Teller) -> None:
    counted = 1_200_000
    teller.tell_always(c.RECIPIENTS_COUNTED, counted, database=True)
    shares = {"active": 0.45, "inactive": 0.31, "new": 0.23, "unknown": 0.01}
    for activity, share in shares.items():
        teller.tell_always(c.RECIPIENTS_COUNTED_BY_ACTIVITY, share * counted, of={"activity": activity}, database=True)
    for place, channel in enumerate(c.RECIPIENTS_COUNTED_DENYLISTED.values["channel"]):
        teller.tell_always(c.RECIPIENTS_COUNTED_DENYLISTED, 41_300 / 4**place, of={"channel": channel}, database=True)
    teller.tell_always(c.RECIPIENTS_INACTIVE_AFTER, 365 * 86400, database=True)
    teller.tell_always(c.RECIPIENTS_LAP_DURATION, 72_300, database=True)
    teller.tell(c.RECIPIENTS_LAP_END, lambda hour: _at(teller, hour - hour % 20), database=True)
    teller.tell(c.RECIPIENTS_LAP_ROWS, lambda hour: int(60_000 * (hour % 20)), database=True)


def _tables(teller: Teller) -> None:
    for place, table in enumerate(_TABLES, start=1):
        of, size = {"table": table}, place * 300 * _MIB
        teller.tell_always(c.TABLE_BYTES, size, of=of, database=True)
        teller.tell_always(c.TABLE_INDEX_BYTES, size * 0.7, of=of, database=True)
        teller.tell_always(c.TABLE_ROWS, place * 1e6, of=of, database=True)
        teller.tell(c.TABLE_DEAD_ROWS, lambda hour: int(1000 * (hour % 24)), of=of, database=True)
        for metric in (c.TABLE_LAST_VACUUM, c.TABLE_LAST_ANALYZE):
            teller.tell(metric, lambda hour: _at(teller, hour - hour % 24), of=of, database=True)
