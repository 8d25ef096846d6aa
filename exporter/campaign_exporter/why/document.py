"""A report as data, for programs."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from campaign_exporter.diagnosis.waiting import Waiting
from campaign_exporter.domain.deliveries import channel_name, state_name
from campaign_exporter.sources.inspection import Match
from campaign_exporter.why.reading import Queue
from campaign_exporter.why.report import Report

Document = dict[str, Any]


def report_document(report: Report) -> Document:
    """Write a report. Times are seconds since the epoch; null is what cannot be told, or is not there."""
    detail, cause = report.case.detail, report.cause
    delivery = detail.delivery
    return {
        "instance": report.instance,
        "delivery_id": delivery.delivery_id,
        "internal_name": detail.internal_name,
        "label": delivery.label,
        "state": state_name(delivery.state),
        "channel": channel_name(delivery.channel),
        "pending": cause is not None,
        "cause": cause.name if cause else None,
        "severity": cause.severity if cause else None,
        "confidence": cause.confidence if cause else None,
        "source": cause.source if cause else None,
        "also": [each.name for each in report.also],
        "since": _time(report.waiting.since) if report.waiting else None,
        "now": report.case.platform.now,
        "messages": delivery.messages_waiting,
        "parts": report.parts._asdict() if report.parts else None,
        "next": [{"hosts": list(step.hosts), "text": step.text, "command": step.command or None} for step in report.steps],
        "checks": [
            {
                "name": check.cause.name,
                "verdict": str(check.verdict),
                "evidence": check.evidence or None,
                "confidence": check.cause.confidence,
                "source": check.cause.source,
                "to_see_it": check.mend or None,
            }
            for check in report.checks
        ],
        "clues": [
            {
                "name": clue.name,
                "seen": clue.seen,
                "evidence": clue.evidence,
                "advice": clue.advice or None,
                "source": clue.source,
            }
            for clue in report.clues
        ],
        "not_seen": list(report.notes),
    }


def queues_document(queues: Iterable[Queue]) -> Document:
    """Write all that waits, the most messages first."""
    waiting = [_waiting(queue, one) for queue in queues for one in queue.waiting]
    waiting.sort(key=lambda one: (one["severity"] == "never", -one["messages"]))
    return {
        "waiting": waiting,
        "instances": [
            {
                "instance": queue.instance,
                "now": queue.now,
                "error": str(queue.error) if queue.error else None,
                "not_seen": [*queue.unseen, *(f"host {host}: {text}" for host, text in sorted(queue.troubles.items()))],
            }
            for queue in queues
        ],
    }


def matches_document(matches: Iterable[tuple[str, Match]], problem: str, not_read: Mapping[str, str]) -> Document:
    """Write which deliveries may be meant; `not_read` says by instance why it could not be read."""
    return {
        "error": problem,
        "not_read": dict(not_read),
        "matches": [
            {
                "instance": instance,
                "delivery_id": match.delivery_id,
                "internal_name": match.internal_name,
                "label": match.label,
                "state": state_name(match.state),
            }
            for instance, match in matches
        ],
    }


def _waiting(queue: Queue, one: Waiting) -> Document:
    return {
        "instance": queue.instance,
        "delivery_id": one.delivery.delivery_id,
        "label": one.delivery.label,
        "state": state_name(one.delivery.state),
        "cause": one.cause.name,
        "severity": one.cause.severity,
        "since": _time(one.since),
        "messages": one.delivery.messages_waiting,
    }


def _time(timestamp: float) -> float | None:
    return timestamp if math.isfinite(timestamp) else None
