"""Technical workflows, and cleanup, the gravest among them."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import HOSTS, A, B, healthy, pending
from unit.alerts.texts import told
from unit.alerts.tickets import BEGINS, ENDS, KEEP, PAGE, RESOLVED, WINDOW, labelled, usual
from unit.alerts.timeline import Line, Target, World, always, clock, during, hours, minutes, only

_WORKFLOW, _CLEANUP, _TABLES = "CampaignWorkflowFailed", "CampaignCleanupFailing", "CampaignWorkTablesOrphaned"

# --- workflows in error -----------------------------------------------------------------------------------------------------

_FAILED_FIRES = BEGINS + minutes(10)
_FAILED_NEXT = (
    'psql -c "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow'
    ' WHERE ifailed <> 0 AND iismodel = 0 ORDER BY tsprocess DESC LIMIT 10"'
)


def _trouble(workflow: str, line: Line, trouble: str = "failed", target: Target = A) -> World:
    return {target("campaign_technical_workflow_trouble", workflow=workflow, trouble=trouble): line}


def _workflow(workflow: str, scope: str, start: float, end: float | None) -> Firing:
    return Firing(_WORKFLOW, labelled(workflow=workflow, scope=scope), start, end)


_IN_ERROR = _trouble("tracking", during(BEGINS, ENDS, 1, 0))
_IS_IN_ERROR = _workflow("tracking", "failed", _FAILED_FIRES, RESOLVED)


def _stuck(workflow: str, cause: str, name: str) -> Case:
    """Let a workflow be in error, and deliveries be stuck for it from a moment on: then these are told."""
    since = minutes(30)
    stuck = pending(A, cause, only(since, hours(9), always(since)), always(1), always(10))
    told_until = since + minutes(30) + 30 + KEEP
    return Case(
        (_WORKFLOW, "CampaignDeliveryStuckPending"),
        name,
        {**healthy(), **_trouble(workflow, during(BEGINS, hours(9), 1, 0)), **stuck},
        hours(2),
        (
            _workflow(workflow, "failed", _FAILED_FIRES, told_until),
            Firing(
                "CampaignDeliveryStuckPending",
                {
                    **labelled(cause=cause),
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
                            PAGE,
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
        {**healthy(), **_trouble("tracking", during(BEGINS, BEGINS + minutes(8), 1, 0))},
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
        {**healthy(), **_IN_ERROR, **_trouble("tracking", during(BEGINS, ENDS + 60, 1, 0), target=B)},
        hours(1.5),
        (_workflow("tracking", "failed", _FAILED_FIRES, RESOLVED + 60),),
    ),
    *usual(_WORKFLOW, _IN_ERROR, _IS_IN_ERROR, scope="failed"),
    _stuck("operationMgt", "workflow_engine_down", "what waits for operationMgt is told instead, once it is stuck"),
    _stuck("deliveryMgt", "workflow_engine_down", "what waits for deliveryMgt is told instead, once it is stuck"),
    _stuck("defaultMidSourcingDlv", "mid_sourcing_lag", "what waits for its copy is told instead, once it is stuck"),
    Case(
        (_WORKFLOW,),
        "what is stuck for want of its launch does not hide that copies of a mid-sourcing server fail",
        {
            **healthy(),
            **_trouble("defaultMidSourcingDlv", during(BEGINS, hours(9), 1, 0)),
            **pending(A, "workflow_engine_down", always(-hours(2)), always(1), always(10)),
        },
        hours(1.5),
        (_workflow("defaultMidSourcingDlv", "failed", _FAILED_FIRES, None),),
    ),
    Case(
        (_WORKFLOW,),
        "what is stuck for one does not hide another",
        {
            **healthy(),
            **_trouble("tracking", during(BEGINS, hours(9), 1, 0)),
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
_LATE_FIRES = BEGINS + _LATE + 30 + minutes(10)
_LATE_ENDS = hours(4.5)
_LATE_NEXT = (
    'psql -c "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow'
    ' WHERE tsnextprocessing < now() AND iismodel = 0 ORDER BY tsnextprocessing LIMIT 10"'
)


def _planned(workflow: str, line: Line) -> World:
    return {A("campaign_technical_workflow_next_run_timestamp_seconds", workflow=workflow): line}


def _overdue(planned: float = BEGINS, ends: float = _LATE_ENDS) -> Line:
    """Let a run be planned for a moment, and not come before the end."""
    return lambda moment: planned if planned - 60 <= moment < ends else moment + 60


_IS_LATE = _workflow("tracking", "late", _LATE_FIRES, _LATE_ENDS + WINDOW + KEEP)
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
                            PAGE,
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
        {**healthy(), **_planned("tracking", _overdue(ends=BEGINS + _LATE + minutes(8)))},
        hours(4),
    ),
    Case(
        (_WORKFLOW,),
        "that wfserver runs nowhere is told instead",
        {**healthy(), **_planned("tracking", _overdue()), **_WFSERVER},
        hours(5),
    ),
    Case(
        (_WORKFLOW,),
        "that it runs on one of two hosts hides nothing",
        {
            **healthy(),
            **_planned("tracking", _overdue()),
            **_WFSERVER,
            A("campaign_process_up", host="mta2", process="wfserver"): always(1),
        },
        hours(5),
        (_IS_LATE,),
    ),
    Case(
        (_WORKFLOW,),
        "where wfserver is not looked at, that another process is down hides nothing",
        {
            **healthy(),
            **_planned("tracking", _overdue()),
            **dict.fromkeys(_WFSERVER, always(None)),
            A("campaign_process_up", host="mta1", process="mta"): always(0),
        },
        hours(5),
        (_IS_LATE,),
    ),
    Case(
        (_WORKFLOW,),
        "that cleanup has not come to its end for two days is told instead of that it is late",
        {**healthy(), **_planned("cleanup", _overdue()), A("campaign_cleanup_last_run_timestamp_seconds"): clock(hours(50))},
        hours(5),
    ),
    *usual(_WORKFLOW, _planned("tracking", _overdue()), _IS_LATE, until=hours(5), scope="late"),
)

# --- cleanup ----------------------------------------------------------------------------------------------------------------

_OLD = hours(48)
_CLEANUP_FIRES = BEGINS + 30 + minutes(10)
_CLEANUP_NEXT = (
    'psql -c "SELECT l.tslog, l.ierror, left(l.smessage, 100) FROM xtkworkflowlog l JOIN xtkworkflow w'
    " ON w.iworkflowid = l.iworkflowid WHERE w.sinternalname = 'cleanup' ORDER BY l.tslog DESC LIMIT 20\""
)


def _cleaned(line: Line, target: Target = A) -> World:
    return {target("campaign_cleanup_last_run_timestamp_seconds"): line}


def _no_note(line: Line) -> World:
    """Let cleanup note nothing, and its row say when it ran."""
    return {**_cleaned(always(None)), A("campaign_technical_workflow_last_run_timestamp_seconds", workflow="cleanup"): line}


def _cleanup(start: float = _CLEANUP_FIRES, end: float | None = ENDS + KEEP) -> Firing:
    return Firing(_CLEANUP, labelled(), start, end)


#: Two days are over at the beginning, and cleanup runs at the end.
_TWO_DAYS_AGO: Line = lambda moment: BEGINS - _OLD if moment < ENDS else ENDS  # noqa: E731 - a line as any other
_CLEANUP_STORIES = (
    Case(
        None,
        "cleanup has not come to its end for two days, and is in error: told once",
        {
            **healthy(),
            **_cleaned(_TWO_DAYS_AGO),
            **_trouble("cleanup", during(minutes(29), ENDS, 1, 0)),
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
                        labelled(),
                        told(
                            _CLEANUP,
                            "Cleanup does not come to its end",
                            "prod: cleanup ran last 2d 0h 10m 30s ago, and is to run each day. Errors in its journal of the"
                            " last 25 hours: 3. Logs, deleted deliveries and work tables stay, and the database grows.",
                            _CLEANUP_NEXT,
                            PAGE,
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
        {**healthy(), **_cleaned(lambda moment: BEGINS - _OLD if moment < BEGINS + minutes(10) else moment)},
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
    *usual(_CLEANUP, _cleaned(_TWO_DAYS_AGO), _cleanup()),
    Case(
        (_CLEANUP, _WORKFLOW, _TABLES),
        "before it is two days old, that it is in error is told",
        {**healthy(), **_trouble("cleanup", during(BEGINS, ENDS, 1, 0))},
        hours(1.5),
        (_workflow("cleanup", "failed", _FAILED_FIRES, RESOLVED),),
    ),
)

STORIES = (*_FAILED_STORIES, *_LATE_STORIES, *_CLEANUP_STORIES)
