"""What an agent exposes, made of what there is to tell: by the collectors and the exposition of the exporter itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaign_exporter import catalogue
from campaign_exporter.collectors import affinity, disks
from campaign_exporter.collectors.processes import ProcessesCollector
from campaign_exporter.domain.host_facts import Declared, Processes, Usage
from campaign_exporter.domain.server_configuration import FAULTS
from campaign_exporter.metric import Samples
from campaign_exporter.snapshot import Exposition, Owner
from campaign_exporter.sources.agent_reports import HostReport, Report, Told

NOW = 1.7e9
INTERVALS = {"processes": 15.0, "affinity": 15.0, "disks": 60.0}
MTA = Processes(
    expected=frozenset({"mta", "stat", "wfserver"}),
    up={"mta": True, "stat": False},
    counts={"mta": 1, "stat": 0, "runwf": 2},
    memory={"mta": 2.5e8},
    limits={"mta": {"warning": 1.6e9, "restart": 1e9}},
    restarts={"mta": 3},
)
NEWS = Declared(frozenset({"news", "sms.one"}), {kind: kind == "no_address" for kind in FAULTS}, preparation_seconds=7200.0)
VAR = {"var": Usage(1e11, 5e10, 1e6, 9e5), "tmp": Usage(1e9, 1e8, 0, 0)}


@dataclass(frozen=True)
class Seen:
    """What an agent sees of a host; None where nobody looks."""

    processes: Processes | None = MTA
    configuration: Declared | None = NEWS
    directories: Mapping[str, Usage] | None = field(default_factory=lambda: VAR)
    up: Mapping[str, bool] = field(default_factory=lambda: dict.fromkeys(("processes", "configuration", "directories"), True))

    @property
    def report(self) -> HostReport:
        """What is to be understood of it, while all is well."""
        return HostReport(
            Told(self.up.get("processes"), self.processes),
            Told(self.up.get("configuration"), self.configuration),
            Told(self.up.get("directories"), self.directories),
        )


@dataclass
class Agent:
    """One instance of an agent, or several with the same hosts."""

    hosts: Mapping[str, Seen]
    instances: tuple[str, ...] = ("prod",)
    build: str = "9364"
    intervals: Mapping[str, float] = field(default_factory=lambda: INTERVALS)
    last_round: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(INTERVALS, NOW - 1))
    last_success: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(INTERVALS, NOW - 1))

    @property
    def report(self) -> Report:
        return Report(self.build or None, {name: seen.report for name, seen in self.hosts.items()})

    def text(self) -> str:
        """Expose it as an exporter does."""
        exposition = Exposition()
        for instance in self.instances:
            about = Samples()
            about.add(catalogue.INSTANCE_INFO, 1, role="standalone", build=self.build)
            exposition.publish({Owner(instance, ""): about})
            for collector in self.intervals:
                exposition.publish({Owner(instance, collector): self._samples(collector)})
        return exposition.snapshot.plain.decode()

    def _samples(self, collector: str) -> Samples:
        samples = Samples()
        source = {"processes": "processes", "affinity": "configuration", "disks": "directories"}[collector]
        for host, seen in self.hosts.items():
            if source in seen.up:
                samples.add(catalogue.HOST_UP, seen.up[source], host=host, source=source)
            if collector == "processes" and seen.processes is not None:
                ProcessesCollector(None, memory=None)._add_host(samples, host, seen.processes)  # type: ignore[arg-type] # asks none
                for module in seen.processes.expected or ():
                    samples.add(catalogue.PROCESS_EXPECTED, 1, host=host, process=module)
            if collector == "affinity" and seen.configuration is not None:
                affinity._add_host(samples, host, seen.configuration)
            if collector == "disks" and seen.directories is not None:
                disks._add(samples, host, seen.directories)
        about = {
            catalogue.COLLECTOR_INTERVAL: self.intervals.get(collector),
            catalogue.COLLECTOR_LAST_ROUND: self.last_round.get(collector),
            catalogue.COLLECTOR_LAST_SUCCESS: self.last_success.get(collector),
            catalogue.COLLECTOR_SERIES: len(samples),
        }
        for metric, value in about.items():
            if value is not None:
                samples.add(metric, value, collector=collector)
        return samples
