"""Whether processes run: the MTAs, and all others."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import HOSTS, A, B, healthy, listed, pending
from unit.alerts.texts import told
from unit.alerts.timeline import (
    Line,
    World,
    always,
    during,
    hours,
    minutes,
    only,
    scrapes_fail,
    twice,
    withdrawn,
)

_ALL, _ONE, _MISSING = "CampaignAllMtasDown", "CampaignMtaDown", "CampaignProcessMissing"
_DOWN, _UP = minutes(20), minutes(50)
#: All samples of two minutes say so, and then `for`.
_SEEN = _DOWN + minutes(2)
_KEEP, _KEEP_ROOT = minutes(5), minutes(10)
_MTAS = "campaign-mta?var-instance=prod"
_MTA1 = f"{_MTAS}&var-host=mta1"


def _process(host: str, process: str, line: Line, target: object = A) -> World:
    assert callable(target)
    return {target("campaign_process_up", host=host, process=process): line}


def _down(host: str, process: str, start: float = _DOWN, end: float = _UP) -> World:
    return _process(host, process, during(start, end, 0, 1))


def _labels(severity: str, **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "platform", "campaign_instance": "prod", **labels}


def _story(
    alert: str, name: str, world: World, *firing: Firing, until: float = hours(1.5), told: tuple[Told, ...] = ()
) -> Case:
    return Case((alert,), name, {**healthy(), **world}, until, firing, told)


def _at_stake(waiting: str, *lines: str) -> str:
    return f"\nAt stake: {waiting} messages.{''.join(lines)}"


# --- all MTAs ---------------------------------------------------------------------------------------------------------------

_ALL_FIRES, _ALL_RESOLVED = _SEEN + minutes(1), _UP + _KEEP_ROOT


def _all(process: str = "mta", start: float = _ALL_FIRES, end: float | None = _ALL_RESOLVED) -> Firing:
    return Firing(_ALL, _labels("critical", cause="mta_down", process=process), start, end)


_BOTH = {**_down("mta1", "mta"), **_down("mta2", "mta")}
_ALL_STORIES = (
    Case(
        None,
        "all MTAs are down: told once, with what is at stake",
        {
            **healthy(),
            **_BOTH,
            **pending(A, "mta_down", only(_DOWN, _UP, always(_DOWN)), during(_DOWN, _UP, 3, 0), during(_DOWN, _UP, 12_345, 0)),
            **listed(A, "mta_down", ("5", "Newsletter", only(_DOWN, _UP, always(_DOWN)))),
        },
        hours(1.5),
        (_all(),),
        (
            Told(
                _ALL_FIRES,
                _ALL,
                [
                    (
                        _labels("critical", cause="mta_down", process="mta"),
                        told(
                            _ALL,
                            "No server runs the process that sends: nothing goes out",
                            "prod: mta runs on no server. Servers that are to run it: 2."
                            + _at_stake("3 deliveries wait with 12.35k", "\n- 3m 0s: Newsletter (5)")
                            + "\nMessages that are left in deliveries in progress: 2k.",
                            "on each of these servers: nlserver pdump",
                            _MTAS,
                        ),
                    )
                ],
            ),
        ),
    ),
    _story(_ALL, "the only sms server is down, which is the MTA of the SMS", _down("mta1", "sms"), _all("sms")),
    _story(_ALL, "one of two is not all", _down("mta1", "mta")),
    _story(_ALL, "other processes are not what sends", {**_down("mta1", "inMail"), **_down("mta2", "inMail")}),
    _story(
        _ALL,
        "the daily restart takes less than three minutes",
        {**_down("mta1", "mta", _DOWN, _DOWN + minutes(3)), **_down("mta2", "mta", _DOWN + 30, _DOWN + minutes(3))},
    ),
    _story(
        _ALL,
        "one is down and the other cannot be seen: not known to be all, as long as it is remembered to run",
        {**_down("mta1", "mta", end=hours(9)), **_process("mta2", "mta", only(0, minutes(30), always(1)))},
        # It was seen last half a minute before, and is remembered for an hour, and its last sample with it.
        _all(start=minutes(30) + hours(1) + minutes(1), end=None),
        until=hours(2),
    ),
    _story(
        _ALL,
        "one is down and the other was down when it was seen last",
        {**_down("mta1", "mta", end=hours(9)), **_process("mta2", "mta", only(0, minutes(30), during(_DOWN, hours(9), 0, 1)))},
        _all(end=None),
    ),
    Case(
        (_ALL,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_BOTH}, A, _DOWN + 60, _DOWN + 120), A, minutes(30), minutes(32)),
        hours(1.5),
        (_all(),),
    ),
    Case(
        (_ALL,),
        "withdrawn values resolve nothing for ten minutes",
        withdrawn({**healthy(), **_BOTH}, minutes(30), minutes(40), "campaign_process_up"),
        hours(1.5),
        (_all(),),
    ),
    Case(
        (_ALL,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_BOTH}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_all(),),
    ),
    _story(_ALL, "of two exporters one sees an MTA run", {**_BOTH, **_process("mta2", "mta", always(1), B)}),
)

# --- one MTA ----------------------------------------------------------------------------------------------------------------

_ONE_FIRES, _ONE_RESOLVED = _SEEN + minutes(3), _UP + _KEEP


def _one(host: str = "mta1", start: float = _ONE_FIRES, end: float | None = _ONE_RESOLVED) -> Firing:
    return Firing(_ONE, _labels("warning", host=host, process="mta"), start, end)


_ONE_STORIES = (
    Case(
        None,
        "one MTA of two is down",
        {**healthy(), **_down("mta1", "mta")},
        hours(1.2),
        (_one(),),
        (
            Told(
                _ONE_FIRES,
                _ONE,
                [
                    (
                        _labels("warning", host="mta1", process="mta"),
                        told(
                            _ONE,
                            "The MTA is down on one server",
                            "prod: mta does not run on mta1. Servers on which it is seen to run, and which send on: 1."
                            " IP affinities that only this one declares stand still.",
                            "on mta1: nlserver pdump",
                            _MTA1,
                        ),
                    )
                ],
            ),
        ),
    ),
    _story(_ONE, "what is down for less than five minutes fires nothing", _down("mta1", "mta", _DOWN, _DOWN + minutes(5))),
    _story(_ONE, "where all are down each is silent", _BOTH),
    _story(
        _ONE,
        "one is down and the other cannot be seen",
        {**_down("mta1", "mta"), **_process("mta2", "mta", only(0, minutes(10), always(1)))},
        _one(),
    ),
    _story(_ONE, "other processes have an alert of their own", _down("mta1", "web")),
    Case(
        (_ONE,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_down("mta1", "mta")}, A, _DOWN + 60, _DOWN + 120), A, minutes(30), minutes(32)
        ),
        hours(1.5),
        (_one(),),
    ),
    Case(
        (_ONE,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_down("mta1", "mta")}, A, B), B, minutes(10), hours(2)),
        hours(1.5),
        (_one(),),
    ),
)

# --- other processes --------------------------------------------------------------------------------------------------------

_ROOT_FIRES, _ROOT_RESOLVED = _SEEN + minutes(1), _UP + _KEEP_ROOT
_OTHER_FIRES, _OTHER_RESOLVED = _SEEN + minutes(3), _UP + _KEEP
_STAT = {"cause": "stat_server_down", "host": "mta1", "process": "stat"}
_WFSERVER = {"cause": "workflow_engine_down", "host": "mta1", "process": "wfserver"}
_MANY = ("inMail", "web", "syslogd", "trackinglogd", "watchdog")


def _root(labels: Mapping[str, str], start: float = _ROOT_FIRES, end: float | None = _ROOT_RESOLVED) -> Firing:
    return Firing(_MISSING, _labels("critical", **labels), start, end)


def _other(process: str, host: str = "mta1", start: float = _OTHER_FIRES, end: float | None = _OTHER_RESOLVED) -> Firing:
    return Firing(_MISSING, _labels("warning", host=host, process=process), start, end)


def _root_told(labels: Mapping[str, str], meaning: str, stake: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    process = labels["process"]
    said = f"prod: {process} does not run on mta1: {meaning}.{stake}"
    summary = "A process that the sending depends on does not run"
    return _labels("critical", **labels), told(_MISSING, summary, said, "on mta1: nlserver pdump", _MTA1, anchor=process)


_MISSING_STORIES = (
    Case(
        None,
        "stat and wfserver are down: told with what is at stake",
        {
            **healthy(),
            **_down("mta1", "stat"),
            **_down("mta1", "wfserver"),
            **pending(
                A, "stat_server_down", only(_DOWN, _UP, always(_DOWN)), during(_DOWN, _UP, 2, 0), during(_DOWN, _UP, 800, 0)
            ),
            **listed(A, "stat_server_down", ("5", "Newsletter", only(_DOWN, _UP, always(_DOWN)))),
        },
        hours(1.2),
        (_root(_STAT), _root(_WFSERVER)),
        (
            Told(
                _ROOT_FIRES,
                _MISSING,
                [
                    _root_told(
                        _STAT,
                        "without it the MTA sends no mail",
                        _at_stake("2 deliveries wait with 800", "\n- 3m 0s: Newsletter (5)"),
                    ),
                    _root_told(
                        _WFSERVER,
                        "no workflow runs, and deliveries of campaigns are not launched",
                        "",
                    ),
                ],
            ),
        ),
    ),
    _story(
        _MISSING,
        "what waits for it cannot be seen",
        {
            **_down("mta1", "wfserver"),
            A("campaign_deliveries_pending", cause="workflow_engine_down"): always(None),
            A("campaign_pending_messages", cause="workflow_engine_down"): always(None),
        },
        _root(_WFSERVER),
        told=(
            Told(
                _ROOT_FIRES,
                _MISSING,
                [
                    _root_told(
                        _WFSERVER,
                        "no workflow runs, and deliveries of campaigns are not launched",
                        "\nAt stake: what waits cannot be seen.",
                    )
                ],
            ),
        ),
    ),
    _story(
        _MISSING,
        "other processes are missing",
        {name: line for process in _MANY for name, line in _down("mta1", process).items()},
        *(_other(process) for process in _MANY),
        told=(
            Told(
                _OTHER_FIRES,
                _MISSING,
                [
                    (
                        _labels("warning", host="mta1", process=process),
                        told(
                            _MISSING,
                            "A process that is to run does not run",
                            f"prod: {process} does not run on mta1, where it is to start by itself. The daily restart is"
                            " over sooner.",
                            "on mta1: nlserver pdump",
                            _MTA1,
                            anchor="others",
                        ),
                    )
                    for process in _MANY
                ],
            ),
        ),
    ),
    _story(_MISSING, "the mta has alerts of its own", _down("mta1", "mta")),
    _story(_MISSING, "sms that runs nowhere has an alert of its own", _down("mta1", "sms")),
    _story(
        _MISSING,
        "sms that runs elsewhere is a ticket",
        {**_down("mta1", "sms"), **_process("mta2", "sms", always(1))},
        _other("sms"),
    ),
    _story(
        _MISSING,
        "stat and wfserver that run elsewhere are tickets",
        {
            **_down("mta1", "stat"),
            **_down("mta1", "wfserver"),
            **_process("mta2", "stat", always(1)),
            **_process("mta2", "wfserver", always(1)),
        },
        _other("stat"),
        _other("wfserver"),
    ),
    _story(_MISSING, "stat is no news where all MTAs are down", {**_BOTH, **_down("mta1", "stat")}),
    _story(
        _MISSING,
        "stat is news where sms is down",
        {**_down("mta1", "sms"), **_down("mta1", "stat")},
        _root(_STAT),
    ),
    _story(
        _MISSING,
        "the daily restart takes less than three minutes",
        {
            name: line
            for host, processes in HOSTS.items()
            for process in processes
            for name, line in _down(host, process, _DOWN, _DOWN + minutes(3)).items()
        },
    ),
    _story(
        _MISSING, "what is missing for less than five minutes is no ticket", _down("mta1", "web", _DOWN, _DOWN + minutes(5))
    ),
    Case(
        (_MISSING,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_down("mta1", "stat"), **_down("mta2", "web")}, A, _DOWN + 60, _DOWN + 120),
            A,
            minutes(30),
            minutes(32),
        ),
        hours(1.5),
        (_root(_STAT), _other("web", "mta2")),
    ),
    Case(
        (_MISSING,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_down("mta1", "stat"), **_down("mta2", "web")}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_root(_STAT), _other("web", "mta2")),
    ),
)

STORIES = (*_ALL_STORIES, *_ONE_STORIES, *_MISSING_STORIES)
