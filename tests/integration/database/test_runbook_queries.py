"""Each SQL statement of a runbook, and of an alert's next step, runs on Campaign's tables."""

import re
from pathlib import Path

import pytest
import yaml

from integration.database.scene import Scene

ALERTS = Path(__file__).resolve().parents[3] / "alerts"


def of_runbooks() -> list[tuple[str, str]]:
    return [
        (file.stem, statement)
        for file in sorted((ALERTS / "runbooks").glob("*.md"))
        for block in re.findall(r"^```sql\n(.*?)^```$", file.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        for statement in re.findall(r"[^;]+;", block)
    ]


def of_alerts() -> list[tuple[str, str]]:
    documents = [yaml.safe_load(file.read_text("utf-8")) for file in sorted((ALERTS / "rules").glob("*.yml"))]
    rules = [rule for document in documents for group in document["groups"] for rule in group["rules"] if "alert" in rule]
    nexts = [(rule["alert"], re.fullmatch(r'psql -c "(.*)"', rule["annotations"]["next"])) for rule in rules]
    return [(alert, match[1]) for alert, match in nexts if match is not None]


STATEMENTS = [*of_runbooks(), *of_alerts()]


def test_there_are_statements_of_both_kinds() -> None:
    assert len(of_runbooks()) > 20
    assert len(of_alerts()) >= 4


def test_each_statement_runs(scene: Scene) -> None:
    scene.delivery(20456, 51)
    connection = scene.connect()
    wrong = []
    for runbook, statement in STATEMENTS:
        try:
            connection.execute(statement.encode())
        except Exception as error:  # noqa: BLE001 - whatever PostgreSQL says is the finding
            wrong.append(f"{runbook}: {error}")
    assert wrong == []


@pytest.mark.parametrize("forbidden", ["spassword", "mdata", "saddress", "sfirstaddress"])
def test_no_statement_shows_passwords_content_or_addresses(forbidden: str) -> None:
    assert [runbook for runbook, statement in STATEMENTS if forbidden in statement.lower()] == []
