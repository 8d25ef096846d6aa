"""Reading what was added to a log, each line once: over rotation, truncation and restarts, within bounds."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaign_exporter.domain.mta_log import MARK_BYTES, LogRead, Position, count_lines, mark_of, whole_lines
from campaign_exporter.errors import Unreadable
from campaign_exporter.sources.files import failure

#: Bytes that one reading takes at most: in an interval of a minute more than a busy mta writes.
MAXIMAL_BYTES = 4 << 20
#: Files in the log's folder among which a renamed one is looked for.
_MOST_FILES = 1000


class LogFile:
    """One log. It remembers nothing itself: whoever keeps the position decides what has been counted."""

    def __init__(self, path: Path, maximal_bytes: int = MAXIMAL_BYTES) -> None:
        self._path = path
        self._maximal_bytes = maximal_bytes

    def read(self, position: Position | None) -> LogRead:
        """Count the lines behind a position; without one, only find the end. Raises Missing, PermissionDenied or Unreadable.

        A file that was renamed since is read to its end first, if it is still in the folder. Of several that came and went
        between two readings, only the first and the last are seen; what was cut off before it was read is lost, and so is what
        was cut off and then renamed. Nothing is counted twice.
        """
        try:
            with _opened(self._path) as current:
                found = os.fstat(current)
                if position is None:
                    return LogRead(_end(current, found), {}, 0)
                if not position.is_in(found.st_dev, found.st_ino):
                    return self._go_over(position, current)
                return self._go_on(current, position, Counter(), self._maximal_bytes)
        except OSError as error:
            raise failure(self._path, error) from error

    def _go_over(self, position: Position, current: int) -> LogRead:
        """Read the rest of a file that has another name now, and then, if there is time, the new one."""
        counts: Counter[str] = Counter()
        left = self._maximal_bytes
        old = self._renamed(position)
        if old is not None:
            with _opened(old) as descriptor:
                if not position.is_in(*_identity(descriptor)) or not _goes_on(descriptor, position):
                    return self._go_on(current, _beginning(current), counts, left)
                rest = self._take(descriptor, position.offset, counts, left, final=True)
                taken = rest - position.offset
                if os.fstat(descriptor).st_size > rest:
                    return LogRead(_position(descriptor, rest), counts, _size(descriptor) - rest + _size(current))
                left -= taken
        return self._go_on(current, _beginning(current), counts, left)

    def _go_on(self, descriptor: int, position: Position, counts: Counter[str], left: int) -> LogRead:
        start = position.offset if _goes_on(descriptor, position) else 0
        end = self._take(descriptor, start, counts, left, final=False)
        return LogRead(_position(descriptor, end), counts, max(_size(descriptor) - end, 0))

    def _take(self, descriptor: int, start: int, counts: Counter[str], left: int, *, final: bool) -> int:
        """Count lines from a place on, and tell where it ended."""
        data = os.pread(descriptor, left, start) if left > 0 else b""
        whole = whole_lines(data, full=len(data) == left, final=final and start + len(data) >= _size(descriptor))
        counts.update(count_lines(data[:whole]))
        return start + whole

    def _renamed(self, position: Position) -> Path | None:
        with os.scandir(self._path.parent) as entries:
            for _, entry in zip(range(_MOST_FILES), entries, strict=False):
                if entry.inode() == position.inode and entry.is_file(follow_symlinks=False):
                    return Path(entry.path)
        return None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Not to block: a named pipe without a writer would hold us for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unreadable(f"{path} is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def _before(descriptor: int, offset: int) -> bytes:
    length = min(offset, MARK_BYTES)
    return os.pread(descriptor, length, offset - length)


def _goes_on(descriptor: int, position: Position) -> bool:
    return position.goes_on(_size(descriptor), _before(descriptor, position.offset))


def _position(descriptor: int, offset: int) -> Position:
    return Position(*_identity(descriptor), offset, mark_of(_before(descriptor, offset)))


def _beginning(descriptor: int) -> Position:
    return _position(descriptor, 0)


def _end(descriptor: int, found: os.stat_result) -> Position:
    """Find the end of the last whole line, as far as it is near."""
    start = max(found.st_size - (1 << 16), 0)
    tail = os.pread(descriptor, found.st_size - start, start)
    whole = tail.rfind(b"\n") + 1
    return _position(descriptor, start + whole if whole or not start else found.st_size)
