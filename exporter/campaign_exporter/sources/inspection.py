"""What a person asks of one delivery: which one is meant, and what else speaks of it."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from campaign_exporter.errors import SourceError
from campaign_exporter.sources import delivery_statements as statements
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.sources.statement import Statement

_NUMBER = re.compile(r"-?[0-9]{1,18}")
#: As the statement bounds it.
MOST_MATCHES = 20


class Match(NamedTuple):
    """A delivery that may be meant, and how well its id, internal name or label fits; 0 is best."""

    delivery_id: int
    internal_name: str
    label: str
    state: int | None
    fit: int


class LogLines(NamedTuple):
    """How many of the last 500 lines of a delivery's log there are, and how many of them say what."""

    lines: int
    capacity: int
    temporary_file: int
    cross_device: int
    mid_timeout: int
    throttled: int
    affinity_not_on_mid: int


class PartCounts(NamedTuple):
    """How many parts a delivery has, how many of them are due, and how many a process holds."""

    parts: int
    due: int
    held: int


class Priorities(NamedTuple):
    """A delivery's two priority numbers, how many deliveries in sending have other ones, and which, written as 20/20."""

    number: int
    message_number: int
    others: int
    theirs: Sequence[str] = ()


class Clues(NamedTuple):
    """What speaks of one delivery beside the facts of a diagnosis; a SourceError where it cannot be read."""

    parts: PartCounts | SourceError
    log: LogLines | SourceError
    priorities: Priorities | SourceError
    last_id: int | SourceError | None


def find(ask: Questions, text: str) -> list[Match]:
    """List the deliveries that a text means: those that fit best, or, where none fits, those whose names hold it."""
    number = int(text) if _NUMBER.fullmatch(text) else None
    found = [Match(*row) for row in ask.rows(statements.FOUND_DELIVERIES, {"id": number, "name": text})]
    return [match for match in found if match.fit == found[0].fit]


def read_clues(ask: Questions, delivery_id: int) -> Clues:
    """Read all that can be read; nothing of it is in the way of anything else."""

    def row(statement: Statement) -> tuple[Any, ...] | SourceError:
        obstacle = ask.obstacle(statement)
        if obstacle is not None:
            return obstacle
        return tuple(ask.rows(statement, {"id": delivery_id})[0])

    parts, log, priority = (row(each) for each in (statements.PART_COUNTS, statements.JOB_LOG, statements.PRIORITY))
    sequence = ask.rows(statements.SEQUENCE)
    return Clues(
        parts if isinstance(parts, SourceError) else PartCounts(*parts),
        log if isinstance(log, SourceError) else LogLines(*log),
        priority if isinstance(priority, SourceError) else _priorities(*priority),
        sequence[0][0] if sequence else None,
    )


def _priorities(number: int, message_number: int, others: int, theirs: Sequence[str] | None) -> Priorities:
    return Priorities(number, message_number, others, theirs or ())
