"""Throughput: how many messages go out, and how many fail."""

from campaign_dashboards import asked
from campaign_dashboards.board import THROUGHPUT, Board, Place, Section, where
from campaign_dashboards.deliveries import remaining
from campaign_dashboards.meaning import GOOD, UNKNOWN, WARNING, thresholds
from campaign_dashboards.overview import sending, sent_now
from campaign_dashboards.panel import Drawn, Line, Panel, Said, neutral, time_series, values
from campaign_dashboards.query import Query, growth, largest, or_unknown
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c

#: Adobe's limits: 2 % hard and 10 % soft bounces.
_ERRORS = thresholds(GOOD, (0.12, WARNING))
_FIRST = ('pass!="retry"',)
_FAILED_FIRST = ('result="error"', 'pass!="retry"')
_BITS = f"8 * {growth(c.MESSAGE_BYTES, asked.STEADY)} / 1800"


def _error_share(by: str = "") -> str:
    failed, all_ = (f"sum {by} ({asked.processed(matching=matching, window='1h')})" for matching in (_FAILED_FIRST, _FIRST))
    return f"{failed} / ({all_} > 0)"


def errors_now() -> Panel:
    """Tell what share fails."""
    said = Said(
        "Failed at the first attempt",
        "Share of the messages of the last hour that failed at their first attempt. Orange from 12 % on: Adobe's limits are 2"
        " % hard and 10 % soft bounces. Nothing where nothing was sent.",
        "percentunit",
    )
    return values(said, [Query(_error_share(), "last hour")], judged=_ERRORS)


def volume_now() -> Panel:
    """Tell how much volume goes out."""
    said = Said(
        "Volume",
        "Volume sent in the last half hour, in bits a second, by the unit of dVolume that the exporter is configured with:"
        " Adobe does not document it. Nothing where delivery counters feed the figures.",
        "bps",
    )
    return values(said, [Query(f"sum({_BITS})", "last half hour")])


def results() -> Panel:
    """Draw successes and errors."""
    said = Said(
        "Messages an hour",
        "Messages processed in the last half hour, as an hourly figure: success and error, as in Campaign's report Delivery"
        " throughput. What an exporter counts at once for a time that it did not watch is left out.",
        "short",
    )
    query = Query(f"sum by (result) ({asked.per_hour(asked.processed('result'))})", "{{result}}")
    return time_series(said, [query], Drawn(stacked=True, lines=[Line("success", GOOD), Line("error", WARNING)]))


def bits() -> Panel:
    """Draw the volume."""
    said = Said(
        "Bits a second",
        "Volume sent in the last half hour, as in Campaign's report Delivery throughput, by instance. The unit of dVolume is"
        " not documented by Adobe; the exporter's configuration says what it is taken for.",
        "bps",
    )
    return time_series(said, [Query(_BITS, "{{campaign_instance}}")])


def attempts() -> Panel:
    """Draw first attempts and retries."""
    said = Said(
        "First attempts and retries",
        "Messages an hour by attempt, successes and errors together. Unknown: where only the counters of the deliveries are"
        " read, attempts cannot be told apart.",
        "short",
    )
    query = Query(f"sum by (pass) ({asked.per_hour(asked.processed('pass'))})", "{{pass}}")
    lines = [*neutral("first", "retry"), Line("unknown", UNKNOWN)]
    return time_series(said, [query], Drawn(stacked=True, lines=lines))


def error_share() -> Panel:
    """Draw what share fails."""
    said = Said(
        "Share that fails at the first attempt",
        "Share of the messages of the last hour that failed at their first attempt, by instance. Dashed: 12 %, Adobe's limits"
        " of hard and soft bounces together.",
        "percentunit",
    )
    query = Query(_error_share("by (campaign_instance)"), "{{campaign_instance}}")
    return time_series(said, [query], Drawn(limits=_ERRORS, judged=True, soft_top=0.15))


def caught_up() -> Panel:
    """Draw what was counted at once."""
    said = Said(
        "Counted at once after a break",
        "Messages that an exporter counted at once for a time that it did not watch, within the last hour. They are real, and"
        " left out of the hourly figures, where they would look like a peak.",
        "short",
    )
    query = Query(growth(c.MESSAGES_CATCH_UP, "1h"), "{{campaign_instance}}")
    return time_series(said, [query], Drawn(steps=True, whole=True))


def by_instance() -> Panel:
    """Draw what each instance sends."""
    said = Said(
        "Messages an hour, by instance",
        "Messages that each instance processed in the last half hour, as an hourly figure.",
        "short",
    )
    return time_series(said, [Query(asked.per_hour(asked.processed()), "{{campaign_instance}}")])


def instances() -> Panel:
    """List the throughput of each instance."""
    said = Said(
        "By instance",
        "What each instance sends now, against what is usual in its busy half hours of the last seven days, and the table of"
        " Campaign's that the figures come from.",
        "short",
    )
    hourly = asked.per_hour(asked.processed())
    source = f"group by (campaign_instance, source) ({largest(c.THROUGHPUT_SOURCE, 'source')})"
    on = "* on (campaign_instance) group_left (source) " + source
    exprs = [
        f"{hourly} {on}",
        f"({or_unknown(f'3600 * {asked.USUAL_PER_SECOND}', asked.KNOWN)}) {on}",
        f"({or_unknown(f'{hourly} / (3600 * {asked.USUAL_PER_SECOND})', asked.KNOWN)}) {on}",
        f"({or_unknown(_error_share('by (campaign_instance)'), asked.KNOWN)}) {on}",
        f"({or_unknown(_BITS, asked.KNOWN)}) {on}",
    ]
    columns = [
        Column("campaign_instance", "Instance", link=where(THROUGHPUT), width=140),
        Column("A", "An hour"),
        Column("B", "Usual"),
        Column("C", "Of usual", unit="percentunit"),
        Column("D", "Failed at first", unit="percentunit", thresholds=_ERRORS, absent="-"),
        Column("E", "Volume", unit="bps"),
        Column("source", "From"),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="An hour"))


def throughput() -> Board:
    """Make the dashboard."""
    return Board(
        THROUGHPUT,
        "How many messages go out against what is usual, how many fail, first attempts and retries, and what is still to be"
        " sent.",
        [
            Section("Now", [Place(sent_now(), 10, 4), Place(errors_now(), 7, 4), Place(volume_now(), 7, 4)]),
            Section("Delivery throughput", [Place(results(), 12, 10), Place(bits(), 12, 10)]),
            Section("Against what is usual", [Place(sending(), 24, 8)]),
            Section("By instance", [Place(by_instance(), 12, 10), Place(instances(), 12, 10)]),
            Section("Errors and retries", [Place(attempts(), 12, 9), Place(error_share(), 12, 9)]),
            Section("What is left", [Place(remaining(), 12, 9), Place(caught_up(), 12, 9)]),
        ],
    )
