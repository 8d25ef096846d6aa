"""The connection to the database: reached, by whom, how, and whether there is room for it."""

import ipaddress
from collections.abc import Iterator, Mapping

from psycopg.conninfo import conninfo_to_dict

from campaign_exporter import config
from campaign_exporter.doctor import mends
from campaign_exporter.doctor.check import Check, cannot_tell, finding, ok
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import (
    AuthenticationFailed,
    Missing,
    PermissionDenied,
    SourceError,
    TimedOut,
    TlsFailed,
)
from campaign_exporter.grants import CONNECTION_LIMIT
from campaign_exporter.rounds import Round
from campaign_exporter.sources.checkup import Server
from campaign_exporter.sources.database import Link

SUBJECT = "database"
OLDEST, NEWEST = 12, 18
#: One for the exporter, and one more while a cut session lingers on a server that hangs, or for this command.
_LEAST_CONNECTIONS = 2
_ALL_LOST = "campaign_up is 0, and nothing that stands in the database is seen"


def examine(patient: Patient) -> Iterator[Check]:
    """Connect, and tell what is there."""
    try:
        server, link = patient.checkup.server()
    except SourceError as error:
        yield not_reached(error, patient.database)
        return
    patient.server, patient.link = server, link
    yield reached(server, link)
    yield version(server)
    yield tls(link, server)
    yield from room(server)
    if server.replica:
        yield replica(_lag(patient), patient.shortest_life)
    else:
        yield ok("replica", SUBJECT, "this is a primary")


def not_reached(error: SourceError, settings: config.Database) -> Check:
    """Tell why there is no connection."""
    return finding("connection", SUBJECT, str(error), why=_ALL_LOST, mend=_mend(error, settings))


def _mend(error: SourceError, settings: config.Database) -> str:
    given = conninfo_to_dict(settings.dsn)
    role = str(given.get("user") or "ROLE")
    if "too many connections" in str(error):
        return f"end a session of the role ({mends.sessions_of(role)}) or {mends.connection_limit(role, CONNECTION_LIMIT + 1)}"
    by_kind: Mapping[type[SourceError], str] = {
        AuthenticationFailed: f"put the role's password into {settings.password_file or 'a file named as password_file'},"
        f" and look at the server's pg_hba.conf; if the role is not there, {mends.GRANTS}",
        TlsFailed: "set sslmode and sslrootcert in database.dsn to what the server offers",
        PermissionDenied: f"GRANT CONNECT ON DATABASE {mends.quoted(str(given.get('dbname')))} TO {mends.quoted(role)};"
        " where a password file is refused, let this user read it",
        Missing: "write the file, or name another as database.password_file",
        TimedOut: "look whether the server hangs, or a firewall swallows what is sent to host and port of database.dsn",
    }
    otherwise = "look whether the server runs, and whether host, port and database of database.dsn are right"
    return next((mend for kind, mend in by_kind.items() if isinstance(error, kind)), otherwise)


def reached(server: Server, link: Link) -> Check:
    """Tell where we are."""
    # A pooler gives us a process number of its own making.
    way = "" if link.backend == server.backend else ", through a pooler"
    port = "" if link.host.startswith("/") else f":{link.port}"
    return ok("connection", SUBJECT, f"{server.database} at {link.host}{port} as {server.role}{way}")


def version(server: Server) -> Check:
    """Tell whether the exporter is tested with this version."""
    text = f"PostgreSQL {server.version}"
    if server.major < OLDEST:
        why = "the exporter is made for 12 and newer: statements may fail, and collectors with them"
        return finding("version", SUBJECT, text, why=why, mend=f"upgrade the server to PostgreSQL {OLDEST} or newer")
    if server.major > NEWEST:
        return cannot_tell("version", SUBJECT, f"{text} is newer than {NEWEST}, the last that this exporter was tested with")
    return ok("version", SUBJECT, text)


def tls(link: Link, server: Server) -> Check:
    """Tell whether what is asked and answered can be read on the way."""
    if link.tls:
        # What the server knows is its own side, which ends at a pooler.
        known = server.tls_version if link.backend == server.backend else None
        return ok("TLS", SUBJECT, f"in use{f', {known}' if known else ''}")
    if is_local(link):
        return ok("TLS", SUBJECT, "not in use: the connection does not leave this machine")
    return finding(
        "TLS",
        SUBJECT,
        f"not in use on the way to {link.host}",
        why="whoever listens on the way reads what deliveries are called, and can answer in the server's place",
        mend="add sslmode=verify-full and sslrootcert=/path/to/ca.pem to database.dsn",
    )


def is_local(link: Link) -> bool:
    """Tell whether the other side is on this machine."""
    try:
        return not link.address or ipaddress.ip_address(link.address).is_loopback
    except ValueError:
        return False


def room(server: Server) -> Iterator[Check]:
    """Tell whether exporter and doctor have room beside each other."""
    limit = server.connection_limit
    text = f"{server.sessions} of this role now (one is this doctor's), "
    if limit == -1 or server.superuser:
        yield ok("connections", SUBJECT, f"{text}no CONNECTION LIMIT")
    elif limit < _LEAST_CONNECTIONS:
        yield finding(
            "connections",
            SUBJECT,
            f"{text}CONNECTION LIMIT {limit}",
            why="after a cut the exporter is refused until the server has ended the old session: campaign_up stays 0 for long",
            mend=mends.connection_limit(server.role, CONNECTION_LIMIT),
        )
    else:
        yield ok("connections", SUBJECT, f"{text}CONNECTION LIMIT {limit}")


def _lag(patient: Patient) -> float | None:
    database = patient.watch.database
    current = Round(patient.clock, patient.clock.monotonic() + 1)
    if database is None:
        return None
    with database.round("database", current, life=1) as ask:
        return ask.replay_lag()


def replica(lag: float | None, life: float) -> Check:
    """Tell whether a replica is near enough to be believed."""
    if lag is None:
        return cannot_tell("replica", SUBJECT, "this is a replica that has replayed nothing yet")
    text = f"this is a replica, {lag:.1f} s behind"
    if lag <= life:
        return ok("replica", SUBJECT, text)
    return finding(
        "replica",
        SUBJECT,
        text,
        why=f"the exporter withdraws what is older than {life:.0f} s: all collectors but database fail with reason stale",
        mend="look at the replication (pg_stat_wal_receiver, pg_is_wal_replay_paused()), or name the primary in database.dsn",
    )
