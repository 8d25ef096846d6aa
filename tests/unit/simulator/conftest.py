from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from campaign_simulator.engine import Engine
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultBoard, World
from campaign_simulator.hosts import DEFAULT_HOSTS, Hosts
from campaign_simulator.obstacles import Site
from campaign_simulator.truth import Truth, tell_truth
from unit.simulator.worlds import NOW, make_world


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


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "standalone")


@pytest.fixture
def marketing(tmp_path: Path) -> World:
    return make_world(tmp_path / "marketing", marketing=True)


@pytest.fixture
def board(world: World) -> FaultBoard:
    return FaultBoard(world, FAULTS)


@pytest.fixture
def truth(world: World, board: FaultBoard) -> Callable[[], Truth]:
    return lambda: tell_truth(world.engine, world.hosts, world.now(), board.active)
