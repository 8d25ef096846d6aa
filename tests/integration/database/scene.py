import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from psycopg import sql

from campaign_exporter.config import Budget, Config
from campaign_exporter.grants import grants_sql
from campaign_exporter.plan import Watch
from campaign_exporter.snapshot import Exposition
from campaign_exporter.state import State
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.schema import create_schema

PASSWORD = "monitor's \\ password"
NOT_SENT_BY_US = "the tests' own session"
_NUMBERS = itertools.count(1)
#: Before, everybody may make tables in the schema public; `doctor` says so.
_AS_FROM_15_ON = "REVOKE CREATE ON SCHEMA public FROM PUBLIC"


class MovableClock:
    """The machine's clocks, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


#: Seconds of the database a minute, of which none are left.
ALL_BUDGET = 60.0


def generous(config: Config) -> Config:
    """Give a configuration all of the database's time: a busy machine must not spend it."""
    return config.model_copy(update={"budget": Budget(database_seconds_per_minute=ALL_BUDGET)})


@dataclass
class Scene:
    """One database of a server, its exporter, and what both show."""

    server: PostgresServer
    database: str
    directory: Path
    schema: str = "public"
    clock: MovableClock = field(default_factory=MovableClock)
    dsn: str = ""
    instance: dict[str, Any] = field(default_factory=dict)
    database_settings: dict[str, Any] = field(default_factory=dict)
    collectors: dict[str, Any] = field(default_factory=dict)
    #: All of it: a busy machine must not spend it, but where that is the matter.
    budget: dict[str, float] = field(default_factory=lambda: {"database_seconds_per_minute": ALL_BUDGET})
    exits: ExitStack = field(default_factory=ExitStack)

    @property
    def password_file(self) -> Path:
        return self.directory / "password"

    def connect(self) -> psycopg.Connection:
        """Open a session of the superuser."""
        connection = psycopg.connect(self.server.dsn(database=self.database), autocommit=True)
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))
        connection.execute(sql.SQL("SET application_name TO {}").format(sql.Literal(NOT_SENT_BY_US)))
        return self.exits.enter_context(connection)

    def execute(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement as the superuser."""
        with psycopg.connect(self.server.dsn(database=self.database), autocommit=True) as connection:
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def insert(self, table: str, **columns: object) -> None:
        """Insert one row."""
        self.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})", *columns.values()
        )

    def delivery(self, number: int, state: int = 51, *, parts: Sequence[object] = (None,), **columns: object) -> None:
        """Insert a mail delivery that was due an hour ago, with parts that are to be sent at certain times."""
        an_hour_ago = self.execute("SELECT now() - interval '1 hour'")[0][0]
        row = {
            "iDeliveryId": number,
            "sInternalName": f"DM{number}",
            "sLabel": f"Delivery {number}",
            "iState": state,
            "iMessageType": 0,
            "iDeliveryMode": 1,
            "tsContact": an_hour_ago,
            "tsLastModified": an_hour_ago,
        }
        self.insert("NmsDelivery", **{**row, **columns})
        for place, next_pass in enumerate(parts):
            self.insert("NmsDeliveryPart", iDeliveryPartId=1000 * number + place, iDeliveryId=number, tsNextPass=next_pass)

    def state(self) -> State:
        """Open the exporter's state; what an earlier one has kept is there."""
        return self.exits.enter_context(closing(State.open(self.directory / "state")))

    def config(self) -> Config:
        """Make the exporter's configuration."""
        self.password_file.write_text(f"{PASSWORD}\n")
        dsn = self.dsn or self.server.dsn(user="campaign_monitor", database=self.database)
        database = {"dsn": dsn, "password_file": self.password_file, "schema": self.schema, **self.database_settings}
        instance = {"name": "prod", "database": database, **self.instance}
        whole = {"instances": [instance], "collectors": self.collectors, "budget": self.budget, "state_directory": "none"}
        return Config.model_validate(whole)

    def watch(self, state: State | None = None) -> "Observer":
        """Start an exporter whose rounds run when they are told to."""
        config = self.config()
        exposition = Exposition()
        watch = Watch(config, config.instances[0], clock=self.clock, state=state or State(), exposition=exposition)
        watch.announce()
        self.exits.callback(watch.close)
        return Observer(watch, exposition, self.clock)

    def slow(self, table: str, milliseconds: float, *, each_row: bool = False) -> None:
        """Make each statement of the exporter's role on a table take longer, or each row of it that a statement looks at."""
        # Asked in a query of its own, it is answered once a statement.
        condition = "slowly()" if each_row else "(SELECT slowly())"
        self.execute(
            "CREATE OR REPLACE FUNCTION slowly() RETURNS boolean LANGUAGE plpgsql"
            f" AS 'BEGIN PERFORM pg_sleep({milliseconds / 1000}); RETURN true; END'"
        )
        self.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        self.execute(f"CREATE POLICY slow ON {table} FOR SELECT TO campaign_monitor USING ({condition})")

    def quick(self, table: str) -> None:
        """Undo that."""
        self.execute(f"DROP POLICY slow ON {table}")
        self.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    def our_sessions(self) -> list[tuple[Any, ...]]:
        """List the exporter's sessions: state and statement."""
        return self.execute(
            "SELECT state, query FROM pg_stat_activity WHERE datname = %s AND application_name = 'campaign-exporter'",
            self.database,
        )


@dataclass
class Observer:
    """An exporter whose rounds are run by hand, and what it exposes."""

    watched: Watch
    exposition: Exposition
    clock: MovableClock
    _told: tuple[bytes, list[Sample]] = (b"", [])

    def round(self, *collectors: str) -> "Observer":
        """Run a round of these collectors, or of all."""
        for name in collectors or self.watched.jobs:
            self.watched.jobs[name].run()
        return self

    def close(self) -> None:
        self.watched.close()

    def samples(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """List samples by the values of the labels that were not asked for, in the order of their names."""
        found = {}
        for sample in self._samples():
            rest = {key: value for key, value in sample.labels.items() if key != "campaign_instance"}
            if sample.name == name and labels.items() <= rest.items():
                found[tuple(rest[key] for key in sorted(rest.keys() - labels.keys()))] = sample.value
        return found

    def _samples(self) -> list[Sample]:
        """Parse the exposition, but not twice the same: a test asks often."""
        text = self.exposition.snapshot.plain
        if text != self._told[0]:
            families = text_string_to_metric_families(text.decode())
            self._told = (text, [sample for family in families for sample in family.samples])
        return self._told[1]

    def counted(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """List the samples that are not 0."""
        return {key: value for key, value in self.samples(name, **labels).items() if value}

    def value(self, name: str, **labels: str) -> float | None:
        """Give the sample with exactly these labels; None if there is none."""
        return self.samples(name, **labels).get(())

    def failures(self, collector: str) -> dict[str, float]:
        """Count the failures of a collector by reason."""
        counted = self.counted("campaign_exporter_collector_errors_total", collector=collector)
        return {reason: count for (reason,), count in counted.items()}

    def success(self, collector: str) -> float | None:
        return self.value("campaign_exporter_collector_success", collector=collector)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.02)


MakeScene = Callable[..., Scene]


def prepare(server: PostgresServer) -> None:
    """Make the role as `campaign-exporter grants` says, and a database to copy."""
    database = {"dsn": server.dsn(user="campaign_monitor", database="template_1")}
    # With all that can be switched on: a right that nobody uses here harms no test.
    whole = {"instances": [{"name": "prod", "database": database}], "collectors": {"recipients": {"enabled": True}}}
    config = Config.model_validate(whole)
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_1")
    with psycopg.connect(server.dsn(database="template_1"), autocommit=True) as connection:
        create_schema(connection)
        connection.execute(grants_sql(config))
        connection.execute(sql.SQL("ALTER ROLE campaign_monitor PASSWORD {}").format(sql.Literal(PASSWORD)))


def new_database(server: PostgresServer, template: str = "template_1", options: str = "") -> str:
    name = f"scene_{next(_NUMBERS)}"
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} {options}")
    with psycopg.connect(server.dsn(database=name), autocommit=True) as connection:
        connection.execute(_AS_FROM_15_ON)
    return name


def grant_option_texts(scene: Scene) -> None:
    """Give the role the right that `grants` only mentions: to read the time zone, and with it the text of all options."""
    schema = scene.schema.replace('"', '""')
    scene.execute(f'GRANT SELECT (sstringvalue) ON "{schema}".xtkoption TO campaign_monitor')


def grant_columns(scene: Scene) -> None:
    """Give the role its rights in one more database."""
    lines = grants_sql(scene.config()).splitlines()
    scene.execute("\n".join(line for line in lines if " ON " in line and not line.startswith("--")))


def observe(config: Config, state: State | None = None) -> Observer:
    """Watch the first instance of a configuration by hand, with all of its database's time."""
    exposition, clock = Exposition(), MovableClock()
    config = generous(config)
    watch = Watch(config, config.instances[0], clock=clock, state=state or State(), exposition=exposition)
    return Observer(watch, exposition, clock)
