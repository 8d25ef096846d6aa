"""What will go wrong unless somebody does something: messages that will be too late, and deliveries that come together."""

from campaign_alerts import text
from campaign_alerts.parts import DATABASE, baseline
from campaign_alerts.rule import Alert, Group, Severity
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Settings, Values

_MISSES = "CampaignDeliveryWillMissValidity"
_TOGETHER = "CampaignLargeDeliveriesTogether"
_PAGE = "load?var-instance={{ $labels.campaign_instance | urlquery }}"
_PAST = "campaign_delivery_messages_past_validity"
_VALIDITY = "campaign_delivery_validity_timestamp_seconds"
_RATE = "campaign_delivery_messages_per_second"
_LARGE = "campaign_upcoming_large_delivery_messages"
_START = "campaign_upcoming_large_delivery_timestamp_seconds"
#: A rate is known once two thirds of the exporter's rate_window, 30 minutes, were seen.
_KNOWN_AFTER = "20m"


def outlook(values: Values) -> Group:
    """Make the group."""
    alerts = (_will_miss(values, "critical"), _will_miss(values, "warning"), _together(values))
    return Group("campaign-outlook", values.interval, alerts)


def _late(settings: Settings, severity: Severity, by: str, matcher: str = "", window: str = "2m") -> str:
    """Select the deliveries that will miss their validity: soon, or later and at least moving."""
    left = f"max by ({by}) (last_over_time({_VALIDITY}{matcher}[{window}])) - time()"
    limit = settings["page_within_seconds"]
    when = f"({left} > 0) <= {limit}" if severity == "critical" else f"{left} > {limit}"
    lines = [
        f"min by ({by}) (last_over_time({_PAST}{matcher}[{window}])) >= {settings['minimum_messages']}",
        f"and on ({by}) ({when})",
    ]
    if severity != "critical":
        lines.append(f"and on ({by}) max by ({by}) (last_over_time({_RATE}{matcher}[{window}])) > 0")
    return "\n".join(lines)


def _will_miss(values: Values, severity: Severity) -> Alert:
    settings = values.of(_MISSES)
    by = "campaign_instance, delivery_id"
    lines = _late(settings, severity, by, window=values.window).replace("\n", "\n  ")
    # The same once more, of one instance, with labels, on one line.
    one = _late(settings, severity, "delivery_id, label", "{campaign_instance=%q}").replace("\n", " ")
    asked = ["campaign_instance"] * one.count("%q")
    left = f"max(last_over_time({_VALIDITY}{{campaign_instance=%q,delivery_id=%q}}[2m])) - time()"
    line = (
        f"\n- {text.short('label')} ({{{{ .Labels.delivery_id }}}}): {{{{ .Value | humanize }}}} messages; it ends in "
        f"{{{{ with printf `{left}` $labels.campaign_instance .Labels.delivery_id | query }}}}"
        "{{ . | first | value | humanizeDuration }}{{ end }}"
    )
    soon = severity == "critical"
    moment = f"within {settings['page_within']}" if soon else f"more than {settings['page_within']} from now"
    return Alert(
        _MISSES,
        severity,
        "campaign",
        f"sum by (campaign_instance) (\n  {lines}\n)",
        summary="Messages will not be sent before the validity of their delivery ends",
        description=(
            f"{INSTANCE}: at the present rate {{{{ $value | humanize }}}} messages will be lost: Campaign cancels what is"
            " unsent when the validity ends. Extend it before (Properties, Validity):"
            + text.each(f"sort_desc(topk(5, {one}))", *asked, line=line)
        ),
        next_step=values.query(
            "SELECT ideliveryid, slabel, itodeliver - iprocessed AS messages_left, tsvalidity FROM nmsdelivery"
            " WHERE istate = 55 AND iismodel = 0 ORDER BY tsvalidity LIMIT 10"
        ),
        dashboard=_PAGE,
        when=(
            f"at its measured rate a delivery in progress will have at least {settings['minimum_messages']} messages unsent"
            f" when its validity ends, {moment}"
        ),
        wait=settings["for" if soon else "for_later"],
        keep=values.keep,
        lasts=_KNOWN_AFTER,
        labels=DATABASE,
    )


def _together(values: Values) -> Alert:
    settings, usual = values.of(_TOGETHER), baseline(values)
    rate = text.number(f"3600 * {usual}{{campaign_instance=%q}}", "campaign_instance")
    return Alert(
        _TOGETHER,
        "warning",
        "campaign",
        settings.fill(
            """
            (
              sum by (campaign_instance, group) (
                min by (campaign_instance, group, delivery_id) (last_over_time($large[$window]))
              )
              / on (campaign_instance) group_left ()
              $usual
            ) > $takes_seconds
            and on (campaign_instance, group)
            count by (campaign_instance, group) (
              count by (campaign_instance, group, delivery_id) (last_over_time($large[$window]))
            ) >= 2
            """,
            large=_LARGE,
            usual=usual,
        ),
        summary="Large deliveries are scheduled together",
        description=(
            f"{INSTANCE}: large deliveries start within ten minutes of one another. Together they take"
            f" {{{{ $value | humanizeDuration }}}} at the {rate} messages an hour that are usual. To spread them, leave between"
            f" two starts the time that the earlier one takes:{_one_after_the_other(usual)}"
        ),
        next_step=values.query(
            "SELECT ideliveryid, slabel, itodeliver, tscontact FROM nmsdelivery"
            " WHERE istate IN (25, 45, 51) AND iismodel = 0 AND tscontact > now() ORDER BY tscontact LIMIT 20"
        ),
        dashboard=_PAGE,
        when=(
            "at least two large deliveries are to start within ten minutes of one another in the next 24 h, and take longer"
            f" than {settings['takes']} together at the instance's usual throughput"
        ),
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _one_after_the_other(usual: str) -> str:
    """List the deliveries of a group by their starts, with the time that each takes alone."""
    start = f"sort(max by (delivery_id, label) (last_over_time({_START}{{campaign_instance=%q,group=%q}}[2m])) - time())"
    takes = (
        f"max(last_over_time({_LARGE}{{campaign_instance=%q,delivery_id=%q}}[2m]))"
        f" / scalar(max({usual}{{campaign_instance=%q}}))"
    )
    line = (
        f"\n- {text.short('label')} ({{{{ .Labels.delivery_id }}}}): in {{{{ .Value | humanizeDuration }}}}, takes "
        f"{{{{ with printf `{takes}` $labels.campaign_instance .Labels.delivery_id $labels.campaign_instance | query }}}}"
        "{{ . | first | value | humanizeDuration }}{{ end }}"
    )
    return text.each(start, "campaign_instance", "group", line=line)
