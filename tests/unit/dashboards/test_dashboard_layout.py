"""What each dashboard and each panel must have, the rules of Grafana's dashboard-linter among them."""

import re
import subprocess
import sys
from typing import Any

import pytest

from campaign_alerts.values import load_values
from campaign_exporter.catalogue import METRICS
from campaign_exporter.diagnosis.causes import CAUSES
from unit.dashboards.shipped import DASHBOARDS, ROOT, RULES, all_panels, asked, panels

_VALUES = load_values(ROOT / "alerts" / "values.yaml")
_UNITS = {"none", "short", "s", "percentunit", "bytes", "bps", "dateTimeFromNow"}
_OF_DASHBOARDS = {"datasource", "instance", "host", "runbooks"}
_OF_GRAFANA = {"__rate_interval", "__range", "__value", "__url_time_range", "__all"}

each_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)
each_panel = pytest.mark.parametrize(
    ("uid", "panel"), all_panels(), ids=lambda each: each if isinstance(each, str) else each["title"]
)


def variables(uid: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in DASHBOARDS[uid]["templating"]["list"]}


def text_of(part: object) -> str:
    return str(part)


def test_the_alerts_link_these_with_variables_that_they_have() -> None:
    assert all(dashboard["uid"] == uid for uid, dashboard in DASHBOARDS.items())
    assert set(_VALUES.dashboard_uids.values()) == set(DASHBOARDS)
    rules = "".join(file.read_text("utf-8") for file in RULES.glob("*.yml"))
    links = re.findall(r"dashboard_url: \S+/d/([\w-]+)(\?.*)?", rules)
    assert links
    for uid, question in links:
        assert set(re.findall(r"var-(\w+)=", question)) <= set(variables(uid))


def test_the_runbooks_are_there() -> None:
    assert all(variables(uid)["runbooks"]["query"] == _VALUES.runbooks for uid in DASHBOARDS)
    everything = str(DASHBOARDS)
    for alert in re.findall(r"\$\{runbooks\}/(Campaign\w+)\.md", everything) + re.findall(
        r"'(CampaignIpAffinity\w+)'", everything
    ):
        assert (ROOT / "alerts" / "runbooks" / f"{alert}.md").exists(), alert


@pytest.mark.parametrize("cause", [cause.name for cause in CAUSES])
def test_each_cause_has_a_place_in_the_runbook_that_it_links(cause: str) -> None:
    runbook = (ROOT / "alerts" / "runbooks" / "CampaignDeliveryStuckPending.md").read_text("utf-8")
    assert re.search(rf"^#+ `?{cause}`?$|<a (?:id|name)=\"{cause}\">", runbook, re.MULTILINE)


def test_the_dashboards_are_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_dashboards.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@each_dashboard
def test_it_can_be_imported_as_it_is(uid: str) -> None:
    dashboard = DASHBOARDS[uid]
    assert not {"__inputs", "__requires", "id", "version"} & dashboard.keys()
    assert "DS_" not in text_of(dashboard)
    assert dashboard["schemaVersion"] == 39
    assert dashboard["editable"] is False
    assert dashboard["tags"] == ["campaign"]
    assert dashboard["description"]
    assert (dashboard["time"], dashboard["refresh"]) == ({"from": "now-24h", "to": "now"}, "1m")


@each_dashboard
def test_the_data_source_can_be_chosen(uid: str) -> None:
    chosen = variables(uid)["datasource"]
    assert (chosen["type"], chosen["query"], chosen["label"]) == ("datasource", "prometheus", "Data source")
    uids = {match for match in re.findall(r"'uid': '(.*?)'", text_of(DASHBOARDS[uid])) if match != uid}
    assert uids == {"${datasource}"}


@each_dashboard
def test_instances_and_hosts_can_be_chosen(uid: str) -> None:
    queries = [each for each in variables(uid).values() if each["type"] == "query"]
    assert {"instance"} <= {each["name"] for each in queries} <= {"instance", "host"}
    for each in queries:
        assert each["label"] == each["name"].capitalize()
        assert (each["multi"], each["includeAll"], each["allValue"], each["refresh"]) == (True, True, ".+", 2)
        found = re.fullmatch(r"label_values\((\w+)(?:\{campaign_instance=~\"\$instance\"\})?, (\w+)\)", each["query"]["query"])
        assert found
        assert found[2] in METRICS[found[1]].label_names


@each_dashboard
def test_every_variable_resolves(uid: str) -> None:
    used = set(re.findall(r"\$\{?(\w+)", text_of(DASHBOARDS[uid])))
    known = set(variables(uid))
    # $1 is of a regular expression.
    assert {name for name in used if not name.isdigit()} <= known | _OF_GRAFANA
    assert known <= _OF_DASHBOARDS
    assert known - used <= {"runbooks"}


@each_dashboard
def test_the_grid_has_no_overlap_and_no_hole(uid: str) -> None:
    cells: set[tuple[int, int]] = set()
    everything = [*DASHBOARDS[uid]["panels"], *(panel for row in DASHBOARDS[uid]["panels"] for panel in row.get("panels", []))]
    for panel in everything:
        place = panel["gridPos"]
        own = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not own & cells, panel["title"]
        cells |= own
    height = max(y for _, y in cells) + 1
    assert cells == {(x, y) for x in range(24) for y in range(height)}


@each_dashboard
def test_ids_and_titles_stand_once(uid: str) -> None:
    everything = [*DASHBOARDS[uid]["panels"], *panels(DASHBOARDS[uid])]
    ids = {panel["id"] for panel in everything}
    titles = [panel["title"] for panel in panels(DASHBOARDS[uid])]
    assert len(ids) == len(titles) + sum(panel["type"] == "row" for panel in everything)
    assert len(set(titles)) == len(titles)


@each_dashboard
def test_it_leads_to_the_others(uid: str) -> None:
    links = DASHBOARDS[uid]["links"]
    assert {link["url"] for link in links} == {f"/d/{other}" for other in DASHBOARDS if other != uid}
    assert all(link["includeVars"] and link["keepTime"] and link["tooltip"] for link in links)


def test_each_link_leads_to_a_dashboard_or_a_runbook() -> None:
    for uid, dashboard in DASHBOARDS.items():
        for url in re.findall(r"'url': '(.*?)'", text_of(dashboard)):
            target = re.match(r"/d/([\w-]+)|\$\{runbooks\}/(?:Campaign\w+|\$\{__value\.raw\})\.md", url)
            assert target, (uid, url)
            assert target[1] is None or target[1] in DASHBOARDS


@each_dashboard
def test_firing_alerts_are_marked(uid: str) -> None:
    marks = {mark["name"]: mark for mark in DASHBOARDS[uid]["annotations"]["list"]}
    assert {name: mark["iconColor"] for name, mark in marks.items()} == {"Alerts: critical": "red", "Alerts: warning": "orange"}
    assert all("ALERTS" in mark["expr"] for mark in marks.values())


@each_panel
def test_a_panel_says_what_it_shows(uid: str, panel: dict[str, Any]) -> None:
    assert panel["title"][0].isupper(), uid
    assert len(panel["description"]) > 20
    assert panel["description"].endswith(".")


@each_panel
def test_a_panel_asks_the_chosen_data_source(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] == "text":
        assert "targets" not in panel
        return
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    assert panel["datasource"] == wanted, uid
    assert panel["targets"]
    assert all(target["datasource"] == wanted for target in panel["targets"])


@each_panel
def test_a_panel_has_units(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] == "text":
        return
    config = panel["fieldConfig"]
    overridden = [each["value"] for over in config["overrides"] for each in over["properties"] if each["id"] == "unit"]
    assert config["defaults"]["unit"] in _UNITS, uid
    assert set(overridden) <= _UNITS


@each_panel
def test_a_series_has_a_name(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] in {"text", "table"}:
        return
    assert all(target["legendFormat"] for target in panel["targets"]), uid
    if panel["type"] == "timeseries":
        legend = panel["options"]["legend"]
        assert (legend["showLegend"], legend["placement"], legend["calcs"]) == (True, "bottom", ["lastNotNull", "max"])


def test_what_is_now_is_asked_once() -> None:
    for uid, panel in all_panels():
        for target in panel.get("targets", []):
            assert target["instant"] is (panel["type"] != "timeseries"), (uid, panel["title"])
            assert target["range"] is (panel["type"] == "timeseries")


def test_no_query_stands_twice_in_a_panel() -> None:
    seen = [(query.dashboard, query.panel, query.raw) for query in asked()]
    assert len(set(seen)) == len(seen)
