"""How long Alertmanager waits, by the shipped configuration."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from alerting.target import milliseconds

_CONDITION = re.compile(r'(\w+)(=~|=)"(.*)"')


class Waits(NamedTuple):
    """Seconds of group_wait and group_interval."""

    wait: float
    interval: float


def waits_of(file: Path, severity: str, team: str) -> Waits:
    """Follow the routes for an alert of ours; where several are told, give the last: chat stands first and goes on."""
    labels = {"alertname": "CampaignAlert", "severity": severity, "team": team}
    found = _follow(yaml.safe_load(file.read_text(encoding="utf-8"))["route"], labels, {})[-1]
    return Waits(milliseconds(found["group_wait"]) / 1000, milliseconds(found["group_interval"]) / 1000)


def _follow(route: Mapping[str, Any], labels: Mapping[str, str], above: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    own = {**above, **{key: value for key, value in route.items() if key.startswith("group_")}}
    found: list[Mapping[str, Any]] = []
    for child in route.get("routes", []):
        if all(_matches(matcher, labels) for matcher in child["matchers"]):
            found += _follow(child, labels, own)
            if not child.get("continue"):
                break
    return found or [own]


def _matches(matcher: str, labels: Mapping[str, str]) -> bool:
    condition = _CONDITION.fullmatch(matcher)
    assert condition, matcher
    name, operator, value = condition.groups()
    return bool(re.fullmatch(value, labels.get(name, ""))) if operator == "=~" else labels.get(name, "") == value
