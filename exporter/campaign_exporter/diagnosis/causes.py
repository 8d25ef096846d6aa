"""Why a launched delivery does not send: one cause for each, by precedence.

The table below is the whole decision. A cause counts only while its facts can be seen; one that cannot be seen is never
guessed, and says so through `evaluated`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from campaign_exporter.diagnosis.facts import Delivery, ModuleStatus, Platform
from campaign_exporter.domain.deliveries import EMAIL, RETRY_PENDING, START_PENDING

Severity = Literal["critical", "warning", "info", "never"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info", "never")
_SENDING_MODULES = ("mta", "sms")


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason to wait: `holds` for a delivery, while its facts can be `seen` on the platform."""

    name: str
    severity: Severity
    meaning: str
    holds: Callable[[Delivery, Platform], bool]
    seen: Callable[[Platform], bool] = lambda _: True


def _scheduled(delivery: Delivery, platform: Platform) -> bool:
    return delivery.state == START_PENDING and delivery.contact is not None and delivery.contact > platform.now


def _waits_for_next_pass(delivery: Delivery, platform: Platform) -> bool:
    return delivery.parts is not None and delivery.parts.all_later_than(platform.now)


def _was_tried(delivery: Delivery) -> bool:
    return delivery.state == RETRY_PENDING or bool(delivery.processed)


def _waiting_wave(delivery: Delivery, platform: Platform) -> bool:
    return _waits_for_next_pass(delivery, platform) and not _was_tried(delivery)


def _waiting_retry(delivery: Delivery, platform: Platform) -> bool:
    return _waits_for_next_pass(delivery, platform) and _was_tried(delivery)


def _validity_expired(delivery: Delivery, platform: Platform) -> bool:
    return delivery.validity is not None and delivery.validity <= platform.now


def _account_inactive(delivery: Delivery, _platform: Platform) -> bool:
    return delivery.account_active is False


def _mta_down(delivery: Delivery, platform: Platform) -> bool:
    return delivery.sent_here and platform.status(delivery.module) is ModuleStatus.DOWN


def _mta_down_seen(platform: Platform) -> bool:
    modules = [module for module in _SENDING_MODULES if platform.expected(module)]
    return bool(modules) and all(platform.observed(module) for module in modules)


def _stat_server_down(delivery: Delivery, platform: Platform) -> bool:
    return (
        delivery.sent_here
        and delivery.channel == EMAIL
        and platform.status("mta") is ModuleStatus.UP
        and platform.status("stat") is ModuleStatus.DOWN
    )


def _stat_server_seen(platform: Platform) -> bool:
    return platform.expected("stat") and platform.observed("stat")


def affinity_unconfigured(delivery: Delivery, platform: Platform) -> bool:
    """Tell whether no host declares the affinity of a delivery, and nothing has gone out under it within the hour."""
    return (
        delivery.sent_here
        and delivery.affinity is not None
        and platform.configurations_known(delivery.module)
        and not platform.declaring(delivery.affinity)
        and delivery.affinity not in platform.flowing
    )


def affinity_host_down(delivery: Delivery, platform: Platform) -> bool:
    """Tell whether the affinity of a delivery is declared only on hosts whose sending module is down."""
    if not delivery.sent_here or delivery.affinity is None or not platform.configurations_known(delivery.module):
        return False
    hosts = platform.declaring(delivery.affinity)
    return bool(hosts) and all(host.up.get(delivery.module) is False for host in hosts)


def _affinities_seen(platform: Platform) -> bool:
    modules = [module for module in _SENDING_MODULES if platform.expected(module)]
    return platform.typologies_seen and bool(modules) and all(platform.configurations_known(module) for module in modules)


def _affinity_hosts_seen(platform: Platform) -> bool:
    return _affinities_seen(platform) and _mta_down_seen(platform)


def _parts_missing(delivery: Delivery, _platform: Platform) -> bool:
    return delivery.state == START_PENDING and delivery.sent_here and delivery.parts is not None and not delivery.parts.exist


#: In order of precedence; the last one always holds.
CAUSES: tuple[Cause, ...] = (
    Cause("scheduled", "never", "its contact date is still to come", _scheduled),
    Cause(
        "waiting_wave",
        "never",
        "the next pass of each of its parts is still to come, and nothing was processed",
        _waiting_wave,
        lambda platform: platform.parts_seen,
    ),
    Cause(
        "waiting_retry",
        "never",
        "the next pass of each of its parts is still to come, after a first try",
        _waiting_retry,
        lambda platform: platform.parts_seen,
    ),
    Cause("validity_expired", "warning", "its validity is over", _validity_expired),
    Cause(
        "account_inactive",
        "critical",
        "its routing account is inactive",
        _account_inactive,
        lambda platform: platform.accounts_seen,
    ),
    Cause(
        "mta_down",
        "critical",
        "its module (mta; sms for SMS) runs on none of the hosts that are to run it",
        _mta_down,
        _mta_down_seen,
    ),
    Cause(
        "stat_server_down",
        "critical",
        "the mta runs, and stat, which it needs for mails, runs nowhere",
        _stat_server_down,
        _stat_server_seen,
    ),
    Cause(
        "affinity_unconfigured",
        "critical",
        "no host declares its IP affinity, and nothing has gone out under it within the hour",
        affinity_unconfigured,
        _affinities_seen,
    ),
    Cause(
        "affinity_host_down",
        "critical",
        "only hosts whose module is down declare its IP affinity",
        affinity_host_down,
        _affinity_hosts_seen,
    ),
    Cause(
        "parts_missing",
        "critical",
        "nothing is prepared to be sent: it has no parts",
        _parts_missing,
        lambda platform: platform.parts_seen,
    ),
    Cause("unknown", "critical", "none of these, or the facts cannot be seen", lambda _delivery, _platform: True),
)


def decide(delivery: Delivery, platform: Platform) -> Cause:
    """Name the cause for which a delivery in state 51 or 61 waits: the first in order that can be seen and holds."""
    return next(cause for cause in CAUSES if cause.seen(platform) and cause.holds(delivery, platform))


def evaluated(platform: Platform) -> Mapping[str, bool]:
    """Tell for each cause whether its facts can be seen now."""
    return {cause.name: cause.seen(platform) for cause in CAUSES}
