"""What scrapes tell while the database is locked, dead or out of reach: all exporters side by side, on one fault."""

import contextlib
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import psycopg

from benchmarks.exporters import OURS, POSTGRES, QUERY, RIVALS, SQL, Running, Site, backends, ours, rival
from benchmarks.machine import ROOT, circumstances, step
from benchmarks.questions import NAIVE
from benchmarks.scraper import Client, Scrape, measure, summary
from campaign_simulator.instance import Simulator
from campaign_simulator.postgres import PostgresServer

sys.path.insert(0, str(ROOT / "tests"))
from integration.database.proxy import Proxy

#: Seconds of each fault. Values are withdrawn by ours after three intervals.
LOCKED, DEAD, HOLE = 30.0, 60.0, 60.0
_BEFORE, _AFTER = 20.0, 30.0
_PAUSE = 0.5
_LOGS = 200_000
_LOCK = "LOCK TABLE nmsdelivery, nmsdeliverypart, nmsdeliverystat, nmsbroadlogrcp IN ACCESS EXCLUSIVE MODE"
_ALTERNATING = 5000
#: What says that values are there, and what says that they could not be read anew.
_VALUES: Mapping[str, str] = {
    OURS: r"^campaign_deliveries\{",
    SQL: r"^sql_campaign_deliveries\{",
    POSTGRES: r"^campaign_deliveries_deliveries\{",
    QUERY: r"^campaign_deliveries\{",
}
_COMPLAINTS: Mapping[str, str] = {
    OURS: r'^campaign_exporter_collector_success\{.*collector="deliveries"\} 0|^campaign_up\{.*\} 0',
    SQL: r"^sql_exporter_last_scrape_failed\{.*\} 1",
    POSTGRES: r"^pg_up 0|^pg_exporter_last_scrape_error 1",
    QUERY: r'^queries_total\{.*status="(error|timeout)"\} [1-9]|^database_errors_total\{.*\} [1-9]',
}


class Moment(NamedTuple):
    """One scrape, by seconds since the fault began, and whether it brought values, and said that they are old."""

    at: float
    milliseconds: float
    answered: bool
    values: bool
    complains: bool


class Watcher:
    """Scrapes an exporter twice a second from a thread of its own."""

    def __init__(self, running: Running, origin: float) -> None:
        self.name = running.name
        self.moments: list[Moment] = []
        self._origin = origin
        self._client = Client(running.port)
        self._stop = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> list[Moment]:
        """End, and give what was seen."""
        self._stop.set()
        self._thread.join()
        return self.moments

    def _watch(self) -> None:
        while not self._stop.wait(_PAUSE):
            at = time.monotonic() - self._origin
            self.moments.append(self._moment(at, self._client.scrape()))

    def _moment(self, at: float, scrape: Scrape) -> Moment:
        text = scrape.body.decode(errors="replace")
        found = [bool(re.search(each[self.name], text, re.MULTILINE)) for each in (_VALUES, _COMPLAINTS)]
        return Moment(round(at, 2), round(scrape.milliseconds, 3), bool(text), *found)


def faults(runs: int) -> dict[str, Any]:
    """Lock, kill and cut off the database, and tell what was seen."""
    told: dict[str, Any] = dict(circumstances())
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder) / "simulator") as simulator:
        simulator.backfill_delivery_logs(_LOGS)
        site = Site(simulator, Path(folder))
        site.admit()
        with step("scrapes of a healthy and of a locked database, by turns"), ours(site) as running:
            told["alternating"] = _alternating(site, running, runs)
        told["locked"] = _seen(site, LOCKED, lambda: _locked(simulator))
        told["dead"] = _seen(site, DEAD, lambda: _dead(simulator.postgres))
        with Proxy(simulator.postgres.port) as proxy:
            cut_off = Site(simulator, Path(folder), database_port=proxy.port)
            told["hole"] = _seen(cut_off, HOLE, lambda: _swallowed(proxy))
    return told


def _alternating(site: Site, running: Running, runs: int) -> list[dict[str, Any]]:
    told = []
    for _ in range(runs):
        healthy = measure(running.port, "gzip", scrapes=_ALTERNATING, seconds=10)
        with _locked(site.simulator):
            # So long that rounds have failed.
            time.sleep(2)
            locked = measure(running.port, "gzip", scrapes=_ALTERNATING, seconds=10)
        told.append({"healthy": asdict(healthy), "locked": asdict(locked)})
    return told


def _seen(site: Site, seconds: float, fault: Callable[[], contextlib.AbstractContextManager[None]]) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(ours(site))]
        running += [stack.enter_context(rival(name, site, NAIVE)) for name in RIVALS]
        origin = time.monotonic() + _BEFORE
        watchers = [Watcher(each, origin) for each in running]
        counts: list[dict[str, int]] = []
        with step(f"a fault of {seconds:.0f} s"):
            _count(site, counts, _BEFORE)
            with fault():
                _count(site, counts, seconds)
            _count(site, counts, _AFTER)
        seen = {watcher.name: watcher.stop() for watcher in watchers}
    connections = {each.name: max(count[each.name] for count in counts) for each in running}
    return {
        "seconds": seconds,
        "exporters": {name: _told(moments, seconds) | {"connections": connections[name]} for name, moments in seen.items()},
    }


def _told(moments: Sequence[Moment], seconds: float) -> dict[str, Any]:
    during = [each for each in moments if 0 <= each.at < seconds]
    last = during[-1]
    return {
        "moments": [(each.at, each.milliseconds) for each in moments],
        **asdict(summary([(each.milliseconds, int(each.answered)) for each in during])),
        "complained_after": next((each.at for each in during if each.complains), None),
        "withdrawn_after": next((each.at for each in during if not each.values), None),
        "silently_stale": last.values and not last.complains,
        "recovered_after": next(
            (each.at - seconds for each in moments if each.at >= seconds and each.values and not each.complains), None
        ),
    }


def _count(site: Site, counts: list[dict[str, int]], seconds: float) -> None:
    """Count the connections of all exporters again and again, as long as the database can tell."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(psycopg.OperationalError), site.simulator.connect() as connection:
            while time.monotonic() < end:
                counts.append(backends(connection, (OURS, *RIVALS)))
                time.sleep(_PAUSE / 2)
        time.sleep(_PAUSE)


@contextlib.contextmanager
def _locked(simulator: Simulator) -> Iterator[None]:
    with simulator.connect() as connection, connection.transaction():
        connection.execute("SET LOCAL lock_timeout = 0")
        connection.execute(_LOCK)
        yield


@contextlib.contextmanager
def _dead(postgres: PostgresServer) -> Iterator[None]:
    postgres.kill()
    yield
    postgres.start()


@contextlib.contextmanager
def _swallowed(proxy: Proxy) -> Iterator[None]:
    proxy.swallows.set()
    yield
    proxy.swallows.clear()
