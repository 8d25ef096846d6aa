"""Rows of the delivery logs, and what is told of them elsewhere."""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from campaign_exporter.domain.log_window import Page, Pages, Plan, Row
from campaign_exporter.domain.messages import PENDING
from campaign_exporter.errors import Missing, PermissionDenied
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.sources.log_statements import ANSWERS, BROAD_LOGS, RECIPIENT_LOG, BroadLog


class Answer(NamedTuple):
    """Why a message failed: iFailureType and iFailureReason."""

    kind: int | None
    reason: int | None


class Crowd(NamedTuple):
    """Rows of one moment that have a status and a message of failure in common."""

    status: int | None
    answer_id: int
    rows: int


def logs_to_follow(ask: Questions) -> list[BroadLog]:
    """List the delivery logs that the database has, and that of recipients, which each has to have."""
    return [log for log in BROAD_LOGS if log is RECIPIENT_LOG or ask.has_table(log.table)]


def read_pages(ask: Questions, log: BroadLog, plan: Plan, rows: int) -> Pages:
    """Read the spans of a plan, at most so many rows of each; the message of failure stands in the row's note."""
    wanted = [(name, span) for name, span in plan._asdict().items() if span is not None]
    if not wanted:
        return Pages()
    bounds = {"starts": [span.start for _, span in wanted], "ends": [span.end for _, span in wanted], "rows": rows}
    found: dict[str, list[Row]] = {name: [] for name, _ in wanted}
    for number, *columns in ask.rows(log.rows, bounds):
        found[wanted[number - 1][0]].append(_row(*columns))
    return Pages(**{name: Page(page, len(page) >= rows) for name, page in found.items()})


def read_crowd(ask: Questions, log: BroadLog, moment: float) -> list[Crowd]:
    """Count the rows of a moment that has more of them than a page takes."""
    return [Crowd(*row) for row in ask.rows(log.crowd, {"moment": moment})]


def read_answers(ask: Questions, ids: Collection[int]) -> Mapping[int, Answer]:
    """Give type and reason of messages of failure; one that is not there is left out."""
    rows = ask.rows(ANSWERS, {"ids": sorted(ids)}) if ids else []
    return {id_: Answer(kind, reason) for id_, kind, reason in rows}


def read_domains(ask: Questions, log: BroadLog, ids: Collection[int]) -> Mapping[int, str]:
    """Give the domain of each row whose address is one of mail; none of them where addresses must not be read."""
    return dict(ask.rows(log.domains, {"ids": sorted(ids)})) if ids and ask.can_ask(log.domains) else {}


def tells_domains(ask: Questions, logs: Iterable[BroadLog]) -> bool:
    """Tell whether the addresses of any of these logs can be read."""
    return any(not isinstance(ask.obstacle(log.domains), Missing | PermissionDenied) for log in logs)


def _row(row_id: int, moment: float, status: int | None, answer_id: int, event: float | None) -> Row:
    # A message that waits again after another refusal is news, though its status stays.
    mark = (float(answer_id), event) if status == PENDING else ()
    return Row(row_id, moment, status, mark, answer_id)
