"""Work tables, ids, transactions and events."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, healthy
from unit.alerts.texts import told
from unit.alerts.tickets import BEGINS, ENDS, KEEP, PAGE, RESOLVED, WINDOW, labelled, usual
from unit.alerts.timeline import Line, Target, World, always, clock, during, hours, minutes, only, steps
from unit.alerts.vanishing import vanishing

_TABLES, _SEQUENCE = "CampaignWorkTablesOrphaned", "CampaignSequenceNearLimit"
_TRANSACTION, _EVENTS = "CampaignTransactionTooLong", "CampaignEventQueueStuck"

# --- work tables ------------------------------------------------------------------------------------------------------------

_TABLES_BEGIN, _TABLES_END = minutes(20), hours(2)
#: All samples of the window say so, and then `for`; what is over shows at once.
_TABLES_FIRE, _TABLES_RESOLVED = _TABLES_BEGIN + WINDOW + hours(1), _TABLES_END + KEEP
_TABLES_NEXT = (
    "psql -c \"SELECT relname, pg_get_userbyid(relowner) AS owner, relpages * 8 AS kb FROM pg_class WHERE relkind = 'r'"
    " AND relname ~ '^wk(dlv_|f)[0-9]' AND pg_table_is_visible(oid) ORDER BY relpages DESC LIMIT 20\""
)


def _orphans(prefix: str, line: Line, standing: str = "orphaned", target: Target = A) -> World:
    return {target("campaign_work_tables", prefix=prefix, standing=standing): line}


def _left(start: float = _TABLES_FIRE, end: float | None = _TABLES_RESOLVED) -> Firing:
    return Firing(_TABLES, labelled(), start, end)


_MANY = {**_orphans("wkdlv", during(_TABLES_BEGIN, _TABLES_END, 150, 2)), **_orphans("wkf", always(51))}
_TABLE_STORIES = (
    Case(
        None,
        "cleanup leaves work tables that nobody needs",
        {**healthy(), **_MANY},
        hours(2.5),
        (_left(),),
        (
            Told(
                hours(1.5),
                _TABLES,
                [
                    (
                        labelled(),
                        told(
                            _TABLES,
                            "Work tables are left that nobody needs",
                            "prod: 201 work tables belong to deliveries or workflows that are over or gone, and cleanup has"
                            " left them. As far as they were measured they take 4MiB.\n- wkdlv: 150\n- wkf: 51",
                            _TABLES_NEXT,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_TABLES,),
        "two hundred are not more than two hundred",
        {**healthy(), **_orphans("wkdlv", always(150)), **_orphans("wkf", always(50))},
        hours(2.5),
    ),
    Case(
        (_TABLES,),
        "less than an hour is nothing",
        {**healthy(), **_orphans("wkdlv", during(_TABLES_BEGIN, _TABLES_FIRE, 500, 2))},
        hours(2.5),
    ),
    Case(
        (_TABLES,),
        "tables in use, and those that the next cleanup drops, are no orphans",
        {**healthy(), **_orphans("wkdlv", always(5000), "in_use"), **_orphans("wkf", always(5000), "to_drop")},
        hours(2.5),
    ),
    Case(
        (_TABLES,),
        "that cleanup does not run is told instead",
        {**healthy(), **_MANY, A("campaign_cleanup_last_run_timestamp_seconds"): clock(hours(50))},
        hours(2.5),
    ),
    Case(
        (_TABLES,),
        "that cleanup is a little late hides nothing",
        {**healthy(), **_MANY, A("campaign_cleanup_last_run_timestamp_seconds"): clock(hours(45))},
        hours(2.5),
        (_left(),),
    ),
    *usual(_TABLES, _MANY, _left(), until=hours(2.5)),
)

# --- ids --------------------------------------------------------------------------------------------------------------------

_IDS_FIRE = BEGINS + minutes(10)
_IDS_NEXT = 'psql -c "SELECT sequencename, last_value FROM pg_sequences ORDER BY last_value DESC NULLS LAST LIMIT 10"'


def _ids(line: Line, sequence: str = "xtknewid", target: Target = A) -> World:
    return {target("campaign_sequence_last_value", sequence=sequence): line}


def _running_out(start: float = _IDS_FIRE, end: float | None = RESOLVED, sequence: str = "xtknewid") -> Firing:
    return Firing(_SEQUENCE, labelled(sequence=sequence), start, end)


_NEAR = _ids(during(BEGINS, ENDS, 0.95 * 2**31, 1000))
_SEQUENCE_STORIES = (
    Case(
        None,
        "ids run out",
        {**healthy(), **_NEAR},
        hours(1.5),
        (_running_out(),),
        (
            Told(
                minutes(40),
                _SEQUENCE,
                [
                    (
                        _running_out().labels,
                        told(
                            _SEQUENCE,
                            "Campaign's ids run out",
                            "prod: xtknewid has given out 95% of the ids that there are (2^31). Once they wrap, rows collide"
                            " with older ones, and deliveries stop.",
                            _IDS_NEXT,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_SEQUENCE,), "nine tenths are not more", {**healthy(), **_ids(always(1932735283))}, hours(1.5)),
    Case(
        (_SEQUENCE,),
        "a little more is",
        {**healthy(), **_ids(always(1932735284))},
        hours(1.5),
        (_running_out(minutes(10), None),),
    ),
    Case(
        (_SEQUENCE,),
        "each sequence is told",
        {**healthy(), **_NEAR, **_ids(during(BEGINS, ENDS, 2**31 - 1, 5), "broadlogs"), **_ids(always(-5), "others")},
        hours(1.5),
        (_running_out(), _running_out(sequence="broadlogs")),
    ),
    Case(
        (_SEQUENCE,),
        "less than ten minutes are nothing",
        {**healthy(), **_ids(during(BEGINS, BEGINS + minutes(8), 2**31 - 1, 5))},
        hours(1.5),
    ),
    *usual(_SEQUENCE, _NEAR, _running_out()),
)

# --- transactions -----------------------------------------------------------------------------------------------------------

_OPEN_FIRES = BEGINS + hours(1) + 30 + minutes(5)
_OPEN_ENDS = hours(2)
_OPEN_NEXT = (
    'psql -c "SELECT pid, usename, application_name, state, now() - xact_start, left(query, 60) FROM pg_stat_activity'
    ' WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 10"'
)


def _open(line: Line, state: str = "idle_in_transaction", target: Target = A) -> World:
    return {target("campaign_database_oldest_transaction_timestamp_seconds", state=state): line}


def _too_long(
    start: float = _OPEN_FIRES, end: float | None = _OPEN_ENDS + WINDOW + KEEP, state: str = "idle_in_transaction"
) -> Firing:
    return Firing(_TRANSACTION, labelled(state=state), start, end)


_IDLE = _open(only(BEGINS, _OPEN_ENDS, always(BEGINS)))
_TRANSACTION_STORIES = (
    Case(
        None,
        "a session is idle in a transaction",
        {**healthy(), **_IDLE},
        hours(2.5),
        (_too_long(),),
        (
            Told(
                hours(1.5),
                _TRANSACTION,
                [
                    (
                        _too_long().labels,
                        told(
                            _TRANSACTION,
                            "A transaction stays open",
                            "prod: a transaction has been open for 1h 10m 0s (idle_in_transaction). While it is, dead rows of"
                            " no table can be vacuumed away, and what it has locked stays locked.",
                            _OPEN_NEXT,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_TRANSACTION,), "an hour is not more than an hour", {**healthy(), **_open(always(hours(0.5)))}, hours(1.5)),
    Case(
        (_TRANSACTION,),
        "a second more is, of a prepared one as well",
        {**healthy(), **_open(clock(3601)), **_open(clock(3601), "prepared")},
        hours(1.5),
        (_too_long(minutes(5), None), _too_long(minutes(5), None, "prepared")),
    ),
    Case((_TRANSACTION,), "one at work may take six hours", {**healthy(), **_open(always(hours(-4.5)), "active")}, hours(1.5)),
    Case(
        (_TRANSACTION,),
        "and no second more",
        {**healthy(), **_open(clock(hours(6) + 1), "active")},
        hours(1.5),
        (_too_long(minutes(5), None, "active"),),
    ),
    Case(
        (_TRANSACTION,),
        "an hour and four minutes are nothing",
        {**healthy(), **_open(only(BEGINS, BEGINS + hours(1) + minutes(3), always(BEGINS)))},
        hours(2.5),
    ),
    Case(
        (_TRANSACTION,),
        "that sessions are blocked is told instead",
        {
            **healthy(),
            **_IDLE,
            **_open(clock(hours(7)), "active"),
            A("campaign_database_longest_wait_seconds", table="nmsdelivery"): always(301),
        },
        hours(2.5),
    ),
    Case(
        (_TRANSACTION,),
        "a wait of five minutes hides nothing",
        {**healthy(), **_IDLE, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): always(300)},
        hours(2.5),
        (_too_long(),),
    ),
    Case(
        (_TRANSACTION,),
        "once sessions have been blocked for a minute, that is told instead",
        {
            **healthy(),
            **_open(clock(hours(2))),
            A("campaign_database_longest_wait_seconds", table="nmsdelivery"): steps(0, (minutes(40), 301)),
        },
        hours(1.5),
        (_too_long(minutes(5), minutes(41) + KEEP),),
    ),
    *(
        case
        for state in ("active", "idle_in_transaction")
        for case in vanishing(
            _too_long(minutes(5), state=state),
            _open(clock(hours(7)), state),
            "campaign_database_oldest_transaction_timestamp_seconds",
            scope=state,
        )
    ),
    *usual(_TRANSACTION, _IDLE, _too_long(), until=hours(2.5)),
)

# --- events -----------------------------------------------------------------------------------------------------------------

#: All samples of the window say so, and then `for`.
_EVENTS_FIRE, _EVENTS_RESOLVED = BEGINS + WINDOW + minutes(5), ENDS + KEEP
_EVENTS_NEXT = (
    'psql -c "SELECT istatus, count(*), count(*) FILTER (WHERE waits) AS unprocessed, min(tscreated) FILTER (WHERE waits)'
    " AS oldest FROM (SELECT istatus, tscreated, tsprocessed IS NULL AND coalesce(tsexpiration, 'infinity') > now() AND"
    " coalesce(tsscheduled, '-infinity') < now() - interval '15 minutes' AS waits FROM nmsrtevent WHERE irteventid <> 0"
    " AND tslastmodified BETWEEN now() - interval '2 hours' AND now() - interval '15 minutes'"
    ' ORDER BY tslastmodified DESC LIMIT 2000) s GROUP BY 1"'
)


def _queue(unprocessed: Line, sampled: Line, status: str = "0", target: Target = A) -> World:
    return {
        target("campaign_rt_events_unprocessed", status=status): unprocessed,
        target("campaign_rt_events_sampled", status=status): sampled,
    }


def _waiting(start: float = _EVENTS_FIRE, end: float | None = _EVENTS_RESOLVED) -> Firing:
    return Firing(_EVENTS, labelled(), start, end)


_WAIT = {
    **_queue(during(BEGINS, ENDS, 1500, 0), during(BEGINS, ENDS, 1500, 0)),
    **_queue(always(0), during(BEGINS, ENDS, 500, 2000), "1"),
}
_EVENT_STORIES = (
    Case(
        None,
        "events are not processed",
        {**healthy(), **_WAIT},
        hours(1.5),
        (_waiting(),),
        (
            Told(
                minutes(40),
                _EVENTS,
                [
                    (
                        labelled(),
                        told(
                            _EVENTS,
                            "Transactional events are not processed",
                            "prod: 1.5k transactional events had the time to be processed and were not, more than 50% of the"
                            " newest ones. Order confirmations, passwords and the like do not go out.",
                            _EVENTS_NEXT,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_EVENTS,),
        "half of them are not more than half",
        {**healthy(), **_queue(always(1000), always(1000)), **_queue(always(0), always(1000), "1")},
        hours(1.5),
    ),
    Case(
        (_EVENTS,),
        "one more is",
        {**healthy(), **_queue(always(1001), always(1001)), **_queue(always(0), always(999), "1")},
        hours(1.5),
        (_waiting(minutes(5), None),),
    ),
    Case(
        (_EVENTS,),
        "forty-nine are too few",
        {**healthy(), **_queue(always(49), always(49)), **_queue(always(0), always(10), "1")},
        hours(1.5),
    ),
    Case(
        (_EVENTS,),
        "fifty are enough, of two statuses together",
        {**healthy(), **_queue(always(30), always(30)), **_queue(always(20), always(20), "1")},
        hours(1.5),
        (_waiting(minutes(5), None),),
    ),
    Case(
        (_EVENTS,),
        "less than seven minutes are nothing",
        {
            **healthy(),
            **_queue(during(BEGINS, _EVENTS_FIRE, 1500, 0), always(1500)),
            **_queue(always(0), always(500), "1"),
        },
        hours(1.5),
    ),
    *vanishing(
        _waiting(minutes(5)),
        {**_queue(always(1500), always(1500)), **_queue(always(0), always(500), "1")},
        "campaign_rt_events_unprocessed",
        "campaign_rt_events_sampled",
    ),
    *usual(_EVENTS, _WAIT, _waiting()),
)

STORIES = (*_TABLE_STORIES, *_SEQUENCE_STORIES, *_TRANSACTION_STORIES, *_EVENT_STORIES)
