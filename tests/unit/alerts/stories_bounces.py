"""Which messages bounce hard, and which domains take none."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.stories_throughput import labels
from unit.alerts.texts import told
from unit.alerts.timeline import Line, World, always, growing, hours, minutes, scrapes_fail, steps, total, twice

_PAGE = "campaign-deliverability?var-instance=prod"
_HARD, _DOMAIN = "CampaignHardBouncesHigh", "CampaignDomainRefusing"
_LABELS = labels("warning", "deliverability")
_MAIL = {**_LABELS, "domain": "mail.example"}
_RISES, _FALLS = minutes(70), minutes(130)


TRIED_AGAIN = A("campaign_message_transitions_total", status="pending")


def settled(sent: Line, failed: Line, kind: str = "hard", reason: str = "user_unknown", outcome: str = "failed") -> World:
    """Give messages that were sent, and such that failed."""
    return {
        A("campaign_message_transitions_total", status="sent"): sent,
        A("campaign_message_transitions_total", status="failed"): failed if outcome == "failed" else always(0),
        TRIED_AGAIN: always(0),
        A("campaign_message_failures_total", outcome=outcome, kind=kind, reason=reason): failed,
    }


def counted_late(at: float = _RISES, **statuses: float) -> World:
    """Count so many messages of a status late, at a moment."""
    return {
        A("campaign_message_transitions_catch_up_total", status=status): steps(0, (at, messages))
        for status, messages in statuses.items()
    }


def at_domain(results: Mapping[str, Line], refusals: Line, domain: str = "mail.example", reason: str = "refused") -> World:
    every = {"sent": always(0), "postponed": always(0), "hard": always(0), **results}
    world = {A("campaign_message_domain_results_total", domain=domain, result=name): line for name, line in every.items()}
    return {**world, A("campaign_message_domain_refusals_total", domain=domain, reason=reason): refusals}


def _for_a_while(per_second: float, start: float = _RISES, end: float = _FALLS) -> Line:
    return lambda moment: per_second * max(min(moment, end) - start, 0)


def _case(alert: str, name: str, world: World, *firing: Firing, told: tuple[Told, ...] = (), until: float = hours(3.5)) -> Case:
    return Case((alert,), name, {**healthy(), **world}, until, firing, told)


def _hard(start: float, end: float | None = None) -> Firing:
    return Firing(_HARD, _LABELS, start, end)


def _domain(start: float, end: float | None = None) -> Firing:
    return Firing(_DOMAIN, _MAIL, start, end)


#: An eighth of ten a second: 2 % of an hour are reached after ten minutes.
_BAD = settled(growing(10), _for_a_while(1.25))
_HARD_FIRES, _HARD_RESOLVED = _RISES + minutes(10) + minutes(10), _FALLS + hours(1) - minutes(9.5) + minutes(5)
_HARD_QUERY = (
    'psql -c "SELECT l.ideliveryid, m.ifailurereason, count(*) FROM nmsbroadlogrcp l'
    " JOIN nmsbroadlogmsg m ON m.ibroadlogmsgid = l.imsgid WHERE l.istatus = 2 AND m.ifailuretype = 2"
    " AND l.tslastmodified > now() - interval '1 hour' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10\""
)
_HARD_SAYS = "prod: {} of the messages that were sent or given up in the last 1h bounced hard; 2% are Adobe's limit."
_STEP_GONE = _RISES + hours(1) + minutes(5)
HARD = (
    Case(
        None,
        "an eighth of all messages bounces hard: told, and nothing else",
        {**healthy(), **_BAD},
        hours(3.5),
        (_hard(_HARD_FIRES, _HARD_RESOLVED),),
        (
            Told(
                _HARD_FIRES,
                _HARD,
                [(_LABELS, told(_HARD, "Too many hard bounces", _HARD_SAYS.format("4%"), _HARD_QUERY, _PAGE))],
            ),
        ),
    ),
    _case(_HARD, "the limit is not above the limit", settled(growing(49), growing(1))),
    _case(_HARD, "a little more is", settled(growing(48), growing(1)), _hard(minutes(0.5) + minutes(10))),
    _case(
        _HARD,
        "a thousand messages are enough",
        settled(steps(0, (_RISES, 900)), steps(0, (_RISES, 100))),
        _hard(_RISES + minutes(10), _STEP_GONE),
    ),
    _case(_HARD, "fewer are not", settled(steps(0, (_RISES, 899)), steps(0, (_RISES, 100)))),
    _case(
        _HARD,
        "what is diluted before `for` is over is none",
        settled(total(growing(10), steps(0, (_RISES + minutes(9), 20_000))), steps(0, (_RISES, 1000))),
    ),
    _case(
        _HARD,
        "what bounced while nobody watched, and is counted late, is not of this hour",
        {**settled(steps(0, (_RISES, 9000)), steps(0, (_RISES, 1000))), **counted_late(sent=9000, failed=1000)},
    ),
    _case(
        _HARD,
        "more than the limit bounce beside what is counted late",
        {**settled(steps(0, (_RISES, 9000)), steps(0, (_RISES, 1201))), **counted_late(sent=2000, failed=990)},
        _hard(_RISES + minutes(10), _STEP_GONE),
    ),
    _case(
        _HARD,
        "a little fewer do",
        {**settled(steps(0, (_RISES, 9000)), steps(0, (_RISES, 1201))), **counted_late(sent=2000, failed=1001)},
    ),
    _case(
        _HARD,
        "what was counted late more than an hour ago is forgotten",
        {**settled(steps(0, (_RISES, 9000)), steps(0, (_RISES, 1000))), **counted_late(minutes(9.5), failed=1000)},
        _hard(_RISES + minutes(10), _STEP_GONE),
    ),
    _case(_HARD, "soft bounces are others'", settled(growing(10), growing(1), "soft", "mailbox_full")),
    _case(_HARD, "what is tried again has not bounced", settled(growing(10), growing(1), outcome="postponed")),
    *(
        _case(_HARD, f"whom Campaign left out has not bounced: {reason}", settled(growing(10), growing(1), reason=reason))
        for reason in ("quarantine", "denylisted", "address_not_specified")
    ),
    _case(
        _HARD,
        "what is tried again is not sent, and dilutes nothing",
        {**settled(growing(48), growing(1)), TRIED_AGAIN: growing(50)},
        _hard(minutes(0.5) + minutes(10)),
    ),
    _case(
        _HARD,
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_BAD}, A, _RISES + minutes(11), _RISES + minutes(13)), A, minutes(100), minutes(103)
        ),
        _hard(_HARD_FIRES, _HARD_RESOLVED),
    ),
    _case(
        _HARD,
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_BAD}, A, B), B, minutes(10), hours(9)),
        _hard(_HARD_FIRES, _HARD_RESOLVED),
    ),
)

#: All of one a second is refused for an hour: seven tenths of half an hour are reached after 21 minutes and a half.
_REFUSING = at_domain({"sent": lambda t: t - (_for_a_while(1)(t) or 0), "postponed": _for_a_while(1)}, _for_a_while(1))
_DOMAIN_FIRES, _DOMAIN_RESOLVED = _RISES + minutes(21.5) + minutes(10), _FALLS + minutes(9) + minutes(5)
_DOMAIN_SAYS = "prod: mail.example refused 100% of what was tried in the last 30m, or could not be reached."
_DOMAIN_QUERY = (
    'psql -c "SELECT o.sowner, e.ipublicid, e.ilastreplycode, e.slastreplymessage, e.tslast'
    ' FROM nmsemailerror e LEFT JOIN nmsmxowner o USING (imxip) ORDER BY e.tslast DESC LIMIT 20"'
)
DOMAIN = (
    Case(
        None,
        "a domain refuses all for an hour: told, and nothing else",
        {**healthy(), **_REFUSING},
        hours(3),
        (_domain(_DOMAIN_FIRES, _DOMAIN_RESOLVED),),
        (
            Told(
                _DOMAIN_FIRES,
                _DOMAIN,
                [(_MAIL, told(_DOMAIN, "A domain takes no messages", _DOMAIN_SAYS, _DOMAIN_QUERY, _PAGE))],
            ),
        ),
    ),
    _case(
        _DOMAIN, "a hair below the limit is nothing", at_domain({"sent": growing(3.01), "postponed": growing(7)}, growing(7))
    ),
    _case(
        _DOMAIN,
        "a domain that cannot be reached is told as well, also what is given up",
        at_domain({"sent": growing(2), "hard": growing(8)}, growing(8), reason="unreachable"),
        _domain(minutes(0.5) + minutes(10)),
    ),
    _case(
        _DOMAIN,
        "two hundred attempts are enough",
        at_domain({"sent": always(0), "postponed": steps(0, (_RISES, 200))}, steps(0, (_RISES, 200))),
        _domain(_RISES + minutes(10), _RISES + minutes(35)),
    ),
    _case(
        _DOMAIN,
        "fewer are not",
        at_domain({"sent": always(0), "postponed": steps(0, (_RISES, 199))}, steps(0, (_RISES, 199))),
    ),
    *(
        _case(
            _DOMAIN,
            f"what was refused while nobody watched is counted late: {status}",
            {
                **at_domain({"sent": always(0), "postponed": steps(0, (_RISES, 1000))}, steps(0, (_RISES, 1000))),
                **counted_late(**{status: 301}),
            },
        )
        for status in ("failed", "pending")
    ),
    _case(
        _DOMAIN,
        "refusals of now beside what is counted late",
        {
            **at_domain({"sent": always(0), "postponed": steps(0, (_RISES, 1000))}, steps(0, (_RISES, 1000))),
            **counted_late(failed=100, pending=190, sent=5000),
        },
        _domain(_RISES + minutes(10), _RISES + minutes(35)),
    ),
    _case(
        _DOMAIN,
        "what was counted late more than half an hour ago is forgotten",
        {
            **at_domain({"sent": always(0), "postponed": steps(0, (_RISES, 1000))}, steps(0, (_RISES, 1000))),
            **counted_late(_RISES - minutes(31), failed=1000),
        },
        _domain(_RISES + minutes(10), _RISES + minutes(35)),
    ),
    _case(_DOMAIN, "all others together are no domain", at_domain({"postponed": growing(9)}, growing(9), "other")),
    _case(_DOMAIN, "full mailboxes are no refusal", at_domain({"sent": growing(1), "postponed": growing(9)}, always(0))),
    _case(
        _DOMAIN,
        "failed scrapes neither delay nor resolve it",
        scrapes_fail(
            scrapes_fail({**healthy(), **_REFUSING}, A, _RISES + minutes(25), _RISES + minutes(27)),
            A,
            minutes(120),
            minutes(123),
        ),
        _domain(_DOMAIN_FIRES, _DOMAIN_RESOLVED),
    ),
    _case(
        _DOMAIN,
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_REFUSING}, A, B), B, minutes(10), hours(9)),
        _domain(_DOMAIN_FIRES, _DOMAIN_RESOLVED),
    ),
)
STORIES = (*HARD, *DOMAIN)
