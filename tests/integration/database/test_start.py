"""The start of an exporter of many instances on one server, as that server's own log tells it."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import yaml

from campaign_exporter.config import Config
from campaign_simulator.postgres import PostgresServer
from integration.core.exporter_process import exporter
from integration.database.scene import MakeScene, prepare

_INSTANCES = 8
_COLLECTORS = ("deliveries", "pending", "throughput", "database")
_WATCHED_SECONDS = 6.0
_LINE = re.compile(
    r"^(\d+\.\d+) campaign-exporter [^\n]*?(?:statement|execute <unnamed>):(.*?)(?=^\d+\.\d+ |\Z)", re.MULTILINE | re.DOTALL
)
_CONNECTED = re.compile(r"^(\d+\.\d+) .*connection authorized: user=campaign_monitor", re.MULTILINE)


class Asked(NamedTuple):
    at: float
    text: str


@pytest.fixture
def telling_server() -> Iterator[PostgresServer]:
    """Give a server that logs each connection and statement."""
    settings = {"log_statement": "all", "log_connections": "on", "log_line_prefix": "%n %a "}
    with PostgresServer(settings=settings) as server:
        prepare(server)
        # All instances log in with one role here.
        with psycopg.connect(server.dsn(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE campaign_monitor CONNECTION LIMIT {2 * _INSTANCES}".encode())
        yield server


def most_within(moments: Sequence[float], seconds: float) -> int:
    return max(sum(begin <= moment < begin + seconds for moment in moments) for begin in moments)


@pytest.mark.alone
def test_it_is_no_burst_and_begins_with_what_matters_most(
    telling_server: PostgresServer, make_scene: MakeScene, tmp_path: Path
) -> None:
    scenes = [make_scene(telling_server) for _ in range(_INSTANCES)]
    configs: list[Config] = [scene.config() for scene in scenes]
    instances = [
        {
            "name": scene.database,
            "database": {"dsn": str(config.instances[0].database.dsn), "password_file": str(scene.password_file)},
        }
        for scene, config in zip(scenes, configs, strict=True)
        if config.instances[0].database is not None
    ]
    file = tmp_path / "campaign.yaml"
    file.write_text(yaml.safe_dump({"instances": instances, "state_directory": str(tmp_path / "state")}))
    with exporter(file) as running:
        assert running.ask().status == 200
        began = time.monotonic()
        running.wait_ready()
        ready = time.monotonic() - began
        time.sleep(max(_WATCHED_SECONDS - ready, 0))
    log = telling_server.log_file.read_text()
    asked = [Asked(float(at), text) for at, text in _LINE.findall(log)]
    rounds = [each.at for each in asked if each.text.startswith(" BEGIN")]
    connections = [float(at) for at in _CONNECTED.findall(log)]
    print(  # noqa: T201 - the figures, for whoever asks for them with -s
        f"ready after {ready:.1f} s; {len(connections)} connections, {len(rounds)} rounds, {len(asked)} statements in"
        f" {max(rounds) - min(rounds):.1f} s; within half a second at most {most_within(connections, 0.5)} connections,"
        f" {most_within(rounds, 0.5)} rounds, {most_within([each.at for each in asked], 0.5)} statements"
    )
    assert len(connections) == _INSTANCES, "one for each database, opened once"
    assert len(rounds) >= _INSTANCES * len(_COLLECTORS)
    assert ready < 10
    assert max(rounds) - min(rounds) > 3
    assert most_within(rounds, 0.5) <= 10
    firsts = {what: min(each.at for each in asked if what in each.text) for what in ("istate IN (51, 55", "max(s.tsdate)")}
    assert firsts["istate IN (51, 55"] < firsts["max(s.tsdate)"], "what pages stand on comes before the counters"
