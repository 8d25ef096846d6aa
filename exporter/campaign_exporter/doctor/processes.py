"""The processes of a host: where they are seen, how old that is, and whether it is understood."""

from collections.abc import Iterator
from pathlib import Path

from campaign_exporter.config import Host
from campaign_exporter.doctor.agents import lost
from campaign_exporter.doctor.check import Check, finding, listed, ok
from campaign_exporter.doctor.host_failures import at_its_agent, no_processes, subject_of, unread
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.domain.host_facts import Processes
from campaign_exporter.domain.processes import SHARED_MODULES
from campaign_exporter.errors import SourceError

_NAME = "processes"


def checks(reading: Reading, host: Host) -> Iterator[Check]:
    """Judge what is known of the processes of a host."""
    if lost(reading, host):
        return
    expected = reading.known[host.name].expected
    seen = reading.processes.get(host.name)
    if seen is None or (seen.up is None and seen.error is None):
        yield not_configured(host, expected)
    elif seen.error is not None and (seen.value is None or host.agent is not None):
        yield unread(_NAME, host, seen.error, no_processes(host, expected))
    elif seen.error is not None:
        yield strange(host, seen.error, _origin(reading, host), expected)
    elif seen.value is not None and _all_of_others(seen.value, reading.instance):
        yield of_others(host, sorted(seen.value.instances), reading.instance)
    elif seen.value is not None:
        yield ok(_NAME, subject_of(host), f"{_origin(reading, host)}; {_told(seen.value, reading.builds.get(host.name))}")


def _all_of_others(seen: Processes, instance: str) -> bool:
    """Tell whether processes of instances are listed, none of them ours, and nothing of ours runs that should."""
    own = (seen.expected or frozenset()) - SHARED_MODULES
    return bool(seen.instances) and instance not in seen.instances and not any(seen.up.get(module) for module in own)


def _told(seen: Processes, build: str | None) -> str:
    start = f"build {build}; " if build else ""
    expected = seen.expected or frozenset()
    if not expected:
        return f"{start}nothing is expected to run"
    up, down = ([module for module, runs in sorted(seen.up.items()) if runs is wanted] for wanted in (True, False))
    unknown = sorted(expected - seen.up.keys())
    parts = [f"of {len(expected)} expected processes {len(up)} run"]
    parts += [f"down: {listed(down)}"] if down else []
    parts += [f"not told: {listed(unknown)}"] if unknown else []
    return start + ", ".join(parts)


def not_configured(host: Host, expected: frozenset[str] | None) -> Check:
    """Judge a host whose processes nobody looks at."""
    if expected == frozenset():
        return ok(_NAME, subject_of(host), "none given, and nothing is expected to run")
    return finding(
        _NAME,
        subject_of(host),
        "none given: what runs cannot be seen",
        why=no_processes(host, expected),
        mend=at_its_agent(
            host, "give processes: {command: [...]} or {file: PATH}; for a host that runs nothing, expected_processes: []"
        ),
    )


def strange(host: Host, error: SourceError, origin: str, expected: frozenset[str] | None) -> Check:
    """Judge a listing that was not understood whole."""
    return finding(
        _NAME,
        subject_of(host),
        f"{origin}; not understood: {error}",
        why=f"what is not listed is not said to be down; {no_processes(host, expected)}",
        mend="let the command print nlserver's listing and nothing after it, in the form that is given (pdump or missing)",
    )


def of_others(host: Host, others: list[str], instance: str) -> Check:
    """Judge a listing in which only other instances run."""
    return finding(
        _NAME,
        subject_of(host),
        f"no process of instance {instance} is listed, but of {listed(others)}",
        why="all processes of this host are said to be down, and deliveries to wait for it (mta_down)",
        mend=f"if it is the same instance, set nlserver_instance: {others[0]}",
    )


def _origin(reading: Reading, host: Host) -> str:
    given = host.processes
    if given is None:
        return "told by its agent"
    if given.file is None:
        return f"{given.form} by command {Path((given.command or ('',))[0]).name}"
    age = f"{reading.ages[given.file]:.0f} s old, " if given.file in reading.ages else ""
    return f"{given.form} in {given.file} ({age}at most {given.max_age:g} s)"
