"""What upkeep asks of a database: remnants, work tables, statistics, technical workflows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from campaign_exporter.domain.estimates import Column
from campaign_exporter.domain.leftovers import Remnant
from campaign_exporter.domain.technical_workflows import TECHNICAL, TechnicalWorkflow
from campaign_exporter.domain.work_tables import Owner, WorkTable, work_table
from campaign_exporter.errors import PermissionDenied
from campaign_exporter.sources import hygiene_statements as statements
from campaign_exporter.sources.campaign import Questions, finite
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import READS_STATISTICS

LAST_CLEANUP = "NmsCleanup_LastCleanup"
TRACKING_POINTER = "NmsTracking_Pointer"
_LAST_COPY = "NmsMidSourcing_LastDelivery_"


class Upkeep(NamedTuple):
    """A table's rows, bytes without and of its indexes, dead rows, and last vacuum and analyze; None where not known."""

    table: str
    rows: float | None
    size: int
    index_size: int
    dead_rows: int | None
    vacuumed: float | None
    analyzed: float | None


class Changed(NamedTuple):
    """How many addresses of a channel, status and reason changed."""

    channel: int | None
    status: int | None
    reason: int | None
    number: int


class WorkflowCount(NamedTuple):
    """How many workflows of a kind are in a state."""

    kind: str
    state: int | None
    failed: bool
    number: int


class Transactions(NamedTuple):
    """How many transactions are open in a state, and since when the oldest is, in seconds since the epoch."""

    state: str
    number: int
    oldest: float | None


class Events(NamedTuple):
    """How many events of a status there are in the sample, how many of them wait, and when the oldest of these came in."""

    status: int | None
    sampled: int
    waiting: int
    oldest: float | None


class Moments(NamedTuple):
    """When cleanup last ran, and up to when tracking was fetched and each mid-sourcing account copied, in seconds of the epoch.

    `tracking` is None also where the instance keeps it in another column.
    """

    cleanup: float | None
    tracking: float | None
    copies: Mapping[str, float]


def remnants(ask: Questions) -> list[Remnant]:
    """List all deliveries, templates, proofs and deleted ones among them."""
    found = []
    for id_, state, aside, recycled, started, *moments in ask.rows(statements.REMNANTS):
        found.append(Remnant(id_, state, aside, recycled, started, *(finite(moment) for moment in moments)))
    return found


def workflow_owners(ask: Questions) -> dict[int, Owner]:
    """Give all workflows as owners of work tables."""
    return {id_: Owner(state, finite(modified)) for id_, state, modified in ask.rows(statements.WORKFLOW_OWNERS)}


def work_tables(ask: Questions) -> list[WorkTable]:
    """List the work tables of the schema."""
    named = (work_table(name, int(size), measured=measured) for name, size, measured in ask.rows(statements.WORK_TABLES))
    return [table for table in named if table is not None]


def kept_tables(ask: Questions) -> list[Upkeep]:
    """List how tables are kept up that are there."""
    rows = ask.rows(statements.KEPT_TABLE_SIZES, {"tables": list(statements.KEPT_TABLES)})
    return [Upkeep(name, count, int(size), int(index), *more) for name, count, size, index, *more in rows]


def statistics(ask: Questions, statement: Statement) -> dict[str, Column]:
    """Give what PostgreSQL knows of columns, by name."""
    return {name: Column(rows, nulls, values, shares) for name, rows, nulls, values, shares in ask.rows(statement)}


def changed_addresses(ask: Questions) -> list[Changed]:
    """Count the addresses that changed within the last hour."""
    return [Changed(*row) for row in ask.rows(statements.ADDRESSES_CHANGED)]


def moments(ask: Questions) -> Moments:
    """Read the dates that workflows note."""
    noted = {name: moment for name, moment in ask.rows(statements.MOMENTS) if finite(moment) is not None}
    copies = {name.removeprefix(_LAST_COPY): moment for name, moment in noted.items() if name.startswith(_LAST_COPY)}
    return Moments(noted.get(LAST_CLEANUP), noted.get(TRACKING_POINTER), copies)


def technical_workflows(ask: Questions, more: Iterable[str]) -> list[TechnicalWorkflow]:
    """List the technical workflows, and those of these names."""
    rows = ask.rows(statements.TECHNICAL_WORKFLOWS, {"names": [*TECHNICAL, *more]})
    return [TechnicalWorkflow(name, state, failed, finite(last), finite(next_)) for name, state, failed, last, next_ in rows]


def workflow_counts(ask: Questions, more: Iterable[str]) -> list[WorkflowCount]:
    """Count all workflows."""
    return [WorkflowCount(*row) for row in ask.rows(statements.WORKFLOW_COUNTS, {"names": [*TECHNICAL, *more]})]


def cleanup_log_errors(ask: Questions) -> int:
    """Count the errors in cleanup's journal of the last 25 hours."""
    ((errors,),) = ask.rows(statements.CLEANUP_LOG_ERRORS)
    return int(errors)


def transactions(ask: Questions) -> list[Transactions]:
    """List open transactions by state; raise PermissionDenied without pg_read_all_stats."""
    ((allowed,),) = ask.rows(READS_STATISTICS)
    if not allowed:
        raise PermissionDenied("the role is not in pg_read_all_stats, so that transactions cannot be seen: GRANT it")
    return [Transactions(*row) for row in ask.rows(statements.TRANSACTIONS)]


def sequences(ask: Questions) -> dict[str, int]:
    """Give the last value of sequences that were used; raise PermissionDenied where none may be read."""
    rows: Sequence[tuple[str, int | None, bool]] = ask.rows(statements.SEQUENCES)
    if rows and not any(readable for _, _, readable in rows):
        raise PermissionDenied("no right to read the sequences: see `campaign-exporter grants`")
    return {name: value for name, value, _ in rows if value is not None}


def events(ask: Questions, stuck_after: float) -> list[Events]:
    """Sample the events that had `stuck_after` seconds to be processed."""
    return [Events(*row) for row in ask.rows(statements.RT_EVENTS, {"stuck": stuck_after})]
