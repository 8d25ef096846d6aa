"""What docker-compose.yml says of itself, of the files that it mounts, and of what the images hold."""

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaign_exporter.config import load_config
from deploying.stack import ROOT, Stack

STACK = Stack()
#: What is in the images of others, seen from their Dockerfiles: two on BusyBox, one on Alpine, all with its wget.
PROGRAMS = {"prometheus": {"wget", "promtool"}, "alertmanager": {"wget", "amtool"}, "grafana": {"wget"}}
services = pytest.mark.parametrize("name", STACK.services)


def test_it_is_what_the_compose_specification_allows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_each_part_of_the_stack_is_there() -> None:
    assert set(STACK.services) == {"simulator", "exporter", "prometheus", "alertmanager", "grafana"}


@services
def test_an_image_has_one_exact_version(name: str) -> None:
    image = STACK.services[name]["image"]
    if "build" in STACK.services[name]:
        assert image == "campaign-exporter:local"  # ours: made here, and nowhere to be pulled from
    else:
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", image)


def test_versions_stand_in_one_place() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for image in {service["image"] for service in STACK.services.values()}:
        assert text.count(image) == 1
    others = [ROOT / "README.md", *(ROOT / "deploy").glob("*.*")]
    assert not [file for file in others for image in STACK.content["x-images"].values() if image in file.read_text("utf-8")]


@services
def test_nobody_has_more_rights_than_needed(name: str) -> None:
    service = STACK.services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].partition(":")[0]) > 0
    assert not service.keys() & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "env_file"}


@services
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in STACK.services[name].get("ports", []))


@services
def test_each_mounted_file_is_there_and_cannot_be_written(name: str) -> None:
    mounts = [mount for mount in STACK.mounts(name) if mount.source.startswith(".")]
    for mount in mounts:
        assert (ROOT / mount.source).exists(), mount.source
        assert mount.mode == "ro", mount.source
        assert Path(mount.target).suffix == Path(mount.source).suffix, "a file on a file, a directory on a directory"


@services
def test_each_volume_is_named_and_open_to_its_account(name: str) -> None:
    volumes = [mount for mount in STACK.mounts(name) if not mount.source.startswith(".")]
    assert volumes
    assert {mount.source for mount in volumes} <= STACK.content["volumes"].keys()
    if "build" in STACK.services[name]:
        made = re.search(r"install -d -o campaign .*?((?:\s+/\S+)+)", _dockerfile(), re.DOTALL)
        assert made, "a new volume takes its owner from the image"
        assert {mount.target for mount in volumes} <= set(made.group(1).split())
        assert STACK.services[name]["user"] == "10001:10001"
        assert "USER 10001:10001" in _dockerfile()


def test_no_volume_and_no_network_is_left_over() -> None:
    for key in ("volumes", "networks"):
        used = chain.from_iterable(service[key] for service in STACK.services.values())
        assert {use.split(":")[0] for use in used if not use.startswith(".")} == STACK.content[key].keys()


def test_the_simulated_instance_has_no_way_out() -> None:
    assert STACK.services["simulator"]["networks"] == ["campaign"]
    assert STACK.content["networks"]["campaign"] == {"internal": True}
    assert "ports" not in STACK.services["simulator"]


@services
def test_health_is_asked_with_a_program_of_the_image(name: str) -> None:
    check = STACK.services[name]["healthcheck"]
    kind, program, *_ = check["test"]
    assert kind == "CMD", "not every image has a shell"
    assert program in PROGRAMS.get(name, {"python", "campaign-simulator", "campaign-exporter"})
    assert check.keys() >= {"interval", "timeout", "start_period", "retries"}


@services
def test_health_is_asked_where_the_service_listens(name: str) -> None:
    asked = re.findall(r"http://127\.0\.0\.1:(\d+)/", " ".join(STACK.services[name]["healthcheck"]["test"]))
    assert asked == [port.split(":")[-1] for port in STACK.services[name].get("ports", [])]


def test_who_needs_somebody_starts_after_it() -> None:
    assert STACK.services["exporter"]["depends_on"] == {"simulator": {"condition": "service_healthy"}}


def _dockerfile() -> str:
    return (ROOT / "deploy/Dockerfile").read_text("utf-8")


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "deploy/Dockerfile"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_made_of_files_that_are_there_and_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", _dockerfile(), re.MULTILINE) for word in line.split()}
    assert copied == let_in
    assert all((ROOT / word).exists() for word in copied)
    assert {service["build"]["dockerfile"] for service in _built()} == {"deploy/Dockerfile"}
    assert re.findall(r"^FROM .* AS (\w+)$", _dockerfile(), re.MULTILINE)[-1] == "stack", "the last is what is built"


def test_the_python_of_the_image_is_one_that_is_promised() -> None:
    images = set(re.findall(r"^FROM (\S+:\S+)", _dockerfile(), re.MULTILINE))
    assert len(images) == 1
    promised = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert re.fullmatch(r"python:(3\.\d+)-slim-[a-z]+", image := images.pop()), image
    assert image.removeprefix("python:").split("-")[0] in promised


def _built() -> Iterator[dict[str, Any]]:
    yield from (service for service in STACK.services.values() if "build" in service)


def test_there_is_no_secret() -> None:
    text = yaml.safe_dump(STACK.content)
    assert not re.search(r"password|secret(?!s)|token|api_?key", text, re.IGNORECASE)
    files = [file.name for file in (ROOT / "deploy/secrets").iterdir()]
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "README.md" in files
    assert ignored.index("/deploy/secrets/*") < ignored.index("!/deploy/secrets/README.md")
    database = STACK.yaml("exporter")["instances"][0]["database"]
    assert "password_file" not in database
    assert not re.search(r"//[^/@]*:[^/@]*@", database["dsn"].replace("@:", "@"))


def test_an_instance_of_ones_own_takes_the_place_of_the_simulated_one() -> None:
    text = (ROOT / "deploy" / "own-instance.yml").read_text("utf-8")
    services = yaml.safe_load(re.sub(r"!(reset|override)", "", text))["services"]
    assert services.keys() <= STACK.services.keys()
    assert services["simulator"]["profiles"], "it would start"
    exporter = services["exporter"]
    assert not exporter["depends_on"]
    assert f"AS {exporter['build']['target']}\n" in _dockerfile()
    places = [volume.split(":")[0] for volume in exporter["volumes"]]
    assert all((ROOT / place).is_dir() if place.startswith(".") else place in STACK.content["volumes"] for place in places)


def test_the_configuration_proposed_for_ones_own_instance_is_good(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "deploy" / "own" / "README.md").read_text("utf-8"), re.DOTALL)
    file = tmp_path / "campaign-exporter.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_config(file).instances[0].database is not None
