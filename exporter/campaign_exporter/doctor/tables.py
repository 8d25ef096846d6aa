"""Tables, columns and indexes that the statements stand on: they differ by build of Campaign."""

from collections.abc import Iterator, Sequence

from campaign_exporter.doctor import mends
from campaign_exporter.doctor.check import Check, cannot_tell, finding, listed, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.needs import Scope
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.sources.statement import Index, Statement
from campaign_exporter.sources.survey import Survey


def examine(patient: Patient) -> Iterator[Check]:
    """Compare what is there with what is needed."""
    if patient.server is None:
        return
    here = patient.schemas.get(patient.scope.schema)
    if here is None or not here.usage or not here.holds_campaign:
        yield cannot_tell("tables and indexes", SUBJECT, "cannot be seen before the schema is right")
        return
    patient.survey = patient.survey or patient.checkup.survey()
    yield from columns(patient.survey, patient.scope)
    yield from indexes(patient.survey, patient.scope)


def columns(survey: Survey, scope: Scope) -> Iterator[Check]:
    """Name tables and columns that are not there."""
    all_there = True
    for table, names in scope.tables.items():
        have = survey.columns.get(table)
        absent = [] if have is None else [name for name in names if name not in have]
        if have is not None and not absent:
            continue
        all_there = False
        lost = scope.reading(table, absent or None)
        what = f"table {table} is not there" if have is None else f"table {table} lacks {listed(absent)}"
        yield finding("tables", SUBJECT, what, why=scope.loss(lost), mend=_do_without(scope, lost))
    if all_there:
        yield ok("tables", SUBJECT, f"{listed(list(scope.tables), 20)}: all there, with all columns that are read")


def indexes(survey: Survey, scope: Scope) -> Iterator[Check]:
    """Name the indexes that are not there."""
    needed: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
    for statement in scope.statements:
        if statement.index is not None and set(statement.index.columns) <= set(survey.columns.get(statement.index.table, ())):
            needed.setdefault((statement.index.table, statement.index.columns), []).append(statement)
    absent = {key: lost for key, lost in needed.items() if not survey.has_index(Index(*key))}
    for (table, names), lost in absent.items():
        yield finding(
            "indexes",
            SUBJECT,
            f"table {table} lacks an index that begins with {', '.join(names)}",
            why=scope.loss(lost),
            mend=mends.index(scope.schema, table, names) + _or_instead(scope, lost),
        )
    if not absent:
        told = ", ".join(f"{table} ({', '.join(names)})" for table, names in needed)
        yield ok("indexes", SUBJECT, f"{told or 'none is needed'}: no large table is scanned")


def _or_instead(scope: Scope, lost: Sequence[Statement]) -> str:
    """Offer to go without, where no collector needs it."""
    instead = "" if scope.failing(lost) else scope.instead(lost)
    return f" Or, if nobody misses that, set {instead}" if instead else ""


def _do_without(scope: Scope, lost: Sequence[Statement]) -> str:
    fails, instead = scope.failing(lost), scope.instead(lost)
    if instead:
        return f"if this build of Campaign has none, set {instead}"
    if not fails:
        return "if this build of Campaign has none, there is nothing to do: the exporter goes on without"
    off = ", ".join(f"{name}: {{enabled: false}}" for name in fails)
    return f"restore it; if this build of Campaign has none, switch off what needs it: collectors: {{{off}}}"
