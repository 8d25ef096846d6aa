from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.postgres import PostgresServer

MakeSimulator = Callable[..., Simulator]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def make_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeSimulator]:
    """Make simulators whose clock stands still until it is moved; they end with the module."""
    with ExitStack() as running:

        def make(**parameters: object) -> Simulator:
            directory: Path = tmp_path_factory.mktemp("simulator")
            simulator = Simulator(directory, clock=ManualClock(datetime.now(UTC)), **parameters)  # type: ignore[arg-type]
            return running.enter_context(simulator)

        yield make
