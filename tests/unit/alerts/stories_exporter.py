"""The exporters themselves."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import DOCTOR, LOG, told
from unit.alerts.timeline import Line, Target, World, always, clock, during, hours, minutes, only, scrapes_fail, twice

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


# --- gone -------------------------------------------------------------------------------------------------------------------

#: Nothing was heard for two minutes, and then `for`.
_GONE_FIRES = _BEGINS + minutes(2) + minutes(2)
_UNWATCHED = _labels("critical", scope="unwatched", campaign_instance="prod", **_TARGET)
_UNSCRAPED = _labels("warning", scope="target", **_TARGET)
_NOTHING = _labels("critical", scope="nothing", job="campaign")


def _unwatched(start: float = _GONE_FIRES, end: float | None = _ENDS + _KEEP_ROOT) -> Firing:
    return Firing(_DOWN, _UNWATCHED, start, end)


def _unscraped(start: float = _GONE_FIRES, end: float | None = _ENDS + _KEEP) -> Firing:
    return Firing(_DOWN, _UNSCRAPED, start, end)


def _down(name: str, world: World, *firing: Firing, until: float = hours(1.5), told: tuple[Told, ...] = ()) -> Case:
    return Case((_DOWN,), name, world, until, firing, told)


def _agent(target: Target) -> World:
    """Give what an exporter tells that watches servers and no database."""
    kept = ("campaign_instance_info", "up", "campaign_host_up", "campaign_process_up")
    return {name: line for name, line in healthy(target).items() if name.split("{")[0] in kept}


_DOWN_STORIES = (
    Case(
        None,
        "the only exporter does not answer: told once",
        scrapes_fail(healthy(), A, _BEGINS, _ENDS),
        hours(1.2),
        (_unwatched(),),
        (
            Told(
                _GONE_FIRES,
                _DOWN,
                [
                    (
                        _UNWATCHED,
                        told(
                            _DOWN,
                            "Nobody watches a Campaign instance",
                            "prod: the exporter a:11951 watched it and does not tell of it any more, and no other one does. No alert"
                            " about this instance can fire.",
                            LOG,
                            _PAGE,
                            anchor="unwatched",
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        None,
        "one exporter of two does not answer",
        scrapes_fail(twice(healthy(), A, B), A, _BEGINS, _ENDS),
        hours(1.2),
        (_unscraped(),),
        (
            Told(
                _GONE_FIRES,
                _DOWN,
                [
                    (
                        _UNSCRAPED,
                        told(
                            _DOWN,
                            "An exporter does not answer",
                            "Prometheus cannot scrape the exporter a:11951. No instance is left unwatched by that.",
                            LOG,
                            _ALL_PAGE,
                            anchor="target",
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        None,
        "there is no exporter at all",
        {},
        hours(0.5),
        (Firing(_DOWN, _NOTHING, minutes(5)),),
        (
            Told(
                minutes(5),
                _DOWN,
                [
                    (
                        _NOTHING,
                        told(
                            _DOWN,
                            "Prometheus knows of no exporter",
                            "Prometheus scrapes no target of the job campaign. No alert about Campaign can fire.",
                            "curl -s http://localhost:9090/api/v1/targets",
                            _ALL_PAGE,
                            anchor="nothing",
                        ),
                    )
                ],
            ),
        ),
    ),
    _down("the only target is another one's", {'up{instance="x",job="other"}': always(1)}, Firing(_DOWN, _NOTHING, minutes(5))),
    _down(
        "all targets go and come back",
        {A.up(): only(0, minutes(10), always(1)), B.up(): only(minutes(30), hours(9), always(1))},
        Firing(_DOWN, _NOTHING, minutes(15), minutes(35)),
    ),
    _down("a restart of less than four minutes is nothing", scrapes_fail(healthy(), A, _BEGINS, _GONE_FIRES)),
    _down(
        "the target went with its instance, to another address",
        {
            **{name: only(0, _BEGINS, line) for name, line in healthy(A).items()},
            **{name: only(_BEGINS + 30, hours(9), line) for name, line in healthy(B).items()},
        },
    ),
    _down(
        "an instance left the configuration by mistake",
        {
            **healthy(),
            **{name: only(0, _BEGINS, line) for name, line in healthy(Target("a:11951", "shop")).items() if "shop" in name},
        },
        Firing(_DOWN, {**_UNWATCHED, "campaign_instance": "shop"}, _GONE_FIRES),
    ),
    _down(
        "an instance that was taken away for good is forgotten after six hours",
        scrapes_fail(healthy(), A, _BEGINS, hours(99)),
        # The target still does not answer, and leaves nothing behind that is remembered.
        _unwatched(end=_BEGINS + hours(6) + _KEEP_ROOT),
        _unscraped(start=_BEGINS + hours(6) + minutes(2), end=None),
        until=hours(7),
    ),
    _down(
        "who watches the database is gone, and an agent still tells of the servers",
        scrapes_fail({**healthy(), **_agent(B)}, A, _BEGINS, _ENDS),
        _unwatched(),
    ),
    _down(
        "an agent is gone, and who watches the database is there",
        scrapes_fail({**healthy(), **_agent(B)}, B, _BEGINS, _ENDS),
        Firing(_DOWN, {**_UNSCRAPED, "instance": B.address}, _GONE_FIRES, _ENDS + _KEEP),
    ),
    _down(
        "an instance without a database is watched as well",
        scrapes_fail(_agent(A), A, _BEGINS, _ENDS),
        _unwatched(),
    ),
    _down(
        "a target that never answered",
        {A.up(): always(0), **healthy(B)},
        _unscraped(start=minutes(2), end=None),
    ),
    _down("a target of another job", {'up{instance="x",job="other"}': always(0), **healthy()}),
    _down(
        "one answer in two minutes is enough",
        {**healthy(B), A.up(): lambda moment: float(moment % 120 == 0)},
    ),
)

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
                            "prod: the collector pending of a:11951 has ended no round for far longer than its interval. What it told"
                            " has been withdrawn, and alerts that stand on it cannot fire.",
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
_EVERY = ("deliveries", "pending", "processes", "affinity", "throughput", "endpoints", "disks", "database")
_ON_DATABASE = ("deliveries", "pending", "throughput", "database", "affinity")


def _fails(collector: str, start: float = _FAILING_FIRES, end: float | None = _FAILING_RESOLVED, target: Target = A) -> Firing:
    return _collector(_FAILING, collector, start, end, target)


def _all_fail(name: str, world: World, *owned: str) -> Case:
    """Let all collectors fail while something else is wrong: those that it explains are not told."""
    every = {key: line for collector in _EVERY for key, line in _of(_SUCCESS, collector, _FAILS).items()}
    told = [collector for collector in _EVERY if collector not in owned]
    return Case((_FAILING,), name, {**healthy(), **every, **world}, hours(1.5), [_fails(collector) for collector in told])


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
                            "prod: the collector throughput of a:11951 cannot read all it wants, because of: permission timeout. What"
                            " it could not read has been withdrawn, and alerts that stand on it cannot fire.",
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
    _all_fail("that an agent does not answer is told instead", _source("agent"), "processes", "affinity", "disks"),
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
                            "The database lacks what a collector stands on",
                            "prod: a table, column or index that the collector pending of a:11951 needs is not there. What stands on"
                            " it is switched off, so that no statement scans a large table.",
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
                            "This alert always fires. Have it sent to a service that calls you when it stays away: then Prometheus,"
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

STORIES = (*_DOWN_STORIES, *_STALE_STORIES, *_FAILING_STORIES, *_UNAVAILABLE_STORIES, *_WATCHDOG_STORIES)
