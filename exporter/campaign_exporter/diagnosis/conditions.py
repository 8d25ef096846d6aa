"""What holds of a delivery: True, False, or None where it cannot be told. One function a cause.

Whether a cause concerns a delivery at all (its state, mode and channel) is not asked here: the affinity metrics put the same
questions to deliveries that are being sent.
"""

from campaign_exporter.diagnosis.facts import Delivery, Holder, ModuleStatus, Platform
from campaign_exporter.domain.deliveries import MID_SOURCING, RETRY_PENDING
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY, MID_SOURCING_PERIOD_SECONDS

SENDING_MODULES = ("mta", "sms")


def scheduled(delivery: Delivery, platform: Platform) -> bool:
    """Tell whether the contact date is still to come."""
    return delivery.contact is not None and delivery.contact > platform.now


def waiting_wave(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether every part's next pass is still to come, and nothing was tried yet."""
    return None if delivery.parts is None else delivery.parts.all_later_than(platform.now) and not _was_tried(delivery)


def waiting_retry(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether every part's next pass is still to come, after a first try."""
    if delivery.parts is None:
        return None
    if delivery.mode == MID_SOURCING and not delivery.parts.exist:
        return _retry_elsewhere(delivery, platform)
    return delivery.parts.all_later_than(platform.now) and _was_tried(delivery)


def _retry_elsewhere(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether a mid-sourcing server waits for the next try: state 61 says so, as long as what is copied of it is fresh.

    State 51 says nothing of the kind: a delivery that has not begun over there is stuck there.
    """
    if delivery.state != RETRY_PENDING or validity_expired(delivery, platform) or delivery.account_active is False:
        return False
    stale = mid_sourcing_lag(delivery, platform)
    return None if stale is None else not stale


def _was_tried(delivery: Delivery) -> bool:
    return delivery.state == RETRY_PENDING or bool(delivery.processed)


def validity_expired(delivery: Delivery, platform: Platform) -> bool:
    """Tell whether the validity is over."""
    return delivery.validity is not None and delivery.validity <= platform.now


def account_inactive(delivery: Delivery, _platform: Platform) -> bool | None:
    """Tell whether the routing account is inactive."""
    return None if delivery.account_active is None else not delivery.account_active


def module_down(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether the module that sends the channel runs on none of the hosts that are to run it."""
    status = platform.status(delivery.module)
    return None if status is ModuleStatus.UNKNOWN or not platform.hosts else status is ModuleStatus.DOWN


def stat_server_down(_delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether an mta runs, and stat, which it needs for mails, runs nowhere."""
    if platform.status("stat") is ModuleStatus.UNKNOWN or not platform.hosts:
        return None
    return platform.status("mta") is ModuleStatus.UP and platform.status("stat") is ModuleStatus.DOWN


def affinity_unconfigured(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether no host declares the affinity of a delivery, and nothing has gone out under it within the hour."""
    if delivery.affinity is None or not delivery.sent_here:
        return _uses_none(delivery, platform)
    if platform.declaring(delivery.affinity):
        return False
    if not platform.configurations_known(delivery.module):
        return None
    return delivery.affinity not in platform.flowing


def affinity_host_down(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether the affinity of a delivery is declared only on hosts whose sending module is down."""
    if delivery.affinity is None or not delivery.sent_here:
        return _uses_none(delivery, platform)
    hosts = platform.declaring(delivery.affinity)
    if any(host.up.get(delivery.module) for host in hosts):
        return False
    if not platform.configurations_known(delivery.module) or any(delivery.module not in host.up for host in hosts):
        return None
    return bool(hosts)


def _uses_none(delivery: Delivery, platform: Platform) -> bool | None:
    """Say False of a delivery that uses no affinity here; None where its typology could give it one."""
    return False if platform.typologies_seen or not delivery.sent_here else None


def concurrency_limit(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether as many campaign jobs run as may, besides this delivery's own."""
    jobs = platform.campaign_jobs
    return None if jobs is None else bool(delivery.of_campaign) and jobs.besides(delivery.delivery_id) >= jobs.limit


def workflow_engine_down(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether what launches deliveries of campaigns and workflows does not work: wfserver, operationMgt, deliveryMgt."""
    engine = platform.status("wfserver")
    if platform.workflows is None or engine is ModuleStatus.UNKNOWN:
        return None
    broken = any(platform.workflows[name].trouble for name in LAUNCHERS if name in platform.workflows)
    return delivery.launched_by_engine and (broken or engine is ModuleStatus.DOWN)


def awaiting_approval(delivery: Delivery, _platform: Platform) -> bool | None:
    """Tell whether a validation is asked for."""
    return None if delivery.validations is None else bool(delivery.validations)


def preparation_stuck(delivery: Delivery, platform: Platform) -> bool:
    """Tell whether the preparation takes longer than Campaign itself allows."""
    return delivery.modified is not None and platform.now - delivery.modified > platform.preparation_seconds


def database_blocked(_delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether sessions have waited for long on the tables that sending needs."""
    if platform.waits is None:
        return None
    return any(seconds > platform.blocked_seconds for seconds in platform.waits.values())


def parts_missing(delivery: Delivery, _platform: Platform) -> bool | None:
    """Tell whether nothing is prepared to be sent."""
    return None if delivery.parts is None else not delivery.parts.exist


def parts_orphaned(delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether dead processes hold all that is due."""
    if delivery.parts is None or delivery.parts.holders is None:
        return None
    alive = {holder_lives(holder, delivery.module, platform) for holder in delivery.parts.holders}
    if True in alive or not alive:
        return False
    return None if None in alive else True


def holder_lives(holder: Holder, module: str, platform: Platform) -> bool | None:
    """Tell whether a process that holds parts is there, by what its server lists."""
    host = platform.host_called(holder.hostname)
    return None if host is None else host.lives(holder.process_id, module)


def mid_sourcing_lag(_delivery: Delivery, platform: Platform) -> bool | None:
    """Tell whether the copy of what the mid-sourcing server does is not renewed."""
    engine = platform.status("wfserver")
    if platform.workflows is None or MID_SOURCING_COPY not in platform.workflows or engine is ModuleStatus.UNKNOWN:
        return None
    workflow = platform.workflows[MID_SOURCING_COPY]
    late = workflow.overdue(platform.now) > MID_SOURCING_PERIOD_SECONDS
    return late or workflow.trouble is not None or engine is ModuleStatus.DOWN or platform.copy_stale
