"""Which processes run on which host, how much memory they take, and how often they were started anew."""

from campaign_exporter import catalogue
from campaign_exporter.domain.processes import Listing
from campaign_exporter.errors import SourceError, Unreadable
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.hosts import AnyListing, Hosts
from campaign_exporter.state import Memory


class ProcessesCollector:
    """Reads the process listing of each host. Without memory, restarts are left out."""

    name = "processes"

    def __init__(self, hosts: Hosts, nlserver_instance: str, *, memory: Memory | None) -> None:
        self._hosts = hosts
        self._instance = nlserver_instance
        self._memory = memory
        self._restarts = Restarts(memory)

    def collect(self, current: Round) -> None:
        """Read all hosts side by side; each fails alone."""
        self._hosts.configurations.read(current.remaining() / 3, fresh_within=1.0)
        for host, listing in self._hosts.listings.read(current.remaining()).items():
            understood = not isinstance(listing, SourceError) and listing.complete
            current.samples.add(catalogue.HOST_UP, understood, host=host, source="processes")
            if isinstance(listing, SourceError):
                current.failures[host] = listing
                continue
            with current.part(host) as samples:
                self._add_host(samples, host, listing)
            if not listing.complete:
                current.failures[host] = Unreadable(f"{host}: {listing.complaint}")
        if self._memory is not None:
            self._restarts.keep()

    def _add_host(self, samples: Samples, host: str, listing: AnyListing) -> None:
        expected = self._hosts.expected(host)
        for module in sorted(expected or ()):
            up = self._hosts.is_up(host, module, listing)
            if up is not None:
                samples.add(catalogue.PROCESS_UP, up, host=host, process=module)
        self._add_limits(samples, host, sorted(expected or ()))
        if isinstance(listing, Listing):
            self._add_running(samples, host, listing, expected or frozenset())

    def _add_running(self, samples: Samples, host: str, listing: Listing, expected: frozenset[str]) -> None:
        for module in sorted(expected | listing.modules(self._instance)):
            pids = listing.pids(module, self._instance)
            if not pids and listing.up(module, self._instance) is None:
                continue
            samples.add(catalogue.PROCESSES, len(pids), host=host, process=module)
            memory = listing.memory_bytes(module, self._instance)
            if memory is not None:
                samples.add(catalogue.PROCESS_MEMORY, memory, host=host, process=module)
            # Others, such as mtachild and runwf, come and go as they please.
            if self._memory is not None and module in expected:
                restarts = self._restarts.follow(host, module, pids)
                samples.add(catalogue.PROCESS_RESTARTS, restarts, host=host, process=module)

    def _add_limits(self, samples: Samples, host: str, modules: list[str]) -> None:
        for module in modules:
            for level, limit in self._hosts.memory_limits(host, module).items():
                samples.add(catalogue.PROCESS_MEMORY_LIMIT, limit, host=host, process=module, level=level)


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
