"""A throw-away PostgreSQL server."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from campaign_simulator.programs import (
    PostgresError,
    Programs,
    find_bin_directory,
    make_scratch_directory,
    server_account,
    usable_programs,
)

__all__ = ["PostgresError", "PostgresServer"]

_HOST = "127.0.0.1"
_START_SECONDS = 30
_STOP_SECONDS = 10
_STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
_HBA = """\
local   all             postgres                        trust
host    all             postgres        127.0.0.1/32    trust
host    replication     postgres        127.0.0.1/32    trust
local   all             all                             {socket}
host    all             all             127.0.0.1/32    scram-sha-256
"""
# Waits for the end of the pipe that we hold, which comes with our death, however sudden.
_GUARDIAN = 'read _; kill -QUIT "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.1; done; rm -rf "$2"'


class PostgresServer:
    """A PostgreSQL server on 127.0.0.1 with superuser postgres and database campaign.

    Without a directory the data live below the system's temporary directory and go with the server. A server never
    outlives the process that started it. Other roles than postgres log in with their password (scram-sha-256); but where
    a directory for a second Unix socket is given, sockets ask for none, and are open to the server's own account only.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int | None = None,
        shared_socket: Path | None = None,
        settings: Mapping[str, str] = _NO_SETTINGS,
        bin_directory: Path | None = None,
    ) -> None:
        self._settings = dict(settings)
        self._directory = directory
        self._bin_directory = bin_directory
        self._port = port
        self.shared_socket = shared_socket
        self._scratch: Path | None = None
        self._programs: Programs | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._guardian: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The TCP port, chosen at the first start unless it was given."""
        if self._port is None:
            self._port = _free_port()
        return self._port

    @property
    def socket_directory(self) -> Path:
        """The directory of the Unix socket."""
        return self._home()

    @property
    def data_directory(self) -> Path:
        """The database cluster."""
        return self._directory or self._home() / "data"

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self._home() / "postgresql.log"

    @property
    def version(self) -> str:
        """The version of the server's programs, such as 15.18."""
        return self._tools().version

    @property
    def running(self) -> bool:
        """Whether the server's main process lives (paused or not)."""
        return self._server is not None and self._server.poll() is None

    def dsn(self, user: str = "postgres", database: str = "campaign", **parameters: str | int) -> str:
        """Return a connection string over TCP, unless a parameter names another host."""
        return make_conninfo("", **{"host": _HOST, "port": self.port, "user": user, "dbname": database, **parameters})

    def start(self) -> None:
        """Start the server, with a new cluster where there is none, and wait until it answers."""
        if self.running:
            return
        if not (self.data_directory / "PG_VERSION").exists():
            self._initialise()
        if self.shared_socket is not None:
            self._make_directory(self.shared_socket)
        with self.log_file.open("ab") as log:
            self._server = self._tools().start("postgres", *self._arguments(), output=log)
        self._guard(self._server.pid)
        self._wait_until_ready()
        if self.shared_socket is not None and not (self.shared_socket / f".s.PGSQL.{self.port}").exists():
            # PostgreSQL goes on where one of its sockets can be made.
            self.stop()
            raise PostgresError(f"{self.shared_socket}: PostgreSQL made no socket there: name a directory with a short path")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server and keep its data; after ten seconds it is killed."""
        if self._server is None:
            return
        self.resume()
        self._server.send_signal(_STOP_SIGNALS[mode])
        try:
            self._server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """End all server processes at once with SIGKILL, as a power cut would."""
        if self._server is None:
            return
        processes = self._signal_all(signal.SIGKILL)
        self._server.wait()
        _wait_until_gone(processes)
        self._forget()

    def pause(self) -> None:
        """Freeze all server processes: connections are accepted by the kernel and never answered."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let frozen server processes go on."""
        self._signal_all(signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start the server on the same data and port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove what it made in the temporary directory."""
        self.stop()
        atexit.unregister(self.close)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = self._programs = None

    def _home(self) -> Path:
        """Return the directory for socket, log and data, made at first use."""
        if self._scratch is None:
            self._scratch = make_scratch_directory(server_account())
            atexit.register(self.close)
        return self._scratch

    def _tools(self) -> Programs:
        """Return the programs, found at first use."""
        if self._programs is None:
            self._programs = usable_programs(self._bin_directory or find_bin_directory(), server_account(), self._home())
        return self._programs

    def _initialise(self) -> None:
        """Make a new cluster with database campaign."""
        data = self.data_directory
        if self._directory is not None:
            self._make_directory(data)
        options = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._tools().run("initdb", f"--pgdata={data}", *options)
        (data / "pg_hba.conf").write_text(_HBA.format(socket="trust" if self.shared_socket else "scram-sha-256"))

    def _make_directory(self, path: Path) -> None:
        """Make a directory that the server may write to, unless it is there; raises PostgresError."""
        account = self._tools().account
        try:
            path.mkdir(parents=True, exist_ok=True)
            if account is not None:
                os.chown(path, account.uid, account.gid)
        except OSError as error:
            raise PostgresError(f"{path}: {error.strerror}: name a directory that can be written to") from None

    def _arguments(self) -> list[str]:
        """Return the server's command line: on loopback only; it survives its own death, but not the machine's."""
        settings = {
            "listen_addresses": _HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_directory),
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "4GB",
            # As _HBA asks for; the default before PostgreSQL 14 is another.
            "password_encryption": "scram-sha-256",
        }
        if self.shared_socket is not None:
            settings["unix_socket_directories"] += f",{self.shared_socket}"
            settings["unix_socket_permissions"] = "0700"
        if self._tools().has_library("pg_stat_statements"):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        settings |= self._settings
        return ["-D", str(self.data_directory), *(f"--{name}={value}" for name, value in settings.items())]

    def _guard(self, server: int) -> None:
        """Start a shell that ends the server when we die without a chance to do so."""
        ours = str(self._scratch) if self._directory is None else ""
        guardian = ["/bin/sh", "-c", _GUARDIAN, "campaign-simulator-guardian", str(server), ours]
        self._guardian = self._tools().guard(guardian)

    def _wait_until_ready(self) -> None:
        """Wait until the server answers, and see that database campaign is there.

        It is asked through its own socket: on its port another server might answer.
        """
        own = self.dsn(database="postgres", host=str(self.socket_directory), connect_timeout=2)
        deadline = time.monotonic() + _START_SECONDS
        while self.running and time.monotonic() < deadline:
            try:
                with psycopg.connect(own, autocommit=True) as connection:
                    _create_database(connection)
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return
        tail = self._log_tail()
        self.kill()
        raise PostgresError(f"PostgreSQL {self.version} does not start on port {self.port}: {tail}")

    def _log_tail(self) -> str:
        """Return the end of the server's log as one line."""
        lines = self.log_file.read_text(errors="replace").splitlines()
        return " | ".join(lines[-6:]) or "its log is empty"

    def _signal_all(self, number: signal.Signals) -> list[int]:
        """Signal the main process, then those that it started; returns their ids."""
        if self._server is None or self._server.poll() is not None:
            return []
        os.kill(self._server.pid, number)
        children = _children(self._server.pid)
        for child in children:
            _send(child, number)
        return children

    def _forget(self) -> None:
        """Let go of the processes that have ended."""
        self._server = None
        if self._guardian is not None:
            self._guardian.kill()
            self._guardian.wait()
            if self._guardian.stdin is not None:
                self._guardian.stdin.close()
            self._guardian = None


def _create_database(connection: psycopg.Connection) -> None:
    """Create database campaign unless it is there."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'campaign'").fetchone() is None:
        connection.execute("CREATE DATABASE campaign")


def _free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        port: int = listener.getsockname()[1]
        return port


def _children(parent: int) -> list[int]:
    """Return the processes that a process started, from Linux's /proc."""
    processes = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in processes if _state_and_parent(process)[1] == parent]


def _state_and_parent(process: int) -> tuple[str, int]:
    """Return a process's state letter and parent; Z and 0 when it is gone."""
    try:
        # The name in parentheses may hold anything: the fields are counted after it.
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return "Z", 0
    return fields[0], int(fields[1])


def _send(process: int, number: signal.Signals) -> None:
    """Signal a process that may be gone already."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _wait_until_gone(processes: list[int]) -> None:
    """Wait until processes have ended, so that a new server finds no old one; zombies are no matter."""
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and any(_state_and_parent(process)[0] != "Z" for process in processes):
        time.sleep(0.01)
