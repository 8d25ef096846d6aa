"""What is allowed in a configuration, and still worth a word."""

import shutil
from collections.abc import Iterator

from campaign_exporter.config import Config, Host, Instance
from campaign_exporter.errors import SourceError
from campaign_exporter.sources.configuration_files import ConfigurationFiles


def notices(config: Config) -> Iterator[str]:
    """Tell, a line each, what will not be seen with this configuration."""
    for instance in config.instances:
        yield from _of_instance(instance)


def _of_instance(instance: Instance) -> Iterator[str]:
    yield from _not_there(instance)
    for host in instance.hosts:
        place = f"{instance.name}/{host.name}"
        if not host.processes:
            yield f"{place}: no processes: whether the MTA runs cannot be seen, and no delivery is said to wait for it"
        if not host.configuration and host.expected_processes is None:
            yield f"{place}: neither configuration nor expected_processes: no process is expected there"
        if not host.configuration:
            yield f"{place}: no configuration: IP affinities cannot be compared"
        yield from _not_autostart(place, host)


def _not_there(instance: Instance) -> Iterator[str]:
    """Files and commands may come later, or be there only where the exporter is to run; more often they are mistyped."""
    files = [instance.database.password_file] if instance.database else []
    files += [file for endpoint in instance.endpoints for file in (endpoint.session_token_file, endpoint.ca_file)]
    files += [host.processes.file for host in instance.hosts if host.processes]
    files += [file for host in instance.hosts for file in (*host.configuration, *host.directories.values())]
    yield from (f"{instance.name}: {file} is not there" for file in files if file is not None and not file.exists())
    commands = {host.processes.command[0] for host in instance.hosts if host.processes and host.processes.command}
    yield from (f"{instance.name}: the command {name} is not there" for name in sorted(commands) if not shutil.which(name))


def _not_autostart(place: str, host: Host) -> Iterator[str]:
    """`nlserver monitor -missing` speaks of autostart modules only."""
    if not (host.processes and host.processes.form == "missing" and host.expected_processes and host.configuration):
        return
    try:
        autostart = ConfigurationFiles(host.configuration).read().autostart
    except SourceError as error:
        yield f"{place}: {error}"
        return
    for module in sorted(host.expected_processes - autostart):
        yield f"{place}: {module} is expected but not autostart: `nlserver monitor -missing` cannot tell whether it runs"
