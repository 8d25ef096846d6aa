"""What a rule must do over time, and promtool to tell whether it does."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from unit.alerts.timeline import STEP, World, quoted, written

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "alerts" / "rules"
_NAME = re.compile(r"\b[a-z_]+(?::[a-zA-Z0-9_]+)*\b")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_FIRING = 'ALERTS{alertstate="firing",alertname!="CampaignWatchdog"}'


@dataclass(frozen=True)
class Firing:
    """An alert with exactly these labels fires from a moment on, up to and without another."""

    alert: str
    labels: Mapping[str, str]
    start: float
    end: float | None = None

    def series(self, name: str = "") -> str:
        labels = {"alertname": self.alert, "alertstate": "firing", **self.labels}
        return f"{name}{{{','.join(f'{key}={quoted(value)}' for key, value in sorted(labels.items()))}}}"


@dataclass(frozen=True)
class Told:
    """All alerts of a name at a moment: labels and annotations."""

    moment: float
    alert: str
    alerts: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]


@dataclass(frozen=True)
class Case:
    """A story: series, and all alerts but the watchdog that fire meanwhile."""

    #: The alerts that it is about: only their rules are loaded. None: all rules are.
    alerts: tuple[str, ...] | None
    name: str
    world: World
    until: float
    firing: Sequence[Firing] = ()
    told: Sequence[Told] = ()
    step: float = STEP
    #: Seconds between two samples, where these are not to fall on evaluations: as in life, rates are extrapolated then.
    scrape: float | None = None
    #: Expressions and what they give at the end: for records.
    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name, with what it is about."""
        return f"{self.alerts[0] if self.alerts else 'all'}: {self.name}"

    def document(self, rules: "Rules", file: str, *, loose: bool = False) -> dict[str, Any]:
        """Write it as promtool takes it, for rules in a file that is named as seen from its own folder.

        `loose` leaves two evaluations to each beginning and end, and looks at no numbers: Prometheus 3 leaves the first moment
        of a range out, which moves what stands on recorded series.
        """
        asked = rules.metrics
        # Two samples an evaluation, so that it does not matter whether a range has its first moment in it: in Prometheus 3 not.
        scrape = self.scrape or self.step / 2
        test = {
            "interval": f"{scrape:.0f}s",
            "input_series": [
                {"series": name, "values": written(line, self.until, scrape)}
                for name, line in self.world.items()
                if name.split("{")[0] in asked
            ],
            "promql_expr_test": self._boundaries(2) if loose else [*self._boundaries(1), self._count(), *self._values()],
            "alert_rule_test": [] if loose else [_told(told) for told in self.told],
        }
        return {"rule_files": [file], "evaluation_interval": f"{self.step:.0f}s", "tests": [test]}

    def _boundaries(self, slack: int) -> list[dict[str, Any]]:
        """Ask what fires before and after each beginning and end."""
        moments = {moment for one in self.firing for moment in (one.start, one.end) if moment is not None}
        steps = (-slack, slack - 1)
        asked = sorted({each for moment in moments for step in steps if 0 <= (each := moment + step * self.step) <= self.until})
        return [
            {
                "expr": _FIRING,
                "eval_time": f"{moment:.0f}s",
                "exp_samples": [
                    {"labels": one.series("ALERTS"), "value": 1}
                    for one in self.firing
                    if one.start <= moment and (one.end is None or moment < one.end)
                ],
            }
            for moment in asked
        ]

    def _count(self) -> dict[str, Any]:
        """Ask how often each fired, all in all: nothing else did, and there was no hole."""
        counts: dict[str, float] = {}
        for one in self.firing:
            end = self.until + self.step if one.end is None else one.end
            counts[one.series()] = counts.get(one.series(), 0) + (end - one.start) / self.step
        return {
            "expr": f"count_over_time({_FIRING}[{self.until + self.step:.0f}s])",
            "eval_time": f"{self.until:.0f}s",
            "exp_samples": [{"labels": series, "value": count} for series, count in counts.items()],
        }

    def _values(self) -> list[dict[str, Any]]:
        return [
            {
                "expr": expr,
                "eval_time": f"{self.until:.0f}s",
                "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
            }
            for expr, samples in self.values.items()
        ]


def _told(told: Told) -> dict[str, Any]:
    return {
        "eval_time": f"{told.moment:.0f}s",
        "alertname": told.alert,
        "exp_alerts": [{"exp_labels": dict(labels), "exp_annotations": dict(texts)} for labels, texts in told.alerts],
    }


class Rules:
    """Rules as Prometheus loads them, and what they ask for."""

    def __init__(self, rules: Sequence[dict[str, Any]]) -> None:
        self.rules = rules

    @classmethod
    def load(cls) -> "Rules":
        """Read all rules; those of a file stay in their order."""
        documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(RULES.glob("*.yml"))]
        return cls([rule for document in documents for group in document["groups"] for rule in group["rules"]])

    def of(self, alerts: Sequence[str] | None) -> "Rules":
        """Take the rules of some alerts, and the records that they stand on."""
        if alerts is None:
            return self
        wanted = [rule for rule in self.rules if rule.get("alert") in alerts]
        records = {rule["record"]: rule for rule in self.rules if "record" in rule}
        found: dict[str, dict[str, Any]] = {}
        texts = [text for rule in wanted for text in texts_of(rule)]
        while texts:
            text = texts.pop()
            for name in set(_NAME.findall(text)) & records.keys() - found.keys():
                found[name] = records[name]
                texts.append(records[name]["expr"])
        return Rules([rule for rule in self.rules if rule in wanted or rule.get("record") in found])

    def has(self, name: str) -> bool:
        """Tell whether an alert or a record of that name is among them."""
        return any(name in {rule.get("alert"), rule.get("record")} for rule in self.rules)

    @property
    def metrics(self) -> set[str]:
        """All names that expressions and annotations ask for."""
        return {name for rule in self.rules for text in texts_of(rule) for name in _NAME.findall(text)}

    def write(self, file: Path) -> None:
        """Write them as one group: records first, since all stand in the order in which they need each other."""
        rules = sorted(self.rules, key=lambda rule: "record" not in rule)
        file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}, width=10_000), encoding="utf-8")


def texts_of(rule: Mapping[str, Any]) -> list[str]:
    """Give the expression and the annotations of a rule."""
    return [rule["expr"], *rule.get("annotations", {}).values()]


def run(cases: Sequence[Case], rules: Rules, directory: Path) -> dict[str, str]:
    """Run stories, and give what promtool complains of, by the title of the story."""
    files: dict[Path, Case] = {}
    prepared: dict[tuple[str, ...] | None, tuple[Rules, str]] = {}
    for case in cases:
        if case.alerts not in prepared:
            prepared[case.alerts] = rules.of(case.alerts), f"rules{len(prepared)}.yml"
            mine, name = prepared[case.alerts]
            mine.write(directory / name)
        file = directory / f"case{len(files)}.yml"
        write(file, case.document(*prepared[case.alerts]))
        files[file] = case
    # The long ones first, each in the next process that is free.
    order = sorted(files, key=lambda file: (files[file].alerts is not None, -files[file].until / files[file].step))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        said = pool.map(complaint, order)
    return {files[file].title: text for file, text in zip(order, said, strict=True) if text}


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Write YAML, fast."""
    file.write_text(yaml.dump(document, Dumper=_DUMPER, width=100_000), encoding="utf-8")


def complaint(file: Path) -> str:
    """Let promtool run a file; give what it complains of."""
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
    return done.stdout if done.returncode else ""
