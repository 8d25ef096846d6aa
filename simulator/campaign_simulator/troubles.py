"""Troubles of one delivery: each makes a cause true, and several can be made true of the same delivery."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from campaign_simulator.faults import Undo, World
from campaign_simulator.model import VALIDITY, Account, Delivery
from campaign_simulator.traffic import CAMPAIGN_OPERATION, CAMPAIGN_WORKFLOWS
from campaign_simulator.vocabulary import Approval, Channel, State

_SMALL = 50
_MEDIUM = 500  # some of so many messages are softly refused, for all practical purposes
LARGE = 5_000
_DEAD_PROCESS = 999_999
_LONG = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


def _nothing() -> None:
    """Do nothing."""


def _leave_it(_world: World, _delivery: Delivery) -> Undo:
    """Change nothing."""
    return _nothing


@dataclass(frozen=True)
class Trouble:
    """What is made of a delivery: `shape` before its launch, `spoil` after it; what `spoil` returns mends it."""

    spoil: Callable[[World, Delivery], Undo] = _leave_it
    shape: Callable[[World, Delivery], object] = _leave_it
    state: State | None = None  # that the delivery waits in; none if it does not matter
    size: int = _SMALL


def troubled(world: World, *troubles: Trouble) -> Undo:
    """Launch a mail delivery with troubles; returns what mends them all, whatever became of it meanwhile."""
    engine = world.engine
    delivery = engine.traffic.plain(world.now(), size=max((trouble.size for trouble in troubles), default=_SMALL))
    for trouble in troubles:
        trouble.shape(world, delivery)
    engine.launch(delivery, next((trouble.state for trouble in troubles if trouble.state), State.START_PENDING))
    mends = [trouble.spoil(world, delivery) for trouble in troubles]
    engine.note(delivery)

    def mend() -> None:
        for each in mends:
            each()
        if delivery.delivery_id in engine.active:
            engine.touch(delivery)

    return mend


def launch(world: World, *troubles: Trouble) -> None:
    """Launch a mail delivery that waits for what is wrong elsewhere."""
    troubled(world, *troubles)


def by_sms(world: World) -> None:
    """Launch a small SMS delivery."""
    world.engine.launch(world.engine.traffic.plain(world.now(), size=_SMALL, channel=Channel.SMS))


def scheduled(after: timedelta) -> Trouble:
    """Return the trouble that the contact date is still to come."""

    def spoil(world: World, delivery: Delivery) -> Undo:
        delivery.contact = world.now() + after

        def undo() -> None:
            if delivery.broad_start is None:
                delivery.contact = min(delivery.contact, world.now())

        return undo

    return Trouble(spoil, state=State.START_PENDING, size=LARGE)


def affinity(name: str) -> Trouble:
    """Return a delivery's IP affinity; the mend takes it off."""

    def spoil(_world: World, delivery: Delivery) -> Undo:
        delivery.affinity = name

        def undo() -> None:
            delivery.affinity = None

        return undo

    return Trouble(spoil)


def approval(kind: Approval) -> Trouble:
    """Return the trouble that something is to be approved."""

    def spoil(_world: World, delivery: Delivery) -> Undo:
        delivery.approvals |= {kind}

        def undo() -> None:
            delivery.approvals -= {kind}

        return undo

    return Trouble(spoil, state=State.READY)


def unexplained(clue: str) -> Trouble:
    """Return the trouble that a delivery is not taken, and no table but those of clues says why."""

    def spoil(_world: World, delivery: Delivery) -> Undo:
        delivery.held, delivery.clue = True, clue

        def undo() -> None:
            delivery.held, delivery.clue = False, None

        return undo

    return Trouble(spoil, state=State.START_PENDING)


def _postpone(world: World, delivery: Delivery) -> Undo:
    """Put the next pass of a delivery's parts off."""
    _set_next_pass(world, delivery, _LONG)
    return lambda: _set_next_pass(world, delivery, timedelta(0))


def _set_next_pass(world: World, delivery: Delivery, after: timedelta) -> None:
    for part in delivery.parts.values():
        part.next_pass = world.now() + after
        world.engine.journal.changed_part(part)


def _try_and_postpone(world: World, delivery: Delivery) -> Undo:
    world.engine.send_first_pass(delivery)
    return _postpone(world, delivery)


def _expire(world: World, delivery: Delivery) -> Undo:
    if delivery.contact <= world.now():
        delivery.created = delivery.contact = world.now() - VALIDITY
    delivery.validity = world.now() - _SECOND

    def undo() -> None:
        delivery.validity = world.now() + VALIDITY

    return undo


def _close_account(world: World, delivery: Delivery) -> Undo:
    """Give a delivery an account of its own, which is inactive."""
    name, mode = f"routing{delivery.internal_name}", delivery.mode
    account = Account(world.engine.ids.next(), name, Channel.EMAIL, active=False, mode=mode)
    accounts = world.engine.journal.accounts
    delivery.account = accounts[account.account_id] = account

    def undo() -> None:
        account.active = True
        accounts[account.account_id] = account

    return undo


def _lose_parts(world: World, delivery: Delivery) -> Undo:
    lost = world.engine.drop_parts(delivery)

    def undo() -> None:
        for part in lost:
            delivery.parts[part.part_id] = part
            world.engine.journal.changed_part(part)

    return undo


def _orphan_parts(world: World, delivery: Delivery) -> Undo:
    """Give a delivery's parts to a process that is gone."""
    host = next(iter([*world.hosts.expected_on("mta"), *world.hosts.by_name]))
    for part in delivery.parts.values():
        part.hold(host, _DEAD_PROCESS)
        world.engine.journal.changed_part(part)

    def undo() -> None:
        for part in delivery.parts.values():
            part.release()
            world.engine.journal.changed_part(part)

    return undo


def _keep_preparing(world: World, delivery: Delivery) -> Undo:
    delivery.created = delivery.contact = delivery.modified = world.now() - 2 * _LONG
    delivery.held = True

    def undo() -> None:
        delivery.held = False

    return undo


def _hang_ahead(world: World, delivery: Delivery) -> Undo:
    """Let a preparation hang hours before it is due."""
    undo = _keep_preparing(world, delivery)
    delivery.contact = world.now() + 2 * _LONG
    return undo


def _join_campaign(_world: World, delivery: Delivery) -> None:
    delivery.operation_id, delivery.workflow_id = CAMPAIGN_OPERATION, CAMPAIGN_WORKFLOWS[0]


def _go_through_mid(world: World, delivery: Delivery) -> None:
    world.engine.traffic.through_mid(delivery)


IN_CAMPAIGN = Trouble(shape=_join_campaign)
IN_LAUNCH = Trouble(shape=_join_campaign, state=State.READY)
THROUGH_MID = Trouble(shape=_go_through_mid)
IN_WAVE = Trouble(_postpone, state=State.START_PENDING, size=LARGE)
IN_RETRY = Trouble(_try_and_postpone, state=State.START_PENDING, size=_MEDIUM)
EXPIRED = Trouble(_expire, state=State.START_PENDING)
ACCOUNT_INACTIVE = Trouble(_close_account, state=State.START_PENDING)
IN_PREPARATION = Trouble(_keep_preparing, state=State.PERSONALIZATION_IN_PROGRESS)
HANGING_AHEAD = Trouble(_hang_ahead, state=State.PERSONALIZATION_IN_PROGRESS)
PARTS_MISSING = Trouble(_lose_parts, state=State.START_PENDING)
PARTS_ORPHANED = Trouble(_orphan_parts, state=State.START_PENDING)
SCHEDULED = scheduled(_LONG)
