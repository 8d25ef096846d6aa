"""How full the file systems of the host are."""

import os
from pathlib import Path

from campaign_exporter.domain.host_facts import Usage
from campaign_exporter.sources.files import failure


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
