"""Copies of what a mid-sourcing server sends."""

from campaign_alerts import text
from campaign_alerts.parts import DATABASE, PENDING_AGE, nowhere
from campaign_alerts.rule import Alert
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values

_STALE = "CampaignMidSourcingCopyStale"
#: The workflow that copies.
COPIER = "defaultMidSourcingDlv"
_LAST = "campaign_mid_sourcing_last_copy_timestamp_seconds"


def old(values: Values) -> str:
    """Hold where nothing was copied for too long from any server: what is left of an account that is gone stays old."""
    return values.of(_STALE).fill(
        f"time() - max by (campaign_instance) (max_over_time({_LAST}[$window])) > $older_than_seconds"
    )


def stale(values: Values) -> Alert:
    """Make the alert; others tell of deliveries that wait for copies, of the workflow in error, and of its engine."""
    settings = values.of(_STALE)
    accounts = text.each(
        f"sort_desc(time() - max by (account) (last_over_time({_LAST}{{campaign_instance=%q}}[2m])))",
        "campaign_instance",
        line=f"\n- {text.short('account')}: {{{{ .Value | humanizeDuration }}}} ago",
    )
    return Alert(
        _STALE,
        "warning",
        "platform",
        settings.fill(
            f"""
            $old
            unless on (campaign_instance)
            max by (campaign_instance) (
              max_over_time(campaign_technical_workflow_trouble{{trouble="failed",workflow="{COPIER}"}}[$window])
            ) == 1
            unless on (campaign_instance)
            {PENDING_AGE}{{cause="mid_sourcing_lag"}}
              > on (campaign_instance) max by (campaign_instance) (
                max_over_time(campaign_pending_alert_delay_seconds[$window])
              )
            unless on (campaign_instance) (
              $engine
            )
            """,
            old=old(values),
            engine=nowhere("wfserver").replace("\n", " "),
        ),
        summary="Nothing is copied from the mid-sourcing server",
        description=(
            f"{INSTANCE}: what the mid-sourcing server sends was copied last {{{{ $value | humanizeDuration }}}} ago. States,"
            f" counters and logs of its deliveries are as old here. By account:{accounts}"
        ),
        next_step=values.query(
            "SELECT sinternalname, istate, ifailed, tsprocess, tsnextprocessing FROM xtkworkflow"
            " WHERE sinternalname LIKE 'defaultMidSourcing%'"
        ),
        dashboard="hygiene?var-instance={{ $labels.campaign_instance | urlquery }}",
        when=(
            f"nothing was copied from any mid-sourcing server for {settings['older_than']}, while the workflow that copies is"
            " not in error, wfserver is up, and no delivery is stuck for it"
        ),
        lasts=settings["older_than"],
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )
