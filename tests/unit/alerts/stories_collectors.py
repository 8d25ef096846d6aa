"""Rounds of the exporter that do not end, fail, or cannot be run; and the watchdog."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import DOCTOR, LOG, told
from unit.alerts.timeline import (
    Line,
    Target,
    World,
    always,
    clock,
    during,
    hours,
    minutes,
    only,
    scrapes_fail,
    twice,
    without,
)

_DOWN, _STALE = "CampaignExporterDown", "CampaignExporterDataStale"
_FAILING, _UNAVAILABLE, _WATCHDOG = (
    "CampaignExporterCollectorFailing",
    "CampaignExporterCollectorUnavailable",
    "CampaignWatchdog",
)
_BEGINS, _ENDS = minutes(20), minutes(50)
_KEEP, _KEEP_ROOT = minutes(5), minutes(10)
_ALL_PAGE, _PAGE = "campaign-exporter", "campaign-exporter?var-instance=prod"
_TARGET = {"instance": A.address, "job": "campaign"}


def _labels(severity: str, **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "platform", **labels}


# --- no round ends ----------------------------------------------------------------------------------------------------------

_ROUND, _INTERVAL = "campaign_exporter_collector_last_round_timestamp_seconds", "campaign_exporter_collector_interval_seconds"


def _of(metric: str, collector: str, line: Line, target: Target = A) -> World:
    return {target(metric, collector=collector): line}


def _collector(alert: str, collector: str, start: float, end: float | None, target: Target = A) -> Firing:
    labels = {"campaign_instance": "prod", "collector": collector, "instance": target.address, "job": "campaign"}
    return Firing(alert, _labels("warning", **labels), start, end)


def _last(moment: float, again: float = _ENDS) -> Line:
    """End no round for a while."""
    return lambda now: min(now, moment) if now < again else now


def _stale(name: str, world: World, *firing: Firing, until: float = hours(1.5)) -> Case:
    return Case((_STALE,), name, {**healthy(), **world}, until, firing)


#: Three intervals of 15 s and two minutes are passed with the sixth sample, and then `for`.
_STALE_FIRES, _STALE_RESOLVED = _BEGINS + 180 + minutes(5), _ENDS + _KEEP
_STALE_STORIES = (
    Case(
        None,
        "a collector ends no round",
        {**healthy(), **_of(_ROUND, "pending", _last(_BEGINS))},
        hours(1.2),
        (_collector(_STALE, "pending", _STALE_FIRES, _STALE_RESOLVED),),
        (
            Told(
                _STALE_FIRES,
                _STALE,
                [
                    (
                        _collector(_STALE, "pending", 0, 0).labels,
                        told(
                            _STALE,
                            "A collector of the exporter stands still",
                            "prod: the collector pending of a:11951 has ended no round for far longer than its interval."
                            " What it told is no longer exported, and alerts that depend on it cannot fire.",
                            LOG,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _stale(
        "each collector has its own interval",
        _of(_ROUND, "disks", _last(_BEGINS)),
        _collector(_STALE, "disks", _BEGINS + 330 + minutes(5), _STALE_RESOLVED),
    ),
    _stale(
        "a collector with a day between its rounds",
        {**_of(_INTERVAL, "disks", always(86400)), **_of(_ROUND, "disks", always(0))},
        until=hours(5),
    ),
    _stale("the limit is not above the limit", _of(_ROUND, "pending", clock(165))),
    _stale("a second more is", _of(_ROUND, "pending", clock(166)), _collector(_STALE, "pending", minutes(5), None)),
    _stale(
        "a collector that never ended a round",
        _of(_ROUND, "throughput", always(None)),
        _collector(_STALE, "throughput", minutes(5), None),
    ),
    _stale(
        "its interval is not told for two minutes",
        {
            **_of(_ROUND, "pending", _last(_BEGINS)),
            **_of(_INTERVAL, "pending", without(_BEGINS + 240, _BEGINS + 360, always(15))),
        },
        _collector(_STALE, "pending", _STALE_FIRES, _STALE_RESOLVED),
    ),
    _stale(
        "its interval is not told for longer: `for` begins anew",
        {
            **_of(_ROUND, "pending", _last(_BEGINS)),
            **_of(_INTERVAL, "pending", without(_BEGINS + 240, _BEGINS + 390, always(15))),
        },
        _collector(_STALE, "pending", _BEGINS + 390 + minutes(5), _STALE_RESOLVED),
    ),
    _stale(
        "its last round is not told for two minutes",
        _of(_ROUND, "pending", without(_BEGINS + 240, _BEGINS + 360, _last(_BEGINS))),
        _collector(_STALE, "pending", _STALE_FIRES, _STALE_RESOLVED),
    ),
    _stale(
        "its rounds are told no more",
        _of(_ROUND, "pending", only(0, _BEGINS, clock(7))),
        _collector(_STALE, "pending", _BEGINS + 120 + minutes(5), None),
    ),
    _stale(
        "without a first round its interval is not told for two minutes",
        {**_of(_ROUND, "pending", always(None)), **_of(_INTERVAL, "pending", without(120, 240, always(15)))},
        _collector(_STALE, "pending", minutes(5), None),
    ),
    _stale(
        "without a first round its interval is not told for longer",
        {**_of(_ROUND, "pending", always(None)), **_of(_INTERVAL, "pending", without(120, 270, always(15)))},
        _collector(_STALE, "pending", 270 + minutes(5), None),
    ),
    Case(
        (_STALE,),
        "a round that is not told for a minute and a half is not missed",
        {**healthy(), **_of(_ROUND, "pending", without(minutes(10), minutes(11.5), clock(7)))},
        minutes(11),
        values={'count(ALERTS{alertname="CampaignExporterDataStale"})': {}},
    ),
    _stale("a first round within five minutes", _of(_ROUND, "throughput", only(minutes(5), hours(9), clock()))),
    Case(
        (_STALE,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_of(_ROUND, "pending", _last(_BEGINS))}, A, _BEGINS + 240, _BEGINS + 300),
            A,
            minutes(40),
            minutes(45),
        ),
        hours(1.5),
        (_collector(_STALE, "pending", _STALE_FIRES, _STALE_RESOLVED),),
    ),
    Case(
        (_STALE,),
        "of two exporters one stands still",
        {**twice(healthy(), A, B), **_of(_ROUND, "pending", _last(_BEGINS), B)},
        hours(1.5),
        (_collector(_STALE, "pending", _STALE_FIRES, _STALE_RESOLVED, B),),
    ),
)

# --- rounds fail ------------------------------------------------------------------------------------------------------------

_SUCCESS, _AVAILABLE = "campaign_exporter_collector_success", "campaign_exporter_collector_available"
_FAILING_FIRES, _FAILING_RESOLVED = _BEGINS + minutes(2) + minutes(5), _ENDS + _KEEP
_FAILS = during(_BEGINS, _ENDS, 0, 1)
_NOT = during(_BEGINS, _ENDS, 0, 1)
_UPKEEP = ("outlook", "workflows", "maintenance", "hygiene")
_EVERY = ("deliveries", "pending", "processes", "affinity", "throughput", "endpoints", "disks", "files", "database", *_UPKEEP)
_ON_DATABASE = ("deliveries", "pending", "throughput", "database", "affinity", *_UPKEEP)


def _fails(collector: str, start: float = _FAILING_FIRES, end: float | None = _FAILING_RESOLVED, target: Target = A) -> Firing:
    return _collector(_FAILING, collector, start, end, target)


def _all_fail(name: str, world: World, *owned: str) -> Case:
    """Let all collectors fail while something else is wrong: those that it explains are not told."""
    every = {key: line for collector in _EVERY for key, line in _of(_SUCCESS, collector, _FAILS).items()}
    told = [collector for collector in _EVERY if collector not in owned]
    return Case((_FAILING,), name, {**healthy(), **every, **world}, hours(1.5), [_fails(collector) for collector in told])


def _explained(name: str, world: World, seen_for: float, *owned: str) -> Case:
    """Let all collectors fail from the first, and something that explains it for some of them come later, and go."""
    every = {key: line for collector in _EVERY for key, line in _of(_SUCCESS, collector, always(0)).items()}
    fires = [_fails(collector, minutes(5), None) for collector in _EVERY if collector not in owned]
    for collector in owned:
        fires += [_fails(collector, minutes(5), _BEGINS + seen_for + _KEEP), _fails(collector, _ENDS + minutes(5), None)]
    return Case((_FAILING,), name, {**healthy(), **every, **world}, hours(1.5), fires)


def _source(source: str) -> World:
    return {A("campaign_host_up", host="mta2", source=source): _NOT}


def _errors(collector: str, reason: str, line: Line) -> World:
    return {A("campaign_exporter_collector_errors_total", collector=collector, reason=reason): line}


_FAILING_STORIES = (
    Case(
        None,
        "a collector fails for two reasons",
        {
            **healthy(),
            **_of(_SUCCESS, "throughput", _FAILS),
            **_errors("throughput", "permission", lambda moment: max(min(moment, _ENDS) - _BEGINS, 0) // 30 * 3),
            **_errors("throughput", "timeout", lambda moment: max(min(moment, _ENDS) - _BEGINS, 0) // 30),
        },
        hours(1.2),
        (_fails("throughput"),),
        (
            Told(
                minutes(40),
                _FAILING,
                [
                    (
                        _fails("throughput").labels,
                        told(
                            _FAILING,
                            "A collector of the exporter fails",
                            "prod: the collector throughput of a:11951 cannot read all it wants, because of: permission"
                            " timeout. What"
                            " it could not read is no longer exported, and alerts that depend on it cannot fire.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _all_fail("each collector is told", {}),
    _all_fail("that the database is not reached is told instead", {A("campaign_up"): _NOT}, *_ON_DATABASE),
    _all_fail(
        "that sessions are blocked is told instead",
        {A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_BEGINS, _ENDS, 301, 0)},
        *_ON_DATABASE,
    ),
    _all_fail(
        "a wait of five minutes explains nothing",
        {A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_BEGINS, _ENDS, 300, 0)},
    ),
    _all_fail("that processes cannot be read is told instead", _source("processes"), "processes"),
    _all_fail("that configurations cannot be read is told instead", _source("configuration"), "affinity"),
    _all_fail("that directories cannot be read is told instead", _source("directories"), "disks"),
    _all_fail("that files cannot be read is told instead", _source("files"), "files"),
    _all_fail("that an agent does not answer is told instead", _source("agent"), "processes", "affinity", "disks", "files"),
    _all_fail(
        "that an endpoint does not answer is told instead",
        {A("campaign_endpoint_up", endpoint="app", kind="ping"): _NOT},
        "endpoints",
    ),
    _all_fail(
        "that the database lacks something is told instead",
        {**_of(_AVAILABLE, "pending", _NOT), **_of(_AVAILABLE, "throughput", _NOT)},
        "pending",
        "throughput",
    ),
    _all_fail(
        "that no round ends is told instead",
        {**_of(_ROUND, "database", _last(_BEGINS - 180)), **_of(_ROUND, "affinity", always(None))},
        "database",
        "affinity",
    ),
    _explained("the database is lost later", {A("campaign_up"): during(_BEGINS, _ENDS, 0, 1)}, minutes(2), *_ON_DATABASE),
    _explained(
        "sessions are blocked later",
        {A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_BEGINS, _ENDS, 301, 0)},
        minutes(1),
        *_ON_DATABASE,
    ),
    _explained("processes cannot be read later", _source("processes"), minutes(2), "processes"),
    _explained("configurations cannot be read later", _source("configuration"), minutes(2), "affinity"),
    _explained("directories cannot be read later", _source("directories"), minutes(2), "disks"),
    _explained("files cannot be read later", _source("files"), minutes(2), "files"),
    _explained(
        "an endpoint does not answer later",
        {A("campaign_endpoint_up", endpoint="app", kind="ping"): _NOT},
        minutes(2),
        "endpoints",
    ),
    _explained("the database lacks something later", _of(_AVAILABLE, "pending", _NOT), minutes(2), "pending"),
    Case(
        (_FAILING,),
        "less than seven minutes are nothing",
        {**healthy(), **_of(_SUCCESS, "pending", during(_BEGINS, _FAILING_FIRES, 0, 1))},
        hours(1.5),
    ),
    Case(
        (_FAILING,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_of(_SUCCESS, "pending", _FAILS)}, A, _BEGINS + 60, _BEGINS + 120),
            A,
            minutes(40),
            minutes(45),
        ),
        hours(1.5),
        (_fails("pending"),),
    ),
    Case(
        (_FAILING,),
        "of two exporters one cannot reach what the other reaches",
        {
            **twice(healthy(), A, B),
            **{key: line for collector in _EVERY for key, line in _of(_SUCCESS, collector, _FAILS, B).items()},
            B("campaign_up"): _NOT,
            B("campaign_host_up", host="mta1", source="processes"): _NOT,
            B("campaign_endpoint_up", endpoint="app", kind="ping"): _NOT,
        },
        hours(1.5),
        [_fails(collector, target=B) for collector in _EVERY],
    ),
)

# --- what is switched off ---------------------------------------------------------------------------------------------------

_OFF_FIRES, _OFF_RESOLVED = _BEGINS + minutes(2) + minutes(10), _ENDS + _KEEP


def _off(collector: str, start: float = _OFF_FIRES, end: float | None = _OFF_RESOLVED, target: Target = A) -> Firing:
    return _collector(_UNAVAILABLE, collector, start, end, target)


_MISSING: World = {**_of(_AVAILABLE, "pending", _NOT), **_of(_SUCCESS, "pending", _FAILS)}
_UNAVAILABLE_STORIES = (
    Case(
        None,
        "an index is missing: told once, though the collector fails",
        {**healthy(), **_MISSING},
        hours(1.2),
        (_off("pending"),),
        (
            Told(
                _OFF_FIRES,
                _UNAVAILABLE,
                [
                    (
                        _off("pending").labels,
                        told(
                            _UNAVAILABLE,
                            "The database lacks what a collector needs",
                            "prod: a table, column or index that the collector pending of a:11951 needs is not there. What"
                            " depends on it is switched off, so that no statement scans a large table.",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_UNAVAILABLE,),
        "less than twelve minutes are nothing",
        {**healthy(), **_of(_AVAILABLE, "pending", during(_BEGINS, _OFF_FIRES, 0, 1))},
        hours(1.5),
    ),
    Case(
        (_UNAVAILABLE,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_MISSING}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(40), minutes(45)),
        hours(1.5),
        (_off("pending"),),
    ),
    Case(
        (_UNAVAILABLE,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_MISSING}, A, B), A, minutes(10), hours(2)),
        hours(1.5),
        (_off("pending", target=B),),
    ),
)

_WATCHDOG_STORIES = (
    Case(
        None,
        "a healthy instance fires nothing else",
        healthy(),
        hours(2),
        told=(
            Told(
                hours(1),
                _WATCHDOG,
                [
                    (
                        _labels("none"),
                        told(
                            _WATCHDOG,
                            "The way from Prometheus to whoever is on call works",
                            "This alert always fires. Have it sent to a service that calls you when it stays away: then"
                            " Prometheus,"
                            " Alertmanager, or the way between them is broken, and no other alert can reach you.",
                            "nothing: this is as it should be",
                            "campaign-overview",
                        ),
                    )
                ],
            ),
        ),
    ),
)

STORIES = (*_STALE_STORIES, *_FAILING_STORIES, *_UNAVAILABLE_STORIES, *_WATCHDOG_STORIES)
