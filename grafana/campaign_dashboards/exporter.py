"""Exporter: can these numbers be believed, and what do they cost."""

from campaign_dashboards.board import EXPORTER, Board, Place, Section
from campaign_dashboards.meaning import CRITICAL, GOOD, SHARE_UP, UP, WARNING, none_of, thresholds, value_map
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Line, Panel, Said, neutral, time_series, values
from campaign_dashboards.query import INSTANCES, Query, ever, selector
from campaign_dashboards.table import Column, Matrix, Rows, matrix, table
from campaign_exporter import catalogue as c

# Here exporters are not merged: each speaks of itself. They are known by Prometheus's labels of its targets.
_TARGETS = "instance, job"
_HERE = f"group by ({_TARGETS}) (last_over_time({selector(c.INSTANCE_INFO)}[$__range]))"
_UP = f"max by ({_TARGETS}) (up) and on ({_TARGETS}) {_HERE}"
_OK = selector(c.COLLECTOR_SUCCESS)
# As old as they were when they were scraped: how often that is done says nothing about the exporter.
_AGE = f"timestamp({selector(c.COLLECTOR_LAST_SUCCESS)}) - {selector(c.COLLECTOR_LAST_SUCCESS)}"
_INTERVALS = f"({_AGE}) / {selector(c.COLLECTOR_INTERVAL)}"
_SECONDS = f"60 * sum by (instance, collector) (rate({selector(c.DATABASE_SECONDS)}[$__rate_interval]))"


def now() -> Panel:
    """Tell whether the exporters are well."""
    said = Said(
        "Up",
        "Shares of the exporters that told of these instances within the time shown: those that Prometheus reaches, whose"
        " collectors read all they want, whose configuration was good when read last, and which can write their state.",
        "percentunit",
    )
    config, state = selector(c.CONFIG_RELOAD_SUCCESS), selector(c.STATE_WRITE_SUCCESS)
    queries = [
        Query(f"avg({_UP})", "exporters"),
        Query(f"avg({_OK})", "collectors"),
        Query(f"avg({config} and on ({_TARGETS}) {_HERE})", "config"),
        Query(f"avg({state} and on ({_TARGETS}) {_HERE})", "state"),
    ]
    return values(said, queries, judged=SHARE_UP)


def cost_now() -> Panel:
    """Tell what they cost."""
    said = Said(
        "Cost",
        "Database time of the exporter that takes the largest share of its budget, the age of the oldest data in intervals of"
        " its collector (what is older than three is withdrawn), and the series that all expose.",
        "none",
    )
    queries = [
        Query(f"max({selector(c.DATABASE_BUDGET)})", "of budget"),
        Query(f"max({_INTERVALS})", "intervals"),
        Query(f"sum({selector(c.COLLECTOR_SERIES)})", "series"),
        Query(f"sum(increase({c.SERIES_DROPPED.name}{{{INSTANCES}}}[1h]))", "dropped"),
    ]
    lines = [
        Line("of budget", unit="percentunit", thresholds=thresholds(GOOD, (1, WARNING))),
        Line("intervals", unit="short", thresholds=thresholds(GOOD, (3, WARNING))),
        Line("series", unit="none"),
        Line("dropped", unit="short", thresholds=none_of(WARNING)),
    ]
    return values(said, queries, lines)


def collectors() -> Panel:
    """Set collectors against exporters and instances."""
    said = Said(
        "Collectors now",
        "A row for each exporter and instance. Failing: the last round did not read all it wanted. Off: the database"
        " lacks a table, a column or an index that the collector stands on. Empty: the collector does not run there.",
        "none",
    )
    switched_off = f"2 + ({selector(c.COLLECTOR_AVAILABLE)} == 0)"
    named = f'label_join({switched_off} or {_OK}, "exporter", " / ", "instance", "campaign_instance")'
    words_ = value_map({"1": ("reads", GOOD), "0": ("FAILING", WARNING), "2": ("OFF", WARNING)})
    return matrix(said, Matrix(Query(named), "exporter", "collector", words_, "Exporter / instance"))


def age() -> Panel:
    """Draw how old data are."""
    said = Said(
        "Age of data, in intervals of the collector",
        "How long ago each collector last read all it wanted, in its own intervals: the oldest of the exporters and instances"
        " shown. Dashed: three, after which its values are withdrawn.",
        "short",
    )
    query = Query(f"max by (collector) ({_INTERVALS})", "{{collector}}")
    return time_series(said, [query], Drawn(lines=neutral(*c.COLLECTORS), limits=thresholds(GOOD, (3, WARNING)), soft_top=4))


def exporters() -> Panel:
    """List the exporters."""
    said = Said(
        "Exporters",
        "Each exporter that told of these instances within the time shown, its version, and when it read its configuration.",
        "none",
    )
    build = f"group by ({_TARGETS}, version) (last_over_time({c.BUILD_INFO.name}[$__range])) and on ({_TARGETS}) {_HERE}"
    on = f"* on ({_TARGETS}) group_left (version) ({build})"
    exprs = [
        f"max by ({_TARGETS}) (up) {on}",
        f"1000 * max by ({_TARGETS}) (last_over_time({c.CONFIG_RELOAD_TIMESTAMP.name}[$__range])) {on}",
        f"count by ({_TARGETS}) (last_over_time({selector(c.INSTANCE_INFO)}[$__range])) {on}",
    ]
    columns = [
        Column("instance", "Exporter", width=170),
        Column("A", "Reached", mapping=UP),
        Column("version", "Version"),
        Column("C", "Instances"),
        Column("B", "Configured", unit="dateTimeFromNow"),
        Column("job", "Job"),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Exporter", descending=False))


def errors() -> Panel:
    """Draw what could not be read."""
    said = Said(
        "Facts that could not be read, a minute",
        "Errors by collector and reason, as the exporters count them: the reason says where to "
        "look. Those that never happened are left"
        " out.",
        "short",
    )
    rate = f"sum by (instance, collector, reason) (rate({selector(c.COLLECTOR_ERRORS)}[$__rate_interval]))"
    counted = " or ".join(
        f"sum by (instance, collector, reason) ({selector(c.COLLECTOR_ERRORS)} @ {edge}()) > 0" for edge in ("start", "end")
    )
    expr = f'60 * {rate} and ({counted})\nor on () label_replace(0 * max({_OK}), "reason", "{NOTHING}", "", "")'
    lines = [Line("/.*/", WARNING), NOTHING_LINE]
    return time_series(
        said, [Query(expr, "{{instance}} {{collector}} {{reason}}")], Drawn(stacked=True, lines=lines, soft_top=1)
    )


def seconds() -> Panel:
    """Draw what the database pays."""
    said = Said(
        "Database seconds a minute, by collector",
        "Time that statements took on the database, as the exporter that takes longest sees it. 0.6 is one hundredth of one"
        " backend.",
        "s",
    )
    query = Query(f"max by (collector) ({_SECONDS})", "{{collector}}")
    return time_series(said, [query], Drawn(stacked=True, lines=neutral(*c.COLLECTORS)))


def budget() -> Panel:
    """Draw what share of the budget that is."""
    said = Said(
        "Share of the budget, by exporter",
        "Database time of the last minute as a share of the budget, by exporter and instance."
        " Intervals are stretched so that it is no more than 1 on average.",
        "percentunit",
    )
    query = Query(selector(c.DATABASE_BUDGET), "{{instance}} {{campaign_instance}}")
    return time_series(said, [query], Drawn(limits=thresholds(GOOD, (1, WARNING)), judged=True, soft_top=1.1))


def stretches() -> Panel:
    """Draw where rounds are rarer than configured."""
    said = Said(
        "Interval, as a multiple of the configured one",
        "How many times as long as configured the interval of each collector is, the longest of the exporters and instances"
        " shown: above 1 the budget of database time stretches it, the least important first. Dashed: the first step.",
        "short",
    )
    query = Query(f"max by (collector) ({selector(c.COLLECTOR_STRETCH)})", "{{collector}}")
    drawn = Drawn(steps=True, lines=neutral(*c.COLLECTORS), limits=thresholds(GOOD, (2, WARNING)), soft_top=4)
    return time_series(said, [query], drawn)


def durations() -> Panel:
    """Draw how long rounds take."""
    said = Said("How long a round takes", "Time of the last round of each collector, the longest of those shown.", "s")
    query = Query(f"max by (collector) ({selector(c.COLLECTOR_DURATION)})", "{{collector}}")
    return time_series(said, [query], Drawn(lines=neutral(*c.COLLECTORS)))


def series() -> Panel:
    """Draw how many series stand in the exposition."""
    said = Said(
        "Series, by collector",
        "Series in the exposition of the exporter that has most, by the collector that they come from.",
        "short",
    )
    query = Query(f"max by (collector) (sum by (instance, collector) ({selector(c.COLLECTOR_SERIES)}))", "{{collector}}")
    return time_series(said, [query], Drawn(stacked=True, steps=True, lines=neutral(*c.COLLECTORS), whole=True))


def databases() -> Panel:
    """Draw which databases cannot be reached."""
    said = Said(
        "Databases that an exporter does not reach",
        "Each exporter that does not reach the database of an instance, as long as it does not.",
        "none",
    )
    up = selector(c.UP)
    out = ever(f"({up} == bool 0)", c.UP, "instance", "campaign_instance", condition="== 0")
    expr = f'{out}\nor on () label_replace(0 * max({up}), "instance", "{NOTHING}", "", "")'
    lines = [Line("/.*/", CRITICAL), NOTHING_LINE]
    query = Query(expr, "{{instance}} {{campaign_instance}}")
    return time_series(said, [query], Drawn(steps=True, stacked=True, lines=lines, whole=True))


def clocks() -> Panel:
    """Draw how clocks differ and how far a replica is behind."""
    said = Said(
        "Clock of the database, and lag of a replica",
        "The database server's clock minus the exporter's, and the age of the last transaction that a replica has replayed:"
        " it is there only where the exporter reads a replica.",
        "s",
    )
    queries = [
        Query(selector(c.DATABASE_CLOCK_OFFSET), "{{instance}} {{campaign_instance}} clock"),
        Query(selector(c.DATABASE_REPLAY_LAG), "{{instance}} {{campaign_instance}} replica"),
    ]
    return time_series(said, queries)


def exporter() -> Board:
    """Make the dashboard."""
    return Board(
        EXPORTER,
        "Can these numbers be believed, how old are they, what could not be read and why, and what do they cost.",
        [
            Section("Now", [Place(now(), 12, 4), Place(cost_now(), 12, 4)]),
            Section("Collectors", [Place(collectors(), 24, 8), Place(age(), 12, 9), Place(errors(), 12, 9)]),
            Section("Exporters", [Place(exporters(), 12, 8), Place(databases(), 12, 8)]),
            Section(
                "Cost",
                [
                    Place(seconds(), 12, 9),
                    Place(budget(), 12, 9),
                    Place(stretches(), 12, 9),
                    Place(durations(), 12, 9),
                    Place(series(), 24, 8),
                ],
            ),
            Section("Database", [Place(clocks(), 24, 8)]),
        ],
    )
