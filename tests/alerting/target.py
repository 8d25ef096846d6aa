"""The shipped configuration of Alertmanager, turned to the sinks: other addresses and secrets, and nothing else.

Waits can be shortened by a factor, so that a test need not last as long as a night.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from alerting.sinks import Sinks

SHIPPED = Path(__file__).resolve().parents[2] / "alerts/alertmanager/alertmanager.yml"
WAITS = ("group_wait", "group_interval", "repeat_interval")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def aim(sinks: Sinks, directory: Path, shipped: Path = SHIPPED, *, faster: int = 1) -> Path:
    """Write the configuration that tells the sinks, its waits shortened by a factor.

    A secret's file holds its own name, so that the pages of two teams can be told apart by their keys.
    """
    configuration = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    configuration["global"].update(
        smtp_smarthost=f"127.0.0.1:{sinks.smtp_port}", smtp_require_tls=False, pagerduty_url=sinks.url("pager")
    )
    configuration["templates"] = [str(shipped.parent / pattern) for pattern in configuration["templates"]]
    for receiver in configuration["receivers"]:
        for webhook in receiver.get("webhook_configs", []):
            webhook["url"] = sinks.url(receiver["name"])
    for mapping in list(_mappings(configuration)):
        for key in mapping.keys() & set(WAITS):
            mapping[key] = f"{milliseconds(mapping[key]) // faster}ms"
        for key in [key for key in mapping if key.endswith("_file")]:
            file = directory / Path(mapping[key]).name
            file.write_text(sinks.url("chat") if key.endswith("url_file") else file.name, encoding="utf-8")
            mapping[key] = str(file)
    target = directory / "alertmanager.yml"
    target.write_text(yaml.safe_dump(configuration, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return target


def milliseconds(duration: str) -> int:
    """Read a duration as Alertmanager writes it, such as 1h30m."""
    parts = re.findall(r"(\d+)(ms|[smhd])", duration)
    assert "".join(number + unit for number, unit in parts) == duration, duration
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts)


def _mappings(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - YAML
    """Give each mapping once: one that the file refers to by an alias stands at several places."""
    seen: set[int] = set()
    todo = [tree]
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            yield each
            todo.extend(each.values())
        elif isinstance(each, list):
            todo.extend(each)
