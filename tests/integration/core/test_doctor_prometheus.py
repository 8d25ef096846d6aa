"""What the doctor says of a real Prometheus with a real Alertmanager: scraped or not, rules loaded or not, heard or not."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from campaign_exporter.config import Config, load_config
from campaign_exporter.doctor.check import Result
from campaign_exporter.doctor.command import prometheus_server
from integration.core.exporter_process import LISTING, Exporter, exporter, free_port, wait_until
from integration.examined import Examined, examined
from integration.hosts.sites import Behaviour, answer, self_signed, serving

ROOT = Path(__file__).resolve().parents[3]
OURS = {"alert": "CampaignDown", "expr": "campaign_up == 0"}
#: hunter2, by bcrypt.
HUNTER2 = "$2b$04$abcdefghijklmnopqrstuuV3duMsC0HpUex6N9qapiuOHHWkwRXVm"
#: One job has many of these.
_MANY = "campaign_exporter_collector_errors_total"
BROKEN = {"alert": "CampaignBroken", "expr": f"{_MANY} * on (job) group_left () {_MANY}"}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """Run an exporter that watches one host."""
    directory = tmp_path_factory.mktemp("exporter")
    (directory / "pdump.txt").write_text(LISTING)
    (directory / "exporter.yml").write_text("""
instances:
  - name: prod
    hosts: [{name: mta1, expected_processes: [mta], processes: {file: pdump.txt, max_age: 1d}}]
state_directory: state
""")
    with exporter(directory / "exporter.yml") as started:
        started.wait_ready()
        yield started


@dataclass
class Monitoring:
    """A Prometheus that is started with whatever a test wants of it."""

    directory: Path
    running: Exporter
    exits: ExitStack
    prefix: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, str]] | None = None
    flags: tuple[str, ...] = ()
    scheme: str = "http"
    url: str = ""

    @property
    def config(self) -> Config:
        return load_config(self.running.log.with_suffix(".yml"))

    def start(self) -> "Monitoring":
        """Start it, and wait until it has scraped each target and evaluated each rule."""
        port = free_port()
        self.url = f"{self.scheme}://127.0.0.1:{port}{self.prefix}"
        content: dict[str, Any] = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": self.jobs,
            **self.more,
        }
        if self.rules is not None:
            (self.directory / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "campaign", "rules": self.rules}]}))
            content["rule_files"] = ["rules.yml"]
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(content))
        flags = [
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--web.external-url={self.url}",
            *self.flags,
        ]
        self.exits.enter_context(process("prometheus", *flags, log=self.directory / "prometheus.log"))
        if self.scheme == "http":
            wait_until(lambda: requests.get(f"{self.url}/-/ready", timeout=5).status_code == 200, 30)
            wait_until(self.settled, 30)
        else:
            wait_until(lambda: reached(port), 30)
        return self

    def settled(self) -> bool:
        targets = requests.get(f"{self.url}/api/v1/targets", timeout=5).json()["data"]["activeTargets"]
        groups = requests.get(f"{self.url}/api/v1/rules", timeout=5).json()["data"]["groups"]
        # Targets are found some seconds after the start.
        scraped = len(targets) == len(self.jobs) and all(target["health"] != "unknown" for target in targets)
        # The project's own rules are not evaluated as often.
        return scraped and (not self.rules or all(rule["health"] != "unknown" for rule in groups[0]["rules"]))

    def job(self, target: str, name: str = "campaign", **more: object) -> None:
        self.jobs.append({"job_name": name, "static_configs": [{"targets": [target]}], **more})

    def scrape_exporter(self, **more: object) -> "Monitoring":
        self.job(f"127.0.0.1:{self.running.port}", "campaign", **more)
        return self

    def look(
        self, url: str | None = None, *, user: str | None = None, password: Path | None = None, ca: Path | None = None
    ) -> Examined:
        return examined(self.config, server=prometheus_server(url or self.url, user, password, ca))


def reached(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


@contextmanager
def process(*command: str, log: Path) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as running:
        try:
            yield
            assert running.poll() is None, log.read_text()
        finally:
            running.kill()


@pytest.fixture
def monitoring(tmp_path: Path, running: Exporter) -> Iterator[Monitoring]:
    with ExitStack() as exits:
        yield Monitoring(tmp_path, running, exits)


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    """Run an Alertmanager that tells nobody; give its address."""
    port = free_port()
    (tmp_path / "alertmanager.yml").write_text("{route: {receiver: none}, receivers: [{name: none}]}")
    command = [
        "prometheus-alertmanager",
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with process(*command, log=tmp_path / "alertmanager.log"):
        wait_until(lambda: requests.get(f"http://127.0.0.1:{port}/-/ready", timeout=5).status_code == 200, 30)
        yield f"127.0.0.1:{port}"


def told(seen: Examined) -> dict[str, Result]:
    return {check.name: check.result for check in seen.checks if check.subject == "prometheus"}


@pytest.mark.parametrize("prefix", ["", "/monitoring/prometheus"])
def test_all_is_well(monitoring: Monitoring, alertmanager: str, prefix: str) -> None:
    monitoring.prefix = prefix
    monitoring.more = {
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
        "rule_files": [str(ROOT / "alerts" / "rules" / "*.yml")],
    }
    monitoring.scrape_exporter().start()
    wait_until(lambda: told(monitoring.look()).get("alertmanager") is Result.OK)  # found some seconds after the start
    seen = monitoring.look()
    names = ("server", "scrape", "scrape interval", "instances", "rules", "alertmanager")
    assert told(seen) == dict.fromkeys(names, Result.OK)
    assert f"http://127.0.0.1:{monitoring.running.port}/metrics (job campaign): up, scraped" in seen.the("scrape").what
    files = [yaml.safe_load(file.read_text()) for file in (ROOT / "alerts" / "rules").glob("*.yml")]
    alerts = sum("alert" in rule for file in files for group in file["groups"] for rule in group["rules"])
    assert seen.the("rules").what.startswith(f"{alerts} alert rules in ")
    assert seen.the("alertmanager").what == f"http://{alertmanager}/api/v2/alerts"
    if prefix:
        wrong = monitoring.look(monitoring.url.removesuffix(prefix))
        assert "404" in wrong.the("server").what
        assert "path prefix" in wrong.the("server").mend


def test_nothing_is_set_up(monitoring: Monitoring) -> None:
    monitoring.job("127.0.0.1:9", name="something-else")
    seen = monitoring.start().look()
    assert {check.name for check in seen.findings if check.subject == "prometheus"} == {"scrape", "rules", "alertmanager"}
    assert "no target exposes campaign_exporter_build_info" in seen.the("scrape").what


def test_a_target_that_is_down_is_named_without_the_secrets_of_its_address(monitoring: Monitoring) -> None:
    monitoring.job("127.0.0.1:9", params={"token": ["hunter2"]})
    seen = monitoring.start().look()
    assert "http://127.0.0.1:9/metrics (job campaign): down: " in seen.the("scrape").what
    assert "connection refused" in seen.the("scrape").what
    assert "hunter2" not in seen.text


def test_a_scrape_interval_that_is_longer_than_the_rounds(monitoring: Monitoring) -> None:
    monitoring.scrape_exporter(scrape_interval="20s", scrape_timeout="5s")
    seen = monitoring.start().look()
    check = seen.the("scrape interval")
    assert check.result is Result.FINDING
    assert check.what.startswith("20s, and collectors run more often: deliveries 15s")
    assert "set scrape_interval: 15s in job campaign" in check.mend


def test_an_exporter_that_watches_something_else(monitoring: Monitoring) -> None:
    monitoring.scrape_exporter().start()
    config = monitoring.config
    others = config.model_copy(update={"instances": (config.instances[0].model_copy(update={"name": "staging"}),)})
    seen = examined(others, server=prometheus_server(monitoring.url, None, None, None))
    assert seen.the("instances").what.startswith("staging: no exporter")
    assert seen.of("scrape interval") == []


def test_a_rule_that_cannot_be_evaluated(monitoring: Monitoring) -> None:
    monitoring.rules = [OURS, BROKEN]
    monitoring.scrape_exporter().start()
    wait_until(lambda: told(monitoring.look()).get("rules") is Result.FINDING)
    check = monitoring.look().the("rules")
    assert check.what.startswith("CampaignBroken (group campaign) cannot be evaluated: ")
    assert check.why == "this alert never fires"


def test_an_alertmanager_that_is_left_out_or_deaf(monitoring: Monitoring) -> None:
    monitoring.scrape_exporter()
    dropped = {"target_label": "x", "source_labels": ["__address__"], "regex": "127.0.0.1:9", "action": "drop"}
    addresses = [{"static_configs": [{"targets": ["127.0.0.1:9"]}], "relabel_configs": [dropped]}]
    monitoring.more = {"alerting": {"alertmanagers": addresses}}
    monitoring.start()
    wait_until(lambda: "127.0.0.1:9" in monitoring.look().the("alertmanager").what)
    assert monitoring.look().the("alertmanager").what.startswith("none is connected; left out by relabelling: ")


def test_notifications_that_do_not_arrive(monitoring: Monitoring) -> None:
    monitoring.rules = [{"alert": "CampaignAlways", "expr": "vector(1)"}]
    monitoring.more = {"alerting": {"alertmanagers": [{"static_configs": [{"targets": ["127.0.0.1:9"]}]}]}}
    monitoring.flags = ("--rules.alert.resend-delay=1s", "--web.enable-lifecycle")
    monitoring.scrape_exporter().start()
    port = monitoring.url.rpartition(":")[2]
    # Prometheus knows of it only where it scrapes itself.
    assert told(monitoring.look()).get("notifications") is None
    monitoring.job(f"127.0.0.1:{port}", name="prometheus")
    content = yaml.safe_load((monitoring.directory / "prometheus.yml").read_text())
    content["scrape_configs"] = monitoring.jobs
    (monitoring.directory / "prometheus.yml").write_text(yaml.safe_dump(content))
    requests.post(f"{monitoring.url}/-/reload", timeout=5).raise_for_status()
    wait_until(lambda: told(monitoring.look()).get("notifications") is Result.FINDING, 40)
    assert "127.0.0.1:9" in monitoring.look().the("notifications").what


def test_a_password_and_an_authority_are_asked_for_and_given(monitoring: Monitoring, tmp_path: Path) -> None:
    self_signed(tmp_path)
    web = {
        "basic_auth_users": {"central": HUNTER2},
        "tls_server_config": {"cert_file": "both-crt.pem", "key_file": "both-key.pem"},
    }
    (tmp_path / "web.yml").write_text(yaml.safe_dump(web))
    (tmp_path / "password").write_text("hunter2\n")
    monitoring.flags = (f"--web.config.file={tmp_path / 'web.yml'}",)
    monitoring.scheme = "https"
    monitoring.scrape_exporter().start()
    ca, password = tmp_path / "both-crt.pem", tmp_path / "password"
    assert "--prometheus.ca-file" in monitoring.look().the("server").mend
    assert "--prometheus.password-file" in monitoring.look(ca=ca).the("server").mend
    seen = monitoring.look(user="central", password=password, ca=ca)
    assert seen.the("server").result is Result.OK
    password.write_text("wrong")
    assert "refused us with HTTP status 401" in monitoring.look(user="central", password=password, ca=ca).the("server").what
    password.unlink()
    assert "is not there" in monitoring.look(user="central", password=password, ca=ca).the("server").what
    assert "hunter2" not in seen.text


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        (answer(b"<html>It works</html>"), "not with JSON: it is no Prometheus"),
        (answer(b'{"hello": 1}'), "JSON that is not Prometheus's"),
        (answer(b'{"status": "success", "data": {"result": [7]}}'), "JSON that is not Prometheus's"),
        (answer(b'{"status": "success", "data": []}'), "JSON that is not Prometheus's"),
        (answer(b"[" * 100_000), "not with JSON"),
        (answer(b"", 404), "HTTP status 404"),
        (answer(b"", 401), "refused us with HTTP status 401"),
        (answer(b"", 302, Location="/login?from=secret"), "redirects to http://127.0.0.1"),
        (lambda _request: time.sleep(7), "no whole answer within 5 s"),
    ],
)
def test_what_is_no_prometheus(monitoring: Monitoring, behaviour: Behaviour, what: str) -> None:
    with serving(behaviour) as site:
        seen = monitoring.look(site.url)
    assert told(seen) == {"server": Result.FINDING}
    assert what in seen.the("server").what
    assert "secret" not in seen.text
    assert seen.seconds < 15


def test_nobody_is_there(monitoring: Monitoring) -> None:
    assert "Connection refused" in monitoring.look("http://127.0.0.1:9").the("server").what
