"""A simulated Campaign instance: everything together."""

import contextlib
import logging
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from campaign_simulator.backfill import Backfill, write_history
from campaign_simulator.clock import Clock, system_clock
from campaign_simulator.configuration import configuration, write_configuration
from campaign_simulator.directory import SimulatorDirectory
from campaign_simulator.endpoints import SESSION_TOKEN, Endpoints
from campaign_simulator.engine import Engine
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultBoard, FaultError, FaultStatus, World
from campaign_simulator.hosts import DEFAULT_HOSTS, HostPlan, Hosts
from campaign_simulator.obstacles import Site
from campaign_simulator.postgres import PostgresError, PostgresServer
from campaign_simulator.roles import MONITOR_ROLE, create_monitor_role
from campaign_simulator.schema import create_schema
from campaign_simulator.store import Store
from campaign_simulator.tricky import TrickyRows, insert_tricky_rows
from campaign_simulator.truth import Truth, tell_truth
from campaign_simulator.vocabulary import Channel, State

STEP_SECONDS = 1.0
MARKETING = "marketing"
ROLES = ("standalone", MARKETING)
_LOG_DELIVERIES = 50  # deliveries that a large number of log rows is spread over
_LOG_SPAN = timedelta(days=30)
_LOCAL_ZONE = "Europe/Paris"  # of a database without time zones: one that differs from UTC
_SESSION_SETTINGS = "-c lock_timeout=1s -c statement_timeout=120s -c application_name=simulator"
_LOG = logging.getLogger(__name__)


class Simulator:
    """A Campaign instance in a directory: PostgreSQL, servers, endpoints, deliveries under way, faults.

    It stands still unless somebody calls `step` or `run`. Its methods may be called from several threads.
    """

    def __init__(  # noqa: PLR0913  each has a default that suits
        self,
        directory: Path | str,
        *,
        instance: str = "prod",
        role: str = "standalone",
        seed: int = 1,
        schema: str = "public",
        with_time_zone: bool = True,
        hosts: Sequence[HostPlan] = DEFAULT_HOSTS,
        messages_per_second: float = 40.0,
        clock: Clock = system_clock,
        postgres: PostgresServer | None = None,
        endpoints: Endpoints | None = None,
    ) -> None:
        self.directory = Path(directory).absolute()
        self._files = SimulatorDirectory(self.directory)
        self.instance = instance
        self.role = role
        self.schema = schema
        self.clock = clock
        self.postgres = postgres or PostgresServer()
        self.hosts = Hosts(hosts, self.directory / "hosts", instance, seed)
        self.endpoints = endpoints or Endpoints(instance)
        self._with_time_zone = with_time_zone
        self._time_zone = "UTC" if with_time_zone else _LOCAL_ZONE
        site = Site(self.hosts, marketing=role == MARKETING)
        self.engine = Engine(site, now=clock(), seed=seed, messages_per_second=messages_per_second)
        # Faults happen at the engine's time: what is due by a clock that ran on meanwhile would not be due for the engine.
        world = World(
            self.engine, self.hosts, self.endpoints, self.postgres, schema, self.connect, lambda: self.engine.now, self._flush
        )
        self._faults = FaultBoard(world, FAULTS)
        self._backfill = Backfill(self.engine.traffic, self.engine.ids, seed)
        self._connection: psycopg.Connection | None = None
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def dsn(self) -> str:
        """The URL for the monitoring role, whose password is in password_file; a shared socket asks for none."""
        if self.postgres.shared_socket is not None:
            return f"postgresql://{MONITOR_ROLE}@:{self.postgres.port}/campaign?host={self.postgres.shared_socket}"
        return f"postgresql://{MONITOR_ROLE}@127.0.0.1:{self.postgres.port}/campaign"

    @property
    def admin_dsn(self) -> str:
        """The connection string of the superuser, who needs no password."""
        return self.postgres.dsn()

    @property
    def password_file(self) -> Path:
        """The file that holds the monitoring role's password."""
        return self.directory / "monitor-password"

    @property
    def configuration_file(self) -> Path:
        """The exporter's configuration."""
        return self._files.configuration

    def start(self) -> None:
        """Start everything, anew: what an earlier run left in the directory is removed.

        Raises DirectoryInUseError or PostgresError.
        """
        self._files.take()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop everything; the directory stays, the database does not."""
        with self._lock, contextlib.suppress(FaultError, PostgresError):
            self._faults.clear_all()
        with self._lock:
            self._disconnect()
            self.endpoints.stop()
            self.postgres.close()
            self._files.release()

    def connect(self) -> psycopg.Connection:
        """Return a new session of the superuser in the instance's schema; each statement is committed."""
        connection = psycopg.connect(self.postgres.dsn(connect_timeout=5, options=_SESSION_SETTINGS), autocommit=True)
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))
        connection.execute(sql.SQL("SET timezone TO {}").format(sql.Literal(self._time_zone)))
        return connection

    def step(self, now: datetime | None = None) -> None:
        """Let happen what happened since the last step, and write it."""
        with self._lock:
            self.hosts.refresh()
            if not self._faults.frozen:
                self.engine.step(now or self.clock())
                self._write()

    def run(self, stop: threading.Event) -> None:
        """Step every second until told to stop."""
        while not stop.wait(STEP_SECONDS):
            self.step()

    def set_fault(self, name: str, *arguments: str) -> list[str]:
        """Set a fault; returns its new targets. Setting what is set is harmless. Raises FaultError."""
        with self._changing():
            changed = self._faults.set(name, arguments)
        if changed:
            _LOG.info("fault %s set%s", name, _targets(changed))
        return changed

    def clear_fault(self, name: str, *arguments: str) -> list[str]:
        """Undo a fault, without arguments everywhere; returns the mended targets. Raises FaultError."""
        with self._changing():
            changed = self._faults.clear(name, arguments)
        if changed:
            _LOG.info("fault %s cleared%s", name, _targets(changed))
        return changed

    def faults(self) -> list[FaultStatus]:
        """Return every fault with its state."""
        with self._lock:
            return self._faults.statuses()

    def truth(self) -> Truth:
        """Say what is true now, from the model and not from the database."""
        with self._lock:
            return tell_truth(self.engine, self.hosts, max(self.clock(), self.engine.now), self._faults.active)

    def backfill(self, hours: float = 24.0, *, deliveries: int = 200, rows: int = 20_000) -> None:
        """Write history: deliveries that ended in the last hours, with so many delivery logs together."""
        with self._lock, self._session() as connection:
            history = self._backfill.plan(self.clock(), timedelta(hours=hours), deliveries, rows)
            write_history(connection, history)
            Store(connection).analyze()
            self.engine.settled[State.FINISHED, Channel.EMAIL] += len(history.deliveries)
            self.engine.sender.remember(history.stats)
            for delivery in history.deliveries:
                self.engine.sent(delivery, delivery.broad_end or delivery.contact)
                self.engine.tracker.begin(delivery)

    def backfill_delivery_logs(self, rows: int) -> None:
        """Write so many delivery logs of a month, in a few large deliveries; a million takes some seconds."""
        self.backfill(_LOG_SPAN / timedelta(hours=1), deliveries=_LOG_DELIVERIES, rows=rows)

    def insert_tricky_rows(self) -> TrickyRows:
        """Insert deliveries that are easily counted wrongly; the truth counts them rightly."""
        with self._lock, self._session() as connection:
            tricky = insert_tricky_rows(connection, self.schema, now=self.clock())
            self.engine.settled.update(tricky.counted)
            self.engine.remaining_elsewhere.update(tricky.remaining)
            return tricky

    def _start(self) -> None:
        """Start database, servers and endpoints, and tell where they are."""
        self.postgres.start()
        self._create_database()
        self.hosts.create()
        self.endpoints.start()
        (self.directory / "session-token").write_text(SESSION_TOKEN)
        database = {"dsn": self.dsn, "password_file": str(self.password_file), "schema": self.schema}
        if self.postgres.shared_socket is not None:
            del database["password_file"]
        content = configuration(self.instance, self.role, database, self.hosts, self.endpoints, self.directory)
        write_configuration(self.configuration_file, content)

    def _create_database(self) -> None:
        """Create tables, role and the rows that every instance has."""
        password = secrets.token_urlsafe(16)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(password)
        with self._session() as connection:
            zone = sql.Literal(self._time_zone)
            connection.execute(sql.SQL("ALTER DATABASE campaign SET timezone TO {}").format(zone))
            create_schema(connection, self.schema, with_time_zone=self._with_time_zone)
            create_monitor_role(connection, self.schema, password)
            Store(connection).create(self.clock())
        self.engine.create(self._time_zone, with_time_zone=self._with_time_zone)
        self._write()
        with self._session() as connection:
            self.engine.create_upkeep(connection)

    def announce(self, control: str) -> None:
        """Tell other programs that all is ready, where it is, and the URL that takes commands."""
        status = {
            "ready": True,
            "pid": os.getpid(),
            "instance": self.instance,
            "dsn": self.dsn,
            "password_file": str(self.password_file),
            "admin_dsn": self.admin_dsn,
            "endpoints": self.endpoints.url,
            "configuration": str(self.configuration_file),
            "control": control,
        }
        self._files.announce(status)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Write what a change of faults did to deliveries, as soon as the database takes it."""
        with self._lock:
            self.engine.now = max(self.engine.now, self.clock())
            try:
                yield
            finally:
                if self._faults.frozen:
                    self._disconnect()  # the server may go, or not let go
                else:
                    self._write()

    def _flush(self) -> None:
        """Write now what the end of a change would write, if the database takes anything."""
        if not self._faults.frozen:
            self._write()

    def _write(self) -> None:
        """Write the journal; what the database does not take now is written with the next step."""
        lost = True
        while lost:
            try:
                with self._session() as connection:
                    Store(connection).write(self.engine.journal, self.engine.ids)
                    return
            except psycopg.OperationalError as error:
                _LOG.warning("not written: %s", str(error).strip().splitlines()[0])
                lost = self._connection is not None and self._connection.broken
                if lost:
                    self._disconnect()

    @contextlib.contextmanager
    def _session(self) -> Iterator[psycopg.Connection]:
        """Return our own session, opened when needed."""
        if self._connection is None:
            self._connection = self.connect()
        yield self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _targets(targets: Sequence[str]) -> str:
    """Return targets for a log line."""
    named = [target for target in targets if target]
    return f" ({', '.join(named)})" if named else ""
