"""Overview: is anything broken now, and where."""

from campaign_dashboards import asked
from campaign_dashboards.board import DELIVERIES, EXPORTER, MTA, OVERVIEW, THROUGHPUT, Board, Place, Section, there, where
from campaign_dashboards.meaning import (
    CRITICAL,
    DISK_USED,
    GOOD,
    SEVERITY,
    SHARE_UP,
    UNKNOWN,
    UP,
    WARNING,
    cause_colours,
    none_of,
    thresholds,
    value_map,
)
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
    words,
)
from campaign_dashboards.query import (
    Query,
    about,
    ever,
    firing,
    labels,
    largest,
    or_nothing,
    or_unknown,
    or_zero,
    selector,
    since,
)
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c

_ENDPOINTS = largest(c.ENDPOINT_UP, "endpoint", "kind")
_DATABASES = largest(c.UP)
_WATCHED = or_zero(largest(c.INSTANCE_INFO), asked.KNOWN)
_DATA_AGE = f"time() - {largest(c.COLLECTOR_LAST_SUCCESS, 'collector')}"
_LIMIT_OF_AGE = thresholds(GOOD, (300, WARNING))


def alerts_now() -> Panel:
    """Count what fires."""
    said = Said(
        "Firing alerts",
        "Alerts of Campaign that fire now. Red is a page, orange is for working hours. No value at all: the alert rules are not"
        " loaded, or this Prometheus does not evaluate them.",
        "none",
    )
    known = f"max({asked.WATCHDOG})"
    queries = [Query(f"count({firing(severity)}) or on () 0 * {known}", severity) for severity in ("critical", "warning")]
    lines = [Line("critical", thresholds=none_of(CRITICAL)), Line("warning", thresholds=none_of(WARNING))]
    return values(said, queries, lines)


def waiting_now() -> Panel:
    """Count what waits, by how grave it is."""
    said = Said(
        "Deliveries that wait",
        "Deliveries that should be sending and are not, by the severity of their cause. In order: their date, their wave or"
        " their retry is still to come.",
        "none",
    )
    queries = [
        Query(f"sum({asked.pending(c.DELIVERIES_PENDING, 'critical')})", "critical"),
        Query(f"sum({asked.pending(c.DELIVERIES_PENDING, 'warning', 'info')})", "warning, info"),
        Query(f"sum({asked.pending(c.DELIVERIES_PENDING, 'never')})", "in order"),
    ]
    link = there(DELIVERIES)
    lines = [
        Line("critical", thresholds=none_of(CRITICAL), link=link),
        Line("warning, info", thresholds=none_of(WARNING), link=link),
        Line("in order", thresholds=thresholds(UNKNOWN), link=link),
    ]
    return values(said, queries, lines)


def at_stake() -> Panel:
    """Tell how long, and how much, waits."""
    said = Said(
        "At stake",
        "The longest wait of a delivery that somebody has to do something about, and the messages in all of these. From 30"
        " minutes on Campaign itself calls a delivery delayed, unless NmsMTA_Alert_Delay says otherwise.",
        "none",
    )
    queries = [
        Query(f"max({asked.WAITED}) or on () 0 * sum({asked.WAITING})", "longest wait"),
        Query(f"sum({asked.WAITING_MESSAGES})", "messages"),
    ]
    lines = [
        Line("longest wait", unit="s", thresholds=none_of(WARNING), link=there(DELIVERIES)),
        Line("messages", unit="short", thresholds=none_of(WARNING), link=there(DELIVERIES)),
    ]
    return values(said, queries, lines)


def platform_now() -> Panel:
    """Tell what share of the platform is up."""
    said = Said(
        "Up",
        "Shares of what is to run or to answer that does: MTAs, databases, HTTP endpoints (redirection, application, images),"
        " and instances that an exporter tells of. Green is all, orange a part, red none.",
        "percentunit",
    )
    queries = [
        Query(f"avg({asked.MTAS})", "MTAs"),
        Query(f"avg({_DATABASES})", "databases"),
        Query(f"avg({_ENDPOINTS})", "endpoints"),
        Query(f"avg({_WATCHED})", "watched"),
    ]
    lines = [Line("MTAs", link=there(MTA)), Line("watched", link=there(EXPORTER))]
    return values(said, queries, lines, SHARE_UP)


def sent_now() -> Panel:
    """Tell how much goes out."""
    said = Said(
        "Sent",
        "Messages processed in the last half hour, as an hourly figure, and what share that is of the average of the busy half"
        " hours of seven days. The share says something only while there is work; it needs the recording rules.",
        "short",
    )
    now = f"sum({asked.per_hour(asked.processed())})"
    queries = [
        Query(now, "an hour"),
        Query(f"{now} / (3600 * sum({asked.USUAL_PER_SECOND}))", "of usual"),
    ]
    link = there(THROUGHPUT)
    return values(said, queries, [Line("an hour", link=link), Line("of usual", unit="percentunit", link=link)])


def fleet() -> Panel:
    """List the instances."""
    said = Said(
        "Instances",
        "One row for each instance that was watched within the time shown. Unknown: the exporter cannot tell, for want of"
        " facts. Gone: no exporter tells of it any more. A row leads to the deliveries of its instance.",
        "short",
    )
    by_instance = f"by ({labels(())})"
    rated = f"{asked.KNOWN} and on () {asked.WATCHDOG}"
    worst = " or ".join(f"{rank} * {firing(name)}" for rank, name in ((3, "critical"), (2, "warning"), (1, "info")))
    hourly = asked.per_hour(asked.processed())
    waited = or_zero(f"max {by_instance} ({asked.WAITED})", f"sum {by_instance} ({asked.WAITING})")
    exprs = [
        _WATCHED,
        or_unknown(or_zero(f"max {by_instance} ({worst})", f"({rated})"), asked.KNOWN),
        or_unknown(f"sum {by_instance} ({asked.pending(c.DELIVERIES_PENDING, 'critical')})", asked.KNOWN),
        or_unknown(f"sum {by_instance} ({asked.pending(c.DELIVERIES_PENDING, 'warning', 'info')})", asked.KNOWN),
        or_unknown(f"sum {by_instance} ({asked.WAITING_MESSAGES})", asked.KNOWN),
        or_unknown(waited, asked.KNOWN),
        or_unknown(hourly, asked.KNOWN),
        or_unknown(f"{hourly} / (3600 * {asked.USUAL_PER_SECOND})", asked.KNOWN),
        or_unknown(f"avg {by_instance} ({asked.MTAS})", asked.KNOWN),
        or_unknown(_DATABASES, asked.KNOWN),
        or_unknown(f"max {by_instance} ({_DATA_AGE})", asked.KNOWN),
    ]
    columns = [
        Column("campaign_instance", "Instance", link=where(DELIVERIES), width=140),
        Column("A", "Exporter", mapping=value_map({"1": ("up", GOOD), "0": ("GONE", CRITICAL)})),
        Column("B", "Worst alert", mapping=SEVERITY),
        Column("C", "Stuck, critical", unit="none", thresholds=none_of(CRITICAL)),
        Column("D", "Stuck, other", unit="none", thresholds=none_of(WARNING)),
        Column("E", "Messages", unit="short"),
        Column("F", "Longest wait", unit="s"),
        Column("G", "An hour", unit="short"),
        Column("H", "Of usual", unit="percentunit"),
        Column("I", "MTAs up", unit="percentunit", thresholds=SHARE_UP),
        Column("J", "Database", mapping=UP),
        Column("K", "Age of data", unit="s", thresholds=_LIMIT_OF_AGE),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Worst alert"))


def alerts_list() -> Panel:
    """List what fires, with the way to its runbook."""
    said = Said(
        "What fires, and where",
        "Each alert that fires, since when, and what it is about. The name of an alert leads to its runbook.",
        "none",
    )
    what = ("host", "process", "affinity", "endpoint", "table", "collector", "source", "delivery_id", "state", "kind", "scope")
    by = "by (alertname, campaign_instance, cause, where)"
    worst = " or ".join(f"{rank} * {firing(name)}" for rank, name in ((3, "critical"), (2, "warning"), (1, "info")))
    begun = since(firing("critical", "warning", "info"))
    fires = f"max {by} ({about(worst, *what)})"
    burning = f"time() - max {by} ({about(begun, *what)})\nor on (alertname, campaign_instance, cause, where) NaN * {fires}"
    quiet = f'or on () label_replace(0 * max({asked.WATCHDOG}), "where", "{NOTHING}", "", "")'
    exprs = [f"{fires}\n{quiet}", f"{burning}\n{quiet}"]
    columns = [
        Column("A", "Severity", mapping=SEVERITY, width=110),
        Column("alertname", "Alert", link="${runbooks}/${__value.raw}.md", width=250),
        Column("B", "For", unit="s", absent="over a day", width=100),
        Column("campaign_instance", "Instance", link=where(DELIVERIES), width=110),
        Column("where", "Where"),
        Column("cause", "Cause"),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Severity"))


def pending_by_cause() -> Panel:
    """Draw what waits, by cause."""
    said = Said(
        "Deliveries that are stuck, by cause",
        "Deliveries that should be sending and are not, and wait for something somebody has to do. Reds are causes that page,"
        " oranges are for working hours, blue waits for an approval. A gap: the exporter could not tell.",
        "none",
    )
    expr = or_nothing(ever(f"sum by (cause) ({asked.WAITING})", c.DELIVERIES_PENDING, "cause"), "pending", "cause", NOTHING)
    lines = [*coloured(cause_colours()), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{cause}}")], Drawn(steps=True, stacked=True, lines=lines, whole=True))


def sending() -> Panel:
    """Draw what goes out against what is usual."""
    said = Said(
        "Messages an hour, and what is usual",
        "Messages that all instances shown processed in the last half hour, as an hourly figure. Dashed: the average of their"
        " busy half hours of the last seven days, which needs the recording rules.",
        "short",
    )
    queries = [
        Query(f"sum({asked.per_hour(asked.processed())})", "messages"),
        Query(f"3600 * sum({asked.USUAL_PER_SECOND})", "usual"),
    ]
    return time_series(said, queries, Drawn(lines=[*neutral("messages"), Line("usual", UNKNOWN, dashed=True)]))


def mtas() -> Panel:
    """Draw how many MTAs run."""
    said = Said(
        "MTAs that do not run",
        "Hosts on which the mta of an instance is to run and does not, by instance. A gap: the processes could not be listed.",
        "none",
    )
    stopped = f"sum by (campaign_instance) ({asked.MTAS} == bool 0)"
    stopped = ever(stopped, c.PROCESS_UP, "campaign_instance", matching=('process="mta"',), condition="== 0")
    expr = or_nothing(stopped, "processes", "campaign_instance", NOTHING)
    query = Query(expr, "{{campaign_instance}}")
    lines = [Line("/.*/", CRITICAL), NOTHING_LINE]
    return time_series(said, [query], Drawn(steps=True, stacked=True, lines=lines, whole=True))


def endpoints() -> Panel:
    """Draw which endpoints do not answer."""
    said = Said(
        "Endpoints that do not answer",
        "HTTP endpoints that do not answer as they should. A redirection that is down breaks the links in mails that are sent.",
        "none",
    )
    down = ever(f"({_ENDPOINTS} == bool 0)", c.ENDPOINT_UP, "campaign_instance", "endpoint", condition="== 0")
    expr = or_nothing(down, "endpoints", "endpoint", NOTHING)
    lines = [Line("/redirection/", CRITICAL), Line("/(ping|resource)/", WARNING), NOTHING_LINE]
    query = Query(expr, "{{campaign_instance}} {{endpoint}} {{kind}}")
    return time_series(said, [query], Drawn(steps=True, stacked=True, lines=lines, whole=True))


def locks() -> Panel:
    """Draw how long sessions wait for Campaign's tables."""
    said = Said(
        "Longest wait for a lock",
        "How long the session that has waited longest waits for a lock on one of Campaign's sending tables. From five minutes"
        " on deliveries count as blocked by it.",
        "s",
    )
    query = Query(f"max by (campaign_instance) ({selector(c.DATABASE_LONGEST_WAIT)})", "{{campaign_instance}}")
    return time_series(said, [query], Drawn(limits=thresholds(GOOD, (300, CRITICAL)), judged=True, soft_top=60))


def disks() -> Panel:
    """Compare how full the disks are."""
    said = Said(
        "Fullest disks",
        "How full the file systems of Campaign's directories are, in bytes or in inodes: the six fullest. The board of MTAs"
        " lists all.",
        "percentunit",
    )
    query = Query(f"topk(6, {asked.disk_used()})", "{{campaign_instance}} {{host}} {{directory}}")
    return bars(said, [query], DISK_USED, top=1)


def colours() -> Panel:
    """Say what the colours mean."""
    return words(
        "What the colours mean",
        "The same on every dashboard.",
        "**Red** calls somebody now. **Orange** is for working hours. **Blue** is for information. **Green** is in order."
        " **Grey** is unknown, or nothing to judge. Purple and its neighbours tell things apart and judge nothing.\n\n"
        "*No data* means that nobody knows: it is never drawn as 0. *nothing* means that it was looked for, and not found.",
    )


def overview() -> Board:
    """Make the dashboard."""
    return Board(
        OVERVIEW,
        "Is anything broken now, and where: all instances at a glance, what fires, what waits and why, what goes out.",
        [
            Section(
                "Now",
                [
                    Place(alerts_now(), 6, 4),
                    Place(waiting_now(), 9, 4),
                    Place(at_stake(), 9, 4),
                    Place(platform_now(), 15, 4),
                    Place(sent_now(), 9, 4),
                ],
            ),
            Section("Where", [Place(fleet(), 24, 8)]),
            Section("Since when, and why", [Place(alerts_list(), 12, 11), Place(pending_by_cause(), 12, 11)]),
            Section("Sending", [Place(sending(), 12, 9), Place(mtas(), 12, 9)]),
            Section("Around it", [Place(endpoints(), 8, 8), Place(locks(), 8, 8), Place(disks(), 8, 8)]),
            Section("Help", [Place(colours(), 24, 4)], folded=True),
        ],
    )
