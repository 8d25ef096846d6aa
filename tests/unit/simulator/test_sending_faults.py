from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from campaign_simulator.clock import ManualClock
from campaign_simulator.endpoints import Endpoints
from campaign_simulator.engine import Engine
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultBoard, World
from campaign_simulator.hosts import DEFAULT_HOSTS, Hosts
from campaign_simulator.model import Delivery
from campaign_simulator.obstacles import Site
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.vocabulary import State


def no_database() -> psycopg.Connection:
    raise psycopg.OperationalError("connection refused")


@pytest.fixture
def world(tmp_path: Path, now: datetime) -> World:
    hosts = Hosts(DEFAULT_HOSTS, tmp_path, "prod")
    hosts.create()
    engine = Engine(Site(hosts), now=now)
    engine.create()
    return World(engine, hosts, Endpoints("prod"), PostgresServer(), "public", no_database, ManualClock(now), lambda: None)


@pytest.fixture
def board(world: World) -> FaultBoard:
    return FaultBoard(world, FAULTS)


@pytest.fixture
def advance(world: World) -> Callable[[float], None]:
    def go(seconds: float) -> None:
        assert isinstance(world.now, ManualClock)
        for _ in range(int(seconds)):
            world.now.advance(1)
            world.engine.step(world.now())

    return go


def newest(world: World) -> Delivery:
    return world.engine.active[max(world.engine.active)]


@pytest.mark.parametrize("name", ["delivery-halted", "delivery-in-retry"])
def test_a_delivery_that_is_newer_than_the_last_step_sends_at_once(name: str, board: FaultBoard, world: World) -> None:
    assert isinstance(world.now, ManualClock)
    world.now.advance(0.001)
    board.set(name, [])
    assert newest(world).processed > 0


def test_a_halted_delivery_stands_still_while_others_go_on(
    board: FaultBoard, world: World, advance: Callable[[float], None]
) -> None:
    board.set("delivery-halted", [])
    delivery = newest(world)
    before, others = delivery.processed, sum(world.engine.sender.messages.values())
    assert 0 < before < delivery.to_deliver
    advance(60)
    assert (delivery.state, delivery.processed) == (State.IN_PROGRESS, before)
    assert delivery.due_parts(world.now())
    assert sum(world.engine.sender.messages.values()) > others
    board.clear("delivery-halted", [])
    advance(30)
    assert delivery.processed > before


def test_a_delivery_fails_and_stays_failed(board: FaultBoard, world: World, advance: Callable[[float], None]) -> None:
    before = world.engine.settled[State.FAILED, 0]
    board.set("delivery-failed", [])
    assert world.engine.settled[State.FAILED, 0] == before + 1
    board.clear("delivery-failed", [])
    advance(3)
    assert world.engine.settled[State.FAILED, 0] == before + 1


def test_late_deliveries_start_an_hour_after_their_date(
    board: FaultBoard, world: World, advance: Callable[[float], None]
) -> None:
    board.set("deliveries-late", [])
    late = [each for each in world.engine.active.values() if each.contact <= world.now() - timedelta(hours=1)]
    assert len(late) >= 20
    advance(20)
    started = [each for each in late if each.broad_start is not None]
    assert len(started) >= 20
    assert all(each.broad_start and each.broad_start - each.contact >= timedelta(hours=1) for each in started)


def test_refusals_rise_and_fall(board: FaultBoard, world: World, advance: Callable[[float], None]) -> None:
    def refused_share() -> float:
        before = dict(world.engine.sender.messages)
        advance(60)
        counted = {key: count - before.get(key, 0) for key, count in world.engine.sender.messages.items()}
        return counted["error", "first"] / (counted["error", "first"] + counted["success", "first"])

    assert refused_share() < 0.1
    board.set("mails-refused", [])
    assert refused_share() > 0.4
    board.clear("mails-refused", [])
    assert refused_share() < 0.1


def test_the_pace_falls_and_rises(board: FaultBoard, world: World, advance: Callable[[float], None]) -> None:
    def sent() -> int:
        before = sum(world.engine.sender.messages.values())
        advance(60)
        return sum(world.engine.sender.messages.values()) - before

    advance(30)
    usual = sent()
    board.set("throughput-low", [])
    assert sent() < usual / 5
    board.clear("throughput-low", [])
    assert sent() > usual / 2


def test_an_mta_changes_its_process_id_with_each_step(board: FaultBoard, world: World) -> None:
    board.set("mta-restarting", ["mta1"])
    seen = set()
    for _ in range(4):
        world.hosts.refresh()
        seen.add(world.hosts.process_id("mta1", "mta"))
    assert len(seen) == 4
    other = world.hosts.process_id("mta2", "mta")
    board.clear("mta-restarting", [])
    world.hosts.refresh()
    assert world.hosts.process_id("mta1", "mta") in seen
    assert world.hosts.process_id("mta2", "mta") == other


def test_the_stat_server_leaves_the_configuration_and_comes_back(board: FaultBoard, world: World) -> None:
    file = world.hosts.by_name["mta2"].configuration[2]
    whole = file.read_text()
    board.set("stat-server-missing", ["mta2"])
    assert 'statServerAddress=""' in file.read_text()
    board.clear("stat-server-missing", [])
    assert file.read_text() == whole


def test_a_typology_names_an_affinity_and_names_it_no_more(board: FaultBoard, world: World) -> None:
    def named() -> set[str | None]:
        return {typology.affinity for typology in world.engine.journal.typologies.values()}

    board.set("affinity-latent", ["travel.it"])
    assert "travel.it" in named()
    board.clear("affinity-latent", [])
    assert "travel.it" not in named()
