"""Copies from a mid-sourcing server that do not come."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import HOSTS, A, healthy, pending
from unit.alerts.texts import told
from unit.alerts.tickets import BEGINS, KEEP, PAGE, WINDOW, labelled, usual
from unit.alerts.timeline import Line, World, always, clock, hours, minutes, only
from unit.alerts.vanishing import VANISH_AT, vanishing

_STALE, _WORKFLOW, _STUCK = "CampaignMidSourcingCopyStale", "CampaignWorkflowFailed", "CampaignDeliveryStuckPending"
_COPIER = "defaultMidSourcingDlv"
_LAST = "campaign_mid_sourcing_last_copy_timestamp_seconds"
_GOES_ON = hours(4)
#: Two hours, the evaluation after them, and then `for`.
_FIRES = BEGINS + hours(2) + 30 + minutes(10)
_FIRING = Firing(_STALE, labelled(), _FIRES, _GOES_ON + KEEP)


def _copied(line: Line, account: str = "mid1") -> World:
    return {A(_LAST, account=account): line}


def _stands(moment: float) -> float:
    return moment if moment >= _GOES_ON else min(moment, BEGINS)


def _trouble(trouble: str, workflow: str = _COPIER) -> World:
    return {A("campaign_technical_workflow_trouble", workflow=workflow, trouble=trouble): always(1)}


def _case(name: str, *worlds: World, firing: tuple[Firing, ...] = ()) -> Case:
    world = {**healthy(), **_copied(_stands)}
    for more in worlds:
        world |= more
    return Case((_STALE,), name, world, hours(4.5), firing)


_OLD = _copied(always(-hours(30)), "mid0")
_NO_ENGINE = {
    A("campaign_process_up", host=host, process="wfserver"): always(0)
    for host, running in HOSTS.items()
    if "wfserver" in running
}
_NEXT = (
    'psql -c "SELECT sinternalname, istate, ifailed, tsprocess, tsnextprocessing FROM xtkworkflow'
    " WHERE sinternalname LIKE 'defaultMidSourcing%'\""
)
_SAYS = (
    "prod: what the mid-sourcing server sends was copied last 2h 10m 30s ago. States, counters and logs of its deliveries are"
    " as old here. By account:\n- mid0: 1d 8h 30m 30s ago\n- mid1: 2h 10m 30s ago"
)
#: As if it had stood for long: what vanishes then ends it.
_LONG = _copied(always(-hours(3)))
_LATE = A("campaign_technical_workflow_next_run_timestamp_seconds", workflow=_COPIER)
STORIES = (
    Case(
        None,
        "no delivery is copied from a mid-sourcing server",
        {**healthy(), **_copied(_stands), **_OLD},
        hours(4.5),
        (_FIRING,),
        (
            Told(
                _FIRES,
                _STALE,
                [(labelled(), told(_STALE, "Nothing is copied from the mid-sourcing server", _SAYS, _NEXT, PAGE))],
            ),
        ),
    ),
    _case("what an account has left behind that is gone alarms nobody", _copied(clock(minutes(5))), _OLD),
    _case("two hours are not yet too old", _copied(clock(hours(2)))),
    _case("a little more is", _copied(clock(hours(2) + 30)), firing=(Firing(_STALE, labelled(), minutes(10)),)),
    _case("it is copied before `for` is over", _copied(lambda t: t if t >= _FIRES - 60 else min(t, BEGINS))),
    _case("who has no mid-sourcing server copies nothing", _copied(always(None))),
    _case("that the workflow is in error is told instead", _trouble("failed")),
    _case("that it rests is told so", _trouble("paused"), firing=(_FIRING,)),
    _case("that another is in error hides nothing", _trouble("failed", "forecasting"), firing=(_FIRING,)),
    _case("that no engine runs is told instead", _NO_ENGINE),
    _case(
        "that one engine of two does not run hides nothing",
        {A("campaign_process_up", host="app9", process="wfserver"): always(0)},
        firing=(_FIRING,),
    ),
    _case(
        "what is stuck for want of a copy is told instead",
        pending(A, "mid_sourcing_lag", always(-hours(2)), always(1), always(10)),
    ),
    _case(
        "what is stuck for another reason hides nothing",
        pending(A, "unknown", always(-hours(2)), always(1), always(10)),
        firing=(_FIRING,),
    ),
    _case(
        "what waits for a copy and is not yet stuck hides nothing",
        pending(A, "mid_sourcing_lag", clock(minutes(20)), always(1), always(10)),
        firing=(_FIRING,),
    ),
    Case(
        (_WORKFLOW,),
        "that a workflow is late is not told where copies are old for that",
        {**healthy(), **_copied(_stands), _LATE: only(0, _GOES_ON, always(BEGINS))},
        hours(4.5),
    ),
    Case(
        (_WORKFLOW,),
        "that it is late is told where copies come",
        {**healthy(), **_copied(clock(minutes(5))), _LATE: always(BEGINS)},
        hours(4.5),
        (Firing(_WORKFLOW, labelled(workflow=_COPIER, scope="late"), BEGINS + hours(3) + 30 + minutes(10)),),
    ),
    *usual(_STALE, _LONG, Firing(_STALE, labelled(), minutes(10))),
    *vanishing(Firing(_STALE, labelled(), minutes(10)), _LONG, _LAST),
    Case(
        (_STALE,),
        "that the workflow is no longer seen in error lets it be told",
        {
            **healthy(),
            **_LONG,
            A("campaign_technical_workflow_trouble", workflow=_COPIER, trouble="failed"): only(0, VANISH_AT, always(1)),
        },
        hours(1.5),
        (Firing(_STALE, labelled(), VANISH_AT + WINDOW + minutes(10)),),
    ),
    Case(
        (_STALE,),
        "that the delay is no longer told lets it be told",
        {
            **healthy(),
            **_LONG,
            **pending(A, "mid_sourcing_lag", always(-hours(2)), always(1), always(10)),
            A("campaign_pending_alert_delay_seconds"): only(0, VANISH_AT, always(1800)),
        },
        hours(1.5),
        (Firing(_STALE, labelled(), VANISH_AT + WINDOW + minutes(10)),),
    ),
)
