"""The hosts of one instance: what they were seen to run and to declare, for as long as that may be believed."""

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from campaign_exporter import config
from campaign_exporter.diagnosis.facts import Host
from campaign_exporter.diagnosis.flow import Declarations
from campaign_exporter.domain.host_facts import Declared, Files, Processes, Usage
from campaign_exporter.domain.mta_log import Position
from campaign_exporter.errors import SourceError
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.agent_reports import Report
from campaign_exporter.sources.agents import Agent, AgentHost
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.findings import Finding, Readers, Remembered
from campaign_exporter.sources.local_hosts import LocalHost
from campaign_exporter.state import Memory

T = TypeVar("T")


class SeenHost(Protocol):
    """A host, by whatever way it is seen."""

    name: str

    @property
    def declares(self) -> bool:
        """Whether IP affinities can be known of this host."""

    @property
    def build(self) -> str | None:
        """The build of the server processes, where it is known."""

    def expectations(self) -> Readers[Declared]:
        """Say how to learn which modules are to run, before it is asked which do."""

    def processes(self) -> Readers[Processes]:
        """Say how to learn which processes run."""

    def declarations(self) -> Readers[Declared]:
        """Say how to learn what the configuration declares."""

    def directories(self) -> Readers[Mapping[str, Usage]]:
        """Say how to learn how full the directories are."""

    def files(self, positions: Mapping[str, Position]) -> Readers[Files]:
        """Say how to learn what lies in Campaign's folders, and what its log says behind a position."""

    def public_ids(self) -> Mapping[str, frozenset[int]] | None:
        """Give the publicIds of each IP affinity, None where the configuration is not known."""

    def lost(self, error: SourceError) -> Finding[Any]:
        """Make a finding of a look that failed."""

    def known(self) -> Host:
        """Put together what is known, for a diagnosis."""


class Hosts:
    """All hosts of an instance, looked at side by side: what hangs harms no other.

    Facts are known for `life` seconds after they were read; what an agent told is shared for `fresh` seconds.
    """

    def __init__(
        self, instance: config.Instance, *, clock: Clock, life: float, fresh: float, memory: Memory | None = None
    ) -> None:
        self._hosts = tuple(_seen(instance, clock=clock, life=life, fresh=fresh))
        # One for each reading: each is a round's own, and rounds run at the same time.
        self._expectations, self._processes, self._declared, self._directories, self._files = (Fanout() for _ in range(5))
        self._clock = clock
        self._memory = memory
        # Kept over a restart, so that an affinity which has just gone is still known to be gone.
        self._declarations = Declarations(**((memory.read() if memory else None) or {}))
        self._lock = threading.Lock()

    @property
    def build(self) -> str | None:
        """The build of the server processes, where a host tells it."""
        return next((host.build for host in self._hosts if host.build), None)

    @property
    def builds(self) -> Mapping[str, str]:
        """The build of the server processes, by host, of those that tell it."""
        return {host.name: host.build for host in self._hosts if host.build}

    def expect(self, timeout: float) -> None:
        """Look which processes are to run."""
        self._look(self._expectations, lambda host: host.expectations(), timeout)

    def processes(self, timeout: float) -> Mapping[str, Finding[Processes]]:
        """Look which processes run."""
        return self._look(self._processes, lambda host: host.processes(), timeout)

    def declarations(self, timeout: float) -> Mapping[str, Finding[Declared]]:
        """Look what the configurations declare."""
        return self._look(self._declared, lambda host: host.declarations(), timeout)

    def directories(self, timeout: float) -> Mapping[str, Finding[Mapping[str, Usage]]]:
        """Look how full the directories are, each for itself where they are looked at from here."""
        return self._look(self._directories, lambda host: host.directories(), timeout)

    def files(self, timeout: float, positions: Mapping[str, Position]) -> Mapping[str, Finding[Files]]:
        """Look what lies in Campaign's folders, and what the log of each host says behind its position."""
        return self._look(self._files, lambda host: host.files(positions), timeout)

    def read(self, timeout: float) -> dict[str, str]:
        """Look what is declared and what runs, and say by host what could not be read."""
        findings: list[Finding[Any]] = [*self.declarations(timeout).values(), *self.processes(timeout).values()]
        troubles: dict[str, dict[str, None]] = {}
        for finding in findings:
            if finding.error is not None:
                troubles.setdefault(finding.host, {})[str(finding.error)] = None
        return {host: "; ".join(told) for host, told in troubles.items()}

    def known(self) -> dict[str, Host]:
        """Put together what is known of each host, for a diagnosis."""
        hosts = {host.name: host.known() for host in self._hosts}
        declared = [hosts[host.name].affinities for host in self._hosts if host.declares]
        if declared and None not in declared:
            self._follow(frozenset().union(*(names or () for names in declared)))
        return hosts

    def public_ids(self) -> dict[str, frozenset[int]]:
        """Give the publicIds that each IP affinity has on any host, as far as the configurations are known."""
        united: dict[str, frozenset[int]] = {}
        for host in self._hosts:
            for affinity, ids in (host.public_ids() or {}).items():
                united[affinity] = united.get(affinity, frozenset()) | ids
        return united

    def affinities_gone_for(self) -> dict[str, float]:
        """Tell for how many seconds each affinity that left the configuration of all hosts is gone."""
        with self._lock:
            return self._declarations.gone_for(self._clock.time())

    def _follow(self, declared: frozenset[str]) -> None:
        with self._lock:
            if self._declarations.follow(declared, self._clock.time()) and self._memory is not None:
                self._memory.keep({"declared": sorted(declared), "vanished": self._declarations.vanished})

    def _look(self, fanout: Fanout, readers: Callable[[SeenHost], Readers[T]], timeout: float) -> Mapping[str, Finding[T]]:
        """Read what each host offers; the names are those under which failures are told."""
        offers = [(host, name, read) for host in self._hosts for name, read in readers(host).items()]
        results = fanout.run({name: partial(read, timeout) for _, name, read in offers}, timeout)
        findings: dict[str, Finding[T]] = {}
        for host, name, _ in offers:
            result = results[name]
            findings[name] = host.lost(result) if isinstance(result, SourceError) else result
        return findings


def _seen(instance: config.Instance, *, clock: Clock, life: float, fresh: float) -> Iterable[SeenHost]:
    reports: dict[config.Agent, Remembered[Report]] = {}
    for host in instance.hosts:
        if host.agent is None:
            yield LocalHost(host, instance.nlserver_name, clock=clock, life=life)
            continue
        there = host.agent.instance or instance.name
        agent = host.agent.model_copy(update={"host": None, "instance": there})
        if agent not in reports:
            reports[agent] = Remembered(Agent(agent, there).read, clock=clock, life=life, fresh=fresh)
        yield AgentHost(host.name, host.agent.host or host.name, reports[agent])
