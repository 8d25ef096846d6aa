"""What the exporter asks a Campaign database about deliverability."""

from collections.abc import Sequence
from typing import NamedTuple

from campaign_exporter.domain.smtp_paths import SmtpPath
from campaign_exporter.sources import deliverability_statements as statements
from campaign_exporter.sources.campaign import Questions

#: Paths that are read of one window: those with the most connections.
MOST_PATHS = 5000


class Reply(NamedTuple):
    """The last reply that a mail server gave one of our addresses, as it came; None where Campaign noted none."""

    code: int | None
    text: str


def smtp_paths(ask: Questions, window: float) -> list[SmtpPath]:
    """List the paths of the last `window` seconds with their sums."""
    (row,) = ask.rows(statements.LAST_COALESCING) or [(None,)]
    parameters = {"span": window, "coalesced": row[0] or 0.0, "most": MOST_PATHS}
    return [SmtpPath(*row) for row in ask.rows(statements.SMTP_PATHS, parameters)]


def owners(ask: Questions, paths: Sequence[SmtpPath]) -> dict[int, str]:
    """Name who runs each mail server: its owner, else a domain that it serves, as far as these may be read."""
    mxs = {"mxs": sorted({path.mx for path in paths})}
    known: dict[int, str] = {}
    for statement in (statements.MX_DOMAINS, statements.MX_OWNERS):
        if mxs["mxs"] and ask.can_ask(statement):
            known.update(ask.rows(statement, mxs))
    return known


def replies(ask: Questions, paths: Sequence[SmtpPath]) -> dict[tuple[int, int], Reply]:
    """Give the last reply on each path, as far as they may be read."""
    if not paths or not ask.can_ask(statements.SMTP_REPLIES):
        return {}
    parameters = {"mxs": [path.mx for path in paths], "public_ids": [path.public_id for path in paths]}
    rows = ask.rows(statements.SMTP_REPLIES, parameters)
    return {(mx, public_id): Reply(code, text or "") for mx, public_id, code, text in rows}


def retries(ask: Questions) -> dict[int | None, int]:
    """Count the messages that wait in deliveries in recovery, by channel."""
    return dict(ask.rows(statements.RETRIES))


def last_address_error(ask: Questions) -> float | None:
    """Tell when Campaign last noted an error of an address, in seconds since the epoch; None where it noted none."""
    ((moment,),) = ask.rows(statements.LAST_ADDRESS_ERROR)
    return None if moment is None else float(moment)
