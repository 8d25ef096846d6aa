"""What happens to an instance in the course of a simulated time, in hours from its beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Window = tuple[float, float]
EVER = 1e9


@dataclass(frozen=True, slots=True)
class Stuck:
    """A delivery that waits for a cause within a window."""

    cause: str
    window: Window
    label: str
    messages: int


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that fires within a window."""

    name: str
    severity: str
    window: Window
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """All that is out of the ordinary; what is not said goes its usual way."""

    stuck: Sequence[Stuck] = ()
    alerts: Sequence[Alert] = ()
    unwatched: Sequence[Window] = ()
    unreachable: Sequence[Window] = ()
    blocked: Sequence[Window] = ()
    stalled: Sequence[Window] = ()
    down: Mapping[tuple[str, str], Sequence[Window]] = field(default_factory=dict)
    unlisted: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    silent_endpoints: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    mismatches: Mapping[tuple[str, str], Sequence[Window]] = field(default_factory=dict)
    faults: Mapping[tuple[str, str], Sequence[Window]] = field(default_factory=dict)
    failing: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    latent: Sequence[str] = ()
    uneven: Sequence[str] = ()
    refused: Sequence[Window] = ()
    fat: Sequence[tuple[str, str]] = ()
    full: Sequence[str] = ()
    elsewhere: Mapping[str, Sequence[Window]] = field(default_factory=dict)
    neglected: Sequence[Window] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """One instance: its role, its hosts with the affinities that each declares, and how much it sends an hour."""

    name: str
    role: str = "standalone"
    hosts: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"mta1": ("default", "news.de"), "mta2": ("default", "retail.fr")}
    )
    hourly: int = 120_000
    story: Story = Story()
    exporters: Sequence[str] = ("exporter-a:11951",)


def during(hour: float, windows: Sequence[Window]) -> bool:
    """Tell whether an hour lies in one of the windows."""
    return any(start <= hour < end for start, end in windows)
