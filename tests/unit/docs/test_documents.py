"""The documents say what is so."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from campaign_exporter.catalogue import METRICS
from campaign_exporter.cli import main as exporter
from campaign_exporter.config import load_config
from campaign_exporter.web.passwords import Credentials
from campaign_exporter.web.policy import read_policy
from campaign_simulator.cli import main as simulator
from integration.web.authority import Authority

ROOT = Path(__file__).resolve().parents[3]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "configuration.md",
    ROOT / "docs" / "install.md",
    ROOT / "docs" / "alerts.md",
    ROOT / "docs" / "notifications.md",
    ROOT / "docs" / "benchmarks.md",
    ROOT / "alerts" / "alertmanager" / "README.md",
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    return [(page.name, text) for page in PAGES for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


@pytest.mark.parametrize(("page", "text"), [block for block in blocks("yaml") if block[1].startswith("instances:")])
def test_each_configuration_in_the_documents_is_good(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / page
    file.write_text(text, encoding="utf-8")
    assert load_config(file).instances


@pytest.mark.parametrize(
    ("page", "text"), [block for block in blocks("yaml") if block[1].startswith(("tls_server_config:", "basic_auth_users:"))]
)
def test_each_web_configuration_in_the_documents_is_good(page: str, text: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "clients")
    authority.issue("exporter", "exporter.example")
    file = tmp_path / page
    file.write_text(text, encoding="utf-8")
    assert read_policy(file).protection != "none"
    done = subprocess.run(["promtool", "check", "web-config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("page", "text"), [block for block in blocks("yaml") if block[1].startswith("scrape_configs:")])
def test_prometheus_understands_what_the_documents_tell_it(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / page
    file.write_text(text, encoding="utf-8")
    command = ["promtool", "check", "config", "--syntax-only", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_that_makes_a_hash_makes_one(tmp_path: Path) -> None:
    [code] = re.findall(r"`.venv/bin/python -c '(.*bcrypt.*)'`", (ROOT / "docs" / "configuration.md").read_text("utf-8"))
    command = [sys.executable, "-W", "ignore", "-c", code]
    made = subprocess.run(command, input="a password\n", capture_output=True, text=True, check=True, start_new_session=True)
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{alice: {made.stdout.splitlines()[-1]}}}\n", encoding="utf-8")
    passwords = read_policy(file).passwords
    assert passwords
    assert passwords.verify(Credentials(b"alice", b"a password"))


def test_each_command_in_the_documents_exists_with_its_flags() -> None:
    lines = [line for _, text in blocks("sh") for line in text.splitlines() if line.startswith(".venv/bin/")]
    assert lines
    for line in lines:
        program, command, *words = shlex.split(line.split("  #")[0].rstrip(" &"))
        group = {"campaign-exporter": exporter, "campaign-simulator": simulator}[Path(program).name]
        assert isinstance(group, click.Group)
        known = {flag for parameter in group.commands[command].params for flag in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_each_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        name for page in PAGES for name in re.findall(r"make ([a-z]+)`|^make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {name for pair in named for name in pair if name} <= targets


def test_each_metric_in_the_documents_is_one_of_the_catalogue() -> None:
    names = {name for page in PAGES for name in re.findall(r"`(campaign_[a-z_]+)`", page.read_text("utf-8"))}
    assert names - {"campaign_exporter", "campaign_simulator", "campaign_instance"} <= METRICS.keys()


def test_the_generated_documents_are_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_each_link_to_a_file_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
