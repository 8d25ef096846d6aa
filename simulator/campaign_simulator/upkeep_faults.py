"""Faults of upkeep: what is left behind, late, or held open."""

from collections.abc import Sequence
from datetime import timedelta

from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments, one_of, required, single
from campaign_simulator.upkeep import drop_tables, make_events, make_tables, process_events
from campaign_simulator.workflows import WorkflowTrouble

_MOST = 10_000
_LATE = timedelta(hours=12)
#: An owner that there never was.
_FIRST_OWNER = 900_000
_TABLES, _DAYS, _EVENTS = 300, 3, 500


def _number(arguments: Sequence[str], default: int, what: str) -> Sequence[str]:
    number = single(arguments, str(default))
    if not (number.isdecimal() and 0 < int(number) <= _MOST):
        raise FaultError(f"{number!r} is no number of {what} from 1 to {_MOST}")
    return (number,)


def _tables(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return _number(arguments, _TABLES, "tables")


def _days(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return _number(arguments, _DAYS, "days")


def _events(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    return _number(arguments, _EVENTS, "events")


def _workflows(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(world.engine.workflows.names, required(arguments, "the workflow's NAME"), "workflow")


def _tables_orphaned(world: World, number: str) -> Undo:
    """Make tables whose deliveries and workflows are gone, one after the other."""
    upkeep = world.engine.upkeep
    owners = range(_FIRST_OWNER, _FIRST_OWNER + int(number))
    names = {f"wkdlv_{owner}_1" if owner % 2 else f"wkf{owner}_1": "wkdlv" if owner % 2 else "wkf" for owner in owners}
    with world.connect() as connection:
        make_tables(connection, names)
    upkeep.tables |= {name: (prefix, "orphaned") for name, prefix in names.items()}

    def undo() -> None:
        with world.connect() as connection:
            drop_tables(connection, names)
        for name in names:
            del upkeep.tables[name]

    return undo


def _cleanup_failing(world: World, days: str) -> Undo:
    """Let cleanup run each day, fail in a task that is told to be ignored, and come to no end for so long."""
    workflows = world.engine.workflows
    workflows.fail_cleanup(world.now(), timedelta(days=int(days)))
    return lambda: workflows.finish_cleanup(world.now())


def _workflow_late(world: World, name: str) -> Undo:
    workflows = world.engine.workflows
    workflows.spoil(name, WorkflowTrouble.OVERDUE, world.now(), overdue=_LATE)
    return lambda: workflows.mend(name, WorkflowTrouble.OVERDUE, world.now())


def _transaction_open(world: World, _target: str) -> Undo:
    """Open a transaction in a session that then does nothing."""
    session = world.connect()
    session.autocommit = False
    session.execute("SELECT count(*) FROM XtkOption")
    world.engine.upkeep.open_transactions += 1

    def undo() -> None:
        session.close()
        world.engine.upkeep.open_transactions -= 1

    return undo


def _events_stuck(world: World, number: str) -> Undo:
    upkeep = world.engine.upkeep
    with world.connect() as connection:
        make_events(connection, upkeep, int(number), world.now(), waiting=True)

    def undo() -> None:
        with world.connect() as connection:
            process_events(connection, upkeep, world.now())

    return undo


UPKEEP_FAULTS = (
    Fault(
        "work-tables-orphaned",
        "[NUMBER]",
        "work tables are left of deliveries and workflows that are gone (300 unless told)",
        _tables,
        _tables_orphaned,
    ),
    Fault(
        "cleanup-failing",
        "[DAYS]",
        "cleanup runs, fails in a task, and has not come to its end for days (3 unless told)",
        _days,
        _cleanup_failing,
    ),
    Fault("workflow-late", "NAME...", "a technical workflow should have run 12 hours ago", _workflows, _workflow_late),
    Fault("transaction-open", "", "a session has begun a transaction and does nothing", no_arguments, _transaction_open),
    Fault(
        "events-stuck",
        "[NUMBER]",
        "transactional events came in 40 minutes ago and are not processed (500 unless told)",
        _events,
        _events_stuck,
    ),
)
