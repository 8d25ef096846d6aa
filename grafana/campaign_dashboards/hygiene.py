"""Hygiene and database: what is left behind, what sees to it, and how tables, ids and transactions stand."""

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards.addresses import addresses, addresses_kept, laps, quarantine, recipients
from campaign_dashboards.board import HYGIENE, Board, Place, Section, where
from campaign_dashboards.meaning import GOOD, NEUTRAL, UNKNOWN, WARNING, none_of, thresholds, value_map
from campaign_dashboards.panel import (
    NOTHING,
    NOTHING_LINE,
    Drawn,
    Line,
    Panel,
    Said,
    bars,
    coloured,
    neutral,
    time_series,
    values,
)
from campaign_dashboards.query import Query, earliest, ever, labels, largest, one_of, or_nothing, or_unknown, selector
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c
from campaign_exporter import catalogue_hygiene as h
from campaign_exporter import catalogue_surroundings as s
from campaign_exporter.metric import Metric

_ALERTS = load_values(SHIPPED)
_CLEANUP = thresholds(GOOD, (float(_ALERTS.of("CampaignCleanupFailing")["older_than_seconds"]), WARNING))
_DAY = 86400
_IDS = 2**31
_NEAR = float(_ALERTS.of("CampaignSequenceNearLimit")["share"])
_STANDINGS = {"in_use": NEUTRAL[0], "to_drop": NEUTRAL[1], "orphaned": WARNING, "unknown": UNKNOWN}
_TABLES = ("prefix", "standing")
_TROUBLES = h.TECHNICAL_WORKFLOW_TROUBLE.values["trouble"]


def _of(label: str, value: str) -> tuple[str, ...]:
    return (one_of(label, (value,)),)


def _worded(age: str) -> str:
    return "undated" if age == "unknown" else age.replace("_", " ")


def left_now() -> Panel:
    """Count what nobody needs."""
    said = Said(
        "Left behind",
        "How much is there that nobody needs? Work tables that cleanup should have dropped, deleted deliveries that it should"
        " have purged, and deliveries that failed or were never sent, more than 30 days ago.",
        "short",
    )
    old = largest(h.DELIVERIES_LEFT, "kind", matching=_of("age", "over_30d"))
    queries = [
        Query(f"sum({largest(h.WORK_TABLES, 'prefix', matching=_of('standing', 'orphaned'))})", "work tables"),
        Query(f"sum({largest(h.DELIVERIES_RECYCLED, matching=_of('standing', 'overdue'))})", "to be purged"),
        Query(f"sum({old})", "dead deliveries"),
    ]
    return values(said, queries, judged=none_of(WARNING))


def cleanup_now() -> Panel:
    """Tell when cleanup ran."""
    said = Said(
        "Cleanup",
        "Does the workflow that drops, purges and tidies come to its end? How long ago it last did, of the instance where that"
        " is longest, and lines marked as errors in its journal of the last 25 hours.",
        "none",
    )
    queries = [
        Query(f"time() - min({largest(h.CLEANUP_LAST_RUN)})", "last run"),
        Query(f"sum({largest(h.CLEANUP_LOG_ERRORS)})", "errors"),
    ]
    return values(said, queries, [Line("last run", unit="s", thresholds=_CLEANUP)], none_of(WARNING))


def troubles_now() -> Panel:
    """Count workflows in error, and events that wait."""
    said = Said(
        "Workflows and events",
        "Do technical workflows work? Those that are in error or rest; all other workflows in error; and transactional events"
        " that are due and were not processed, of the newest 2,000.",
        "none",
    )
    failed = largest(h.WORKFLOWS, "kind", matching=(*_of("state", "failed"), 'kind!="technical"'))
    queries = [
        Query(f"sum({largest(h.TECHNICAL_WORKFLOW_TROUBLE, 'workflow', 'trouble')})", "technical"),
        Query(f"sum({failed})", "others in error"),
        Query(f"sum({largest(h.RT_EVENTS_UNPROCESSED, 'status')})", "events"),
    ]
    lines = [Line("technical", thresholds=none_of(WARNING))]
    return values(said, queries, lines)


def work_tables() -> Panel:
    """Draw how many work tables there are."""
    said = Said(
        "Work tables",
        "Do temporary tables of deliveries and workflows pile up? By standing. to_drop: their owner is over since the last"
        " cleanup; orphaned: cleanup should have dropped them, or their owner is gone; unknown: whose they are cannot be told.",
        "short",
    )
    return _by_standing(said, h.WORK_TABLES)


def work_table_bytes() -> Panel:
    """Draw how large work tables are."""
    said = Said(
        "Size of work tables",
        "How much would dropping them free? With their indexes, as of the last vacuum or analyze of each. Those that never had"
        " one are not measured, and missing.",
        "bytes",
    )
    return _by_standing(said, h.WORK_TABLE_BYTES)


def _by_standing(said: Said, metric: Metric) -> Panel:
    counted = f"sum by (standing) ({largest(metric, *_TABLES)})"
    expr = or_nothing(ever(counted, metric, "standing"), "hygiene", "standing", NOTHING)
    lines = [*coloured(_STANDINGS), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{standing}}")], Drawn(steps=True, stacked=True, lines=lines))


def leftovers() -> Panel:
    """List the deliveries that nobody needs."""
    said = Said(
        "Deliveries that nobody needs",
        "Which deliveries failed, failed at their preparation, or are prepared and were never sent, and since when has nobody"
        " changed them? Orange: more than 30 days, time to delete them.",
        "none",
    )
    ages = h.DELIVERIES_LEFT.values["age"]
    exprs = [largest(h.DELIVERIES_LEFT, "kind", matching=_of("age", age)) for age in ages]
    old = ages.index("over_30d")
    columns = [
        Column("campaign_instance", "Instance", link=where(HYGIENE), width=130),
        Column("kind", "Deliveries"),
        *(
            Column(letter, _worded(age), thresholds=none_of(WARNING) if place == old else None, width=100)
            for place, (letter, age) in enumerate(zip("ABCDE", ages, strict=True))
        ),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="over 30d"))


def kept() -> Panel:
    """Compare how old deliveries are."""
    said = Said(
        "Deliveries by age",
        "How many deliveries are kept, and how old are they? Adobe advises fewer than 1,000 on an instance, and none over two"
        " years. Without templates, proofs and deleted ones.",
        "short",
    )
    queries = [
        Query(f"sum({largest(h.DELIVERIES_KEPT, matching=_of('age', age))})", _worded(age))
        for age in h.DELIVERIES_KEPT.values["age"]
    ]
    return bars(said, queries, thresholds(NEUTRAL[0]))


def delays() -> Panel:
    """List how long cleanup keeps things."""
    said = Said(
        "How long cleanup keeps things",
        "After what time does cleanup drop what is old? By the option that says so, NmsCleanup_...PurgeDelay: of deleted"
        " deliveries (RecycledDelivery), delivery logs (BroadLog) and others. One that is not set is missing: Campaign's own"
        " default holds.",
        "short",
    )
    expr = f"{largest(h.CLEANUP_DELAY, 'option')} / {_DAY}"
    named = f'label_replace({expr}, "option", "$1", "option", "NmsCleanup_(.+)PurgeDelay")'
    columns = [
        Column("option", "What"),
        Column("Value", "Kept for days", unit="short", width=120),
        Column("campaign_instance", "Instance", link=where(HYGIENE), width=130),
    ]
    return table(said, Rows([Query(named)], columns, sorted_by="What", descending=False))


def workflows() -> Panel:
    """List the technical workflows."""
    said = Said(
        "Technical workflows",
        "Which technical workflow is in error or rests, when did it last do something, and when is it to run next? A next run"
        " in the past is late: orange from the alert's time on.",
        "none",
    )
    by = ("workflow",)
    known = f"group by ({labels(by)}) ({selector(h.TECHNICAL_WORKFLOW_TROUBLE)})"
    ranked = "\nor\n".join(
        f"{rank} * ({largest(h.TECHNICAL_WORKFLOW_TROUBLE, *by, matching=_of('trouble', trouble))} > 0)"
        for rank, trouble in enumerate(_TROUBLES, start=1)
    )
    exprs = [
        f"{ranked}\nor\n0 * {known}",
        or_unknown(f"time() - {largest(h.TECHNICAL_WORKFLOW_LAST_RUN, *by)}", known, *by),
        or_unknown(f"clamp_min(time() - {earliest(h.TECHNICAL_WORKFLOW_NEXT_RUN, *by)}, 0)", known, *by),
    ]
    standing = {"0": ("at work", GOOD)} | {
        str(rank): (trouble.replace("_", " "), WARNING) for rank, trouble in enumerate(_TROUBLES, start=1)
    }
    late = thresholds(GOOD, (float(_ALERTS.of("CampaignWorkflowFailed")["late_seconds"]), WARNING))
    columns = [
        Column("A", "State", mapping=value_map(standing), width=110),
        Column("workflow", "Workflow"),
        Column("B", "Last run, ago", unit="s", absent="never", width=130),
        Column("C", "Late by", unit="s", thresholds=late, absent="-", width=120),
        Column("campaign_instance", "Instance", link=where(HYGIENE), width=130),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="State"))


def tables() -> Panel:
    """List how tables are kept up."""
    said = Said(
        "Tables",
        "Which tables are bloated, or not vacuumed? Adobe calls for a vacuum where indexes are larger than their table: orange."
        " Sizes and rows are as of the last vacuum or analyze; on a replica dead rows are not known.",
        "short",
    )
    by = ("table",)
    known = f"group by ({labels(by)}) ({selector(h.TABLE_BYTES)})"
    size, index, rows = (largest(metric, *by) for metric in (h.TABLE_BYTES, h.TABLE_INDEX_BYTES, h.TABLE_ROWS))
    dead = largest(h.TABLE_DEAD_ROWS, *by)
    told = (
        index,
        f"{index} / ({size} > 0)",
        rows,
        f"{dead} / ({rows} + {dead} > 0)",
        f"time() - {largest(h.TABLE_LAST_VACUUM, *by)}",
        f"time() - {largest(h.TABLE_LAST_ANALYZE, *by)}",
    )
    exprs = [size, *(or_unknown(expr, known, *by) for expr in told)]
    columns = [
        Column("table", "Table"),
        Column("A", "Table's size", unit="bytes"),
        Column("B", "Indexes", unit="bytes"),
        Column("C", "Indexes to table", unit="percentunit", thresholds=thresholds(GOOD, (1, WARNING)), absent="-"),
        Column("D", "Rows"),
        Column("E", "Dead rows", unit="percentunit"),
        Column("F", "Vacuumed, ago", unit="s"),
        Column("G", "Analyzed, ago", unit="s"),
        Column("campaign_instance", "Instance", link=where(HYGIENE), width=140),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Table's size"))


def sequences() -> Panel:
    """Compare how many ids are given out."""
    said = Said(
        "Ids that are given out",
        "Do Campaign's ids run out? Share of the ids there are (2^31) that a sequence has given out, of the ten that are"
        f" furthest. Orange from {_NEAR:.0%} on: once they wrap, rows collide and deliveries stop.",
        "percentunit",
    )
    query = Query(f"topk(10, {largest(h.SEQUENCE_LAST_VALUE, 'sequence')} / {_IDS})", "{{campaign_instance}} {{sequence}}")
    return bars(said, [query], thresholds(GOOD, (_NEAR, WARNING)), top=1)


def transactions() -> Panel:
    """Draw how long transactions stay open."""
    said = Said(
        "Oldest open transaction",
        "Does a transaction keep vacuum from its work? How long the oldest has been open, by state. Dashed: the alert's limit"
        " for those that are idle or prepared; those at work may take longer.",
        "s",
    )
    expr = f"time() - min by (state) ({selector(h.OLDEST_TRANSACTION)})"
    limit = float(_ALERTS.of("CampaignTransactionTooLong")["after_seconds"])
    lines = [*neutral(*h.OLDEST_TRANSACTION.values["state"]), NOTHING_LINE]
    query = Query(or_nothing(expr, "maintenance", "state", NOTHING), "{{state}}")
    return time_series(said, [query], Drawn(lines=lines, limits=thresholds(GOOD, (limit, WARNING))))


def blocked() -> Panel:
    """Draw how many sessions wait for locks."""
    said = Said(
        "Sessions that wait for a lock, by table",
        "Which of Campaign's sending tables does somebody hold? Sessions that wait for a lock on it. How long they do, and from"
        " when on deliveries count as blocked, is on the overview.",
        "none",
    )
    expr = ever(f"sum by (table) ({largest(c.DATABASE_BLOCKED, 'table')})", c.DATABASE_BLOCKED, "table")
    query = Query(or_nothing(expr, "database", "table", NOTHING), "{{table}}")
    return time_series(said, [query], Drawn(steps=True, stacked=True, lines=[NOTHING_LINE], whole=True))


def events() -> Panel:
    """Draw the events that wait."""
    said = Said(
        "Events that were not processed",
        "Does Message Center keep up? Transactional events that were due and have no date of processing, of the newest 2,000 of"
        " the last two hours, by status, whose numbers Adobe does not document; and how long the oldest waits.",
        "none",
    )
    queries = [
        Query(f"sum by (status) ({largest(h.RT_EVENTS_UNPROCESSED, 'status')})", "status {{status}}"),
        Query(f"time() - min({selector(h.RT_EVENTS_OLDEST)})", "oldest"),
        Query(f"sum({largest(h.RT_EVENTS_SAMPLED, 'status')})", "looked at"),
    ]
    line = Line("oldest", NEUTRAL[1], unit="s", dashed=True, custom={"axisPlacement": "right"})
    return time_series(said, queries, Drawn(lines=[line], whole=True))


def event_queue() -> Panel:
    """Draw how full Message Center's queue is."""
    said = Said(
        "Message Center queue",
        "Does the queue of transactional events fill up? Events that wait in it, as a share of those at which it counts as"
        " full, by what mcPing.jsp answers. No data where no endpoint of the configuration is mcPing.jsp.",
        "percentunit",
    )
    by = ("endpoint", "address")
    share = f"{largest(s.EVENT_QUEUE_LENGTH, *by)} / ({largest(s.EVENT_QUEUE_LIMIT, *by)} > 0)"
    query = Query(f"topk(10, {share})", "{{campaign_instance}} {{endpoint}} {{address}}")
    return time_series(said, [query], Drawn(limits=thresholds(GOOD, (1, WARNING)), judged=True))


def hygiene() -> Board:
    """Make the dashboard."""
    return Board(
        HYGIENE,
        "What is left behind that nobody needs, whether cleanup and technical workflows see to it, quarantine, and how tables,"
        " ids and transactions stand.",
        [
            Section("Now", [Place(left_now(), 9, 4), Place(cleanup_now(), 6, 4), Place(troubles_now(), 9, 4)]),
            Section("Temporary tables", [Place(work_tables(), 12, 9), Place(work_table_bytes(), 12, 9)]),
            Section("Deliveries that nobody needs", [Place(leftovers(), 10, 9), Place(kept(), 7, 9), Place(delays(), 7, 9)]),
            Section("Workflows and events", [Place(workflows(), 24, 9), Place(events(), 12, 9), Place(event_queue(), 12, 9)]),
            Section("Quarantine", [Place(quarantine(), 8, 9), Place(addresses(), 8, 9), Place(addresses_kept(), 8, 9)]),
            Section("Recipients", [Place(recipients(), 12, 9), Place(laps(), 12, 9)]),
            Section(
                "Database",
                [Place(tables(), 24, 9), Place(sequences(), 8, 9), Place(transactions(), 8, 9), Place(blocked(), 8, 9)],
            ),
        ],
    )
