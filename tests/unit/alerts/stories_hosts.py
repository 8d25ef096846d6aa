"""Servers that cannot be seen, and how their processes fare."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import DOCTOR, told
from unit.alerts.timeline import (
    Line,
    World,
    always,
    during,
    hours,
    minutes,
    scrapes_fail,
    steps,
    twice,
    without,
)

_UNOBSERVED, _MEMORY, _RESTARTING = "CampaignHostUnobserved", "CampaignProcessMemoryHigh", "CampaignProcessRestarting"
_CONFIGURATION = "CampaignServerConfigurationFault"
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


# --- hosts that cannot be seen ----------------------------------------------------------------------------------------------

_BLIND_FIRES, _BLIND_RESOLVED = _DOWN + minutes(5) + minutes(5), _UP + _KEEP


def _source(source: str, line: Line, host: str = "mta1", target: object = A) -> World:
    assert callable(target)
    return {target("campaign_host_up", host=host, source=source): line}


def _blind(source: str, start: float = _BLIND_FIRES, end: float | None = _BLIND_RESOLVED) -> Firing:
    return Firing(_UNOBSERVED, _labels("warning", host="mta1", source=source), start, end)


def _unseen(start: float, end: float) -> World:
    """What a host says by its processes is withdrawn while they cannot be read."""
    return {
        **_source("processes", during(start, end, 0, 1)),
        **{
            name: without(start + 45, end, line)
            for name, line in healthy().items()
            if 'host="mta1"' in name and name.startswith("campaign_process")
        },
        A("campaign_exporter_collector_success", collector="processes"): during(start, end, 0, 1),
    }


_UNOBSERVED_STORIES = (
    Case(
        None,
        "the processes of a server cannot be read",
        {**healthy(), **_unseen(_DOWN, _UP)},
        hours(1.2),
        (_blind("processes"),),
        (
            Told(
                _BLIND_FIRES,
                _UNOBSERVED,
                [
                    (
                        _labels("warning", host="mta1", source="processes"),
                        told(
                            _UNOBSERVED,
                            "A server cannot be observed",
                            "prod: the processes of mta1 cannot be read. Whether its processes run, or which IP affinities it"
                            " has, is not known meanwhile, and causes that depend on it are not told.",
                            DOCTOR,
                            _MTA1,
                        ),
                    )
                ],
            ),
        ),
    ),
    _story(
        _UNOBSERVED,
        "each source counts for itself",
        {**_source("configuration", during(_DOWN, _UP, 0, 1)), **_source("directories", during(_DOWN + 600, _UP, 0, 1))},
        _blind("configuration"),
        _blind("directories", start=_BLIND_FIRES + 600),
    ),
    _story(_UNOBSERVED, "less than ten minutes are nothing", _source("processes", during(_DOWN, _DOWN + minutes(10), 0, 1))),
    _story(
        _UNOBSERVED,
        "a good answer within five minutes is enough",
        _source("processes", lambda moment: float(moment % 300 == 0)),
    ),
    _story(
        _UNOBSERVED,
        "of two exporters one can read it",
        {**_source("processes", always(0)), **_source("processes", always(1), target=B)},
    ),
    Case(
        (_UNOBSERVED,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_source("processes", during(_DOWN, _UP, 0, 1))}, A, _DOWN + 60, _DOWN + 180),
            A,
            minutes(35),
            minutes(39),
        ),
        hours(1.5),
        (_blind("processes"),),
    ),
)

# --- memory, restarts, configuration ----------------------------------------------------------------------------------------

_FULL_FIRES, _FULL_RESOLVED = _DOWN + minutes(5) + minutes(5), _UP + _KEEP


def _memory(process: str, megabytes: float, start: float = _DOWN, end: float = _UP) -> World:
    name = A("campaign_process_memory_bytes", host="mta1", process=process)
    return {name: during(start, end, megabytes * 2**20, 150 * 2**20)}


def _limits(process: str, line: Line) -> World:
    return {A("campaign_process_memory_limit_bytes", host="mta1", process=process, level="warning"): line}


def _full(process: str, start: float = _FULL_FIRES, end: float | None = _FULL_RESOLVED) -> Firing:
    return Firing(_MEMORY, _labels("warning", host="mta1", process=process), start, end)


def _full_told(process: str, taken: str, limit: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    said = f"prod: {process} on mta1 takes {taken}, above the limit of {limit} that its configuration or Adobe's default sets."
    summary = "A process takes more memory than Campaign allows"
    return _labels("warning", host="mta1", process=process), told(_MEMORY, summary, said, "on mta1: nlserver pdump", _MTA1)


_MEMORY_STORIES = (
    Case(
        None,
        "a process is above the warning, another above its restart",
        {**healthy(), **_memory("web", 1601), **_memory("mta", 1025)},
        hours(1.2),
        (_full("web"), _full("mta")),
        (Told(_FULL_FIRES, _MEMORY, [_full_told("web", "1.563GiB", "1.562GiB"), _full_told("mta", "1.001GiB", "1GiB")]),),
    ),
    _story(_MEMORY, "at the limit is not above it", {**_memory("web", 1600), **_memory("mta", 1024)}),
    _story(_MEMORY, "less than ten minutes are nothing", _memory("web", 1700, _DOWN, _DOWN + minutes(10))),
    _story(
        _MEMORY,
        "its limit is not told for five minutes",
        {**_memory("web", 1700), **_limits("web", without(minutes(24), minutes(29), always(1600 * 2**20)))},
        _full("web"),
    ),
    _story(
        _MEMORY,
        "its limit is not told for longer: `for` begins anew",
        {**_memory("web", 1700), **_limits("web", without(minutes(24), minutes(29.5), always(1600 * 2**20)))},
        _full("web", start=minutes(29.5) + minutes(5)),
    ),
    _story(
        _MEMORY,
        "a site's own limit counts",
        {
            **_memory("web", 600),
            A("campaign_process_memory_limit_bytes", host="mta1", process="web", level="warning"): always(500 * 2**20),
        },
        _full("web"),
    ),
    _story(
        _MEMORY,
        "the limit of the alert is above that of the warning, and does not count",
        {
            **_memory("web", 600),
            A("campaign_process_memory_limit_bytes", host="mta1", process="web", level="alert"): always(500 * 2**20),
        },
    ),
    Case(
        (_MEMORY,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_memory("web", 1700)}, A, _DOWN + 60, _DOWN + 180), A, minutes(35), minutes(39)
        ),
        hours(1.5),
        (_full("web"),),
    ),
    Case(
        (_MEMORY,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_memory("web", 1700)}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_full("web"),),
    ),
)


def _restarts(*moments: float, first: float = 4) -> World:
    name = A("campaign_process_restarts_total", host="mta1", process="mta")
    return {name: steps(first, *((moment, first + number) for number, moment in enumerate(moments, 1)))}


def _restarting(start: float, end: float | None) -> Firing:
    return Firing(_RESTARTING, _labels("warning", host="mta1", process="mta"), start, end)


_THRICE = (minutes(70), minutes(80), minutes(90))
_RESTARTING_STORIES = (
    Case(
        None,
        "three restarts in an hour",
        {**healthy(), **_restarts(*_THRICE)},
        hours(2.5),
        (_restarting(minutes(90), minutes(130)),),
        (
            Told(
                minutes(90),
                _RESTARTING,
                [
                    (
                        _labels("warning", host="mta1", process="mta"),
                        told(
                            _RESTARTING,
                            "A process dies and is started again",
                            "prod: mta on mta1 was restarted 3 times within 1h. Once a day is normal.",
                            "on mta1: nlserver pdump",
                            _MTA1,
                        ),
                    )
                ],
            ),
        ),
    ),
    _story(
        _RESTARTING, "two restarts in an hour are not three", _restarts(minutes(70), minutes(90), minutes(131)), until=hours(3)
    ),
    _story(_RESTARTING, "the daily restart is one", _restarts(minutes(70)), until=hours(2.5)),
    _story(
        _RESTARTING,
        "an exporter without a state begins anew",
        {A("campaign_process_restarts_total", host="mta1", process="mta"): steps(400, (minutes(70), 0))},
        until=hours(2.5),
    ),
    Case(
        (_RESTARTING,),
        "failed scrapes hide nothing",
        scrapes_fail({**healthy(), **_restarts(*_THRICE)}, A, minutes(85), minutes(95)),
        hours(2.5),
        (_restarting(minutes(95), minutes(130)),),
    ),
    Case(
        (_RESTARTING,),
        "two exporters do not make four of two",
        twice({**healthy(), **_restarts(minutes(70), minutes(90))}, A, B),
        hours(2.5),
        (),
    ),
)

_FAULT_FIRES, _FAULT_RESOLVED = _SEEN + minutes(10), _UP + _KEEP


def _fault(kind: str, line: Line) -> World:
    return {A("campaign_server_configuration_fault", host="mta1", kind=kind): line}


def _faulty(kind: str, start: float = _FAULT_FIRES, end: float | None = _FAULT_RESOLVED) -> Firing:
    return Firing(_CONFIGURATION, _labels("warning", host="mta1", kind=kind), start, end)


_CONFIGURATION_STORIES = (
    Case(
        None,
        "a configuration file is faulty",
        {**healthy(), **_fault("public_id_duplicate", during(_DOWN, _UP, 1, 0))},
        hours(1.2),
        (_faulty("public_id_duplicate"),),
        (
            Told(
                _FAULT_FIRES,
                _CONFIGURATION,
                [
                    (
                        _labels("warning", host="mta1", kind="public_id_duplicate"),
                        told(
                            _CONFIGURATION,
                            "A server's configuration is faulty",
                            "prod: the configuration files of mta1 have the fault public_id_duplicate.",
                            "on mta1: read serverConf.xml and the instance's config file; the runbook says what to look for",
                            _MTA1,
                            anchor="public_id_duplicate",
                        ),
                    )
                ],
            ),
        ),
    ),
    _story(
        _CONFIGURATION, "less than twelve minutes are nothing", _fault("no_address", during(_DOWN, _DOWN + minutes(12), 1, 0))
    ),
    Case(
        (_CONFIGURATION,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_fault("no_address", during(_DOWN, _UP, 1, 0))}, A, _DOWN + 60, _DOWN + 120),
            A,
            minutes(40),
            minutes(42),
        ),
        hours(1.5),
        (_faulty("no_address"),),
    ),
    Case(
        (_CONFIGURATION,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_fault("no_address", during(_DOWN, _UP, 1, 0))}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_faulty("no_address"),),
    ),
)

STORIES = (*_UNOBSERVED_STORIES, *_MEMORY_STORIES, *_RESTARTING_STORIES, *_CONFIGURATION_STORIES)
