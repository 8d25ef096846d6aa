"""What each host is seen through: its sources, how old they are, and what they say.

A host's sources are the list SOURCES: one more kind is one more entry.
"""

from collections.abc import Callable, Iterator

from campaign_exporter.config import Host
from campaign_exporter.doctor import agents, configuration, directories, files, processes
from campaign_exporter.doctor.check import Check
from campaign_exporter.doctor.host_reading import Reading, read
from campaign_exporter.doctor.patient import Patient

#: Each judges what was read of one host through one kind of source, or that it has none.
SOURCES: tuple[Callable[[Reading, Host], Iterator[Check]], ...] = (
    agents.checks,
    configuration.checks,
    processes.checks,
    directories.checks,
    files.checks,
)


def examine(patient: Patient) -> Iterator[Check]:
    """Read all sources of all hosts at once, then tell host by host."""
    reading = read(patient)
    for host in patient.instance.hosts:
        for checks in SOURCES:
            yield from checks(reading, host)
