"""Which messages are given up after soft bounces, all in all and at which domains."""

from collections.abc import Callable

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.stories_bounces import TRIED_AGAIN, at_domain, counted_late, settled
from unit.alerts.stories_throughput import labels
from unit.alerts.texts import told
from unit.alerts.timeline import Line, World, always, growing, hours, minutes, scrapes_fail, steps, total, twice

_PAGE = "campaign-deliverability?var-instance=prod"
_SOFT = "CampaignSoftBouncesHigh"
_LABELS = labels("warning", "deliverability")
_RISES = minutes(70)
_NONE = always(0)


def _case(name: str, world: World, *firing: Firing, told: tuple[Told, ...] = (), until: float = hours(3.5)) -> Case:
    return Case((_SOFT,), name, {**healthy(), **world}, until, firing, told)


_SOFT_SAYS = (
    "prod: too many messages were given up after soft bounces within 1d, against as many as are sent or given up in that time;"
    " 10% of any provider are Adobe's limit."
)
_SOFT_QUERY = (
    'psql -c "SELECT ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg WHERE ifailuretype = 1'
    ' ORDER BY tslastmodified DESC LIMIT 20"'
)
_SOFT_STEP = settled(steps(0, (_RISES, 8000)), steps(0, (_RISES, 2000)), "soft", "mailbox_full")
_SOFT_AT = hours(260)


def _given_up(sent: Line, failed: Line, again: Line) -> World:
    """Give up messages after soft bounces, at no domain that is watched by itself."""
    return {**settled(sent, failed, "soft", "mailbox_full"), TRIED_AGAIN: again}


def _given_up_at_domain(sent: Line, failed: Line, again: Line = _NONE, domain: str = "mail.example") -> World:
    """Give up messages after soft bounces at one domain; of all messages they are few."""
    return at_domain({"sent": sent, "soft": failed, "postponed": again}, always(0), domain)


def _after_days(
    alert: str,
    name: str,
    world: Callable[[Line, Line, Line], World],
    sent: tuple[int, int, int],
    failed: float,
    again: tuple[int, int] = (0, 0),
    *,
    firing: bool = False,
) -> Case:
    """Send so many more than a week ago, some days ago, and at last, of which `failed` are given up.

    `again` are attempts to be repeated, some days ago and at last.
    """
    before, week, day = sent

    def old(moment: float) -> float:
        return min(moment / hours(80), 1)

    def middle(moment: float) -> float:
        return min(max(moment - hours(100), 0) / hours(70), 1)

    def late(moment: float) -> float:
        return float(moment >= _SOFT_AT)

    lines = world(
        lambda t: before * old(t) + week * middle(t) + (day - failed) * late(t),
        steps(0, (_SOFT_AT, failed)),
        lambda t: again[0] * middle(t) + again[1] * late(t),
    )
    fires = (Firing(alert, _LABELS, _SOFT_AT + minutes(30)),) if firing else ()
    return Case((alert,), name, {**healthy(), **lines}, hours(264), fires, step=600)


def averages(alert: str, where: str, world: Callable[[Line, Line, Line], World], limit: float = 0.1) -> tuple[Case, ...]:
    """Compare a day with an average one of eleven thousand messages."""
    again = (20_000, 20_000)
    return (
        _after_days(
            alert, f"a day that is nearly an average one counts as one{where}", world, (0, 66_100, 10_900), 10_950 * limit
        ),
        _after_days(alert, f"a day above it as it is{where}", world, (20_000, 65_400, 11_600), 11_300 * limit, (20_000, 0)),
        _after_days(
            alert,
            f"a little too many of an average day{where}",
            world,
            (20_000, 69_000, 8000),
            11_550 * limit,
            again,
            firing=True,
        ),
    )


def late_days(alert: str, where: str, world: Callable[[Line, Line, Line], World]) -> tuple[Case, ...]:
    """Count as many late, some time before they are given up."""
    now = hours(32)
    given_up = {**healthy(), **world(steps(0, (now, 8000)), steps(0, (now, 2000)), _NONE)}
    old, young = (given_up | counted_late(now - hours(before), failed=2000) for before in (26, 20))
    fires = Firing(alert, _LABELS, now + minutes(30))
    return (
        Case((alert,), f"what was counted late more than a day ago is forgotten{where}", old, hours(35), (fires,), step=300),
        Case((alert,), f"what was counted late within the day is left out{where}", young, hours(35), step=300),
    )


_ALL = (
    *averages(_SOFT, "", _given_up),
    *averages(_SOFT, " at a domain", _given_up_at_domain),
    _after_days(_SOFT, "a little too many", _given_up, (0, 65_400, 11_600), 1200, (0, 20_000), firing=True),
    *(
        _case(
            f"{name}: {sent:,} and {failed:,}",
            settled(steps(0, (_RISES, sent)), steps(0, (_RISES, failed)), "soft", "mailbox_full"),
            *([Firing(_SOFT, _LABELS, _RISES + minutes(30))] if fires else []),
        )
        for name, sent, failed, fires in (
            ("a little above the limit", 8950, 1050, True),
            ("five thousand messages are enough", 4000, 1000, True),
            ("fewer are not", 3999, 1000, False),
        )
    ),
    _case(
        "a fifth is given up, and told for a day",
        _SOFT_STEP,
        Firing(_SOFT, _LABELS, _RISES + minutes(30), _RISES + hours(24) + minutes(5)),
        told=(
            Told(
                _RISES + minutes(30),
                _SOFT,
                [(_LABELS, told(_SOFT, "Too many soft bounces", f"{_SOFT_SAYS}\n- 20% of all", _SOFT_QUERY, _PAGE))],
            ),
        ),
        until=hours(26),
    ),
    _case(
        "what was given up while nobody watched, and is counted late, is not of this day",
        {**_SOFT_STEP, **counted_late(sent=8000, failed=2000)},
    ),
    _case(
        "a tenth is given up beside what is counted late",
        {**_SOFT_STEP, **counted_late(sent=8000, failed=990)},
        Firing(_SOFT, _LABELS, _RISES + minutes(30)),
    ),
    *late_days(_SOFT, "", _given_up),
    *late_days(_SOFT, " at a domain", _given_up_at_domain),
    _case("a tenth is not above the limit", settled(growing(9), growing(1), "soft", "mailbox_full")),
    Case(
        (_SOFT,),
        "what is given up on a day without sending is compared with an average day",
        {
            **healthy(),
            **settled(lambda t: 10 * min(t, hours(30)), steps(0, (hours(56), 6000)), "soft", "mailbox_full"),
        },
        hours(60),
        step=300,
    ),
    Case(
        (_SOFT,),
        "but not if it is much of that as well",
        {
            **healthy(),
            **settled(lambda t: 10 * min(t, hours(30)), steps(0, (hours(56), 60_000)), "soft", "mailbox_full"),
        },
        hours(60),
        (Firing(_SOFT, _LABELS, hours(56) + minutes(30)),),
        step=300,
    ),
    _case(
        "it ends a day later, while others are sent without",
        settled(total(growing(0.1), steps(0, (_RISES, 6000))), steps(0, (_RISES, 4000)), "soft", "mailbox_full"),
        Firing(_SOFT, _LABELS, _RISES + minutes(30), _RISES + hours(24) + minutes(5)),
        until=hours(26),
    ),
    Case(
        (_SOFT,),
        "what was sent the day before does not dilute it",
        {
            **healthy(),
            **settled(
                lambda t: 50_000 * min(t / hours(6), 1) + 6000 * (t >= hours(32)),
                steps(0, (hours(32), 1000)),
                "soft",
                "mailbox_full",
            ),
        },
        hours(36),
        (Firing(_SOFT, _LABELS, hours(32) + minutes(30)),),
        step=300,
    ),
    _case("few messages are not enough", settled(growing(0.2), growing(0.1), "soft", "refused")),
    _case("what is only postponed does not count", settled(growing(5), growing(5), "soft", "refused", "postponed")),
    _case(
        "of two exporters one fails",
        scrapes_fail(twice({**healthy(), **_SOFT_STEP}, A, B), B, minutes(10), hours(9)),
        Firing(_SOFT, _LABELS, _RISES + minutes(30)),
    ),
)


_AT_DOMAIN_STEP = _given_up_at_domain(steps(0, (_RISES, 800)), steps(0, (_RISES, 200)))
_AT_DOMAIN_FIRES = _RISES + minutes(30)
_AT_DOMAIN = (
    Case(
        None,
        "two domains give up a fifth and a quarter, all in all a little is given up: they are named, and nothing else is told",
        {
            **healthy(),
            **_AT_DOMAIN_STEP,
            **_given_up_at_domain(steps(0, (_RISES, 3000)), steps(0, (_RISES, 1000)), domain="post.example"),
            **_given_up_at_domain(steps(0, (_RISES, 9000)), steps(0, (_RISES, 999)), domain="free.example"),
            **settled(growing(10), steps(0, (_RISES, 2199)), "soft", "mailbox_full"),
        },
        hours(3.5),
        (Firing(_SOFT, _LABELS, _AT_DOMAIN_FIRES),),
        (
            Told(
                _AT_DOMAIN_FIRES,
                _SOFT,
                [
                    (
                        _LABELS,
                        told(
                            _SOFT,
                            "Too many soft bounces",
                            f"{_SOFT_SAYS}\n- 3.535% of all\n- 25% at post.example\n- 20% at mail.example",
                            _SOFT_QUERY,
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    _case(
        "a fifth of a domain is told for a day",
        _AT_DOMAIN_STEP,
        Firing(_SOFT, _LABELS, _AT_DOMAIN_FIRES, _RISES + hours(24) + minutes(5)),
        until=hours(26),
    ),
    _case("a tenth of a domain is not above the limit", _given_up_at_domain(growing(9), growing(1))),
    _case(
        "fewer than a thousand messages of a domain are not enough",
        _given_up_at_domain(steps(0, (_RISES, 799)), steps(0, (_RISES, 200))),
    ),
    _case(
        "all other domains together are no provider",
        _given_up_at_domain(growing(1), growing(1), domain="other"),
    ),
    _case(
        "what a domain has postponed dilutes nothing",
        _given_up_at_domain(steps(0, (_RISES, 800)), steps(0, (_RISES, 200)), steps(0, (_RISES, 9000))),
        Firing(_SOFT, _LABELS, _AT_DOMAIN_FIRES),
    ),
    _case(
        "what bounced hard at a domain is none of it",
        at_domain({"sent": growing(1), "hard": growing(1)}, always(0)),
    ),
    _case(
        "what a domain gave up while nobody watched is counted late",
        {**_AT_DOMAIN_STEP, **counted_late(failed=101)},
    ),
    _case(
        "a domain gives up enough beside what is counted late",
        {**_AT_DOMAIN_STEP, **counted_late(sent=800, failed=90)},
        Firing(_SOFT, _LABELS, _AT_DOMAIN_FIRES),
    ),
    _case(
        "of two exporters that watch a domain one fails",
        scrapes_fail(twice({**healthy(), **_AT_DOMAIN_STEP}, A, B), B, minutes(10), hours(9)),
        Firing(_SOFT, _LABELS, _AT_DOMAIN_FIRES),
    ),
)
STORIES = (*_ALL, *_AT_DOMAIN)
