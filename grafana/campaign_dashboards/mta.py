"""MTA and IP affinity: what runs on which host, and which affinities do not fit."""

from campaign_dashboards import asked
from campaign_dashboards.board import MTA, Board, Place, Section, where
from campaign_dashboards.meaning import (
    CRITICAL,
    DISK_USED,
    GOOD,
    SHARE_UP,
    UNKNOWN,
    UP,
    WARNING,
    none_of,
    thresholds,
    value_map,
)
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Line, Panel, Said, time_series, values
from campaign_dashboards.query import HOSTS, Query, earliest, ever, labels, largest, or_nothing, or_unknown, selector
from campaign_dashboards.table import Column, Matrix, Rows, matrix, table
from campaign_exporter import catalogue as c
from campaign_exporter import catalogue_surroundings as s

_UP = largest(c.PROCESS_UP, "host", "process", matching=(HOSTS,))
_MTA = largest(c.PROCESS_UP, "host", matching=(HOSTS, 'process="mta"'))
_FAULT = largest(c.SERVER_CONFIGURATION_FAULT, "host", "kind", matching=(HOSTS,))
_OBSERVED = largest(c.HOST_UP, "host", "source", matching=(HOSTS,))
_MEMORY = largest(c.PROCESS_MEMORY, "host", "process", matching=(HOSTS,))
_MEMORY_LIMIT = earliest(c.PROCESS_MEMORY_LIMIT, "host", "process", matching=(HOSTS, 'level=~"warning|restart"'))
_BY = ("campaign_instance", "host", "process")
_EACH = "{{campaign_instance}} {{host}} {{process}}"


def up_now() -> Panel:
    """Tell what share runs."""
    said = Said(
        "Up",
        "Shares of the MTAs, and of all processes that are to run, that do; and of the facts about hosts that could be read."
        " Green is all, orange a part, red none.",
        "percentunit",
    )
    queries = [Query(f"avg({_MTA})", "MTAs"), Query(f"avg({_UP})", "processes"), Query(f"avg({_OBSERVED})", "facts read")]
    return values(said, queries, judged=SHARE_UP)


def faults_now() -> Panel:
    """Count what does not fit."""
    said = Said(
        "What does not fit",
        "Missing: launched deliveries whose IP affinity no host declares; down: only hosts whose MTA is down do. Uneven:"
        " affinities that some MTA hosts declare and others do not; latent: names on offer that no host declares. Faults in"
        " server configurations.",
        "none",
    )
    affinity = 'collector="affinity"'
    looked = f"min({largest(c.COLLECTOR_SUCCESS, matching=(affinity,))}) == 1"
    queries = [
        Query(f"sum({_kind('unconfigured')}) or on () 0 * ({looked})", "missing"),
        Query(f"sum({_kind('host_down')}) or on () 0 * ({looked})", "down"),
        Query(f"sum({largest(c.AFFINITY_INCONSISTENT, 'affinity')})", "uneven"),
        Query(f"sum({largest(c.AFFINITY_LATENT, 'affinity')}) or on () 0 * ({looked})", "latent"),
        Query(f"sum({_FAULT})", "faults"),
    ]
    lines = [Line("missing", thresholds=none_of(CRITICAL)), Line("down", thresholds=none_of(CRITICAL))]
    return values(said, queries, lines, none_of(WARNING))


def disk_now() -> Panel:
    """Tell how full the fullest disk is."""
    said = Said(
        "Fullest disk",
        "How full the fullest file system is that Campaign writes to, in bytes or in inodes. Below, each of them.",
        "percentunit",
    )
    return values(said, [Query(f"max({asked.disk_used(HOSTS)})", "used")], judged=DISK_USED)


def _kind(kind: str) -> str:
    return largest(c.AFFINITY_MISMATCH, "affinity", matching=(f'kind="{kind}"',))


def process_matrix() -> Panel:
    """Set hosts against processes."""
    said = Said(
        "Processes now",
        "Each process that is to run on a host. Empty: it is not to run there, or it cannot be told.",
        "none",
    )
    expr = f'label_join({_UP}, "on", " / ", "campaign_instance", "host")'
    return matrix(said, Matrix(Query(expr), "on", "process", UP, "Instance / host"))


def down() -> Panel:
    """Draw what did not run."""
    said = Said(
        "Processes that do not run",
        "Each process that is to run and does not, as long as it does not. Red: mta, sms, stat and wfserver, without which"
        " nothing or not all is sent; orange: the others. A gap: the processes could not be listed.",
        "none",
    )
    stopped = ever(f"({_UP} == bool 0)", c.PROCESS_UP, *_BY, matching=(HOSTS,), condition="== 0")
    expr = or_nothing(stopped, "processes", "process", NOTHING)
    lines = [Line("/.*/", WARNING), Line("/(mta|sms|stat|wfserver)$/", CRITICAL), NOTHING_LINE]
    return time_series(said, [Query(expr, _EACH)], Drawn(steps=True, stacked=True, lines=lines, whole=True))


def mtas_up() -> Panel:
    """Draw which MTAs run."""
    said = Said(
        "MTAs that run, by host",
        "One layer for each host whose mta runs: a layer that ends has stopped. Empty: none runs, or it cannot be told.",
        "none",
    )
    query = Query(f"{_MTA} > 0", "{{campaign_instance}} {{host}}")
    return time_series(said, [query], Drawn(steps=True, stacked=True, whole=True))


def restarts() -> Panel:
    """Draw when processes began anew."""
    said = Said(
        "Restarts within the hour",
        "How often a process got another process id within the last hour. The daily restart of all is one; three are too many.",
        "none",
    )
    growth = f"max by ({labels(('host', 'process'))}) (increase({selector(c.PROCESS_RESTARTS, HOSTS)}[1h]))"
    expr = or_nothing(f"round({growth}) > 0", "processes", "process", NOTHING)
    drawn = Drawn(steps=True, lines=[NOTHING_LINE], limits=thresholds(GOOD, (3, WARNING)), whole=True, soft_top=4)
    return time_series(said, [Query(expr, _EACH)], drawn)


def memory() -> Panel:
    """Draw how much memory processes take."""
    said = Said(
        "Memory of the largest process",
        "Memory of the largest process of each kind on a host.",
        "bytes",
    )
    return time_series(said, [Query(_MEMORY, _EACH)])


def memory_share() -> Panel:
    """Draw memory against what Campaign allows."""
    said = Said(
        "Memory against the limit",
        "The same, as a share of the lower one of the limits at which Campaign warns and at which it restarts the process.",
        "percentunit",
    )
    expr = f"{_MEMORY} / on ({labels(('host', 'process'))}) {_MEMORY_LIMIT}"
    return time_series(said, [Query(expr, _EACH)], Drawn(limits=thresholds(GOOD, (1, WARNING)), judged=True, soft_top=1.1))


def affinity_matrix() -> Panel:
    """Set affinities against hosts."""
    said = Said(
        "IP affinities and the hosts that declare them",
        "A row for each IP affinity. DOWN: declared there, and the mta does not run. Empty: not declared there. The column"
        " nowhere stands for affinities that launched deliveries use and no host declares: they cannot send.",
        "none",
    )
    declared = largest(c.AFFINITY_INFO, "host", "affinity", matching=(HOSTS,))
    on = f"on (campaign_instance, host) group_left () (1 + {_MTA})"
    missing = f'label_replace(0 * max by (campaign_instance, affinity) ({_kind("unconfigured")}), "host", "nowhere", "", "")'
    expr = f"{missing}\nor\n{declared} * {on}\nor\n3 * {declared}"
    words = value_map(
        {"2": ("declared", GOOD), "1": ("DOWN", CRITICAL), "0": ("MISSING", CRITICAL), "3": ("mta unknown", UNKNOWN)}
    )
    named = f'label_join({expr}, "declared", " / ", "campaign_instance", "affinity")'
    return matrix(said, Matrix(Query(named), "declared", "host", words, "Instance / IP affinity"))


def affinity_faults() -> Panel:
    """List the affinities that do not fit."""
    said = Said(
        "IP affinities that do not fit",
        "Missing: launched deliveries use it and no host declares it. Hosts down: only hosts whose MTA is down declare it."
        " Uneven: some MTA hosts declare it and others do not. Latent: typologies or enumerations name it and no host"
        " declares it.",
        "none",
    )
    found = {
        "CampaignIpAffinityUnconfigured": _kind("unconfigured"),
        "CampaignIpAffinityHostDown": _kind("host_down"),
        "CampaignIpAffinityInconsistent": f"{largest(c.AFFINITY_INCONSISTENT, 'affinity')} > 0",
        "CampaignIpAffinityLatent": largest(c.AFFINITY_LATENT, "affinity"),
    }
    named = "\nor\n".join(f'label_replace({expr}, "kind", "{alert}", "", "")' for alert, expr in found.items())
    expr = or_nothing(named, "affinity", "affinity", NOTHING)
    words = (("missing", CRITICAL), ("hosts down", CRITICAL), ("uneven", WARNING), ("latent", WARNING))
    kinds = value_map(dict(zip(found, words, strict=True)))
    columns = [
        Column("campaign_instance", "Instance"),
        Column("affinity", "IP affinity", width=180),
        Column("kind", "What", mapping=kinds, link="${runbooks}/${__value.raw}.md"),
        Column("Value", "Concerned", unit="none"),
    ]
    return table(said, Rows([Query(expr)], columns, sorted_by="Concerned"))


def affinity_addresses() -> Panel:
    """List how many addresses affinities have."""
    said = Said(
        "Addresses of IP affinities",
        "Does an affinity send from few addresses? Few lower its throughput; Adobe names no number. How many hosts declare it,"
        " and how many addresses it has on the host with fewest, and with most. A mask: that many cannot be told.",
        "none",
    )
    by = "campaign_instance, affinity"
    declared = largest(c.AFFINITY_INFO, "host", "affinity", matching=(HOSTS,))
    addresses = largest(s.AFFINITY_ADDRESSES, "host", "affinity", matching=(HOSTS,))
    known = f"count by ({by}) ({declared})"
    exprs = [known, *(or_unknown(f"{least} by ({by}) ({addresses})", known, "affinity") for least in ("min", "max"))]
    columns = [
        Column("B", "Fewest", unit="none", absent="mask", width=80),
        Column("C", "Most", unit="none", absent="mask", width=80),
        Column("affinity", "IP affinity"),
        Column("A", "Hosts", unit="none", width=80),
        Column("campaign_instance", "Instance", width=110),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Fewest", descending=False))


def disks() -> Panel:
    """List the disks."""
    said = Said(
        "Disks",
        "Is there room for what is prepared, and for logs? File systems of Campaign's directories. Full: of bytes or of inodes,"
        " whichever is scarcer; orange is a ticket, red a page. Without inodes no file can be made, however much is free.",
        "none",
    )
    by = asked.DIRECTORY
    known = f"group by ({labels(by)}) ({selector(c.DIRECTORY_SIZE, HOSTS)})"
    told = (
        asked.space_used(HOSTS),
        largest(c.DIRECTORY_AVAILABLE, *by, matching=(HOSTS,)),
        asked.inodes_used(HOSTS),
        largest(c.DIRECTORY_FILES_FREE, *by, matching=(HOSTS,)),
    )
    exprs = [asked.disk_used(HOSTS), *(or_unknown(expr, known, *by) for expr in told)]
    columns = [
        Column("A", "Full", unit="percentunit", thresholds=DISK_USED, width=90),
        Column("host", "Host"),
        Column("directory", "Directory"),
        Column("B", "Bytes used", unit="percentunit"),
        Column("C", "Bytes left", unit="bytes"),
        Column("D", "Inodes used", unit="percentunit", absent="no limit"),
        Column("E", "Inodes left", unit="short", absent="no limit"),
        Column("campaign_instance", "Instance", link=where(MTA), width=140),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Full"))


def configuration_faults() -> Panel:
    """List the faults of server configurations."""
    said = Said(
        "Faults in server configurations",
        "What is wrong in serverConf.xml or config-<instance>.xml of a host that is to send.",
        "none",
    )
    expr = or_nothing(f"{_FAULT} > 0", "affinity", "host", NOTHING)
    kinds = value_map(
        {
            "address_two_helo_hosts": ("one address, two HELO names", WARNING),
            "public_id_duplicate": ("publicId used twice", WARNING),
            "no_address": ("an affinity without address", WARNING),
            "stat_server_missing": ("no statServerAddress", WARNING),
        }
    )
    columns = [
        Column("kind", "Fault", mapping=kinds, link="${runbooks}/CampaignServerConfigurationFault.md", width=220),
        Column("host", "Host"),
        Column("campaign_instance", "Instance"),
    ]
    return table(said, Rows([Query(expr)], columns, sorted_by="Instance", descending=False))


def mta() -> Board:
    """Make the dashboard."""
    return Board(
        MTA,
        "What runs on which host, how much memory and disk it takes, and which IP affinities or server configurations do not"
        " fit.",
        [
            Section("Now", [Place(up_now(), 8, 4), Place(faults_now(), 12, 4), Place(disk_now(), 4, 4)]),
            Section("Processes", [Place(process_matrix(), 24, 8), Place(mtas_up(), 12, 9), Place(down(), 12, 9)]),
            Section("IP affinities", [Place(affinity_matrix(), 12, 10), Place(affinity_faults(), 12, 10)]),
            Section(
                "Configuration and restarts",
                [Place(configuration_faults(), 8, 8), Place(affinity_addresses(), 8, 8), Place(restarts(), 8, 8)],
            ),
            Section("Memory", [Place(memory(), 12, 10), Place(memory_share(), 12, 10)]),
            Section("Disks", [Place(disks(), 24, 8)]),
        ],
        hosts=True,
    )
