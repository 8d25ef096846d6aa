"""Looking into folders of a host within bounds: what lies there, how much, how old; core files; devices."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from campaign_exporter.domain.host_facts import Cores, Folder
from campaign_exporter.sources.files import failure

#: Files that the kernel writes by default when a process dies: core, and core.<pid>.
_CORE = re.compile(r"core(\.\d+)?")
#: The part of the seconds allowed after which a walk ends with what it has seen.
_PATIENCE = 0.8
#: Entries between two looks at the clock.
_STRIDE = 256


def folder(path: Path, most: int, seconds: float) -> Folder:
    """Count the regular files that lie in a folder, not below it: `most` entries, within the seconds given.

    Raises Missing, PermissionDenied or Unreadable. A dead network mount can block: call it through a Fanout.
    """
    walk = _Walk(most, seconds)
    files, size, oldest = 0, 0, None
    for found in walk.regular_files(path):
        files += 1
        size += found.st_size
        oldest = found.st_mtime if oldest is None else min(oldest, found.st_mtime)
    return Folder(files, size, oldest, walk.cut)


def cores(paths: tuple[Path, ...], most: int, seconds: float) -> Cores:
    """Count the core files in folders. Raises what `folder` raises."""
    walk = _Walk(most, seconds)
    moments = [found.st_mtime for path in paths for found in walk.regular_files(path, _is_core)]
    return Cores(len(moments), max(moments, default=None), walk.cut)


def on_other_device(first: Path, second: Path) -> bool:
    """Tell whether two folders are on different devices, so that no file can be renamed from one to the other."""
    return _device(first) != _device(second)


class _Walk:
    """Goes through entries until there were too many of them, or it takes too long; `cut` says so."""

    def __init__(self, most: int, seconds: float) -> None:
        self._left = most
        self._until = time.monotonic() + seconds * _PATIENCE
        self.cut = False

    def regular_files(self, path: Path, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[os.stat_result]:
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if self._over():
                        return
                    if wanted(entry.name) and (found := _stat(entry)) is not None:
                        yield found
        except OSError as error:
            raise failure(path, error) from error

    def _over(self) -> bool:
        late = self._left % _STRIDE == 0 and time.monotonic() > self._until
        self.cut = self.cut or self._left <= 0 or late
        self._left -= 1
        return self.cut


def _is_core(name: str) -> bool:
    return _CORE.fullmatch(name) is not None


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Look at a regular file; None for what is none, or is gone meanwhile."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _device(path: Path) -> int:
    try:
        return path.stat().st_dev
    except OSError as error:
        raise failure(path, error) from error
