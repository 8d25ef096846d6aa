"""What the exporter asks to look ahead, as questions whose answers are values of the domain."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from campaign_exporter.diagnosis.facts import Delivery
from campaign_exporter.domain.forecast import Wave
from campaign_exporter.sources import outlook_statements as statements
from campaign_exporter.sources.campaign import BASICS, Questions, basics


class Counted(NamedTuple):
    """A delivery with its own counters of messages."""

    delivery: Delivery
    success: int
    error: int
    rejected: int
    quarantined: int


def outlook_deliveries(ask: Questions) -> list[Counted]:
    """List the deliveries that are launched and not over, or are still to come."""
    rows = ask.rows(statements.OUTLOOK_DELIVERIES)
    return [Counted(basics(row[:BASICS]), *row[BASICS:]) for row in rows]


def waves(ask: Questions, deliveries: Iterable[Delivery]) -> dict[int, list[Wave]]:
    """List what is to be sent later of each delivery, in steps of five minutes."""
    found: dict[int, list[Wave]] = defaultdict(list)
    waiting = {delivery.delivery_id: delivery.messages_waiting for delivery in deliveries}
    for id_, moment, messages in ask.rows(statements.WAVES, {"deliveries": list(waiting)}) if waiting else []:
        found[id_].append(Wave(float(moment), waiting[id_] if messages is None else int(messages)))
    return found


def log_ends(ask: Questions, delivery_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Give the least and the greatest id of the lines of each delivery's log; one without lines is left out."""
    wanted = list(delivery_ids)
    rows = ask.rows(statements.LOG_ENDS, {"deliveries": wanted}) if wanted else []
    return {id_: (first, last) for id_, first, last in rows}


def log_types(ask: Questions, delivery_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Count the lines of delivery logs by their type: the number of iLogType, whose meaning is not documented."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    wanted = list(delivery_ids)
    for id_, number, lines in ask.rows(statements.LOG_TYPES, {"deliveries": wanted}) if wanted else []:
        found[id_]["null" if number is None else str(number)] = lines
    return found


def log_findings(ask: Questions, delivery_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Count the lines of delivery logs that say something known, by what they say."""
    wanted = list(delivery_ids)
    rows = ask.rows(statements.LOG_FINDINGS, {"deliveries": wanted}) if wanted else []
    return {id_: dict(zip(statements.FINDINGS, counts, strict=True)) for id_, *counts in rows}
