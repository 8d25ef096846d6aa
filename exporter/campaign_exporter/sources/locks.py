"""Who holds a lock on a file, told without taking one."""

import os
from pathlib import Path

_LOCKS = Path("/proc/locks")


def is_held(file: Path) -> bool | None:
    """Tell whether some process holds a lock of flock() on a file; None where this system does not say."""
    try:
        found = file.stat()
        lines = _LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    # A line is `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`: device in hexadecimal, inode in decimal.
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return any("FLOCK" in fields and wanted in fields for fields in (line.split() for line in lines))
