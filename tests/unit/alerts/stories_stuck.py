"""Deliveries that wait: by age, whatever happens to the series meanwhile."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import CAUSES, A, B, healthy, listed, pending
from unit.alerts.texts import WHY_ALL, told
from unit.alerts.timeline import Line, World, always, hours, minutes, only, scrapes_fail, steps, twice, withdrawn, without

_ALERT = "CampaignDeliveryStuckPending"
_SUMMARY = "Deliveries that should be sending are stuck"
#: The oldest waits since then. It is old enough half an hour later, and one evaluation and `for` later it fires.
_SINCE = minutes(10)
_FIRES = _SINCE + minutes(30) + 30 + minutes(5)
_SENT = minutes(80)
#: What was seen last is seen for two minutes, and fires for five more.
_RESOLVED = _SENT + minutes(2) + minutes(5)
_PLATFORM = ("critical", "platform")
#: Severity, team, and what is said, by cause; what is not here alarms nobody.
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "validity_expired": ("warning", "campaign", "their validity is over, and Campaign will cancel what is left"),
    "account_inactive": ("critical", "campaign", "their routing account is inactive"),
    "mta_down": (*_PLATFORM, "the process that is to send them runs on no server"),
    "stat_server_down": (*_PLATFORM, "the stat server is down, without which the MTA sends no mail"),
    "affinity_unconfigured": (*_PLATFORM, "no server declares their IP affinity"),
    "affinity_host_down": (*_PLATFORM, "only servers whose MTA is down declare their IP affinity"),
    "concurrency_limit": ("warning", "campaign", "as many campaign workflows run as NmsOperation_LimitConcurrency allows"),
    "workflow_engine_down": (*_PLATFORM, "wfserver is down, or operationMgt or deliveryMgt failed, so nobody launches them"),
    "awaiting_approval": ("info", "campaign", "they are prepared, and somebody must approve them"),
    "preparation_stuck": ("warning", "platform", "their preparation does not end"),
    "database_blocked": (*_PLATFORM, "sessions are blocked on the tables that sending needs"),
    "parts_missing": (*_PLATFORM, "nothing is prepared to be sent in them: they have no parts"),
    "parts_orphaned": (*_PLATFORM, "a process that is dead holds their parts"),
    "mid_sourcing_lag": ("warning", "platform", "what the mid-sourcing server did with them has not come back"),
    "unknown": (*_PLATFORM, "unknown, no cause that can be seen holds"),
}


def _labels(cause: str) -> Mapping[str, str]:
    severity, team, _ = _KINDS[cause]
    return {"severity": severity, "team": team, "needs": "database", "campaign_instance": "prod", "cause": cause}


def _firing(cause: str = "mta_down", start: float = _FIRES, end: float | None = _RESOLVED) -> Firing:
    return Firing(_ALERT, _labels(cause), start, end)


def _waiting(cause: str = "mta_down", since: Line | None = None, end: float = _SENT) -> World:
    """Let two deliveries wait for a cause."""
    during = steps(0, (_SINCE, 2), (end, 0))
    messages = steps(0, (_SINCE, 5050), (end, 0))
    return {**healthy(), **pending(A, cause, only(_SINCE, end, since or always(_SINCE)), during, messages)}


def _says(cause: str, description: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return _labels(cause), told(_ALERT, _SUMMARY, description, WHY_ALL, anchor=cause)


def _case(name: str, world: World, *firing: Firing, until: float = hours(2), told: tuple[Told, ...] = ()) -> Case:
    return Case((_ALERT,), name, world, until, firing, told)


def _all_causes(end: float = _SENT) -> World:
    world = healthy()
    for cause in CAUSES:
        world |= pending(A, cause, only(_SINCE, end, always(_SINCE)), always(1), always(7))
    return world


def _without_option(start: float, end: float) -> World:
    """Let all causes wait, and Campaign's option not be told for a while."""
    option = A("campaign_pending_alert_delay_seconds")
    return {**_all_causes(), option: without(start, end, always(1800))}


def _flipping(period: float) -> World:
    """Let the cause of one delivery be one, then the other."""
    world = healthy()
    for place, cause in enumerate(("mta_down", "unknown")):

        def line(moment: float, place: int = place) -> float | None:
            return _SINCE if _SINCE <= moment < _SENT and int(moment // period) % 2 == place else None

        world |= pending(A, cause, line, always(1), always(7))
    return world


_ODD = 'Soldes "été" ' + "🎉" * 60
STORIES = (
    Case(
        None,
        "deliveries wait for the MTA: all is told, and nothing else fires",
        {
            **_waiting(),
            **listed(
                A,
                "mta_down",
                ("5", "Newsletter\n 5", only(_SINCE, _SENT, always(_SINCE))),
                ("-6", _ODD, only(_SINCE, _SENT, always(_SINCE + 90))),
                ("7", "c", only(_SINCE, _SENT, always(_SINCE + 30))),
                ("8", "too young for the list", only(_SINCE, _SENT, always(_SINCE + 100))),
            ),
        },
        hours(2),
        (_firing(),),
        (
            Told(
                _FIRES,
                _ALERT,
                [
                    _says(
                        "mta_down",
                        "prod: 2 deliveries wait with 5.05k messages, the oldest for 35m 30s."
                        " Why: the process that is to send them runs on no server."
                        "\n- 35m 30s: Newsletter 5 (5)"
                        "\n- 35m 0s: c (7)"
                        f"\n- 34m 0s: {_ODD[:60]}… (-6)",
                    )
                ],
            ),
        ),
    ),
    _case(
        "each cause has its severity and its team, and what is in order alarms nobody",
        _all_causes(),
        *(_firing(cause) for cause in _KINDS),
        told=(
            Told(
                minutes(60),
                _ALERT,
                [
                    _says(cause, f"prod: 1 delivery waits with 7 messages, the oldest for 50m 0s. Why: {why}.")
                    for cause, (_, _, why) in _KINDS.items()
                ],
            ),
        ),
    ),
    _case("what is sent at half an hour fires nothing", _waiting(end=_SINCE + minutes(30) + 30)),
    _case(
        "what is sent just before `for` is over fires nothing",
        _waiting(end=_FIRES - minutes(2) - 30),
    ),
    _case(
        "Campaign's own option says how long is long",
        {**_waiting(), A("campaign_pending_alert_delay_seconds"): always(3600)},
        _firing(start=_FIRES + minutes(30)),
    ),
    _case(
        "the option is not told for two minutes",
        _without_option(minutes(42), minutes(44)),
        *(_firing(cause) for cause in _KINDS),
    ),
    _case(
        "the option is not told for longer: `for` begins anew",
        _without_option(minutes(42), minutes(44.5)),
        *(_firing(cause, start=minutes(44.5) + minutes(5)) for cause in _KINDS),
    ),
    _case(
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail(_waiting(), A, minutes(42), minutes(43.5)), A, minutes(60), minutes(63)),
        _firing(),
    ),
    _case(
        "values that are withdrawn for six minutes resolve nothing",
        withdrawn(
            _waiting(),
            minutes(60),
            minutes(66),
            "campaign_deliveries_pending_oldest_timestamp_seconds",
            "campaign_deliveries_pending",
            "campaign_pending_messages",
        ),
        _firing(),
    ),
    _case(
        "withdrawn values fire nothing",
        withdrawn(_waiting(end=minutes(45)), minutes(38), hours(2), "campaign_deliveries_pending_oldest_timestamp_seconds"),
    ),
    _case(
        "the exporter restarts just before it fires",
        scrapes_fail(_waiting(), A, _FIRES - minutes(1), _FIRES),
        _firing(start=_FIRES),
    ),
    # The last of the two that is seen resolves last.
    _case("the cause flips with each round", _flipping(30), _firing(end=_RESOLVED - 30), _firing("unknown")),
    _case(
        "the cause flips every two minutes",
        _flipping(120),
        _firing(end=_RESOLVED - 120),
        _firing("unknown", start=_FIRES),
    ),
    _case(
        "the cause changes for good",
        {
            **healthy(),
            **pending(A, "mta_down", only(_SINCE, minutes(60), always(_SINCE)), always(1), always(7)),
            **pending(A, "parts_missing", only(minutes(60), hours(9), always(_SINCE)), always(1), always(7)),
        },
        _firing(end=minutes(60) + minutes(2) + minutes(5)),
        _firing("parts_missing", start=minutes(60) + minutes(5), end=None),
    ),
    _case(
        "of two exporters one fails",
        scrapes_fail(twice(_waiting(), A, B), B, minutes(30), hours(2)),
        _firing(),
    ),
    _case(
        "of two exporters one has forgotten since when it waits, and has not read the option",
        {
            **_waiting(),
            **{name.replace(A.address, B.address): line for name, line in _waiting(since=always(minutes(50))).items()},
            B("campaign_pending_alert_delay_seconds"): only(minutes(90), hours(2), always(1800)),
        },
        _firing(),
    ),
    _case(
        "more wait than the table holds",
        {**_waiting(), **listed(A, "account_inactive", ("9", "another one", always(_SINCE)))},
        _firing(),
        told=(
            Told(
                minutes(50),
                _ALERT,
                [
                    _says(
                        "mta_down",
                        "prod: 2 deliveries wait with 5.05k messages, the oldest for 40m 0s."
                        " Why: the process that is to send them runs on no server.",
                    )
                ],
            ),
        ),
    ),
    _case(
        "the daily restart makes old approvals wait for the workflow engine for two minutes",
        {
            **healthy(),
            **pending(A, "workflow_engine_down", only(minutes(60), minutes(62.5), always(-hours(48))), always(1), always(7)),
        },
    ),
    _case(
        "a delivery that is scheduled has a date to come",
        {**healthy(), **pending(A, "scheduled", always(hours(9)), always(1), always(7))},
    ),
)
