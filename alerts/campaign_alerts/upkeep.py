"""What hurts the sending one day if nobody sees to it: workflows, cleanup, work tables, ids, transactions, events."""

from campaign_alerts import text
from campaign_alerts.durations import duration
from campaign_alerts.parts import DATABASE, PENDING_AGE, blocked, nowhere
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.text import INSTANCE
from campaign_alerts.values import Values
from campaign_exporter.config import MaintenanceSettings

_WORKFLOW = "CampaignWorkflowFailed"
_CLEANUP = "CampaignCleanupFailing"
_TABLES = "CampaignWorkTablesOrphaned"
_SEQUENCE = "CampaignSequenceNearLimit"
_TRANSACTION = "CampaignTransactionTooLong"
_EVENTS = "CampaignEventQueueStuck"
_CLEANUP_AGE = "campaign_instance:campaign_cleanup_age_seconds:min"
_TOLD = "campaign_instance_workflow:campaign_technical_workflow_trouble:told_elsewhere"
_PAGE = "hygiene?var-instance={{ $labels.campaign_instance | urlquery }}"
#: Campaign's ids are signed numbers of 32 bits.
_IDS = 2**31
#: Workflows whose failing lets deliveries wait, with the cause that these then have.
_LETS_WAIT = {
    "operationMgt": "workflow_engine_down",
    "deliveryMgt": "workflow_engine_down",
    "defaultMidSourcingDlv": "mid_sourcing_lag",
}


def upkeep(values: Values) -> Group:
    """Make the group."""
    alerts = (_failed(values), _late(values), _cleanup(values), _tables(values), _sequence(values))
    others = (_transaction(values), _events(values))
    return Group("campaign-upkeep", values.interval, (_cleanup_age(values), _told(values), *alerts, *others))


def _cleanup_age(values: Values) -> Recording:
    noted = "max by (campaign_instance) (max_over_time(campaign_cleanup_last_run_timestamp_seconds[$window]))"
    ran = (
        "max by (campaign_instance)"
        ' (max_over_time(campaign_technical_workflow_last_run_timestamp_seconds{workflow="cleanup"}[$window]))'
    )
    return Recording(
        _CLEANUP_AGE,
        values.of(_CLEANUP).fill(f"time() - (\n  {noted}\n  or\n  {ran}\n)"),
        "how long ago cleanup came to its end, or where it notes nothing, ran",
    )


def _cleanup_old(values: Values) -> str:
    return f"{_CLEANUP_AGE} > {values.of(_CLEANUP)['older_than_seconds']}"


def _told(values: Values) -> Recording:
    """Name the workflows of which another alert tells already what their failing does."""
    delay = values.of("CampaignDeliveryStuckPending").fill(
        "max by (campaign_instance) (max_over_time(campaign_pending_alert_delay_seconds[$window]))"
    )
    owned = {
        workflow: f'{PENDING_AGE}{{cause="{cause}"}}\n    > on (campaign_instance) group_left ()\n    {delay}'
        for workflow, cause in _LETS_WAIT.items()
    }
    owned["cleanup"] = _cleanup_old(values)
    branches = [f'label_replace(\n    {expr},\n    "workflow", "{workflow}", "", ""\n  )' for workflow, expr in owned.items()]
    return Recording(
        _TOLD,
        "max by (campaign_instance, workflow) (\n  " + "\n  or\n  ".join(branches) + "\n)",
        "technical workflows of which another alert tells what their failing does: stuck deliveries, cleanup that is overdue",
    )


def _failed(values: Values) -> Alert:
    settings = values.of(_WORKFLOW)
    return Alert(
        _WORKFLOW,
        "warning",
        "platform",
        settings.fill(
            """
            max by (campaign_instance, workflow) (
              max_over_time(campaign_technical_workflow_trouble{trouble="failed"}[$window])
            ) == 1
            unless on (campaign_instance, workflow) $told
            """,
            told=_TOLD,
        ),
        summary="A technical workflow is in error",
        description=f"{INSTANCE}: {{{{ $labels.workflow }}}} is in error, and does not run until somebody starts it again.",
        next_step=values.query(
            "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow"
            " WHERE ifailed <> 0 AND iismodel = 0 ORDER BY tsprocess DESC LIMIT 10"
        ),
        dashboard=_PAGE,
        when="a technical workflow is in error",
        wait=settings["for"],
        keep=values.keep,
        anchor="failed",
        labels={**DATABASE, "scope": "failed"},
    )


def _late(values: Values) -> Alert:
    settings = values.of(_WORKFLOW)
    planned = (
        "min by (campaign_instance, workflow) (min_over_time(campaign_technical_workflow_next_run_timestamp_seconds[$window]))"
    )
    return Alert(
        _WORKFLOW,
        "warning",
        "platform",
        settings.fill(
            f"""
            time() - {planned} > $late_seconds
            unless on (campaign_instance, workflow) $told
            unless on (campaign_instance) (
              $engine
            )
            """,
            told=_TOLD,
            engine=nowhere("wfserver").replace("\n", " "),
        ),
        summary="A technical workflow does not run when it should",
        description=(
            f"{INSTANCE}: {{{{ $labels.workflow }}}} should have run {{{{ $value | humanizeDuration }}}} ago. It is not in"
            " error."
        ),
        next_step=values.query(
            "SELECT sinternalname, istate, tsprocess, tsnextprocessing FROM xtkworkflow"
            " WHERE tsnextprocessing < now() AND iismodel = 0 ORDER BY tsnextprocessing LIMIT 10"
        ),
        dashboard=_PAGE,
        when=f"a technical workflow should have run more than {settings['late']} ago, and wfserver is up",
        lasts=settings["late"],
        wait=settings["for"],
        keep=values.keep,
        anchor="late",
        labels={**DATABASE, "scope": "late"},
    )


def _cleanup(values: Values) -> Alert:
    settings = values.of(_CLEANUP)
    errors = text.number("max(max_over_time(campaign_cleanup_log_errors{campaign_instance=%q}[2m]))", "campaign_instance")
    return Alert(
        _CLEANUP,
        "warning",
        "platform",
        _cleanup_old(values),
        summary="Cleanup does not come to its end",
        description=(
            f"{INSTANCE}: cleanup ran last {{{{ $value | humanizeDuration }}}} ago, and is to run each day. Errors in its"
            f" journal of the last 25 hours: {errors}. Logs, deleted deliveries and work tables stay, and the database grows."
        ),
        next_step=values.query(
            "SELECT l.tslog, l.ierror, left(l.smessage, 100) FROM xtkworkflowlog l JOIN xtkworkflow w"
            " ON w.iworkflowid = l.iworkflowid WHERE w.sinternalname = 'cleanup' ORDER BY l.tslog DESC LIMIT 20"
        ),
        dashboard=_PAGE,
        when=f"cleanup has not come to its end for {settings['older_than']}",
        lasts=settings["older_than"],
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _tables(values: Values) -> Alert:
    settings = values.of(_TABLES)
    size = text.number(
        'max(sum without (prefix) (max_over_time(campaign_work_table_bytes{campaign_instance=%q,standing="orphaned"}[2m])))',
        "campaign_instance",
        form="humanize1024",
    )
    each = text.each(
        'sort_desc(max by (prefix) (max_over_time(campaign_work_tables{campaign_instance=%q,standing="orphaned"}[2m])) > 0)',
        "campaign_instance",
        line="\n- {{ .Labels.prefix }}: {{ .Value }}",
    )
    return Alert(
        _TABLES,
        "warning",
        "platform",
        settings.fill(
            """
            max by (campaign_instance) (
              sum without (prefix) (min_over_time(campaign_work_tables{standing="orphaned"}[$window]))
            ) > $tables
            unless on (campaign_instance) $cleanup
            """,
            cleanup=f"({_cleanup_old(values)})",
        ),
        summary="Work tables are left that nobody needs",
        description=(
            f"{INSTANCE}: {{{{ $value | humanize }}}} work tables belong to deliveries or workflows that are over or gone, and"
            f" cleanup has left them. As far as they were measured they take {size}B.{each}"
        ),
        next_step=values.query(
            "SELECT relname, pg_get_userbyid(relowner) AS owner, relpages * 8 AS kb FROM pg_class WHERE relkind = 'r'"
            " AND relname ~ '^wk(dlv_|f)[0-9]' AND pg_table_is_visible(oid) ORDER BY relpages DESC LIMIT 20"
        ),
        dashboard=_PAGE,
        when=f"cleanup runs, and has left more than {settings['tables']} work tables that nobody needs",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
        labels=DATABASE,
    )


def _sequence(values: Values) -> Alert:
    settings = values.of(_SEQUENCE)
    return Alert(
        _SEQUENCE,
        "warning",
        "platform",
        settings.fill(
            """
            max by (campaign_instance, sequence) (max_over_time(campaign_sequence_last_value[$window])) / $ids > $share
            """,
            ids=str(_IDS),
        ),
        summary="Campaign's ids run out",
        description=(
            f"{INSTANCE}: {{{{ $labels.sequence }}}} has given out {{{{ $value | humanizePercentage }}}} of the ids that there"
            " are (2^31). Once they wrap, rows collide with older ones, and deliveries stop."
        ),
        next_step=values.query(
            "SELECT sequencename, last_value FROM pg_sequences ORDER BY last_value DESC NULLS LAST LIMIT 10"
        ),
        dashboard=_PAGE,
        when=f"a sequence has given out more than {float(settings['share']):.0%} of the ids that there are",
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


def _transaction(values: Values) -> Alert:
    settings = values.of(_TRANSACTION)
    return Alert(
        _TRANSACTION,
        "warning",
        "platform",
        "(\n  "
        + "\n  or\n  ".join(_older(values, states, after) for states, after in _STATES)
        + f"\n)\nunless on (campaign_instance) ({blocked(values)})",
        summary="A transaction stays open",
        description=(
            f"{INSTANCE}: a transaction has been open for {{{{ $value | humanizeDuration }}}} ({{{{ $labels.state }}}}). While"
            " it is, dead rows of no table can be vacuumed away, and what it has locked stays locked."
        ),
        next_step=values.query(
            "SELECT pid, usename, application_name, state, now() - xact_start, left(query, 60) FROM pg_stat_activity"
            " WHERE xact_start IS NOT NULL ORDER BY xact_start LIMIT 10"
        ),
        dashboard=_PAGE,
        when=(
            f"a session has been idle in a transaction, or a prepared one open, for {settings['after']}, or one at work for"
            f" {settings['after_at_work']}"
        ),
        lasts=settings["after"],
        wait=settings["for"],
        keep=values.keep,
        labels=DATABASE,
    )


_STATES = (('state!="active"', "after"), ('state="active"', "after_at_work"))


def _older(values: Values, states: str, after: str) -> str:
    settings = values.of(_TRANSACTION)
    oldest = f"min_over_time(campaign_database_oldest_transaction_timestamp_seconds{{{states}}}[{values.window}])"
    return f"time() - min by (campaign_instance, state) ({oldest}) > {settings[f'{after}_seconds']}"


def _events(values: Values) -> Alert:
    settings = values.of(_EVENTS)
    unprocessed = _all_statuses("min_over_time(campaign_rt_events_unprocessed[$window])")
    sampled = _all_statuses("max_over_time(campaign_rt_events_sampled[$window])")
    return Alert(
        _EVENTS,
        "warning",
        "platform",
        settings.fill(f"{unprocessed} >= $minimum_events\nand on (campaign_instance)\n{unprocessed} / {sampled} > $share"),
        summary="Transactional events are not processed",
        description=(
            f"{INSTANCE}: {{{{ $value | humanize }}}} transactional events had the time to be processed and were not, more than"
            f" {float(settings['share']):.0%} of the newest ones. Order confirmations, passwords and the like do not go out."
        ),
        next_step=values.query(
            "SELECT istatus, count(*), count(*) FILTER (WHERE waits) AS unprocessed, min(tscreated) FILTER (WHERE waits)"
            " AS oldest FROM (SELECT istatus, tscreated, tsprocessed IS NULL AND coalesce(tsexpiration, 'infinity') > now()"
            " AND coalesce(tsscheduled, '-infinity') < now() - interval '15 minutes' AS waits FROM nmsrtevent"
            " WHERE irteventid <> 0 AND tslastmodified BETWEEN now() - interval '2 hours' AND now() - interval '15 minutes'"
            " ORDER BY tslastmodified DESC LIMIT 2000) s GROUP BY 1"
        ),
        dashboard=_PAGE,
        when=(
            f"more than {float(settings['share']):.0%} of the newest transactional events, and at least"
            f" {settings['minimum_events']}, were due 15 minutes ago and are not processed"
        ),
        wait=settings["for"],
        keep=values.keep,
        lasts=duration(MaintenanceSettings().events_stuck_after),
        confirmed=values.window,
        labels=DATABASE,
    )


def _all_statuses(of_status: str) -> str:
    return f"max by (campaign_instance) (sum without (status) ({of_status}))"
