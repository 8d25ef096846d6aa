"""Reading a file of the host within bounds."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from campaign_exporter.errors import Missing, PermissionDenied, SourceError, Unreadable

MAXIMAL_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Stamp:
    """What changes when a file's content does. `modified_ns` is in nanoseconds since the epoch."""

    modified_ns: int
    size: int
    inode: int
    device: int


def stamp(path: Path) -> Stamp:
    """Look at the file without reading it. Raises Missing, PermissionDenied or Unreadable."""
    try:
        return _stamp(path.stat())
    except OSError as error:
        raise failure(path, error) from error


def read_file(path: Path) -> tuple[bytes, Stamp]:
    """Read a regular file of at most 4 MiB. Raises Missing, PermissionDenied or Unreadable."""
    try:
        # Not to block: a named pipe without a writer would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise Unreadable(f"{path} is not a regular file")
            content = file.read(MAXIMAL_BYTES + 1)
    except OSError as error:
        raise failure(path, error) from error
    if len(content) > MAXIMAL_BYTES:
        raise Unreadable(f"{path} is larger than {MAXIMAL_BYTES} bytes")
    return content, _stamp(found)


def read_secret(path: Path) -> str:
    """Read a secret, but for the end of its line. Raises what read_file raises."""
    content, _ = read_file(path)
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not UTF-8 text") from None


def failure(path: Path, error: OSError) -> SourceError:
    """Tell the operating system's error in our words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Missing(f"{path} is not there")
    if isinstance(error, PermissionError):
        return PermissionDenied(f"{path} may not be read by the user that runs the exporter")
    return Unreadable(f"{path} cannot be read: {error.strerror or type(error).__name__}")


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev)
