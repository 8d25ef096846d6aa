"""Opens and clicks that do not arrive."""

from campaign_alerts import text
from campaign_alerts.parts import DATABASE
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_STALLED = "CampaignTrackingStalled"
_SENT = "campaign_instance:campaign_message_transitions_sent:without_catch_up"
#: The links of the chain, and what each does: a query that finds it broken, what is said then, and in which order.
_LINKS = (
    (
        'max by (endpoint) (last_over_time(campaign_endpoint_up{campaign_instance=%q,kind="redirection"}[2m])) == 0',
        "the redirection {{ .Labels.endpoint }} does not answer: nothing is noted, and links lead nowhere",
        "endpoint",
    ),
    (
        'max by (host) (last_over_time(campaign_process_up{campaign_instance=%q,process="trackinglogd"}[2m])) == 0',
        "trackinglogd is down on {{ .Labels.host }}: what is noted there is not written",
        "host",
    ),
    (
        "max(last_over_time(campaign_tracking_workflow_up{campaign_instance=%q}[2m])) == 0",
        "the workflow tracking is in error or at rest: what is written is not fetched",
        "",
    ),
    (
        "time() - max(last_over_time(campaign_tracking_workflow_next_run_timestamp_seconds{campaign_instance=%q}[2m])) > 1200",
        "the workflow tracking should have run {{ .Value | humanizeDuration }} ago: what is written is not fetched",
        "",
    ),
)


def tracking(values: Values) -> Group:
    """Make the group."""
    return Group("campaign-tracking", values.interval, (_sent(), _stalled(values)))


def _sent() -> Recording:
    sent = '{status="sent"}'
    return Recording(
        _SENT,
        f"campaign_message_transitions_total{sent} - campaign_message_transitions_catch_up_total{sent}",
        "messages sent, without those that were counted late: when these were sent is not known",
    )


def _stalled(values: Values) -> Alert:
    settings = values.of(_STALLED)
    links = "".join(text.each(query, "campaign_instance", line=f"\n- {said}", by=by) for query, said, by in _LINKS)
    return Alert(
        _STALLED,
        "warning",
        "platform",
        settings.fill(
            """
            time() - max by (campaign_instance) (max_over_time(campaign_tracking_last_log_timestamp_seconds[$window]))
              > $age_seconds
            and on (campaign_instance)
            max by (campaign_instance) (increase($sent[$range] offset $age)) >= $minimum_messages
        """,
            sent=_SENT,
        ),
        summary="No opens and clicks arrive",
        description=(
            f"{INSTANCE}: the newest tracking log is {{{{ $value | humanizeDuration }}}} old, though messages have gone out"
            f" since. Links of the chain that are seen to be broken, if any:{links}"
        ),
        next_step="on the tracking server: nlserver pdump, then look at the journal of the workflow tracking",
        dashboard="tracking?var-instance={{ $labels.campaign_instance | urlquery }}",
        when=(
            f"the newest tracking log is older than {settings['age']}, though at least {settings['minimum_messages']} messages"
            f" were sent in the {settings['range']} before that"
        ),
        wait=settings["for"],
        keep=values.keep,
        lasts=settings["age"],
        labels=DATABASE,
    )
