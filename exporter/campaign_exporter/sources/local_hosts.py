"""A host whose listing, files and directories are read from here, be it through ssh or a mount."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

from campaign_exporter import config
from campaign_exporter.diagnosis.facts import Host
from campaign_exporter.domain.host_facts import Declared, Files, Processes, Usage
from campaign_exporter.domain.mta_log import Position
from campaign_exporter.domain.processes import Listing, MissingListing
from campaign_exporter.domain.server_configuration import FAULTS, Affinity, ServerConfiguration
from campaign_exporter.errors import SourceError, Unreadable
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.campaign_files import Look, looks
from campaign_exporter.sources.configuration_files import ConfigurationFiles
from campaign_exporter.sources.directories import usage
from campaign_exporter.sources.findings import Finding, Readers, Remembered
from campaign_exporter.sources.listings import CommandProcesses, FileProcesses, ProcessSource

#: The modules that a diagnosis asks for, on top of what is expected on a host.
ASKED = frozenset({"mta", "sms", "stat", "wfserver"})
#: Collectors that read the configuration at about the same time share one reading.
_FRESH_SECONDS = 1.0


class LocalHost:
    """What is read of one host for one instance."""

    def __init__(self, settings: config.Host, instance: str, *, clock: Clock, life: float) -> None:
        self.name = settings.name
        self._settings = settings
        self._instance = instance
        self._clock = clock
        self._listing: Remembered[Listing | MissingListing] | None = None
        if settings.processes is not None:
            self._listing = Remembered(_process_source(settings.processes, clock).read, clock=clock, life=life)
        self._configuration: Remembered[ServerConfiguration] | None = None
        if settings.configuration:
            files = ConfigurationFiles(settings.configuration)
            self._configuration = Remembered(lambda _timeout: files.read(), clock=clock, life=life, fresh=_FRESH_SECONDS)

    @property
    def declares(self) -> bool:
        """Whether IP affinities can be known of this host."""
        return self._configuration is not None

    @property
    def build(self) -> str | None:
        """The build of the server processes, where it is known."""
        listing = self._listing.known() if self._listing else None
        return listing.build if listing is not None else None

    def expectations(self) -> Readers[Declared]:
        """Say how to learn which modules are to run, before it is asked which do."""
        return self.declarations()

    def processes(self) -> Readers[Processes]:
        """Say how to learn which processes run."""
        return {self.name: partial(self._read_processes, self._listing)} if self._listing else {}

    def declarations(self) -> Readers[Declared]:
        """Say how to learn what the configuration declares."""
        return {self.name: partial(self._read_configuration, self._configuration)} if self._configuration else {}

    def directories(self) -> Readers[Mapping[str, Usage]]:
        """Say how to learn how full each directory is: a mount that hangs harms no other."""
        return {f"{self.name}/{name}": partial(self._read_directory, name) for name in self._settings.directories}

    def files(self, positions: Mapping[str, Position]) -> Readers[Files]:
        """Say how to learn what lies in Campaign's folders, and what its log says behind a position."""
        settings = self._settings.files
        found = looks(settings, positions.get(self.name)) if settings is not None else {}
        return {f"{self.name}/{name}": partial(self._read_files, look) for name, look in found.items()}

    def public_ids(self) -> Mapping[str, frozenset[int]] | None:
        """Give the publicIds of each IP affinity, None where the configuration is not known."""
        configuration = self._known_configuration()
        return None if configuration is None else configuration.public_ids

    def lost(self, error: SourceError) -> Finding[Any]:
        """Make a finding of a look that failed."""
        return Finding(self.name, up=False, error=error)

    def known(self) -> Host:
        """Put together what is known, for a diagnosis."""
        expected = self._expected()
        listing = self._listing.known() if self._listing else None
        configuration = self._known_configuration()
        return Host(
            expected=expected,
            up={} if listing is None else self._up(listing, ASKED | (expected or frozenset())),
            affinities=None if configuration is None else frozenset(configuration.affinities),
            pids=listing.all_pids if isinstance(listing, Listing) else None,
            lists_children=isinstance(listing, Listing) and listing.lists_children(self._instance),
            preparation_seconds=None if configuration is None else configuration.preparation_seconds,
        )

    def _read_processes(self, listing: Remembered[Listing | MissingListing], timeout: float) -> Finding[Processes]:
        seen, read_at = listing.read(timeout)
        expected = self._expected()
        value = Processes(
            expected=expected,
            up=self._up(seen, expected or frozenset()),
            limits={module: self._memory_limits(module) for module in expected or ()},
        )
        if isinstance(seen, Listing):
            value = self._with_running(value, seen)
        error = None if seen.complete else Unreadable(f"{self.name}: {seen.complaint}")
        return Finding(self.name, seen.complete, value, read_at, error)

    def _with_running(self, value: Processes, listing: Listing) -> Processes:
        modules = (value.expected or frozenset()) | listing.modules(self._instance)
        pids = {module: listing.pids(module, self._instance) for module in modules}
        told = {module for module in modules if pids[module] or listing.up(module, self._instance) is not None}
        memory = {module: listing.memory_bytes(module, self._instance) for module in told}
        return dataclasses.replace(
            value,
            counts={module: len(pids[module]) for module in told},
            memory={module: size for module, size in memory.items() if size is not None},
            pids={module: pids[module] for module in told},
            instances=listing.instances,
        )

    def _read_configuration(self, configuration: Remembered[ServerConfiguration], timeout: float) -> Finding[Declared]:
        seen, read_at = configuration.read(timeout)
        return Finding(self.name, up=True, value=_declared(seen), read_at=read_at)

    def _read_directory(self, name: str, _timeout: float) -> Finding[Mapping[str, Usage]]:
        read_at = self._clock.monotonic()
        return Finding(self.name, up=True, value={name: usage(self._settings.directories[name])}, read_at=read_at)

    def _read_files(self, look: Look, timeout: float) -> Finding[Files]:
        read_at = self._clock.monotonic()
        return Finding(self.name, up=True, value=look(timeout), read_at=read_at)

    def _expected(self) -> frozenset[str] | None:
        """Name the modules that are to run; None if that is not known."""
        if self._settings.expected_processes is not None:
            return self._settings.expected_processes
        configuration = self._known_configuration()
        return configuration.autostart if configuration else None

    def _memory_limits(self, module: str) -> Mapping[str, float]:
        """Give the limits of a module by level, in bytes: Adobe's defaults where the host has no configuration files."""
        configuration = self._known_configuration() if self._configuration else ServerConfiguration()
        return configuration.memory_limits(module) if configuration is not None else {}

    def _up(self, listing: Listing | MissingListing, modules: frozenset[str]) -> Mapping[str, bool]:
        """Tell by a listing which modules run for this instance, and which do not; the rest it does not tell."""
        if isinstance(listing, Listing):
            told = {module: listing.up(module, self._instance) for module in modules}
        else:
            configuration = self._known_configuration()
            autostart = configuration.autostart if configuration else frozenset()
            told = {module: listing.up(module, self._instance, autostart=module in autostart) for module in modules}
        return {module: up for module, up in told.items() if up is not None}

    def _known_configuration(self) -> ServerConfiguration | None:
        return self._configuration.known() if self._configuration else None


def _declared(seen: ServerConfiguration) -> Declared:
    return Declared(
        frozenset(seen.affinities),
        {kind: kind in seen.faults for kind in FAULTS},
        {name: len({each.same for each in found.addresses if each.address}) for name, found in _listed(seen).items()},
        seen.public_ids,
        seen.preparation_seconds,
    )


def _listed(seen: ServerConfiguration) -> Mapping[str, Affinity]:
    """Give the affinities whose addresses are listed, and not given by a mask."""
    return {name: found for name, found in seen.affinities.items() if not found.masked}


def _process_source(settings: config.Processes, clock: Clock) -> ProcessSource:
    if settings.command is not None:
        return CommandProcesses(settings.command, settings.form)
    if settings.file is None:
        raise ValueError("the configuration lets no processes through without a command or a file")
    return FileProcesses(settings.file, settings.max_age, settings.form, clock.time)
