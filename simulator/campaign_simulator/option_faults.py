"""What the instance's options say (XtkOption)."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments, required, single
from campaign_simulator.journal import Option
from campaign_simulator.workflows import ALERT_DELAY_MINUTES

_COPIES_AGE = timedelta(hours=5)
_ALERT_DELAY = "NmsMTA_Alert_Delay"


def _minutes(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take a number of minutes."""
    minutes = single(required(arguments, "the number of MINUTES"), "")
    if not (minutes.isdecimal() and 0 < int(minutes) < 10_000):  # noqa: PLR2004  about a week
        raise FaultError(f"{minutes!r} is no number of minutes from 1 to 9999")
    return (minutes,)


def _alert_delay(world: World, minutes: str) -> Undo:
    options = world.engine.journal.options
    options[_ALERT_DELAY] = Option(_ALERT_DELAY, number=int(minutes))

    def undo() -> None:
        options[_ALERT_DELAY] = Option(_ALERT_DELAY, number=ALERT_DELAY_MINUTES)

    return undo


def _pointer_dated(world: World, _target: str) -> Undo:
    workflows = world.engine.workflows
    workflows.keep_pointer(dated=True)
    return partial(workflows.keep_pointer, dated=False)


def _copies_old(world: World, _target: str) -> Undo:
    workflows = world.engine.workflows
    workflows.let_copies_stand(world.now() - _COPIES_AGE)

    def undo() -> None:
        workflows.let_copies_stand(world.now())
        workflows.copies_stand = False

    return undo


OPTION_FAULTS = (
    Fault(
        "alert-delay",
        "MINUTES",
        "the option NmsMTA_Alert_Delay lets deliveries wait so long, not 30 min",
        _minutes,
        _alert_delay,
    ),
    Fault(
        "mid-sourcing-copies-old",
        "",
        "nothing has been copied from the mid-sourcing server for five hours, though the workflow that copies runs",
        no_arguments,
        _copies_old,
    ),
    Fault(
        "tracking-pointer-dated",
        "",
        "the option NmsTracking_Pointer is kept as a date, not as a text",
        no_arguments,
        _pointer_dated,
    ),
)
