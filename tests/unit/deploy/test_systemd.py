"""The unit of systemd, as systemd's own tools judge it, and as the documents speak of it."""

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import click
import pytest
import yaml

from campaign_exporter.cli import main as exporter
from deploying.stack import ROOT

UNIT = ROOT / "deploy" / "systemd" / "campaign-exporter.service"
AGENT = ROOT / "deploy" / "systemd" / "agent.conf"
INSTALL = (ROOT / "docs" / "install.md").read_text("utf-8")
#: What systemd calls it up to here: OK. Ten is no protection at all.
EXPOSURE = 2.5


def read(file: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(file.read_text("utf-8"))
    return parser


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("files", [[UNIT], [UNIT, AGENT]], ids=["alone", "agent"])
def test_systemd_finds_no_fault_with_it(tmp_path: Path, files: list[Path]) -> None:
    program = tmp_path / "campaign-exporter"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    text = "".join(file.read_text("utf-8") for file in files)
    # The tool wants the program to be there.
    text = text.replace("/opt/campaign-exporter/bin/campaign-exporter", str(program)).replace("=neolane", "=daemon")
    unit.write_text(text, encoding="utf-8")
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


def test_it_may_do_no_more_than_it_must() -> None:
    done = analyze("security", "--offline=yes", "--no-pager", str(UNIT))
    [exposure] = re.findall(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert float(exposure) <= EXPOSURE


def test_it_starts_the_exporter_with_flags_that_exist() -> None:
    program, command, *flags = read(UNIT)["Service"]["ExecStart"].split()
    assert isinstance(exporter, click.Group)
    known = {flag for parameter in exporter.commands[command].params for flag in parameter.opts}
    assert Path(program).name == "campaign-exporter"
    assert {flag.partition("=")[0] for flag in flags} <= known


def test_it_names_the_configuration_that_runbooks_name() -> None:
    values = yaml.safe_load((ROOT / "alerts" / "values.yaml").read_text("utf-8"))
    assert f"--config.file={values['configuration_file']}" in read(UNIT)["Service"]["ExecStart"]


def test_the_documents_install_what_it_names() -> None:
    service = read(UNIT)["Service"]
    home = f"/var/lib/{service['StateDirectory']}"
    assert f"useradd --system --user-group --home-dir {home} --shell /usr/sbin/nologin {service['User']}" in INSTALL
    configuration = Path(service["ExecStart"].rpartition("=")[2])
    assert f"install -o root -g {service['Group']} -m 640 {configuration.name} campaign-db {configuration.parent}" in INSTALL
    assert f"python3 -m venv {Path(service['ExecStart'].split()[0]).parents[1]}" in INSTALL
    for file in re.findall(r"\bdeploy/systemd/\S+", INSTALL):
        assert (ROOT / file).is_file()


def test_a_bad_configuration_is_not_tried_again() -> None:
    assert read(UNIT)["Service"]["RestartPreventExitStatus"] == "2"  # what the exporter ends with then


def test_an_agent_changes_settings_that_the_unit_has() -> None:
    assert set(read(AGENT)["Service"]) <= set(read(UNIT)["Service"])
