"""Preparations that do not end."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, healthy, pending
from unit.alerts.texts import told
from unit.alerts.tickets import BEGINS, ENDS, RESOLVED, WINDOW, labelled, usual
from unit.alerts.timeline import Line, World, always, clock, hours, minutes, withdrawn
from unit.alerts.vanishing import VANISH_AT, vanishing

_PREPARATION = "CampaignPreparationStuck"
_DELAY = "campaign_pending_alert_delay_seconds"
_FIRES = BEGINS + 30 + minutes(5)
_NEXT = (
    'psql -c "SELECT ideliveryid, slabel, istate, tscontact, tslastmodified FROM nmsdelivery'
    ' WHERE istate IN (11, 12, 13, 21, 22) AND iismodel = 0 AND ideletestatus = 0 ORDER BY tslastmodified LIMIT 10"'
)


def _oldest(line: Line) -> World:
    return {A("campaign_preparation_oldest_start_timestamp_seconds"): line}


def _allowed(host: str, seconds: float) -> World:
    return {A("campaign_preparation_limit_seconds", host=host): always(seconds)}


def _hangs(moment: float) -> float:
    """Let the preparation be an hour old when the trouble begins, and a new one be there when it ends."""
    return BEGINS - hours(1) if moment < ENDS else moment - 60


def _hangs_briefly(moment: float) -> float:
    return BEGINS - hours(1) if moment < BEGINS + 150 else moment - 60


def _stuck(start: float = _FIRES, end: float | None = RESOLVED) -> Firing:
    return Firing(_PREPARATION, labelled(), start, end)


def _case(name: str, *worlds: World, firing: tuple[Firing, ...] = ()) -> Case:
    world = healthy()
    for each in worlds:
        world = {**world, **each}
    return Case((_PREPARATION,), name, world, hours(1.5), firing)


def _due(cause: str, age: float) -> World:
    return pending(A, cause, clock(age), always(1), always(500))


_OLD, _AT_ONCE = _oldest(clock(hours(3))), (_stuck(minutes(5), None),)

STORIES = (
    Case(
        None,
        "a preparation hangs long before it is due",
        {**healthy(), **_oldest(_hangs)},
        hours(1.5),
        (_stuck(),),
        (
            Told(
                minutes(40),
                _PREPARATION,
                [
                    (
                        labelled(),
                        told(
                            _PREPARATION,
                            "The preparation of a delivery does not end",
                            "prod: a delivery has been in preparation for 1h 20m 0s, longer than Campaign allows. Until it is"
                            " prepared it cannot be launched, whatever its contact date.",
                            _NEXT,
                        ),
                    )
                ],
            ),
        ),
    ),
    _case("what changes within the hour is at work", _oldest(clock(hours(1) - WINDOW))),
    _case("an hour and what the window adds are too long", _oldest(clock(hours(1))), firing=(_stuck(minutes(5) + 30, None),)),
    _case("less than five minutes more are nothing", _oldest(_hangs_briefly)),
    _case("the host that allows most sets the limit", _OLD, _allowed("mta1", hours(1)), _allowed("mta2", hours(4))),
    _case("a limit that is shorter counts", _oldest(clock(601)), _allowed("mta1", 600), firing=_AT_ONCE),
    *(
        _case(f"what has been due for long is told as {cause}", _OLD, _due(cause, minutes(30) + 1))
        for cause in ("concurrency_limit", "preparation_stuck", "workflow_engine_down")
    ),
    _case(
        "what is due for half an hour is told here yet", _OLD, _due("preparation_stuck", minutes(30) - WINDOW), firing=_AT_ONCE
    ),
    _case("what else waits hides nothing", _OLD, _due("awaiting_approval", hours(3)), firing=_AT_ONCE),
    Case(
        (_PREPARATION,),
        "where nobody knows any more what is late, it is told here",
        withdrawn({**healthy(), **_OLD, **_due("preparation_stuck", hours(1))}, VANISH_AT, hours(9), _DELAY),
        hours(1),
        (_stuck(VANISH_AT + WINDOW + minutes(5), None),),
    ),
    *vanishing(_stuck(minutes(5)), {**_oldest(clock(1200)), **_allowed("mta1", 600)}, "campaign_preparation_limit_seconds"),
    *vanishing(_stuck(minutes(5)), _OLD, "campaign_preparation_oldest_start_timestamp_seconds"),
    *usual(_PREPARATION, _oldest(_hangs), _stuck()),
)
