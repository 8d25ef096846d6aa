"""The timeouts that the server enforces for us: as they are in force within a round, and the role's own."""

from collections.abc import Iterator, Mapping

from campaign_exporter import config
from campaign_exporter.doctor.check import Check, finding, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.sources.database import IDLE_TIMEOUT

_OWN = ("default_transaction_read_only", "statement_timeout", "lock_timeout")


def examine(patient: Patient) -> Iterator[Check]:
    """Ask for the settings."""
    in_round, own = patient.checkup.settings()
    yield effective(in_round, patient.database)
    yield of_role(own)


def effective(in_force: Mapping[str, str], settings: config.Database) -> Check:
    """Compare what is in force within a round with what was asked for."""
    wanted = {
        "statement_timeout": settings.statement_timeout,
        "lock_timeout": settings.lock_timeout,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT,
    }
    others = [name for name, seconds in wanted.items() if in_force.get(name) != str(max(round(seconds * 1000), 1))]
    told = ", ".join(f"{name} {_readable(in_force.get(name))}" for name in wanted)
    if not others:
        return ok("timeouts of a round", SUBJECT, told)
    return finding(
        "timeouts of a round",
        SUBJECT,
        f"{told}; asked for: {', '.join(f'{name} {wanted[name]:g} s' for name in others)}",
        why="a slow statement would run on, and a round could hold its snapshot and its locks without end",
        mend="let no pooler or proxy between exporter and server change what a session sends",
    )


def of_role(own: Mapping[str, str]) -> Check:
    """Tell the role's own settings: a second line only, since each round sets its own."""
    told = ", ".join(f"{name} {own[name]}" for name in _OWN if name in own)
    return ok("timeouts of the role", SUBJECT, told or "none of its own; each round sets them, so that none is needed")


def _readable(milliseconds: str | None) -> str:
    if milliseconds is None:
        return "unknown"
    return "off" if milliseconds == "0" else f"{int(milliseconds) / 1000:g} s"
