"""How full the file systems of the host are."""

import os
from dataclasses import dataclass
from pathlib import Path

from campaign_exporter.sources.files import failure


@dataclass(frozen=True, slots=True)
class Usage:
    """The file system that a directory lives on.

    Sizes in bytes; what is available or free counts for users other than root. `files` is 0 on file systems that do not
    limit the number of files.
    """

    size_bytes: int
    available_bytes: int
    files: int
    files_free: int


def usage(path: Path) -> Usage:
    """Ask for the use of the path's file system. Raises Missing, PermissionDenied or Unreadable.

    A dead network mount can block: call it through a Fanout.
    """
    try:
        found = os.statvfs(path)
    except OSError as error:
        raise failure(path, error) from error
    return Usage(
        size_bytes=found.f_blocks * found.f_frsize,
        available_bytes=found.f_bavail * found.f_frsize,
        files=found.f_files,
        files_free=found.f_favail,
    )
