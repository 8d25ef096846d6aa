"""Tracking: what recipients do, whether it arrives, and what became of each message."""

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards import asked
from campaign_dashboards.board import TRACKING, Board, Place, Section, where
from campaign_dashboards.meaning import GOOD, NEUTRAL, SHARE_UP, UNKNOWN, UP, WARNING, thresholds
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Line, Panel, Said, neutral, time_series, values
from campaign_dashboards.query import Query, earliest, largest, one_of, or_nothing, or_unknown
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c
from campaign_exporter import message_metrics as m

_ALERTS = load_values(SHIPPED)
_STALE = thresholds(GOOD, (float(_ALERTS.of("CampaignTrackingStalled")["age_seconds"]), WARNING))
#: The workflow fetches logs each hour unless it is told otherwise; its alert allows it twenty minutes.
_LATE = thresholds(GOOD, (1200, WARNING))
_REDIRECTION = largest(c.ENDPOINT_UP, "endpoint", "address", matching=(one_of("kind", ("redirection",)),))
_DAEMON = largest(c.PROCESS_UP, "host", matching=(one_of("process", ("trackinglogd",)),))
_WORKFLOW = earliest(m.TRACKING_WORKFLOW_UP)
_AGE = f"time() - {largest(m.TRACKING_LAST)}"


def _events(window: str, *by: str, matching: tuple[str, ...] = ()) -> str:
    return asked.counted(m.TRACKING_EVENTS, m.TRACKING_EVENTS_CATCH_UP, window, *by, matching=matching)


def _entered(window: str, *by: str, matching: tuple[str, ...] = ()) -> str:
    return asked.counted(m.MESSAGE_TRANSITIONS, m.MESSAGE_TRANSITIONS_CATCH_UP, window, *by, matching=matching)


def chain_now() -> Panel:
    """Tell which links of the chain hold."""
    said = Said(
        "The chain holds",
        "Can an open or a click arrive? Shares of the redirections that answer, of the trackinglogd that run, and of the"
        " workflows that fetch what these wrote. Green is all, orange a part, red none.",
        "percentunit",
    )
    queries = [
        Query(f"avg({_REDIRECTION})", "redirections"),
        Query(f"avg({_DAEMON})", "trackinglogd"),
        Query(f"avg({_WORKFLOW})", "workflows"),
    ]
    return values(said, queries, judged=SHARE_UP)


def newest_now() -> Panel:
    """Tell how old the newest tracking log is."""
    said = Said(
        "Newest tracking log",
        "How long ago did a recipient do the last thing that Campaign knows of, on the instance where that is longest? Orange"
        " from the alert's time on, which also asks whether mails have gone out.",
        "s",
    )
    return values(said, [Query(f"max({_AGE})", "ago")], judged=_STALE)


def reactions_now() -> Panel:
    """Tell what recipients did."""
    said = Said(
        "Within the last 24 hours",
        "How many opens, clicks and opt-outs have been added up within 24 hours? Each counts each time.",
        "short",
    )
    words = {"open": "opens", "click": "clicks", "opt_out": "opt-outs"}
    queries = [Query(f"sum({_events('24h', matching=(one_of('event', (event,)),))})", word) for event, word in words.items()]
    return values(said, queries)


def events() -> Panel:
    """Draw what recipients do."""
    said = Said(
        "What recipients do, an hour",
        "Do people open and click? By event, each time. It moves in steps: when Campaign's workflow has fetched tracking logs"
        " and added them up. What is counted at once for a time that was not watched is left out.",
        "short",
    )
    query = Query(f"sum by (event) ({_events('1h', 'event')})", "{{event}}")
    return time_series(said, [query], Drawn(lines=neutral(*m.TRACKING_EVENTS.values["event"])))


def rates() -> Panel:
    """Draw opens and clicks against what is sent."""
    said = Said(
        "Opens and clicks for each message sent",
        "Do fewer people react than usual? Opens, clicks and opt-outs added up within six hours, against the messages sent in"
        " the same time: people react later, so it rises after a peak. Nothing where nothing was sent.",
        "percentunit",
    )
    sent = f"sum({_entered('6h', matching=(one_of('status', ('sent',)),))})"
    queries = [
        Query(f"sum({_events('6h', matching=(one_of('event', (event,)),))}) / ({sent} > 0)", event)
        for event in ("open", "click", "opt_out")
    ]
    return time_series(said, queries, Drawn(lines=neutral("open", "click", "opt_out")))


def newest() -> Panel:
    """Draw how old the newest tracking log was."""
    said = Said(
        "Age of the newest tracking log",
        "Since when has nothing arrived? It falls each time when tracking logs are fetched, by instance. Fetched: how old the"
        " option NmsTracking_Pointer is, where the instance keeps it as a date. Dashed: the alert's limit.",
        "s",
    )
    fetched = Query(f"time() - {largest(m.TRACKING_POINTER)}", "{{campaign_instance}} fetched")
    return time_series(said, [Query(_AGE, "{{campaign_instance}}"), fetched], Drawn(limits=_STALE, judged=True))


def untracked() -> Panel:
    """Draw what share of the deliveries has no tracked link."""
    said = Said(
        "Deliveries without a tracked link, of those begun within 24 hours",
        "Was tracking forgotten? Share by channel, templates and proofs left out. That of SMS and of mails without links is"
        " normal: what matters is when the share of a channel rises. Of a mail without any, no click is counted.",
        "percentunit",
    )
    without = largest(m.DELIVERIES_STARTED, "channel", matching=(one_of("tracked", ("no",)),))
    every = largest(m.DELIVERIES_STARTED, *m.DELIVERIES_STARTED.labels)
    share = f"sum by (channel) ({without}) / (sum by (channel) ({every}) > 0)"
    query = Query(or_nothing(share, "tracking", "channel", NOTHING), "{{channel}}")
    lines = [*neutral(*m.DELIVERIES_STARTED.values["channel"]), NOTHING_LINE]
    return time_series(said, [query], Drawn(steps=True, lines=lines))


def chain() -> Panel:
    """List the links of the chain by instance."""
    said = Said(
        "The chain, by instance",
        "Where does it break? The redirection notes what people do, trackinglogd writes it, the workflow tracking fetches it."
        " A workflow that should have run is late.",
        "none",
    )
    by_instance = "min by (campaign_instance)"
    told = (
        f"{by_instance} ({_REDIRECTION})",
        f"{by_instance} ({_DAEMON})",
        _WORKFLOW,
        f"clamp_min(time() - {earliest(m.TRACKING_WORKFLOW_NEXT_RUN)}, 0)",
        _AGE,
    )
    columns = [
        Column("campaign_instance", "Instance", link=where(TRACKING), width=140),
        Column("A", "Redirection", mapping=UP),
        Column("B", "trackinglogd", mapping=UP),
        Column("C", "Workflow", mapping=UP),
        Column("D", "Late by", unit="s", thresholds=_LATE, absent="-"),
        Column("E", "Newest log", unit="s", thresholds=_STALE),
    ]
    queries = [Query(or_unknown(expr, asked.KNOWN)) for expr in told]
    return table(said, Rows(queries, columns, sorted_by="Newest log"))


def statuses() -> Panel:
    """Draw what became of messages."""
    said = Said(
        "Messages by status, an hour",
        "What becomes of each message? Delivery logs that entered a status within the last hour; pending also with each refusal"
        " that leads to another attempt. Statuses that Adobe does not document go by their number.",
        "short",
    )
    entered = f"sum by (status) ({_entered('1h', 'status')})"
    query = Query(or_nothing(f"{entered} > 0", "messages", "status", NOTHING), "{{status}}")
    names = [name for name in m.MESSAGE_TRANSITIONS.values["status"] if name not in {"sent", "failed"}]
    lines = [*neutral(*names), Line("sent", GOOD), Line("failed", WARNING), Line("cancelled", UNKNOWN), NOTHING_LINE]
    return time_series(said, [query], Drawn(lines=lines))


def lag() -> Panel:
    """Draw how far reading lies behind."""
    said = Said(
        "How far reading of delivery logs lies behind",
        "Can what stands here and under Deliverability be believed now? Above 0 while more is written, or to be caught up, than"
        " a round may read, by log.",
        "s",
    )
    query = Query(f"max by (log) ({largest(m.MESSAGE_LOG_LAG, 'log')})", "{{log}}")
    return time_series(said, [query], Drawn(lines=[Line("nmsbroadlogrcp", NEUTRAL[0])]))


def tracking() -> Board:
    """Make the dashboard."""
    return Board(
        TRACKING,
        "What recipients do with what they get, whether that arrives, and what became of each message.",
        [
            Section("Now", [Place(chain_now(), 9, 4), Place(newest_now(), 6, 4), Place(reactions_now(), 9, 4)]),
            Section("What recipients do", [Place(events(), 12, 10), Place(rates(), 12, 10)]),
            Section("Whether it arrives", [Place(newest(), 12, 9), Place(chain(), 12, 9), Place(untracked(), 24, 8)]),
            Section("What became of each message", [Place(statuses(), 12, 10), Place(lag(), 12, 10)]),
        ],
    )
