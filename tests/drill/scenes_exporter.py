"""Scenes of the exporter itself: what it cannot read, what it costs, and whether anybody hears of it. All are tickets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from drill.scene import Scene, faults, page_between
from drill.site import Site

#: Seconds until Prometheus has scraped an exporter that is new to it.
_SETTLING = 5.0
#: Seconds a minute: the default would be 9 where rounds are fifteen times as frequent, and a busy machine needs some more.
_BUDGET = 15.0


@contextmanager
def _one_of_two_killed(site: Site) -> Iterator[None]:
    """Kill the second of two exporters."""
    site.start_exporter(site.second)
    site.announce(site.address, site.second)
    time.sleep(_SETTLING)
    site.fault_at = time.time()
    site.kill_exporter(site.second)
    try:
        yield
    finally:
        site.start_exporter(site.second)


EXPORTER = (
    Scene(
        "CampaignExporterCollectorFailing",
        "CampaignExporterCollectorFailing",
        "warning",
        "platform",
        faults("select-revoked nmsdeliverypart"),
        r"permission",
        free=frozenset({"collector", "instance", "job"}),
    ),
    Scene(
        "CampaignExporterCollectorUnavailable",
        "CampaignExporterCollectorUnavailable",
        "warning",
        "platform",
        faults("index-missing"),
        r"index|column|table",
        free=frozenset({"collector", "instance", "job"}),
    ),
    Scene(
        "CampaignExporterOverBudget",
        "CampaignExporterOverBudget",
        "warning",
        "platform",
        faults("statements-slow 0.05"),
        r"do not fit into its budget of database time\..*: \d+ times the interval",
        free=frozenset({"instance", "job"}),
        budget=_BUDGET,
    ),
    Scene(
        "CampaignExporterDataStale",
        "CampaignExporterDataStale",
        "warning",
        "platform",
        page_between(Site.stale),
        r"round",
        free=frozenset({"collector", "instance", "job"}),
        needed=3 * 15.0 + 120.0,
        sampling=0.0,
    ),
    Scene(
        "CampaignExporterDown target",
        "CampaignExporterDown",
        "warning",
        "platform",
        _one_of_two_killed,
        r"scrape|answer",
        {"scope": "target"},
        free=frozenset({"instance", "job"}),
        sampling=0.0,
    ),
)
