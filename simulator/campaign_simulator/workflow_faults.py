"""Faults of workflows."""

from collections.abc import Sequence

from campaign_simulator import troubles
from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments, one_of, only_one_of, required
from campaign_simulator.obstacles import COPIER, LAUNCHERS
from campaign_simulator.troubles import launch
from campaign_simulator.workflows import WorkflowTrouble

_AT_REST = (WorkflowTrouble.STOPPED, WorkflowTrouble.PAUSED, WorkflowTrouble.EDITED)


def _workflow_targets(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(world.engine.workflows.names, required(arguments, "the workflow's NAME"), "workflow")


def _workflow_and_rest(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take a workflow and how it rests; the target is workflow:state."""
    name, *states = required(arguments, "the workflow's NAME")
    one_of(world.engine.workflows.names, [name], "workflow")
    return [f"{name}:{only_one_of(_AT_REST, states, 'state at rest')}"]


def _ways_to_lag(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take the trouble of the workflow that refreshes copies."""
    if not world.engine.site.marketing:
        raise FaultError("nothing is mid-sourced here: run the simulator with --role marketing")
    return [only_one_of(tuple(WorkflowTrouble), arguments, "way to lag")]


def _workflow_failed(world: World, name: str) -> Undo:
    return _workflow_in_trouble(world, name, WorkflowTrouble.FAILED)


def _workflow_at_rest(world: World, target: str) -> Undo:
    name, _, state = target.partition(":")
    return _workflow_in_trouble(world, name, WorkflowTrouble(state))


def _mid_sourcing_lag(world: World, trouble: str) -> Undo:
    return _workflow_in_trouble(world, COPIER, WorkflowTrouble(trouble))


def _workflow_in_trouble(world: World, name: str, trouble: WorkflowTrouble) -> Undo:
    """Stop a workflow; if deliveries depend on it, one is made that waits for it."""
    workflows = world.engine.workflows
    workflows.spoil(name, trouble, world.now())
    if name in LAUNCHERS:
        launch(world, troubles.IN_LAUNCH)
    elif name == COPIER:
        launch(world, troubles.THROUGH_MID)
    return lambda: workflows.mend(name, trouble, world.now())


def _concurrency_limit(world: World, _target: str) -> Undo:
    world.engine.workflows.fill(world.now())
    launch(world, troubles.IN_LAUNCH)
    return world.engine.workflows.drain


WORKFLOW_FAULTS = (
    Fault("workflow-failed", "NAME...", "a technical workflow is in error", _workflow_targets, _workflow_failed),
    Fault(
        "workflow-at-rest",
        "NAME [stopped|paused|edited]",
        "a technical workflow is not started, and not in error",
        _workflow_and_rest,
        _workflow_at_rest,
    ),
    Fault(
        "mid-sourcing-lag",
        "[failed|edited|paused|stopped|overdue]",
        "what is known of deliveries on the mid-sourcing server is not refreshed (with --role marketing)",
        _ways_to_lag,
        _mid_sourcing_lag,
    ),
    Fault(
        "concurrency-limit",
        "",
        "as many campaign workflows run as may, a delivery waits",
        no_arguments,
        _concurrency_limit,
    ),
)
