"""Runbooks name commands, flags, queries that there are."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from campaign_alerts.values import SHIPPED, load_values
from campaign_exporter.cli import main as exporter
from campaign_exporter.sources.statements import columns_read
from campaign_simulator.cli import main as simulator
from unit.alerts.cases import ROOT, Rules
from unit.alerts.healthy import CAUSES
from unit.alerts.promql import complaints

RUNBOOKS = sorted((ROOT / "alerts" / "runbooks").glob("Campaign*.md"))
COMMON = ROOT / "alerts" / "runbooks" / "README.md"
VALUES = load_values(SHIPPED)
SECTIONS = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Source"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RECORDS = {rule["record"]: rule["expr"] for rule in Rules.load().rules if "record" in rule}
_GROUPS = {"campaign-exporter": exporter, "campaign-simulator": simulator}
#: Commands of the contract that another part of the project brings: flags by command.
_PROMISED = {"why": {"--all", "--config.file"}, "doctor": {"--config.file"}}
_OTHERS = {"curl", "df", "dmesg", "free", "grep", "journalctl", "ls", "psql", "ssh", "systemctl", "tail", "timedatectl"}
_NLSERVER = re.compile(r"nlserver (pdump( -who)?|monitor -missing|(start|stop|restart) [a-zA-Z]+@[a-z]+|stat -reload)")


def blocks(file: Path, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(file.read_text("utf-8")) if kind == language]


def lines(language: str) -> list[tuple[str, str]]:
    return [(file.stem, line) for file in [*RUNBOOKS, COMMON] for text in blocks(file, language) for line in text.splitlines()]


@pytest.mark.parametrize("file", RUNBOOKS, ids=lambda file: file.stem)
def test_each_runbook_has_its_parts_in_order(file: Path) -> None:
    text = file.read_text("utf-8")
    assert text.startswith(f"# {file.stem}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    for section, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        assert body.strip(), f"{section} is empty"
    assert blocks(file, "promql"), "a runbook asks Prometheus something"
    assert {kind for kind, _ in _BLOCK.findall(text)} <= {"sh", "sql", "promql"}
    assert max(map(len, text.splitlines())) <= 140


def wrong(command: str) -> str | None:
    """Tell what is wrong with a command."""
    for part in command.split(" | "):
        words = shlex.split(part)
        if words[0] in _GROUPS:
            if complaint := _wrong_of_ours(words[0], words[1], words[2:]):
                return complaint
        elif words[0] == "nlserver":
            if not _NLSERVER.fullmatch(part.strip()):
                return f"nlserver has no {part}"
        elif words[0] not in _OTHERS:
            return f"{words[0]} is no command that a runbook may expect"
    return None


def _wrong_of_ours(program: str, command: str, words: Sequence[str]) -> str | None:
    group = _GROUPS[program]
    assert isinstance(group, click.Group)
    flags = {word for word in words if word.startswith("--")}
    if command in group.commands:
        known = {flag for parameter in group.commands[command].params for flag in parameter.opts}
    elif command in _PROMISED:
        known = _PROMISED[command]
    else:
        return f"{program} has no command {command}"
    return f"{program} {command} has no {', '.join(sorted(flags - known))}" if flags - known else None


@pytest.mark.parametrize(("runbook", "line"), lines("sh"))
def test_each_command_exists(runbook: str, line: str) -> None:
    assert wrong(line) is None, runbook


def test_each_command_that_an_alert_names_exists() -> None:
    texts = {rule["annotations"]["next"] for rule in Rules.load().rules if "alert" in rule}
    assert len(texts) > 10
    for text in texts:
        if text.startswith(f"{VALUES.psql} -c "):
            continue  # its statement is run by a test of its own
        command = re.sub(r"\{\{ \$labels\.\w+ \}\}", "name", text)
        for match in re.findall(r"(?:campaign-exporter|nlserver|curl|journalctl) [^,]*", command):
            assert wrong(match.strip()) is None, text


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("nlserver kill mta@prod", "nlserver has no nlserver kill mta@prod"),
        ("campaign-exporter whatever", "campaign-exporter has no command whatever"),
        ("campaign-exporter grants --file x", "campaign-exporter grants has no --file"),
        ("campaign-exporter why 1 --config x", "campaign-exporter why has no --config"),
        ("frobnicate", "frobnicate is no command that a runbook may expect"),
    ],
)
def test_the_check_itself_finds_what_does_not_exist(command: str, complaint: str) -> None:
    assert wrong(command) == complaint


@pytest.mark.parametrize(("runbook", "line"), lines("promql"))
def test_each_question_to_prometheus_is_one_of_the_catalogue(runbook: str, line: str) -> None:
    assert complaints(line, _RECORDS, CAUSES, "campaign") == [], runbook


def test_each_diagnosis_begins_with_what_its_commands_need() -> None:
    for file in RUNBOOKS:
        _, diagnosis = file.read_text("utf-8").split("\n## Diagnosis\n\n")
        assert diagnosis.startswith("Accounts, servers and names to put in: [Before you begin](README.md).\n"), file.name


def test_the_common_page_is_right_that_the_exporters_role_may_not_read_all() -> None:
    page, may_read = COMMON.read_text("utf-8"), columns_read()
    for table, column in (("XtkJobLog", "sMessage"), ("XtkWorkflow", "tsLastStart")):
        assert f"{table}.{column}" in page
        assert column.lower() not in may_read.get(table.lower(), ())


def test_each_link_between_runbooks_leads_somewhere() -> None:
    for file in [*RUNBOOKS, COMMON]:
        for target, anchor in re.findall(r"\]\(([A-Za-z]+\.md)(?:#([\w-]+))?\)", file.read_text("utf-8")):
            other = file.parent / target
            assert other.exists(), f"{file.name}: {target}"
            assert not anchor or f"\n### {anchor}\n" in other.read_text("utf-8"), f"{file.name}: {target}#{anchor}"
