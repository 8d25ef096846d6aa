"""The stack without containers: the very files and flags of docker-compose.yml, given to Debian's programs and to ours."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from campaign_exporter.catalogue import COLLECTORS
from campaign_simulator.programs import make_scratch_directory, server_account
from deploying.stack import ROOT, Stack
from integration.core.exporter_process import Exporter, exporter, free_port, wait_until

STACK = Stack()
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}
#: Flags of the image's Alertmanager that Debian 12's does not know.
NEWER = {"--dispatch.start-delay"}
services = pytest.mark.parametrize("service", PROGRAMS)


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """Mount what the services mount, below a directory."""
    for service in PROGRAMS:
        for mount in STACK.mounts(service):
            inside = tmp_path / mount.target.removeprefix("/")
            if mount.source.startswith("."):
                inside.parent.mkdir(parents=True, exist_ok=True)
                inside.symlink_to(ROOT / mount.source)
            else:
                inside.mkdir(parents=True, exist_ok=True)
    return tmp_path


def flags(service: str, container: Path) -> list[str]:
    """Give the service's flags, with its paths below the directory, and without those that are newer than the program."""
    known = subprocess.run([PROGRAMS[service], "--help"], capture_output=True, text=True, timeout=30, check=False)
    words = [word.partition("=") for word in STACK.services[service]["command"]]
    unknown = {name for name, _, _ in words if f"{name}=" not in known.stdout + known.stderr}
    assert unknown <= NEWER, f"{service} knows no flag {unknown}"
    return [
        f"{name}={container}{value}" if value.startswith("/") else f"{name}={value}"
        for name, _, value in words
        if name not in unknown
    ]


@contextmanager
def running(service: str, container: Path) -> Iterator[tuple[str, Path]]:
    """Run a service's program until the end of the block; gives its URL and its log."""
    url, log = f"http://127.0.0.1:{free_port()}", container / f"{service}.log"
    command = [PROGRAMS[service], *flags(service, container), f"--web.listen-address={url.removeprefix('http://')}"]
    with log.open("wb") as output, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: process.poll() is not None or ask(f"{url}/-/ready"), 30)
            assert process.poll() is None, log.read_text()
            yield url, log
        finally:
            process.terminate()


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def api(url: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(ask(url))


@services
def test_its_own_tool_finds_nothing_to_complain_of(service: str, container: Path) -> None:
    file = f"{container}{STACK.flag(service, '--config.file')}"
    command = {"prometheus": ["promtool", "check", "config", file], "alertmanager": ["amtool", "check-config", file]}[service]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search("warn|fail", done.stdout + done.stderr, re.IGNORECASE)


@services
def test_it_loads_without_a_warning(service: str, container: Path) -> None:
    loaded = "Completed loading of configuration file"
    with running(service, container) as (_, log):
        wait_until(lambda: loaded in log.read_text())
        # What follows is about the rest of the stack, which is not there.
        lines = log.read_text().partition(loaded)[0].splitlines()
    assert lines
    assert [line for line in lines if not re.search(r"level=(info|debug)", line, re.IGNORECASE)] == []


def test_prometheus_has_all_rules_and_its_neighbours(container: Path) -> None:
    with running("prometheus", container) as (url, _):
        rules = wait_until(lambda: api(f"{url}/api/v1/rules")["data"]["groups"])
        targets = wait_until(lambda: api(f"{url}/api/v1/targets")["data"]["activeTargets"])
        alertmanagers = wait_until(lambda: api(f"{url}/api/v1/alertmanagers")["data"]["activeAlertmanagers"])
    shipped = [yaml.safe_load(file.read_text("utf-8"))["groups"] for file in (ROOT / "alerts/rules").glob("*.yml")]
    assert {group["name"] for group in rules} == {group["name"] for groups in shipped for group in groups}
    assert [(target["labels"]["job"], target["scrapeUrl"]) for target in targets] == [
        ("campaign", "http://exporter:11951/metrics")
    ]
    assert [one["url"] for one in alertmanagers] == ["http://alertmanager:9093/api/v2/alerts"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Give a directory whose path is short enough for sockets, and open to the account of PostgreSQL."""
    home = make_scratch_directory(server_account())
    yield home
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def places(home: Path) -> dict[str, str]:
    """Say where things are that are elsewhere in the stack."""
    mounted = {mount.target: str(home / mount.source) for mount in STACK.mounts("simulator")}
    mounted["/var/lib/campaign-exporter"] = str(home / "state")
    postgres, endpoints = STACK.flag("simulator", "--postgres-port"), STACK.flag("simulator", "--endpoints-port")
    here = {
        f"--postgres-port={postgres}": f"--postgres-port={free_port()}",
        f"--endpoints-port={endpoints}": f"--endpoints-port={free_port()}",
    }
    here[f"@:{postgres}"] = "@:" + here[f"--postgres-port={postgres}"].partition("=")[2]
    here[f"//simulator:{endpoints}"] = "//127.0.0.1:" + here[f"--endpoints-port={endpoints}"].partition("=")[2]
    return {**mounted, **here, "--endpoints-host=simulator": "--endpoints-host=127.0.0.1"}


def moved(text: str, places: dict[str, str]) -> str:
    for there, here in places.items():
        text = text.replace(there, here)
    return text


@pytest.fixture(scope="module")
def simulator(home: Path, places: dict[str, str]) -> Iterator[Path]:
    """Run the simulator as the stack does; gives the configuration that it writes for an exporter."""
    service = STACK.services["simulator"]
    words = [moved(word, places) for word in service["command"]]
    environment = {name: moved(value, places) for name, value in service["environment"].items()}
    Path(environment["TMPDIR"]).mkdir(mode=0o755)
    log = home / "simulator.log"
    command = [str(Path(sys.executable).with_name(words[0])), *words[1:], "--backfill-rows=2000"]
    with log.open("wb") as errors, subprocess.Popen(command, stderr=errors, env={**os.environ, **environment}) as process:
        try:
            wait_until(lambda: "monitor it with" in log.read_text() or process.poll() is not None, 60)
            assert process.poll() is None, log.read_text()
            yield Path(environment["CAMPAIGN_SIMULATOR_DIRECTORY"]) / "campaign-exporter.yaml"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def watching(simulator: Path, home: Path, places: dict[str, str]) -> Iterator[Exporter]:
    assert simulator.exists()
    file = home / "stack.yaml"
    file.write_text(moved(STACK.configuration("exporter").read_text("utf-8"), places))
    with exporter(file) as running:
        running.wait_ready()
        yield running


def test_the_exporter_sees_all_of_the_simulated_instance(watching: Exporter) -> None:
    success = {key: value for key, value in watching.metrics().items() if key[0] == "campaign_exporter_collector_success"}
    assert {collector for _, (collector,) in success} == set(COLLECTORS) - {"recipients"}  # on demand only
    assert set(success.values()) == {1.0}, success
    endpoints = {labels: value for (name, labels), value in watching.metrics().items() if name == "campaign_endpoint_up"}
    configured = yaml.safe_load(STACK.configuration("exporter").read_text("utf-8"))["instances"][0]["endpoints"]
    assert len(endpoints) == len(configured)
    assert set(endpoints.values()) == {1.0}


def test_the_stack_says_of_the_instance_what_the_simulator_says(simulator: Path, places: dict[str, str]) -> None:
    written = yaml.safe_load(simulator.read_text("utf-8"))
    shipped = yaml.safe_load(moved(STACK.configuration("exporter").read_text("utf-8"), places))
    assert shipped["instances"] == written["instances"]


def test_the_socket_needs_no_password_and_is_open_to_one_account(simulator: Path) -> None:
    dsn = yaml.safe_load(simulator.read_text("utf-8"))["instances"][0]["database"]["dsn"]
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_user, inet_server_addr() IS NULL").fetchone()
    assert row == ("campaign_monitor", True)
    given = psycopg.conninfo.conninfo_to_dict(dsn)
    socket = Path(str(given["host"])) / f".s.PGSQL.{given['port']}"
    assert socket.stat().st_mode & 0o777 == 0o700


def test_over_tcp_a_password_is_asked_for_as_ever(simulator: Path) -> None:
    dsn = yaml.safe_load(simulator.read_text("utf-8"))["instances"][0]["database"]["dsn"]
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(dsn, host="127.0.0.1")


def test_health_of_the_simulator_is_asked_as_the_stack_does(simulator: Path) -> None:
    _, program, *words = STACK.services["simulator"]["healthcheck"]["test"]
    command = [str(Path(sys.executable).with_name(program)), *words]
    for directory, status in ((simulator.parent, 0), (simulator.parent / "nowhere", 1)):
        environment = {**os.environ, "CAMPAIGN_SIMULATOR_DIRECTORY": str(directory)}
        assert subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False).returncode == status


def test_health_of_the_exporter_is_asked_as_the_stack_does(watching: Exporter) -> None:
    *_, program, option, text = STACK.services["exporter"]["healthcheck"]["test"]
    assert program == "python"
    for port, status in ((watching.port, 0), (free_port(), 1)):
        command = [sys.executable, option, text.replace(STACK.port("exporter"), str(port))]
        assert subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == status
