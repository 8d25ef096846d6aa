"""The exporters themselves."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import LOG, told
from unit.alerts.timeline import Target, World, always, hours, minutes, only, scrapes_fail, twice

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
                            "prod: the exporter a:11951 watched it and does not tell of it any more, and no other one"
                            " does. No alert"
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
        "who watched the database is forgotten after six hours",
        scrapes_fail({**healthy(), **_agent(B)}, A, _BEGINS, hours(99)),
        _unwatched(end=_BEGINS + hours(6) + _KEEP_ROOT),
        _unscraped(start=_BEGINS + hours(6) + minutes(2), end=None),
        until=hours(7),
    ),
    _down(
        "who watched servers only is forgotten after six hours",
        scrapes_fail(_agent(A), A, _BEGINS, hours(99)),
        _unwatched(end=_BEGINS + hours(6) + _KEEP_ROOT),
        _unscraped(start=_BEGINS + hours(6) + minutes(2), end=None),
        until=hours(7),
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

STORIES = _DOWN_STORIES
