"""Durations as Prometheus writes them, such as 1h30m."""

import re

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: Each unit at most once, the largest first: Prometheus takes no others.
_DURATION = re.compile(r"(?=[0-9])" + "".join(f"(?:[0-9]+{unit})?" for unit in ("w", "d", "h", "m", "s", "ms")))


def is_duration(value: object) -> bool:
    """Tell whether a value is a duration that Prometheus takes."""
    return isinstance(value, str) and _DURATION.fullmatch(value) is not None


def seconds(duration: str) -> float:
    """Turn a duration into seconds; raise ValueError where it is none."""
    if not is_duration(duration):
        raise ValueError("must be a duration such as 30s, 5m, 1h30m or 7d")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[smhdw])", duration))


def duration(length: float) -> str:
    """Write seconds as Prometheus does."""
    whole = round(length)
    for unit in ("d", "h", "m"):
        if whole and whole % _UNITS[unit] == 0:
            return f"{whole // int(_UNITS[unit])}{unit}"
    return f"{whole}s"
