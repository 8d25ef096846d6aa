"""Which processes run on which host, how much memory they take, and how often they were started anew."""

from collections.abc import Mapping

from campaign_exporter import catalogue
from campaign_exporter.collectors.findings import tell
from campaign_exporter.domain.host_facts import Processes
from campaign_exporter.metric import Metric, Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.state import Memory


class ProcessesCollector:
    """Reads the processes of each host. Without memory, restarts are left out but for those that an agent has counted."""

    name = "processes"

    def __init__(self, hosts: Hosts, *, memory: Memory | None) -> None:
        self._hosts = hosts
        self._memory = memory
        self._restarts = Restarts(memory)

    def collect(self, current: Round) -> None:
        """Read all hosts side by side; each fails alone."""
        self._hosts.expect(current.remaining() / 3)
        findings = self._hosts.processes(current.remaining())
        tell(current, "processes", findings, self._add_host)
        for finding in findings.values():
            if finding.reached is not None:
                current.samples.add(catalogue.HOST_UP, finding.reached, host=finding.host, source="agent")
        for name, host in self._hosts.known().items():
            for module in sorted(host.expected or ()):
                current.samples.add(catalogue.PROCESS_EXPECTED, 1, host=name, process=module)
        if self._memory is not None:
            self._restarts.keep()

    def _add_host(self, samples: Samples, host: str, processes: Processes) -> None:
        values: Mapping[Metric, Mapping[str, float]] = {
            catalogue.PROCESS_UP: processes.up,
            catalogue.PROCESSES: processes.counts,
            catalogue.PROCESS_MEMORY: processes.memory,
            catalogue.PROCESS_RESTARTS: {**self._followed(host, processes), **processes.restarts},
        }
        for metric, by_module in values.items():
            for module, value in sorted(by_module.items()):
                samples.add(metric, value, host=host, process=module)
        for module, limits in sorted(processes.limits.items()):
            for level, limit in limits.items():
                samples.add(catalogue.PROCESS_MEMORY_LIMIT, limit, host=host, process=module, level=level)

    def _followed(self, host: str, processes: Processes) -> Mapping[str, int]:
        """Count the restarts of what is to run: others, such as mtachild and runwf, come and go as they please."""
        if self._memory is None:
            return {}
        modules = sorted(processes.pids.keys() & (processes.expected or frozenset()))
        return {module: self._restarts.follow(host, module, processes.pids[module]) for module in modules}


class Restarts:
    """Counts how often all process ids of a module have changed, over restarts of the exporter as well."""

    def __init__(self, memory: Memory | None) -> None:
        self._memory = memory
        kept = (memory.read() if memory else None) or {"pids": [], "counts": []}
        self._pids: dict[tuple[str, str], frozenset[int]] = {
            (host, module): frozenset(pids) for host, module, pids in kept["pids"]
        }
        self._counts: dict[tuple[str, str], int] = {(host, module): count for host, module, count in kept["counts"]}

    def follow(self, host: str, module: str, pids: tuple[int, ...]) -> int:
        """Take note of the process ids, and tell how often they were others before."""
        key, now = (host, module), frozenset(pids)
        before = self._pids.get(key, frozenset())
        if now:
            self._pids[key] = now
        if now and before and not now & before:
            self._counts[key] = self._counts.get(key, 0) + 1
        return self._counts.get(key, 0)

    def keep(self) -> None:
        """Keep all of it for a restart."""
        if self._memory is not None:
            pids = [[*key, sorted(values)] for key, values in sorted(self._pids.items())]
            counts = [[*key, count] for key, count in sorted(self._counts.items())]
            self._memory.keep({"pids": pids, "counts": counts})
