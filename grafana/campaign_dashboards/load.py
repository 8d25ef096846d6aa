"""Coming load: what is to come, what comes together, and what will be too late."""

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards import asked
from campaign_dashboards.board import LOAD, Board, Place, Section, where
from campaign_dashboards.meaning import CRITICAL, GOOD, NEUTRAL, UNKNOWN, WARNING, none_of, thresholds
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
from campaign_dashboards.query import Query, earliest, ever, growth, labels, largest, one_of, or_nothing, or_unknown, selector
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c
from campaign_exporter import catalogue_outlook as o

_BY = ("delivery_id", "label")
_HORIZONS = o.UPCOMING.values["horizon"]
_STAGES = {
    "launched": "How many messages are to be sent within each time, with nobody needed any more? Of launched deliveries, with"
    " their waves and retries. A longer time holds the shorter ones.",
    "prepared": "How many messages are prepared, with a contact date within each time, and still to be launched by somebody or"
    " something? A longer time holds the shorter ones.",
}
#: What becomes of messages; `processed` is success and error together.
_BECAME = {"success": GOOD, "error": WARNING, "rejected": UNKNOWN, "quarantined": NEUTRAL[2]}
_PAGED = load_values(SHIPPED).of("CampaignDeliveryWillMissValidity")
_LOOKED = f"min({largest(c.COLLECTOR_SUCCESS, matching=(one_of('collector', ('outlook',)),))}) == 1"
_PAST = earliest(o.PAST_VALIDITY, *_BY)
_VALID_FOR = f"({largest(o.VALIDITY, *_BY)} - time())"


def too_late() -> Panel:
    """Count the messages that will be lost."""
    said = Said(
        "Messages that will be too late",
        "How many messages will be unsent when the validity of their delivery ends, at the present rate? Campaign cancels them"
        f" then. Soon: within {_PAGED['page_within']}. Deliveries of which it cannot be told are left out: they are unknown in"
        " the table.",
        "short",
    )
    on = f"on ({labels(_BY)})"
    soon, later = (f"sum({_PAST} and {on} {_VALID_FOR} {than} {_PAGED['page_within_seconds']})" for than in ("<=", ">"))
    queries = [Query(f"{expr} or on () 0 * ({_LOOKED})", name) for expr, name in ((soon, "soon"), (later, "later"))]
    return values(said, queries, [Line("soon", thresholds=none_of(CRITICAL))], none_of(WARNING))


def coming_now() -> Panel:
    """Tell how much comes, and how long it takes."""
    said = Said(
        "Coming within 24 hours",
        "How many messages of launched deliveries come within 24 hours, and how many more are prepared for then?"
        " What is prepared somebody or something is still to launch.",
        "short",
    )
    queries = [Query(_upcoming("24h", stage), stage) for stage in _STAGES]
    return values(said, queries)


def together_now() -> Panel:
    """Count the large deliveries that come together."""
    said = Said(
        "Large deliveries within 24 hours",
        "How many large deliveries come, and how many of them start within ten minutes of another one? An alert tells when"
        " these take long together.",
        "none",
    )
    together = f"sum({_group_size()} > 1)"
    queries = [
        Query(f"count({_large()}) or on () 0 * ({_LOOKED})", "all"),
        Query(f"{together} or on () 0 * ({_LOOKED})", "together"),
    ]
    return values(said, queries)


def _large() -> str:
    return largest(o.UPCOMING_LARGE, *_BY, "group")


def _group_size() -> str:
    return f"count by (campaign_instance, group) ({_large()})"


def _upcoming(horizon: str, stage: str) -> str:
    chosen = (one_of("stage", (stage,)), one_of("horizon", (horizon,)))
    return f"sum({largest(o.UPCOMING, matching=chosen)})"


def horizons(stage: str) -> Panel:
    """Compare how much comes within each time."""
    queries = [Query(_upcoming(horizon, stage), f"within {horizon}") for horizon in _HORIZONS]
    return bars(Said(f"Messages to come: {stage}", _STAGES[stage], "short"), queries, thresholds(NEUTRAL[0]))


def large() -> Panel:
    """List the large deliveries to come."""
    said = Said(
        "Large deliveries to come",
        "Which large deliveries come within 24 hours, and which of them together? Those that start within ten minutes of one"
        " another are one group, named by the id of its first. Alone it takes: at the throughput that is usual when there is"
        " work; leave that time between two starts.",
        "none",
    )
    start = earliest(o.UPCOMING_LARGE_START, *_BY, "group")
    usual = "on (campaign_instance) group_left () " + asked.USUAL_PER_SECOND
    size = f"0 * {_large()} + on (campaign_instance, group) group_left () {_group_size()}"
    exprs = [f"{start} - time()", _large(), f"{_large()} / {usual}", size]
    columns = [
        Column("A", "Starts in", unit="s", width=110),
        Column("group", "Group", width=110),
        Column("D", "In the group", width=120),
        Column("B", "Messages", unit="short", width=110),
        Column("C", "Alone it takes", unit="s", width=130),
        Column("label", "Delivery"),
        Column("delivery_id", "Id", width=100),
        Column("campaign_instance", "Instance", link=where(LOAD), width=140),
    ]
    queries = [Query(or_nothing(expr, "outlook", "label", NOTHING)) for expr in exprs]
    return table(said, Rows(queries, columns, sorted_by="Starts in", descending=False))


def under_way() -> Panel:
    """List the deliveries that are under way."""
    said = Said(
        "Deliveries under way",
        "When will each launched delivery be through, and is that before its validity ends? Those that will be too late come"
        " first. Unknown: its rate is not measured yet, or it has nothing due.",
        "none",
    )
    to_deliver, processed = (largest(o.DELIVERY_MESSAGES, *_BY, matching=(one_of("kind", (kind,)),)) for kind in o.KINDS[:2])
    known = f"group by ({labels(_BY)}) ({selector(o.DELIVERY_MESSAGES)})"
    exprs = [
        _PAST,
        f"{processed} / ({to_deliver} > 0)",
        f"{to_deliver} - {processed}",
        f"3600 * {largest(o.RATE, *_BY)}",
        f"{largest(o.EXPECTED_END, *_BY)} - time()",
        _VALID_FOR,
    ]
    columns = [
        Column("A", "Too late", unit="short", thresholds=none_of(WARNING), width=100),
        Column("label", "Delivery"),
        Column("B", "Progress", unit="percentunit", width=100),
        Column("C", "Left", unit="short", width=90),
        Column("D", "An hour", unit="short", width=90),
        Column("E", "Through in", unit="s", width=110),
        Column("F", "Valid for", unit="s", absent="-", width=110),
        Column("delivery_id", "Id", width=100),
        Column("campaign_instance", "Instance", link=where(LOAD), width=140),
    ]
    told = [or_unknown(expr, known, "delivery_id", "label") if expr != exprs[2] else expr for expr in exprs]
    queries = [Query(or_nothing(expr, "outlook", "label", NOTHING)) for expr in told]
    return table(said, Rows(queries, columns, sorted_by="Too late"))


def instances() -> Panel:
    """List what comes to each instance."""
    said = Said(
        "By instance",
        "Which instance gets more than it usually sends? What comes within each time, launched and prepared together, and how"
        " long all of the 24 hours takes at the throughput that is usual when there is work. Orange: longer than 24 hours.",
        "short",
    )
    within = {horizon: f"sum by (campaign_instance) ({_staged(horizon)})" for horizon in ("1h", "4h", "24h")}
    exprs = [*within.values(), or_unknown(f"{within['24h']} / {asked.USUAL_PER_SECOND}", asked.KNOWN)]
    columns = [
        Column("campaign_instance", "Instance", link=where(LOAD), width=140),
        *(Column(letter, f"Within {horizon}") for letter, horizon in zip("ABC", within, strict=True)),
        Column("D", "Takes", unit="s", thresholds=thresholds(GOOD, (86_400, WARNING))),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Takes"))


def _staged(horizon: str) -> str:
    return largest(o.UPCOMING, "stage", matching=(one_of("horizon", (horizon,)),))


def ahead() -> Panel:
    """Draw how much was to come."""
    said = Said(
        "Messages to come, over time",
        "Does the load ahead grow? What was to come within each time, launched and prepared together.",
        "short",
    )
    queries = [Query(f"sum({_staged(horizon)})", f"within {horizon}") for horizon in ("1h", "4h", "24h")]
    return time_series(said, queries, Drawn(lines=neutral(*(query.legend for query in queries))))


def became() -> Panel:
    """Draw what became of messages under way."""
    said = Said(
        "What became of messages under way",
        "What has become so far of the messages of deliveries that are under way? Success and error together are processed;"
        " rejected ones were left out by rules before; quarantined are new quarantines. It falls when a delivery is over.",
        "short",
    )
    queries = [Query(f"sum({_kind(kind)})", kind) for kind in _BECAME]
    return time_series(said, queries, Drawn(lines=coloured(_BECAME)))


def left_by_state() -> Panel:
    """Draw how much is left, by state."""
    said = Said(
        "Messages left, by state",
        "Where are the messages that are still to be processed? Messages of launched deliveries that are left, by the state of"
        " their delivery.",
        "short",
    )
    left = f"sum by (state) ({_kind('to_deliver')} - {_kind('processed')})"
    expr = or_nothing(ever(left, o.UNDER_WAY, "state"), "outlook", "state", NOTHING)
    lines = [*neutral(*o.UNDER_WAY_STATES.values()), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{state}}")], Drawn(stacked=True, lines=lines))


def _kind(kind: str) -> str:
    return largest(o.UNDER_WAY, "state", "channel", matching=(one_of("kind", (kind,)),))


def log_lines() -> Panel:
    """Draw how many lines delivery logs get."""
    said = Said(
        "Lines of delivery logs, an hour",
        "How much do deliveries write to their logs? Lines within the last hour by iLogType, whose numbers Adobe does not"
        " document; the first 1000 lines of a delivery are read.",
        "short",
    )
    query = Query(f"sum by (log_type) ({growth(o.LOG_LINES, '1h', 'log_type')})", "type {{log_type}}")
    return time_series(said, [query])


def log_findings() -> Panel:
    """Draw what delivery logs tell."""
    said = Said(
        "What delivery logs say",
        "Do the logs of deliveries say something that is known? Lines of the last hour by what they say: throttled is in order"
        " within bounds, the others are faults. Nothing where the role may not read their text.",
        "short",
    )
    found = f"sum by (finding) ({growth(o.LOG_FINDINGS, '1h', 'finding')})"
    # All lines of 0 are one: that the text was read, and says nothing.
    silent = f'label_replace(0 * (max({found}) < 0.5), "finding", "{NOTHING}", "", "")'
    names = o.LOG_FINDINGS.values["finding"]
    lines = [Line(f"/{'|'.join(names)}/", WARNING), *neutral("throttled"), NOTHING_LINE]
    return time_series(said, [Query(f"{found} > 0.5\nor\n{silent}", "{{finding}}")], Drawn(steps=True, lines=lines, whole=True))


def load() -> Board:
    """Make the dashboard."""
    return Board(
        LOAD,
        "What is to come and when, which large deliveries come together, and what will be too late for its validity.",
        [
            Section("Now", [Place(too_late(), 8, 4), Place(coming_now(), 8, 4), Place(together_now(), 8, 4)]),
            Section("Under way", [Place(under_way(), 24, 9)]),
            Section("To come", [Place(horizons("launched"), 12, 9), Place(horizons("prepared"), 12, 9)]),
            Section("Large deliveries", [Place(large(), 24, 8)]),
            Section("Against what is usual", [Place(instances(), 12, 9), Place(ahead(), 12, 9)]),
            Section("What becomes of it", [Place(became(), 12, 9), Place(left_by_state(), 12, 9)]),
            Section("Logs of deliveries", [Place(log_lines(), 12, 9), Place(log_findings(), 12, 9)]),
        ],
    )
