"""The files of Campaign's processes on a host, looked at from here: each kind for itself."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from campaign_exporter import config
from campaign_exporter.domain.host_facts import Files
from campaign_exporter.domain.mta_log import Position
from campaign_exporter.sources import folders
from campaign_exporter.sources.log_files import LogFile

#: Look within the seconds given.
Look = Callable[[float], Files]


def looks(settings: config.Files, position: Position | None) -> Mapping[str, Look]:
    """Say how to learn what is configured, by name; the log is read from a position on."""
    found: dict[str, Look] = {}
    if settings.temporary is not None and settings.var is not None:
        found["temporary"] = partial(_device, settings.temporary, settings.var)
    if settings.working is not None:
        found["working"] = partial(_working, settings.working, settings.most_files)
    if settings.cores:
        found["cores"] = partial(_cores, settings.cores, settings.most_files)
    if settings.log is not None:
        found["log"] = partial(_log, settings.log, position)
    return found


def _device(temporary: Path, var: Path, _seconds: float) -> Files:
    return Files(other_device=folders.on_other_device(temporary, var))


def _working(path: Path, most: int, seconds: float) -> Files:
    return Files(working=folders.folder(path, most, seconds))


def _cores(paths: tuple[Path, ...], most: int, seconds: float) -> Files:
    return Files(cores=folders.cores(paths, most, seconds))


def _log(path: Path, position: Position | None, _seconds: float) -> Files:
    read = LogFile(path).read(position)
    return Files(log=read, log_unread=read.unread_bytes)
