"""Each SQL statement of a runbook, and of an alert's next step, runs on Campaign's tables."""

import re
from pathlib import Path

import psycopg
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
        except psycopg.Error as error:
            wrong.append(f"{runbook}: {error}")
    assert wrong == []


@pytest.mark.parametrize("forbidden", ["spassword", "mdata", "saddress", "sfirstaddress"])
def test_no_statement_shows_passwords_content_or_addresses(forbidden: str) -> None:
    assert [runbook for runbook, statement in STATEMENTS if forbidden in statement.lower()] == []


def of_runbook(name: str, sign: str) -> str:
    (statement,) = (statement for runbook, statement in of_runbooks() if runbook == name and sign in statement)
    return statement


def test_work_tables_that_nobody_needs_are_listed_with_their_owner(scene: Scene) -> None:
    for number, state in ((20456, 51), (20457, 85), (-5, 100)):
        scene.delivery(number, state)
    for number, state in ((1, 11), (2, 20)):
        scene.insert("XtkWorkflow", iWorkflowId=number, sInternalName=f"WKF{number}", iState=state)
    deliveries = ("wkdlv_20456_1", "wkdlv_20457_1", "wkdlv_4294967291_1", "wkdlv_99_1", "wkdlv_other")
    for name in (*deliveries, "wkf1_1", "wkf2_1", "wkfhisto2_query", "wkf99_1", "wkfolder"):
        scene.execute(f"CREATE TABLE {name} (id int)")
    scene.execute("CREATE SCHEMA other; CREATE TABLE other.wkdlv_98_1 (id int)")
    name = "CampaignWorkTablesOrphaned"
    [alter] = re.findall(r"^    (ALTER TABLE .*;)$", (ALERTS / "runbooks" / f"{name}.md").read_text("utf-8"), re.MULTILINE)
    scene.execute(alter.replace("wkdlv_20456_1", "wkdlv_99_1").replace("neolane", "campaign_monitor"))
    found = {row[0]: (row[1], row[3]) for row in scene.execute(of_runbook(name, "LEFT JOIN NmsDelivery"))}
    assert found == {
        "wkdlv_20457_1": ("postgres", 85),
        "wkdlv_4294967291_1": ("postgres", 100),
        "wkdlv_99_1": ("campaign_monitor", None),
    }
    states = {row[0]: row[3] for row in scene.execute(of_runbook(name, "LEFT JOIN XtkWorkflow"))}
    assert states == {"wkf2_1": 20, "wkfhisto2_query": 20, "wkf99_1": None}


def test_events_are_counted_as_the_alert_counts_them(scene: Scene) -> None:
    hour, ahead = "now() - interval '1 hour'", "now() + interval '1 hour'"
    rows = [
        (1, 0, hour, "NULL", "NULL", "NULL"),
        (2, 0, hour, hour, "NULL", "NULL"),
        (3, 0, hour, "NULL", hour, "NULL"),
        (4, 0, hour, "NULL", "NULL", ahead),
        (5, 2, hour, "NULL", ahead, hour),
        (6, 2, "now()", "NULL", "NULL", "NULL"),
        (7, 2, "now() - interval '3 hours'", "NULL", "NULL", "NULL"),
    ]
    for number, status, modified, processed, expiration, scheduled in rows:
        scene.execute(
            "INSERT INTO nmsrtevent (irteventid, istatus, tscreated, tslastmodified, tsprocessed, tsexpiration, tsscheduled)"
            f" VALUES ({number}, {status}, {modified}, {modified}, {processed}, {expiration}, {scheduled})"
        )
    seen = scene.watch().round("maintenance")
    asked = [
        statement for name, statement in STATEMENTS if name == "CampaignEventQueueStuck" and "nmsrtevent" in statement.lower()
    ]
    assert len(asked) == 2
    for statement in asked:
        found = scene.execute(statement)
        assert sorted(row[:3] for row in found) == [(0, 4, 1), (2, 1, 1)]
        assert seen.samples("campaign_rt_events_sampled") == {(str(row[0]),): row[1] for row in found}
        assert seen.samples("campaign_rt_events_unprocessed") == {(str(row[0]),): row[2] for row in found}
        oldest = min(row[3] for row in found).timestamp()
        assert seen.value("campaign_rt_events_unprocessed_oldest_timestamp_seconds") == pytest.approx(oldest)
