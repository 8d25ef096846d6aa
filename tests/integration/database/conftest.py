from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from campaign_simulator.postgres import PostgresServer
from campaign_simulator.schema import create_schema
from integration.database.scene import MakeScene, Scene, grant_columns, new_database, prepare


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        prepare(server)
        yield server


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """Give a server that a test may hurt."""
    with PostgresServer() as server:
        prepare(server)
        yield server


@pytest.fixture
def make_scene(server: PostgresServer, tmp_path: Path) -> Iterator[MakeScene]:
    """Make scenes with Campaign's tables in the schema public, unless another schema is named."""
    with ExitStack() as exits:

        def make(on: PostgresServer = server, *, schema: str = "public", with_time_zone: bool = True) -> Scene:
            plain = schema == "public" and with_time_zone
            database = new_database(on, "template_1" if plain else "template0")
            scene = Scene(on, database, tmp_path, schema, exits=exits)
            if not plain:
                with psycopg.connect(on.dsn(database=database), autocommit=True) as connection:
                    create_schema(connection, schema, with_time_zone=with_time_zone)
                grant_columns(scene)
            return scene

        yield make


@pytest.fixture
def scene(make_scene: MakeScene) -> Scene:
    return make_scene()
