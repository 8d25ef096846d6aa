"""A server with so many series, which do not change: ours, or prometheus_client's.

Usage: python -m benchmarks.served campaign-exporter|prometheus_client SERIES PORT
"""

import sys
import threading
from collections.abc import Iterator

import prometheus_client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from campaign_exporter.catalogue import DELIVERY_PENDING_SINCE as FAMILY
from campaign_exporter.metric import Samples
from campaign_exporter.snapshot import Exposition, Owner, Snapshot
from campaign_exporter.web.application import Application
from campaign_exporter.web.server import WebServer, listen

_OLDEST = 1.7e9


def series(count: int, shift: float = 0.0) -> Samples:
    """Make the series: one for each delivery."""
    samples = Samples()
    for number in range(count):
        samples.add(FAMILY, _OLDEST + number + shift, delivery_id=number, label=f"Newsletter {number}", cause="mta_down")
    return samples


class Served:
    """What the web server asks of an exporter."""

    healthy = ready = True

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

    def __init__(self, count: int) -> None:
        self._count = count

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the families."""
        family = GaugeMetricFamily(FAMILY.name, FAMILY.help_line, labels=list(FAMILY.label_names))
        for number in range(self._count):
            family.add_metric(["prod", str(number), f"Newsletter {number}", "mta_down"], _OLDEST + number)
        yield family


def main() -> None:
    """Serve until ended."""
    name, count, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if name == "prometheus_client":
        registry = prometheus_client.CollectorRegistry()
        registry.register(Families(count))
        prometheus_client.start_http_server(port, "127.0.0.1", registry)
    else:
        exposition = Exposition()
        exposition.publish({Owner("prod", "pending"): series(count)})
        app = Application(Served(exposition), telemetry_path="/metrics", lifecycle=False)
        WebServer(app, listen(f"127.0.0.1:{port}")).start()
        if "publishing" in sys.argv:
            for shift in range(1, sys.maxsize):
                exposition.publish({Owner("prod", "pending"): series(count, shift)})
    threading.Event().wait()


if __name__ == "__main__":
    main()
