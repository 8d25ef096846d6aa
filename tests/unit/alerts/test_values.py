"""values.yaml: what is wrong in it is told at once, line by line, and nothing is written; what is right reaches the rules."""

import copy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaign_alerts.durations import duration, is_duration, seconds
from campaign_alerts.page import alerts_page
from campaign_alerts.render import groups, rule_files
from campaign_alerts.schema import Alerts, Causes
from campaign_alerts.values import SHIPPED, Values, load_values
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.document import ConfigurationError
from unit.alerts.cases import ROOT

TEXT = SHIPPED.read_text("utf-8")
CONTENT = yaml.safe_load(TEXT)
VALUES = load_values(SHIPPED)
GENERATE = str(ROOT / "scripts" / "generate_rules.py")
Change = tuple[str, str]


def written(tmp_path: Path, *changes: Change) -> Path:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in values.yaml"
        text = text.replace(old, new)
    file = tmp_path / "values.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def told(file: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_values(file)
    return [str(problem).replace(str(file), "values.yaml") for problem in caught.value.problems]


def line_of(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


_MTA = "CampaignMtaDown: {for: 3m}"
_NO_DURATION = "must be a duration such as 30s, 5m, 1h30m or 7d"
_SHARE = "must be a share between 0 and 1, such as 0.12 for 12 %"
_ERRORS = "share: 0.12"
_DELAY = "campaign_delivery_start_delay_seconds"
_BOUNDS = "1m, 2m, 5m, 10m, 15m, 30m, 1h, 2h, 4h, 8h, 1d"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (_MTA, "CampaignMtaDown: {for: 3 min}", f"alerts.CampaignMtaDown.for: {_NO_DURATION}"),
        (_MTA, "CampaignMtaDown: {for: 180}", f"alerts.CampaignMtaDown.for: {_NO_DURATION}"),
        (_MTA, "CampaignMtaDown: {for: -3m}", f"alerts.CampaignMtaDown.for: {_NO_DURATION}"),
        (_MTA, "CampaignMtaDown: {for: 1m1h}", f"alerts.CampaignMtaDown.for: {_NO_DURATION}"),
        (_MTA, "CampaignMtaDown: {for: 2d}", "alerts.CampaignMtaDown.for: must be from 0s to 1d"),
        (_MTA, "CampaignMtaDown: {fro: 3m}", "alerts.CampaignMtaDown.fro: unknown key: did you mean for?"),
        (_MTA, "CampaignMtaDown: {wait: 3m}", "alerts.CampaignMtaDown.wait: unknown key: allowed here: for"),
        (_MTA, "CampaignMtaDown:", "alerts.CampaignMtaDown: must be a mapping of keys to values"),
        (_MTA, "CampaignMtaDwn: {for: 3m}", "alerts.CampaignMtaDwn: unknown key: did you mean CampaignMtaDown?"),
        (_ERRORS, "share: -0.12", f"alerts.CampaignDeliveryErrorsHigh.share: {_SHARE}"),
        (_ERRORS, "share: 12", f"alerts.CampaignDeliveryErrorsHigh.share: {_SHARE}"),
        (_ERRORS, "share: 12%", f"alerts.CampaignDeliveryErrorsHigh.share: {_SHARE}"),
        (_ERRORS, "share: .nan", f"alerts.CampaignDeliveryErrorsHigh.share: {_SHARE}"),
        ("restarts: 3", "restarts: three", "alerts.CampaignProcessRestarting.restarts: must be a whole number from 1 up"),
        ("restarts: 3", "restarts: 0", "alerts.CampaignProcessRestarting.restarts: must be a whole number from 1 up"),
        ("restarts: 3", "restarts: true", "alerts.CampaignProcessRestarting.restarts: must be a whole number from 1 up"),
        ("intervals: 3", "intervals: 0.5", "alerts.CampaignExporterDataStale.intervals: must be a number from 1 to 100"),
        (
            "within: 15m",
            "within: 17m",
            f"alerts.CampaignDeliveryStartsLate.within: must be one of the bounds of {_DELAY}: {_BOUNDS}",
        ),
        ("burn: 6", "burn: 20", "alerts.CampaignDeliveryStartsLate.fast.burn: must be below 20, as late_share is 0.05, or the"),
        ("long: 6h,", "long: 30m,", "alerts.CampaignDeliveryStartsLate.fast.short: must be at most fast.long (30m): it is the"),
        ("interval: 2m", "interval: 6m", "alerts.CampaignDeliveryStartsLate.interval: must be from 1s to 5m"),
        ("window: 2m ", "window: 10s ", "window: must be at least twice scrape_interval (1m), or one failed scrape would show"),
        ("interval: 30s ", "interval: 5m ", "interval: must be at most window (2m), or what happens between two evaluations"),
        ("scrape_interval: 1m ", "scrape_interval: 2m ", "window: must be at least twice scrape_interval (2m), or one failed"),
        (
            "onset: 5m",
            "onset: 40m",
            "alerts.CampaignThroughputStalled.onset: must be at most CampaignThroughputStalled.after (30m)",
        ),
        (
            "{range: 30m}",
            "{range: 1m}",
            "alerts.CampaignDeliveryFailed.range: must be at least window (2m), or too few samples",
        ),
        (
            "wait: 5m, range: 1m",
            "wait: 5m, range: 10s",
            "alerts.CampaignDatabaseBlocked.range: must be at least scrape_interval",
        ),
        (
            "keep_root_firing_for: 10m",
            "keep_root_firing_for: 5m",
            "keep_root_firing_for: must be at least 8m, keep_firing_for, ",
        ),
        ("interval: 30s ", "interval: soon ", f"interval: {_NO_DURATION}"),
        ("job: campaign ", "job: 'a\"b' ", "job: must have 1 to 200 printable characters, without quotes, \\, $ and braces"),
        ("https://runbooks.example/campaign", "wiki", "runbooks: must be an http:// or https:// address"),
        (
            "https://grafana.example/d ",
            "https://g.example/d?a=b ",
            "dashboards: must be the address before what the rules append",
        ),
        (
            "hosts: campaign-mta",
            "hosts: d/campaign",
            "dashboard_uids.hosts: must be a uid of Grafana: up to 40 letters, digits,",
        ),
        ("campaign.yaml ", "the campaign.yaml ", "configuration_file: must not hold spaces: it stands in commands"),
        ("job: campaign ", "job: 12 ", "job: must be text: put it in quotes"),
        ("hosts: campaign-mta", "mta: campaign-mta", "dashboard_uids: lacks the key hosts: add it"),
        ("psql: psql ", "psql: psql postgresql://dba:s3@db.example/c ", "psql: must not hold a password, since notifications"),
        (
            "psql: psql ",
            "psql: psql 'password=s3' ",
            "psql: must not hold a password, since notifications show it: put it into",
        ),
        ("psql: psql ", "psql: 'psql {{ 1 }}' ", "psql: must be a command on one line, without {{ and }}"),
        (
            "scheduled: {severity: never}",
            "scheduled: {severity: info, team: campaign}",
            "causes.scheduled: must have the severity",
        ),
        (
            "mta_down: {severity: critical, team: platform}",
            "mta_down: {severity: critical}",
            "causes.mta_down: lacks the key team: add platform, campaign or deliverability, or nobody is told",
        ),
        ("  mta_down: {severity: critical, team: platform}\n", "", "causes: lacks the key mta_down: add it"),
        ("  unknown: {", "  unknwon: {", "causes.unknwon: unknown key: did you mean unknown?"),
        (
            "  unknown: {",
            "  moon_phase: {severity: info}\n  unknown: {",
            "causes.moon_phase: unknown key: allowed here: scheduled",
        ),
        (
            "mta_down: {severity: critical, team: platform}",
            "mta_down: {severity: grave, team: platform}",
            "causes.mta_down.severity: must be 'critical', 'warning', 'info' or 'never'",
        ),
    ],
)
def test_a_bad_value_gets_its_line(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    found = told(written(tmp_path, (old, new)))
    assert any(line.partition(" ")[2].startswith(complaint) for line in found), found
    for line in found:
        assert "\n" not in line
        assert not any(raw in line for raw in ("Input", "Field required", "Value error", "pydantic"))


def test_a_bad_value_is_told_with_its_own_line(tmp_path: Path) -> None:
    assert told(written(tmp_path, (_MTA, "CampaignMtaDown: {for: 180}"))) == [
        f"values.yaml:{line_of(_MTA)}: alerts.CampaignMtaDown.for: {_NO_DURATION}"
    ]


def test_what_stands_twice_is_refused(tmp_path: Path) -> None:
    again = line_of(_MTA) + 1
    (line,) = told(written(tmp_path, (f"  {_MTA}\n", f"  {_MTA}\n  CampaignMtaDown: {{for: 5m}}\n")))
    assert line.endswith(f": alerts.CampaignMtaDown: stands twice, again in line {again}: keep one")


@pytest.mark.parametrize(("text", "complaint"), [("", "must be a mapping that begins with"), ("a: [", "is no YAML: ")])
def test_what_is_no_file_of_values_gets_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(text, encoding="utf-8")
    (line,) = told(file)
    assert complaint in line


_MANY: tuple[Change, ...] = (
    ("https://runbooks.example/campaign", "ftp://runbooks.example"),
    ("job: campaign ", "jobs: campaign "),
    ("window: 2m ", "window: 10s "),
    ("  affinity_host_down: {severity: critical, team: platform}", "  affinity_host_down: {severity: critical}"),
    (_ERRORS, "share: 12%"),
    ("within: 15m", "within: 17m"),
    (_MTA, "CampaignMtaDwn: {for: 3m}"),
    ("restarts: 3", "restarts: three"),
    ("CampaignIpAffinityLatent: {for: 30m}", "CampaignIpAffinityLatent: {fro: 180}"),
)
_GOLDEN = """\
runbooks: must be an http:// or https:// address
: lacks the key job: add it
jobs: unknown key: did you mean job?
interval: must be at most window (10s), or what happens between two evaluations would not be seen
window: must be at least twice scrape_interval (1m), or one failed scrape would show
causes.affinity_host_down: lacks the key team: add platform, campaign or deliverability, or nobody is told
alerts: lacks the key CampaignMtaDown: add it
alerts.CampaignDeliveryErrorsHigh.share: must be a share between 0 and 1, such as 0.12 for 12 %
alerts.CampaignDeliveryStartsLate.within: must be one of the bounds of campaign_delivery_start_delay_seconds: \
1m, 2m, 5m, 10m, 15m, 30m, 1h, 2h, 4h, 8h, 1d
alerts.CampaignMtaDwn: unknown key: did you mean CampaignMtaDown?
alerts.CampaignProcessRestarting.restarts: must be a whole number from 1 up
alerts.CampaignIpAffinityLatent: lacks the key for: add it
alerts.CampaignIpAffinityLatent.fro: unknown key: did you mean for?
"""


def test_the_generator_tells_all_at_once_and_writes_nothing(tmp_path: Path) -> None:
    output = tmp_path / "rules"
    file = written(tmp_path, *_MANY)
    done = subprocess.run(
        [sys.executable, GENERATE, "--values", str(file), "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    places = [line.removeprefix(f"{file}:").partition(": ") for line in done.stderr.splitlines()]
    numbers = [int(number or 0) for number, _, _ in places]
    assert numbers == sorted(numbers)
    assert "".join(f"{text}\n" for _, _, text in places) == _GOLDEN.replace("\n: lacks", "\nlacks")
    assert not output.exists()


# --- what is right ----------------------------------------------------------------------------------------------------------


def test_each_query_is_run_as_the_site_runs_its_queries(tmp_path: Path) -> None:
    made = "".join(rule_files(load_values(written(tmp_path, ("psql: psql ", "psql: ours ")))).values())
    assert 'ours -c "SELECT' in made
    assert "psql -c" not in made


def outcome(values: Values, key: tuple[str, ...]) -> str:
    """Give what a key may reach; the files themselves only where it takes them, since writing YAML is slow."""
    if key[0] in {"runbooks", "dashboards", "dashboard_uids"}:
        return "".join(rule_files(values).values())
    made = groups(values)
    return f"{made}{alerts_page(values, made)}"


def leaves(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key)


_IN_ORDER = {(cause, "severity") for cause in ("scheduled", "waiting_wave", "waiting_retry")}
_OTHERS = {"within": "30m", "scrape_interval": "30s", "keep_firing_for": "6m", "severity": "info", "team": "deliverability"}


def other(key: str, value: object) -> object:
    """Give another value that is good as well."""
    if key in _OTHERS:
        return _OTHERS[key] if value != _OTHERS[key] else "warning"
    if is_duration(value):
        return duration(seconds(str(value)) * 1.5)
    if isinstance(value, int | float):
        return value + 1 if isinstance(value, int) else value / 2
    return f"{value}2"


def changed(key: tuple[str, ...]) -> dict[str, Any]:
    content: dict[str, Any] = copy.deepcopy(CONTENT)
    section = content
    for step in key[:-1]:
        section = section[step]
    section[key[-1]] = other(key[-1], section[key[-1]])
    return content


@pytest.mark.parametrize("key", [key for key in leaves(CONTENT) if key[-2:] not in _IN_ORDER], ids=".".join)
def test_each_value_reaches_the_rules_or_the_page(key: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(changed(key), sort_keys=False), encoding="utf-8")
    assert outcome(load_values(file), key) != outcome(VALUES, key)


def test_addresses_and_the_database_client_stand_in_the_annotations(tmp_path: Path) -> None:
    files = rule_files(
        load_values(
            written(
                tmp_path,
                ("https://runbooks.example/campaign", "https://wiki.example/"),
                ("https://grafana.example/d ", "https://grafana.example/d// "),
                ("psql: psql ", "psql: psql -h db.example -U dba campaign "),
                ("job: campaign ", "job: acc "),
                ("after: 30m, onset", "after: 40m, onset"),
            )
        )
    )
    assert "runbook_url: https://wiki.example/CampaignMtaDown.md" in files["hosts.yml"]
    assert "https://grafana.example/d/campaign-mta?" in files["hosts.yml"]
    assert 'psql -h db.example -U dba campaign -c "SELECT pid' in files["platform.yml"]
    assert 'up{job="acc"}' in files["exporter.yml"]
    assert files["throughput.yml"].count("campaign_instance:campaign_messages:increase40m") > 2


def test_a_cause_may_be_told_to_nobody(tmp_path: Path) -> None:
    file = written(tmp_path, ("awaiting_approval: {severity: info, team: campaign}", "awaiting_approval: {severity: never}"))
    assert "awaiting_approval" not in rule_files(load_values(file))["deliveries.yml"]


def test_the_causes_are_those_of_the_exporter() -> None:
    assert tuple(Causes.model_fields) == tuple(cause.name for cause in CAUSES)


def test_the_alerts_are_those_that_there_are() -> None:
    made = {alert.name for group in groups(VALUES) for alert in group.alerts}
    assert set(Alerts.model_fields) == made - {"CampaignWatchdog"}


@pytest.mark.parametrize(
    ("text", "length"), [("30s", 30), ("1h30m", 5400), ("7d", 604800), ("1w", 604800), ("500ms", 0.5), ("0s", 0)]
)
def test_a_duration_is_read_as_prometheus_reads_it(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "s", "1", "1.5h", "1 h", "1s1m", "5m5m", "-1m", "\N{ARABIC-INDIC DIGIT FIVE}m", "1m\n"])
def test_what_prometheus_refuses_is_no_duration(text: str) -> None:
    assert not is_duration(text)
    with pytest.raises(ValueError, match="must be a duration"):
        seconds(text)
