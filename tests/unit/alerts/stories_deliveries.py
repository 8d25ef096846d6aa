"""Deliveries that stand still, fail, or start late."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, delivery, healthy
from unit.alerts.texts import FILE, WHY_ALL, told
from unit.alerts.timeline import Line, Target, World, always, growing, hours, minutes, scrapes_fail, steps, twice, withdrawn

_STALLED, _FAILED, _LATE = "CampaignDeliveryStalled", "CampaignDeliveryFailed", "CampaignDeliveryStartsLate"
_DATABASE = {"needs": "database", "campaign_instance": "prod"}

# --- one that stands still --------------------------------------------------------------------------------------------------

_STOPS, _GOES_ON = minutes(10), minutes(80)
_FIRES = _STOPS + minutes(30) + 30 + minutes(5)
_RESOLVED = _GOES_ON + minutes(2) + minutes(5)
_STALLED_LABELS = {"severity": "warning", "team": "platform", **_DATABASE, "delivery_id": "202"}
_PROGRESS = "campaign_delivery_progress_timestamp_seconds"


def _moves_again(stops: float = _STOPS, goes_on: float = _GOES_ON) -> Line:
    return lambda moment: stops if stops <= moment < goes_on else moment


def _halted(progress: Line | None = None, remaining: float = 40_000, label: str = "Spring sale") -> World:
    return {**healthy(), **delivery(A, "202", label, progress or _moves_again(), always(remaining))}


def _stalled(name: str, world: World, *firing: Firing, told: tuple[Told, ...] = (), until: float = hours(2)) -> Case:
    return Case((_STALLED,), name, world, until, firing, told)


def _stalls(start: float = _FIRES, end: float | None = _RESOLVED) -> Firing:
    return Firing(_STALLED, _STALLED_LABELS, start, end)


_STALLED_STORIES = (
    Case(
        None,
        "one delivery stands still: it is told, and nothing else fires",
        _halted(label="Spring\tsale"),
        hours(1.6),
        (_stalls(),),
        (
            Told(
                _FIRES,
                _STALLED,
                [
                    (
                        _STALLED_LABELS,
                        told(
                            _STALLED,
                            "A delivery in progress stands still while others go on",
                            "prod: Spring sale (202) has processed nothing for 35m 30s, though a part of it is due."
                            " 40k messages are left in it. Other deliveries go on.",
                            f"campaign-exporter why 202 --config.file {FILE}",
                        ),
                    )
                ],
            ),
        ),
    ),
    _stalled("what goes on after half an hour fires nothing", _halted(_moves_again(goes_on=_STOPS + minutes(30) + 30))),
    _stalled("what goes on before `for` is over fires nothing", _halted(_moves_again(goes_on=_FIRES - minutes(2) - 30))),
    _stalled("the last hundred messages count", _halted(remaining=100), _stalls()),
    _stalled("the last few messages do not count", _halted(remaining=99)),
    _stalled(
        "where nothing flows it is not one delivery that stands still",
        {
            **_halted(),
            **{
                A("campaign_messages_total", result=result, **{"pass": pass_}): always(1000)
                for result in ("success", "error")
                for pass_ in ("first", "retry")
            },
        },
    ),
    _stalled(
        "a message in twenty minutes is flow, what was caught up is none",
        {
            **_halted(),
            **{
                A(f"campaign_messages{kind}_total", result=result, **{"pass": pass_}): always(0)
                for kind in ("", "_catch_up")
                for result in ("success", "error")
                for pass_ in ("first", "retry")
            },
            A("campaign_messages_total", result="success", **{"pass": "first"}): steps(
                0, (minutes(50), 1), (minutes(75), 5001)
            ),
            A("campaign_messages_catch_up_total", result="success", **{"pass": "first"}): steps(0, (minutes(75), 5000)),
        },
        _stalls(start=minutes(50) + minutes(5), end=minutes(70) + minutes(5)),
    ),
    _stalled(
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail(_halted(), A, minutes(42), minutes(43.5)), A, minutes(60), minutes(63)),
        _stalls(),
    ),
    _stalled(
        "withdrawn values neither resolve it nor fire",
        withdrawn(_halted(), minutes(60), minutes(66), _PROGRESS, "campaign_delivery_messages_remaining"),
        _stalls(),
    ),
    _stalled(
        "what is left is not told for two minutes",
        withdrawn(_halted(), minutes(42), minutes(44), "campaign_delivery_messages_remaining"),
        _stalls(),
    ),
    _stalled(
        "what is left is not told for longer: `for` begins anew",
        withdrawn(_halted(), minutes(42), minutes(44.5), "campaign_delivery_messages_remaining"),
        _stalls(start=minutes(44.5) + minutes(5)),
    ),
    _stalled("of two exporters one fails", scrapes_fail(twice(_halted(), A, B), A, minutes(20), hours(2)), _stalls()),
    _stalled(
        "of two exporters one has just been started, and dates it by a later edit",
        {**_halted(), **delivery(B, "202", "Spring sale", _moves_again(minutes(45)), always(39_000))},
        _stalls(),
    ),
)

# --- some that fail ---------------------------------------------------------------------------------------------------------

_ENTERS = minutes(40)
#: The step is seen until the last sample before it has left the range.
_FORGOTTEN = _ENTERS + minutes(30)


def _transitions(target_state: str, line: Line, channel: str = "email") -> World:
    return {A("campaign_delivery_transitions_total", state=target_state, channel=channel): line}


def _fails(state: str = "failed", start: float = _ENTERS, end: float | None = _FORGOTTEN) -> Firing:
    return Firing(_FAILED, {"severity": "warning", "team": "campaign", **_DATABASE, "state": state}, start, end)


def _failed(name: str, world: World, *firing: Firing) -> Case:
    return Case((_FAILED,), name, world, hours(2), firing)


def _failed_told(state: str, number: int) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return (
        {"severity": "warning", "team": "campaign", **_DATABASE, "state": state},
        told(
            _FAILED,
            "Deliveries failed",
            f"prod: deliveries that entered the state {state} within 30m: {number}. They stay there until somebody sees to"
            " them.",
            'psql -c "SELECT ideliveryid, slabel, istate, tslastmodified FROM nmsdelivery'
            ' WHERE istate IN (37, 87) AND iismodel = 0 ORDER BY tslastmodified DESC LIMIT 10"',
        ),
    )


_FAILED_STORIES = (
    Case(
        None,
        "three deliveries fail in two channels, one in its preparation",
        {
            **healthy(),
            **_transitions("failed", steps(2, (_ENTERS, 4))),
            **_transitions("failed", steps(0, (_ENTERS, 1)), "sms"),
            **_transitions("preparation_error", steps(2, (_ENTERS, 3))),
        },
        hours(1.3),
        (_fails(), _fails("preparation_error")),
        (Told(_ENTERS, _FAILED, [_failed_told("failed", 3), _failed_told("preparation_error", 1)]),),
    ),
    _failed("the stock of failed deliveries fires nothing", {**healthy(), **_transitions("failed", always(2000))}),
    _failed("what is stopped by hand has not failed", {**healthy(), **_transitions("stopped", growing(0.1))}),
    _failed(
        "an exporter that lost its state and counts anew fires nothing",
        {**healthy(), **_transitions("failed", steps(7, (_ENTERS, 0)))},
    ),
    _failed(
        "failed scrapes hide nothing",
        scrapes_fail({**healthy(), **_transitions("failed", steps(2, (_ENTERS, 3)))}, A, _ENTERS - 60, _ENTERS + 120),
        # The first sample after the gap; the last before it stays in the range for a minute less.
        _fails(start=_ENTERS + 120, end=_FORGOTTEN - 60),
    ),
    _failed(
        "two exporters that see the same do not make two of it",
        twice({**healthy(), **_transitions("failed", steps(2, (_ENTERS, 3)))}, A, B),
        _fails(),
    ),
)

# --- some that start late ---------------------------------------------------------------------------------------------------

_STARTS = "campaign_delivery_start_delay_seconds"
_BEGINS, _EVERY = hours(7), minutes(10)
_LATE_LABELS = {"severity": "warning", "team": "campaign", **_DATABASE}


def _starts(*batches: tuple[int, int, int], channel: str = "email", target: Target = A) -> World:
    """Let deliveries start every ten minutes: batches of (times, starts, late ones among them), one after the other."""

    def counted(moment: float, place: int) -> float:
        left, count = max(int((moment - _BEGINS) // _EVERY) + 1, 0), 0
        for times, *numbers in batches:
            count += min(left, times) * numbers[place]
            left = max(left - times, 0)
        return count

    def every(moment: float) -> float:
        return counted(moment, 0)

    def within(moment: float) -> float:
        return every(moment) - counted(moment, 1)

    buckets = {"300.0": always(0), "900.0": within, "3600.0": every, "+Inf": every}
    return {
        target(f"{_STARTS}_count", channel=channel): every,
        **{target(f"{_STARTS}_bucket", channel=channel, le=le): line for le, line in buckets.items()},
    }


def _batch(number: int) -> float:
    """Give the moment of a batch, counted from 1."""
    return _BEGINS + (number - 1) * _EVERY


def _is_late(start: float, end: float | None = None) -> Firing:
    return Firing(_LATE, _LATE_LABELS, start, end)


def _late(name: str, world: World, *firing: Firing, until: float = hours(14), told: tuple[Told, ...] = ()) -> Case:
    return Case((_LATE,), name, world, until, firing, told, step=300)


def _shares(name: str, world: World, until: float, number: int) -> Case:
    """Tell whether the shares of the late are recorded."""
    record = "campaign_instance:campaign_delivery_starts_late:ratio_increase"
    known = {f"count({record}{span})": {"{}": number} if number else {} for span in ("1h", "6h", "3d")}
    return Case((_LATE,), name, world, until, values=known, step=300)


def _in_days(name: str, after: int, *firing: Firing, share: float) -> Case:
    """Let 95 deliveries start in time, and ten, six of them late, so many hours later; tell the share an hour after that."""
    world = _starts((1, 95, 0), (6 * after - 1, 0, 0), (1, 10, 6))
    rounded = "round(campaign_instance:campaign_delivery_starts_late:ratio_increase3d, 0.01)"
    values = {rounded: {'{campaign_instance="prod"}': share}}
    return Case((_LATE,), name, world, _BEGINS + hours(after + 1), [_open(each) for each in firing], values=values, step=300)


def _open(firing: Firing) -> Firing:
    """Let it still fire at the end of the story."""
    return Firing(firing.alert, firing.labels, firing.start, None)


def _late_told(moment: float, share: str) -> Told:
    said = (
        f"prod: {share} of the deliveries that started lately did so later than 15m after their contact date; 5% are allowed."
    )
    return Told(moment, _LATE, [(_LATE_LABELS, told(_LATE, "Deliveries start late", said, WHY_ALL))])


_LATE_STORIES = (
    _late(
        "all are late: told from the twentieth on, until the hour is better",
        _starts((25, 1, 1), (60, 1, 0)),
        _is_late(_batch(20), _batch(30)),
        told=(_late_told(_batch(20), "100%"),),
    ),
    _late("nineteen late ones are too few", _starts((19, 1, 1))),
    _late("three of ten for a quarter of a day are no fast burn", _starts((9, 10, 3))),
    _late(
        "four of ten are", _starts((9, 10, 4)), _is_late(_batch(2), _batch(9) + hours(1)), told=(_late_told(_batch(3), "40%"),)
    ),
    _late("late ones five hours ago are over", _starts((5, 4, 4), (6, 1, 0), (1, 20, 0)), _is_late(_batch(5), _batch(11))),
    _late(
        "six of a hundred are a slow burn: told from the hundredth on",
        _starts((48, 50, 3)),
        _is_late(_batch(2)),
        told=(_late_told(_batch(4), "6%"),),
    ),
    _late("a little more than three of ten are", _starts((3, 25, 8)), _is_late(_BEGINS, _batch(3) + hours(1))),
    _late(
        "an hour that is a little better is not fast any more",
        _starts((1, 20, 20), (6, 0, 0), (3, 25, 7)),
        _is_late(_BEGINS, _batch(7)),
    ),
    _late("a bad hour does not spoil a good quarter of a day", _starts((1, 30, 5), (6, 0, 0), (1, 20, 10))),
    _late("a bad quarter of a day does not spoil three days", _starts((1, 100, 0), (36, 0, 0), (1, 25, 6)), until=hours(16)),
    _in_days("starts of two days ago count", 50, _is_late(_BEGINS + hours(50), _BEGINS + hours(56)), share=0.06),
    _in_days("starts of four days ago do not", 80, share=0.6),
    _late("five of a hundred are allowed", _starts((48, 20, 1))),
    _late("ninety-nine are too few for a slow burn", _starts((9, 11, 1))),
    _late("a hundred are enough", _starts((10, 10, 1)), _is_late(_batch(10), _batch(10) + hours(6)), until=hours(15)),
    _late(
        "a slow burn ends with six good hours",
        _starts((20, 50, 7), (300, 50, 0)),
        # With 14 % of a batch late, 13 of the 36 in six hours are more than 5 %, and 12 are not.
        _is_late(_batch(2), _batch(20 + 36 - 12)),
        until=hours(24),
    ),
    _late("a bad quarter of an hour does not spoil three good days", _starts((400, 50, 0), (2, 50, 25)), until=hours(74)),
    _late(
        "all channels count together",
        {**_starts((10, 1, 1)), **_starts((20, 1, 1), channel="sms")},
        _is_late(_batch(10), _batch(20) + hours(1)),
    ),
    _shares("without starts there is no share", _starts((0, 0, 0)), hours(8), 0),
    _shares("one start has a share", _starts((1, 1, 1)), _BEGINS + 300, 1),
    _late(
        "two exporters do not make two of one",
        {**_starts((19, 1, 1)), **_starts((19, 1, 1), target=B)},
    ),
    _late(
        "failed scrapes change nothing",
        scrapes_fail({**healthy(), **_starts((25, 1, 1), (60, 1, 0))}, A, _batch(22), _batch(23)),
        _is_late(_batch(20), _batch(30)),
    ),
)

STORIES = (*_STALLED_STORIES, *_FAILED_STORIES, *_LATE_STORIES)
