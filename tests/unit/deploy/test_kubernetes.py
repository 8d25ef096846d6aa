"""The manifests for Kubernetes: held against its own schema, against each other, and against the image."""

import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from campaign_exporter.config import load_config
from deploying.stack import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((FOLDER / "exporter.yaml").read_text("utf-8")))
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
INSTALL = (ROOT / "docs" / "install.md").read_text("utf-8")
#: The oldest that is tried, and the newest that the library knows.
VERSIONS = ("1.25", "1.33")


def the(kind: str) -> dict[str, Any]:
    [found] = [each for each in OBJECTS if each["kind"] == kind]
    return found


POD = the("Deployment")["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [each["kind"] for each in OBJECTS])
def test_kubernetes_knows_each_object_and_each_field(kind: str, version: str) -> None:
    kubernetes_validate.validate(the(kind), version, strict=True)


def test_the_selectors_find_the_pod() -> None:
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert the("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert the("Service")["spec"]["selector"] == labels


def test_what_is_mounted_is_there() -> None:
    volumes = {volume.pop("name"): volume for volume in map(dict, POD["volumes"])}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == volumes.keys()
    assert volumes["configuration"]["configMap"]["name"] == KUSTOMIZATION["configMapGenerator"][0]["name"]
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == the("PersistentVolumeClaim")["metadata"]["name"]
    assert f"create secret generic {volumes['secrets']['secret']['secretName']} " in INSTALL


def test_the_configuration_is_good_and_lies_where_the_pod_looks() -> None:
    [name] = KUSTOMIZATION["configMapGenerator"][0]["files"]
    config = load_config(FOLDER / name)
    mounts = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert CONTAINER["args"][-1] == f"--config.file={mounts['configuration']}/{name}"
    assert str(config.state_directory) == mounts["state"]
    secrets = set(re.findall(r"password_file: (\S+?)[},\n]", (FOLDER / name).read_text("utf-8")))
    [command] = re.findall(r"create secret generic .*", INSTALL)
    assert secrets == {f"{mounts['secrets']}/{key}" for key in re.findall(r"--from-file=(\S+)", command)}


def test_it_runs_as_the_account_of_the_image() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    context = POD["securityContext"]
    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in dockerfile
    assert context["runAsNonRoot"]
    assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert f"EXPOSE {CONTAINER['ports'][0]['containerPort']}" in dockerfile


def test_a_state_directory_has_one_owner() -> None:
    assert the("Deployment")["spec"]["replicas"] == 1
    assert the("Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_rules_become_objects_of_the_operator(tmp_path: Path) -> None:
    [script] = re.findall(r"```sh\n(for file in alerts/rules.*?)```", INSTALL, re.DOTALL)
    (tmp_path / "alerts").symlink_to(ROOT / "alerts")
    subprocess.run(["/bin/sh", "-euc", script], cwd=tmp_path, timeout=30, check=True)
    made = list(yaml.safe_load_all((tmp_path / "campaign-rules.yaml").read_text("utf-8")))
    rules = sorted((ROOT / "alerts" / "rules").glob("*.yml"))
    assert [each["spec"] for each in made] == [yaml.safe_load(file.read_text("utf-8")) for file in rules]
    for each in made:
        assert (each["apiVersion"], each["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", each["metadata"]["name"])
