"""Workflows, cleanup, work tables, ids, transactions and events."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import HOSTS, A, B, healthy, pending
from unit.alerts.texts import told
from unit.alerts.timeline import Line, Target, World, always, clock, during, hours, minutes, only, scrapes_fail, twice

_WORKFLOW, _CLEANUP, _TABLES = "CampaignWorkflowFailed", "CampaignCleanupFailing", "CampaignWorkTablesOrphaned"
_SEQUENCE, _TRANSACTION, _EVENTS = "CampaignSequenceNearLimit", "CampaignTransactionTooLong", "CampaignEventQueueStuck"
_BEGINS, _ENDS = minutes(20), minutes(60)
_WINDOW, _KEEP = minutes(2), minutes(5)
_RESOLVED = _ENDS + _WINDOW + _KEEP
_PAGE = "campaign-overview?var-instance=prod"


def _labels(**labels: str) -> Mapping[str, str]:
    return {"severity": "warning", "team": "platform", "campaign_instance": "prod", "needs": "database", **labels}


def _usual(alert: str, world: World, firing: Firing, *, until: float = hours(1.5)) -> tuple[Case, ...]:
    """Tell a story again with lost scrapes, and with a second exporter that fails."""
    lost = scrapes_fail(scrapes_fail({**healthy(), **world}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(35), minutes(37))
    pair = scrapes_fail(twice({**healthy(), **world}, A, B), B, minutes(10), hours(9))
    return (
        Case((alert,), "failed scrapes neither delay nor resolve it", lost, until, (firing,)),
        Case((alert,), "of two exporters one fails", pair, until, (firing,)),
    )


# --- workflows in error -----------------------------------------------------------------------------------------------------

_FAILED_FIRES = _BEGINS + minutes(10)
_FAILED_NEXT = (
    'psql -c "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow'
    ' WHERE ifailed <> 0 AND iismodel = 0 ORDER BY tsprocess DESC LIMIT 10"'
)


def _trouble(workflow: str, line: Line, trouble: str = "failed", target: Target = A) -> World:
    return {target("campaign_technical_workflow_trouble", workflow=workflow, trouble=trouble): line}


def _workflow(workflow: str, scope: str, start: float, end: float | None) -> Firing:
    return Firing(_WORKFLOW, _labels(workflow=workflow, scope=scope), start, end)


_IN_ERROR = _trouble("tracking", during(_BEGINS, _ENDS, 1, 0))
_IS_IN_ERROR = _workflow("tracking", "failed", _FAILED_FIRES, _RESOLVED)


def _stuck(workflow: str, cause: str, name: str) -> Case:
    """Let a workflow be in error, and deliveries be stuck for it from a moment on: then these are told."""
    since = minutes(30)
    stuck = pending(A, cause, only(since, hours(9), always(since)), always(1), always(10))
    told_until = since + minutes(30) + 30 + _KEEP
    return Case(
        (_WORKFLOW, "CampaignDeliveryStuckPending"),
        name,
        {**healthy(), **_trouble(workflow, during(_BEGINS, hours(9), 1, 0)), **stuck},
        hours(2),
        (
            _workflow(workflow, "failed", _FAILED_FIRES, told_until),
            Firing(
                "CampaignDeliveryStuckPending",
                {
                    **_labels(cause=cause),
                    "severity": "critical" if cause == "workflow_engine_down" else "warning",
                },
                since + minutes(30) + 30 + minutes(5),
                None,
            ),
        ),
    )


_FAILED_STORIES = (
    Case(
        None,
        "a technical workflow is in error",
        {**healthy(), **_IN_ERROR},
        hours(1.5),
        (_IS_IN_ERROR,),
        (
            Told(
                minutes(40),
                _WORKFLOW,
                [
                    (
                        _IS_IN_ERROR.labels,
                        told(
                            _WORKFLOW,
                            "A technical workflow is in error",
                            "prod: tracking is in error, and does not run until somebody starts it again.",
                            _FAILED_NEXT,
                            _PAGE,
                            anchor="failed",
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_WORKFLOW,),
        "less than ten minutes in error are nothing",
        {**healthy(), **_trouble("tracking", during(_BEGINS, _BEGINS + minutes(8), 1, 0))},
        hours(1.5),
    ),
    Case(
        (_WORKFLOW,),
        "one that rests is in no error",
        {
            **healthy(),
            **_trouble("tracking", always(1), "paused"),
            **_trouble("forecasting", always(1), "stopped"),
            **_trouble("billing", always(1), "not_started"),
        },
        hours(1.5),
    ),
    Case(
        (_WORKFLOW,),
        "of two exporters one has not seen yet that it runs again",
        {**healthy(), **_IN_ERROR, **_trouble("tracking", during(_BEGINS, _ENDS + 60, 1, 0), target=B)},
        hours(1.5),
        (_workflow("tracking", "failed", _FAILED_FIRES, _RESOLVED + 60),),
    ),
    *_usual(_WORKFLOW, _IN_ERROR, _IS_IN_ERROR),
    _stuck("operationMgt", "workflow_engine_down", "what waits for operationMgt is told instead, once it is stuck"),
    _stuck("deliveryMgt", "workflow_engine_down", "what waits for deliveryMgt is told instead, once it is stuck"),
    _stuck("defaultMidSourcingDlv", "mid_sourcing_lag", "what waits for its copy is told instead, once it is stuck"),
    Case(
        (_WORKFLOW,),
        "what is stuck for one does not hide another",
        {
            **healthy(),
            **_trouble("tracking", during(_BEGINS, hours(9), 1, 0)),
            **pending(A, "workflow_engine_down", always(-hours(2)), always(1), always(10)),
            **pending(A, "mid_sourcing_lag", always(-hours(2)), always(1), always(10)),
        },
        hours(1.5),
        (_workflow("tracking", "failed", _FAILED_FIRES, None),),
    ),
)

# --- late workflows ---------------------------------------------------------------------------------------------------------

_LATE = hours(3)
#: The planned run passes by, three hours, the evaluation after them, and then `for`.
_LATE_FIRES = _BEGINS + _LATE + 30 + minutes(10)
_LATE_ENDS = hours(4.5)
_LATE_NEXT = (
    'psql -c "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow'
    ' WHERE tsnextprocessing < now() AND iismodel = 0 ORDER BY tsnextprocessing LIMIT 10"'
)


def _planned(workflow: str, line: Line) -> World:
    return {A("campaign_technical_workflow_next_run_timestamp_seconds", workflow=workflow): line}


def _overdue(planned: float = _BEGINS, ends: float = _LATE_ENDS) -> Line:
    """Let a run be planned for a moment, and not come before the end."""
    return lambda moment: planned if planned - 60 <= moment < ends else moment + 60


_IS_LATE = _workflow("tracking", "late", _LATE_FIRES, _LATE_ENDS + _WINDOW + _KEEP)
_WFSERVER = {
    A("campaign_process_up", host=host, process="wfserver"): during(minutes(10), _LATE_ENDS - 60, 0, 1)
    for host, processes in HOSTS.items()
    if "wfserver" in processes
}
_LATE_STORIES = (
    Case(
        None,
        "a technical workflow does not run when it should",
        {**healthy(), **_planned("tracking", _overdue())},
        hours(5),
        (_IS_LATE,),
        (
            Told(
                hours(4),
                _WORKFLOW,
                [
                    (
                        _IS_LATE.labels,
                        told(
                            _WORKFLOW,
                            "A technical workflow does not run when it should",
                            "prod: tracking should have run 3h 40m 0s ago. It is not in error.",
                            _LATE_NEXT,
                            _PAGE,
                            anchor="late",
                        ),
                    )
                ],
            ),
        ),
        step=30,
    ),
    Case(
        (_WORKFLOW,),
        "three hours are not more than three hours",
        {**healthy(), **_planned("tracking", always(hours(1.5) - _LATE))},
        hours(1.5),
    ),
    Case(
        (_WORKFLOW,),
        "and then the ten minutes more",
        {**healthy(), **_planned("tracking", always(hours(1.5) - _LATE - minutes(10) - 30))},
        hours(1.5),
        (_workflow("tracking", "late", hours(1.5), None),),
    ),
    Case(
        (_WORKFLOW,),
        "three hours and nine minutes are nothing",
        {**healthy(), **_planned("tracking", _overdue(ends=_BEGINS + _LATE + minutes(8)))},
        hours(4),
    ),
    Case(
        (_WORKFLOW,),
        "that wfserver runs nowhere is told instead",
        {**healthy(), **_planned("tracking", _overdue()), **_WFSERVER},
        hours(5),
    ),
    *_usual(_WORKFLOW, _planned("tracking", _overdue()), _IS_LATE, until=hours(5)),
)

# --- cleanup ----------------------------------------------------------------------------------------------------------------

_OLD = hours(48)
_CLEANUP_FIRES = _BEGINS + 30 + minutes(10)
_CLEANUP_NEXT = (
    'psql -c "SELECT l.tslog, l.ierror, left(l.smessage, 100) FROM xtkworkflowlog l JOIN xtkworkflow w'
    " ON w.iworkflowid = l.iworkflowid WHERE w.sinternalname = 'cleanup' ORDER BY l.tslog DESC LIMIT 20\""
)


def _cleaned(line: Line, target: Target = A) -> World:
    return {target("campaign_cleanup_last_run_timestamp_seconds"): line}


def _no_note(line: Line) -> World:
    """Let cleanup note nothing, and its row say when it ran."""
    return {**_cleaned(always(None)), A("campaign_technical_workflow_last_run_timestamp_seconds", workflow="cleanup"): line}


def _cleanup(start: float = _CLEANUP_FIRES, end: float | None = _ENDS + _KEEP) -> Firing:
    return Firing(_CLEANUP, _labels(), start, end)


#: Two days are over at the beginning, and cleanup runs at the end.
_TWO_DAYS_AGO: Line = lambda moment: _BEGINS - _OLD if moment < _ENDS else _ENDS  # noqa: E731 - a line as any other
_CLEANUP_STORIES = (
    Case(
        None,
        "cleanup has not come to its end for two days, and is in error: told once",
        {
            **healthy(),
            **_cleaned(_TWO_DAYS_AGO),
            **_trouble("cleanup", during(minutes(29), _ENDS, 1, 0)),
            A("campaign_cleanup_log_errors"): always(3),
        },
        hours(1.5),
        (_cleanup(),),
        (
            Told(
                _CLEANUP_FIRES,
                _CLEANUP,
                [
                    (
                        _labels(),
                        told(
                            _CLEANUP,
                            "Cleanup does not come to its end",
                            "prod: cleanup ran last 2d 0h 10m 30s ago, and is to run each day. Errors in its journal of the"
                            " last 25 hours: 3. Logs, deleted deliveries and work tables stay, and the database grows.",
                            _CLEANUP_NEXT,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_CLEANUP,), "two days are not more than two days", {**healthy(), **_cleaned(clock(_OLD))}, hours(1.5)),
    Case(
        (_CLEANUP,),
        "a second more is",
        {**healthy(), **_cleaned(clock(_OLD + 1))},
        hours(1.5),
        (_cleanup(minutes(10), None),),
    ),
    Case(
        (_CLEANUP,),
        "two days and ten minutes are nothing",
        {**healthy(), **_cleaned(lambda moment: _BEGINS - _OLD if moment < _BEGINS + minutes(10) else moment)},
        hours(1.5),
    ),
    Case(
        (_CLEANUP,),
        "where it notes nothing its row tells",
        {**healthy(), **_no_note(_TWO_DAYS_AGO)},
        hours(1.5),
        (_cleanup(),),
    ),
    Case(
        (_CLEANUP,),
        "where it notes its end, that its row is newer changes nothing",
        {**healthy(), **_cleaned(_TWO_DAYS_AGO)},
        hours(1.5),
        (_cleanup(),),
    ),
    Case(
        (_CLEANUP,),
        "of two exporters one has seen that it ran",
        {**healthy(), **_cleaned(_TWO_DAYS_AGO), **_cleaned(clock(hours(1)), B)},
        hours(1.5),
    ),
    Case(
        (_CLEANUP,),
        "what cannot be seen is not old",
        {**healthy(), **_no_note(always(None))},
        hours(1.5),
    ),
    *_usual(_CLEANUP, _cleaned(_TWO_DAYS_AGO), _cleanup()),
    Case(
        (_CLEANUP, _WORKFLOW, _TABLES),
        "before it is two days old, that it is in error is told",
        {**healthy(), **_trouble("cleanup", during(_BEGINS, _ENDS, 1, 0))},
        hours(1.5),
        (_workflow("cleanup", "failed", _FAILED_FIRES, _RESOLVED),),
    ),
)

# --- work tables ------------------------------------------------------------------------------------------------------------

_TABLES_BEGIN, _TABLES_END = minutes(20), hours(2)
#: All samples of the window say so, and then `for`; what is over shows at once.
_TABLES_FIRE, _TABLES_RESOLVED = _TABLES_BEGIN + _WINDOW + hours(1), _TABLES_END + _KEEP
_TABLES_NEXT = (
    "psql -c \"SELECT relname, relpages * 8 AS kb FROM pg_class WHERE relkind = 'r' AND relname ~ '^wk(dlv_|f)[0-9]'"
    ' ORDER BY relpages DESC LIMIT 20"'
)


def _orphans(prefix: str, line: Line, standing: str = "orphaned", target: Target = A) -> World:
    return {target("campaign_work_tables", prefix=prefix, standing=standing): line}


def _left(start: float = _TABLES_FIRE, end: float | None = _TABLES_RESOLVED) -> Firing:
    return Firing(_TABLES, _labels(), start, end)


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
                        _labels(),
                        told(
                            _TABLES,
                            "Work tables are left that nobody needs",
                            "prod: 201 work tables belong to deliveries or workflows that are over or gone, and cleanup has"
                            " left them. As far as they were measured they take 4MiB.\n- wkdlv: 150\n- wkf: 51",
                            _TABLES_NEXT,
                            _PAGE,
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
        {**healthy(), **_MANY, **_cleaned(clock(hours(50)))},
        hours(2.5),
    ),
    *_usual(_TABLES, _MANY, _left(), until=hours(2.5)),
)

# --- ids --------------------------------------------------------------------------------------------------------------------

_IDS_FIRE = _BEGINS + minutes(10)
_IDS_NEXT = 'psql -c "SELECT sequencename, last_value FROM pg_sequences ORDER BY last_value DESC NULLS LAST LIMIT 10"'


def _ids(line: Line, sequence: str = "xtknewid", target: Target = A) -> World:
    return {target("campaign_sequence_last_value", sequence=sequence): line}


def _running_out(start: float = _IDS_FIRE, end: float | None = _RESOLVED, sequence: str = "xtknewid") -> Firing:
    return Firing(_SEQUENCE, _labels(sequence=sequence), start, end)


_NEAR = _ids(during(_BEGINS, _ENDS, 0.95 * 2**31, 1000))
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
                            _PAGE,
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
        {**healthy(), **_NEAR, **_ids(during(_BEGINS, _ENDS, 2**31 - 1, 5), "broadlogs"), **_ids(always(-5), "others")},
        hours(1.5),
        (_running_out(), _running_out(sequence="broadlogs")),
    ),
    Case(
        (_SEQUENCE,),
        "less than ten minutes are nothing",
        {**healthy(), **_ids(during(_BEGINS, _BEGINS + minutes(8), 2**31 - 1, 5))},
        hours(1.5),
    ),
    *_usual(_SEQUENCE, _NEAR, _running_out()),
)

# --- transactions -----------------------------------------------------------------------------------------------------------

_OPEN_FIRES = _BEGINS + hours(1) + 30 + minutes(5)
_OPEN_ENDS = hours(2)
_OPEN_NEXT = (
    'psql -c "SELECT pid, usename, application_name, state, now() - xact_start, left(query, 60) FROM pg_stat_activity'
    ' WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 10"'
)


def _open(line: Line, state: str = "idle_in_transaction", target: Target = A) -> World:
    return {target("campaign_database_oldest_transaction_timestamp_seconds", state=state): line}


def _too_long(
    start: float = _OPEN_FIRES, end: float | None = _OPEN_ENDS + _WINDOW + _KEEP, state: str = "idle_in_transaction"
) -> Firing:
    return Firing(_TRANSACTION, _labels(state=state), start, end)


_IDLE = _open(only(_BEGINS, _OPEN_ENDS, always(_BEGINS)))
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
                            _PAGE,
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
        {**healthy(), **_open(only(_BEGINS, _BEGINS + hours(1) + minutes(3), always(_BEGINS)))},
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
    *_usual(_TRANSACTION, _IDLE, _too_long(), until=hours(2.5)),
)

# --- events -----------------------------------------------------------------------------------------------------------------

#: All samples of the window say so, and then `for`.
_EVENTS_FIRE, _EVENTS_RESOLVED = _BEGINS + _WINDOW + minutes(5), _ENDS + _KEEP
_EVENTS_NEXT = (
    'psql -c "SELECT istatus, count(*), min(tscreated), max(tsprocessed) FROM nmsrtevent'
    " WHERE tslastmodified >= now() - interval '1 hour' GROUP BY 1\""
)


def _queue(unprocessed: Line, sampled: Line, status: str = "0", target: Target = A) -> World:
    return {
        target("campaign_rt_events_unprocessed", status=status): unprocessed,
        target("campaign_rt_events_sampled", status=status): sampled,
    }


def _waiting(start: float = _EVENTS_FIRE, end: float | None = _EVENTS_RESOLVED) -> Firing:
    return Firing(_EVENTS, _labels(), start, end)


_WAIT = {
    **_queue(during(_BEGINS, _ENDS, 1500, 0), during(_BEGINS, _ENDS, 1500, 0)),
    **_queue(always(0), during(_BEGINS, _ENDS, 500, 2000), "1"),
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
                        _labels(),
                        told(
                            _EVENTS,
                            "Transactional events are not processed",
                            "prod: 1.5k transactional events had the time to be processed and were not, more than 50% of the"
                            " newest ones. Order confirmations, passwords and the like do not go out.",
                            _EVENTS_NEXT,
                            _PAGE,
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
            **_queue(during(_BEGINS, _EVENTS_FIRE, 1500, 0), always(1500)),
            **_queue(always(0), always(500), "1"),
        },
        hours(1.5),
    ),
    *_usual(_EVENTS, _WAIT, _waiting()),
)

STORIES = (
    *_FAILED_STORIES,
    *_LATE_STORIES,
    *_CLEANUP_STORIES,
    *_TABLE_STORIES,
    *_SEQUENCE_STORIES,
    *_TRANSACTION_STORIES,
    *_EVENT_STORIES,
)
