"""Numbers and times as a person reads them."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """Write seconds with the two largest units that count: 47 min, 1 h 12 min, 3 d 4 h."""
    if math.isinf(seconds):
        return "for ever"
    left = max(round(seconds), 0)
    if left >= _UNITS[2][1]:
        left -= left % _UNITS[2][1]
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def moment(timestamp: float) -> str:
    """Write seconds since the epoch as a date and a time of day in UTC."""
    try:
        return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "never" if timestamp > 0 else "a date before all dates"


def gone(timestamp: float, now: float) -> str:
    """Write a moment of the past, and how long ago that was."""
    return f"{moment(timestamp)}, {duration(now - timestamp)} ago"


def coming(timestamp: float, now: float) -> str:
    """Write a moment to come, and in how long that is."""
    return "never" if math.isinf(timestamp) else f"{moment(timestamp)}, in {duration(timestamp - now)}"


def listed(names: Iterable[str], otherwise: str = "none") -> str:
    """Join names with commas, the first ten of them."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 10} more" if len(ordered) > 10 else ""  # noqa: PLR2004 - more than that is no list to read
    return ", ".join(ordered[:10]) + more or otherwise


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun, the thousands apart."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
