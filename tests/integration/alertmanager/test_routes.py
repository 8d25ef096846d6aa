"""The routing table of the shipped configuration, as Alertmanager's own tool reads it."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from alerting.sinks import Sinks
from alerting.target import SHIPPED, WAITS, aim, milliseconds
from alertmanager.check_inhibition import Alertmanager

TEAMS = ("platform", "campaign", "deliverability")
Receivers = Callable[..., set[str]]


def test_alertmanager_takes_the_configuration() -> None:
    done = subprocess.run(["amtool", "check-config", SHIPPED], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 templates" in done.stdout


def test_alertmanager_runs_with_the_shipped_file_and_warns_of_nothing() -> None:
    with Alertmanager(SHIPPED) as running:
        log = running.log.read_text("utf-8")
    assert [line for line in log.lower().splitlines() if "level=warn" in line or "level=error" in line] == []


@pytest.mark.parametrize("team", TEAMS)
@pytest.mark.parametrize(
    ("severity", "kinds"), [("critical", ("pager", "chat")), ("warning", ("mail", "chat")), ("info", ("chat",))]
)
def test_severity_and_team_say_who_is_told(severity: str, kinds: tuple[str, ...], team: str, receivers: Receivers) -> None:
    told = {kind if kind == "chat" else f"{kind}-{team}" for kind in kinds}
    assert receivers(alertname="CampaignMtaDown", campaign_instance="prod", severity=severity, team=team) == told


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"alertname": "CampaignWatchdog", "severity": "none", "team": "platform"}, {"dead-man"}),
        ({"alertname": "CampaignWatchdog"}, {"dead-man"}),
        ({"alertname": "CampaignWatchdog", "severity": "critical", "team": "platform"}, {"dead-man"}),
        ({"alertname": "CampaignNew", "severity": "critical", "team": "nobody"}, {"pager-platform", "chat"}),
        ({"alertname": "CampaignNew", "severity": "critical"}, {"pager-platform", "chat"}),
        ({"alertname": "CampaignNew", "severity": "warning"}, {"mail-platform", "chat"}),
        ({"alertname": "CampaignNew", "severity": "info"}, {"chat"}),
        ({"alertname": "CampaignNew", "severity": "page", "team": "platform"}, {"default"}),
        ({"alertname": "CampaignNew"}, {"default"}),
        ({"alertname": "NodeDown", "severity": "critical", "team": "platform"}, {"default"}),
        ({"alertname": "NodeDown", "instance": "db1:9100"}, {"default"}),
        ({"severity": "critical"}, {"default"}),
    ],
)
def test_odd_labels_reach_somebody(labels: dict[str, str], told: set[str], receivers: Receivers) -> None:
    assert receivers(**labels) == told


class Node(NamedTuple):
    receiver: str
    group_by: tuple[str, ...]
    waits: tuple[int, ...]


def nodes(route: dict[str, Any], above: dict[str, Any]) -> Iterator[Node]:
    """Give each node of the tree with what it inherits, waits in milliseconds."""
    here = {**above, **route}
    yield Node(here["receiver"], tuple(here["group_by"]), tuple(milliseconds(here[wait]) for wait in WAITS))
    for below in route.get("routes", []):
        yield from nodes(below, {key: value for key, value in here.items() if key in {"receiver", "group_by", *WAITS}})


def test_what_is_told_together() -> None:
    tree = yaml.safe_load(SHIPPED.read_text("utf-8"))["route"]
    told = {node.receiver: node for node in nodes(tree, {})}
    assert {receiver: node.group_by for receiver, node in told.items()} == {
        "default": ("alertname",),
        "dead-man": ("alertname",),
        "chat": ("campaign_instance",),
        **{f"pager-{team}": ("campaign_instance", "alertname", "cause") for team in TEAMS},
        **{f"mail-{team}": ("campaign_instance",) for team in TEAMS},
    }
    assert all(told[f"pager-{team}"].waits == told["pager-platform"].waits for team in TEAMS)
    assert told["dead-man"].waits[2] <= 60_000, "a dead man's switch is asked for every minute"
    for node in told.values():
        assert node.waits[1] <= node.waits[2], "newer Alertmanagers warn of an interval below that of the group"


def test_each_receiver_is_used_and_each_secret_is_a_file() -> None:
    configuration = yaml.safe_load(SHIPPED.read_text("utf-8"))
    assert {node.receiver for node in nodes(configuration["route"], {})} == {
        each["name"] for each in configuration["receivers"]
    }
    text = SHIPPED.read_text("utf-8")
    assert "url_file" not in text.replace("slack_api_url_file", "")
    for secret in ("password", "routing_key", "service_key", "api_url"):
        assert f"{secret}:" not in text, f"{secret} must be read from a file"


def test_what_is_tested_is_what_is_shipped(sinks: Sinks, tmp_path: Path) -> None:
    """Turned to the sinks, the file differs in addresses and files only."""
    shipped, aimed = (yaml.safe_load(file.read_text("utf-8")) for file in (SHIPPED, aim(sinks, tmp_path)))
    changed = {path for path, value in leaves(aimed) if value != dict(leaves(shipped)).get(path)}
    assert {path.rsplit(".", 1)[-1] for path in changed} == {
        "smtp_smarthost",
        "smtp_require_tls",
        "smtp_auth_password_file",
        "pagerduty_url",
        "slack_api_url_file",
        "0",  # the template files, whose place was given relative to the configuration
        "routing_key_file",
        "url",
        *WAITS,  # the same, in milliseconds
    }
    assert dict(leaves(aimed)).keys() == dict(leaves(shipped)).keys()
    for path, value in leaves(shipped):
        if path.rsplit(".", 1)[-1] in WAITS:
            assert milliseconds(dict(leaves(aimed))[path]) == milliseconds(value)


def leaves(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(value, f"{path}.{key}")
    else:
        yield path, tree
