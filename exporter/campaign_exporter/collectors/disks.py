"""How full the file systems are that Campaign writes to."""

from collections.abc import Mapping

from campaign_exporter import catalogue
from campaign_exporter.collectors.findings import tell
from campaign_exporter.domain.host_facts import Usage
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.hosts import Hosts


class DisksCollector:
    """Looks at the directories of each host."""

    name = "disks"

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def collect(self, current: Round) -> None:
        """Look at all directories side by side: a network mount that hangs harms no other."""
        tell(current, "directories", self._hosts.directories(current.remaining()), _add)


def _add(samples: Samples, host: str, directories: Mapping[str, Usage]) -> None:
    for name, usage in sorted(directories.items()):
        samples.add(catalogue.DIRECTORY_SIZE, usage.size_bytes, host=host, directory=name)
        samples.add(catalogue.DIRECTORY_AVAILABLE, usage.available_bytes, host=host, directory=name)
        if usage.files:  # 0: this file system does not limit the number of files
            samples.add(catalogue.DIRECTORY_FILES, usage.files, host=host, directory=name)
            samples.add(catalogue.DIRECTORY_FILES_FREE, usage.files_free, host=host, directory=name)
