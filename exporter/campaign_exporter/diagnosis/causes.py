"""Why a delivery that should be sending does not: one cause for each, by precedence.

The table below is the whole decision. A cause counts only while its facts can be seen; one that cannot be seen is never
guessed, and says so through `evaluated`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from campaign_exporter.diagnosis import conditions
from campaign_exporter.diagnosis.conditions import SENDING_MODULES
from campaign_exporter.diagnosis.facts import Delivery, Platform
from campaign_exporter.domain.deliveries import (
    BEFORE_LAUNCH,
    EMAIL,
    IN_PREPARATION,
    MID_SOURCING,
    PENDING_STATES,
    PREPARED,
    START_PENDING,
)
from campaign_exporter.domain.workflows import MID_SOURCING_COPY

Severity = Literal["critical", "warning", "info", "never"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info", "never")
Confidence = Literal["documented", "inferred"]


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason to wait.

    It concerns deliveries in `states`, as far as `sent` (the mode and the channel) says; it holds for one of them where `test`
    says True; and it is in the running while its facts can be `seen` on the platform. `source` is Adobe's document, and
    `confidence` whether that gives the test, or it is inferred from it.
    """

    name: str
    severity: Severity
    meaning: str
    states: tuple[int, ...]
    test: Callable[[Delivery, Platform], bool | None]
    confidence: Confidence
    source: str
    seen: Callable[[Platform], bool] = lambda _: True
    sent: Callable[[Delivery], bool] = lambda _: True

    def concerns(self, delivery: Delivery) -> bool:
        """Tell whether a delivery can wait for this at all, by its state, mode and channel."""
        return delivery.state in self.states and self.sent(delivery)

    def holds(self, delivery: Delivery, platform: Platform) -> bool:
        """Tell whether a delivery waits for this, as far as can be seen."""
        return self.concerns(delivery) and self.seen(platform) and self.test(delivery, platform) is True


def _here(delivery: Delivery) -> bool:
    return delivery.sent_here


def _mail_from_here(delivery: Delivery) -> bool:
    return delivery.sent_here and delivery.channel == EMAIL


def _on_mid_sourcing(delivery: Delivery) -> bool:
    return delivery.mode == MID_SOURCING


def _modules_seen(platform: Platform) -> bool:
    modules = [module for module in SENDING_MODULES if platform.expected(module)]
    return bool(modules) and all(platform.observed(module) for module in modules)


def _stat_server_seen(platform: Platform) -> bool:
    return platform.expected("stat") and platform.observed("stat")


def _affinities_seen(platform: Platform) -> bool:
    modules = [module for module in SENDING_MODULES if platform.expected(module)]
    return platform.typologies_seen and bool(modules) and all(platform.configurations_known(module) for module in modules)


def _affinity_hosts_seen(platform: Platform) -> bool:
    return _affinities_seen(platform) and _modules_seen(platform)


def _launching_seen(platform: Platform) -> bool:
    return platform.preparing_seen and platform.workflows is not None and platform.observed("wfserver")


def _holders_seen(platform: Platform) -> bool:
    places = [(host, module) for host in platform.hosts.values() for module in SENDING_MODULES if host.may_run(module)]
    listed = all(host.pids is not None for host, _ in places)
    return (
        platform.parts_seen and platform.holders_seen and listed and any(host.knows_the_dead(module) for host, module in places)
    )


def _copy_seen(platform: Platform) -> bool:
    there = platform.workflows is not None and MID_SOURCING_COPY in platform.workflows
    return platform.role == "marketing" and there and platform.observed("wfserver")


_PERFORMANCE = "performance-and-throughput-issues.md"
_PENDING = "helpx acc---delivery-in-start-pending-state0"

#: In order of precedence.
CAUSES: tuple[Cause, ...] = (
    Cause(
        "scheduled",
        "never",
        "its contact date is still to come",
        (START_PENDING,),
        conditions.scheduled,
        "documented",
        _PENDING,
    ),
    Cause(
        "waiting_wave",
        "never",
        "the next pass of each of its parts is still to come, and nothing was processed",
        PENDING_STATES,
        conditions.waiting_wave,
        "inferred",
        "delivery/using/steps-sending-the-delivery.md",
        lambda platform: platform.parts_seen,
    ),
    Cause(
        "waiting_retry",
        "never",
        "the next pass of each of its parts is still to come, after a first try; or a mid-sourcing server says so, by state 61",
        PENDING_STATES,
        conditions.waiting_retry,
        "documented",
        "delivery/using/steps-sending-the-delivery.md",
        lambda platform: platform.parts_seen,
    ),
    Cause(
        "validity_expired",
        "warning",
        "its validity is over",
        PENDING_STATES,
        conditions.validity_expired,
        "documented",
        "production/using/database-cleanup-workflow.md",
    ),
    Cause(
        "account_inactive",
        "critical",
        "its routing account is inactive",
        PENDING_STATES,
        conditions.account_inactive,
        "documented",
        "production/using/database-cleanup-workflow.md",
        lambda platform: platform.accounts_seen,
    ),
    Cause(
        "mta_down",
        "critical",
        "its module (mta; sms for SMS) runs on none of the hosts that are to run it",
        PENDING_STATES,
        conditions.module_down,
        "documented",
        _PENDING,
        _modules_seen,
        _here,
    ),
    Cause(
        "stat_server_down",
        "critical",
        "the mta runs, and stat, which it needs for mails, runs nowhere",
        PENDING_STATES,
        conditions.stat_server_down,
        "documented",
        "installation/using/email-deliverability.md; kb KA-22350",
        _stat_server_seen,
        _mail_from_here,
    ),
    Cause(
        "affinity_unconfigured",
        "critical",
        "no host declares its IP affinity, and nothing has gone out under it within the hour",
        PENDING_STATES,
        conditions.affinity_unconfigured,
        "documented",
        _PERFORMANCE,
        _affinities_seen,
        _here,
    ),
    Cause(
        "affinity_host_down",
        "critical",
        "only hosts whose module is down declare its IP affinity",
        PENDING_STATES,
        conditions.affinity_host_down,
        "inferred",
        _PERFORMANCE,
        _affinity_hosts_seen,
        _here,
    ),
    Cause(
        "concurrency_limit",
        "warning",
        "a campaign is to launch it, and as many campaign jobs run as option NmsOperation_LimitConcurrency allows",
        BEFORE_LAUNCH,
        conditions.concurrency_limit,
        "documented",
        f"{_PENDING}; kb KA-16442",
        lambda platform: platform.preparing_seen and platform.campaign_jobs is not None,
    ),
    Cause(
        "workflow_engine_down",
        "critical",
        "a campaign or a workflow is to launch it, and wfserver is down, or operationMgt or deliveryMgt is in error or at rest",
        BEFORE_LAUNCH,
        conditions.workflow_engine_down,
        "documented",
        "workflow-execution.md",
        _launching_seen,
    ),
    Cause(
        "awaiting_approval",
        "info",
        "it is prepared, and a validation is asked for",
        PREPARED,
        conditions.awaiting_approval,
        "inferred",
        "docs on approvals",
        lambda platform: platform.preparing_seen,
    ),
    Cause(
        "preparation_stuck",
        "warning",
        "it is in preparation for longer than maxPreparationJobsSec, by default an hour",
        IN_PREPARATION,
        conditions.preparation_stuck,
        "documented",
        "the-server-configuration-file.md",
        lambda platform: platform.preparing_seen,
    ),
    Cause(
        "database_blocked",
        "critical",
        "sessions have waited for more than five minutes on the tables that sending needs",
        PENDING_STATES,
        conditions.database_blocked,
        "documented",
        f"{_PERFORMANCE}; kb KA-23471",
        lambda platform: platform.waits is not None,
    ),
    Cause(
        "parts_missing",
        "critical",
        "nothing is prepared to be sent: it has no parts",
        (START_PENDING,),
        conditions.parts_missing,
        "inferred",
        "tables-to-maintain.md",
        lambda platform: platform.parts_seen,
        _here,
    ),
    Cause(
        "parts_orphaned",
        "critical",
        "all that is due is held by processes that are dead",
        PENDING_STATES,
        conditions.parts_orphaned,
        "inferred",
        "rn/using/release-2025.md",
        _holders_seen,
    ),
    Cause(
        "mid_sourcing_lag",
        "warning",
        "a mid-sourcing server sends it, and the copy of its state is not renewed",
        PENDING_STATES,
        conditions.mid_sourcing_lag,
        "documented",
        "helpx midsourcing-delivery-logs; kb KA-17742",
        _copy_seen,
        _on_mid_sourcing,
    ),
    Cause(
        "unknown",
        "critical",
        "none of these, or the facts cannot be seen",
        PENDING_STATES,
        lambda _delivery, _platform: True,
        "inferred",
        _PENDING,
    ),
)


def decide(delivery: Delivery, platform: Platform) -> Cause | None:
    """Name the cause for which a delivery waits: the first in order that can be seen and holds.

    One that is launched, in state 51 or 61, always has one. One that is not waits for something only once its contact date has
    passed, and only if one of the causes for that holds; else there is none.
    """
    if delivery.state not in PENDING_STATES and not delivery.due_within(platform.launch_window_seconds, platform.now):
        return None
    return next((cause for cause in CAUSES if cause.holds(delivery, platform)), None)


def evaluated(platform: Platform) -> Mapping[str, bool]:
    """Tell for each cause whether its facts can be seen now."""
    return {cause.name: cause.seen(platform) for cause in CAUSES}
