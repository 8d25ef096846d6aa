"""How many recipients complain."""

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.stories_bounces import TRIED_AGAIN, counted_late, settled
from unit.alerts.stories_soft_bounces import averages, late_days
from unit.alerts.stories_throughput import labels
from unit.alerts.texts import told
from unit.alerts.timeline import Line, World, always, growing, hours, minutes, scrapes_fail, steps, twice

_COMPLAINTS = "CampaignComplaintsHigh"
_LABELS = labels("warning", "deliverability")
_RISES = minutes(70)
_FIRES = _RISES + minutes(30)


def _complained(sent: Line, complaints: Line, again: Line) -> World:
    return {**settled(sent, complaints, reason="denylisted"), TRIED_AGAIN: again}


def _at_once(sent: float, complaints: float, reason: str = "denylisted", outcome: str = "failed") -> World:
    return settled(steps(0, (_RISES, sent)), steps(0, (_RISES, complaints)), reason=reason, outcome=outcome)


def _complaints_at(moment: float, complaints: float) -> World:
    labels = {"outcome": "failed", "kind": "hard", "reason": "denylisted"}
    return {A("campaign_message_failures_total", **labels): steps(0, (moment, complaints))}


def _case(name: str, world: World, *firing: Firing, until: float = hours(3.5)) -> Case:
    return Case((_COMPLAINTS,), name, {**healthy(), **world}, until, firing)


_FIRING = Firing(_COMPLAINTS, _LABELS, _FIRES)
_BAD = _at_once(9950, 50)
_SAYS = (
    "prod: recipients reported 1.153% of as many messages as are sent or given up in 1d as spam, or their addresses came onto"
    " the denylist before their message went out. 0.3% is a limit of Gmail and Yahoo, not Adobe's."
)
_QUERY = (
    'psql -c "SELECT l.ideliveryid, count(*) FROM nmsbroadlogrcp l JOIN nmsbroadlogmsg m ON m.ibroadlogmsgid = l.imsgid'
    " WHERE l.istatus = 2 AND m.ifailurereason = 8 AND l.tslastmodified > now() - interval '1 day'"
    ' GROUP BY 1 ORDER BY 2 DESC LIMIT 10"'
)
STORIES = (
    Case(
        None,
        "many recipients complain: told, and nothing else",
        {**healthy(), **settled(growing(10), steps(0, (_RISES, 700)), reason="denylisted")},
        hours(3.5),
        (_FIRING,),
        (
            Told(
                _FIRES,
                _COMPLAINTS,
                [
                    (
                        _LABELS,
                        told(
                            _COMPLAINTS,
                            "Too many recipients complain",
                            _SAYS,
                            _QUERY,
                            "campaign-deliverability?var-instance=prod",
                        ),
                    )
                ],
            ),
        ),
    ),
    _case(
        "it is told for a day",
        _BAD,
        Firing(_COMPLAINTS, _LABELS, _FIRES, _RISES + hours(24) + minutes(5)),
        until=hours(26),
    ),
    _case(
        "complaints of the day before are not of this one",
        settled(growing(10), steps(0, (_RISES, 4000)), reason="denylisted"),
        Firing(_COMPLAINTS, _LABELS, _FIRES, _RISES + hours(24) + minutes(5)),
        until=hours(27),
    ),
    Case(
        (_COMPLAINTS,),
        "what was sent the day before does not dilute them",
        {
            **healthy(),
            **settled(
                lambda t: 50_000 * min(t / hours(6), 1) + 6000 * (t >= hours(32)),
                steps(0, (hours(32), 27)),
                reason="denylisted",
            ),
        },
        hours(36),
        (Firing(_COMPLAINTS, _LABELS, hours(32) + minutes(30)),),
        step=300,
    ),
    Case(
        (_COMPLAINTS,),
        "what fails for other reasons belongs to an average day",
        {
            **healthy(),
            A("campaign_message_transitions_total", status="sent"): lambda t: (
                35_000 * min(t / hours(70), 1) + 6000 * (t >= hours(160))
            ),
            A("campaign_message_transitions_total", status="failed"): lambda t: 35_000 * min(t / hours(70), 1),
            TRIED_AGAIN: always(0),
            **_complaints_at(hours(160), 25),
        },
        hours(163),
        step=300,
    ),
    _case("a hair below the limit is nothing", _at_once(9971, 29.9)),
    _case("a hair above it is", _at_once(9969, 30.1), _FIRING),
    _case("five thousand messages are enough", _at_once(4980, 20), _FIRING),
    _case("fewer are not", _at_once(4979, 20)),
    *(
        _case(f"what failed for another reason is no complaint: {reason}", _at_once(9950, 50, reason))
        for reason in ("user_unknown", "quarantine", "refused")
    ),
    _case("what is tried again is none", _at_once(9950, 50, outcome="postponed")),
    _case(
        "it is over before `for` is",
        settled(steps(0, (_RISES, 9950), (_FIRES - 60, 30_000)), steps(0, (_RISES, 50)), reason="denylisted"),
    ),
    _case("what was counted late is not of this day", {**_BAD, **counted_late(failed=21)}),
    _case("enough complain beside what is counted late", {**_BAD, **counted_late(sent=9000, failed=19)}, _FIRING),
    *averages(_COMPLAINTS, "", _complained, 0.003),
    *late_days(_COMPLAINTS, "", _complained),
    _case(
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_BAD}, A, B), B, minutes(10), hours(9)),
        _FIRING,
    ),
)
