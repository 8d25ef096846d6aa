"""The state directory: there, writable, and whether an exporter holds it. Nothing in it is touched."""

import os
from collections.abc import Iterator
from pathlib import Path

from campaign_exporter.doctor.check import Check, cannot_tell, finding, ok
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.locks import is_held
from campaign_exporter.state import LOCK_NAME, STATE_NAME
from campaign_exporter.why.words import duration

_NAME, _SUBJECT = "state directory", "exporter"
_WHY = "`serve` refuses to start; without a state, counters begin anew at each start"
_MEND = "make it writable for the user that runs the exporter, or name another as state_directory"


def examine(directory: Path | None, clock: Clock) -> Iterator[Check]:
    """Look at the directory as this user sees it."""
    if directory is None:
        yield ok(_NAME, _SUBJECT, "none: counters begin anew at each start")
        return
    try:
        yield _look(directory, clock)
    except PermissionError:
        yield cannot_tell(_NAME, _SUBJECT, f"{directory} is closed to this user", mend="run this as the exporter's user")
    except OSError as error:
        yield finding(_NAME, _SUBJECT, f"{directory}: {error.strerror}", why=_WHY, mend=_MEND)


def _look(directory: Path, clock: Clock) -> Check:
    if not directory.exists():
        return _not_there(directory)
    if not directory.is_dir():
        return finding(_NAME, _SUBJECT, f"{directory} is no directory", why=_WHY, mend="name another as state_directory")
    state, held = directory / STATE_NAME, is_held(directory / LOCK_NAME)
    holder = {True: "held by a running exporter", False: "no exporter holds it now", None: "whether one holds it is not told"}
    age = f", written {duration(clock.time() - state.stat().st_mtime)} ago" if state.exists() else ", nothing written yet"
    if not os.access(directory, os.W_OK | os.X_OK) and not held:
        return finding(_NAME, _SUBJECT, f"{directory} is not writable for this user", why=_WHY, mend=_MEND)
    return ok(_NAME, _SUBJECT, f"{directory}: {holder[held if (directory / LOCK_NAME).exists() else False]}{age}")


def _not_there(directory: Path) -> Check:
    parent = next(each for each in directory.absolute().parents if each.exists())
    if os.access(parent, os.W_OK | os.X_OK):
        return ok(_NAME, _SUBJECT, f"{directory} is not there yet, and can be made")
    return finding(_NAME, _SUBJECT, f"{directory} is not there, and cannot be made in {parent}", why=_WHY, mend=_MEND)
