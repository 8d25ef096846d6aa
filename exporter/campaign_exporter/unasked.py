"""Statements that a configuration leaves out: nobody needs a right, or an index, for what is not asked."""

from campaign_exporter.config import Collectors
from campaign_exporter.sources.recipient_statements import RECIPIENT_STATEMENTS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.tracking_statements import TRACKED_DELIVERIES


def unasked(collectors: Collectors) -> list[Statement]:
    """List the statements that these settings switch off."""
    return [
        *(() if collectors.recipients.enabled else RECIPIENT_STATEMENTS),
        *(() if collectors.tracking.links else (TRACKED_DELIVERIES,)),
    ]
