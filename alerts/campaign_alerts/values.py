"""The file values.yaml: what a site may change."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from campaign_alerts import relations
from campaign_alerts.durations import seconds
from campaign_alerts.schema import Cause, File
from campaign_exporter.document import ConfigurationError, read_document
from campaign_exporter.sections import section_of

#: The file of this project.
SHIPPED = Path(__file__).resolve().parents[1] / "values.yaml"


class Settings(Mapping[str, str]):
    """The settings of one alert, and behind them those of all. NAME_seconds gives the duration NAME as a number."""

    def __init__(self, own: Mapping[str, Any], common: Mapping[str, str]) -> None:
        self._own = own
        self._common = common

    def __getitem__(self, name: str) -> str:
        if name in self._own:
            return str(self._own[name])
        if name in self._common:
            return self._common[name]
        if name.endswith("_seconds"):
            return f"{seconds(self[name.removesuffix('_seconds')]):g}"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def section(self, name: str) -> "Settings":
        """Give the settings that stand together under a name."""
        return Settings(self._own[name], self._common)

    def fill(self, text: str, **more: str) -> str:
        """Put settings, and more, in the place of `$name` in an expression; the margin that all its lines share goes."""
        return Template(_without_margin(text)).substitute(self, **more)


class Values:
    """All values."""

    def __init__(self, file: File) -> None:
        self.runbooks = file.runbooks
        self.dashboards = file.dashboards
        self.dashboard_uids: Mapping[str, str] = file.dashboard_uids.model_dump()
        self.job = file.job
        self.configuration_file = file.configuration_file
        self.psql = file.psql
        self.scrape_interval = file.scrape_interval
        self.interval = file.interval
        self.window = file.window
        self.keep = file.keep_firing_for
        self.keep_root = file.keep_root_firing_for
        self.causes: Mapping[str, Cause] = dict(file.causes)
        common = {"window": file.window, "job": file.job, "interval": file.interval}
        own = file.alerts.model_dump(by_alias=True)
        self._settings = {name: Settings(settings, common) for name, settings in own.items()}

    def of(self, alert: str) -> Settings:
        """Give the settings of an alert."""
        return self._settings[alert]

    def query(self, statement: str) -> str:
        """Give the command that runs a statement in Campaign's database; it holds no double quotes."""
        return f'{self.psql} -c "{statement}"'


def load_values(file: Path) -> Values:
    """Read values.yaml; raise ConfigurationError with all that is wrong with it."""
    document = read_document(file)
    if not isinstance(document.data, dict):
        raise ConfigurationError([*document.problems, document.problem((), "must be a mapping that begins with `runbooks:`")])
    checked = section_of(File, document)
    document.problems += relations.problems(document)
    if document.problems or checked is None:
        raise ConfigurationError(document.problems)
    return Values(checked)


def _without_margin(text: str) -> str:
    lines = text.strip("\n").rstrip().splitlines()
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines)
