"""Technical workflows: which of them sending depends on, and how they stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Launch the deliveries of campaigns (docs: workflow/using/about-technical-workflows.md).
LAUNCHERS = ("operationMgt", "deliveryMgt")
#: Copies the state of deliveries from the mid-sourcing server, every ten minutes.
MID_SOURCING_COPY = "defaultMidSourcingDlv"
MID_SOURCING_PERIOD_SECONDS = 600.0
#: Fetches tracking logs, and adds them up, every hour unless changed.
TRACKING = "tracking"

STARTED = 11
# XtkWorkflow.iState of a workflow that does nothing (docs: workflow/using/supervising-workflows.md; kb: KA-19380).
_AT_REST: Mapping[int, str] = MappingProxyType({0: "not started", 13: "paused", 20: "stopped"})


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow by its row in XtkWorkflow. `next_run` is in seconds since the epoch, None where none is planned."""

    name: str
    state: int | None
    failed: bool
    next_run: float | None = None

    @property
    def trouble(self) -> str | None:
        """Say why it does not work; None where it is at work, or its state is not documented."""
        if self.failed:
            return "in error"
        return _AT_REST.get(self.state) if self.state is not None else None

    def overdue(self, now: float) -> float:
        """Tell for how many seconds its next run is overdue; 0 where it is not."""
        return max(now - self.next_run, 0.0) if self.next_run is not None else 0.0
