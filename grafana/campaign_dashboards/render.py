"""From dashboards to the files that Grafana imports."""

from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from campaign_dashboards.deliverability import deliverability
from campaign_dashboards.deliveries import deliveries
from campaign_dashboards.exporter import exporter
from campaign_dashboards.hygiene import hygiene
from campaign_dashboards.load import load
from campaign_dashboards.mta import mta
from campaign_dashboards.overview import overview
from campaign_dashboards.throughput import throughput
from campaign_dashboards.tracking import tracking


def dashboard_files(runbooks: str) -> Mapping[str, str]:
    """Write each dashboard as a file of its own, by file name; `runbooks` is where alerts/runbooks is published."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    boards = (make() for make in (overview, deliveries, mta, throughput, load, deliverability, tracking, hygiene, exporter))
    return {f"{board.uid}.json": encoder.encode(board.build(runbooks)) + "\n" for board in boards}
