"""How many messages fail."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.stories_throughput import PAGE, counted, labels, messages
from unit.alerts.texts import told
from unit.alerts.timeline import World, always, growing, hours, minutes, scrapes_fail, steps, twice

_ERRORS = "CampaignDeliveryErrorsHigh"
_RISES, _FALLS = minutes(70), minutes(130)
_ERRORS_LABELS = labels("warning", "deliverability")
#: At a half of all, 12 % of an hour are reached after fourteen and a half minutes.
_ERRORS_FIRE = _RISES + minutes(14.5) + minutes(10)
_ERRORS_RESOLVED = _FALLS + hours(1) - minutes(14) + minutes(5)


def _failing(share: float, per_second: float = 1, start: float = _RISES, end: float = _FALLS, pass_: str = "first") -> World:
    """Let a share of all messages fail for a while."""

    def failed(moment: float) -> float:
        return share * per_second * max(min(moment, end) - start, 0)

    return {
        **messages(always(0)),
        **counted("success", pass_, lambda moment: per_second * moment - failed(moment)),
        **counted("error", pass_, failed),
        **counted("success", pass_, always(0), kind="_catch_up"),
        **counted("error", pass_, always(0), kind="_catch_up"),
    }


def _at_once(number: int, errors: int, *, catch_up: bool = False) -> World:
    """Count messages in one step."""
    world = messages(always(0))
    for result, counts in (("success", number - errors), ("error", errors)):
        line = steps(0, (_RISES, counts))
        world |= counted(result, "first", line)
        if catch_up:
            world |= counted(result, "first", line, kind="_catch_up")
    return world


def _many(start: float = _ERRORS_FIRE, end: float | None = _ERRORS_RESOLVED) -> Firing:
    return Firing(_ERRORS, _ERRORS_LABELS, start, end)


def _refused(name: str, world: World, *firing: Firing, told: tuple[Told, ...] = ()) -> Case:
    return Case((_ERRORS,), name, {**healthy(), **world}, hours(3.5), firing, told)


def _errors_told(moment: float, share: str) -> Told:
    said = f"prod: {share} of the messages of the last 1h failed at their first attempt; 12% are the limit."
    query = (
        'psql -c "SELECT ifailuretype, ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg'
        ' ORDER BY tslastmodified DESC LIMIT 20"'
    )
    return Told(
        moment, _ERRORS, [(_ERRORS_LABELS, told(_ERRORS, "Many messages fail at their first attempt", said, query, PAGE))]
    )


#: A step leaves the range an hour later.
_STEP_GONE = _RISES + hours(1) + minutes(5)
STORIES = (
    Case(
        None,
        "half of all messages fail: told, and nothing else",
        {**healthy(), **_failing(0.5)},
        hours(3.2),
        (_many(),),
        (_errors_told(_ERRORS_FIRE, "20.42%"),),
    ),
    _refused("a hair below the limit is nothing", _failing(0.1199, 10, start=0, end=hours(9))),
    _refused("one in a hundred more is", _failing(0.13, 10, start=0, end=hours(9)), _many(minutes(2) + minutes(10), None)),
    _refused("a thousand messages are enough", _at_once(1000, 500), _many(_RISES + minutes(10), _STEP_GONE)),
    _refused("fewer are not", _at_once(999, 500)),
    _refused("retries that fail again are expected", {**messages(growing(1)), **counted("error", "retry", growing(3))}),
    _refused(
        "retries that succeed make no first attempt good",
        {
            **_failing(0.13, 10, start=0, end=hours(9)),
            **counted("success", "retry", growing(100)),
            **counted("success", "retry", always(0), kind="_catch_up"),
        },
        _many(minutes(2) + minutes(10), None),
    ),
    _refused("where passes are not told apart all count", _failing(0.5, pass_="unknown"), _many()),
    _refused("what was caught up does not count", _at_once(100_000, 90_000, catch_up=True)),
    _refused(
        "what fails in a step of ten minutes is over in an hour",
        _at_once(10_000, 1300),
        _many(_RISES + minutes(10), _STEP_GONE),
    ),
    Case(
        (_ERRORS,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_failing(0.5)}, A, _RISES + minutes(16), _RISES + minutes(18)),
            A,
            minutes(120),
            minutes(123),
        ),
        hours(3.5),
        (_many(),),
    ),
    Case(
        (_ERRORS,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_failing(0.5)}, A, B), B, minutes(10), hours(9)),
        hours(3.5),
        (_many(),),
    ),
)
