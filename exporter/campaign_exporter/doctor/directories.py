"""The directories of a host: whether they can be looked at, and how much room is left."""

from collections.abc import Iterator

from campaign_exporter.catalogue import DIRECTORY_AVAILABLE
from campaign_exporter.config import Host
from campaign_exporter.doctor.agents import lost
from campaign_exporter.doctor.check import Check, finding, ok
from campaign_exporter.doctor.host_failures import subject_of, unread
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.domain.host_facts import Usage

#: The share of a file system below which it is all but full.
_LEAST = 0.05
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def checks(reading: Reading, host: Host) -> Iterator[Check]:
    """Judge the directories of a host; none are needed."""
    if lost(reading, host):
        return
    for key, seen in reading.directories.items():
        if seen.host != host.name:
            continue
        if seen.error is not None:
            name = f"directory {key.rpartition('/')[2]}" if "/" in key else "directories"
            yield unread(name, host, seen.error, f"no {DIRECTORY_AVAILABLE.name} of it")
        for directory, found in sorted((seen.value or {}).items()):
            yield room(f"directory {directory}", host, found)


def room(name: str, host: Host, found: Usage) -> Check:
    """Tell how much room is left."""
    share = found.available_bytes / found.size_bytes if found.size_bytes else 0.0
    text = f"{_readable(found.available_bytes)} of {_readable(found.size_bytes)} left ({share:.0%})"
    if share >= _LEAST or not found.size_bytes:
        return ok(name, subject_of(host), text)
    return finding(name, subject_of(host), text, why="what Campaign writes there will soon fail", mend="make room on it")


def _readable(number: float) -> str:
    for unit in _UNITS[:-1]:
        if number < _STEP:
            return f"{number:.3g} {unit}"
        number /= _STEP
    return f"{number:.3g} {_UNITS[-1]}"
