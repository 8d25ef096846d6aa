"""What is allowed in a configuration, and still worth a word."""

import shutil
from collections import defaultdict
from collections.abc import Iterator

from campaign_exporter.config import MOST_OFTEN_PING, Agent, Config, Host, Instance
from campaign_exporter.errors import SourceError
from campaign_exporter.sources.configuration_files import ConfigurationFiles
from campaign_exporter.sources.exchange import place_of


def notices(config: Config) -> Iterator[str]:
    """Tell, a line each, what will not be seen with this configuration."""
    for instance in config.instances:
        yield from _of_instance(instance)
    yield from _shared_agents(config)
    yield from _pressing(config)


def _pressing(config: Config) -> Iterator[str]:
    asked = any(endpoint.kind == "ping" for instance in config.instances for endpoint in instance.endpoints)
    if asked and config.collectors.endpoints.ping_interval < MOST_OFTEN_PING:
        yield "collectors.endpoints.ping_interval: Adobe asks that ping.jsp be asked no more than once a minute"


def _of_instance(instance: Instance) -> Iterator[str]:
    yield from _not_there(instance)
    for host in instance.hosts:
        place = f"{instance.name}/{host.name}"
        if host.agent:
            yield from _of_agent(place, host.agent)
            continue
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
    agents = [host.agent for host in instance.hosts if host.agent]
    files += [file for each in agents for file in (each.ca_file, each.password_file, each.cert_file, each.key_file)]
    files += [host.processes.file for host in instance.hosts if host.processes]
    files += [file for host in instance.hosts for file in (*host.configuration, *host.directories.values())]
    missing = dict.fromkeys(file for file in files if file is not None and not file.exists())
    yield from (f"{instance.name}: {file} is not there" for file in missing)
    commands = {host.processes.command[0] for host in instance.hosts if host.processes and host.processes.command}
    yield from (f"{instance.name}: the command {name} is not there" for name in sorted(commands) if not shutil.which(name))


def _of_agent(place: str, agent: Agent) -> Iterator[str]:
    if agent.plain:
        secret = " with the password" if agent.username else ""
        yield f"{place}: the agent is asked over plain http{secret}: whoever is on the way can read and change what it says"


def _shared_agents(config: Config) -> Iterator[str]:
    """Say what is easily a slip of the pen: one agent for several instances, or one host of an agent under two names."""
    seen: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for instance in config.instances:
        for host in instance.hosts:
            if host.agent:
                there = f"{host.agent.instance or instance.name}/{host.agent.host or host.name}"
                seen[host.agent.url].append((instance.name, f"{instance.name}/{host.name}", there))
    for url, hosts in seen.items():
        instances = sorted({instance for instance, _, _ in hosts})
        if len(instances) > 1:
            yield f"the agent {place_of(url)} is asked for instances {', '.join(instances)}: once an interval for each"
        for there in sorted({there for _, _, there in hosts}):
            names = [name for _, name, its in hosts if its == there]
            if len(names) > 1:
                yield f"{' and '.join(names)} are the same to the agent {place_of(url)}: {there}"


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
