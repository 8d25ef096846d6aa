"""Faults of deliveries: each makes a delivery that waits for a cause of its own, or for several."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations

from campaign_simulator import troubles
from campaign_simulator.faults import (
    AFFINITY_LENGTH,
    Fault,
    FaultError,
    Undo,
    World,
    no_arguments,
    one_of,
    required,
    single,
)
from campaign_simulator.troubles import Trouble, launch, troubled
from campaign_simulator.vocabulary import Approval, State

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AFFINITY = "affinity:"  # of a platform that declares it or not
_NOWHERE = "declared.nowhere"

# What a delivery can be stuck in, in the order in which a target names them. The first three let platform faults hit it;
# the NAME of an affinity is filled in.
STUCK: dict[str, Trouble] = {
    "campaign": troubles.IN_CAMPAIGN,
    "mid_sourcing": troubles.THROUGH_MID,
    "affinity:NAME": troubles.affinity("NAME"),
    "scheduled": troubles.SCHEDULED,
    "waiting_wave": troubles.IN_WAVE,
    "waiting_retry": troubles.IN_RETRY,
    "validity_expired": troubles.EXPIRED,
    "account_inactive": troubles.ACCOUNT_INACTIVE,
    "affinity_unconfigured": replace(troubles.affinity(_NOWHERE), state=State.START_PENDING),
    "awaiting_approval": troubles.approval(Approval.CONTENT),
    "preparation_stuck": troubles.IN_PREPARATION,
    "parts_missing": troubles.PARTS_MISSING,
    "parts_orphaned": troubles.PARTS_ORPHANED,
}
_PLATFORM = {
    "mta_down": "mta-down",
    "stat_server_down": "stat-down",
    "affinity_host_down": "affinity-missing and mta-down, and for this delivery affinity:NAME",
    "concurrency_limit": "concurrency-limit, and for this delivery campaign",
    "workflow_engine_down": "wfserver-down, and for this delivery campaign",
    "database_blocked": "database-blocked",
    "mid_sourcing_lag": "mid-sourcing-lag, and for this delivery mid_sourcing",
    "unknown": "throughput-stalled",
}


@dataclass(frozen=True)
class Exclusion:
    """Two groups of which a delivery cannot have one of each, and why."""

    ones: frozenset[str]
    others: frozenset[str]
    reason: str


_OF_PARTS = frozenset({"waiting_wave", "waiting_retry", "parts_missing", "parts_orphaned"})
_BEFORE_LAUNCH = frozenset({"awaiting_approval", "preparation_stuck"})
_AFTER_LAUNCH = _OF_PARTS | {"scheduled", "validity_expired", "account_inactive", "affinity_unconfigured"}
EXCLUSIONS = (
    Exclusion(_BEFORE_LAUNCH, _AFTER_LAUNCH, "the one comes before the launch, the other after it"),
    Exclusion(
        frozenset({"awaiting_approval"}), frozenset({"preparation_stuck"}), "what is in preparation is not yet to be approved"
    ),
    Exclusion(
        frozenset({"waiting_wave"}), frozenset({"waiting_retry"}), "what is to be tried again is no wave that was never tried"
    ),
    Exclusion(
        frozenset({"waiting_wave", "waiting_retry"}),
        frozenset({"parts_missing", "parts_orphaned"}),
        "where all parts are still to come, there are some, and none is due",
    ),
    Exclusion(frozenset({"parts_missing"}), frozenset({"parts_orphaned"}), "no process holds parts that are not there"),
    Exclusion(frozenset({"scheduled"}), frozenset({"waiting_retry"}), "what was tried is past its contact date"),
    Exclusion(
        frozenset({"mid_sourcing"}),
        _OF_PARTS | {"affinity_unconfigured", "affinity:NAME"},
        "parts and affinities of what goes through mid-sourcing are the other server's",
    ),
    Exclusion(frozenset({"affinity_unconfigured"}), frozenset({"affinity:NAME"}), "a delivery has one affinity"),
)


def after(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take a time such as 90, 15m or 2h; without one an hour."""
    text = single(arguments, "1h")
    if not re.fullmatch(r"[1-9]\d{0,6}[smhd]?", text):
        raise FaultError(f"{text!r} is no time: write seconds, or 15m, 2h, 1d")
    return (text,)


def span(text: str) -> timedelta:
    """Read a time that `after` has taken."""
    number, unit = re.findall(r"\d+|\D+$", text + ("s" if text.isdigit() else ""))
    return timedelta(seconds=int(number) * _UNITS[unit])


def _scheduled(world: World, target: str) -> Undo:
    return troubled(world, troubles.scheduled(span(target)))


def _approvals(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take what is to be approved; without a name the content."""
    return one_of(tuple(Approval), arguments or [Approval.CONTENT], "approval")


def _approval_awaited(world: World, kind: str) -> Undo:
    return troubled(world, troubles.approval(Approval(kind)))


def _stalled(world: World, _target: str) -> Undo:
    world.engine.site.stalled = True
    launch(world)

    def undo() -> None:
        world.engine.site.stalled = False

    return undo


def _stuck_targets(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take what one delivery is stuck in, in any order; the target names all of it."""
    names = {name for argument in required(arguments, "a CAUSE") for name in argument.split("+")}
    kinds = {_kind(name): name for name in sorted(names)}
    if len(kinds) < len(names):
        raise FaultError("a delivery has one affinity")
    _refuse_exclusive(kinds)
    if "mid_sourcing" in kinds and not world.engine.site.marketing:
        raise FaultError("mid_sourcing is of a marketing instance: run the simulator with --role marketing")
    return ("+".join(kinds[kind] for kind in STUCK if kind in kinds),)


def _kind(name: str) -> str:
    """Return what a name is known by: an affinity by its own kind."""
    if name.startswith(_AFFINITY):
        if not 0 < len(name) - len(_AFFINITY) <= AFFINITY_LENGTH:
            raise FaultError(f"an affinity's NAME has 1 to {AFFINITY_LENGTH} characters")
        return "affinity:NAME"
    if name in _PLATFORM:
        raise FaultError(f"{name} is a matter of the platform: set {_PLATFORM[name]}")
    return one_of(tuple(STUCK), [name], "cause of a delivery")[0]


def _refuse_exclusive(kinds: Iterable[str]) -> None:
    """Complain of what cannot be true of the same delivery."""
    for one, other in combinations([kind for kind in STUCK if kind in kinds], 2):
        reason = exclusive(one, other)
        if reason:
            raise FaultError(f"{one} and {other} exclude each other: {reason}")


def exclusive(one: str, other: str) -> str | None:
    """Return why a delivery cannot be stuck in both; none if it can."""
    return next(
        (
            rule.reason
            for rule in EXCLUSIONS
            if (one in rule.ones and other in rule.others) or (other in rule.ones and one in rule.others)
        ),
        None,
    )


def _stuck(world: World, target: str) -> Undo:
    names = target.split("+")
    chosen = [troubles.affinity(name.removeprefix(_AFFINITY)) if name.startswith(_AFFINITY) else STUCK[name] for name in names]
    if "campaign" in names and not any(trouble.state for trouble in chosen):
        chosen.append(troubles.IN_LAUNCH)
    return troubled(world, *chosen)


def _one(name: str, description: str, trouble: Trouble) -> Fault:
    return _simple(name, description, lambda world, _target: troubled(world, trouble))


def _simple(name: str, description: str, apply: Callable[[World, str], Undo]) -> Fault:
    return Fault(name, "", description, no_arguments, apply)


DELIVERY_FAULTS = (
    Fault("delivery-scheduled", "[AFTER]", "a large delivery is due later (90, 15m, 2h; else 1h)", after, _scheduled),
    _one("delivery-in-wave", "the parts of a delivery have their next pass in an hour", troubles.IN_WAVE),
    _one("delivery-in-retry", "what a delivery has left is tried again in an hour", troubles.IN_RETRY),
    _one("validity-expired", "a delivery waits and its validity is over", troubles.EXPIRED),
    _one("account-inactive", "the routing account of a delivery is inactive", troubles.ACCOUNT_INACTIVE),
    _one("parts-missing", "a delivery waits and has no parts", troubles.PARTS_MISSING),
    _one("parts-orphaned", "the parts of a delivery are held by a dead process", troubles.PARTS_ORPHANED),
    Fault(
        "approval-awaited",
        "[content|target|extraction|budget|fcp]",
        "a prepared delivery waits for its approval",
        _approvals,
        _approval_awaited,
    ),
    _one("preparation-stuck", "a delivery has been personalized for two hours", troubles.IN_PREPARATION),
    _one("preparation-hangs", "a delivery that is due in hours has been personalized for two", troubles.HANGING_AHEAD),
    _simple("throughput-stalled", "the mta runs and takes nothing", _stalled),
    Fault(
        "delivery-stuck",
        "CAUSE...",
        f"one delivery waits for all CAUSEs ({', '.join(STUCK)}; the first three let faults of the platform hit it)",
        _stuck_targets,
        _stuck,
    ),
)
