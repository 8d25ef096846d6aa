"""Files of Campaign's processes on each host: temporary files, core files, and what the MTA's log says."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from campaign_exporter import catalogue_surroundings as catalogue
from campaign_exporter.collectors.findings import tell
from campaign_exporter.domain.host_facts import Files, Folder
from campaign_exporter.domain.mta_log import PHRASES, LogRead, Position
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.state import Memory, Section


class Tallies:
    """How many lines of each host's log were counted, and up to where."""

    def __init__(self) -> None:
        self.positions: dict[str, Position] = {}
        self._counts: dict[str, Counter[str]] = {}

    def take(self, host: str, read: LogRead) -> Mapping[str, int]:
        """Count what a reading found, and give all that was counted."""
        self.positions[host] = read.position
        counts = self._counts.setdefault(host, Counter())
        counts.update(read.counts)
        return {kind: counts[kind] for kind in PHRASES}

    def dump(self) -> Section:
        """Write it down for a restart."""
        return {
            "positions": {host: list(position) for host, position in sorted(self.positions.items())},
            "counts": {host: dict(sorted(counts.items())) for host, counts in sorted(self._counts.items())},
        }

    @classmethod
    def load(cls, section: Mapping[str, Any] | None) -> "Tallies":
        """Read what `dump` wrote."""
        tallies = cls()
        if section is not None:
            tallies.positions = {host: Position(*position) for host, position in section["positions"].items()}
            tallies._counts = {host: Counter(counts) for host, counts in section["counts"].items()}
        return tallies


class FilesCollector:
    """Looks at the files of each host. Without memory, lines are left out but for those that an agent has counted."""

    name = "files"

    def __init__(self, hosts: Hosts, *, memory: Memory | None) -> None:
        self._hosts = hosts
        self._memory = memory
        self._tallies = Tallies.load(memory.read() if memory else None)

    def collect(self, current: Round) -> None:
        """Look at all hosts side by side; each kind of files fails alone."""
        tell(current, "files", self._hosts.files(current.remaining(), self._tallies.positions), self._add)
        if self._memory is not None:
            self._memory.keep(self._tallies.dump())

    def _add(self, samples: Samples, host: str, files: Files) -> None:
        if files.other_device is not None:
            samples.add(catalogue.TEMPORARY_OTHER_DEVICE, files.other_device, host=host)
        if files.working is not None:
            _add_working(samples, host, files.working)
        if files.cores is not None:
            samples.add(catalogue.CORE_FILES, files.cores.number, host=host)
            samples.add(catalogue.FILES_CUT, files.cores.cut, host=host, what="cores")
            if files.cores.newest is not None:
                samples.add(catalogue.CORE_NEWEST, files.cores.newest, host=host)
        self._add_log(samples, host, files)

    def _add_log(self, samples: Samples, host: str, files: Files) -> None:
        lines: Mapping[str, float] = files.log_totals or {}
        if files.log is not None and self._memory is not None:
            lines = self._tallies.take(host, files.log)
        for kind, count in lines.items():
            samples.add(catalogue.MTA_LOG_LINES, count, host=host, kind=kind)
        if files.log_unread is not None:
            samples.add(catalogue.MTA_LOG_UNREAD, files.log_unread, host=host)


def _add_working(samples: Samples, host: str, folder: Folder) -> None:
    samples.add(catalogue.WORKING_FILES, folder.files, host=host)
    samples.add(catalogue.WORKING_BYTES, folder.size_bytes, host=host)
    samples.add(catalogue.FILES_CUT, folder.cut, host=host, what="working")
    if folder.oldest is not None:
        samples.add(catalogue.WORKING_OLDEST, folder.oldest, host=host)
