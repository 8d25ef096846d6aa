"""The file values.yaml: what a site may change."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from campaign_alerts.rule import Team

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdw]))+")


class ValuesError(Exception):
    """The file is not as it should be; the message says where, what, and the mend."""


def seconds(duration: str) -> float:
    """Turn a duration of Prometheus, such as 1h30m, into seconds."""
    if not _DURATION.fullmatch(duration):
        raise ValuesError(f"{duration!r} is no duration: write 30s, 5m, 1h30m or 7d")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", duration))


def duration(length: float) -> str:
    """Write seconds as Prometheus does."""
    whole = round(length)
    for unit in ("d", "h", "m"):
        if whole and whole % _UNITS[unit] == 0:
            return f"{whole // int(_UNITS[unit])}{unit}"
    return f"{whole}s"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Cause(_Section):
    """How grave a cause of waiting is, and who mends it."""

    severity: Literal["critical", "warning", "info", "never"]
    team: Team | None = None


class _File(_Section):
    runbooks: str
    dashboards: str
    dashboard_uids: dict[str, str]
    job: str
    configuration_file: str
    interval: str
    window: str
    keep_firing_for: str
    keep_root_firing_for: str
    causes: dict[str, Cause]
    alerts: dict[str, dict[str, Any]]


class Settings(Mapping[str, str]):
    """The settings of one alert, and behind them those of all. NAME_seconds gives the duration NAME as a number."""

    def __init__(self, alert: str, own: Mapping[str, Any], common: Mapping[str, str]) -> None:
        self._alert = alert
        self._own = own
        self._common = common
        self._used: set[str] = set()
        self._sections: dict[str, Settings] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._own:
            self._used.add(name)
            return str(self._own[name])
        if name in self._common:
            return self._common[name]
        if name.endswith("_seconds"):
            return f"{seconds(self[name.removesuffix('_seconds')]):g}"
        raise ValuesError(f"alerts.{self._alert} lacks the key {name!r}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def section(self, name: str) -> "Settings":
        """Give the settings that stand together under a name."""
        self[name]
        if name not in self._sections:
            self._sections[name] = Settings(f"{self._alert}.{name}", self._own[name], self._common)
        return self._sections[name]

    def fill(self, text: str, **more: str) -> str:
        """Put settings, and more, in the place of `$name` in an expression; the margin that all its lines share goes."""
        return Template(_without_margin(text)).substitute(self, **more)

    @property
    def unused(self) -> list[str]:
        """Keys that no rule has asked for."""
        own = sorted(self._own.keys() - self._used)
        return own + [key for section in self._sections.values() for key in section.unused]


class Values:
    """All values."""

    def __init__(self, file: _File) -> None:
        self.runbooks = file.runbooks
        self.dashboards = file.dashboards
        self.dashboard_uids = file.dashboard_uids
        self.job = file.job
        self.configuration_file = file.configuration_file
        self.interval = file.interval
        self.window = file.window
        self.keep = file.keep_firing_for
        self.keep_root = file.keep_root_firing_for
        self.causes = file.causes
        common = {"window": file.window, "job": file.job, "interval": file.interval}
        self._settings = {name: Settings(name, own, common) for name, own in file.alerts.items()}
        for duration in (file.interval, file.window, file.keep_firing_for, file.keep_root_firing_for):
            seconds(duration)

    def of(self, alert: str) -> Settings:
        """Give the settings of an alert."""
        if alert not in self._settings:
            raise ValuesError(f"alerts.{alert} is missing")
        return self._settings[alert]

    def refuse_what_is_unknown(self) -> None:
        """Raise ValuesError for a key that no rule has asked for."""
        for alert, settings in self._settings.items():
            for key in settings.unused:
                raise ValuesError(f"alerts.{alert}: no rule knows the key {key!r}: correct or remove it")


def load_values(file: Path) -> Values:
    """Read values.yaml; raise ValuesError."""
    try:
        return Values(_File.model_validate(yaml.safe_load(file.read_text(encoding="utf-8"))))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValuesError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValuesError, yaml.YAMLError) as error:
        raise ValuesError(f"{file}: {error}") from None


def _without_margin(text: str) -> str:
    lines = text.strip("\n").rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines)
