"""Prometheus with the compressed rules, Alertmanager with the compressed waits, and whom it tells."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import yaml

from alerting.sinks import Sinks
from alerting.target import aim
from alertmanager.check_inhibition import Alertmanager, State
from campaign_alerts.values import Values
from drill.compressed import compress
from drill.site import ask
from integration.core.exporter_process import free_port, wait_until

_STOP_SECONDS = 30.0
SCRAPE_SECONDS = 1.0
_RESEND_SECONDS = 2
_EXTERNAL = "http://alertmanager.example:9093"


class Line(NamedTuple):
    """An alert over time: when it was seen to be pending and to fire, at the evaluations of the rule."""

    labels: Mapping[str, str]
    pending: Sequence[float]
    firing: Sequence[float]

    @property
    def name(self) -> str:
        return self.labels["alertname"]

    @property
    def seen(self) -> float:
        return min([*self.pending, *self.firing])


@dataclass
class Stack:
    """All that stands between the exporters and a human being."""

    directory: Path
    faster: int
    seed: Path | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as exits:
            self.targets = self.directory / "targets"
            self.targets.mkdir()
            self.values: Values = compress(self.directory / "rules", self.faster)
            self.sinks = exits.enter_context(Sinks())
            configuration = aim(self.sinks, self._folder("alertmanager"), faster=self.faster)
            self.alertmanager = exits.enter_context(Alertmanager(configuration, f"--web.external-url={_EXTERNAL}"))
            self.prometheus = self._start_prometheus(exits, "prometheus", f"{self.targets}/*.json")
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._exits.close()

    def another_prometheus(self, exits: ExitStack, files: str) -> str:
        """Start one beside the first, with the same rules and the same Alertmanager."""
        return self._start_prometheus(exits, "another", files)

    def query(self, expression: str) -> list[Any]:
        status, body, _ = ask(self.prometheus, f"/api/v1/query?query={quote(expression)}")
        assert status == 200, body
        result = json.loads(body)["data"]["result"]
        assert isinstance(result, list)
        return result

    def lines(self, matchers: str, since: float, now: float) -> list[Line]:
        """Give all alerts that were there, with the moments at which the rules were evaluated."""
        found: dict[tuple[tuple[str, str], ...], tuple[list[float], list[float]]] = {}
        for series in self.query(f"ALERTS{{{matchers}}}[{int(now - since) + 1}s]"):
            labels = {name: value for name, value in series["metric"].items() if name not in {"__name__", "alertstate"}}
            moments = found.setdefault(tuple(sorted(labels.items())), ([], []))
            moments[series["metric"]["alertstate"] == "firing"].extend(at for at, _ in series["values"] if at >= since)
        return [Line(dict(key), *moments) for key, moments in found.items() if any(moments)]

    def states(self, instance: str) -> list[State]:
        return [state for state in self.alertmanager.states() if state.labels.get("campaign_instance") == instance]

    def _folder(self, name: str) -> Path:
        folder = self.directory / name
        folder.mkdir(exist_ok=True)
        return folder

    def _start_prometheus(self, exits: ExitStack, name: str, files: str) -> str:
        folder, address = self._folder(name), f"127.0.0.1:{free_port()}"
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(self._prometheus(files)), encoding="utf-8")
        command = [
            "prometheus",
            f"--config.file={file}",
            f"--storage.tsdb.path={self.seed or folder / 'data'}"
            if name == "prometheus"
            else f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            f"--rules.alert.resend-delay={_RESEND_SECONDS}s",
            "--web.enable-lifecycle",
        ]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        exits.callback(process.wait, _STOP_SECONDS)
        exits.callback(process.terminate)
        # The first notification is lost if an alert fires before Prometheus has found Alertmanager.
        wait_until(lambda: process.poll() is not None or self._knows_alertmanager(address), 30)
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        return address

    def _knows_alertmanager(self, address: str) -> bool:
        status, body, _ = ask(address, "/api/v1/alertmanagers")
        return status == 200 and bool(json.loads(body)["data"]["activeAlertmanagers"])

    def _prometheus(self, files: str) -> dict[str, Any]:
        return {
            "global": {
                "scrape_interval": f"{SCRAPE_SECONDS:g}s",
                "scrape_timeout": f"{SCRAPE_SECONDS:g}s",
                "evaluation_interval": "1s",
            },
            "rule_files": [f"{self.directory}/rules/*.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.alertmanager.port}"]}]}]},
            "scrape_configs": [
                {"job_name": self.values.job, "file_sd_configs": [{"files": [files], "refresh_interval": "1s"}]},
            ],
        }
