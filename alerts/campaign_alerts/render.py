"""From rules to the files that Prometheus loads."""

from collections.abc import Mapping
from typing import Any

import yaml

from campaign_alerts.affinities import affinities
from campaign_alerts.bounces import bounces
from campaign_alerts.deliverability import deliverability
from campaign_alerts.deliveries import deliveries
from campaign_alerts.exporter import exporter
from campaign_alerts.files import files
from campaign_alerts.hosts import hosts
from campaign_alerts.outlook import outlook
from campaign_alerts.platform import platform
from campaign_alerts.resources import resources
from campaign_alerts.rule import Alert, Group, Recording, Rule
from campaign_alerts.service_level import service_level
from campaign_alerts.throughput import throughput
from campaign_alerts.tracking import tracking
from campaign_alerts.upkeep import upkeep
from campaign_alerts.values import Values

_HEADER = "# Written by `make rules` from alerts/values.yaml and alerts/campaign_alerts: change it there.\n"
_WIDTH = 10_000  # no line is broken but where the text breaks it


_GROUPS = (
    deliveries,
    service_level,
    throughput,
    outlook,
    bounces,
    tracking,
    deliverability,
    hosts,
    files,
    affinities,
    platform,
    upkeep,
    resources,
    exporter,
)


def groups(values: Values) -> tuple[Group, ...]:
    """Make all groups."""
    return tuple(make(values) for make in _GROUPS)


def rule_files(values: Values) -> Mapping[str, str]:
    """Write each group as a file of its own, by file name."""
    return {f"{group.name.removeprefix('campaign-')}.yml": _file(group, values) for group in groups(values)}


def _file(group: Group, values: Values) -> str:
    rules = [_rule(rule, values) for rule in group.rules]
    document = {"groups": [{"name": group.name, "interval": group.interval, "rules": rules}]}
    return _HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _rule(rule: Rule, values: Values) -> dict[str, Any]:
    if isinstance(rule, Recording):
        return {"record": rule.name, "expr": rule.expr}
    made: dict[str, Any] = {"alert": rule.name, "expr": rule.expr}
    if rule.wait:
        made["for"] = rule.wait
    if rule.keep:
        made["keep_firing_for"] = rule.keep
    made["labels"] = {"severity": rule.severity, "team": rule.team, **rule.labels}
    made["annotations"] = _annotations(rule, values)
    return made


def _annotations(alert: Alert, values: Values) -> dict[str, str]:
    uid, question, variables = alert.dashboard.partition("?")
    anchor = f"#{alert.anchor}" if alert.anchor else ""
    return {
        "summary": alert.summary,
        "description": alert.description,
        "next": alert.next_step,
        "runbook_url": f"{values.runbooks}/{alert.name}.md{anchor}",
        "dashboard_url": f"{values.dashboards}/{values.dashboard_uids[uid]}{question}{variables}",
    }


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as a block, so that people can read it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the signature of PyYAML
        """Indent lists as well."""
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
