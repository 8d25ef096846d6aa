"""Faults of deliveries: each makes a delivery that waits for a cause of its own."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments
from campaign_simulator.model import VALIDITY, Account, Delivery
from campaign_simulator.traffic import CAMPAIGN_OPERATION, CAMPAIGN_WORKFLOWS
from campaign_simulator.vocabulary import Channel, State

_SMALL = 50
_MEDIUM = 500  # some of so many messages are softly refused, for all practical purposes
_LARGE = 5_000
_DEAD_PROCESS = 999_999
_LONG = timedelta(hours=1)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def launch_small(world: World, *, affinity: str | None = None) -> None:
    """Launch a small mail delivery, so that something waits for whatever is down."""
    _launch(world, _SMALL, affinity)


def launch_large(world: World, *, affinity: str | None = None) -> None:
    """Launch a large mail delivery."""
    _launch(world, _LARGE, affinity)


def _launch(world: World, size: int, affinity: str | None) -> None:
    delivery = _plain(world, size)
    delivery.affinity = affinity
    world.engine.launch(delivery)


def _plain(world: World, size: int) -> Delivery:
    """Make a mail delivery that belongs to no campaign."""
    return world.engine.traffic.plain(world.now(), size=size)


def _postpone(world: World, delivery: Delivery, by: timedelta) -> None:
    """Put the next pass of a delivery's parts off, from now."""
    for part in delivery.parts.values():
        part.next_pass = world.now() + by
        world.engine.journal.changed_part(part)
    world.engine.touch(delivery)


def _undo_postponing(world: World, delivery: Delivery) -> Undo:
    return partial(_postpone, world, delivery, timedelta(0))


def _after(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take a time such as 90, 15m or 2h; without one an hour."""
    if len(arguments) > 1:
        raise FaultError(f"unexpected argument {arguments[1]!r}")
    text = arguments[0] if arguments else "1h"
    if not re.fullmatch(r"[1-9]\d{0,6}[smhd]?", text):
        raise FaultError(f"{text!r} is no time: write seconds, or 15m, 2h, 1d")
    return (text,)


def _scheduled(world: World, after: str) -> Undo:
    number, unit = re.findall(r"\d+|\D+$", after + ("s" if after.isdigit() else ""))
    delivery = _plain(world, _LARGE)
    delivery.contact += timedelta(seconds=int(number) * _UNITS[unit])
    world.engine.launch(delivery)

    def undo() -> None:
        delivery.contact = world.now()
        _postpone(world, delivery, timedelta(0))

    return undo


def _in_wave(world: World, _target: str) -> Undo:
    delivery = _plain(world, _LARGE)
    world.engine.launch(delivery)
    _postpone(world, delivery, _LONG)
    return _undo_postponing(world, delivery)


def _in_retry(world: World, _target: str) -> Undo:
    delivery = _plain(world, _MEDIUM)
    world.engine.launch(delivery)
    world.engine.send_first_pass(delivery)
    _postpone(world, delivery, _LONG)
    return _undo_postponing(world, delivery)


def _expired(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    delivery.created = delivery.contact = world.now() - VALIDITY
    delivery.validity = world.now() - timedelta(seconds=1)
    world.engine.launch(delivery)

    def undo() -> None:
        delivery.validity = world.now() + VALIDITY
        world.engine.touch(delivery)

    return undo


def _account_inactive(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    account = Account(world.engine.ids.next(), f"routing{delivery.internal_name}", Channel.EMAIL, active=False)
    delivery.account = account
    world.engine.journal.accounts[account.account_id] = account
    world.engine.launch(delivery)

    def undo() -> None:
        account.active = True
        world.engine.journal.accounts[account.account_id] = account

    return undo


def _parts_missing(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    world.engine.launch(delivery)
    lost = world.engine.drop_parts(delivery)

    def undo() -> None:
        for part in lost:
            delivery.parts[part.part_id] = part
            world.engine.journal.changed_part(part)
        world.engine.touch(delivery)

    return undo


def _parts_orphaned(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    world.engine.launch(delivery)
    hosts = world.hosts.expected_on("mta")
    for part in delivery.parts.values():
        part.hold(hosts[0] if hosts else "gone", _DEAD_PROCESS)

    def undo() -> None:
        for part in delivery.parts.values():
            part.release()
            world.engine.journal.changed_part(part)
        world.engine.touch(delivery)

    return undo


def _concurrency_limit(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    delivery.operation_id = CAMPAIGN_OPERATION
    delivery.workflow_id = CAMPAIGN_WORKFLOWS[0]
    world.engine.workflows.fill(world.now())
    world.engine.launch(delivery, State.READY)
    return world.engine.workflows.drain


def _approval_awaited(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    delivery.needs_approval = True
    world.engine.launch(delivery, State.READY)

    def undo() -> None:
        delivery.needs_approval = False
        world.engine.touch(delivery)

    return undo


def _preparation_stuck(world: World, _target: str) -> Undo:
    delivery = _plain(world, _SMALL)
    delivery.state = State.PERSONALIZATION_IN_PROGRESS
    delivery.created = delivery.contact = delivery.modified = world.now() - 2 * _LONG
    delivery.preparation_held = True
    world.engine.add(delivery)

    def undo() -> None:
        delivery.preparation_held = False
        world.engine.touch(delivery)

    return undo


def _stalled(world: World, _target: str) -> Undo:
    world.engine.site.stalled = True
    launch_small(world)

    def undo() -> None:
        world.engine.site.stalled = False

    return undo


def _simple(name: str, description: str, apply: Callable[[World, str], Undo]) -> Fault:
    return Fault(name, "", description, no_arguments, apply)


DELIVERY_FAULTS = (
    Fault("delivery-scheduled", "[AFTER]", "a large delivery is due later (90, 15m, 2h; else 1h)", _after, _scheduled),
    _simple("delivery-in-wave", "the parts of a delivery have their next pass in an hour", _in_wave),
    _simple("delivery-in-retry", "what a delivery has left is tried again in an hour", _in_retry),
    _simple("validity-expired", "a delivery waits and its validity is over", _expired),
    _simple("account-inactive", "the routing account of a delivery is inactive", _account_inactive),
    _simple("parts-missing", "a delivery waits and has no parts", _parts_missing),
    _simple("parts-orphaned", "the parts of a delivery are held by a dead process", _parts_orphaned),
    _simple("concurrency-limit", "as many campaign workflows run as may, a delivery waits", _concurrency_limit),
    _simple("approval-awaited", "a prepared delivery waits for its approval", _approval_awaited),
    _simple("preparation-stuck", "a delivery has been personalized for two hours", _preparation_stuck),
    _simple("throughput-stalled", "the mta runs and takes nothing", _stalled),
)
