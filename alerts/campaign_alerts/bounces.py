"""Messages that bounce or are complained about, and domains that take none."""

from collections.abc import Callable, Iterable

from campaign_alerts import text
from campaign_alerts.durations import seconds
from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group, Recording, Rule
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Settings, Values

_HARD = "CampaignHardBouncesHigh"
_SOFT = "CampaignSoftBouncesHigh"
_COMPLAINTS = "CampaignComplaintsHigh"
_DOMAIN = "CampaignDomainRefusing"
_PAGE = "deliverability?var-instance={{ $labels.campaign_instance | urlquery }}"
_SOFT_ALL = "campaign_instance:campaign_message_soft_bounces:share"
_SOFT_AT_DOMAIN = "campaign_instance_domain:campaign_message_soft_bounces:share"
_SETTLED_AT_DOMAIN = "campaign_instance_domain:campaign_message_domain_results:settled"
#: What Adobe's reports count as complaints (indicator-calculation.md).
_COMPLAINED = 'outcome="failed",reason="denylisted"'
_GIVEN_UP = 'outcome="failed",kind="soft"'
#: Not those without any server's answer: Campaign itself leaves such recipients out.
_REFUSED = 'outcome="failed",kind="hard",reason!~"quarantine|denylisted|address_not_specified"'


def bounces(values: Values) -> Group:
    """Make the group."""
    rules: tuple[Rule, ...] = (_hard(values), *_soft_records(values), _soft(values), _complaints(values), _domain(values))
    return Group("campaign-bounces", values.interval, rules)


def _failed(failures: str) -> str:
    """Count failed messages, without those that were counted late for a time that was not watched.

    Of these only the status is told: all that failed are taken away, of whatever kind.
    """
    failed = f"sum without (outcome, kind, reason) (increase(campaign_message_failures_total{{{failures}}}[$range]))"
    return f"max by (campaign_instance) ({failed} - {_late('failed')})"


def _late(statuses: str) -> str:
    return f'sum without (status) (increase(campaign_message_transitions_catch_up_total{{status=~"{statuses}"}}[$range]))'


def _settled(span: str) -> str:
    """Count the messages that were sent or given up, those among them that were counted late."""
    settled = f'sum without (status) (increase(campaign_message_transitions_total{{status=~"sent|failed"}}[{span}]))'
    return f"max by (campaign_instance) ({settled})"


def _hard(values: Values) -> Alert:
    settings = values.of(_HARD)
    return Alert(
        _HARD,
        "warning",
        "deliverability",
        settings.fill(f"{_failed(_REFUSED)}\n/\n({_settled('$range')} >= $minimum_messages)\n> $share"),
        summary="Too many hard bounces",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of the messages that were sent or given up in the last"
            f" {settings['range']} bounced hard; {float(settings['share']):.0%} are Adobe's limit."
        ),
        next_step=values.query(
            "SELECT l.ideliveryid, m.ifailurereason, count(*) FROM nmsbroadlogrcp l"
            " JOIN nmsbroadlogmsg m ON m.ibroadlogmsgid = l.imsgid WHERE l.istatus = 2 AND m.ifailuretype = 2"
            " AND l.tslastmodified > now() - interval '1 hour' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_messages']} messages that were sent or"
            f" given up within {settings['range']} were refused for good; addresses in quarantine do not count,"
            " nor what is counted late"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _soft_records(values: Values) -> Iterable[Recording]:
    settings = values.of(_SOFT)
    given_up = 'increase(campaign_message_domain_results_total{domain!="other",result="soft"}[$range])'
    yield Recording(
        _SOFT_ALL,
        settings.fill(f"{_failed(_GIVEN_UP)}\n/\n{_usual(_settled, settings, 'minimum_messages')}"),
        f"messages given up after soft bounces within {settings['range']}, as a share of those that were sent or given up in it"
        f" or, if these are more, in an average one of {settings['usual']}",
    )
    yield Recording(
        _SETTLED_AT_DOMAIN,
        'sum without (result) (campaign_message_domain_results_total{domain!="other",result!="postponed"})',
        "mails sent or given up at a domain: a counter, and one series where a week of it is asked for",
    )
    yield Recording(
        _SOFT_AT_DOMAIN,
        settings.fill(f"""
            max by (campaign_instance, domain) (
              sum without (result) ({given_up}) - ignoring (domain) group_left {_late("failed")}
            )
            /
        """)
        + "\n"
        + settings.fill(_usual(_settled_at_domain, settings, "minimum_at_domain")),
        "the same for each domain that is counted by itself",
    )


def _settled_at_domain(span: str) -> str:
    return f"max by (campaign_instance, domain) (increase({_SETTLED_AT_DOMAIN}[{span}]))"


def _usual(settled: Callable[[str], str], settings: Settings, minimum: str) -> str:
    """Count what was settled in the range or in an average one, whichever is more.

    What was sent days ago is given up on a day without sending as well.
    """
    usual = f"{settled('$usual')} / {seconds(settings['usual']) / seconds(settings['range']):g}"
    return f"""\
(
  (
    ({settled("$range")} > {usual})
    or
    {usual}
  ) >= ${minimum}
)"""


def _soft(values: Values) -> Alert:
    settings = values.of(_SOFT)
    limit = f"{float(settings['share']):.0%}"
    all_ = text.each(
        f"max(last_over_time({_SOFT_ALL}{{campaign_instance=%q}}[2m]))",
        "campaign_instance",
        line="\n- {{ .Value | humanizePercentage }} of all",
    )
    domains = text.each(
        f"sort_desc(topk(5, max by (domain) (last_over_time({_SOFT_AT_DOMAIN}{{campaign_instance=%q}}[2m]))"
        f" > {settings['share']}))",
        "campaign_instance",
        line="\n- {{ .Value | humanizePercentage }} at {{ .Labels.domain }}",
    )
    return Alert(
        _SOFT,
        "warning",
        "deliverability",
        settings.fill(
            f"{_SOFT_ALL} > $share\nor\nmax by (campaign_instance) ({_SOFT_AT_DOMAIN} > $share)",
        ),
        summary="Too many soft bounces",
        description=(
            f"{INSTANCE}: too many messages were given up after soft bounces within {settings['range']}, against as many as are"
            f" sent or given up in that time; {limit} of any provider are Adobe's limit.{all_}{domains}"
        ),
        next_step=values.query(
            "SELECT ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg WHERE ifailuretype = 1"
            " ORDER BY tslastmodified DESC LIMIT 20"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {limit} of at least {settings['minimum_messages']} messages, or of {settings['minimum_at_domain']} at"
            f" one domain, that were sent or given up within {settings['range']}, or in an average one of {settings['usual']},"
            " bounced softly to the end; what is counted late does not count; domains need the right to read addresses"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _complaints(values: Values) -> Alert:
    settings = values.of(_COMPLAINTS)
    limit = f"{100 * float(settings['share']):g}%"
    return Alert(
        _COMPLAINTS,
        "warning",
        "deliverability",
        settings.fill(f"{_failed(_COMPLAINED)}\n/\n{_usual(_settled, settings, 'minimum_messages')}\n> $share"),
        summary="Too many recipients complain",
        description=(
            f"{INSTANCE}: recipients reported {{{{ $value | humanizePercentage }}}} of as many messages as are sent or given up"
            f" in {settings['range']} as spam, or their addresses came onto the denylist before their message went out."
            f" {limit} is a limit of Gmail and Yahoo, not Adobe's."
        ),
        next_step=values.query(
            "SELECT l.ideliveryid, count(*) FROM nmsbroadlogrcp l JOIN nmsbroadlogmsg m ON m.ibroadlogmsgid = l.imsgid"
            " WHERE l.istatus = 2 AND m.ifailurereason = 8 AND l.tslastmodified > now() - interval '1 day'"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {limit} of at least {settings['minimum_messages']} messages that were sent or given up within"
            f" {settings['range']}, or in an average one of {settings['usual']}, failed as denylisted: what Adobe's reports"
            " count as complaints; what is counted late does not count"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _domain(values: Values) -> Alert:
    settings = values.of(_DOMAIN)
    refused = 'increase(campaign_message_domain_refusals_total{domain!="other"}[$range])'
    tried = "increase(campaign_message_domain_results_total[$range])"
    return Alert(
        _DOMAIN,
        "warning",
        "deliverability",
        settings.fill(f"""
            max by (campaign_instance, domain) (
              sum without (reason) ({refused}) - ignoring (domain) group_left {_late("failed|pending")}
            )
            /
            (max by (campaign_instance, domain) (sum without (result) ({tried})) >= $minimum_attempts)
            > $share
        """),
        summary="A domain takes no messages",
        description=(
            f"{INSTANCE}: {{{{ $labels.domain }}}} refused {{{{ $value | humanizePercentage }}}} of what was tried in the last"
            f" {settings['range']}, or could not be reached."
        ),
        next_step=values.query(
            "SELECT o.sowner, e.ipublicid, e.ilastreplycode, e.slastreplymessage, e.tslast"
            " FROM nmsemailerror e LEFT JOIN nmsmxowner o USING (imxip) ORDER BY e.tslast DESC LIMIT 20"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_attempts']} attempts at one domain were"
            f" refused within {settings['range']}, or did not reach it, and more than are counted late; needs the right to read"
            " addresses"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
