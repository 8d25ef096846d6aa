"""The shipped rules with all their durations divided: the same generator, the same values, a shorter night."""

from pathlib import Path
from typing import Any

import yaml

from campaign_alerts.durations import is_duration, seconds
from campaign_alerts.render import groups, rule_files
from campaign_alerts.rule import Alert
from campaign_alerts.values import SHIPPED, Values, load_values

ROOT = Path(__file__).resolve().parents[2]
#: A bound of the exporter's histogram: what it is compared with is not compressed, since the simulator backdates it.
_KEPT = {"within"}


def shipped() -> Values:
    return load_values(SHIPPED)


def alerts(values: Values) -> tuple[Alert, ...]:
    return tuple(alert for group in groups(values) for alert in group.alerts)


def compress(directory: Path, faster: int) -> Values:
    """Write the rules to a folder, each duration of the values divided by a factor."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "values.yaml"
    content = _divided(yaml.safe_load(SHIPPED.read_text(encoding="utf-8")), faster)
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    values = load_values(file)
    for name, text in rule_files(values).items():
        (directory / name).write_text(text, encoding="utf-8")
    return values


def _divided(tree: Any, faster: int) -> Any:  # noqa: ANN401 - YAML
    if isinstance(tree, dict):
        return {key: value if key in _KEPT else _divided(value, faster) for key, value in tree.items()}
    if is_duration(tree):
        shorter = seconds(tree) / faster
        assert shorter == int(shorter), f"{tree} divided by {faster} is no whole number of seconds: choose another factor"
        return f"{int(shorter)}s"
    return tree
