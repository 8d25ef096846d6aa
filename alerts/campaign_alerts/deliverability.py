"""How mail servers take what is sent, and how large it is."""

from campaign_alerts import text
from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_FAILING = "CampaignSmtpConnectionsFailing"
_SIZE = "CampaignMessageSizeHigh"
_WHERE = "?var-instance={{ $labels.campaign_instance | urlquery }}"


def deliverability(values: Values) -> Group:
    """Make the group."""
    return Group("campaign-deliverability", values.interval, (_connections_failing(values), _size_high(values)))


def _connections_failing(values: Values) -> Alert:
    settings = values.of(_FAILING)
    owner = text.each(
        'count by (owner) (last_over_time(campaign_smtp_server_connections{campaign_instance=%q,mx=%q,owner!=""}[5m]))',
        "campaign_instance",
        "mx",
        line=f" ({text.short('owner')})",
    )
    replies = text.each(
        'topk(3, count by (reply) (last_over_time(campaign_smtp_last_reply_info{campaign_instance=%q,mx=%q,reply!=""}[5m])))',
        "campaign_instance",
        "mx",
        line=f"\n- {text.short('reply', 80)}",
        by="reply",
    )
    return Alert(
        _FAILING,
        "warning",
        "deliverability",
        settings.fill("""
            max by (campaign_instance, mx) (
              last_over_time(campaign_smtp_server_connection_errors[$window])
              / last_over_time(campaign_smtp_server_connections[$window])
            ) > $share
            and on (campaign_instance, mx)
            max by (campaign_instance, mx) (last_over_time(campaign_smtp_server_connections[$window])) >= $minimum_connections
        """),
        summary="A mail server does not take our connections",
        description=(
            f"{INSTANCE}: {{{{ $value | humanizePercentage }}}} of the connections to {{{{ $labels.mx }}}}{owner} came to"
            f" nothing. Its last replies to our addresses:{replies}"
        ),
        next_step=values.query(
            "SELECT ipublicid, sum(itotalconnections), sum(irefusedconnections), sum(itimeoutconnections)"
            " FROM nmsemailerrorstat WHERE tsdate > now() - interval '1 hour' GROUP BY 1 ORDER BY 3 DESC LIMIT 10"
        ),
        dashboard="deliverability" + _WHERE,
        when=(
            f"more than {float(settings['share']):.0%} of at least {settings['minimum_connections']} connections to a mail"
            " server were aborted, failed, were refused or timed out, in the window of an hour"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _size_high(values: Values) -> Alert:
    settings = values.of(_SIZE)
    return Alert(
        _SIZE,
        "info",
        "deliverability",
        settings.fill("""
            max by (campaign_instance) (
              increase(campaign_message_bytes_total[$range])
              / sum without (result, pass) (increase(campaign_messages_total[$range]))
            ) > $bytes
            and on (campaign_instance)
            max by (campaign_instance) (sum without (result, pass) (increase(campaign_messages_total[$range])))
            >= $minimum_messages
        """),
        summary="Messages are larger than Adobe advises",
        description=(
            f"{INSTANCE}: the messages of the last {settings['range']} have {{{{ $value | humanize }}}}B on average, if dVolume"
            " is in the configured unit. Adobe advises 60 kB at most: larger ones take longer, and providers may cut them."
        ),
        next_step=values.query(
            "SELECT ideliveryid, sum(dvolume) FROM nmsdeliverystat"
            " WHERE tsdate > now() - interval '1 hour' GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
        ),
        dashboard="throughput" + _WHERE,
        when=f"the messages of {settings['range']}, at least {settings['minimum_messages']}, are on average larger than"
        f" {float(settings['bytes']) / 1000:g} kB",
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
