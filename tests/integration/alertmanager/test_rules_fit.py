"""The alerts of alerts/rules fit the routes and the inhibition rules: each is told to somebody, and mutes what it explains."""

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from alerting.target import SHIPPED
from alertmanager.check_inhibition import Case, Labels, check, read_rules

FOLDER = Path(__file__).resolve().parents[3] / "alerts/rules"
RANK = {"none": 0, "info": 1, "warning": 2, "critical": 3}
STUCK, EXPORTER = "CampaignDeliveryStuckPending", "CampaignExporterDown"
STALE = {"CampaignExporterDataStale", "CampaignExporterCollectorFailing", "CampaignExporterCollectorUnavailable"}
#: Labels that come from the series: one server, one exporter.
SERIES = {"campaign_instance": "prod", "instance": "exporter1:11951", "host": "mta1", "process": "inMail"}


def alerts() -> Iterator[Labels]:
    """Give the labels of each alert: those of its rule, and those of the series that a rule of its kind has."""
    for rule in _rules():
        yield from _of_rule(rule)


def _rules() -> Iterator[dict[str, Any]]:
    files = sorted(FOLDER.glob("*.yml"))
    assert files, f"{FOLDER} has no rules"
    for file in files:
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            yield from (rule for rule in group["rules"] if "alert" in rule)


def _of_rule(rule: dict[str, Any]) -> Iterator[Labels]:
    labels = rule["labels"]
    series = dict(SERIES)
    if rule["alert"] in {"CampaignAllMtasDown", "CampaignMtaDown"}:
        series["process"] = "mta"
    if rule["alert"] == EXPORTER and labels["scope"] != "unwatched":  # about an exporter, or about none at all
        del series["campaign_instance"]
        if labels["scope"] == "nothing":
            del series["instance"]
    causes = {labels.get("cause")}
    if rule["alert"] == STUCK:
        causes = {cause for names in re.findall(r'cause=~?"([\w|]+)"', rule["expr"]) for cause in names.split("|")}
    for cause in sorted(causes, key=str):
        yield {"alertname": rule["alert"], **series, **labels, **({"cause": cause} if cause else {})}


def test_each_alert_is_told_to_its_team(receivers: Callable[..., set[str]]) -> None:
    for labels in alerts():
        severity, team = labels["severity"], labels["team"]
        told = {
            "critical": {"chat", f"pager-{team}"},
            "warning": {"chat", f"mail-{team}"},
            "info": {"chat"},
            "none": {"dead-man"},
        }
        assert receivers(**labels) == told[severity], labels


def mutes(source: Labels, target: Labels) -> bool:
    """Say whether an alert explains another one of the same instance, process and exporter: what the rules promise."""
    name, other = source["alertname"], target["alertname"]
    if other == STUCK and name != STUCK and source.get("cause") == target["cause"]:
        return True
    if name == "CampaignAllMtasDown":
        return other == "CampaignMtaDown"
    if name == "CampaignDatabaseUnreachable":
        return target.get("needs") == "database"
    return name == EXPORTER and other in STALE and source["scope"] != "nothing"


def test_each_alert_mutes_what_it_explains_and_nothing_else() -> None:
    """Fire each two alerts of which one may be a source, and look which is muted."""
    everything = list(alerts())
    sources = [labels for labels in everything if labels["severity"] == "critical" or labels["alertname"] == EXPORTER]
    others = [labels for labels in everything if labels not in sources]
    pairs = [*combinations(sources, 2), *((source, other) for source in sources for other in others)]
    cases = [_case({"one": one, "other": other}) for one, other in pairs]
    cases.append(_case({str(number): labels for number, labels in enumerate(others)}))
    problems = [(verdict.case.firing, verdict.problems) for verdict in check(read_rules(SHIPPED), cases) if verdict.problems]
    assert problems == []
    assert any(case.suppressed for case in cases)


def _case(firing: dict[str, Labels]) -> Case:
    """Expect what the rules promise; a source that is less severe than what it explains would be a mistake of the rules."""
    suppressed = {
        name: frozenset(source for source, labels in firing.items() if labels is not target and mutes(labels, target))
        for name, target in firing.items()
    }
    for name, by in suppressed.items():
        assert all(RANK[firing[source]["severity"]] >= RANK[firing[name]["severity"]] for source in by), firing
    return Case("pair", firing, frozenset(), {name: by for name, by in suppressed.items() if by})


def test_what_waits_is_told_in_words_that_the_title_of_a_page_knows() -> None:
    """See campaign.pager.title. Whoever mutes others tells it too, so that muting hides nothing."""
    roots = [rule for rule in _rules() if rule["labels"].get("cause") or rule["alert"] == STUCK]
    for rule in roots:
        words = re.sub(r"{{.*?}}", "", rule["annotations"]["description"])
        assert re.search(r"delivery waits.*deliveries wait.* with .*messages", words), f"{rule['alert']}: {words}"
