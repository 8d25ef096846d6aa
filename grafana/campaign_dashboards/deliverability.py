"""Deliverability: how mail servers take what is sent, and what mails need after: images, certificates, temporary files."""

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards.board import DELIVERABILITY, Board, Place, Section, where
from campaign_dashboards.bounces import domains, reasons
from campaign_dashboards.meaning import CRITICAL, GOOD, UP, WARNING, none_of, thresholds, value_map
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Line, Panel, Said, bars, neutral, time_series, values
from campaign_dashboards.query import (
    Query,
    earliest,
    ever,
    growth,
    labels,
    largest,
    one_of,
    or_nothing,
    or_unknown,
    selector,
)
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import catalogue as c
from campaign_exporter import catalogue_surroundings as s
from campaign_exporter.metric import Metric

_ALERTS = load_values(SHIPPED)
_SHARE = float(_ALERTS.of("CampaignSmtpConnectionsFailing")["share"])
_FAILING = thresholds(GOOD, (_SHARE, WARNING))
#: A month beforehand people plan, at the alert's time they hurry.
_CERTIFICATE = thresholds(CRITICAL, (0, WARNING), (float(_ALERTS.of("CampaignCertificateExpiring")["before_seconds"]), GOOD))
_PATH = ("mx", "public_id")
_SERVER = ("mx", "owner")
_ENDPOINT = ("endpoint", "kind", "address")
_CERTIFICATE_LEFT = f"{earliest(s.ENDPOINT_CERTIFICATE_END, *_ENDPOINT)} - time()"
_UP = largest(c.ENDPOINT_UP, *_ENDPOINT)
_SOUND = ("quota", "flow_control")


def _share(errors: Metric, all_: Metric) -> str:
    """Ask what share of the connections fails, of each instance."""
    return f"{largest(errors, *errors.labels)} / ({largest(all_, *all_.labels)} > 0)"


_OF_SERVERS = _share(s.SMTP_SERVER_CONNECTION_ERRORS, s.SMTP_SERVER_CONNECTIONS)


def now() -> Panel:
    """Tell what share of connections fails."""
    said = Said(
        "Connections that fail",
        "What share of the connections to mail servers came to nothing in the window that is summed over, an hour unless"
        f" configured otherwise? Of the most used mail servers. Orange from {_SHARE:.0%} on, as the alert of a single one.",
        "percentunit",
    )
    errors, all_ = (f"sum({largest(each, *_SERVER)})" for each in (s.SMTP_SERVER_CONNECTION_ERRORS, s.SMTP_SERVER_CONNECTIONS))
    return values(
        said, [Query(f"{errors} / ({all_} > 0)", "all"), Query(f"max({_OF_SERVERS})", "worst server")], judged=_FAILING
    )


def recovery_now() -> Panel:
    """Tell how much waits for a retry, and how old the last error is."""
    said = Said(
        "Retries and bounces",
        "How many messages are left in deliveries that wait for a retry or are in one, and how long ago did Campaign last note"
        " an error of an address? If mails go out and that grows, inMail may not read bounces.",
        "short",
    )
    queries = [
        Query(f"sum({largest(s.MESSAGES_IN_RECOVERY, 'channel')})", "in recovery"),
        Query(f"time() - max({selector(s.ADDRESS_ERROR_LAST)})", "last error"),
    ]
    return values(said, queries, [Line("last error", unit="s")])


def resources_now() -> Panel:
    """Tell whether endpoints answer, and when the first certificate ends."""
    said = Said(
        "Images and certificates",
        "What share of the public resources (images of mails) is given out as it should be, and when does the first"
        " certificate on the way to an endpoint end? Orange from the alert's time on, red once it has ended.",
        "percentunit",
    )
    resources = largest(c.ENDPOINT_UP, *_ENDPOINT, matching=(one_of("kind", ("resource",)),))
    queries = [Query(f"avg({resources})", "given out"), Query(f"min({_CERTIFICATE_LEFT})", "first certificate")]
    lines = [Line("first certificate", unit="s", thresholds=_CERTIFICATE)]
    return values(said, queries, lines, thresholds(WARNING, (1, GOOD)))


def servers() -> Panel:
    """Draw what share fails, by mail server."""
    said = Said(
        "Share of connections that fail, by mail server",
        "Which mail servers do not take our connections? The ten of the most used that fail most, on the instance"
        f" where that is most, with who runs them. Dashed: {_SHARE:.0%}, from which on an alert tells.",
        "percentunit",
    )
    query = Query(f"topk(10, max by (mx, owner) ({_OF_SERVERS}))", "{{mx}} {{owner}}")
    return time_series(said, [query], Drawn(limits=_FAILING, judged=True, soft_top=0.6))


def connections() -> Panel:
    """Draw how many connections there are, by mail server."""
    said = Said(
        "Connections, by mail server",
        "Where does most of what is sent go? Connections of the window to the ten most used mail servers.",
        "short",
    )
    expr = f"topk(10, sum by (mx, owner) ({largest(s.SMTP_SERVER_CONNECTIONS, *_SERVER)}))"
    return time_series(said, [Query(expr, "{{mx}} {{owner}}")])


def paths() -> Panel:
    """List the paths that fail most, with the last reply."""
    said = Said(
        "Paths with most errors",
        "From which address of ours to which mail server do messages fail, and what did the server say last? The paths with the"
        " most failed connections, a bounded number of them; our address by its publicId of serverConf.xml.",
        "none",
    )
    by = labels(_PATH)
    reply = largest(s.SMTP_LAST_REPLY, *_PATH, "code", "reply")
    # Two exporters that looked at different moments may tell of two replies: one of them stands here.
    on = f"on ({by}) group_left (code, reply) topk by ({by}) (1, {reply})"
    errors, all_ = largest(s.SMTP_PATH_ERRORS, *_PATH), largest(s.SMTP_PATH_CONNECTIONS, *_PATH)
    told = [errors, f"{errors} / ({all_} > 0)", all_, largest(s.SMTP_PATH_MESSAGES, *_PATH)]
    exprs = [f"({expr}) * {on}\nor on ({by}) ({expr})" for expr in told]
    columns = [
        Column("A", "Errors", unit="short", width=90),
        Column("B", "A connection", unit="percentunit", thresholds=_FAILING, absent="-", width=120),
        Column("C", "Connections", unit="short", width=120),
        Column("D", "Messages", unit="short", width=110),
        Column("mx", "Mail server", width=140),
        Column("public_id", "publicId", width=90),
        Column("code", "Code", width=80),
        Column("reply", "Last reply"),
        Column("campaign_instance", "Instance", link=where(DELIVERABILITY), width=140),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Errors"))


def kinds() -> Panel:
    """Draw errors by kind."""
    said = Said(
        "Errors by kind",
        "Are connections refused, do they time out, or do messages fail on open ones? Errors of the window on the paths with"
        " most of them, by kind; whether they make up all errors Adobe does not document.",
        "short",
    )
    expr = f"sum by (kind) ({largest(s.SMTP_PATH_ERRORS_BY_KIND, *_PATH, 'kind')})"
    lines = neutral(*s.SMTP_PATH_ERRORS_BY_KIND.values["kind"])
    return time_series(said, [Query(expr, "{{kind}}")], Drawn(stacked=True, lines=lines))


def ours() -> Panel:
    """Compare the addresses that we send from."""
    said = Said(
        "Share that fails, by affinity and address of ours",
        "Is one of our own addresses refused, or an affinity? Share of the connections of the window that failed: the six worst"
        f" affinities and the six worst addresses, by publicId. Orange from {_SHARE:.0%} on.",
        "percentunit",
    )
    affinity = _share(s.AFFINITY_CONNECTION_ERRORS, s.AFFINITY_CONNECTIONS)
    address = _share(s.SMTP_ADDRESS_CONNECTION_ERRORS, s.SMTP_ADDRESS_CONNECTIONS)
    queries = [
        Query(f"topk(6, {affinity})", "{{campaign_instance}} {{affinity}}"),
        Query(f"topk(6, {address})", "{{campaign_instance}} {{public_id}}"),
    ]
    return bars(said, queries, _FAILING, top=1)


def recovery() -> Panel:
    """Draw what waits for a retry."""
    said = Said(
        "Messages in recovery",
        "Does what has to be tried again pile up? Messages left in deliveries that wait for a retry or are in one, by channel.",
        "short",
    )
    counted = f"sum by (channel) ({largest(s.MESSAGES_IN_RECOVERY, 'channel')})"
    expr = or_nothing(ever(counted, s.MESSAGES_IN_RECOVERY, "channel"), "deliverability", "channel", NOTHING)
    lines = [*neutral(*s.MESSAGES_IN_RECOVERY.values["channel"]), NOTHING_LINE]
    return time_series(said, [Query(expr, "{{channel}}")], Drawn(stacked=True, lines=lines))


def endpoints() -> Panel:
    """List the endpoints and their certificates."""
    said = Said(
        "Images, links and certificates",
        "Who opens a mail, also one that was sent weeks ago: does it show its images, and do its links lead somewhere? Each"
        " address at each of its servers, with what it answered last.",
        "none",
    )
    known = f"group by ({labels(_ENDPOINT)}) ({selector(c.ENDPOINT_UP)})"
    told = (
        largest(s.ENDPOINT_STATUS, *_ENDPOINT),
        largest(s.ENDPOINT_BYTES, *_ENDPOINT),
        largest(c.ENDPOINT_DURATION, *_ENDPOINT),
        _CERTIFICATE_LEFT,
    )
    exprs = [_UP, *(or_unknown(expr, known, *_ENDPOINT) for expr in told)]
    columns = [
        Column("A", "State", mapping=UP, width=90),
        Column("kind", "Kind", width=110),
        Column("endpoint", "Endpoint"),
        Column("address", "Server"),
        Column("B", "HTTP", absent="-", width=80),
        Column("C", "Size", unit="bytes", absent="-", width=100),
        Column("D", "Took", unit="s", absent="-", width=90),
        Column("E", "Certificate ends in", unit="s", thresholds=_CERTIFICATE, absent="-", width=160),
        Column("campaign_instance", "Instance", link=where(DELIVERABILITY), width=140),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="State", descending=False))


def files() -> Panel:
    """List the hosts' files."""
    said = Said(
        "Temporary files and core files",
        "Can the MTA rename what it has prepared, and does it get through it? On another device than var it cannot (errno=18),"
        " and postpones deliveries. Old working files: nothing fetches them. Core files: each is a process that died.",
        "none",
    )
    by = ("host",)
    known = f"group by ({labels(by)}) ({selector(s.TEMPORARY_OTHER_DEVICE)} or {selector(s.WORKING_FILES)})"
    told = (
        largest(s.TEMPORARY_OTHER_DEVICE, *by),
        largest(s.WORKING_FILES, *by),
        largest(s.WORKING_BYTES, *by),
        f"time() - {earliest(s.WORKING_OLDEST, *by)}",
        largest(s.CORE_FILES, *by),
        f"time() - {largest(s.CORE_NEWEST, *by)}",
    )
    columns = [
        Column("campaign_instance", "Instance", link=where(DELIVERABILITY), width=130),
        Column("host", "Host"),
        Column("A", "Temporary files", mapping=value_map({"0": ("with var", GOOD), "1": ("ELSEWHERE", WARNING)}), width=130),
        Column("B", "Working", width=90),
        Column("C", "Size", unit="bytes", width=100),
        Column("D", "Oldest", unit="s", absent="-", width=100),
        Column("E", "Cores", thresholds=none_of(WARNING), width=80),
        Column("F", "Newest", unit="s", absent="-", width=100),
    ]
    queries = [Query(or_unknown(expr, known, *by)) for expr in told]
    return table(said, Rows(queries, columns, sorted_by="Temporary files"))


def mta_log() -> Panel:
    """Draw what the MTA's log tells."""
    said = Said(
        "Lines of the MTA's log, an hour",
        "Does the MTA complain? Lines of mta.log of the last hour, all hosts together, by what they tell. Orange: faults of"
        " temporary files. quota and flow_control: limits of mail servers are kept, which is in order within bounds.",
        "short",
    )
    found = f"sum by (kind) ({growth(s.MTA_LOG_LINES, '1h', 'host', 'kind')})"
    query = Query(or_nothing(f"{found} > 0.5", "files", "kind", NOTHING), "{{kind}}")
    faults = [kind for kind in s.MTA_LOG_LINES.values["kind"] if kind not in _SOUND]
    lines = [Line(f"/^({'|'.join(faults)})$/", WARNING), *neutral(*_SOUND), NOTHING_LINE]
    return time_series(said, [query], Drawn(steps=True, lines=lines, whole=True))


def deliverability() -> Board:
    """Make the dashboard."""
    return Board(
        DELIVERABILITY,
        "How mail servers take what is sent, what has to be tried again, whether mails show their images, and temporary files.",
        [
            Section("Now", [Place(now(), 8, 4), Place(recovery_now(), 8, 4), Place(resources_now(), 8, 4)]),
            Section("Mail servers", [Place(servers(), 12, 10), Place(connections(), 12, 10)]),
            Section("Which way, and what they say", [Place(paths(), 24, 9), Place(kinds(), 12, 9), Place(ours(), 12, 9)]),
            Section("Bounces", [Place(domains(), 24, 9), Place(reasons("failed"), 12, 9), Place(reasons("postponed"), 12, 9)]),
            Section("To be tried again", [Place(recovery(), 24, 8)]),
            Section("Images and certificates", [Place(endpoints(), 24, 9)]),
            Section("Temporary files, and the MTA's log", [Place(files(), 12, 9), Place(mta_log(), 12, 9)]),
        ],
    )
