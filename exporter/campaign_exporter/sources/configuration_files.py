"""The configuration files of a server, parsed again only when they change."""

from collections.abc import Sequence
from pathlib import Path

from campaign_exporter.domain.server_configuration import ServerConfiguration, parse_server_configuration
from campaign_exporter.sources.files import Stamp, read_file, stamp


class ConfigurationFiles:
    """serverConf.xml and config-<instance>.xml of one host, in the order in which they are given."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._last: tuple[tuple[Stamp, ...], ServerConfiguration] | None = None

    def read(self) -> ServerConfiguration:
        """Tell what the files declare together. Raises Missing, PermissionDenied or Unreadable, for the first bad file."""
        if self._last is not None and self._last[0] == tuple(stamp(path) for path in self._paths):
            return self._last[1]
        files = [read_file(path) for path in self._paths]
        documents = [(str(path), content) for path, (content, _) in zip(self._paths, files, strict=True)]
        configuration = parse_server_configuration(documents)
        # The stamps of what was read: a change since then shows as a difference next time.
        self._last = (tuple(seen for _, seen in files), configuration)
        return configuration
