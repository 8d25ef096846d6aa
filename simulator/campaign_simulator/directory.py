"""The directory of a simulator: one simulator at a time, and where others find it."""

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from campaign_simulator.hosts import replace_file

_LOCK_FILE = "simulator.lock"
_STATUS_FILE = "simulator.json"
_CONFIGURATION_FILE = "campaign-exporter.yaml"
_LOCK_TRIES = 10
_LOCK_PAUSE_SECONDS = 0.05  # somebody may only be asking whether a simulator runs


class DirectoryInUseError(Exception):
    """Another simulator runs in the directory; the message says what to do."""


class SimulatorDirectory:
    """Files of one simulator."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def configuration(self) -> Path:
        """The exporter's configuration: there while a simulator runs that it describes."""
        return self.path / _CONFIGURATION_FILE

    def take(self) -> None:
        """Claim the directory and remove what an earlier simulator left; raises DirectoryInUseError."""
        self.path.mkdir(parents=True, exist_ok=True)
        for _ in range(_LOCK_TRIES):
            self._lock = _try_lock(self.path)
            if self._lock is not None:
                break
            time.sleep(_LOCK_PAUSE_SECONDS)
        else:
            raise DirectoryInUseError(f"a simulator runs in {self.path}: stop it, or choose another directory")
        self._remove()
        shutil.rmtree(self.path / "hosts", ignore_errors=True)

    def release(self) -> None:
        """Let others have the directory."""
        if self._lock is not None:
            self._remove()
            os.close(self._lock)
            self._lock = None

    def _remove(self) -> None:
        for file in (self.path / _STATUS_FILE, self.configuration):
            file.unlink(missing_ok=True)

    def announce(self, status: dict[str, Any]) -> None:
        """Tell other programs where everything is."""
        replace_file(self.path / _STATUS_FILE, json.dumps(status, indent=2) + "\n")


def running_status(path: Path) -> dict[str, Any] | None:
    """Return what the simulator that runs in a directory announced; none where none runs, or is not ready."""
    if not (path / _LOCK_FILE).exists():
        return None
    lock = _try_lock(path)
    if lock is not None:
        os.close(lock)
        return None
    try:
        status = json.loads((path / _STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def _try_lock(path: Path) -> int | None:
    """Lock a directory for as long as we live; none if it is locked. The lock goes with its holder, however it ends."""
    descriptor = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
