"""A simulated instance and the exporter that watches it each second, as processes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from campaign_exporter.catalogue import COLLECTORS
from integration.core.exporter_process import Exporter, exporter, wait_until

_SIMULATOR = str(Path(sys.executable).parent / "campaign-simulator")
#: Rounds come each second; a fault may take a round of the simulator, a time-out and the breaker to show.
PATIENCE = 40.0


@dataclass
class Scene:
    """A simulated instance, and the exporter that watches it."""

    directory: Path
    exporter: Exporter

    def simulator(self, *words: str) -> str:
        command = [_SIMULATOR, words[0], "--directory", str(self.directory), *words[1:]]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def truth(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.simulator("truth"))

    @contextmanager
    def fault(self, *words: str) -> Iterator[None]:
        self.simulator("fault", *words)
        try:
            yield
        finally:
            self.simulator("clear", words[0])

    def value(self, name: str, *labels: str) -> float | None:
        return self.exporter.value(f"campaign_{name}", *labels)

    def pending(self, cause: str) -> float | None:
        return self.value("deliveries_pending", cause)


@contextmanager
def _simulated(directory: Path) -> Iterator[None]:
    log = directory.with_suffix(".log")
    command = [_SIMULATOR, "run", "--directory", str(directory), "--backfill-rows", "2000"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
    try:
        wait_until(lambda: "monitor it with" in log.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def watched(directory: Path) -> Iterator[Scene]:
    with _simulated(directory):
        configuration = yaml.safe_load((directory / "campaign-exporter.yaml").read_text())
        configuration["collectors"] = {name: {"enabled": True, "interval": "1s"} for name in COLLECTORS}
        configuration["budget"] = {"database_seconds_per_minute": 60}
        file = directory / "each-second.yaml"
        file.write_text(yaml.safe_dump(configuration))
        with exporter(file) as running:
            running.wait_ready()
            yield Scene(directory, running)
            assert running.stop()[0] == 0
