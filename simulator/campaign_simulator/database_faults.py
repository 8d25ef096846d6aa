"""Faults of the database."""

import threading
from collections.abc import Sequence

from psycopg import sql

from campaign_simulator.faults import Fault, FaultError, Undo, World, no_arguments, one_of, required, single
from campaign_simulator.locks import EXCLUSIVE, ROW, SHARED, Lock, LockKind
from campaign_simulator.obstacles import SENDING_TABLES
from campaign_simulator.roles import MONITOR_ROLE, set_password
from campaign_simulator.troubles import launch

_SLOW_PAUSE_SECONDS = 0.27
_SLOW_RUN_SECONDS = 0.03
_LABORIOUS_SECONDS = "0.3"
#: Longer than a statement of the engine or of monitoring holds a table.
_PATIENCE = "10s"
_LONGEST_LABOUR = 60.0


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


def _tables_to_block(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    names = [name.lower() for name in arguments]
    return one_of(SENDING_TABLES, names or ["nmsdelivery"], "table that sending needs")


def _locked(world: World, table: str) -> Undo:
    """Hold a table exclusively in one session, and let another wait for it."""
    return _block(world, table, EXCLUSIVE)


def _blocked(world: World, table: str) -> Undo:
    """Hold as little as can be waited for."""
    return _block(world, table, ROW if table == "nmsdelivery" else SHARED)


def _block(world: World, table: str, kind: LockKind) -> Undo:
    """Lock a table, with a session that waits; if sending needs it, a delivery waits as well."""
    site = world.engine.site
    if table in world.locks:
        raise FaultError(f"{table} is locked already: clear the fault that does it first")
    lock = Lock(world.connect, world.schema, table, kind)
    world.connect().close()  # a server that is down or silent says so before anything is changed
    if table in SENDING_TABLES and site.blocked_since is None:
        launch(world)
        world.write()  # under the lock it may be too late
    lock.take()
    world.locks[table] = lock
    site.blocked_tables[table] = world.now()

    def undo() -> None:
        world.locks.pop(table, lock).let_go()
        site.blocked_tables.pop(table, None)

    return undo


def _down(world: World, _target: str) -> Undo:
    """Kill the server; when it is back, so are the sessions that held locks."""
    world.postgres.kill()

    def undo() -> None:
        world.postgres.start()
        for table, lock in world.locks.items():
            lock.take()
            world.engine.site.blocked_tables[table] = world.now()

    return undo


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


def _seconds(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take a number of seconds."""
    given = single(arguments, _LABORIOUS_SECONDS)
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number <= _LONGEST_LABOUR:
        raise FaultError(f"{given!r} is no number of seconds above 0, {_LONGEST_LABOUR:.0f} at most")
    return (given,)


def _laborious(world: World, seconds: str) -> Undo:
    """Let a row-level policy, which superusers are not bound by, take its time once a statement."""
    name = {
        "table": sql.Identifier(world.schema, "nmsdelivery"),
        "labour": sql.Identifier(world.schema, "campaign_simulator_labour"),
        "role": sql.Identifier(MONITOR_ROLE),
    }

    def change(*statements: str) -> None:
        with world.connect() as connection, connection.transaction():
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_PATIENCE)))
            for statement in statements:
                connection.execute(sql.SQL(statement).format(**name))

    with world.connect() as connection:
        if connection.execute("SELECT 1 FROM pg_policies WHERE policyname = 'labour'").fetchone():
            raise FaultError("statements are slow already: clear statements-slow first")
    body = f"BEGIN PERFORM pg_sleep({float(seconds)}); RETURN true; END"
    change(
        f"CREATE FUNCTION {{labour}}() RETURNS boolean LANGUAGE plpgsql AS '{body}'",
        "CREATE POLICY labour ON {table} FOR SELECT TO {role} USING ((SELECT {labour}()))",
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    )
    return lambda: change(
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "DROP POLICY labour ON {table}",
        "DROP FUNCTION {labour}()",
    )


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
    Fault(
        "database-blocked",
        "[TABLE...]",
        "a session holds a lock (else on a row of nmsdelivery) and another waits; all can be read, nothing is sent",
        _tables_to_block,
        _blocked,
    ),
    Fault("database-down", "", "the server was killed", no_arguments, _down, freezes=True),
    Fault("database-frozen", "", "the server takes connections and does not answer", no_arguments, _frozen, freezes=True),
    Fault("database-slow", "", "the server runs a tenth of the time", no_arguments, _slow),
    Fault(
        "statements-slow",
        "[SECONDS]",
        "each statement of the monitoring role on NmsDelivery takes so much longer (else 0.3 s)",
        _seconds,
        _laborious,
    ),
    Fault("select-revoked", "TABLE...", "the monitoring role may not read tables", _tables_to_revoke, _select_revoked),
    Fault("password-changed", "", "the monitoring role has another password", no_arguments, _password_changed),
)
