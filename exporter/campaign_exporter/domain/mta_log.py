"""What lines of mta.log mean, and how a log that is rotated goes on where it was left."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

#: Phrases by kind (kb KA-16998, KA-22154, KA-21165; docs: temporary-files.md). A line counts once for each kind. The last two
#: are in order within limits: a mail server's quotas are kept, or it is slow.
PHRASES: Mapping[str, re.Pattern[bytes]] = {
    "postponed_parts": re.compile(rb"postponing deliveryparts", re.IGNORECASE),
    "cannot_open_file": re.compile(rb"BAS-010015|cannot open file", re.IGNORECASE),
    "cross_device": re.compile(rb"errno=18(?!\d)|invalid cross-device link", re.IGNORECASE),
    "quota": re.compile(rb"connection quotas met", re.IGNORECASE),
    "flow_control": re.compile(rb"dynamic flow control", re.IGNORECASE),
}
#: Bytes before the place where reading goes on by which a file is known again.
MARK_BYTES = 256


class Position(NamedTuple):
    """Up to where a log was read: the file as the operating system names it, the byte, and a digest of what stands before."""

    device: int
    inode: int
    offset: int
    mark: str

    def is_in(self, device: int, inode: int) -> bool:
        """Tell whether it is a place in that file."""
        return (self.device, self.inode) == (device, inode)

    def goes_on(self, size: int, before: bytes) -> bool:
        """Tell whether the file, now of that size and with those bytes before the place, is the one that was read.

        If not it was cut off and written anew, or is another one that has got its number.
        """
        return size >= self.offset and self.mark == mark_of(before)


class LogRead(NamedTuple):
    """What one reading found: where it ended, lines by kind, and bytes that are left for the next one."""

    position: Position
    counts: Mapping[str, int]
    unread_bytes: int


def mark_of(before: bytes) -> str:
    """Make the digest of the bytes before a place, of which no more than MARK_BYTES are given."""
    return hashlib.sha256(before).hexdigest()[:16]


def whole_lines(data: bytes, *, full: bool, final: bool) -> int:
    """Tell how many bytes to take: whole lines; all where nothing follows, or where one line is as long as may be read."""
    end = data.rfind(b"\n") + 1
    return len(data) if final or (full and not end) else end


def count_lines(data: bytes) -> Counter[str]:
    """Count lines by kind."""
    there = {kind: phrase for kind, phrase in PHRASES.items() if phrase.search(data)}
    lines = data.split(b"\n") if there else ()
    return Counter(kind for line in lines for kind, phrase in there.items() if phrase.search(line))
