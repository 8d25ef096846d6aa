"""Measure scrapes over HTTP keep-alive: this exporter's web server beside prometheus_client's, with the same families.

Usage: python benchmarks/scrape_latency.py [--scrapes N] [--series 1000 10000]

Each server runs in a process of its own. The memory is that of the server's process, after start and with its series.
"""

import argparse
import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import prometheus_client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from campaign_exporter import catalogue
from campaign_exporter.metric import Samples
from campaign_exporter.snapshot import Exposition, Owner, Snapshot
from campaign_exporter.web.application import Application
from campaign_exporter.web.server import WebServer, listen

_STATE = "in_progress"


class Served:
    """What the web server asks of an exporter."""

    healthy = True
    ready = True

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    @property
    def snapshot(self) -> Snapshot:
        """Give the newest snapshot."""
        return self._exposition.snapshot

    def reload(self) -> str | None:
        """Do nothing."""
        return None


class Families(Collector):
    """The same series for prometheus_client, made at each scrape as a collector of its kind makes them."""

    def __init__(self, series: int) -> None:
        self._series = series

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families."""
        names = ["campaign_instance", *catalogue.DELIVERY_PENDING_SINCE.labels]
        family = GaugeMetricFamily(catalogue.DELIVERY_PENDING_SINCE.name, catalogue.DELIVERY_PENDING_SINCE.help, labels=names)
        for number in range(self._series):
            family.add_metric(["prod", str(number), f"Newsletter {number}", "mta_down"], 1.7e9 + number)
        yield family


def serve_ours(series: int) -> None:
    """Serve so many series through our web server."""
    exposition = Exposition()
    samples = Samples()
    for number in range(series):
        labels: dict[str, str | int] = {"delivery_id": number, "label": f"Newsletter {number}", "cause": "mta_down"}
        samples.add(catalogue.DELIVERY_PENDING_SINCE, 1.7e9 + number, **labels)
    began = time.perf_counter()
    exposition.publish({Owner("prod", "pending"): samples})
    rendering = time.perf_counter() - began
    listener = listen("127.0.0.1:0")
    WebServer(Application(Served(exposition), telemetry_path="/metrics", lifecycle=False), listener).start()
    print(listener.getsockname()[1], f"{rendering * 1000:.0f}", flush=True)
    sys.stdin.read()


def serve_theirs(series: int) -> None:
    """Serve so many series through prometheus_client."""
    registry = prometheus_client.CollectorRegistry()
    registry.register(Families(series))
    server, _ = prometheus_client.start_http_server(0, "127.0.0.1", registry)
    print(server.server_port, "-", flush=True)
    sys.stdin.read()


class Figures(NamedTuple):
    """Milliseconds, and bytes of the body."""

    median: float
    p99: float
    size: int


def measure(port: int, encoding: str, scrapes: int) -> Figures:
    """Scrape one after another over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    size = 0
    for _ in range(scrapes + 10):
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": encoding})
        size = len(connection.getresponse().read())
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    warm = times[10:]
    return Figures(statistics.median(warm), statistics.quantiles(warm, n=100)[98], size)


def resident(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    """Measure all, and print one row each as it comes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scrapes", type=int, default=500)
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--serve", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        {"ours": serve_ours, "theirs": serve_theirs}[given.serve](given.series[0])
        return
    print(f"{'server':<20}{'series':>8}{'encoding':>10}{'p50 ms':>9}{'p99 ms':>9}{'kB':>8}{'render ms':>11}{'RSS MiB':>9}")
    for series in given.series:
        for server, name in (("ours", "campaign-exporter"), ("theirs", "prometheus_client")):
            row(server, name, series, given.scrapes)


def row(server: str, name: str, series: int, scrapes: int) -> None:
    """Measure one server with so many series."""
    command = [sys.executable, __file__, "--serve", server, "--series", str(series)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this file
        if process.stdout is None:
            raise AssertionError("Popen was told to make a pipe")
        port, rendering = process.stdout.readline().split()
        for encoding in ("identity", "gzip"):
            if sys.stderr.isatty():
                print(f"  {name}, {series} series, {encoding} ...", end="\r", file=sys.stderr, flush=True)
            figures = measure(int(port), encoding, scrapes)
            print(
                f"{name:<20}{series:>8}{encoding:>10}{figures.median:>9.2f}{figures.p99:>9.2f}{figures.size / 1000:>8.0f}"
                f"{rendering:>11}{resident(process.pid):>9.0f}",
                flush=True,
            )
        process.communicate()


if __name__ == "__main__":
    main()
