"""The proof that the exporter's role cannot write: by trying, and by what the server says of its rights.

Trying does no harm even where it succeeds: see the statements, and `Session.attempt`.
"""

from collections.abc import Iterator, Sequence

from campaign_exporter.doctor import mends
from campaign_exporter.doctor.check import Check, cannot_tell, finding, listed, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import PermissionDenied, WriteRefused
from campaign_exporter.sources.checkup import Attempts, Relation, Schema, Server

_HARM = "a fault in the exporter, or a stolen password, could change Campaign's data"
#: With one of these a role writes without any right on a table.
_WRITING_ROLES = ("pg_write_all_data", "pg_write_server_files", "pg_execute_server_program")
_OWN_ROLE = "let the exporter log in as a role of its own, which `campaign-exporter grants --config.file FILE` makes"


def examine(patient: Patient) -> Iterator[Check]:
    """Try to write, and ask what the role may."""
    server = patient.server
    if server is None:
        return
    attempts = patient.checkup.attempts()
    yield guarded(attempts)
    yield unguarded(attempts, server)
    yield powers(server)
    if server.superuser:
        yield cannot_tell("rights to write", SUBJECT, "a superuser has every right on every table")
        return
    yield tables(patient.relations, server, patient.database.schema_name)
    schema = patient.schemas.get(patient.database.schema_name)
    if schema is not None:
        yield create(schema)


def guarded(attempts: Attempts) -> Check:
    """Judge the attempts within a round as the exporter has it."""
    name = "write in a round"
    if not attempts.read_only:
        return finding(
            name,
            SUBJECT,
            "the transaction is not read-only, though it was begun so; nothing was tried",
            why=_HARM,
            mend="let no pooler or proxy between exporter and server change what a session sends",
        )
    through = [what for what, refusal in attempts.guarded.items() if refusal is None]
    if through:
        return finding(
            name,
            SUBJECT,
            f"{listed(through)} went through in a read-only transaction (and was undone)",
            why=_HARM,
            mend="let no pooler or proxy between exporter and server change what a session sends",
        )
    unclear = [f"{what}: {refusal}" for what, refusal in attempts.guarded.items() if not isinstance(refusal, WriteRefused)]
    if unclear:
        return cannot_tell(name, SUBJECT, "; ".join(unclear))
    return ok(name, SUBJECT, f"{listed(list(attempts.guarded))} refused: the transaction is read-only")


def unguarded(attempts: Attempts, server: Server) -> Check:
    """Judge the attempt of the role without that guard."""
    name = "write without guard"
    refusal = attempts.planned
    if refusal is None:
        mend = _OWN_ROLE if server.superuser else f"take its rights away as told below, or {_OWN_ROLE}"
        what = f"{server.role} may UPDATE nmsdelivery once the transaction is not read-only (planned only, nothing was changed)"
        return finding(name, SUBJECT, what, why=_HARM, mend=mend)
    if isinstance(refusal, PermissionDenied):
        return ok(name, SUBJECT, "UPDATE refused: the role itself has no right to it")
    if server.replica:
        return ok(name, SUBJECT, "refused: nothing can be written on a replica")
    return cannot_tell(name, SUBJECT, str(refusal))


def powers(server: Server) -> Check:
    """Judge what the role is, apart from its rights on tables."""
    roles = () if server.superuser else tuple(name for name in _WRITING_ROLES if name in server.memberships)
    role = mends.quoted(server.role)
    if not server.attributes and not roles:
        return ok("powers", SUBJECT, "no superuser, makes no databases or roles, in no role that writes")
    takes = [f"ALTER ROLE {role} {' '.join(f'NO{power}' for power in server.attributes)};"] if server.attributes else []
    takes += [f"REVOKE {mends.quoted(name)} FROM {role};" for name in roles]
    return finding(
        "powers",
        SUBJECT,
        f"{server.role} is or has {listed([*server.attributes, *roles])}",
        why=f"no metric needs it, and {_HARM}",
        mend=_OWN_ROLE if server.superuser else " ".join(takes),
    )


def tables(relations: Sequence[Relation], server: Server, schema: str) -> Check:
    """Judge the rights on tables and sequences of the schema."""
    name = "rights to write"
    if owned := [relation for relation in relations if relation.owned]:
        what = f"{server.role} is, or may become, {owned[0].owner}, who owns {listed([relation.name for relation in owned], 3)}"
        return finding(name, SUBJECT, what, why=f"an owner may change and drop a table: {_HARM}", mend=_OWN_ROLE)
    writable = [relation for relation in relations if relation.writes]
    if not writable:
        return ok(name, SUBJECT, f"none on any table or sequence of schema {schema}")
    rights = sorted({right for relation in writable for right in relation.writes})
    return finding(
        name,
        SUBJECT,
        f"{', '.join(rights)} on {listed([relation.name for relation in writable])}",
        why=_HARM,
        mend=" ".join(_revokes(writable, server, schema)),
    )


def _revokes(writable: Sequence[Relation], server: Server, schema: str) -> Iterator[str]:
    for kind, is_sequence in (("TABLES", False), ("SEQUENCES", True)):
        these = [relation for relation in writable if relation.sequence is is_sequence]
        rights = sorted({right for relation in these for right in relation.writes})
        holders = sorted({holder for relation in these for holder in relation.writers}) or [server.role]
        if these:
            yield mends.revoke(rights, f"ALL {kind} IN SCHEMA {mends.quoted(schema)}", holders)


def create(schema: Schema) -> Check:
    """Judge the right to make tables."""
    if not schema.create:
        return ok("right to create", SUBJECT, f"none in schema {schema.name}")
    public = mends.PUBLIC in schema.creators
    mend = mends.revoke(["CREATE"], f"SCHEMA {mends.quoted(schema.name)}", schema.creators) if schema.creators else _OWN_ROLE
    return finding(
        "right to create",
        SUBJECT,
        f"CREATE in schema {schema.name}{' (as PUBLIC, the default up to PostgreSQL 14)' if public else ''}",
        why="the role can fill the database with tables of its own, though it cannot change Campaign's",
        mend=f"{mend} Before, GRANT CREATE to the role that Campaign logs in with, unless it owns the schema."
        if public
        else mend,
    )
