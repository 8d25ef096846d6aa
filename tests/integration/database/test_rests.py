"""A statement that the server ended for its time: it rests, is asked again once its table is smaller, also after a restart."""

import logging

import pytest

from integration.database.scene import Observer, Scene

_KNOCK = 15.0


_STATEMENTS = {"deliveries": "deliveries", "pending": "sending deliveries"}


def knock(seen: Observer, collector: str, statement: str = "") -> bool:
    """Run what the schedule runs an interval later; tell whether a statement was asked."""
    seen.clock.ahead += _KNOCK
    assert seen.watched.database is not None
    seconds = seen.watched.database.connection.statement_seconds
    name = statement or _STATEMENTS[collector]
    before = seconds.get(name)
    seen.round(collector)
    return seconds.get(name) != before


@pytest.fixture
def slow_scene(scene: Scene) -> Scene:
    """Make a table so big that to read it takes longer than a statement may."""
    scene.database_settings["statement_timeout"] = 0.2
    scene.execute("INSERT INTO nmsdelivery (ideliveryid, istate) SELECT n, 51 FROM generate_series(1, 1000) n")
    scene.execute("ANALYZE nmsdelivery")
    scene.slow("nmsdelivery", 1, each_row=True)
    return scene


def test_it_rests_twice_as_long_each_time_and_four_minutes_at_most(slow_scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    seen = slow_scene.watch()
    asked = [number for number in range(48) if knock(seen, "deliveries")]
    assert asked == [0, 2, 6, 14, 30, 46]
    assert seen.success("deliveries") == 0
    assert seen.failures("deliveries").keys() == {"timeout"}
    said = [record.getMessage() for record in caplog.records if "statement rests" in record.getMessage()]
    assert said[0] == "statement rests collector=prod/deliveries statement='deliveries' failures=1 seconds=30"
    assert [line.split("seconds=")[1] for line in said] == ["30", "60", "120", "240", "240", "240"]
    assert sum("not read" in record.getMessage() for record in caplog.records) == 1


def test_what_pages_stand_on_is_asked_again_each_minute(slow_scene: Scene) -> None:
    seen = slow_scene.watch()
    assert [number for number in range(20) if knock(seen, "pending")] == [0, 2, 6, 10, 14, 18]


def test_once_the_table_is_clearly_smaller_it_is_asked_before_its_time(
    slow_scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    seen = slow_scene.watch()
    assert [number for number in range(16) if knock(seen, "deliveries")] == [0, 2, 6, 14]
    slow_scene.execute("DELETE FROM nmsdelivery WHERE ideliveryid > 900")
    slow_scene.execute("ANALYZE nmsdelivery")
    assert not knock(seen, "deliveries"), "a tenth less is not clearly smaller"
    slow_scene.execute("DELETE FROM nmsdelivery WHERE ideliveryid > 20")
    slow_scene.execute("ANALYZE nmsdelivery")
    knock(seen, "deliveries")
    assert seen.success("deliveries") == 1
    said = [record.getMessage() for record in caplog.records]
    assert "statement asked before its time collector=prod/deliveries statement='deliveries': nmsdelivery is smaller" in said
    assert "statement answered again collector=prod/deliveries statement='deliveries'" in said
    assert "read again collector=prod/deliveries" in said


def test_a_restart_forgets_no_rest_and_no_size(slow_scene: Scene) -> None:
    state = slow_scene.state()
    seen = slow_scene.watch(state)
    assert [number for number in range(16) if knock(seen, "deliveries")] == [0, 2, 6, 14]
    seen.close()
    state.close()
    state = slow_scene.state()
    again = slow_scene.watch(state)
    assert not knock(again, "deliveries")
    assert again.failures("deliveries") == {"timeout": 1}
    assert "with 1001 rows in nmsdelivery" in again.watched.jobs["deliveries"].failures[""]
    slow_scene.execute("TRUNCATE nmsdelivery")
    knock(again, "deliveries")
    assert again.success("deliveries") == 1


def test_state_that_is_not_understood_lets_all_be_asked(slow_scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    state = slow_scene.state()
    state.put("prod/rests", {"deliveries": {"deliveries": {"until": "never"}}})
    assert knock(slow_scene.watch(state), "deliveries")
    assert "state not understood of=prod/rests" in caplog.text


def test_one_fact_that_takes_too_long_does_not_blind_the_others(scene: Scene) -> None:
    scene.database_settings["statement_timeout"] = 0.2
    scene.delivery(1)
    scene.slow("nmsextaccount", 1000)
    seen = scene.watch()
    assert knock(seen, "pending", "inactive accounts")
    assert seen.counted("campaign_deliveries_pending") == {}
    assert not knock(seen, "pending", "inactive accounts")
    assert seen.value("campaign_pending_cause_evaluated", cause="account_inactive") == 0
    assert seen.counted("campaign_deliveries_pending") == {("unknown",): 1}
    assert seen.success("pending") == 0
    scene.quick("nmsextaccount")
    knock(seen, "pending", "inactive accounts")
    assert seen.success("pending") == 1
    assert seen.value("campaign_pending_cause_evaluated", cause="account_inactive") == 1


def test_when_all_is_slow_and_then_well_again_it_recovers_within_its_longest_interval(scene: Scene) -> None:
    scene.database_settings["statement_timeout"] = 0.2
    scene.slow("nmsdelivery", 1000)
    seen = scene.watch()
    for _ in range(24):
        knock(seen, "pending")
        knock(seen, "deliveries")
        seen.clock.ahead -= _KNOCK
    scene.quick("nmsdelivery")
    recovered: dict[str, int] = {}
    for number in range(1, 24):
        knock(seen, "pending")
        seen.clock.ahead -= _KNOCK
        knock(seen, "deliveries")
        for name in ("pending", "deliveries"):
            if seen.success(name) == 1:
                recovered.setdefault(name, number)
    assert recovered["pending"] * _KNOCK <= 60 + _KNOCK
    assert recovered["deliveries"] * _KNOCK <= 240 + _KNOCK
