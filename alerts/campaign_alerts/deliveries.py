"""Deliveries that wait, stand still, or fail."""

from collections.abc import Iterable

from campaign_alerts import text
from campaign_alerts.parts import DATABASE, PENDING_AGE, increase, one_of
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_STUCK = "CampaignDeliveryStuckPending"
_STALLED = "CampaignDeliveryStalled"
_FAILED = "CampaignDeliveryFailed"
_PREPARATION = "CampaignPreparationStuck"
#: Causes of what is due and not launched: of these _STUCK tells.
_NOT_LAUNCHED = ["concurrency_limit", "preparation_stuck", "workflow_engine_down"]
_PAGE = "deliveries?var-instance={{ $labels.campaign_instance | urlquery }}"
#: What a cause means, for people.
_WHY = {
    "validity_expired": "their validity is over, and Campaign will cancel what is left",
    "account_inactive": "their routing account is inactive",
    "mta_down": "the process that is to send them runs on no server",
    "stat_server_down": "the stat server is down, without which the MTA sends no mail",
    "affinity_unconfigured": "no server declares their IP affinity",
    "affinity_host_down": "only servers whose MTA is down declare their IP affinity",
    "concurrency_limit": "as many campaign workflows run as NmsOperation_LimitConcurrency allows",
    "workflow_engine_down": "wfserver is down, or operationMgt or deliveryMgt failed, so nobody launches them",
    "awaiting_approval": "they are prepared, and somebody must approve them",
    "preparation_stuck": "their preparation does not end",
    "database_blocked": "sessions are blocked on the tables that sending needs",
    "parts_missing": "nothing is prepared to be sent in them: they have no parts",
    "parts_orphaned": "a process that is dead holds their parts",
    "mid_sourcing_lag": "what the mid-sourcing server did with them has not come back",
    "unknown": "unknown, no cause that can be seen holds",
}


def deliveries(values: Values) -> Group:
    """Make the group."""
    return Group(
        "campaign-deliveries",
        values.interval,
        (_pending_age(values), *_stuck(values), _preparation(values), _stalled(values), _failed(values)),
    )


def _pending_age(values: Values) -> Recording:
    oldest = f"min_over_time(campaign_deliveries_pending_oldest_timestamp_seconds[{values.window}])"
    return Recording(
        PENDING_AGE,
        f"time() - min by (campaign_instance, cause) ({oldest})",
        "how long the oldest delivery waits, by cause: all rules about pending deliveries depend on it",
    )


def _stuck(values: Values) -> Iterable[Alert]:
    """Make a rule for each severity and team."""
    kinds = dict.fromkeys((cause.severity, cause.team) for cause in values.causes.values())
    for severity, team in kinds:
        if severity == "never" or team is None:
            continue
        names = [name for name, cause in values.causes.items() if (cause.severity, cause.team) == (severity, team)]
        settings = values.of(_STUCK)
        delay = "max by (campaign_instance) (max_over_time(campaign_pending_alert_delay_seconds[$window]))"
        yield Alert(
            _STUCK,
            severity,
            team,
            settings.fill(f"{PENDING_AGE}{{{one_of('cause', names)}}}\n> on (campaign_instance) group_left ()\n{delay}"),
            summary="Deliveries that should be sending are stuck",
            description=(
                f"{INSTANCE}: {text.deliveries()}, the oldest for {{{{ $value | humanizeDuration }}}}. Why: {_why(names)}."
                f"{text.oldest()}"
            ),
            next_step=f"campaign-exporter why --all --config.file {values.configuration_file}",
            dashboard=_PAGE,
            when=f"a delivery waits longer than NmsMTA_Alert_Delay allows (30 min unless set) for: {', '.join(names)}",
            lasts="30m",
            wait=settings["for"],
            keep=values.keep,
            anchor="{{ $labels.cause }}",
            labels=DATABASE,
        )


def _why(names: list[str]) -> str:
    if len(names) == 1:
        return _WHY[names[0]]
    first, *others = names
    branches = "".join(f'{{{{ else if eq $labels.cause "{name}" }}}}{_WHY[name]}' for name in others)
    return f'{{{{ if eq $labels.cause "{first}" }}}}{_WHY[first]}{branches}{{{{ end }}}}'


def _preparation(values: Values) -> Alert:
    settings = values.of(_PREPARATION)
    return Alert(
        _PREPARATION,
        "warning",
        "platform",
        settings.fill(
            """
            time() - min by (campaign_instance) (
              min_over_time(campaign_preparation_oldest_start_timestamp_seconds[$window])
            )
            > on (campaign_instance) (
              max by (campaign_instance) (max_over_time(campaign_preparation_limit_seconds[$window]))
              or
              0 * min by (campaign_instance) (min_over_time(campaign_preparation_oldest_start_timestamp_seconds[$window]))
                + $after_seconds
            )
            unless on (campaign_instance) (
              $due
              > on (campaign_instance) group_left ()
              max by (campaign_instance) (max_over_time(campaign_pending_alert_delay_seconds[$window]))
            )
            """,
            due=f"{PENDING_AGE}{{{one_of('cause', _NOT_LAUNCHED)}}}",
        ),
        summary="The preparation of a delivery does not end",
        description=(
            f"{INSTANCE}: a delivery has been in preparation for {{{{ $value | humanizeDuration }}}}, longer than Campaign"
            " allows. Until it is prepared it cannot be launched, whatever its contact date."
        ),
        next_step=values.query(
            "SELECT ideliveryid, slabel, istate, tscontact, tslastmodified FROM nmsdelivery"
            " WHERE istate IN (11, 12, 13, 21, 22) AND iismodel = 0 AND ideletestatus = 0 ORDER BY tslastmodified LIMIT 10"
        ),
        dashboard=_PAGE,
        when=(
            f"a delivery is in preparation for longer than maxPreparationJobsSec ({settings['after']} unless a host's"
            " configuration says otherwise), be it due or not"
        ),
        lasts=settings["after"],
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _stalled(values: Values) -> Alert:
    settings = values.of(_STALLED)
    label = text.each(
        "count by (label) (last_over_time(campaign_delivery_progress_timestamp_seconds"
        "{campaign_instance=%q,delivery_id=%q}[2m]))",
        "campaign_instance",
        "delivery_id",
        line=text.short("label"),
    )
    left = text.number(
        "max(max_over_time(campaign_delivery_messages_remaining{campaign_instance=%q,delivery_id=%q}[2m]))",
        "campaign_instance",
        "delivery_id",
    )
    return Alert(
        _STALLED,
        "warning",
        "platform",
        settings.fill(
            """
            time() - min by (campaign_instance, delivery_id) (
              min_over_time(campaign_delivery_progress_timestamp_seconds[$window])
            ) > $after_seconds
            and on (campaign_instance, delivery_id)
            max by (campaign_instance, delivery_id) (
              max_over_time(campaign_delivery_messages_remaining[$window])
            ) >= $minimum_messages
            and on (campaign_instance)
            $sent >= 1
            """,
            sent=increase("", settings["others"]),
        ),
        summary="A delivery in progress stands still while others go on",
        description=(
            f"{INSTANCE}: {label} ({{{{ $labels.delivery_id }}}}) has processed nothing for"
            " {{ $value | humanizeDuration }}, though a part of it is due."
            f" {left} messages are left in it. Other deliveries go on."
        ),
        next_step=f"campaign-exporter why {{{{ $labels.delivery_id }}}} --config.file {values.configuration_file}",
        dashboard=_PAGE,
        when=(
            f"a delivery in progress of which at least {settings['minimum_messages']} messages are left and a part is due has"
            f" processed nothing for {settings['after']}, while the instance sends"
        ),
        lasts=settings["after"],
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _failed(values: Values) -> Alert:
    settings = values.of(_FAILED)
    return Alert(
        _FAILED,
        "warning",
        "campaign",
        settings.fill("""
            max by (campaign_instance, state) (
              sum without (channel) (increase(campaign_delivery_transitions_total{state=~"failed|preparation_error"}[$range]))
            ) >= 1
        """),
        summary="Deliveries failed",
        description=(
            f"{INSTANCE}: deliveries that entered the state {{{{ $labels.state }}}} within {settings['range']}:"
            ' {{ $value | printf "%.0f" }}. They stay there until somebody sees to them.'
        ),
        next_step=values.query(
            "SELECT ideliveryid, slabel, istate, tslastmodified FROM nmsdelivery"
            " WHERE istate IN (37, 87) AND iismodel = 0 ORDER BY tslastmodified DESC LIMIT 10"
        ),
        dashboard=_PAGE,
        when=f"a delivery entered the state failed or preparation_error within {settings['range']}",
        labels=DATABASE,
    )
