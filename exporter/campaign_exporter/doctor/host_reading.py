"""What the sources of all hosts of an instance say, read once and side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from campaign_exporter.diagnosis.facts import Host
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.domain.host_facts import Declared, Files, Processes, Usage
from campaign_exporter.errors import SourceError
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.files import stamp
from campaign_exporter.sources.findings import Finding

_NANOSECONDS = 1e9
#: Seconds for a look at the ages of files that were read just before.
_STAMPS = 2.0


@dataclass
class Reading:
    """What was found by host and, for directories and files, by `host/directory` where they are looked at from here.

    `known` is what a diagnosis knows of each host by it, `builds` those of its server processes; `ages` of files in seconds.
    """

    instance: str
    monotonic: float
    processes: Mapping[str, Finding[Processes]] = field(default_factory=dict)
    declared: Mapping[str, Finding[Declared]] = field(default_factory=dict)
    directories: Mapping[str, Finding[Mapping[str, Usage]]] = field(default_factory=dict)
    files: Mapping[str, Finding[Files]] = field(default_factory=dict)
    known: Mapping[str, Host] = field(default_factory=dict)
    builds: Mapping[str, str] = field(default_factory=dict)
    ages: Mapping[Path, float] = field(default_factory=dict)

    def age(self, read_at: float | None) -> float:
        """Tell how many seconds ago something was read."""
        return self.monotonic - read_at if read_at is not None else 0.0


def longest(patient: Patient) -> float:
    """Give the seconds that the slowest source may take."""
    return max(patient.whole.collectors.of(name).deadline for name in ("processes", "affinity", "disks", "files"))


def read(patient: Patient) -> Reading:
    """Read all sources of all hosts; each fails alone, and in time."""
    hosts, settings = patient.watch.hosts, patient.whole.collectors
    reading = Reading(patient.instance.nlserver_name, 0.0)

    def processes() -> None:
        # As the collector does: what is to run, then, with the time that is left, what runs.
        end = patient.clock.monotonic() + settings.processes.deadline
        hosts.expect(settings.processes.deadline / 3)
        reading.processes = hosts.processes(max(end - patient.clock.monotonic(), 0.1))

    def declared() -> None:
        reading.declared = hosts.declarations(settings.affinity.deadline / 2)

    def directories() -> None:
        reading.directories = hosts.directories(settings.disks.deadline)

    def files() -> None:
        reading.files = hosts.files(settings.files.deadline, {})

    tasks = {"processes": processes, "configuration": declared, "directories": directories, "files": files}
    for outcome in Fanout().run(tasks, longest(patient) + 1).values():
        if isinstance(outcome, SourceError):
            raise outcome
    reading.known, reading.builds = hosts.known(), hosts.builds
    reading.ages = _ages(patient, reading)
    reading.monotonic = patient.clock.monotonic()
    return reading


def _ages(patient: Patient, reading: Reading) -> Mapping[Path, float]:
    """Tell how old the files are that could be read."""
    files: list[Path] = []
    for host in patient.instance.hosts:
        if host.processes and host.processes.file and reading.processes[host.name].value is not None:
            files.append(host.processes.file)
        if host.configuration and reading.declared[host.name].value is not None:
            files += host.configuration
    now = patient.clock.time()
    stamps = Fanout().run({str(file): partial(stamp, file) for file in files}, _STAMPS)
    found = {file: stamps[str(file)] for file in files}
    return {file: now - seen.modified_ns / _NANOSECONDS for file, seen in found.items() if not isinstance(seen, SourceError)}
