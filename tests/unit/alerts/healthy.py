"""A healthy instance with two MTA servers, as its exporter tells of it."""

from campaign_exporter.catalogue import COLLECTORS
from unit.alerts.timeline import Line, Target, World, always, clock, growing, hours, minutes

A, B = Target("a:11951"), Target("b:11951")
CAUSES = (
    "scheduled",
    "waiting_wave",
    "waiting_retry",
    "validity_expired",
    "account_inactive",
    "mta_down",
    "stat_server_down",
    "affinity_unconfigured",
    "affinity_host_down",
    "concurrency_limit",
    "workflow_engine_down",
    "awaiting_approval",
    "preparation_stuck",
    "database_blocked",
    "parts_missing",
    "parts_orphaned",
    "mid_sourcing_lag",
    "unknown",
)
HOSTS = {
    "mta1": ("mta", "stat", "inMail", "wfserver", "sms", "web", "syslogd", "trackinglogd", "watchdog"),
    "mta2": ("mta", "inMail", "web", "syslogd", "trackinglogd", "watchdog"),
}
ENDPOINTS = {"tracking": "redirection", "app": "ping", "images": "resource"}
INTERVALS = {"throughput": 30.0, "endpoints": 30.0, "disks": 60.0, "outlook": 30.0, "deliverability": 60.0, "files": 60.0}
INTERVALS |= {"workflows": 60.0, "maintenance": 60.0, "hygiene": 600.0, "messages": 30.0, "tracking": 60.0, "recipients": 60.0}
#: Campaign consolidates what it sent in steps of ten minutes.
CONSOLIDATION = minutes(10)


def healthy(target: Target = A) -> World:
    """Give all series that a rule asks for."""
    return {
        target.up(): always(1),
        target("campaign_instance_info", role="standalone", build="9364"): always(1),
        target("campaign_up"): always(1),
        **_deliveries(target),
        **_hosts(target),
        **_collectors(target),
        **{target("campaign_endpoint_up", endpoint=name, kind=kind): always(1) for name, kind in ENDPOINTS.items()},
        target("campaign_database_blocked_sessions", table="nmsdelivery"): always(0),
        target("campaign_database_longest_wait_seconds", table="nmsdelivery"): always(0),
        target("campaign_ip_affinity_inconsistent", affinity="retail.fr"): always(0),
        **_upkeep(target),
    }


def _deliveries(target: Target) -> World:
    world: World = {target("campaign_pending_alert_delay_seconds"): always(1800)}
    for cause in CAUSES:
        world[target("campaign_deliveries_pending", cause=cause)] = always(0)
        world[target("campaign_pending_messages", cause=cause)] = always(0)
    for state in ("finished", "failed", "preparation_error"):
        name = target("campaign_delivery_transitions_total", state=state, channel="email")
        world[name] = growing(0.01) if state == "finished" else always(2)
    starts = "campaign_delivery_start_delay_seconds"
    world[target(f"{starts}_count", channel="email")] = growing(0.01)
    for le in ("300.0", "900.0", "+Inf"):
        world[target(f"{starts}_bucket", channel="email", le=le)] = growing(0.01)
    world[target("campaign_messages_remaining", channel="email")] = always(5000)
    for channel, due in (("email", 2000), ("sms", 0)):
        world[target("campaign_messages_due", channel=channel)] = always(due)
    world |= delivery(target, "101", "Newsletter", clock(10), always(1500))
    world |= forecast(target, "101", "Newsletter", past=always(0), validity=clock(-hours(120)), rate=always(10))
    for result, pass_, rate in (
        ("success", "first", 10),
        ("error", "first", 0.5),
        ("success", "retry", 0.3),
        ("error", "retry", 0.2),
    ):
        labels = {"result": result, "pass": pass_}
        world[target("campaign_messages_total", **labels)] = growing(rate, step=CONSOLIDATION)
        world[target("campaign_messages_catch_up_total", **labels)] = always(0)
    return world | _messages(target)


def _messages(target: Target) -> World:
    """Give what becomes of messages, by status, failure and domain."""
    world: World = {
        target("campaign_tracking_last_log_timestamp_seconds"): clock(minutes(40)),
        target("campaign_tracking_workflow_up"): always(1),
        target("campaign_tracking_workflow_next_run_timestamp_seconds"): clock(-minutes(20)),
    }
    for status, rate in (("sent", 10), ("failed", 0.1), ("pending", 10.5)):
        world[target("campaign_message_transitions_total", status=status)] = growing(rate)
        world[target("campaign_message_transitions_catch_up_total", status=status)] = always(0)
    for outcome, kind, reason, rate in (("failed", "hard", "user_unknown", 0.1), ("postponed", "soft", "refused", 0.4)):
        labels = {"outcome": outcome, "kind": kind, "reason": reason}
        world[target("campaign_message_failures_total", **labels)] = growing(rate)
    for result, rate in (("sent", 10), ("postponed", 0.4), ("hard", 0.1)):
        world[target("campaign_message_domain_results_total", domain="mail.example", result=result)] = growing(rate)
    world[target("campaign_message_domain_refusals_total", domain="mail.example", reason="refused")] = growing(0.4)
    return world


def delivery(target: Target, number: str, label: str, progress: Line, remaining: Line) -> World:
    """Give what is told of a delivery in progress."""
    return {
        target("campaign_delivery_progress_timestamp_seconds", delivery_id=number, label=label): progress,
        target("campaign_delivery_messages_remaining", delivery_id=number, label=label): remaining,
    }


def forecast(target: Target, number: str, label: str, *, past: Line, validity: Line, rate: Line) -> World:
    """Give what is told ahead of a delivery in progress."""
    labels = {"delivery_id": number, "label": label}
    return {
        target("campaign_delivery_messages_past_validity", **labels): past,
        target("campaign_delivery_validity_timestamp_seconds", **labels): validity,
        target("campaign_delivery_messages_per_second", **labels): rate,
    }


def pending(target: Target, cause: str, since: Line, deliveries: Line, messages: Line) -> World:
    """Give what is told of deliveries that wait for a cause."""
    return {
        target("campaign_deliveries_pending_oldest_timestamp_seconds", cause=cause): since,
        target("campaign_deliveries_pending", cause=cause): deliveries,
        target("campaign_pending_messages", cause=cause): messages,
    }


def listed(target: Target, cause: str, *deliveries: tuple[str, str, Line]) -> World:
    """Give deliveries of the table: number, label, and since when they wait."""
    name = "campaign_delivery_pending_since_timestamp_seconds"
    return {target(name, delivery_id=number, label=label, cause=cause): since for number, label, since in deliveries}


def _hosts(target: Target) -> World:
    world: World = {}
    for host, processes in HOSTS.items():
        for source in ("processes", "configuration", "directories"):
            world[target("campaign_host_up", host=host, source=source)] = always(1)
        for process in processes:
            labels = {"host": host, "process": process}
            world[target("campaign_process_up", **labels)] = always(1)
            world[target("campaign_process_memory_bytes", **labels)] = always(150 * 2**20)
            world[target("campaign_process_restarts_total", **labels)] = always(4)
            for level, megabytes in (("warning", 1600), ("alert", 1800)):
                world[target("campaign_process_memory_limit_bytes", **labels, level=level)] = always(megabytes * 2**20)
        world[target("campaign_process_memory_limit_bytes", host=host, process="mta", level="restart")] = always(1024 * 2**20)
        for kind in ("address_two_helo_hosts", "public_id_duplicate", "no_address", "stat_server_missing"):
            world[target("campaign_server_configuration_fault", host=host, kind=kind)] = always(0)
        world[target("campaign_ip_affinity_info", host=host, affinity="retail.fr")] = always(1)
    return world


def _upkeep(target: Target) -> World:
    """Give what is told of workflows, what is left behind, and the database's own affairs."""
    world: World = {
        target("campaign_cleanup_last_run_timestamp_seconds"): clock(hours(20)),
        target("campaign_cleanup_log_errors"): always(0),
        target("campaign_database_oldest_transaction_timestamp_seconds", state="active"): clock(2),
        target("campaign_sequence_last_value", sequence="xtknewid"): growing(1, start=1_000_000),
        target("campaign_rt_events_sampled", status="1"): always(2000),
        target("campaign_rt_events_unprocessed", status="1"): always(20),
    }
    for workflow in ("operationMgt", "deliveryMgt", "cleanup", "tracking"):
        for trouble in ("failed", "not_started", "paused", "stopped"):
            world[target("campaign_technical_workflow_trouble", workflow=workflow, trouble=trouble)] = always(0)
        world[target("campaign_technical_workflow_last_run_timestamp_seconds", workflow=workflow)] = clock(30)
        world[target("campaign_technical_workflow_next_run_timestamp_seconds", workflow=workflow)] = clock(-30)
    for prefix in ("wkdlv", "wkf"):
        for standing, count in (("in_use", 50), ("to_drop", 10), ("orphaned", 2)):
            labels = {"prefix": prefix, "standing": standing}
            world[target("campaign_work_tables", **labels)] = always(count)
            world[target("campaign_work_table_bytes", **labels)] = always(count * 2**20)
    return world


def _collectors(target: Target) -> World:
    world: World = {target("campaign_exporter_database_budget_ratio"): always(0.3)}
    for collector in COLLECTORS:
        name = "campaign_exporter_collector"
        interval = INTERVALS.get(collector, 15.0)
        world[target(f"{name}_available", collector=collector)] = always(1)
        world[target(f"{name}_success", collector=collector)] = always(1)
        world[target(f"{name}_interval_seconds", collector=collector)] = always(interval)
        world[target(f"{name}_stretch_ratio", collector=collector)] = always(1)
        world[target(f"{name}_last_round_timestamp_seconds", collector=collector)] = clock(interval / 2)
        for reason in ("lock", "permission", "timeout"):
            world[target(f"{name}_errors_total", collector=collector, reason=reason)] = always(0)
    return world
