"""How many messages go out."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import CONSOLIDATION, A, B, delivery, healthy
from unit.alerts.texts import told
from unit.alerts.timeline import (
    Line,
    Target,
    World,
    always,
    during,
    growing,
    hours,
    minutes,
    only,
    scrapes_fail,
    steps,
    total,
    twice,
    withdrawn,
    without,
)

_STALLED, _LOW = "CampaignThroughputStalled", "CampaignThroughputLow"
PAGE = "campaign-throughput?var-instance=prod"
_MTA_LOG = "on each MTA server: nlserver pdump, then read var/<instance>/log/mta.log"
_PASSES = ("first", "retry")


def labels(severity: str, team: str = "platform", **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": team, "campaign_instance": "prod", "needs": "database", **labels}


def counted(result: str, pass_: str, line: Line, target: Target = A, kind: str = "") -> World:
    return {target(f"campaign_messages{kind}_total", result=result, **{"pass": pass_}): line}


def messages(line: Line, target: Target = A) -> World:
    """Let all messages be good at first."""
    world: World = {}
    for result in ("success", "error"):
        for pass_ in _PASSES:
            good = (result, pass_) == ("success", "first")
            world |= counted(result, pass_, line if good else always(0), target)
            world |= counted(result, pass_, always(0), target, "_catch_up")
    return world


def _due(channel: str, line: Line, target: Target = A) -> World:
    return {target("campaign_messages_due", channel=channel): line}


# --- nothing is sent --------------------------------------------------------------------------------------------------------

_STOPS, _LAST, _AGAIN = minutes(50), minutes(60), minutes(150)
#: The last step that was counted leaves the range half an hour later.
_FIRES, _RESOLVED = _LAST + minutes(30) + minutes(5), _AGAIN + minutes(10)
_STALLED_LABELS = labels("critical", cause="unknown")


def _stops(last: float = _LAST, again: float = _AGAIN) -> Line:
    """Count in steps, not at all for a while, and in steps again."""
    counting = growing(10, step=CONSOLIDATION)
    return lambda moment: counting(min(moment, last)) if moment < again else counting(moment)


_STOPPED: World = {**healthy(), **messages(_stops())}


def _stalled(start: float = _FIRES, end: float | None = _RESOLVED) -> Firing:
    return Firing(_STALLED, _STALLED_LABELS, start, end)


def _nothing(name: str, world: World, *firing: Firing, until: float = hours(3)) -> Case:
    return Case((_STALLED,), name, world, until, firing)


_STALLED_STORIES = (
    Case(
        None,
        "nothing is sent though messages are due: told once",
        {
            **_STOPPED,
            **delivery(
                A,
                "101",
                "Newsletter",
                # The counters move for ten minutes more: what stands still then is not one delivery among others.
                lambda moment: moment if moment < _STOPS or moment >= _AGAIN else _STOPS,
                always(2000),
            ),
        },
        hours(2.8),
        (_stalled(),),
        (
            Told(
                _FIRES,
                _STALLED,
                [
                    (
                        _STALLED_LABELS,
                        told(
                            _STALLED,
                            "Nothing is sent though messages are due",
                            "prod: no message was processed for 30m, while 2k or more were due in deliveries in progress"
                            " all the time."
                            " MTA and stat server are not known to be down."
                            "\nIn progress, by the time since their last progress:\n- 45m 0s: Newsletter (101)",
                            _MTA_LOG,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _nothing("steps of ten minutes are no standstill", healthy()),
    _nothing(
        "less than thirty-five minutes are nothing",
        {**healthy(), **messages(_stops(again=_FIRES))},
    ),
    _nothing(
        "a hundred messages are enough, over all channels",
        {**_STOPPED, **_due("email", always(60)), **_due("sms", always(40))},
        _stalled(),
    ),
    _nothing("ninety-nine are too few", {**_STOPPED, **_due("email", always(60)), **_due("sms", always(39))}),
    _nothing(
        "while nothing is due nothing need be sent",
        {**_STOPPED, **_due("email", lambda moment: 0 if moment % 1500 == 0 else 2000)},
    ),
    _nothing(
        "one message in half an hour is not nothing",
        {**healthy(), **messages(steps(0, *((minutes(30) * number, number) for number in range(9))))},
    ),
    _nothing(
        "a new exporter does not know what was before",
        {
            **healthy(),
            **messages(only(minutes(100), hours(9), always(0))),
            **{
                A("campaign_messages_due", channel=channel): only(minutes(100), hours(9), always(2000))
                for channel in ("email", "sms")
            },
        },
        # It has seen messages due for twenty-five minutes.
        _stalled(start=minutes(100) + minutes(25) + minutes(5), end=None),
    ),
    Case(
        (_STALLED,),
        "what was caught up is not what is sent now",
        {
            **_STOPPED,
            **counted("success", "first", total(_stops(), steps(0, (minutes(100), 50_000)))),
            **counted("success", "first", steps(0, (minutes(100), 50_000)), kind="_catch_up"),
        },
        hours(3),
        # A sample comes up to thirteen seconds late.
        (_stalled(_FIRES + 30, _RESOLVED + 30),),
        scrape=13,
    ),
    _nothing(
        "where messages are not counted any more nothing is known",
        withdrawn({**healthy()}, minutes(62), hours(9), "campaign_messages_total", "campaign_messages_catch_up_total"),
    ),
    _nothing(
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail(_STOPPED, A, minutes(92), minutes(93.5)), A, minutes(120), minutes(126)),
        _stalled(),
    ),
    _nothing(
        "of two exporters one fails",
        scrapes_fail(twice(_STOPPED, A, B), A, minutes(10), hours(5)),
        _stalled(),
    ),
    _nothing(
        "of two exporters one has just been started",
        {
            **_STOPPED,
            **_due("email", steps(0, (minutes(108), 2000), (minutes(125), 0))),
            **messages(only(minutes(110), minutes(125), always(0)), B),
            **_due("email", only(minutes(110), minutes(125), always(2000)), B),
        },
    ),
    _nothing(
        "that all MTAs are down is told instead",
        {
            **_STOPPED,
            **{A("campaign_process_up", host=host, process="mta"): during(_LAST, hours(9), 0, 1) for host in ("mta1", "mta2")},
        },
    ),
    _nothing(
        "that stat is down is told instead",
        {**_STOPPED, A("campaign_process_up", host="mta1", process="stat"): during(_LAST, hours(9), 0, 1)},
    ),
    _nothing(
        "that one of two stat servers is down explains nothing",
        {
            **_STOPPED,
            A("campaign_process_up", host="mta1", process="stat"): during(_LAST, hours(9), 0, 1),
            A("campaign_process_up", host="mta2", process="stat"): always(1),
        },
        _stalled(),
    ),
    _nothing(
        "that another process is down explains nothing, where no stat is to run",
        {
            **_STOPPED,
            A("campaign_process_up", host="mta1", process="stat"): always(None),
            A("campaign_process_up", host="mta1", process="inMail"): during(_LAST, hours(9), 0, 1),
        },
        _stalled(),
    ),
    _nothing(
        "messages that have been due for half an hour are enough",
        {**_STOPPED, **_due("email", steps(0, (minutes(59), 2000)))},
        _stalled(),
    ),
    _nothing(
        "what was due half an hour ago is not known",
        {
            **_STOPPED,
            **{
                name: without(_LAST, _LAST + minutes(6), line)
                for name, line in {**_due("email", always(2000)), **_due("sms", always(0))}.items()
            },
        },
        _stalled(start=_FIRES + minutes(1)),
    ),
    _nothing(
        "sessions are blocked later",
        {**_STOPPED, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): steps(0, (minutes(120), 301))},
        _stalled(end=minutes(121) + minutes(10)),
    ),
    _nothing(
        "that another process is down explains nothing",
        {**_STOPPED, A("campaign_process_up", host="mta1", process="inMail"): during(_LAST, hours(9), 0, 1)},
        _stalled(),
    ),
    _nothing(
        "that sessions are blocked is told instead",
        {**_STOPPED, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_LAST, hours(9), 301, 0)},
    ),
    _nothing(
        "that a session waits for five minutes explains nothing",
        {**_STOPPED, A("campaign_database_longest_wait_seconds", table="nmsdelivery"): during(_LAST, hours(9), 300, 0)},
        _stalled(),
    ),
)

# --- less is sent than usual ------------------------------------------------------------------------------------------------

_BEGINS = hours(24)
_LOW_LABELS = labels("warning")
_PROCESSED = "campaign_instance:campaign_messages:increase30m"
_BUSY = "campaign_instance:campaign_messages_busy:rate30m"
_BASELINE = "campaign_instance:campaign_messages_busy_rate30m:avg_over_time7d"
#: Half an hour later all of the range is slow.
_LOW_FIRES = _BEGINS + minutes(30) + hours(1)


def _slows(share: float, begins: float = _BEGINS, ends: float = hours(99)) -> Line:
    """Count ten messages a second in steps, and a share of that for a while."""

    def line(moment: float) -> float:
        moment = moment // CONSOLIDATION * CONSOLIDATION
        slow = max(min(moment, ends) - begins, 0)
        return 10 * (moment - slow + share * slow)

    return line


def _low(start: float = _LOW_FIRES, end: float | None = None) -> Firing:
    return Firing(_LOW, _LOW_LABELS, start, end)


def _slow(
    name: str,
    world: World,
    *firing: Firing,
    until: float = hours(26),
    told: tuple[Told, ...] = (),
    step: float = 60,
) -> Case:
    return Case((_LOW,), name, {**healthy(), **world}, until, firing, told, step=step)


def _records(name: str, world: World, until: float, records: Mapping[str, int]) -> Case:
    """Tell whether records are there in the end."""
    values = {f"count({record})": {"{}": number} if number else {} for record, number in records.items()}
    return Case((_LOW,), name, {**healthy(), **world}, until, values=values)


def _usual(name: str, until: float, known: int) -> Case:
    """Look for the usual throughput long after there was work for the last time."""
    world = {**healthy(), **_due("email", steps(2000, (hours(125), 0)))}
    return Case((_LOW,), name, world, until, values={f"count({_BASELINE})": {"{}": known} if known else {}}, step=600)


def _average(name: str, world: World, until: float, usual: float) -> Case:
    """Look at the usual throughput, in messages a second."""
    values = {f"round({_BASELINE}, 0.1)": {'{campaign_instance="prod"}': usual}}
    return Case((_LOW,), name, {**healthy(), **world}, until, values=values, step=600)


_LOW_STORIES = (
    _slow(
        "throughput falls to a quarter and rises again",
        messages(_slows(0.25, ends=_BEGINS + hours(2))),
        # Ten minutes at the usual pace are enough.
        _low(end=_BEGINS + hours(2) + minutes(10) + minutes(5)),
        until=hours(27),
        step=30,
        told=(
            Told(
                _LOW_FIRES,
                _LOW,
                [
                    (
                        _LOW_LABELS,
                        told(
                            _LOW,
                            "Messages go out far more slowly than usual",
                            "prod: 9k messages an hour, 26.08% of the 34.51k that are usual while there is work.",
                            _MTA_LOG,
                            PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _slow("a little less than a third is a little more than the limit", messages(_slows(0.315))),
    _slow("a little more than a quarter is below it", messages(_slows(0.27)), _low()),
    _slow("an hour and twenty minutes are nothing", messages(_slows(0.1, ends=_BEGINS + minutes(80)))),
    _slow(
        "where less is due less need be sent",
        {**messages(_slows(0.1)), **_due("email", steps(2000, (_BEGINS, 999)))},
    ),
    _slow(
        "where sms are due and mails are not, mails are not slow",
        {**messages(_slows(0.1)), **_due("email", steps(2000, (_BEGINS, 0))), **_due("sms", always(2000))},
    ),
    _slow("a standstill is told instead", messages(_slows(0))),
    _slow(
        "what was caught up is not the usual",
        {
            **messages(total(_slows(0.5), steps(0, (hours(20), 50_000_000)))),
            **counted("success", "first", steps(0, (hours(20), 50_000_000)), kind="_catch_up"),
        },
    ),
    Case(
        (_LOW,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **messages(_slows(0.2))}, A, _BEGINS + minutes(50), _BEGINS + minutes(51)),
            A,
            _BEGINS + minutes(100),
            _BEGINS + minutes(103),
        ),
        hours(26),
        (_low(),),
        step=60,
    ),
    Case(
        (_LOW,),
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **messages(_slows(0.2))}, A, B), B, hours(2), hours(99)),
        hours(26),
        (_low(),),
        step=60,
    ),
    _records("a thousand messages are work", _due("email", always(1000)), hours(1), {_BUSY: 1}),
    _records("fewer are none", _due("email", always(999)), hours(1), {_BUSY: 0}),
    _records(
        "of two exporters the one that sees less work is right",
        {**twice(healthy(), A, B), **_due("email", always(999), B)},
        hours(1),
        {_BUSY: 0},
    ),
    _records("one message in half an hour is slow work", messages(steps(0, (minutes(50), 1))), hours(1), {_BUSY: 1}),
    _records("work of half an hour is enough", _due("email", steps(0, (minutes(29), 2000))), hours(1), {_BUSY: 1}),
    _records("work of a quarter of an hour is not", _due("email", steps(0, (minutes(31), 2000))), hours(1), {_BUSY: 0}),
    _records(
        "what was counted last is believed for two minutes",
        {name: only(0, minutes(60), line) for name, line in messages(growing(1)).items()},
        minutes(61.5),
        {_PROCESSED: 1},
    ),
    _records(
        "and not for longer",
        {name: only(0, minutes(60), line) for name, line in messages(growing(1)).items()},
        minutes(62),
        {_PROCESSED: 0},
    ),
    _records("a day without work is no slow day", messages(always(5)), hours(1), {_BUSY: 0}),
    # The first step comes after ten minutes.
    _records("what is usual is not known before six hours of work", {}, minutes(10) + hours(6) - 60, {_BUSY: 1, _BASELINE: 0}),
    _records("what is usual is known after six hours of work", {}, minutes(10) + hours(6) - 30, {_BUSY: 1, _BASELINE: 1}),
    # Of 125 hours of work, 120 must still be in the range.
    _usual("what is usual is remembered for seven days", hours(5 + 7 * 24), 1),
    _average(
        "what is usual is the average of seven days",
        # Of ten messages a second from the 20th to the 125th hour, and one before: the first five hours do not count.
        {**messages(_slows(0.1, begins=0, ends=hours(20))), **_due("email", steps(2000, (hours(125), 0)))},
        hours(5 + 7 * 24),
        8.9,
    ),
    _usual("what is usual is forgotten after them", hours(5 + 7 * 24) + 600, 0),
)

STORIES = (*_STALLED_STORIES, *_LOW_STORIES)
