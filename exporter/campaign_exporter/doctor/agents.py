"""The agents that hosts are seen by: heard or not, and how old their facts are."""

from collections.abc import Iterator

from campaign_exporter.catalogue import HOST_UP
from campaign_exporter.config import Host
from campaign_exporter.doctor.check import Check, ok
from campaign_exporter.doctor.host_failures import no_processes, subject_of, unread
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.sources.exchange import place_of


def checks(reading: Reading, host: Host) -> Iterator[Check]:
    """Judge the agent of a host, if it has one."""
    if host.agent is None:
        return
    heard = reading.processes[host.name]
    if heard.reached is False and heard.error is not None:
        why = f'{HOST_UP.name}{{host="{host.name}",source="agent"}} is 0; {no_processes(host, None)}'
        yield unread("agent", host, heard.error, why)
        return
    plain = ", over plain http as it is allowed" if host.agent.plain else ""
    yield ok("agent", subject_of(host), f"{place_of(host.agent.url)} answered {reading.age(heard.read_at):.0f} s ago{plain}")


def lost(reading: Reading, host: Host) -> bool:
    """Tell whether a host's agent was not heard: then nothing is to be said of its other sources."""
    return host.agent is not None and reading.processes[host.name].reached is False
