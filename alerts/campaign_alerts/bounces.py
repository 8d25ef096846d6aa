"""Messages that bounce, and domains that take none."""

from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Settings, Values

_HARD = "CampaignHardBouncesHigh"
_SOFT = "CampaignSoftBouncesHigh"
_DOMAIN = "CampaignDomainRefusing"
_PAGE = "throughput?var-instance={{ $labels.campaign_instance | urlquery }}"
_GIVEN_UP = 'outcome="failed",kind="soft"'
#: Not those without any server's answer: Campaign itself leaves such recipients out.
_REFUSED = 'outcome="failed",kind="hard",reason!~"quarantine|denylisted|address_not_specified"'


def bounces(values: Values) -> Group:
    """Make the group."""
    return Group("campaign-bounces", values.interval, (_hard(values), _soft(values), _domain(values)))


def _share(failures: str, settings: Settings) -> str:
    """Give the share of failures among the messages that were sent or given up; absent where there are few."""
    failed = f"sum without (outcome, kind, reason) (increase(campaign_message_failures_total{{{failures}}}[$range]))"
    settled = 'sum without (status) (increase(campaign_message_transitions_total{status=~"sent|failed"}[$range]))'
    return settings.fill(
        f"max by (campaign_instance) ({failed})\n/\n(max by (campaign_instance) ({settled}) >= $minimum_messages)"
    )


def _hard(values: Values) -> Alert:
    settings = values.of(_HARD)
    return Alert(
        _HARD,
        "warning",
        "deliverability",
        f"{_share(_REFUSED, settings)}\n> {settings['share']}",
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
            f" given up within {settings['range']} were refused for good; addresses in quarantine do not count"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _soft(values: Values) -> Alert:
    settings = values.of(_SOFT)
    return Alert(
        _SOFT,
        "warning",
        "deliverability",
        f"{_share(_GIVEN_UP, settings)}\n> {settings['share']}",
        summary="Too many soft bounces",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of the messages that were sent or given up in the last"
            f" {settings['range']} were given up after soft bounces; {float(settings['share']):.0%} are Adobe's limit."
        ),
        next_step=(
            'psql -c "SELECT ifailurereason, icount, sfirsttext FROM nmsbroadlogmsg WHERE ifailuretype = 1'
            ' ORDER BY tslastmodified DESC LIMIT 20"'
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_messages']} messages that were sent or"
            f" given up within {settings['range']} were given up after soft bounces"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _domain(values: Values) -> Alert:
    settings = values.of(_DOMAIN)
    refused = 'increase(campaign_message_domain_refusals_total{domain!="other"}[$range])'
    tried = 'increase(campaign_message_domain_results_total{domain!="other"}[$range])'
    return Alert(
        _DOMAIN,
        "warning",
        "deliverability",
        settings.fill(f"""
            max by (campaign_instance, domain) (sum without (reason) ({refused}))
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
            f" refused within {settings['range']}, or did not reach it; needs the right to read addresses"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
