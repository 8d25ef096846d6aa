"""Faults that can be seen coming: nothing is wrong yet, and it will be."""

from datetime import timedelta

from campaign_simulator.delivery_faults import after, span
from campaign_simulator.faults import Fault, Undo, World
from campaign_simulator.model import VALIDITY
from campaign_simulator.sending import Slowness

#: At a message a second a delivery of this size takes more than an hour.
_SLOW_SIZE, _SLOW_RATE = 5_000, 1.0
_LARGE_SIZE = 40_000
_APART = timedelta(minutes=5)


def _too_slow(world: World, target: str) -> Undo:
    """Let a delivery go so slowly that its validity ends before it is through; the mend is to hurry and to extend it."""
    engine = world.engine
    delivery = engine.traffic.plain(world.now(), size=_SLOW_SIZE)
    delivery.validity = world.now() + span(target)
    engine.slowed[delivery.delivery_id] = Slowness(_SLOW_RATE)
    engine.launch(delivery)

    def undo() -> None:
        engine.slowed.pop(delivery.delivery_id)
        delivery.validity = world.now() + VALIDITY
        if delivery.delivery_id in engine.active:
            engine.touch(delivery)

    return undo


def _large_together(world: World, target: str) -> Undo:
    """Schedule two large deliveries five minutes apart; the mend is to stop them."""
    engine, made = world.engine, []
    for place in range(2):
        delivery = engine.traffic.plain(world.now(), size=_LARGE_SIZE)
        delivery.contact = world.now() + span(target) + place * _APART
        engine.launch(delivery)
        made.append(delivery)

    def undo() -> None:
        for each in made:
            if each.delivery_id in engine.active:
                engine.stop(each)

    return undo


OUTLOOK_FAULTS = (
    Fault(
        "delivery-too-slow",
        "[AFTER]",
        "a delivery of 5,000 mails goes at a mail a second, and its validity ends before (90, 15m, 2h; else 1h)",
        after,
        _too_slow,
    ),
    Fault(
        "large-deliveries-together",
        "[AFTER]",
        "two deliveries of 40,000 mails are due within five minutes (after 90, 15m, 2h; else 1h); clearing it stops them",
        after,
        _large_together,
    ),
)
