"""docker-compose.yml, and the files behind the paths that its containers see."""

import configparser
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]


class Mount(NamedTuple):
    """A file, a directory or a volume, where a container sees it, and ro or rw."""

    source: str
    target: str
    mode: str


class Stack:
    """The stack as its files say it."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
        self.services: dict[str, dict[str, Any]] = self.content["services"]

    def mounts(self, service: str) -> Iterator[Mount]:
        for words in (volume.split(":") for volume in self.services[service]["volumes"]):
            yield Mount(words[0], words[1], words[2] if len(words) > 2 else "rw")

    def outside(self, service: str, path: str) -> Path:
        """Give the repository's file behind a path of a container."""
        for mount in self.mounts(service):
            if mount.source.startswith(".") and PurePosixPath(path).is_relative_to(mount.target):
                return ROOT / mount.source / PurePosixPath(path).relative_to(mount.target)
        raise AssertionError(f"{service}: nothing is mounted at {path}")

    def flag(self, service: str, name: str) -> str:
        (value,) = [word.removeprefix(f"{name}=") for word in self.services[service]["command"] if word.startswith(f"{name}=")]
        return str(value)

    def configuration(self, service: str) -> Path:
        return self.outside(service, self.flag(service, "--config.file"))

    def yaml(self, service: str) -> Any:  # noqa: ANN401 - YAML
        return yaml.safe_load(self.configuration(service).read_text("utf-8"))

    def port(self, service: str) -> str:
        (port,) = self.services[service]["ports"]
        return str(port).rpartition(":")[2]

    def grafana(self) -> configparser.ConfigParser:
        """Read grafana.ini."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(self.outside("grafana", "/etc/grafana/grafana.ini").read_text("utf-8"))
        return parser
