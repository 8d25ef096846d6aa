"""Faults of the files of servers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from campaign_simulator.faults import Fault, FaultError, Undo, World, one_of

_OTHER_DEVICE = Path("/dev/shm")  # noqa: S108 - memory, which is another device than any disk; nothing is written there
_LINES = 5


def _hosts_with_mta(world: World, arguments: Sequence[str]) -> Sequence[str]:
    return one_of(world.hosts.expected_on("mta"), arguments, "host with mta")


def _other_device(world: World, name: str) -> Undo:
    files = world.hosts.by_name[name].files
    if not _OTHER_DEVICE.exists() or _OTHER_DEVICE.stat().st_dev == files.var.stat().st_dev:
        raise FaultError(f"{_OTHER_DEVICE} is not another device than {files.var}: run the simulator on a disk")
    files.move_temporary(_OTHER_DEVICE)
    return files.restore_temporary


def _parts_postponed(world: World, name: str) -> Undo:
    world.hosts.by_name[name].files.postpone_parts(_LINES)
    return lambda: None


def _core(world: World, name: str) -> Undo:
    return partial(world.hosts.by_name[name].files.dump_core().unlink, missing_ok=True)


FILE_FAULTS = (
    Fault("temporary-elsewhere", "[HOST...]", "temporary files are on another device than var", _hosts_with_mta, _other_device),
    Fault("parts-postponed", "[HOST...]", "mta.log gets five lines about postponed parts", _hosts_with_mta, _parts_postponed),
    Fault("core-dumped", "[HOST...]", "a process crashed and left a core file", _hosts_with_mta, _core),
)
