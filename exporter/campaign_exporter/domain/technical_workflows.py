"""Technical workflows: which there are, how each stands, and when it is to run."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: Internal names of what Adobe delivers (docs: workflow/using/about-technical-workflows.md).
TECHNICAL = (
    "agg_messageCenter_full",
    "agg_nmspropositionrcp_full",
    "aliasCleansing",
    "assetMgt",
    "batchEventsProcessing",
    "billing",
    "budgetMgt",
    "centralLocalMgt",
    "cleanup",
    "cleanupPausedWorkflows",
    "cleanupPrivacyRequests",
    "collectDataHeatMapService",
    "collectPrivacyRequests",
    "defaultMidSourcingDlv",
    "defaultMidSourcingDlvStat",
    "defaultMidSourcingLog",
    "deletePrivacyRequestsData",
    "deliverabilityUpdate",
    "deliveryIndicators",
    "deliveryMgt",
    "forecasting",
    "mobileAppOptOutMgt",
    "newsgroupMgt",
    "offerMgt",
    "operationMgt",
    "propositionSynch",
    "reportingAggregates",
    "rtEventsProcessing",
    "scheduledEnhancedMTATypologyRule",
    "stockMgt",
    "supplierMgt",
    "taskMgt",
    "tracking",
    "updateEventStatus",
    "updateEventsStatus",
)
CLEANUP = "cleanup"
#: What comes first in the names of workflows of which each external account of Message Center has one.
SYNCHRONIZER = "mcSynch_"
KINDS = ("technical", "campaign", "other")

# XtkWorkflow.iState (docs: workflow/using/supervising-workflows.md; kb: KA-19380). That 11 is started is not documented.
_STATES: Mapping[int, str] = MappingProxyType({0: "not_started", 11: "started", 13: "paused", 20: "stopped"})
_FAILED = "failed"
#: How a workflow can stand, as far as that is known.
STANDINGS = (*_STATES.values(), _FAILED)
#: How it can stand and not do its work.
TROUBLES = (_FAILED, "not_started", "paused", "stopped")


def standing(state: int | None, *, failed: bool) -> str:
    """Say how a workflow stands: in error before all else; a state that is not documented goes by its number."""
    if failed:
        return _FAILED
    return "null" if state is None else _STATES.get(state, str(state))


@dataclass(frozen=True, slots=True)
class TechnicalWorkflow:
    """A technical workflow. Its runs are in seconds since the epoch, None where there was none or none is planned."""

    name: str
    state: int | None
    failed: bool
    last_run: float | None
    planned: float | None

    @property
    def trouble(self) -> str | None:
        """Say why it does not work; None where it does, or its state is not documented."""
        now = standing(self.state, failed=self.failed)
        return now if now in TROUBLES else None

    @property
    def next_run(self) -> float | None:
        """Give the planned run of a workflow that is there to run it; what one at rest had planned means nothing."""
        return None if self.trouble else self.planned
