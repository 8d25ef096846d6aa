"""What mutes what, on a real Alertmanager; and that the cases notice each change of a rule."""

import copy
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from alerting.target import SHIPPED
from alertmanager.check_inhibition import Alertmanager, Case, Verdict, check, judge, muted_configuration, read_cases, read_rules

CASES = SHIPPED.parent / "inhibition-cases.yml"
TOOL = SHIPPED.parent / "check_inhibition.py"
RULES: Sequence[Any] = read_rules(SHIPPED)
Rules = list[dict[str, list[str]]]


@pytest.fixture(scope="module")
def verdicts() -> Mapping[str, Verdict]:
    return {verdict.case.name: verdict for verdict in check(RULES, read_cases(CASES))}


#: Of two sources that are alike in what must be equal, Alertmanager 0.30.0 to 0.34.0 forgets the first when the second is over,
#: until Prometheus sends it again.
FORGETFUL = (0, 30, 0), (0, 34, 1)
FORGOTTEN = "of two root alerts the other one may stay as well"


@pytest.mark.parametrize("case", read_cases(CASES), ids=lambda case: case.name)
def test_case(case: Case, verdicts: Mapping[str, Verdict]) -> None:
    fault = case.name == FORGOTTEN and FORGETFUL[0] <= version() < FORGETFUL[1]
    assert verdicts[case.name].problems == (("stuck is active, and should be muted by first",) if fault else ())


def version() -> tuple[int, ...]:
    done = subprocess.run(["amtool", "--version"], capture_output=True, text=True, timeout=30, check=True)
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    return tuple(map(int, found.groups())) if found else (0,)  # built by hand, from whatever version


def changed_rules() -> Iterator[tuple[str, Rules]]:
    """Leave out each rule, each of its conditions, and each name of a list of names."""
    for number, rule in enumerate(RULES):
        yield f"rule {number}", [*RULES[:number], *RULES[number + 1 :]]
        for part, conditions in rule.items():
            for condition in conditions:
                for title, instead in [(condition, None), *shorter(condition)]:
                    changed = copy.deepcopy(list(RULES))
                    changed[number][part] = [each for each in conditions if each != condition] + ([instead] if instead else [])
                    yield f"rule {number} {part} {title}", changed


def shorter(condition: str) -> Iterator[tuple[str, str]]:
    listed = re.fullmatch(r'(\w+=~)"([\w|]+)"', condition)
    names = listed[2].split("|") if listed else []
    for name in names:
        yield name, f'{listed[1]}"{"|".join(each for each in names if each != name)}"' if listed else ""


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Give an Alertmanager whose rules can be changed while it runs."""
    configuration = tmp_path_factory.mktemp("workbench") / "alertmanager.yml"
    configuration.write_text(muted_configuration(RULES), encoding="utf-8")
    with Alertmanager(configuration) as running:
        yield running


@pytest.mark.parametrize("change", [pytest.param(rules, id=title) for title, rules in changed_rules()])
def test_a_case_notices_each_change(change: Rules, workbench: Alertmanager) -> None:
    workbench.configuration.write_text(muted_configuration(change), encoding="utf-8")
    workbench.request("POST", "/-/reload")
    assert any(verdict.problems for verdict in judge(workbench, read_cases(CASES))), "no case fails without this: add one"


def test_a_source_is_never_less_severe_than_its_target() -> None:
    """A critical source outranks anything; any other must say which targets it may mute."""
    for rule in RULES:
        source, target = (severities(rule[side]) for side in ("source_matchers", "target_matchers"))
        assert min(map(RANK.index, source)) >= max(map(RANK.index, target)), rule


RANK = ("none", "info", "warning", "critical")


def severities(matchers: list[str]) -> list[str]:
    for matcher in matchers:
        if found := re.fullmatch(r'severity=~?"([\w|]+)"', matcher):
            return found[1].split("|")
    return list(RANK)


def run(*words: Path | str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_tool_tells_which_case_fails_and_how(tmp_path: Path) -> None:
    file = tmp_path / "cases.yml"
    file.write_text(
        """
        cases:
          - name: right
            firing: {one: {alertname: A}}
          - name: wrong
            firing:
              root: {alertname: CampaignDatabaseUnreachable, severity: critical, campaign_instance: a}
              effect: {alertname: B, needs: database, campaign_instance: a}
              other: {alertname: C, campaign_instance: a}
            suppressed: {other: root}
          - name: wrong again
            firing:
              root: {alertname: CampaignDatabaseUnreachable, severity: critical, campaign_instance: a}
              effect: {alertname: B, needs: database, campaign_instance: a}
              other: {alertname: C, campaign_instance: a}
            suppressed: {effect: other}
        """,
        encoding="utf-8",
    )
    status, output = run(SHIPPED, file)
    assert status == 1
    assert [" ".join(line.split()) for line in output.splitlines()] == [
        "ok right",
        "FAIL wrong",
        "effect is muted by root, and should be active",
        "other is active, and should be muted by root",
        "FAIL wrong again",
        "effect is muted by root, and should be muted by other",
        "3 cases, 2 failed",
    ]


def test_the_tool_needs_an_alertmanager_that_runs(tmp_path: Path) -> None:
    assert run("--alertmanager", tmp_path / "nothing", SHIPPED, CASES) == (
        2,
        f"{tmp_path / 'nothing'} does not start: No such file or directory\n",
    )
    bad = tmp_path / "bad.yml"
    bad.write_text("inhibit_rules: [{nonsense: 1}]", encoding="utf-8")
    status, output = run(bad, CASES)
    assert status == 2
    assert output.startswith("Alertmanager does not get ready:")
    assert "nonsense" in output
