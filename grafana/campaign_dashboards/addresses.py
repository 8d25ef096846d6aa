"""Addresses and recipients: quarantine, denylists, and who does nothing any more."""

from campaign_dashboards.board import HYGIENE, where
from campaign_dashboards.meaning import NEUTRAL, thresholds
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Panel, Said, bars, time_series
from campaign_dashboards.query import Query, labels, largest, one_of, or_nothing, or_unknown, selector
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue_hygiene as h
from campaign_exporter.domain.recipient_laps import ACTIVITIES

_DAY = 86400
_ACTIVITIES = {activity: "not known" if activity == "unknown" else activity for activity in ACTIVITIES}


def quarantine() -> Panel:
    """Draw which addresses change."""
    said = Said(
        "Addresses that changed, by what they are now",
        "Do more addresses get into quarantine than usual? Addresses that changed within the last hour by quarantine reason;"
        " of the statuses Adobe documents only the number of valid, others go by theirs.",
        "short",
    )
    expr = f"sum by (status, reason) ({largest(h.ADDRESSES_CHANGED, 'channel', 'status', 'reason')})"
    query = Query(or_nothing(f"{expr} > 0", "hygiene", "reason", NOTHING), "{{reason}}, status {{status}}")
    return time_series(said, [query], Drawn(steps=True, lines=[NOTHING_LINE], whole=True))


def addresses() -> Panel:
    """List what Campaign keeps of addresses."""
    said = Said(
        "Addresses with errors, by reason",
        "Why are addresses in quarantine? The ten most frequent reasons, and recipients on the denylist of a channel, as"
        " PostgreSQL estimated at its last ANALYZE: no row is read.",
        "short",
    )
    queries = [
        Query(f"topk(10, sum by (reason) ({largest(h.ADDRESSES_BY_REASON, 'reason')}))", "{{reason}}"),
        Query(f"topk(3, sum by (channel) ({largest(h.RECIPIENTS_DENYLISTED, 'channel')}))", "denylist: {{channel}}"),
    ]
    return bars(said, queries, thresholds(NEUTRAL[0]))


def addresses_kept() -> Panel:
    """Compare of how many addresses Campaign keeps errors."""
    said = Said(
        "Addresses with errors, by status and channel",
        "Of how many addresses does Campaign keep errors, in which status and of which channel? As PostgreSQL estimated at its"
        " last ANALYZE. Of the statuses Adobe documents only the number of valid, others go by theirs.",
        "short",
    )
    queries = [
        Query(f"topk(6, sum by (status) ({largest(h.ADDRESSES_BY_STATUS, 'status')}))", "status {{status}}"),
        Query(f"topk(6, sum by (channel) ({largest(h.ADDRESSES_BY_CHANNEL, 'channel')}))", "{{channel}}"),
    ]
    return bars(said, queries, thresholds(NEUTRAL[0]))


def recipients() -> Panel:
    """Compare what recipients do, and what they refuse."""
    said = Said(
        "Recipients, counted one by one",
        "How many recipients are inactive, or on a denylist? As the last complete lap over all of them found; empty where"
        " collector recipients is off, as it is unless switched on. Inactive is our own definition: created before the time"
        " that the table tells, and no tracking log since; what cleanup has purged of these logs cannot be seen.",
        "short",
    )
    done = [
        Query(f"sum({largest(h.RECIPIENTS_COUNTED_BY_ACTIVITY, matching=(one_of('activity', (activity,)),))})", named)
        for activity, named in _ACTIVITIES.items()
    ]
    refused = f"sum by (channel) ({largest(h.RECIPIENTS_COUNTED_DENYLISTED, 'channel')})"
    return bars(said, [*done, Query(refused, "denylist: {{channel}}")], thresholds(NEUTRAL[0]))


def laps() -> Panel:
    """List how laps over recipients go."""
    said = Said(
        "Laps over recipients",
        "How old are these counts, and how far is the lap that will replace them? Empty where collector recipients is off.",
        "s",
    )
    known = f"group by ({labels(())}) ({selector(h.RECIPIENTS_LAP_ROWS)})"
    told = (
        largest(h.RECIPIENTS_COUNTED),
        f"time() - {largest(h.RECIPIENTS_LAP_END)}",
        largest(h.RECIPIENTS_LAP_DURATION),
        f"{largest(h.RECIPIENTS_INACTIVE_AFTER)} / {_DAY}",
    )
    exprs = [largest(h.RECIPIENTS_LAP_ROWS), *(or_unknown(expr, known) for expr in told)]
    columns = [
        Column("campaign_instance", "Instance", link=where(HYGIENE)),
        Column("B", "Recipients", unit="short", absent="-", width=110),
        Column("C", "Lap ended, ago", unit="s", absent="not yet", width=130),
        Column("D", "It took", unit="s", absent="-", width=110),
        Column("E", "Inactive after days", unit="short", absent="-", width=150),
        Column("A", "Now at", unit="short", width=100),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Recipients"))
