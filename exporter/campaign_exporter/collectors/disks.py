"""How full the file systems are that Campaign writes to."""

from functools import partial
from pathlib import Path

from campaign_exporter import catalogue
from campaign_exporter.config import Host
from campaign_exporter.errors import SourceError
from campaign_exporter.rounds import Round
from campaign_exporter.sources.directories import usage
from campaign_exporter.sources.fanout import Fanout


class DisksCollector:
    """Looks at the directories of each host, as this machine sees them."""

    name = "disks"

    def __init__(self, hosts: tuple[Host, ...]) -> None:
        self._directories: dict[tuple[str, str], Path] = {
            (host.name, name): path for host in hosts for name, path in host.directories.items()
        }
        self._fanout = Fanout()

    def collect(self, current: Round) -> None:
        """Look at all directories side by side: a network mount that hangs harms no other."""
        tasks = {f"{host}/{name}": partial(usage, path) for (host, name), path in self._directories.items()}
        answers = self._fanout.run(tasks, current.remaining())
        up: dict[str, bool] = {}
        for host, name in self._directories:
            answer = answers[f"{host}/{name}"]
            up[host] = up.get(host, True) and not isinstance(answer, SourceError)
            with current.part(f"{host}/{name}") as samples:
                if isinstance(answer, SourceError):
                    raise answer
                samples.add(catalogue.DIRECTORY_SIZE, answer.size_bytes, host=host, directory=name)
                samples.add(catalogue.DIRECTORY_AVAILABLE, answer.available_bytes, host=host, directory=name)
                if answer.files:  # 0: this file system does not limit the number of files
                    samples.add(catalogue.DIRECTORY_FILES, answer.files, host=host, directory=name)
                    samples.add(catalogue.DIRECTORY_FILES_FREE, answer.files_free, host=host, directory=name)
        for host, all_read in up.items():
            current.samples.add(catalogue.HOST_UP, all_read, host=host, source="directories")
