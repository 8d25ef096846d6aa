"""A past for Prometheus: the usual throughput of an instance, as the rules would have recorded it."""

import subprocess
import time
from pathlib import Path

from campaign_alerts.durations import seconds
from campaign_alerts.values import Values
from integration.core.exporter_process import wait_until

#: What the simulated MTAs send while there is work, unless told otherwise.
USUAL_PER_SECOND = 40.0
_STEP_SECONDS = 5.0


def seed(directory: Path, values: Values, instance: str) -> Path:
    """Write blocks in which the instance was busy for a little longer than the rule asks for; return Prometheus's storage."""
    settings = values.of("CampaignThroughputLow")
    name = f"campaign_instance:campaign_messages_busy:rate{values.of('CampaignThroughputStalled')['after']}"
    samples = int(seconds(settings["baseline_at_least"]) / seconds(values.interval)) + 60
    last = time.time() - 60
    lines = [f"# TYPE {name} gauge"]
    lines += [
        f'{name}{{campaign_instance="{instance}"}} {USUAL_PER_SECOND} {last - step * _STEP_SECONDS:.3f}'
        for step in reversed(range(samples))
    ]
    file, storage = directory / "past.txt", directory / "past"
    file.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(file), str(storage)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    wait_until(lambda: any(storage.iterdir()))
    return storage
