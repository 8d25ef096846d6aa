"""The one connection to a Campaign database, and the rules under which anything is asked through it.

Each round is a read-only transaction whose timeouts the server enforces; they are set inside the transaction, so that they
also hold behind a pooler. If the server does not even do that, a timer cuts the connection from this side.
"""

import math
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from campaign_exporter import config
from campaign_exporter.errors import (
    AuthenticationFailed,
    ConnectFailed,
    Locked,
    Missing,
    NotInDatabase,
    PermissionDenied,
    SourceError,
    StatementFailed,
    TimedOut,
    TlsFailed,
    WriteRefused,
)
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.sessions import OUR_SIDE, Backend, Connection, backends, watch_for_loss
from campaign_exporter.sources.statement import Statement

_CUT = "the database server did not answer in time; the connection was cut"
#: After a connection that failed or had to be cut the next try waits this long, so that collectors do not queue up before a
#: dead server.
_REST = 1.0
#: Rows of a table without an index that are fetched at once: a table that should be small may hold a hundred thousand.
_PAGE = 10_000
#: Sessions of ours on the server: the one that is asked, and one that we had to leave, should the server hang.
_SESSIONS = 2
#: Seconds after which the server ends a round that asks nothing.
IDLE_TIMEOUT = 5.0
# libpq hands no SQLSTATE out for a refused connection; these are the server's own words, and OpenSSL's.
_REFUSALS: Mapping[str, type[SourceError]] = {
    r"authentication failed|no pg_hba\.conf entry|no password supplied|role .* does not exist|not permitted to log in": (
        AuthenticationFailed
    ),
    r"permission denied for database": PermissionDenied,
    r"SSL|certificate": TlsFailed,
}

# Connection exceptions, shutdowns of the server, and its limit of connections.
_LOST = ("08", "57P", "53300")
_MEANINGS: Mapping[type[psycopg.Error], type[SourceError]] = {
    errors.QueryCanceled: TimedOut,
    errors.IdleInTransactionSessionTimeout: TimedOut,
    errors.LockNotAvailable: Locked,
    errors.DeadlockDetected: Locked,
    errors.InsufficientPrivilege: PermissionDenied,
    errors.ReadOnlySqlTransaction: WriteRefused,
    errors.UndefinedTable: NotInDatabase,
    errors.UndefinedColumn: NotInDatabase,
    errors.InvalidSchemaName: NotInDatabase,
    errors.InvalidAuthorizationSpecification: AuthenticationFailed,
    errors.InvalidPassword: AuthenticationFailed,
}


class Link(NamedTuple):
    """This side of a connection. `address` is empty for a Unix socket; `backend` is the process that answers, as told here."""

    host: str
    address: str
    port: int
    tls: bool
    backend: int


class Session:
    """A round's transaction.

    `seconds` adds up what each statement took, by its name; `short` keeps the names of those whose answers fit on a page.
    """

    def __init__(self, connection: Connection, seconds: dict[str, float], short: set[str]) -> None:
        self._connection = connection
        self._seconds = seconds
        self._short = short
        #: When the server answered last.
        self.answered = time.monotonic()

    @property
    def link(self) -> Link:
        """Tell whom we are connected to, and how."""
        info, raw = self._connection.info, self._connection.pgconn
        return Link(info.host, info.hostaddr, info.port, bool(raw.ssl_in_use), raw.backend_pid)

    def rows(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run a statement and give its rows; raise a SourceError."""
        began = time.monotonic()
        try:
            with _translated(statement.name):
                return self._fetched(statement, parameters)
        finally:
            now = time.monotonic()
            self._seconds[statement.name] = self._seconds.get(statement.name, 0.0) + now - began
            if not self._connection.broken:
                self.answered = now

    def _fetched(self, statement: Statement, parameters: Mapping[str, object] | None) -> list[tuple[Any, ...]]:
        """Fetch at once what is short, and page by page what reads a table as a whole: no statement then takes long."""
        # Binary: numbers and times need no parsing, which is most of the cost of a round on this side.
        if statement.index is not None or not statement.reads or statement.name in self._short:
            rows = self._connection.execute(statement.text, parameters, binary=True).fetchall()
        else:
            with self._connection.cursor("campaign_exporter") as cursor:
                cursor.itersize = _PAGE
                rows = list(cursor.execute(statement.text, parameters, binary=True))
        (self._short.add if len(rows) <= _PAGE else self._short.discard)(statement.name)
        return rows

    def attempt(self, statement: Statement) -> SourceError | None:
        """Run what is to be refused, and give the refusal; None if it went through. It is undone in any case."""
        with _translated("savepoint"):
            # Nobody must have to wait long behind us, should we wait for a lock.
            self._connection.execute("SAVEPOINT attempt; SET LOCAL lock_timeout = 50")
        try:
            with _translated(statement.name):
                self._connection.execute(statement.text)
        except ConnectFailed:
            raise
        except SourceError as refusal:
            return refusal
        finally:
            if not self._connection.broken:
                with _translated("rollback"):
                    self._connection.execute("ROLLBACK TO attempt")
        return None

    def allow_writes(self) -> None:
        """Take the round's own guard off, before its first statement; raise StatementFailed on a replica."""
        with _translated("set transaction"):
            self._connection.execute("SET TRANSACTION READ WRITE")

    def row(self, statement: Statement, parameters: Mapping[str, object] | None = None) -> tuple[Any, ...]:
        """Run a statement that gives exactly one row."""
        (row,) = self.rows(statement, parameters)
        return row

    def set_timezone(self, name: str) -> None:
        """Read timestamps without time zone in a zone, for this round."""
        with _translated("set time zone"):
            self._connection.execute(sql.SQL("SET LOCAL timezone = {}").format(sql.Literal(name)))


def _unlimited(_collector: str, _seconds: float) -> None:
    """Take no note."""


class Database:
    """A database that is asked by one round at a time, over one connection.

    `spend` is told the seconds that each round of a collector took: neither those of connecting, nor those in which a server
    that is gone did not answer.
    """

    def __init__(self, settings: config.Database, clock: Clock, *, spend: Callable[[str, float], None] = _unlimited) -> None:
        self._settings = settings
        self._clock = clock
        self._spend = spend
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._backend: Backend | None = None
        #: Of connections that broke: they may still be at work.
        self._left: frozenset[Backend] = frozenset()
        self._failure: tuple[float, SourceError] | None = None
        self._session: Session | None = None
        self._began = 0.0
        self._cut = threading.Event()
        self._closed = False
        self._short: set[str] = set()
        #: Time zone for timestamps without one; None leaves the server's.
        self.timezone = settings.timezone
        #: Whether the server answered in the last round; None before the first.
        self.up: bool | None = None
        #: Seconds spent, by collector.
        self.seconds: dict[str, float] = {}
        #: Seconds spent, by name of the statement.
        self.statement_seconds: dict[str, float] = {}

    @contextmanager
    def round(self, collector: str, remaining: float) -> Iterator[Session]:
        """Open a read-only transaction for a collector, for `remaining` seconds at most; raise a SourceError."""
        # Real seconds, whatever clock was handed in: this is what the server and the timer go by.
        deadline = time.monotonic() + remaining
        if not self._lock.acquire(timeout=remaining):
            raise TimedOut("the connection was busy with other collectors all the time")
        began = time.monotonic()
        self._session = None
        self._cut.clear()
        timer = threading.Timer(max(deadline - began, 0.1), self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            yield from self._transaction()
        except SourceError:
            if self._cut.is_set():
                raise TimedOut(_CUT) from None
            raise
        finally:
            # Under the timer still: a server can hang at a rollback as well.
            self._tidy()
            timer.cancel()
            timer.join()
            if self._cut.is_set():
                self.up = False
                self._drop()
                self._failure = (self._clock.monotonic(), TimedOut(_CUT))
            self._account(collector)
            self._lock.release()

    def close(self) -> None:
        """Ask nothing any more. A round under way is cut off, and closes the connection itself."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            self._drop()
            self._lock.release()
        else:
            self._cut_off()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._backend is not None and (connection.broken or self._cut.is_set()):
                self._left |= {self._backend}
            with suppress(psycopg.Error, OSError):
                connection.close()

    def _transaction(self) -> Iterator[Session]:
        connection = self._begun()
        self.up = True
        self._session = Session(connection, self.statement_seconds, self._short)
        try:
            yield self._session
            with _translated("commit"):
                connection.execute("COMMIT")
        except ConnectFailed:
            self.up = False
            raise

    def _begun(self) -> Connection:
        """Begin the transaction; a connection that broke while it was idle is replaced at once."""
        reused = self._connection is not None
        connection = self._connected()
        self._began = time.monotonic()
        try:
            with _translated("begin"):
                connection.execute(self._preamble())
        except ConnectFailed:
            self._drop()
            if not reused or self._cut.is_set():
                self.up = False
                raise
            return self._begun()
        return connection

    def _tidy(self) -> None:
        """Leave no transaction open, and keep no connection that is of no more use."""
        connection = self._connection
        if connection is None:
            return
        with suppress(psycopg.Error):
            if not self._cut.is_set() and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        if connection.broken or self._closed:
            self._drop()

    def _preamble(self) -> sql.Composed:
        settings: dict[str, sql.Composable] = {
            "statement_timeout": sql.Literal(_milliseconds(self._settings.statement_timeout)),
            "lock_timeout": sql.Literal(_milliseconds(self._settings.lock_timeout)),
            "idle_in_transaction_session_timeout": sql.Literal(_milliseconds(IDLE_TIMEOUT)),
            "search_path": sql.SQL("{}, pg_temp").format(sql.Identifier(self._settings.schema_name)),
            # One backend, and no compiler: the cost of a statement is what its plan says.
            "max_parallel_workers_per_gather": sql.Literal(0),
            "jit": sql.SQL("off"),
        }
        if self.timezone:
            settings["timezone"] = sql.Literal(self.timezone)
        lines = [sql.SQL("SET LOCAL {} = {}").format(sql.SQL(name), value) for name, value in settings.items()]
        # One snapshot for all statements: a delivery must not be seen waiting, and its parts when they have been sent.
        return sql.SQL("; ").join([sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"), *lines])

    def _connected(self) -> Connection:
        if self._closed:
            raise ConnectFailed("this database is no longer watched")
        if self._connection is not None:
            return self._connection
        if self._failure is not None and self._clock.monotonic() - self._failure[0] < _REST:
            raise self._failure[1]
        try:
            self._connection = self._connect()
            self._settle(self._connection)
        except SourceError as error:
            self._drop()
            self.up = False
            self._failure = (self._clock.monotonic(), error)
            raise
        self._failure = None
        return self._connection

    def _settle(self, connection: Connection) -> None:
        """Make sure that the server notices if we are gone; raise ConnectFailed where too many sessions of ours go on."""
        self._backend = None
        with _translated("connect"):
            watch_for_loss(connection)
            self._backend, self._left = backends(connection, self._left)
        if len(self._left) >= _SESSIONS:
            raise ConnectFailed(f"{len(self._left)} sessions that were cut off have not ended yet: does the server hang?")

    def _connect(self) -> Connection:
        settings = {
            "application_name": "campaign-exporter",
            # Whatever the database is encoded in; without it, one that names no encoding answers in bytes.
            "client_encoding": "utf8",
            **OUR_SIDE,
            **conninfo_to_dict(self._settings.dsn),
            "connect_timeout": max(math.ceil(self._settings.connect_timeout), 2),
        }
        if self._settings.password_file is not None:
            settings["password"] = _secret(self._settings)
        try:
            # No prepared statements: a pooler may hand each round another backend.
            return psycopg.connect(autocommit=True, prepare_threshold=None, **settings)  # type: ignore[arg-type]
        except psycopg.OperationalError as error:
            text = _one_line(error)
            kind = next((kind for words, kind in _REFUSALS.items() if re.search(words, text)), ConnectFailed)
            raise kind(text) from None
        except psycopg.Error as error:
            raise ConnectFailed(_one_line(error)) from None

    def _cut_off(self) -> None:
        """Break the connection under a round that has used up its time: whoever waits for an answer wakes up."""
        self._cut.set()
        connection = self._connection
        if connection is None:
            return
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as raw:
            raw.shutdown(socket.SHUT_RDWR)

    def _account(self, collector: str) -> None:
        if self._session is not None:
            seconds = (self._session.answered if self._cut.is_set() else time.monotonic()) - self._began
            self.seconds[collector] = self.seconds.get(collector, 0.0) + seconds
            self._spend(collector, seconds)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except psycopg.Error as error:
        kind = next((ours for theirs, ours in _MEANINGS.items() if isinstance(error, theirs)), None)
        if kind is None:
            lost = error.sqlstate is None or error.sqlstate.startswith(_LOST)
            kind = ConnectFailed if lost else StatementFailed
        raise kind(f"{what}: {_one_line(error)}") from None


def _secret(settings: config.Database) -> str:
    """Read the password file anew, so that a rotated password needs no restart."""
    file = settings.password_file
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n") if file else ""
    except FileNotFoundError:
        raise Missing(f"password file {file}: not there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PermissionDenied(f"password file {file}: cannot be read: {getattr(error, 'strerror', 'not UTF-8')}") from None


def _one_line(error: psycopg.Error) -> str:
    """Give the driver's words in one line, without the statement that PostgreSQL quotes below its message."""
    primary: Sequence[str | None] = (error.diag.message_primary, str(error))
    return " ".join(next(text for text in primary if text is not None).split())[:500]


def _milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)
