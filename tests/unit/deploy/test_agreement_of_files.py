"""The files of the stack agree with one another: names, ports, paths."""

import json
import re
from pathlib import PurePosixPath

import psycopg.conninfo
import yaml

from campaign_exporter.cli import DEFAULT_ADDRESS
from campaign_exporter.config import load_config
from campaign_simulator.endpoints import NAMES, Endpoints
from campaign_simulator.hosts import DEFAULT_HOSTS
from campaign_simulator.roles import MONITOR_ROLE
from deploying.stack import ROOT, Stack

STACK = Stack()


def test_prometheus_asks_the_exporter_where_it_listens() -> None:
    (job,) = STACK.yaml("prometheus")["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"exporter:{STACK.port('exporter')}"]}]
    assert f":{STACK.port('exporter')}" == DEFAULT_ADDRESS
    assert not any(word.startswith("--web.listen-address") for word in STACK.services["exporter"]["command"])


def test_the_job_has_the_name_that_the_rules_ask_for() -> None:
    (job,) = STACK.yaml("prometheus")["scrape_configs"]
    assert job["job_name"] == yaml.safe_load((ROOT / "alerts/values.yaml").read_text("utf-8"))["job"]
    asked = {
        name for file in (ROOT / "alerts/rules").glob("*.yml") for name in re.findall(r'job="(\w+)"', file.read_text("utf-8"))
    }
    assert asked == {job["job_name"]}


def test_prometheus_tells_alertmanager_where_it_listens() -> None:
    (alertmanager,) = STACK.yaml("prometheus")["alerting"]["alertmanagers"]
    assert alertmanager["static_configs"] == [{"targets": [f"alertmanager:{STACK.port('alertmanager')}"]}]


def test_prometheus_loads_all_rules() -> None:
    home = PurePosixPath(STACK.flag("prometheus", "--config.file")).parent
    (pattern,) = STACK.yaml("prometheus")["rule_files"]
    folder = STACK.outside("prometheus", str(home / pattern)).parent
    assert {file.name for file in folder.glob(PurePosixPath(pattern).name)} == {
        file.name for file in (ROOT / "alerts/rules").iterdir()
    }


def test_alertmanager_is_the_shipped_one_with_its_templates() -> None:
    assert STACK.configuration("alertmanager") == ROOT / "alerts/alertmanager/alertmanager.yml"
    home = PurePosixPath(STACK.flag("alertmanager", "--config.file")).parent
    for pattern in STACK.yaml("alertmanager")["templates"]:
        folder = STACK.outside("alertmanager", str(home / pattern)).parent
        assert list(folder.glob(PurePosixPath(pattern).name))


def test_each_secret_of_alertmanager_has_a_place_that_git_ignores() -> None:
    named = set(re.findall(r"_file: (\S+)", STACK.configuration("alertmanager").read_text("utf-8")))
    assert len(named) == 5
    assert {STACK.outside("alertmanager", path).parent for path in named} == {ROOT / "deploy/secrets"}


def test_what_is_kept_is_kept_on_a_volume() -> None:
    kept = {
        "prometheus": STACK.flag("prometheus", "--storage.tsdb.path"),
        "alertmanager": STACK.flag("alertmanager", "--storage.path"),
        "exporter": STACK.yaml("exporter")["state_directory"],
        "grafana": "/var/lib/grafana",
        "simulator": STACK.services["simulator"]["environment"]["TMPDIR"],
    }
    for service, path in kept.items():
        assert path in {mount.target for mount in STACK.mounts(service) if mount.mode == "rw"}, service


def test_exporter_and_simulator_share_socket_files_and_account() -> None:
    simulator, exporter = ({mount.target: mount for mount in STACK.mounts(name)} for name in ("simulator", "exporter"))
    for path in (
        STACK.flag("simulator", "--postgres-socket"),
        STACK.services["simulator"]["environment"]["CAMPAIGN_SIMULATOR_DIRECTORY"],
    ):
        assert simulator[path].source == exporter[path].source
        assert (simulator[path].mode, exporter[path].mode) == ("rw", "ro")
    assert STACK.services["simulator"]["user"] == STACK.services["exporter"]["user"]


def test_the_exporter_watches_all_that_is_simulated() -> None:
    (instance,) = load_config(STACK.configuration("exporter")).instances
    assert instance.database
    given = psycopg.conninfo.conninfo_to_dict(instance.database.dsn)
    assert given == {
        "user": MONITOR_ROLE,
        "dbname": "campaign",
        "host": STACK.flag("simulator", "--postgres-socket"),
        "port": STACK.flag("simulator", "--postgres-port"),
    }
    assert [host.name for host in instance.hosts] == [plan.name for plan in DEFAULT_HOSTS]
    endpoints = Endpoints("prod", STACK.flag("simulator", "--endpoints-host"), int(STACK.flag("simulator", "--endpoints-port")))
    assert {endpoint.name: endpoint.url for endpoint in instance.endpoints} == {
        name: endpoints.url + endpoints.paths[name] for name in NAMES
    }
    assert STACK.flag("simulator", "--endpoints-host") == STACK.services["simulator"]["hostname"]


def test_grafana_asks_prometheus_where_it_listens() -> None:
    (source,) = yaml.safe_load(
        STACK.outside("grafana", "/etc/grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    )["datasources"]
    assert source["url"] == f"http://prometheus:{STACK.port('prometheus')}"
    assert (source["type"], source["isDefault"], source["access"]) == ("prometheus", True, "proxy")
    assert source["jsonData"]["timeInterval"] == STACK.yaml("prometheus")["global"]["scrape_interval"]


def test_grafana_has_all_dashboards_and_begins_with_the_overview() -> None:
    (provider,) = yaml.safe_load(
        STACK.outside("grafana", "/etc/grafana/provisioning/dashboards/campaign.yml").read_text("utf-8")
    )["providers"]
    folder = STACK.outside("grafana", provider["options"]["path"])
    uids = {json.loads(file.read_text("utf-8"))["uid"] for file in folder.glob("*.json")}
    assert set(yaml.safe_load((ROOT / "alerts/values.yaml").read_text("utf-8"))["dashboard_uids"].values()) <= uids
    home = STACK.outside("grafana", STACK.grafana()["dashboards"]["default_home_dashboard_path"])
    assert json.loads(home.read_text("utf-8"))["uid"] == "campaign-overview"


def test_everybody_may_look_at_grafana_and_nobody_can_log_in() -> None:
    settings = STACK.grafana()
    assert settings["auth.anonymous"].getboolean("enabled")
    assert settings["auth.anonymous"]["org_role"] == "Viewer"
    assert settings["auth"].getboolean("disable_login_form")
    assert not settings["auth.basic"].getboolean("enabled")
    assert settings["security"].getboolean("disable_initial_admin_creation")
    assert settings["server"]["http_port"] == STACK.port("grafana")


def test_each_address_that_is_told_to_people_is_the_one_that_is_open() -> None:
    for service, url in {
        "prometheus": STACK.flag("prometheus", "--web.external-url"),
        "alertmanager": STACK.flag("alertmanager", "--web.external-url"),
        "grafana": STACK.grafana()["server"]["root_url"],
    }.items():
        assert url == f"http://127.0.0.1:{STACK.port(service)}/"
