"""Messages that will be too late, and large deliveries that come together."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, forecast, healthy
from unit.alerts.texts import told
from unit.alerts.timeline import (
    Line,
    Target,
    World,
    always,
    clock,
    growing,
    hours,
    minutes,
    only,
    scrapes_fail,
    steps,
    twice,
    withdrawn,
)

_MISSES, _TOGETHER = "CampaignDeliveryWillMissValidity", "CampaignLargeDeliveriesTogether"


def _labels(severity: str, **more: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "campaign", "needs": "database", "campaign_instance": "prod", **more}


# --- too late ---------------------------------------------------------------------------------------------------------------

_SEEN = minutes(20)
_PAGE_FIRES, _TICKET_FIRES = _SEEN + minutes(10), _SEEN + minutes(30)
_KNOWN_LATE, _THREE_HOURS, _MOVING = steps(None, (_SEEN, 6400)), always(hours(3)), always(1)
_PAST = "campaign_delivery_messages_past_validity"
_PAGE_OF_LOAD = "campaign-load?var-instance=prod"
_PSQL_VALIDITY = (
    'psql -c "SELECT ideliveryid, slabel, itodeliver - iprocessed AS messages_left, tsvalidity FROM nmsdelivery'
    ' WHERE istate = 55 AND iismodel = 0 ORDER BY tsvalidity LIMIT 10"'
)


def _slow(
    past: Line = _KNOWN_LATE,
    validity: Line = _THREE_HOURS,
    rate: Line = _MOVING,
    number: str = "202",
    label: str = "Spring sale",
    target: Target = A,
) -> World:
    return forecast(target, number, label, past=past, validity=validity, rate=rate)


#: One that is slow, and has days.
_LATER = _slow(validity=clock(-hours(48)), number="205", label="Welcome")


def _missed(name: str, world: World, *firing: Firing, until: float = hours(2), told: tuple[Told, ...] = ()) -> Case:
    return Case((_MISSES,), name, {**healthy(), **world}, until, firing, told)


def _page(start: float = _PAGE_FIRES, end: float | None = None) -> Firing:
    return Firing(_MISSES, _labels("critical"), start, end)


def _ticket(start: float = _TICKET_FIRES, end: float | None = None) -> Firing:
    return Firing(_MISSES, _labels("warning"), start, end)


def _lost(severity: str, messages: str, *lines: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    said = (
        f"prod: at the present rate {messages} messages will be lost: Campaign cancels what is unsent when the validity ends."
        " Extend it before (Properties, Validity):" + "".join(f"\n- {line}" for line in lines)
    )
    summary = "Messages will not be sent before the validity of their delivery ends"
    return _labels(severity), told(_MISSES, summary, said, _PSQL_VALIDITY, _PAGE_OF_LOAD)


_MISSED_STORIES = (
    Case(
        None,
        "a delivery is too slow: it is paged hours before, nothing else fires, and it resolves",
        {**healthy(), **_slow(steps(None, (_SEEN, 6400), (minutes(80), 0)), label="Spring\tsale")},
        hours(1.8),
        (_page(end=minutes(80) + minutes(5)),),
        (Told(_PAGE_FIRES, _MISSES, [_lost("critical", "6.4k", "Spring sale (202): 6.4k messages; it ends in 2h 30m 0s")]),),
    ),
    _missed(
        "what ends in days is a ticket, what ends within hours a page beside it",
        {
            **_slow(validity=clock(-hours(48))),
            **_slow(always(700), always(hours(2)), number="203", label="Flash sale"),
            **_slow(always(150), always(hours(1.5)), number="204", label="Survey"),
        },
        _page(minutes(10)),
        _ticket(),
        until=hours(1),
        told=(
            Told(
                _TICKET_FIRES,
                _MISSES,
                [
                    _lost(
                        "critical",
                        "850",
                        "Flash sale (203): 700 messages; it ends in 1h 10m 0s",
                        "Survey (204): 150 messages; it ends in 40m 0s",
                    ),
                    _lost("warning", "6.4k", "Spring sale (202): 6.4k messages; it ends in 2d 0h 0m 0s"),
                ],
            ),
        ),
    ),
    _missed(
        "a ticket becomes a page when four hours are left",
        _slow(validity=always(hours(5))),
        # The ticket's condition goes, and it stays for five minutes.
        _ticket(end=hours(1) + minutes(5)),
        _page(start=hours(1) + minutes(10)),
        until=hours(2),
    ),
    _missed("just below the least that counts fires nothing", _slow(always(99))),
    _missed("the least that counts fires", _slow(steps(None, (_SEEN, 100))), _page()),
    _missed(
        "two that lose less than the least each do not count together",
        {**_slow(always(99)), **_slow(always(99), number="203")},
    ),
    _missed(
        "what is over just before `for` fires nothing",
        _slow(steps(0, (_SEEN, 6400), (_PAGE_FIRES, 0))),
    ),
    _missed(
        "what stands still for days is told by another alert",
        _slow(validity=clock(-hours(48)), rate=always(0)),
    ),
    _missed("what stands still and ends within hours is a page", _slow(rate=always(0)), _page()),
    _missed(
        "when the validity is over it is too late to tell",
        _slow(validity=always(minutes(60))),
        _page(end=minutes(60) + minutes(5)),
    ),
    _missed("a rate that is not known tells nothing", _slow(always(None), rate=always(None))),
    _missed(
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail({**healthy(), **_slow()}, A, minutes(24), minutes(25.5)), A, minutes(60), minutes(63)),
        _page(),
    ),
    _missed(
        "withdrawn values do not resolve it",
        withdrawn(_slow(), minutes(60), minutes(66), _PAST, "campaign_delivery_validity_timestamp_seconds"),
        _page(),
    ),
    *(
        _missed(
            f"{name} is not told for longer: `for` begins anew",
            withdrawn({**_slow(), **_LATER}, minutes(25), minutes(27.5), f"campaign_delivery_{name}"),
            *((_page(start=minutes(37.5)),) if name != "messages_per_second" else (_page(),)),
            _ticket(start=minutes(57.5)),
        )
        for name in ("messages_past_validity", "validity_timestamp_seconds", "messages_per_second")
    ),
    _missed(
        "failed scrapes do not delay a ticket",
        scrapes_fail({**healthy(), **_LATER}, A, minutes(40), minutes(41.5)),
        _ticket(),
    ),
    _missed("a ticket has the same least: just below it", _slow(always(99), clock(-hours(48)))),
    _missed("a ticket has the same least", _slow(steps(None, (_SEEN, 100)), clock(-hours(48))), _ticket()),
    _missed("of two exporters one fails", scrapes_fail(twice(_slow(), A, B), A, minutes(22), hours(2)), _page()),
    _missed(
        "two exporters do not make two of what is lost, and the better one counts",
        {**_slow(always(150)), **_slow(always(99), target=B)},
    ),
    _missed(
        "an exporter that has just started knows no rate, the other does",
        {**_slow(), **_slow(always(None), rate=always(None), target=B)},
        _page(),
    ),
    _missed(
        "an extended validity mends it",
        _slow(validity=steps(hours(3), (minutes(60), hours(80))), past=steps(None, (_SEEN, 6400), (minutes(60), 0))),
        _page(end=minutes(65)),
    ),
)

# --- together ---------------------------------------------------------------------------------------------------------------

#: After six hours of work the usual throughput is known: ten messages a second, but for the first half hour.
_SCHEDULED = hours(8)
_FIRES = _SCHEDULED + minutes(5)
_START = hours(12)
_LARGE, _LARGE_START = "campaign_upcoming_large_delivery_messages", "campaign_upcoming_large_delivery_timestamp_seconds"
_PSQL_SCHEDULE = (
    'psql -c "SELECT ideliveryid, slabel, itodeliver, tscontact FROM nmsdelivery'
    ' WHERE istate IN (25, 45, 51) AND iismodel = 0 AND tscontact > now() ORDER BY tscontact LIMIT 20"'
)


def _busy(target: Target = A) -> World:
    """Let ten messages a second be sent, and enough be due all the time."""
    world: World = {}
    for result in ("success", "error"):
        for pass_ in ("first", "retry"):
            good = (result, pass_) == ("success", "first")
            labels = {"result": result, "pass": pass_}
            world[target("campaign_messages_total", **labels)] = growing(10, step=30) if good else always(0)
            world[target("campaign_messages_catch_up_total", **labels)] = always(0)
    return world


def _large(
    number: str,
    messages: float,
    start: float = _START,
    *,
    group: str = "301",
    label: str = "",
    span: tuple[float, float] = (_SCHEDULED, _START),
    target: Target = A,
) -> World:
    labels = {"delivery_id": number, "label": label or f"Delivery {number}", "group": group}
    return {
        target(_LARGE, **labels): only(*span, always(messages)),
        target(_LARGE_START, **labels): only(*span, always(start)),
    }


_TWO = {**_large("301", 12_000, label="Spring sale"), **_large("302", 9_000, _START + minutes(5), label="Newsletter")}


def _together(start: float = _FIRES, end: float | None = None, group: str = "301") -> Firing:
    return Firing(_TOGETHER, _labels("warning", group=group), start, end)


def _scheduled(name: str, world: World, *firing: Firing, until: float = hours(10), told: tuple[Told, ...] = ()) -> Case:
    return Case((_TOGETHER,), name, {**healthy(), **_busy(), **world}, until, firing, told)


_TOGETHER_STORIES = (
    _scheduled(
        "two large deliveries come together: it is told hours before, and is over when they start",
        _TWO,
        # Their last samples are seen for two minutes.
        _together(end=_START + minutes(2) + minutes(5)),
        until=hours(13),
        told=(
            Told(
                _FIRES,
                _TOGETHER,
                [
                    (
                        _labels("warning", group="301"),
                        told(
                            _TOGETHER,
                            "Large deliveries are scheduled together",
                            "prod: large deliveries start within ten minutes of one another. Together they take 36m 5s at the"
                            " 34.91k messages an hour that are usual. To spread them, leave between two starts the time that"
                            " the earlier one takes:\n- Spring sale (301): in 3h 55m 0s, takes 20m 37s"
                            "\n- Newsletter (302): in 4h 0m 0s, takes 15m 28s",
                            _PSQL_SCHEDULE,
                            _PAGE_OF_LOAD,
                        ),
                    )
                ],
            ),
        ),
    ),
    _scheduled(
        "what takes half an hour is not too much",
        {**_large("301", 8_650), **_large("302", 8_650)},
    ),
    _scheduled("a little more is", {**_large("301", 8_900), **_large("302", 8_800)}, _together()),
    _scheduled("one alone is as large as it likes", _large("301", 90_000)),
    _scheduled(
        "two that come apart are two groups",
        {**_large("301", 90_000), **_large("302", 90_000, _START + hours(1), group="302")},
    ),
    _scheduled(
        "two groups are told apart",
        {
            **_TWO,
            **_large("303", 30_000, _START + hours(1), group="303"),
            **_large("304", 30_000, _START + hours(1), group="303"),
        },
        _together(),
        _together(group="303"),
    ),
    _scheduled(
        "what is moved before `for` is over fires nothing",
        {
            **_large("301", 90_000),
            **_large("302", 90_000, span=(_SCHEDULED, _FIRES - minutes(2) - 60)),
        },
    ),
    _scheduled(
        "what is moved is mended",
        {
            **_large("301", 90_000),
            **_large("302", 90_000, span=(_SCHEDULED, hours(9))),
            **_large("302", 90_000, _START + hours(3), group="302", span=(hours(9), _START)),
        },
        _together(end=hours(9) + minutes(2) + minutes(5)),
    ),
    _scheduled(
        "two exporters do not make two of one",
        {**_large("301", 90_000), **_large("301", 90_000, target=B), **_busy(B)},
    ),
    _scheduled(
        "two exporters do not double the messages",
        {**twice({**_large("301", 9_000), **_large("302", 8_000)}, A, B), **_busy(B)},
    ),
    _scheduled(
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_busy(), **_TWO}, A, _SCHEDULED + 60, _SCHEDULED + 150), A, hours(9), hours(9) + 180
        ),
        _together(),
    ),
    _scheduled(
        "what is not told for longer begins anew",
        withdrawn(_TWO, _SCHEDULED + minutes(2), _SCHEDULED + minutes(4.5), _LARGE),
        _together(start=_SCHEDULED + minutes(9.5)),
    ),
    Case(
        (_TOGETHER,),
        "without a usual throughput nothing can be said",
        {**healthy(), **_busy(), **_large("301", 90_000, span=(0, hours(9))), **_large("302", 90_000, span=(0, hours(9)))},
        hours(5),
    ),
)

STORIES = (*_MISSED_STORIES, *_TOGETHER_STORIES)
