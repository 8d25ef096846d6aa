"""`why` on a real database: which delivery is meant, what is read of it, and how it stands beside a running exporter."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

from campaign_exporter.config import Config
from campaign_exporter.grants import CONNECTION_LIMIT
from campaign_exporter.rounds import SystemClock
from campaign_exporter.why.command import run_why
from campaign_simulator.tricky import insert_tricky_rows
from integration.database.scene import PASSWORD, MakeScene, Scene
from integration.database.test_pending import SINCE, add_host

SECRET = "tok-53cr3t-of-somebody"


class Asked:
    """What the command printed, and its exit status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out)
        return content


@pytest.fixture
def ask(scene: Scene, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - a function of a test
    def why(delivery: str | None, form: str = "json", config: Config | None = None, **options: Any) -> Asked:  # noqa: ANN401 - passed on
        wanted = {"only": None, "patience": 1.0, "clock": SystemClock(), "config_file": Path("campaign.yaml"), **options}
        capsys.readouterr()
        status = run_why(config or scene.config(), delivery, form=form, **wanted)
        printed = capsys.readouterr()
        return Asked(status, printed.out, printed.err)

    return why


@pytest.mark.parametrize("name", ["7", "DM7", "Spring sale", "-9", "0"])
def test_a_delivery_is_found_by_id_internal_name_or_label(scene: Scene, ask: Any, name: str) -> None:  # noqa: ANN401 - a function
    scene.delivery(7, sLabel="Spring sale")
    scene.delivery(8, sLabel="7", sInternalName="Spring")
    scene.delivery(-9, sInternalName="DM-9")
    told = ask(name)
    if name == "0":
        assert told.status == 1, "the zero record is no delivery"
        return
    assert told.status == 0
    assert told.json["delivery_id"] == (-9 if name == "-9" else 7)


def test_what_fits_best_is_meant_and_the_rest_is_offered(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.delivery(1, sLabel="Sale")
    scene.delivery(2, sLabel="Sale", sInternalName="Sale")
    scene.delivery(3, sLabel="Summer sale", sInternalName="DM3")
    assert ask("Sale").json["delivery_id"] == 2, "an internal name is one delivery's"
    scene.execute("UPDATE nmsdelivery SET sinternalname = 'DM2' WHERE ideliveryid = 2")
    told = ask("Sale")
    assert told.status == 1
    assert {match["delivery_id"] for match in told.json["matches"]} == {1, 2}
    assert ask("summer").json["delivery_id"] == 3, "a part of a name does, where only one has it"
    told = ask("ale", "text")
    assert told.status == 1
    assert "not one delivery's" in told.err
    assert "Summer sale" in told.out
    assert ask("nothing of that kind").json["matches"] == []
    assert ask("100%_").status == 1, "no wildcards"


def test_odd_deliveries_can_be_asked_for(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    rows = insert_tricky_rows(scene.connect())
    for row in rows.rows:
        told = ask(str(row.delivery_id))
        assert told.status == 0, row.kind
        counts = row.counted and row.state == 51
        assert told.json["pending"] == counts, row.kind
        text = ask(str(row.delivery_id), "text")
        assert text.status == 0
        assert not {character for character in text.out if ord(character) < 32 and character != "\n"}


def test_a_whole_report(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    add_host(scene, "mta1", running="mta stat", affinities="blue")
    add_host(scene, "mta2", running="mta stat", affinities="blue")
    scene.insert("NmsExtAccount", iExtAccountId=5, iActive=1, sName="routingEmail", sPassword=SECRET)
    scene.delivery(1, sIPAffinity="Blue", iToDeliver=1200, iProcessed=200, iDeliveryProviderId=5, mData=SECRET)
    told = ask("DM1").json
    assert told["cause"] == "affinity_unconfigured"
    assert told["messages"] == 1000
    assert told["severity"] == "critical"
    assert told["confidence"] == "documented"
    assert told["now"] - told["since"] == pytest.approx(3600, abs=30)
    assert told["next"][0]["hosts"] == ["mta1", "mta2"]
    assert told["next"][0]["command"] == "nlserver restart mta@prod"
    checks = {check["name"]: check for check in told["checks"]}
    assert len(checks) == 17
    assert "is blue meant?" in checks["affinity_unconfigured"]["evidence"]
    assert checks["mta_down"]["verdict"] == "clear"
    assert checks["concurrency_limit"]["verdict"] == "not concerned"
    assert told["parts"] == {"parts": 1, "due": 0, "held": 0}


def test_the_log_is_counted_and_never_shown(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.delivery(1)
    scene.delivery(2)
    phrases = (
        "DLV-490037 the resources are not available",
        "Postponing DeliveryParts for broken delivery",
        "BAS-010015 Cannot open file '/tmp/tmp1.tmp'",
        "rename: errno=18 Invalid cross-device link",
        "rename: errno=18",
        "rename: errno=183",
        "AppendDeliveryPart: HTTP 408",
        "AppendDeliveryPart: HTTP 4080",
        "Messages queued (connection quotas met)",
        "Messages queued (dynamic flow control)",
        "The ipaffinity red is not found on mid server mid1",
        "nothing of note",
    )
    for number, phrase in enumerate(phrases, 1):
        scene.insert("XtkJobLog", iJobLogId=number, iJobId=1, sMessage=f"john@doe.example {SECRET} {phrase} {SECRET}")
    told = ask("1").json
    log = next(clue for clue in told["clues"] if clue["name"] == "log")
    assert log["seen"] is None, "the role has no right to the log unless it is given one"
    scene.execute("GRANT SELECT (ijobid, ijoblogid, smessage) ON xtkjoblog TO campaign_monitor")
    scene.execute("GRANT SELECT ON SEQUENCE xtknewid TO campaign_monitor")
    scene.execute("SELECT nextval('xtknewid')")
    answers = [ask("1"), ask("1", "text"), ask("2"), ask(None)]
    for answer in answers:
        for secret in (SECRET, "john@doe", PASSWORD):
            assert secret not in answer.out + answer.err
    found = {clue["name"]: clue["evidence"] for clue in answers[0].json["clues"] if clue["seen"]}
    assert found.keys() == {
        "capacity",
        "temporary_file",
        "cross_device",
        "mid_timeout",
        "throttled",
        "affinity_not_on_mid",
    }
    assert found["temporary_file"].startswith("2 lines")
    assert found["cross_device"].startswith("2 lines")
    assert found["mid_timeout"].startswith("1 line ")
    assert [clue["seen"] for clue in answers[2].json["clues"] if clue["name"] in {"log", "sequence"}] == [False, False]
    assert "look at the capacity rules" in answers[0].json["next"][0]["text"]


def test_other_priorities_and_ids_that_run_out(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.delivery(1, iMsgPriority=10)
    scene.delivery(2, 55, iMsgPriority=20)
    scene.delivery(3, 55, iMsgPriority=10)
    scene.delivery(4, 62, iMsgPriority=5)
    scene.delivery(5, 51, iMsgPriority=30)
    scene.execute("GRANT SELECT ON SEQUENCE xtknewid TO campaign_monitor")
    scene.execute("SELECT setval('xtknewid', 2000000000)")
    found = {clue["name"]: clue["evidence"] for clue in ask("1").json["clues"] if clue["seen"]}
    assert found == {
        "priority": "2 deliveries in sending have other priority numbers (iPriority/iMsgPriority 0/20, 0/5; its own are 0/10)",
        "sequence": "93% of the ids of xtknewid are used up",
    }
    (same,) = [clue for clue in ask("5").json["clues"] if clue["name"] == "priority"]
    assert same["seen"]  # which number goes first is not documented
    scene.execute("UPDATE nmsdelivery SET imsgpriority = NULL")
    (same,) = [clue for clue in ask("5").json["clues"] if clue["name"] == "priority"]
    assert (same["seen"], same["evidence"]) == (False, "no delivery that is being sent has another priority number")


def test_it_agrees_with_the_exporter_that_runs_beside_it(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    add_host(scene, running="mta stat", affinities="blue")
    scene.delivery(1, 61)
    scene.delivery(2, sIPAffinity="red", iToDeliver=5)
    state = scene.state()
    seen = scene.watch(state).round("processes", "affinity", "pending")
    scene.execute("UPDATE nmsdelivery SET tslastmodified = now() - interval '1 second', slabel = 'edited'")
    seen.round("pending")
    config = scene.config().model_copy(update={"state_directory": scene.directory / "state"})
    metric = seen.samples(SINCE)
    for number in (1, 2):
        told = ask(str(number), config=config).json
        assert (told["cause"], str(number), "edited") in metric
        assert told["since"] == pytest.approx(metric[told["cause"], str(number), "edited"], abs=0.001)
        assert told["not_seen"] == []
    assert ask("1").json["not_seen"] != [], "without the state it says that it does not know since when"
    assert len(scene.our_sessions()) == 1, "the exporter's; the command has let go of its own"
    assert seen.round("pending").success("pending") == 1


def test_an_affinity_that_has_just_gone_is_gone_for_the_command_as_well(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    add_host(scene, running="mta stat", affinities="red")
    scene.delivery(1, sIPAffinity="red")
    scene.execute(
        "INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (now() - interval '40 minutes', 1, 5)"
    )
    state = scene.state()
    seen = scene.watch(state).round("processes", "affinity", "pending")
    configuration = scene.directory / "mta1.xml"
    configuration.write_text(configuration.read_text().replace('"red"', '"blue"'))
    scene.clock.ahead += 15
    seen.round("affinity", "pending")
    scene.clock.ahead += 1000
    seen.round("processes", "affinity", "pending")
    assert seen.counted("campaign_deliveries_pending") == {("affinity_unconfigured",): 1}
    config = scene.config().model_copy(update={"state_directory": scene.directory / "state"})
    assert ask("1", config=config, clock=scene.clock).json["cause"] == "affinity_unconfigured"
    assert ask("1").json["cause"] == "unknown", "who has not seen it leave waits for an hour without mail"
    again = scene.watch(state).round("processes", "affinity", "pending")
    assert again.counted("campaign_deliveries_pending") == {("affinity_unconfigured",): 1}, "nor does a restart forget it"


def test_all_that_waits(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.insert("NmsExtAccount", iExtAccountId=5, iActive=0)
    scene.delivery(1, iToDeliver=10)
    scene.delivery(2, iToDeliver=3000, iDeliveryProviderId=5)
    scene.delivery(3, iToDeliver=500, tsContact="infinity")
    told = ask(None)
    assert told.status == 0
    assert [(one["delivery_id"], one["cause"], one["since"] is None) for one in told.json["waiting"]] == [
        (2, "account_inactive", False),
        (1, "unknown", False),
        (3, "scheduled", True),
    ]
    text = ask(None, "text")
    assert "3,000" in text.out
    assert "2 deliveries stuck with 3,010 messages, 1 waiting as planned" in text.out


def test_several_instances(make_scene: MakeScene, scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    other = make_scene()
    scene.delivery(1, sLabel="here")
    other.delivery(1, sLabel="there")
    other.delivery(2, sLabel="only there")
    instances = [scene.config().instances[0], other.config().instances[0].model_copy(update={"name": "mid"})]
    config = scene.config().model_copy(update={"instances": tuple(instances)})
    assert ask("2", config=config).json["instance"] == "mid"
    both = ask("1", config=config)
    assert both.status == 1
    assert "name one with --instance" in both.json["error"]
    assert ask("1", config=config, only="mid").json["label"] == "there"
    other.execute("REVOKE SELECT (istate) ON nmsdelivery FROM campaign_monitor")
    half = ask("here", config=config)
    assert half.status == 0
    assert "mid: not read: " in half.err


def test_what_cannot_be_read_is_said(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.delivery(1)
    scene.password_file.write_text("wrong")
    config = scene.config()
    scene.password_file.write_text("wrong")
    for delivery in ("1", None):
        told = ask(delivery, config=config)
        assert told.status == 1
        assert "prod: not read: " in told.err
        assert "authentication" in told.err
        assert "wrong" not in told.out + told.err
    scene.config()
    lock = scene.connect()
    lock.execute("BEGIN; LOCK TABLE nmsdelivery IN ACCESS EXCLUSIVE MODE")
    before = time.monotonic()
    told = ask("1")
    assert told.status == 1
    assert "lock" in told.err
    assert time.monotonic() - before < 2
    lock.execute("ROLLBACK")


def test_hosts_that_hang_are_not_waited_for(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    add_host(scene, "mta1", running="", affinities="blue")
    scene.instance["hosts"].append({"name": "mta2", "expected_processes": ["mta"], "processes": {"command": ["sleep", "60"]}})
    scene.delivery(1)
    before = time.monotonic()
    told = ask("1", patience=0.5).json
    assert time.monotonic() - before < 2
    assert told["cause"] == "unknown", "that one mta is down does not say that all are"
    check = next(check for check in told["checks"] if check["name"] == "mta_down")
    assert check["verdict"] == "cannot tell"
    assert "mta2" in check["to_see_it"]
    assert any("mta2" in note for note in told["not_seen"])


def test_it_needs_one_connection_and_leaves_none(scene: Scene, ask: Any) -> None:  # noqa: ANN401 - a function
    scene.delivery(1)
    seen = scene.watch().round("pending")
    dsn = scene.server.dsn(user="campaign_monitor", database=scene.database, password=PASSWORD)
    assert ask("1").status == 0
    with ExitStack() as sessions:
        for _ in range(CONNECTION_LIMIT - 1):
            sessions.enter_context(psycopg.connect(dsn))
        told = ask("1")
        assert told.status == 1
        assert "too many connections" in told.err
    assert seen.round("pending").success("pending") == 1
