"""The exporter's configuration for a simulated instance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from campaign_simulator.endpoints import NAMES, Endpoints
from campaign_simulator.hosts import Host, Hosts, replace_file


def configuration(
    instance: str, role: str, database: Mapping[str, Any], hosts: Hosts, endpoints: Endpoints, directory: Path
) -> dict[str, Any]:
    """Return a configuration that monitors everything that is simulated."""
    described = {
        "name": instance,
        "role": role,
        "database": dict(database),
        "hosts": [_host(host) for host in hosts.by_name.values()],
        "endpoints": [_endpoint(name, kind, endpoints, directory) for name, kind in NAMES.items()],
    }
    return {"instances": [described], "state_directory": str(directory / "exporter-state")}


def write_configuration(path: Path, content: Mapping[str, Any]) -> None:
    """Write a configuration as YAML."""
    replace_file(path, yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True))


def _host(host: Host) -> dict[str, Any]:
    return {
        "name": host.plan.name,
        "processes": {"command": [str(host.nlserver), "pdump"]},
        "configuration": [str(path) for path in host.configuration],
        "directories": {"var": str(host.files.var)},
        "files": _files(host),
    }


def _files(host: Host) -> dict[str, Any]:
    files = host.files
    return {
        "var": str(files.var),
        "temporary": str(files.temporary),
        "working": str(files.working),
        "log": str(files.log),
        "cores": [str(files.var)],
    }


def _endpoint(name: str, kind: str, endpoints: Endpoints, directory: Path) -> dict[str, Any]:
    described = {"name": name, "kind": kind, "url": endpoints.url + endpoints.paths[name]}
    if kind == "ping":
        described["session_token_file"] = str(directory / "session-token")
    return described
