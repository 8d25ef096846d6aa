"""What a scene of the drill is, and the usual way to play one."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from drill.pages import FullDisk, StalePage
from drill.site import Site

Act = Callable[[Site], AbstractContextManager[None]]


@dataclass(frozen=True)
class Scene:
    """One fault and its alert.

    `needed` is how long, in seconds at default settings, the fault must have lasted before the condition can hold; what the
    rule says of itself unless given. `confirmed` is how much of that has to be waited for here, all of it unless given: the
    simulator may put a fault back. `muted` are alerts that must fire and be muted, with their cause; `beside` others
    that tell of the same situation, by the table of docs/alerts.md.
    """

    name: str
    alert: str
    severity: str
    team: str
    act: Act
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Labels whose value is not known before, such as the number of a delivery.
    free: frozenset[str] = frozenset()
    needed: float | None = None
    confirmed: float | None = None
    muted: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()
    delay: bool = False
    #: Database seconds a minute that the exporter may take meanwhile; without it, all of them.
    budget: float | None = None
    #: Seconds that may pass until the notification, and again until it is resolved.
    limit: float = 240.0
    #: Seconds between two rounds of the collector, by default.
    sampling: float = 15.0
    role: str = "standalone"
    #: Whether it needs a past, or an instance of its own.
    seeded: bool = False

    @property
    def page(self) -> bool:
        return self.severity == "critical"


def faults(*words: str) -> Act:
    """Set faults of the simulator, each a name with its arguments, and clear them in the end."""

    @contextmanager
    def act(site: Site) -> Iterator[None]:
        names = []
        site.fault_at = time.time()
        try:
            for fault in words:
                name, *arguments = fault.split()
                site.fault(name, *arguments)
                names.append(name)
            yield
        finally:
            for name in reversed(names):
                site.clear(name)

    return act


def page_between(make: Callable[[Site], FullDisk | StalePage]) -> Act:
    """Put a page between the exporter and Prometheus that tells something else."""

    @contextmanager
    def act(site: Site) -> Iterator[None]:
        with make(site) as page:
            site.fault_at = time.time()
            site.announce(site.address, behind=page.address)
            try:
                yield
            finally:
                site.announce(site.address)

    return act
