"""Worlds without a database: what faults do to it stays in the model."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg

from campaign_simulator.clock import ManualClock
from campaign_simulator.endpoints import Endpoints
from campaign_simulator.engine import Engine
from campaign_simulator.faults import World
from campaign_simulator.hosts import DEFAULT_HOSTS, Hosts
from campaign_simulator.obstacles import Site
from campaign_simulator.postgres import PostgresServer

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def no_database() -> psycopg.Connection:
    raise psycopg.OperationalError("connection refused\nhint")


def make_world(directory: Path, *, marketing: bool = False, messages_per_second: float = 40.0) -> World:
    hosts = Hosts(DEFAULT_HOSTS, directory, "prod")
    hosts.create()
    engine = Engine(Site(hosts, marketing=marketing), now=NOW, messages_per_second=messages_per_second)
    engine.create()
    return World(engine, hosts, Endpoints("prod"), PostgresServer(), "public", no_database, ManualClock(NOW), lambda: None)


def pass_time(world: World, seconds: float) -> None:
    """Let time pass for faults and engine, in one step."""
    assert isinstance(world.now, ManualClock)
    world.engine.step(world.now.advance(seconds))
