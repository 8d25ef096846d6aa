"""What is under way and to come, on a real PostgreSQL."""

from typing import Any

import pytest

from campaign_exporter.domain.schedule import HORIZONS
from integration.database.scene import MakeScene, Scene

UNDER_WAY = "campaign_messages_under_way"
ONE_BY_ONE = "campaign_delivery_messages"
RATE, END = "campaign_delivery_messages_per_second", "campaign_delivery_expected_end_timestamp_seconds"
VALIDITY, PAST = "campaign_delivery_validity_timestamp_seconds", "campaign_delivery_messages_past_validity"
UPCOMING, LARGE = "campaign_upcoming_messages", "campaign_upcoming_large_delivery_messages"
LINES, FINDINGS = "campaign_delivery_log_lines_total", "campaign_delivery_log_findings_total"


@pytest.fixture
def quick(scene: Scene) -> Scene:
    """Give a scene whose rates are measured within moments."""
    scene.collectors["outlook"] = {"rate_window": "90s", "large_delivery": 1000}
    return scene


def moment(scene: Scene, expression: str) -> object:
    return scene.execute(f"SELECT {expression}")[0][0]


def epoch(scene: Scene, value: object) -> float:
    return float(scene.execute("SELECT date_part('epoch', %s::timestamptz)", value)[0][0])


def test_an_empty_database_has_zeros_and_no_table(scene: Scene) -> None:
    seen = scene.watch(scene.state()).round("outlook")
    assert seen.success("outlook") == 1
    assert len(seen.samples(UNDER_WAY)) == 7 * 6
    assert len(seen.samples(UPCOMING)) == 2 * 7
    assert seen.counted(UNDER_WAY) == seen.counted(UPCOMING) == seen.samples(ONE_BY_ONE) == seen.samples(LARGE) == {}
    assert len(seen.samples(FINDINGS)) == 0  # the role may not read what the logs say
    assert seen.samples(LINES) == {}


def test_counters_are_summed_by_state_and_channel(scene: Scene) -> None:
    counters: dict[str, Any] = {
        "iToDeliver": 100,
        "iProcessed": 40,
        "iSuccess": 35,
        "iError": 5,
        "iReject": 3,
        "iNewQuarantine": 2,
    }
    scene.delivery(1, 55, **counters)
    scene.delivery(2, 55, **counters)
    scene.delivery(3, 75, iMessageType=1, iToDeliver=7)
    scene.delivery(4, 81, iMessageType=130, iToDeliver=9)
    for number, columns in enumerate(({"iIsModel": 1}, {"iDeleteStatus": 1}, {"iFCP": 1}, {"iState": 85}, {"iState": 45}), 5):
        scene.delivery(number, **{"state": 55, **counters, **columns})
    seen = scene.watch().round("outlook")
    assert seen.counted(UNDER_WAY) == {
        ("email", "to_deliver", "in_progress"): 200,
        ("email", "processed", "in_progress"): 80,
        ("email", "success", "in_progress"): 70,
        ("email", "error", "in_progress"): 10,
        ("email", "rejected", "in_progress"): 6,
        ("email", "quarantined", "in_progress"): 4,
        ("sms", "to_deliver", "paused"): 7,
        ("130", "to_deliver", "81"): 9,
    }
    assert {number for number, _ in seen.samples(ONE_BY_ONE, kind="processed")} == {"1", "2", "3", "4"}


@pytest.mark.parametrize("with_time_zone", [True, False])
def test_a_delivery_that_is_too_slow_is_told_before_its_validity_ends(make_scene: MakeScene, *, with_time_zone: bool) -> None:
    scene = make_scene(schema="public" if with_time_zone else "old", with_time_zone=with_time_zone)
    scene.collectors["outlook"] = {"rate_window": "30m"}
    scene.database_settings["timezone"] = moment(scene, "current_setting('TimeZone')")
    in_an_hour = moment(scene, "now() + interval '1 hour'")
    scene.delivery(1, 55, iToDeliver=10_000, tsValidity=in_an_hour)
    state = scene.state()
    seen = scene.watch(state).round("outlook")
    assert seen.samples(RATE) == seen.samples(END) == seen.samples(PAST) == {}
    one = {"delivery_id": "1", "label": "Delivery 1"}
    assert seen.value(VALIDITY, **one) == pytest.approx(epoch(scene, in_an_hour), abs=1)
    # Let the first sight have been 25 minutes ago.
    section = dict(state.section("prod/outlook") or {})
    section["points"] = {"1": [[at - 1500, processed] for at, processed in section["points"]["1"]]}
    state.put("prod/outlook", section)
    scene.execute("UPDATE nmsdelivery SET iprocessed = 1500 WHERE ideliveryid = 1")
    seen = scene.watch(state).round("outlook")
    assert seen.value(RATE, **one) == pytest.approx(1, rel=0.02)
    assert seen.value(END, **one) == pytest.approx(seen.clock.time() + 8500, abs=200)
    assert seen.value(PAST, **one) == pytest.approx(8500 - 3600, abs=100)


@pytest.mark.parametrize(
    "columns",
    [
        {"iState": 51},
        {"iState": 61},
        {"iState": 62},
        {"iState": 75},
        {"iDeliveryMode": 4},
        {"iDeliveryMode": None},
        {"iMessageType": 3},
        {"iToDeliver": None},
        {"iProcessed": 100},
    ],
)
def test_of_what_is_not_in_its_first_pass_here_no_rate_is_measured(quick: Scene, columns: dict[str, object]) -> None:
    quick.delivery(1, **{"state": 55, "iToDeliver": 100, "iProcessed": 10, **columns})  # type: ignore[arg-type] # by name
    quick.delivery(2, 55, iToDeliver=100)
    state = quick.state()
    quick.watch(state).round("outlook")
    assert set((state.section("prod/outlook") or {})["points"]) == {"2"}


def test_what_comes_is_summed_by_stage_and_horizon(scene: Scene) -> None:
    ahead = {
        name: moment(scene, f"now() + interval '{name}'") for name in ("10 min", "50 min", "3 hours", "20 hours", "2 days")
    }
    scene.delivery(1, 51, tsContact=ahead["10 min"], iToDeliver=100)
    scene.delivery(2, 45, tsContact=ahead["50 min"], iToDeliver=10)
    scene.delivery(3, 25, tsContact=ahead["20 hours"], iToDeliver=1)
    scene.delivery(4, 51, tsContact=ahead["2 days"], iToDeliver=5000)
    scene.delivery(5, 51, tsContact="infinity", iToDeliver=5000)
    scene.delivery(6, 51, tsContact=None, iToDeliver=5000)
    scene.delivery(7, 51, iToDeliver=5000)  # it was due an hour ago
    scene.delivery(8, 51, tsContact=ahead["10 min"], iToDeliver=5000, iDeliveryMode=4)
    scene.delivery(9, 15, tsContact=ahead["10 min"], iToDeliver=5000)
    scene.delivery(10, 75, tsContact=ahead["10 min"], iToDeliver=5000)
    # What is left of it: 400 now, 200 and 400 in waves.
    scene.delivery(11, 55, parts=(), iToDeliver=2000, iProcessed=1000)
    for number, (when, messages) in enumerate((("3 hours", 150), ("3 hours", 50), ("20 hours", 400), ("2 days", 1))):
        scene.insert("NmsDeliveryPart", iDeliveryPartId=number + 1, iDeliveryId=11, tsNextPass=ahead[when], iRcpCount=messages)
    seen = scene.watch().round("outlook")
    told = {
        stage: [seen.value(UPCOMING, stage=stage, horizon=horizon) for horizon in HORIZONS]
        for stage in ("launched", "prepared")
    }
    assert told == {"launched": [100, 100, 100, 100, 300, 300, 700], "prepared": [0, 0, 10, 10, 10, 10, 11]}


def test_large_ones_that_come_together_are_named_with_their_group(quick: Scene) -> None:
    for number, minutes in ((1, 60), (2, 66), (3, 75), (4, 90), (5, 61)):
        when = moment(quick, f"now() + interval '{minutes} min'")
        quick.delivery(number, 51, tsContact=when, iToDeliver=999 if number == 5 else 1000 * number)
    seen = quick.watch(quick.state()).round("outlook")
    assert seen.samples(LARGE) == {
        ("1", "1", "Delivery 1"): 1000,
        ("2", "1", "Delivery 2"): 2000,
        ("3", "1", "Delivery 3"): 3000,
        ("4", "4", "Delivery 4"): 4000,
    }
    start = seen.value("campaign_upcoming_large_delivery_timestamp_seconds", delivery_id="2", group="1", label="Delivery 2")
    assert start == pytest.approx(seen.clock.time() + 66 * 60, abs=10)
    assert seen.value("campaign_exporter_series_dropped_total", family=LARGE) == 0


def test_the_tables_are_bounded_and_what_is_cut_is_counted(scene: Scene) -> None:
    scene.collectors["outlook"] = {"table_size": 2, "large_delivery": 10}
    when = moment(scene, "now() + interval '1 hour'")
    for number in range(1, 6):
        scene.delivery(number, 51, tsContact=when, iToDeliver=10 * number)
    seen = scene.watch(scene.state()).round("outlook")
    assert {number for number, _ in seen.samples(ONE_BY_ONE, kind="to_deliver")} == {"5", "4"}
    assert len(seen.samples(LARGE)) == 2
    assert seen.value("campaign_exporter_series_dropped_total", family=ONE_BY_ONE) == 3
    assert seen.value("campaign_exporter_series_dropped_total", family=LARGE) == 3
    assert seen.value(UPCOMING, stage="launched", horizon="24h") == 150


# --- logs -------------------------------------------------------------------------------------------------------------------


def write(scene: Scene, delivery: int, *lines: tuple[int, int | None, str]) -> None:
    for number, log_type, message in lines:
        scene.insert("XtkJobLog", iJobLogId=number, iJobId=delivery, iLogType=log_type, sMessage=message)


def test_lines_of_logs_are_counted_by_type_until_the_last_words(scene: Scene) -> None:
    scene.delivery(1, 55)
    write(scene, 1, (100, 1, "an old line"), (101, 0, "another"))
    seen = scene.watch(scene.state()).round("outlook")
    assert seen.samples(LINES) == {("0",): 0, ("1",): 0}
    # Each server takes its ids in blocks: a later line can have a smaller one.
    write(scene, 1, (50, 1, "a line of another server"), (-7, 2, "after the ids have wrapped"), (102, None, "no type"))
    scene.delivery(2, 22)
    write(scene, 2, (200, 1, "the preparation fails"))
    seen.round("outlook")
    assert seen.samples(LINES) == {("0",): 0, ("1",): 2, ("2",): 1, ("null",): 1}
    write(scene, 2, (201, 1, "the last words"))
    scene.execute("UPDATE nmsdelivery SET istate = 87 WHERE ideliveryid = 2")
    assert seen.round("outlook").samples(LINES)["1",] == 3
    write(scene, 2, (202, 1, "nobody looks any more"))
    scene.execute("DELETE FROM xtkjoblog WHERE ijobid = 1")
    assert seen.round("outlook").samples(LINES)["1",] == 3


def test_what_the_logs_say_is_counted_where_the_role_may_read_it(scene: Scene) -> None:
    scene.execute("GRANT SELECT (smessage) ON xtkjoblog TO campaign_monitor")
    scene.delivery(1, 55)
    seen = scene.watch(scene.state()).round("outlook")
    assert set(seen.samples(FINDINGS).values()) == {0}
    write(
        scene,
        1,
        (1, 1, "DLV-490037 The delivery cannot be started because the resources are not available."),
        (2, 1, "Messages queued (connection quotas met)"),
        (3, 1, "Messages queued (dynamic flow control)"),
        (4, 1, "jane.doe@customer.example"),
    )
    seen.round("outlook")
    assert seen.counted(FINDINGS) == {("capacity",): 1, ("throttled",): 2}
    assert b"jane.doe" not in seen.exposition.snapshot.plain


def test_another_error_number_is_no_other_device(scene: Scene) -> None:
    scene.execute("GRANT SELECT (smessage) ON xtkjoblog TO campaign_monitor")
    scene.delivery(1, 55)
    seen = scene.watch(scene.state()).round("outlook")
    messages = ["rename (errno=18, ...)", "rename: errno=18", "errno=183", "(errno=180, ...)", "errno=118", "errno=1"]
    write(scene, 1, *((number, 1, message) for number, message in enumerate(messages, 1)))
    assert seen.round("outlook").counted(FINDINGS) == {("cross_device",): 2}


def test_counts_of_lines_outlive_a_restart(scene: Scene) -> None:
    scene.delivery(1, 55)
    state = scene.state()
    seen = scene.watch(state).round("outlook")
    write(scene, 1, (1, 1, "a line"))
    seen.round("outlook").close()
    write(scene, 1, (2, 1, "while the exporter was down"))
    assert scene.watch(state).round("outlook").samples(LINES) == {("1",): 2}


# --- what is shut or missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "lost", "kept", "reason"),
    [
        ("REVOKE SELECT (ircpcount) ON nmsdeliverypart FROM campaign_monitor", UPCOMING, UNDER_WAY, "permission"),
        ("REVOKE SELECT (ilogtype) ON xtkjoblog FROM campaign_monitor", LINES, UPCOMING, "permission"),
        ("DROP INDEX xtkjoblog_jobid", LINES, UPCOMING, "missing"),
        ("ALTER TABLE xtkjoblog RENAME TO gone", LINES, UPCOMING, "missing"),
        ("DROP INDEX nmsdeliverypart_state", UPCOMING, LINES, "missing"),
    ],
)
def test_what_is_shut_fails_apart(scene: Scene, statement: str, lost: str, kept: str, reason: str) -> None:
    scene.delivery(1, 55, iToDeliver=10)
    write(scene, 1, (1, 1, "a line"))
    scene.execute(statement)
    seen = scene.watch(scene.state()).round("outlook")
    assert seen.samples(lost) == {}
    assert seen.samples(kept) != {}
    assert seen.failures("outlook") == {reason: 1}
