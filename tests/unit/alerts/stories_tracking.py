"""Opens and clicks that do not arrive, and which link of the chain is why."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.stories_throughput import labels
from unit.alerts.texts import told
from unit.alerts.timeline import Line, World, always, growing, hours, minutes, scrapes_fail, steps, twice, withdrawn

_STALLED = "CampaignTrackingStalled"
_LABELS = labels("warning", "platform")
_LAST = A("campaign_tracking_last_log_timestamp_seconds")
#: The newest log is of this moment, until tracking goes on.
_STANDS, _GOES_ON = hours(2), hours(5)
_FIRES = _STANDS + hours(2) + minutes(15.5)
_RESOLVED = _GOES_ON + minutes(5)


def _newest(stands: float = _STANDS, goes_on: float = _GOES_ON) -> Line:
    return lambda moment: moment if moment >= goes_on else min(moment, stands)


def _stalled(**more: Line) -> World:
    return {**healthy(), _LAST: _newest(), **more}


def _sent(line: Line) -> World:
    return {A("campaign_message_transitions_total", status="sent"): line}


def _sent_late(line: Line) -> World:
    return {A("campaign_message_transitions_catch_up_total", status="sent"): line}


def _case(name: str, world: World, *firing: Firing, told: tuple[Told, ...] = ()) -> Case:
    return Case((_STALLED,), name, {**healthy(), _LAST: _newest(), **world}, hours(6.5), firing, told)


def _told(*links: str) -> Told:
    said = (
        "prod: the newest tracking log is 2h 15m 30s old, though messages have gone out since. Links of the chain that are seen"
        " to be broken, if any:" + "".join(f"\n- {link}" for link in links)
    )
    step = "on the tracking server: nlserver pdump, then look at the journal of the workflow tracking"
    page = "campaign-tracking?var-instance=prod"
    return Told(_FIRES, _STALLED, [(_LABELS, told(_STALLED, "No opens and clicks arrive", said, step, page))])


_FIRING = Firing(_STALLED, _LABELS, _FIRES, _RESOLVED)
_TRACKINGLOGD = {A("campaign_process_up", host=host, process="trackinglogd"): always(0) for host in ("mta1", "mta2")}
STORIES = (
    Case(
        None,
        "no link is seen to be broken: told, and nothing else",
        {**healthy(), _LAST: _newest()},
        hours(6.5),
        (_FIRING,),
        (_told(),),
    ),
    _case(
        "each link that is broken is named",
        {
            A("campaign_endpoint_up", endpoint="tracking", kind="redirection"): always(0),
            **_TRACKINGLOGD,
            A("campaign_tracking_workflow_up"): always(0),
            A("campaign_tracking_workflow_next_run_timestamp_seconds"): always(_STANDS),
        },
        _FIRING,
        told=(
            _told(
                "the redirection tracking does not answer: nothing is noted, and links lead nowhere",
                "trackinglogd is down on mta1: what is noted there is not written",
                "trackinglogd is down on mta2: what is noted there is not written",
                "the workflow tracking is in error or at rest: what is written is not fetched",
                "the workflow tracking should have run 2h 15m 30s ago: what is written is not fetched",
            ),
        ),
    ),
    _case("two hours are not yet too old", {_LAST: lambda moment: moment - hours(2)}),
    _case("it is over before `for` is", {_LAST: _newest(goes_on=_STANDS + hours(2) + minutes(13))}),
    _case("where nothing was sent nothing is opened", _sent(always(1000))),
    _case("few messages are not enough", _sent(growing(999 / 3600))),
    _case("but a few more are", _sent(growing(1010 / 3600)), _FIRING),
    _case("what was sent just now is opened later", _sent(steps(0, (_STANDS + hours(2), 9000), (_GOES_ON, 18_000)))),
    _case(
        "what went out at once is waited for from two hours later on, for an hour",
        {_LAST: _newest(goes_on=hours(7)), **_sent(steps(0, (hours(2.5), 5000)))},
        Firing(_STALLED, _LABELS, hours(4.5) + minutes(15), hours(5.5) + minutes(5)),
    ),
    _case(
        "when messages were sent that are counted late is not known",
        {**_sent(steps(0, (hours(2.5), 90_000))), **_sent_late(steps(0, (hours(2.5), 89_500)))},
    ),
    _case(
        "enough are sent beside those that are counted late",
        {
            _LAST: _newest(goes_on=hours(7)),
            **_sent(steps(0, (hours(2.5), 90_000))),
            **_sent_late(steps(0, (hours(2.5), 88_000))),
        },
        Firing(_STALLED, _LABELS, hours(4.5) + minutes(15), hours(5.5) + minutes(5)),
    ),
    _case("who never had a tracking log has no tracking", {_LAST: always(None)}),
    Case(
        (_STALLED,),
        "what is no longer told ends two minutes later",
        withdrawn(_stalled(), hours(4.5), hours(9), "campaign_tracking_last_log_timestamp_seconds"),
        hours(5),
        (Firing(_STALLED, _LABELS, _FIRES, hours(4.5) + minutes(7)),),
    ),
    Case(
        (_STALLED,),
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(scrapes_fail(_stalled(), A, _FIRES - minutes(4), _FIRES - minutes(3)), A, hours(4.5), hours(4.5) + 90),
        hours(6.5),
        (_FIRING,),
    ),
    Case(
        (_STALLED,),
        "of two exporters one fails",
        scrapes_fail(twice(_stalled(), A, B), B, minutes(10), hours(9)),
        hours(6.5),
        (_FIRING,),
    ),
)
