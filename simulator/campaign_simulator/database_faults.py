"""Faults of the database."""

import threading
from collections.abc import Sequence

from psycopg import sql

from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments, required
from campaign_simulator.roles import MONITOR_ROLE, set_password

_SLOW_PAUSE_SECONDS = 0.27
_SLOW_RUN_SECONDS = 0.03
_LOCK_WAIT = "10s"


def _tables(world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take the names of tables that are there, in any case."""
    names = list(dict.fromkeys(name.lower() for name in arguments))
    with world.connect() as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename = ANY(%s)"
        known = {row[0] for row in connection.execute(query, (world.schema, names))}
    for name in names:
        if name not in known:
            raise FaultError(f"there is no table {name!r} in schema {world.schema!r}")
    return names


def _tables_to_lock(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return _tables(world, arguments or ["nmsdelivery"])


def _tables_to_revoke(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return _tables(world, required(arguments, "a TABLE"))


def _locked(world: World, table: str) -> Undo:
    """Hold a table exclusively in one session, and let another wait for it."""
    holder, waiter = world.connect(), world.connect()
    name = sql.Identifier(world.schema, table)
    holder.autocommit = False
    holder.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(_LOCK_WAIT))
    holder.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(name))
    waiter.execute("SET application_name TO mta")
    waiter.execute("SET lock_timeout TO 0")
    waiter.execute("SET statement_timeout TO 0")
    waiting = sql.SQL("SELECT FROM {} LIMIT 1 FOR UPDATE").format(name).as_bytes(waiter)
    waiter.pgconn.send_query(waiting)  # its answer is never read
    world.engine.site.blocked_tables.add(table)

    def undo() -> None:
        holder.close()
        waiter.close()
        world.engine.site.blocked_tables.discard(table)

    return undo


def _down(world: World, _target: str) -> Undo:
    world.postgres.kill()
    return world.postgres.start


def _frozen(world: World, _target: str) -> Undo:
    world.postgres.pause()
    return world.postgres.resume


def _slow(world: World, _target: str) -> Undo:
    """Let the server run in short bursts."""
    over = threading.Event()

    def slow_down() -> None:
        while not over.wait(_SLOW_RUN_SECONDS):
            world.postgres.pause()
            over.wait(_SLOW_PAUSE_SECONDS)
            world.postgres.resume()

    thread = threading.Thread(target=slow_down, name="database-slow", daemon=True)
    thread.start()

    def undo() -> None:
        over.set()
        thread.join()

    return undo


def _select_revoked(world: World, table: str) -> Undo:
    name, role = sql.Identifier(world.schema, table), sql.Identifier(MONITOR_ROLE)

    def change(statement: str) -> None:
        with world.connect() as connection:
            connection.execute(sql.SQL(statement).format(name, role))

    change("REVOKE SELECT ON {} FROM {}")
    return lambda: change("GRANT SELECT ON {} TO {}")


def _password_changed(world: World, _target: str) -> Undo:
    with world.connect() as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", (MONITOR_ROLE,)).fetchone()
        set_password(connection, "another-password")

    def undo() -> None:
        with world.connect() as again:
            set_password(again, row[0] if row else "")

    return undo


DATABASE_FAULTS = (
    Fault(
        "database-locked",
        "[TABLE...]",
        "a session holds tables exclusively (else nmsdelivery) and another waits; nothing is sent",
        _tables_to_lock,
        _locked,
        freezes=True,
    ),
    Fault("database-down", "", "the server was killed", no_arguments, _down, freezes=True),
    Fault("database-frozen", "", "the server takes connections and does not answer", no_arguments, _frozen, freezes=True),
    Fault("database-slow", "", "the server runs a tenth of the time", no_arguments, _slow),
    Fault("select-revoked", "TABLE...", "the monitoring role may not read tables", _tables_to_revoke, _select_revoked),
    Fault("password-changed", "", "the monitoring role has another password", no_arguments, _password_changed),
)
