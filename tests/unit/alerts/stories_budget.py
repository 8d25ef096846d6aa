"""Reads that take more of the database than the exporter is allowed."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import DOCTOR, told
from unit.alerts.timeline import Line, Target, World, always, during, hours, minutes, scrapes_fail, steps, twice

_BEGINS, _ENDS, _KEEP = minutes(20), minutes(50), minutes(5)
_PAGE = "campaign-exporter?var-instance=prod"
_OVER_BUDGET = "CampaignExporterOverBudget"
_RATIO = "campaign_exporter_database_budget_ratio"
#: That an interval was longer is seen for two minutes more.
_OVER_FIRES, _OVER_RESOLVED = _BEGINS + minutes(15), _ENDS + minutes(2) + _KEEP


def _stretched(collector: str, line: Line, target: Target = A) -> World:
    return {target("campaign_exporter_collector_stretch_ratio", collector=collector): line}


_SLOW: World = {
    **_stretched("throughput", during(_BEGINS, _ENDS, 8, 1)),
    **_stretched("deliveries", during(_BEGINS, _ENDS, 4, 1)),
}


_ALWAYS_SLOW = _stretched("throughput", always(8))


def _over(start: float = _OVER_FIRES, end: float | None = _OVER_RESOLVED, target: Target = A) -> Firing:
    labels = {"campaign_instance": "prod", "instance": target.address, "job": "campaign"}
    return Firing(_OVER_BUDGET, {"severity": "warning", "team": "platform", **labels}, start, end)


def _budget(name: str, world: World, *firing: Firing) -> Case:
    return Case((_OVER_BUDGET,), name, {**healthy(), **world}, hours(1.5), firing)


STORIES = (
    Case(
        None,
        "statements are slow: two collectors are stretched, and it is told once",
        {**healthy(), **_SLOW},
        hours(1.2),
        (_over(),),
        (
            Told(
                _OVER_FIRES,
                _OVER_BUDGET,
                [
                    (
                        _over().labels,
                        told(
                            _OVER_BUDGET,
                            "An exporter would take more of the database than it is allowed",
                            "prod: reads of a:11951 have grown so slow that they do not fit into its budget of database"
                            " time. It reads less often, and what it sees, it sees later."
                            "\n- throughput: 8 times the interval\n- deliveries: 4 times the interval",
                            DOCTOR,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _budget(
        "fifteen minutes are enough",
        _stretched("throughput", during(_BEGINS, _BEGINS + minutes(13.5), 2, 1)),
        _over(end=_BEGINS + minutes(15.5) + _KEEP),
    ),
    _budget("less is nothing", _stretched("throughput", during(_BEGINS, _BEGINS + minutes(13), 2, 1))),
    _budget(
        "intervals cannot get longer, and the budget is exceeded",
        {A(_RATIO): during(_BEGINS, _ENDS, 3, 0.3)},
        # The average of ten minutes is above 1 from the eleventh sample on, and as long as eleven are left.
        _over(_BEGINS + minutes(2.5) + minutes(15), _ENDS + minutes(7.5) + _KEEP),
    ),
    _budget("all of the budget is not more than the budget", {A(_RATIO): always(1)}),
    _budget("a start that costs more is nothing", {A(_RATIO): during(0, minutes(2), 20, 0.3)}),
    _budget(
        "now more and now less, and on average less, is nothing",
        {A(_RATIO): lambda moment: 1.8 if moment % 120 < 60 else 0.0},
    ),
    _budget("that the database is not reached is told instead", {**_SLOW, A("campaign_up"): during(_BEGINS, _ENDS, 0, 1)}),
    _budget(
        "that sessions are blocked is told instead",
        {**_SLOW, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_BEGINS, _ENDS, 301, 0)},
    ),
    _budget(
        "once the database has not been reached for two minutes, that is told instead",
        {**_ALWAYS_SLOW, A("campaign_up"): steps(1, (minutes(40), 0))},
        _over(minutes(15), minutes(42) + _KEEP),
    ),
    _budget(
        "and once sessions have been blocked for one",
        {**_ALWAYS_SLOW, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): steps(280, (minutes(40), 301))},
        _over(minutes(15), minutes(41) + _KEEP),
    ),
    Case(
        (_OVER_BUDGET,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_SLOW}, A, _BEGINS + 60, _BEGINS + 120), A, minutes(40), minutes(45)),
        hours(1.5),
        (_over(),),
    ),
    Case(
        (_OVER_BUDGET,),
        "of two exporters one is over its budget",
        {**twice(healthy(), A, B), **_stretched("throughput", during(_BEGINS, _ENDS, 2, 1), B)},
        hours(1.5),
        (_over(target=B),),
    ),
    Case(
        (_OVER_BUDGET,),
        "of two exporters both are, and each for itself",
        twice({**healthy(), **_SLOW}, A, B),
        hours(1.5),
        (_over(), _over(target=B)),
    ),
)
