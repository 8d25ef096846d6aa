"""What one examination brings: a check with its result and, where it is a finding, why it matters and the mend."""

from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a check ended. Only a finding makes the exit status 1."""

    OK = "ok"
    FINDING = "finding"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined: `name` is what was asked, `subject` of what. `instance` is empty for the exporter itself."""

    name: str
    subject: str
    result: Result
    what: str
    why: str = ""
    mend: str = ""
    instance: str = ""


def ok(name: str, subject: str, what: str) -> Check:
    """Make a check that ended well."""
    return Check(name, subject, Result.OK, what)


def finding(name: str, subject: str, what: str, *, why: str, mend: str) -> Check:
    """Make a check that found something to mend."""
    return Check(name, subject, Result.FINDING, what, why, mend)


def cannot_tell(name: str, subject: str, what: str, *, mend: str = "") -> Check:
    """Make a check whose facts could not be seen."""
    return Check(name, subject, Result.CANNOT_TELL, what, "", mend)


def listed(names: list[str] | tuple[str, ...], most: int = 6) -> str:
    """Write names in a row, a long row cut."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
