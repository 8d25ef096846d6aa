from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaign_simulator.engine import Engine
from campaign_simulator.hosts import DEFAULT_HOSTS, Hosts
from campaign_simulator.obstacles import Site

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def servers(tmp_path: Path) -> Hosts:
    """Return servers on which everything runs; they have no files."""
    hosts = Hosts(DEFAULT_HOSTS, tmp_path, "prod")
    for host in DEFAULT_HOSTS:
        for module in host.modules:
            hosts.start(module, host.name)
    return hosts


@pytest.fixture
def make_engine(servers: Hosts) -> Callable[..., Engine]:
    def make(seed: int = 1, messages_per_second: float = 40.0) -> Engine:
        engine = Engine(Site(servers), now=NOW, seed=seed, messages_per_second=messages_per_second)
        engine.create()
        return engine

    return make
