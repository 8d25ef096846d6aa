"""What an agent's exposition says about the hosts of one instance."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.domain.host_facts import Declared, Files, Processes, Usage
from campaign_exporter.domain.labels import is_changed, safe_label
from campaign_exporter.errors import Missing, SourceError, Stale, Unreadable
from campaign_exporter.metric import Metric
from campaign_exporter.sources.agent_files import read_files
from campaign_exporter.sources.agent_texts import AgentText

T = TypeVar("T")

#: Which collector of the agent stands behind which source of a host's facts.
_COLLECTORS = {"processes": "processes", "configuration": "affinity", "directories": "disks", "files": "files"}
_LIFE_IN_INTERVALS = 3
_MOST_NAMES = 5
_LONGEST_NUMBER = 10


class Told(NamedTuple, Generic[T]):
    """One kind of facts about a host: whether they were read there, what they are, and what is wrong with them."""

    up: bool | None
    value: T | None
    error: SourceError | None = None


NOBODY_LOOKS: Told[Files] = Told(None, None)


@dataclass(frozen=True, slots=True)
class HostReport:
    """What an agent tells of one host."""

    processes: Told[Processes]
    configuration: Told[Declared]
    directories: Told[Mapping[str, Usage]]
    files: Told[Files] = NOBODY_LOOKS


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent tells of one instance: the build of its server processes, and its hosts."""

    build: str | None
    hosts: Mapping[str, HostReport | None] = field(default_factory=dict)

    def host(self, name: str) -> HostReport:
        """Give what is told of a host; raise Missing if the agent does not know it, or sees it by an agent that is gone."""
        if name not in self.hosts:
            raise Missing(f"the agent knows no host {name}, only {_list(self.hosts)}: name it in agent.host")
        report = self.hosts[name]
        if report is None:
            raise Missing(f"the agent does not hear its own agent of host {name}")
        return report


def read_report(text: str, instance: str, now: float) -> Report:
    """Read an exposition; `now` is the agent's clock when it gave it, in seconds since the epoch.

    Raises Unreadable for what is no whole exposition, and Missing for an instance that the agent does not watch, or has not
    looked at yet.
    """
    told = AgentText(text, instance)
    _check_whole(told, instance)
    ages = {source: _age(told, collector, now) for source, collector in _COLLECTORS.items()}
    builds = (build for role in told.firsts(catalogue.INSTANCE_INFO) for build in told.by_name(catalogue.INSTANCE_INFO, role))
    names = told.firsts(catalogue.HOST_UP) | told.firsts(catalogue.PROCESS_EXPECTED)
    return Report(next(builds, None) or None, {name: _host(told, name, ages) for name in names})


def _check_whole(told: AgentText, instance: str) -> None:
    """Hold the first against the last of what the exporter says of its rounds: it says both of each collector.

    Both stand behind all facts, so that an exposition which ends too early lacks one or both.
    """
    first, last = told.firsts(catalogue.COLLECTOR_INTERVAL), told.firsts(catalogue.COLLECTOR_SERIES)
    if not first and told.instances and instance not in told.instances:
        raise Missing(f"the agent knows no instance {instance}, only {_list(told.instances)}: name it in agent.instance")
    if not first or first != last:
        raise Unreadable("is no whole exposition of a campaign-exporter")
    if (first & set(_COLLECTORS.values())) - told.firsts(catalogue.COLLECTOR_LAST_ROUND):
        raise Missing("the agent has not ended its first rounds yet")


@dataclass(frozen=True, slots=True)
class _Age:
    """How long ago one collector of the agent ended a round, and one in which all went well: in intervals, of either sign."""

    collector: str
    of_round: float
    of_success: float

    def complaint(self, age: float) -> Stale | None:
        """Complain of facts older than three intervals, or of a time that is still to come."""
        if abs(age) <= _LIFE_IN_INTERVALS:
            return None
        return Stale(f"collector {self.collector} of the agent has not read this for {_LIFE_IN_INTERVALS} of its intervals")


def _age(told: AgentText, collector: str, now: float) -> _Age:
    def intervals_since(metric: Metric) -> float:
        moment = told.value(metric, collector)
        return (now - moment) / interval if moment is not None and interval else math.inf

    interval = told.value(catalogue.COLLECTOR_INTERVAL, collector)
    return _Age(collector, intervals_since(catalogue.COLLECTOR_LAST_ROUND), intervals_since(catalogue.COLLECTOR_LAST_SUCCESS))


def _host(told: AgentText, host: str, ages: Mapping[str, _Age]) -> HostReport | None:
    up = {source: bool(value) for (source,), value in told.of(catalogue.HOST_UP, host).items()}
    if up.get("agent") is False:
        return None
    processes, standing = _processes(told, host)
    return HostReport(
        _judge(processes, ages["processes"], up=up.get("processes"), standing=standing),
        _judge(_declared(told, host), ages["configuration"], up=up.get("configuration")),
        _judge(_directories(told, host), ages["directories"], up=up.get("directories")),
        _judge(read_files(told, host), ages["files"], up=up.get("files")),
    )


def _judge(value: T | SourceError | None, age: _Age, *, up: bool | None, standing: T | None = None) -> Told[T]:
    """Decide what may be believed; `standing` is what stays true while nothing is read."""
    if up is None and standing is None:
        return Told(up, None)  # nobody looks at it there
    stopped = age.complaint(age.of_round)
    if stopped is not None:
        return Told(None if up is None else False, None, stopped)
    return Told(up, standing) if up is None else _read_there(value, age, up=up, standing=standing)


def _read_there(value: T | SourceError | None, age: _Age, *, up: bool, standing: T | None) -> Told[T]:
    """Decide for what the agent looks at.

    What was read in the last round is as old as that round. The collector's last success is no measure of it, since that
    waits for the worst of its hosts; it is the best there is for what was not read then.
    """
    if isinstance(value, SourceError):
        return Told(up=False, value=None, error=value)
    if up:
        return Told(up, value, None if value is not None else Missing("the agent does not tell of it: do the versions fit?"))
    old = age.complaint(age.of_success)
    if old is not None:
        return Told(up, standing, old)
    return Told(up, value, Missing("the agent could not read this in its last round: see its log"))


def _processes(told: AgentText, host: str) -> tuple[Processes, Processes | None]:
    """Take what runs, and what stays true of it while nobody can tell what runs: what is to run."""
    expected = frozenset(name for name, value in told.by_name(catalogue.PROCESS_EXPECTED, host).items() if value)
    limits: dict[str, dict[str, float]] = defaultdict(dict)
    for (module, level), limit in told.of(catalogue.PROCESS_MEMORY_LIMIT, host).items():
        if level in catalogue.PROCESS_MEMORY_LIMIT.values["level"]:
            limits[module][level] = limit
    # None expected at all: that is not known, since each server has modules that start by themselves.
    standing = Processes(expected=expected or None, limits=limits)
    whole = dataclasses.replace(
        standing,
        up={name: bool(value) for name, value in told.by_name(catalogue.PROCESS_UP, host).items()},
        counts=told.by_name(catalogue.PROCESSES, host),
        memory=told.by_name(catalogue.PROCESS_MEMORY, host),
        restarts=told.by_name(catalogue.PROCESS_RESTARTS, host),
    )
    return whole, standing if expected else None


def _declared(told: AgentText, host: str) -> Declared | SourceError | None:
    """Take what the configuration declares: None where that was withdrawn, an error where it is not whole."""
    count = told.value(catalogue.AFFINITIES, host)
    if count is None:
        return None
    affinities = frozenset(told.by_name(catalogue.AFFINITY_INFO, host))
    if count != len(affinities):
        return Unreadable("not all IP affinities that are counted are named: do the versions fit?")
    if any(map(is_changed, affinities)):
        return Unreadable("the name of an IP affinity is too long or too strange for a label, so that it is not known")
    kinds = catalogue.SERVER_CONFIGURATION_FAULT.values["kind"]
    faults = told.by_name(catalogue.SERVER_CONFIGURATION_FAULT, host)
    return Declared(
        affinities,
        {kind: bool(value) for kind, value in faults.items() if kind in kinds},
        told.by_name(catalogue_surroundings.AFFINITY_ADDRESSES, host),
        _public_ids(told, host),
        told.value(catalogue.PREPARATION_LIMIT, host),
    )


def _public_ids(told: AgentText, host: str) -> Mapping[str, frozenset[int]]:
    ids: dict[str, set[int]] = defaultdict(set)
    for affinity, public_id in told.of(catalogue_surroundings.AFFINITY_PUBLIC_ID, host):
        if public_id.isascii() and public_id.isdigit() and len(public_id) <= _LONGEST_NUMBER:
            ids[affinity].add(int(public_id))
    return {affinity: frozenset(each) for affinity, each in ids.items()}


def _directories(told: AgentText, host: str) -> Mapping[str, Usage]:
    sizes, available = told.by_name(catalogue.DIRECTORY_SIZE, host), told.by_name(catalogue.DIRECTORY_AVAILABLE, host)
    files, free = told.by_name(catalogue.DIRECTORY_FILES, host), told.by_name(catalogue.DIRECTORY_FILES_FREE, host)
    return {
        name: Usage(size, available[name], files.get(name, 0.0) if name in free else 0.0, free.get(name, 0.0))
        for name, size in sizes.items()
        if name in available
    }


def _list(names: Iterable[str]) -> str:
    """List a few names for a message; they come from somebody else."""
    shown = sorted(safe_label(name) for name in names)[:_MOST_NAMES]
    return ", ".join(shown) or "none"
