"""Hosts, IP affinities, and what lies around them."""

import math
from collections.abc import Sequence
from functools import partial

from campaign_exporter import catalogue as c
from dashboards.world.story import Window, during
from dashboards.world.teller import At, Teller

PROCESSES = ("mta", "stat", "inMail", "wfserver", "web", "syslogd", "trackinglogd")
_ENDPOINTS = {"tracking": "redirection", "app": "ping", "images": "resource", "events": "ping"}
_TABLES = ("nmsdelivery", "nmsdeliverypart", "nmsbroadlogrcp")
_LIMITS = {"warning": 1024, "alert": 1536, "restart": 2048}
_MIB = 2**20
_DISK = 200 * 2**30


def tell_platform(teller: Teller) -> None:
    """Tell all of it."""
    for host in teller.campaign.hosts:
        for source in ("processes", "configuration", "directories"):
            hidden = teller.story.unlisted.get(host, ()) if source == "processes" else ()
            teller.tell(c.HOST_UP, _unless(hidden), of={"host": host, "source": source})
        for process in PROCESSES:
            _process(teller, host, process)
        _disks(teller, host)
        _configuration(teller, host)
    _affinities(teller)
    _endpoints(teller)
    _database(teller)


def _unless(windows: Sequence[Window]) -> At:
    return lambda hour: not during(hour, windows)


def _process(teller: Teller, host: str, process: str) -> None:
    labels = {"host": host, "process": process}
    down, hidden = teller.story.down.get((host, process), ()), teller.story.unlisted.get(host, ())
    size, fat = 120 + 90 * PROCESSES.index(process), (host, process) in teller.story.fat

    def runs(hour: float) -> bool | None:
        return None if during(hour, hidden) else not during(hour, down)

    def memory(hour: float) -> int | None:
        grown = size * (1 + 0.1 * math.sin(hour)) + (35 * hour if fat else 0)
        return int(grown * _MIB) if runs(hour) else None

    def restarts(hour: float) -> int:
        return 10 + int(hour / 24 + 0.85) + sum(hour >= end for _, end in down)

    teller.tell_always(c.PROCESS_EXPECTED, 1, of=labels)
    teller.tell(c.PROCESS_UP, runs, of=labels)
    teller.tell(c.PROCESSES, runs, of=labels)
    teller.tell(c.PROCESS_MEMORY, memory, of=labels)
    teller.tell(c.PROCESS_RESTARTS, restarts, of=labels)
    for level, limit in _LIMITS.items():
        teller.tell_always(c.PROCESS_MEMORY_LIMIT, limit * _MIB, of=labels | {"level": level})


def _configuration(teller: Teller, host: str) -> None:
    names = teller.campaign.hosts[host]
    teller.tell_always(c.AFFINITIES, len(names), of={"host": host})
    for affinity in names:
        teller.tell_always(c.AFFINITY_INFO, 1, of={"host": host, "affinity": affinity})
    for kind in c.SERVER_CONFIGURATION_FAULT.values["kind"]:
        windows = teller.story.faults.get((host, kind), ())
        teller.tell(c.SERVER_CONFIGURATION_FAULT, partial(during, windows=windows), of={"host": host, "kind": kind})


def _affinities(teller: Teller) -> None:
    story = teller.story
    for affinity in sorted({name for names in teller.campaign.hosts.values() for name in names}):
        teller.tell_always(c.AFFINITY_INCONSISTENT, affinity in story.uneven, of={"affinity": affinity})
    for affinity in story.latent:
        teller.tell_always(c.AFFINITY_LATENT, 2, of={"affinity": affinity}, database=True)
    for (affinity, kind), windows in story.mismatches.items():
        of = {"affinity": affinity, "kind": kind}
        teller.tell(c.AFFINITY_MISMATCH, partial(_two, windows=windows), of=of, database=True)


def _two(hour: float, windows: Sequence[Window]) -> int | None:
    return 2 if during(hour, windows) else None


def _endpoints(teller: Teller) -> None:
    for number, (endpoint, kind) in enumerate(_ENDPOINTS.items()):
        labels = {"endpoint": endpoint, "kind": kind, "address": ""}
        teller.tell(c.ENDPOINT_UP, _unless(teller.story.silent_endpoints.get(endpoint, ())), of=labels)
        teller.tell_always(c.ENDPOINT_DURATION, 0.04 + 0.03 * number, of=labels)


def _disks(teller: Teller, host: str) -> None:
    full = host in teller.story.full
    for directory, used, inodes in (("var", 0.97 if full else 0.62, 12_400_000), ("tmp", 0.2, 910_000 if full else 12_400_000)):
        labels = {"host": host, "directory": directory}
        teller.tell_always(c.DIRECTORY_SIZE, _DISK, of=labels)
        teller.tell_always(c.DIRECTORY_AVAILABLE, int(_DISK * (1 - used)), of=labels)
        teller.tell_always(c.DIRECTORY_FILES, 13_000_000, of=labels)
        teller.tell_always(c.DIRECTORY_FILES_FREE, inodes, of=labels)


def _database(teller: Teller) -> None:
    blocked = teller.story.blocked

    def waited(hour: float) -> float:
        return max((3600 * (hour - start) for start, end in blocked if start <= hour < end), default=0)

    hit, *others = ({"table": table} for table in _TABLES)
    teller.tell(c.DATABASE_BLOCKED, lambda hour: 4 * during(hour, blocked), of=hit, database=True)
    teller.tell(c.DATABASE_LONGEST_WAIT, waited, of=hit, database=True)
    for of in others:
        teller.tell_always(c.DATABASE_BLOCKED, 0, of=of, database=True)
        teller.tell_always(c.DATABASE_LONGEST_WAIT, 0, of=of, database=True)
    teller.tell(c.DATABASE_CLOCK_OFFSET, lambda hour: round(0.02 * math.sin(hour), 4), database=True)
    if teller.campaign.role == "mid-sourcing":
        teller.tell(c.DATABASE_REPLAY_LAG, lambda hour: round(1.5 + math.sin(hour), 2), database=True)
