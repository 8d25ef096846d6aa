"""Deliveries: what waits, since when and why, and what the others do."""

from campaign_dashboards import asked
from campaign_dashboards.board import DELIVERIES, Board, Place, Section, where
from campaign_dashboards.meaning import (
    ALARMING,
    CAUSE,
    GOOD,
    GRAVITY,
    RANKS,
    SEVERITY,
    UNKNOWN,
    WARNING,
    cause_colours,
    causes_of,
    thresholds,
)
from campaign_dashboards.overview import at_stake, pending_by_cause, waiting_now
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Line, Panel, Said, coloured, neutral, time_series, words
from campaign_dashboards.query import Query, earliest, ever, growth, labels, largest, one_of, or_nothing, selector
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c
from campaign_exporter.diagnosis.causes import CAUSES, SEVERITIES
from campaign_exporter.domain.deliveries import CHANNELS

_RUNBOOK = "${runbooks}/CampaignDeliveryStuckPending.md#${__value.raw}"
_OVER = ("being_edited", "finished", "deleted")
_EVENTS = {"in_progress": "started", "finished": "finished", "failed": "failed", "preparation_error": "preparation failed"}
_USUAL = ("start_pending", "in_progress", "retry_pending", "retry_in_progress", "ready", "message_ready", "paused")
_STATES = (*_USUAL, *(state for state in c.DELIVERIES.values["state"] if state not in (*_OVER, *_USUAL)))
_FAILED = ("failed", "preparation_error")


def stuck() -> Panel:
    """List the deliveries that somebody has to do something about."""
    said = Said(
        "Deliveries that are stuck",
        "The gravest and oldest deliveries that wait for something somebody has to do: at most 50 an instance, unless its"
        " exporter is told otherwise. A cause leads to its runbook. What is in order is left out.",
        "none",
    )
    by = ("delivery_id", "label", "cause")
    listed = {severity: selector(c.DELIVERY_PENDING_SINCE, one_of("cause", causes_of(severity))) for severity in SEVERITIES[:3]}
    exprs = [
        "\nor\n".join(f"{RANKS[severity]} * group by ({labels(by)}) ({expr})" for severity, expr in listed.items()),
        f"time() - {earliest(c.DELIVERY_PENDING_SINCE, *by, matching=(one_of('cause', ALARMING),))}",
    ]
    columns = [
        Column("A", "Severity", mapping=SEVERITY, width=110),
        Column("B", "Waits for", unit="s", width=110),
        Column("cause", "Cause", mapping=CAUSE, link=_RUNBOOK, width=200),
        Column("label", "Delivery"),
        Column("delivery_id", "Id", width=100),
        Column("campaign_instance", "Instance", link=where(DELIVERIES), width=140),
    ]
    queries = [Query(or_nothing(expr, "pending", "label", NOTHING)) for expr in exprs]
    return table(said, Rows(queries, columns, sorted_by="Severity"))


def messages_by_cause() -> Panel:
    """Draw the messages in what waits."""
    said = Said(
        "Messages that are stuck, by cause",
        "Messages in deliveries that should be sending and are not, and wait for something somebody has to do. The colours"
        " are those of the causes' severities.",
        "short",
    )
    expr = or_nothing(
        ever(f"sum by (cause) ({asked.WAITING_MESSAGES})", c.PENDING_MESSAGES, "cause"), "pending", "cause", NOTHING
    )
    lines = [*coloured(cause_colours()), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{cause}}")], Drawn(steps=True, stacked=True, lines=lines))


def oldest_by_cause() -> Panel:
    """Draw how long the oldest waits."""
    said = Said(
        "Longest wait, by cause",
        "How long the delivery that has waited longest waits, for causes that somebody has to do something about. Dashed:"
        " after how long Campaign itself calls a delivery delayed (option NmsMTA_Alert_Delay), the shortest of the instances"
        " shown.",
        "s",
    )
    queries = [
        Query(or_nothing(f"max by (cause) ({asked.WAITED})", "pending", "cause", NOTHING), "{{cause}}"),
        Query(f"min({selector(c.PENDING_ALERT_DELAY)})", "delayed from here on"),
    ]
    lines = [*coloured(cause_colours()), NOTHING_LINE, Line("delayed from here on", UNKNOWN, dashed=True)]
    return time_series(said, queries, Drawn(lines=lines))


def causes() -> Panel:
    """List each cause: whether it can be seen, and what waits for it."""
    said = Said(
        "Each cause now",
        "What waits for each cause, and for what share of the instances it can be seen. Where it cannot, for want of facts, no"
        " delivery is ever said to wait for it: it is said to wait for the next cause that holds, or for an unknown one.",
        "none",
    )
    known = f"group by (cause) ({selector(c.PENDING_CAUSE_EVALUATED)})"
    exprs = [
        f"avg by (cause) ({largest(c.PENDING_CAUSE_EVALUATED, 'cause')})",
        f"sum by (cause) ({largest(c.DELIVERIES_PENDING, 'cause')})\nor on (cause) NaN * {known}",
        f"sum by (cause) ({largest(c.PENDING_MESSAGES, 'cause')})\nor on (cause) NaN * {known}",
        f"time() - min by (cause) ({selector(c.PENDING_OLDEST)})\nor on (cause) NaN * {known}",
        "\nor\n".join(
            f"{RANKS[severity]} * (sum by (cause) ({asked.pending(c.DELIVERIES_PENDING, severity)}) > bool 0)"
            for severity in SEVERITIES
        )
        + f"\nor on (cause) NaN * {known}",
    ]
    columns = [
        Column("E", "Severity", mapping=SEVERITY, width=110),
        Column("cause", "Cause", link=_RUNBOOK, width=200),
        Column("B", "Deliveries", unit="none"),
        Column("C", "Messages", unit="short"),
        Column("D", "Longest wait", unit="s", absent="-"),
        Column("A", "Seen", unit="percentunit", thresholds=thresholds(UNKNOWN, (1, GOOD))),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Severity"))


def states() -> Panel:
    """Draw in which states deliveries are."""
    said = Said(
        "Deliveries by state",
        "Deliveries between their first preparation and their end, by state. Those that are being edited, finished or deleted"
        " are left out. Orange: failed, until somebody sees to them.",
        "none",
    )
    without = 'state!~"' + "|".join(_OVER) + '"'
    counted = f"sum by (state) ({largest(c.DELIVERIES, 'state', 'channel', matching=(without,))})"
    expr = or_nothing(ever(counted, c.DELIVERIES, "state", matching=(without,)), "deliveries", "state", NOTHING)
    lines = [*neutral(*_STATES), *[Line(state, WARNING) for state in _FAILED], NOTHING_LINE]
    return time_series(said, [Query(expr, "{{state}}")], Drawn(steps=True, lines=lines, whole=True))


def events() -> Panel:
    """Draw what deliveries came to."""
    said = Said(
        "What deliveries came to",
        "Deliveries seen within the last hour to start, finish or fail. States passed through between two rounds are not seen.",
        "none",
    )
    queries = [
        Query(f"round(sum({growth(c.DELIVERY_TRANSITIONS, '1h', matching=(one_of('state', (state,)),))}))", word)
        for state, word in _EVENTS.items()
    ]
    lines = [Line("started", neutral("a")[0].colour), Line("finished", GOOD), Line("failed", WARNING)]
    lines.append(Line("preparation failed", "#c15c17"))
    return time_series(said, queries, Drawn(steps=True, lines=lines, whole=True))


def start_delay() -> Panel:
    """Draw how late deliveries start."""
    said = Said(
        "How late deliveries start",
        "Time from a delivery's contact date to its start, of the deliveries that started within the last six hours: half of"
        " them, and 95 of 100, started within this. Dashed: the 15 minutes of the service level. Nothing where none started.",
        "s",
    )
    buckets = f"sum by (le) ({growth(c.DELIVERY_START_DELAY, '6h', 'le', suffix='_bucket')})"
    queries = [
        Query(f"histogram_quantile(0.95, {buckets})", "95 of 100"),
        Query(f"histogram_quantile(0.5, {buckets})", "half"),
    ]
    drawn = Drawn(lines=neutral("95 of 100", "half"), limits=thresholds(GOOD, (900, WARNING)))
    return time_series(said, queries, drawn)


def in_progress() -> Panel:
    """List the deliveries that are being sent, those that stand still first."""
    said = Said(
        "Deliveries in progress",
        "Deliveries of which a part is due, those first that have processed nothing for longest: at most 50 an instance,"
        " unless its exporter is told otherwise. Orange from 30 minutes on, when an alert says that it stands still.",
        "none",
    )
    by = ("delivery_id", "label")
    exprs = [f"time() - {earliest(c.DELIVERY_PROGRESS, *by)}", largest(c.DELIVERY_MESSAGES_REMAINING, *by)]
    columns = [
        Column("A", "Went on", unit="s", thresholds=thresholds(GOOD, (1800, WARNING)), width=110),
        Column("B", "Messages left", unit="short", width=130),
        Column("label", "Delivery"),
        Column("delivery_id", "Id", width=100),
        Column("campaign_instance", "Instance", link=where(DELIVERIES), width=140),
    ]
    queries = [Query(or_nothing(expr, "deliveries", "label", NOTHING)) for expr in exprs]
    return table(said, Rows(queries, columns, sorted_by="Went on"))


def due() -> Panel:
    """Draw what should be going out now."""
    said = Said(
        "Messages that are due",
        "Messages left in deliveries in progress of which a part is due now, by channel: while there are any, something"
        " should go out.",
        "short",
    )
    expr = or_nothing(
        ever(f"sum by (channel) ({largest(c.MESSAGES_DUE, 'channel')})", c.MESSAGES_DUE, "channel"),
        "deliveries",
        "channel",
        NOTHING,
    )
    lines = [*neutral(*CHANNELS.values()), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{channel}}")], Drawn(stacked=True, lines=lines))


def remaining() -> Panel:
    """Draw how much is still to be sent."""
    said = Said(
        "Messages still to be sent",
        "Messages of launched deliveries that are not processed yet, by channel: it grows with each launch, and falls as they"
        " go out.",
        "short",
    )
    counted = f"sum by (channel) ({largest(c.MESSAGES_REMAINING, 'channel')})"
    expr = or_nothing(ever(counted, c.MESSAGES_REMAINING, "channel"), "deliveries", "channel", NOTHING)
    lines = [*neutral(*CHANNELS.values()), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{channel}}")], Drawn(stacked=True, lines=lines))


def preparation() -> Panel:
    """Draw how long the oldest preparation takes."""
    said = Said(
        "Longest preparation",
        "How long ago the delivery was last changed that has been in preparation for longest, be it due or not. Dashed: how"
        " long Campaign allows (maxPreparationJobsSec; an hour where it is not set), the shortest of the instances shown."
        " Nothing where none is in preparation.",
        "s",
    )
    oldest = f"time() - {selector(c.PREPARATION_OLDEST)}"
    limit = f"min(max by (campaign_instance) ({selector(c.PREPARATION_LIMIT)}))"
    queries = [
        Query(f"max by (campaign_instance) ({oldest})", "{{campaign_instance}}"),
        Query(limit, "allowed"),
    ]
    return time_series(said, queries, Drawn(lines=[Line("allowed", UNKNOWN, dashed=True)]))


def meanings() -> Panel:
    """Say what each cause means."""
    rows = "".join(
        f"| [{name}](${{runbooks}}/CampaignDeliveryStuckPending.md#{name}) | {GRAVITY[name]} | {meaning} |\n"
        for name, meaning in ((cause.name, cause.meaning) for cause in CAUSES)
    )
    return words(
        "What each cause means",
        "In order of precedence: a delivery has the first that holds and whose facts can be seen.",
        f"| cause | severity | holds when |\n|---|---|---|\n{rows}",
    )


def deliveries() -> Board:
    """Make the dashboard."""
    return Board(
        DELIVERIES,
        "What waits, since when and why, with the way to the runbook; states, starts and what is still to be sent.",
        [
            Section("Now", [Place(waiting_now(), 12, 4), Place(at_stake(), 12, 4)]),
            Section("Stuck", [Place(stuck(), 24, 10)]),
            Section("Since when, and why", [Place(pending_by_cause(), 12, 9), Place(oldest_by_cause(), 12, 9)]),
            Section("How much", [Place(messages_by_cause(), 12, 10), Place(causes(), 12, 10)]),
            Section("States", [Place(states(), 12, 10), Place(events(), 12, 10)]),
            Section("Progress", [Place(in_progress(), 24, 8), Place(due(), 12, 9), Place(remaining(), 12, 9)]),
            Section("Starts", [Place(start_delay(), 12, 8), Place(preparation(), 12, 8)]),
            Section("Help", [Place(meanings(), 24, 17)], folded=True),
        ],
    )
