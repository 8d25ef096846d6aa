"""Rules, values, catalogue, runbooks: each names only what the others have."""

import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from campaign_alerts.durations import seconds
from campaign_alerts.overlap import SITUATIONS
from campaign_alerts.render import groups
from campaign_alerts.rule import Alert
from campaign_alerts.values import SHIPPED, load_values
from campaign_exporter.catalogue import METRICS, SERVER_CONFIGURATION_FAULT
from campaign_exporter.diagnosis.causes import CAUSES
from unit.alerts.cases import ROOT, Rules
from unit.alerts.healthy import CAUSES as ALL_CAUSES
from unit.alerts.promql import complaints, grouping_labels, metric_of, queries, selectors

VALUES = load_values(SHIPPED)
GROUPS = groups(VALUES)
ALERTS = [alert for group in GROUPS for alert in group.alerts]
RULES = Rules.load().rules
RECORDS = {rule["record"]: rule["expr"] for rule in RULES if "record" in rule}
RUNBOOKS = {file.stem: file for file in (ROOT / "alerts" / "runbooks").glob("Campaign*.md")}
IDS = [f"{rule.get('alert') or rule['record']}-{place}" for place, rule in enumerate(RULES)]
SEVERITIES = ("none", "info", "warning", "critical")
_DATABASE_COLLECTORS = {
    "deliveries",
    "pending",
    "throughput",
    "outlook",
    "database",
    "messages",
    "tracking",
    "deliverability",
    "workflows",
    "maintenance",
    "hygiene",
    "recipients",
}


def test_the_rules_are_what_the_values_say() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_rules.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_prometheus_finds_nothing_to_complain_of() -> None:
    files = sorted(str(file) for file in (ROOT / "alerts" / "rules").glob("*.yml"))
    command = ["promtool", "check", "rules", "--lint=all", "--lint-fatal", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", RULES, ids=IDS)
def test_what_a_rule_asks_for_is_there(rule: Mapping[str, Any]) -> None:
    asked = [rule["expr"], *(query for text in rule.get("annotations", {}).values() for query in queries(text))]
    found = [each for expr in asked for each in complaints(expr, RECORDS, ALL_CAUSES, VALUES.job)]
    assert found == []
    known = {label for metric in METRICS.values() for label in metric.label_names} | {"instance", "job", "le"}
    assert {label for expr in asked for label in grouping_labels(expr)} <= known


@pytest.mark.parametrize(
    ("expr", "complaint"),
    [
        ("campaign_nothing", "there is no metric campaign_nothing"),
        ("campaign_up{host='a'}", "campaign_up has no label host"),
        ("rate(campaign_messages_total{result='lost'}[5m])", "result of campaign_messages_total is never lost"),
        ("campaign_process_up{process=~'mta|mtb'}", "process of campaign_process_up is never mtb"),
        ("campaign_deliveries_pending{cause='rain'}", "cause of campaign_deliveries_pending is never rain"),
        (
            "campaign_delivery_start_delay_seconds_bucket{le='901'}",
            "le of campaign_delivery_start_delay_seconds_bucket is never 901",
        ),
        ("up{job='other'}", "job of up is never other"),
        ("sum(campaign_up) unless campaign_down", "there is no metric campaign_down"),
    ],
)
def test_the_check_itself_finds_what_is_not_there(expr: str, complaint: str) -> None:
    assert complaints(expr, RECORDS, ALL_CAUSES, VALUES.job) == [complaint]


def test_annotations_name_labels_that_there_are() -> None:
    known = {label for metric in METRICS.values() for label in metric.label_names} | {"instance", "job"}
    for rule in RULES:
        for text in rule.get("annotations", {}).values():
            assert set(re.findall(r"\$labels\.([a-z_]+)", text)) <= known, rule["alert"]


def test_each_alert_tells_all() -> None:
    for rule in RULES:
        if "alert" in rule:
            assert set(rule["annotations"]) == {"summary", "description", "next", "runbook_url", "dashboard_url"}
            assert "{{" not in rule["annotations"]["summary"], "a summary is the same for all: numbers go to the description"
            assert {"severity", "team"} <= rule["labels"].keys() <= {"severity", "team", "cause", "needs", "scope"}
            assert rule["labels"]["severity"] in SEVERITIES
            assert rule["labels"]["team"] in {"platform", "campaign", "deliverability"}
            assert re.fullmatch(r"Campaign([A-Z][a-z]+)+", rule["alert"])
            assert not any("{{" in value for value in rule["labels"].values()), "no label moves"


def test_the_table_of_what_keeps_silent_names_alerts_that_there_are() -> None:
    named = {name for each in SITUATIONS for text in (each.owner, *each.silent) for name in re.findall(r"Campaign\w+", text)}
    assert named <= {alert.name for alert in ALERTS}


def test_what_needs_the_database_says_so() -> None:
    for rule in RULES:
        if "alert" in rule:
            asked = {asked.metric for asked in selectors(rule["expr"]) if not asked.taken_away}
            expected = {"needs": "database"} if any(_of_database(name) for name in asked) else {}
            assert {key: value for key, value in rule["labels"].items() if key == "needs"} == expected, rule["alert"]


def _of_database(name: str) -> bool:
    """Tell whether a metric, or what a record stands on, comes from Campaign's database."""
    if name in RECORDS:
        return any(_of_database(asked.metric) for asked in selectors(RECORDS[name]))
    metric = metric_of(name)
    return metric is not None and (
        metric[0].collector in _DATABASE_COLLECTORS or (metric[0].collector == "affinity" and "Nms" in metric[0].source)
    )


# --- causes -----------------------------------------------------------------------------------------------------------------


def test_causes_are_those_of_the_design_with_their_severity() -> None:
    assert tuple(sorted(VALUES.causes)) == tuple(sorted(ALL_CAUSES))
    told = {cause.name: cause.severity for cause in CAUSES}
    assert told == {name: cause.severity for name, cause in VALUES.causes.items() if name in told}
    assert all((cause.team is None) == (cause.severity == "never") for cause in VALUES.causes.values())


def _roots() -> list[Alert]:
    return [alert for alert in ALERTS if alert.cause is not None]


def _stuck(cause: str) -> Alert:
    return next(
        alert
        for alert in ALERTS
        if alert.name == "CampaignDeliveryStuckPending" and re.search(rf'["|]{cause}["|]', alert.expr) is not None
    )


@pytest.mark.parametrize("root", _roots(), ids=lambda root: f"{root.name}-{root.cause}")
def test_a_root_alert_may_mute_what_it_explains(root: Alert) -> None:
    stuck = _stuck(str(root.cause))
    assert SEVERITIES.index(root.severity) >= SEVERITIES.index(stuck.severity)
    assert "At stake" in root.description, "a root alert tells the messages at stake itself"
    # It goes on until nothing is left of what it mutes, or the effect would page when the cause is mended.
    assert seconds(root.keep) >= seconds(VALUES.window) + seconds(stuck.keep) + 2 * seconds(VALUES.interval)


@pytest.mark.parametrize(
    "root", [root for root in _roots() if root.cause != "unknown"], ids=lambda root: f"{root.name}-{root.cause}"
)
def test_a_root_alert_is_there_before_its_effect(root: Alert) -> None:
    assert seconds(root.confirmed or "0s") + seconds(root.wait) < seconds(_stuck(str(root.cause)).wait)


def test_what_mutes_all_of_the_database_outlasts_it() -> None:
    unreachable = next(alert for alert in ALERTS if alert.name == "CampaignDatabaseUnreachable")
    muted = [alert for alert in ALERTS if "needs" in alert.labels and alert.cause is None and alert.keep]
    assert all(seconds(unreachable.keep) >= seconds(alert.keep) + seconds(VALUES.window) for alert in muted)


def test_durations_are_whole_evaluations() -> None:
    for group in GROUPS:
        for alert in group.alerts:
            for each in (alert.wait, alert.keep):
                assert not each or seconds(each) % seconds(group.interval) == 0, alert.name


# --- runbooks ---------------------------------------------------------------------------------------------------------------


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    assert RUNBOOKS.keys() == {alert.name for alert in ALERTS}


def anchors(alert: str) -> set[str]:
    """List the anchors of a runbook as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", RUNBOOKS[alert].read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("alert", [alert for alert in ALERTS if alert.anchor], ids=lambda alert: f"{alert.name}-{alert.anchor}")
def test_each_place_in_a_runbook_that_an_alert_links_is_there(alert: Alert) -> None:
    wanted = {
        "{{ $labels.cause }}": [name for name, cause in VALUES.causes.items() if cause.severity != "never"],
        "{{ $labels.kind }}": SERVER_CONFIGURATION_FAULT.values["kind"],
    }.get(alert.anchor, [alert.anchor])
    if alert.name == "CampaignEndpointDown" and "{{" in alert.anchor:
        wanted = ["ping", "one-of-several"]
    if alert.name == "CampaignMtaLogErrors":
        wanted = ["postponed_parts", "cannot_open_file", "cross_device"]
    assert set(wanted) <= anchors(alert.name)


def test_the_runbook_of_stuck_deliveries_has_a_place_for_each_cause() -> None:
    assert set(ALL_CAUSES) <= anchors("CampaignDeliveryStuckPending")


# --- records ----------------------------------------------------------------------------------------------------------------


def test_records_are_named_level_metric_operations() -> None:
    for name, expr in RECORDS.items():
        level, metric, operation = name.split(":")
        assert level.startswith("campaign_instance")
        assert metric.startswith("campaign_")
        assert operation
        assert expr


def test_a_record_stands_on_records_before_it() -> None:
    for group in GROUPS:
        names = [rule.name for rule in group.rules if not isinstance(rule, Alert)]
        for earlier, later in pairwise(names):
            assert later not in RECORDS[earlier]
