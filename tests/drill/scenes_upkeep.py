"""Scenes of upkeep: workflows, cleanup, work tables, ids, transactions, events. All are tickets."""

from typing import Any

from drill.scene import Scene, faults


def _scene(alert: str, fault: str, text: str, name: str = "", **more: Any) -> Scene:  # noqa: ANN401 - fields of a Scene
    return Scene(name or alert, alert, "warning", "platform", faults(fault), text, sampling=60.0, limit=400.0, **more)


UPKEEP = (
    _scene(
        "CampaignWorkflowFailed",
        "workflow-failed forecasting",
        r"forecasting is in error",
        "CampaignWorkflowFailed failed",
        labels={"workflow": "forecasting", "scope": "failed"},
    ),
    # What the run is late by, the simulator has put back: nothing of it has to be waited for. The same below with confirmed=0.
    _scene(
        "CampaignWorkflowFailed",
        "workflow-late forecasting",
        r"forecasting should have run 12h",
        "CampaignWorkflowFailed late",
        labels={"workflow": "forecasting", "scope": "late"},
        confirmed=0.0,
    ),
    _scene(
        "CampaignCleanupFailing", "cleanup-failing", r"cleanup ran last 3d .* journal of the last 25 hours: 1\.", confirmed=0.0
    ),
    _scene("CampaignWorkTablesOrphaned", "work-tables-orphaned", r"300 work tables belong to"),
    _scene(
        "CampaignSequenceNearLimit",
        "sequence-near-wrap",
        r"xtknewid has given out 9\d\.\d+% of the ids",
        labels={"sequence": "xtknewid"},
    ),
    _scene(
        "CampaignTransactionTooLong",
        "transaction-open",
        r"a transaction has been open for .* \(idle_in_transaction\)",
        labels={"state": "idle_in_transaction"},
    ),
    _scene("CampaignEventQueueStuck", "events-stuck", r"500 transactional events had the time", confirmed=0.0),
)
