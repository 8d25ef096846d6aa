"""What must outlive a restart: counters and what they were counted from.

One JSON file, replaced whole. A section belongs to one collector of one instance; it is written before the samples that stand
on it are shown, so that a counter which somebody has seen can never go back.
"""

import contextlib
import fcntl
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

Section = Mapping[str, Any]
_LOG = logging.getLogger(__name__)
# The format is part of the key, so that a file of another format is not taken for one of ours.
_SECTIONS = "sections of format 1"
#: Files of the directory: what is kept, and what the one that keeps it holds a lock on.
STATE_NAME, LOCK_NAME = "state.json", "lock"


class StateRefused(Exception):
    """The state directory cannot be used: somebody else holds it, or it is not writable."""


class State:
    """The sections in memory, and on disk if there is a directory for them."""

    def __init__(self) -> None:
        self._sections: dict[str, Section] = {}
        self._texts: dict[str, str] = {}
        self._lock = threading.Lock()
        self._file: Path | None = None
        self._guard: IO[str] | None = None
        #: Whether the last write went well; None without a directory.
        self.written: bool | None = None

    @classmethod
    def open(cls, directory: Path) -> "State":
        """Take a directory for this process alone, and read what is there; raise StateRefused."""
        state = cls()
        state._file = directory / STATE_NAME
        state._guard = _take(directory)
        try:
            state._sections = dict(_read(state._file))
            state._texts = {name: json.dumps(section) for name, section in state._sections.items()}
            state._write()
        except OSError as error:
            state.close()
            raise _refused(directory, error) from None
        state.written = True
        return state

    @classmethod
    def peek(cls, directory: Path) -> "State":
        """Read what another exporter has kept in its directory, and write nothing there; empty where it cannot be read."""
        state = cls()
        try:
            content = json.loads((directory / "state.json").read_text(encoding="utf-8"))
            state._sections = {str(name): dict(section) for name, section in content[_SECTIONS].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # Its owner complains of it; who only looks goes on with what the database tells.
            state._sections = {}
        return state

    def section(self, name: str) -> Section | None:
        """Give what was put last under a name; None if nothing was."""
        return self._sections.get(name)

    def put(self, name: str, section: Section, *, wanted: Callable[[], bool] = lambda: True) -> None:
        """Keep a section, in memory in any case; a disk that is full is said once, and tried again at the next put.

        `wanted` has the last word: whoever waits here for a slow disk may have been replaced meanwhile.
        """
        text = json.dumps(section, separators=(",", ":"))
        with self._lock:
            if not wanted():
                return
            self._sections[name] = section
            if self._texts.get(name) == text and self.written is not False:
                return
            self._texts[name] = text
            if self._file is not None:
                self._try_to_write()

    def keep_only(self, prefixes: tuple[str, ...]) -> None:
        """Forget the sections of instances that are no longer configured."""
        with self._lock:
            for name in [name for name in self._sections if not name.startswith(prefixes)]:
                del self._sections[name]
                self._texts.pop(name, None)

    def close(self) -> None:
        """Let the directory go."""
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def _try_to_write(self) -> None:
        try:
            self._write()
        except OSError as error:
            if self.written is not False:
                _LOG.error("state not written file=%s error=%r: counters go on in memory", self._file, error.strerror)
            self.written = False
        else:
            if self.written is False:
                _LOG.info("state written again file=%s", self._file)
            self.written = True

    def _write(self) -> None:
        if self._file is None:
            return
        body = ",".join(f"{json.dumps(name)}:{text}" for name, text in self._texts.items())
        draft = self._file.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            file.write(f'{{"{_SECTIONS}":{{{body}}}}}')
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)
        # Else the old file could be back after a power failure, and with it counters that somebody has seen higher.
        directory = os.open(self._file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


class Memory:
    """The section of one collector. Once taken over by a successor it no longer writes."""

    def __init__(self, state: State, name: str) -> None:
        self._state = state
        #: The instance and the collector, as in `prod/processes`.
        self.name = name
        self._mine = True

    def read(self) -> Section | None:
        """Give what was kept last; None if nothing was."""
        return self._state.section(self.name) or None

    def keep(self, section: Section) -> None:
        """Keep a section over a restart."""
        self._state.put(self.name, section, wanted=lambda: self._mine)

    def forget(self) -> None:
        """Begin anew, with nothing."""
        self.keep({})

    def take_over(self) -> "Memory":
        """Make the memory of a successor; this one is mute from now on."""
        self._mine = False
        return Memory(self._state, self.name)


def _take(directory: Path) -> IO[str]:
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        guard = (directory / LOCK_NAME).open("w", encoding="utf-8")
    except OSError as error:
        raise _refused(directory, error) from None
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        guard.close()
        raise StateRefused(
            f"the state directory {directory} belongs to another running exporter: stop it, or give each its own"
            " state_directory in the configuration"
        ) from None
    except OSError as error:
        guard.close()
        raise _refused(directory, error) from None
    return guard


def _refused(directory: Path, error: OSError) -> StateRefused:
    mend = "make it writable for this user, name another, or `state_directory: none`"
    return StateRefused(f"the state directory {directory} cannot be used: {error.strerror}: {mend}")


def _read(file: Path) -> Mapping[str, Section]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        sections: Mapping[str, Section] = content[_SECTIONS]
        return {str(name): dict(section) for name, section in sections.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        aside = file.with_suffix(".unreadable")
        with contextlib.suppress(OSError):
            file.replace(aside)
        _LOG.warning("state not understood file=%s: kept as %s, counters begin anew", file, aside.name)
        return {}
