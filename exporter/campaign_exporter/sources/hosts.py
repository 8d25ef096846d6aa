"""The hosts of one instance: what they were seen to run and to declare, for as long as that may be believed."""

import threading
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from campaign_exporter import config
from campaign_exporter.diagnosis.facts import PREPARATION_SECONDS, Host
from campaign_exporter.diagnosis.flow import Declarations
from campaign_exporter.domain.processes import Listing, MissingListing
from campaign_exporter.domain.server_configuration import ServerConfiguration
from campaign_exporter.errors import SourceError, Stale
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.configuration_files import ConfigurationFiles
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.listings import CommandProcesses, FileProcesses, ProcessSource
from campaign_exporter.state import Memory

T = TypeVar("T")
AnyListing = Listing | MissingListing
#: The modules that a diagnosis asks for, on top of what is expected on a host.
_ASKED = frozenset({"mta", "sms", "stat"})


class _Read(NamedTuple, Generic[T]):
    value: T
    at: float


class Facts(Generic[T]):
    """One kind of facts about each host: read from all at once, remembered for `life` seconds where a later reading fails."""

    def __init__(self, readers: Mapping[str, Callable[[float], T]], *, clock: Clock, life: float) -> None:
        self._readers = readers
        self._clock = clock
        self._life = life
        self._fanout = Fanout()
        self._lock = threading.Lock()
        self._good: dict[str, _Read[T]] = {}
        self._last: dict[str, T | SourceError] = {}
        self._read_at: float | None = None

    def read(self, timeout: float, *, fresh_within: float = 0.0) -> Mapping[str, T | SourceError]:
        """Read every host, or give the last reading if it is no older than `fresh_within` seconds."""
        with self._lock:
            now = self._clock.monotonic()
            if self._read_at is not None and now - self._read_at < fresh_within:
                return self._last
            tasks = {name: (lambda reader=reader: reader(timeout)) for name, reader in self._readers.items()}
            self._last = self._fanout.run(tasks, timeout)
            self._read_at = self._clock.monotonic()
            for name, value in self._last.items():
                if not isinstance(value, SourceError):
                    self._good[name] = _Read(value, self._read_at)
                elif isinstance(value, Stale):
                    self._good.pop(name, None)
            return self._last

    def trouble(self, name: str) -> SourceError | None:
        """Give what the last reading of a host failed with; None if it went well, or there was none."""
        last = self._last.get(name)
        return last if isinstance(last, SourceError) else None

    def known(self, name: str) -> T | None:
        """Give what was read of a host last, if it is young enough to be believed."""
        good = self._good.get(name)
        return good.value if good is not None and self._clock.monotonic() - good.at <= self._life else None


class Hosts:
    """All hosts of an instance."""

    def __init__(self, instance: config.Instance, *, clock: Clock, life: float, memory: Memory | None = None) -> None:
        self._settings = {host.name: host for host in instance.hosts}
        self._memory = memory
        self._instance = instance.nlserver_name
        self.listings: Facts[AnyListing] = Facts(
            {name: _process_source(host.processes, clock).read for name, host in self._settings.items() if host.processes},
            clock=clock,
            life=life,
        )
        self.configurations: Facts[ServerConfiguration] = Facts(
            {
                name: _without_timeout(ConfigurationFiles(host.configuration))
                for name, host in self._settings.items()
                if host.configuration
            },
            clock=clock,
            life=life,
        )
        self._clock = clock
        # Kept over a restart, so that an affinity which has just gone is still known to be gone.
        self._declarations = Declarations(**((memory.read() if memory else None) or {}))
        self._lock = threading.Lock()

    def expected(self, name: str) -> frozenset[str] | None:
        """Name the modules that are to run on a host; None if that is not known."""
        configured = self._settings[name].expected_processes
        if configured is not None:
            return configured
        configuration = self.configurations.known(name)
        return configuration.autostart if configuration else None

    def memory_limits(self, name: str, module: str) -> Mapping[str, float]:
        """Give the limits of a module by level, in bytes: Adobe's defaults where the host has no configuration files."""
        files = self._settings[name].configuration
        configuration = self.configurations.known(name) if files else ServerConfiguration()
        return configuration.memory_limits(module) if configuration is not None else {}

    def preparation_seconds(self) -> float:
        """Tell how long a delivery may be in preparation: the longest that a host allows, else Adobe's default."""
        known = (self.configurations.known(name) for name in self._settings)
        given = [each.preparation_seconds for each in known if each is not None and each.preparation_seconds]
        return max(given, default=PREPARATION_SECONDS)

    def is_up(self, name: str, module: str, listing: AnyListing) -> bool | None:
        """Tell by a listing whether a module runs on a host for this instance; None if it does not tell."""
        if isinstance(listing, Listing):
            return listing.up(module, self._instance)
        configuration = self.configurations.known(name)
        return listing.up(module, self._instance, autostart=configuration is not None and module in configuration.autostart)

    def known(self) -> dict[str, Host]:
        """Put together what is known of each host, for a diagnosis."""
        hosts = {name: self._known(name) for name in self._settings}
        declared = [hosts[name].affinities for name, host in self._settings.items() if host.configuration]
        if declared and None not in declared:
            self._follow(frozenset().union(*(names or () for names in declared)))
        return hosts

    def read(self, timeout: float) -> None:
        """Read all facts of all hosts now, within the seconds given; each reading fails alone."""
        self.configurations.read(timeout)
        self.listings.read(timeout)

    def troubles(self) -> dict[str, str]:
        """Say by host what keeps its facts from being read."""
        return {name: text for name in self._settings if (text := self._trouble(name))}

    def _trouble(self, name: str) -> str:
        told = [str(trouble) for facts in (self.listings, self.configurations) if (trouble := facts.trouble(name))]
        listing = self.listings.known(name)
        if listing is not None and listing.complaint:
            told.append(listing.complaint)
        return "; ".join(told)

    def affinities_gone_for(self) -> dict[str, float]:
        """Tell for how many seconds each affinity that left the configuration of all hosts is gone."""
        with self._lock:
            return self._declarations.gone_for(self._clock.time())

    def _follow(self, declared: frozenset[str]) -> None:
        with self._lock:
            if self._declarations.follow(declared, self._clock.time()) and self._memory is not None:
                seen = {"declared": sorted(declared), "vanished": self._declarations.vanished}
                self._memory.keep(seen)

    def _known(self, name: str) -> Host:
        expected = self.expected(name)
        listing = self.listings.known(name)
        told = {} if listing is None else {module: self.is_up(name, module, listing) for module in _ASKED | (expected or set())}
        configuration = self.configurations.known(name)
        return Host(
            expected=expected,
            up={module: up for module, up in told.items() if up is not None},
            affinities=None if configuration is None else frozenset(configuration.affinities),
            pids=listing.all_pids if isinstance(listing, Listing) else None,
        )


def _process_source(settings: config.Processes, clock: Clock) -> ProcessSource:
    if settings.command is not None:
        return CommandProcesses(settings.command, settings.form)
    if settings.file is None:
        raise ValueError("the configuration lets no processes through without a command or a file")
    return FileProcesses(settings.file, settings.max_age, settings.form, clock.time)


def _without_timeout(files: ConfigurationFiles) -> Callable[[float], ServerConfiguration]:
    return lambda _timeout: files.read()
