"""Messages that bounce, and domains that take none."""

from campaign_alerts.durations import seconds
from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_HARD = "CampaignHardBouncesHigh"
_SOFT = "CampaignSoftBouncesHigh"
_DOMAIN = "CampaignDomainRefusing"
_PAGE = "deliverability?var-instance={{ $labels.campaign_instance | urlquery }}"
_GIVEN_UP = 'outcome="failed",kind="soft"'
#: Not those without any server's answer: Campaign itself leaves such recipients out.
_REFUSED = 'outcome="failed",kind="hard",reason!~"quarantine|denylisted|address_not_specified"'


def bounces(values: Values) -> Group:
    """Make the group."""
    return Group("campaign-bounces", values.interval, (_hard(values), _soft(values), _domain(values)))


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
        next_step=(
            'psql -c "SELECT l.ideliveryid, m.ifailurereason, count(*) FROM nmsbroadlogrcp l'
            " JOIN nmsbroadlogmsg m ON m.ibroadlogmsgid = l.imsgid WHERE l.istatus = 2 AND m.ifailuretype = 2"
            " AND l.tslastmodified > now() - interval '1 hour' GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10\""
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


def _soft(values: Values) -> Alert:
    settings = values.of(_SOFT)
    # What was sent days ago is given up on a day without sending as well.
    spans = seconds(settings["usual"]) / seconds(settings["range"])
    usual = f"{_settled('$usual')} / {spans:g}"
    return Alert(
        _SOFT,
        "warning",
        "deliverability",
        settings.fill(
            f"""
            {_failed(_GIVEN_UP)}
            /
            (
              (
                ({_settled("$range")} > {usual})
                or
                {usual}
              ) >= $minimum_messages
            )
            > $share
            """
        ),
        summary="Too many soft bounces",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of as many messages as are sent or given up in"
            f" {settings['range']} were given up after soft bounces; {float(settings['share']):.0%} are Adobe's limit."
        ),
        next_step=(
            'psql -c "SELECT ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg WHERE ifailuretype = 1'
            ' ORDER BY tslastmodified DESC LIMIT 20"'
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_messages']} messages that were sent or"
            f" given up within {settings['range']}, or in an average one of {settings['usual']}, bounced softly to the end;"
            " what is counted late does not count"
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
        next_step=(
            'psql -c "SELECT o.sowner, e.ipublicid, e.ilastreplycode, e.slastreplymessage, e.tslast'
            ' FROM nmsemailerror e LEFT JOIN nmsmxowner o USING (imxip) ORDER BY e.tslast DESC LIMIT 20"'
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
