import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alerting.sinks import Sinks
from alerting.target import SHIPPED, aim
from alertmanager.check_inhibition import Alertmanager
from integration.alertmanager.scenes import EXTERNAL_URL, FASTER


@pytest.fixture(scope="session")
def sinks() -> Iterator[Sinks]:
    with Sinks() as sinks:
        yield sinks


@pytest.fixture(scope="session")
def alertmanager(sinks: Sinks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    configuration = aim(sinks, tmp_path_factory.mktemp("alertmanager"), faster=FASTER)
    with Alertmanager(configuration, f"--web.external-url={EXTERNAL_URL}") as running:
        yield running


@pytest.fixture(scope="session")
def receivers() -> Callable[..., set[str]]:
    """Ask amtool who is told of an alert, by the shipped configuration."""

    def ask(configuration: Path = SHIPPED, **labels: str) -> set[str]:
        words = [f"{name}={value}" for name, value in labels.items()]
        command = ["amtool", "config", "routes", "test", f"--config.file={configuration}", *words]
        return set(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip().split(","))

    return ask
