"""What an exporter no longer tells: an alert that stands on it ends once the window and `keep_firing_for` are over."""

from collections.abc import Iterator
from dataclasses import replace

from unit.alerts.cases import Case, Firing
from unit.alerts.healthy import healthy
from unit.alerts.tickets import KEEP, WINDOW
from unit.alerts.timeline import World, hours, minutes, withdrawn

#: When things vanish, in seconds.
VANISH_AT = minutes(40)
#: When an alert ends that stands on what was withdrawn then.
GONE = VANISH_AT + WINDOW + KEEP


def vanishing(firing: Firing, world: World, *metrics: str, scope: str = "") -> Iterator[Case]:
    """Tell a story for each metric that an alert stands on: it is withdrawn for good, while all others stay."""
    also = f" ({scope})" if scope else ""
    for metric in metrics:
        yield Case(
            (firing.alert,),
            f"what is no longer told ends two minutes later: {metric}{also}",
            withdrawn({**healthy(), **world}, VANISH_AT, hours(9), metric),
            hours(1),
            (replace(firing, end=GONE),),
        )
