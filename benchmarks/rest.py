"""What an exporter costs while nothing happens: processor and memory, at the intervals that it is shipped with."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from threading import Event, Thread
from typing import Any

from benchmarks.exporters import OURS, RIVALS, Running, Site, backends, ours, rival
from benchmarks.machine import CONSOLE, circumstances, processor_seconds, resident, step, threads
from benchmarks.questions import NAIVE
from benchmarks.scraper import Client
from campaign_simulator.instance import Simulator

_SETTLE = 30.0
_SCRAPE_INTERVAL = 15.0
#: Of the simulated instance, once: a day's history.
_LOGS = 20_000
#: Copies of the instance that together have ten thousand series.
LARGE = 10


@contextlib.contextmanager
def site(directory: Path, logs: int = _LOGS) -> Iterator[Site]:
    """Run a simulated instance on which something happens."""
    with Simulator(directory / "simulator") as simulator:
        simulator.backfill(rows=logs)
        stop = Event()
        thread = Thread(target=simulator.run, args=[stop], daemon=True)
        thread.start()
        made = Site(simulator, directory)
        made.admit()
        yield made
        stop.set()
        thread.join()


def watch(each: Running, seconds: float, sample: float) -> dict[str, Any]:
    """Scrape an exporter as Prometheus does, for a time; tell its memory over that time, and what it computed."""
    client = Client(each.port, "gzip")
    began = time.monotonic()
    own, children = processor_seconds(each.pid)
    memory: list[tuple[float, float]] = []
    scraped = 0.0
    while (passed := time.monotonic() - began) < seconds:
        if passed >= scraped:
            client.scrape()
            scraped = passed + _SCRAPE_INTERVAL
        memory.append((round(passed, 1), round(resident(each.pid), 2)))
        time.sleep(sample)
    took = time.monotonic() - began
    own_after, children_after = processor_seconds(each.pid)
    client.close()
    return {
        "seconds": took,
        "processor": (own_after - own) / took,
        "commands": (children_after - children) / took,
        "memory": memory,
        "threads": threads(each.pid),
    }


def growth(memory: list[tuple[float, float]]) -> float:
    """Tell how much more the last quarter of the time holds than the second, as a ratio."""
    end = memory[-1][0]
    second = [size for at, size in memory if end / 4 <= at < end / 2]
    last = [size for at, size in memory if at >= end * 3 / 4]
    return fmean(last) / fmean(second)


def soak(seconds: float) -> dict[str, Any]:
    """Let the exporter run for long, scraped every fifteen seconds."""
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as place, ours(place) as running:
        CONSOLE.print(f"soaking for {seconds:.0f} s; {running.name} is process {running.pid}")
        time.sleep(_SETTLE)
        measured = watch(running, seconds, 10.0 if seconds > 1000 else 1.0)  # noqa: PLR2004 - enough points for a picture
        return {**circumstances(), **measured, "growth": growth(measured["memory"])}


def rest(seconds: float) -> dict[str, Any]:
    """Measure all exporters one after the other at rest, and ours with ten thousand series."""
    told: dict[str, Any] = dict(circumstances())
    with tempfile.TemporaryDirectory() as folder, site(Path(folder)) as place:
        for name in (OURS, *RIVALS):
            with step(f"{name} at rest"), ours(place) if name == OURS else rival(name, place, NAIVE) as running:
                time.sleep(_SETTLE)
                told[name] = _summary(watch(running, seconds, 1.0))
                with place.simulator.connect() as connection:
                    told[name]["connections"] = backends(connection, [name])[name]
        with step(f"{OURS} with {LARGE} instances"), _unlimited(place), ours(place, instances=LARGE) as running:
            time.sleep(_SETTLE)
            told["large"] = _summary(watch(running, seconds, 1.0))
            told["large"]["series"] = _series(running.port)
    return told


def _summary(measured: dict[str, Any]) -> dict[str, Any]:
    memory = [size for _, size in measured.pop("memory")]
    return {**measured, "resident": median(memory), "highest": max(memory)}


def _series(port: int) -> int:
    client = Client(port)
    lines = client.scrape().body.splitlines()
    client.close()
    return sum(not line.startswith(b"#") for line in lines)


@contextlib.contextmanager
def _unlimited(place: Site) -> Iterator[None]:
    """Let the monitoring role have a connection for each copy of the instance."""
    with place.simulator.connect() as connection:
        connection.execute("ALTER ROLE campaign_monitor CONNECTION LIMIT -1")
        yield
        connection.execute("ALTER ROLE campaign_monitor CONNECTION LIMIT 4")
