import math

import pytest

from campaign_exporter.sources.campaign import Questions
from campaign_simulator.postgres import PostgresServer
from integration.database.scene import MakeScene, Observer, Scene

MESSAGES = "campaign_messages_total"
CATCH_UP = "campaign_messages_catch_up_total"


def put(scene: Scene, ago: str, delivery: int = 1, *figures: float, volume: float = 0, verify: int | None = 0) -> None:
    """Write a row of NmsDeliveryStat: success, error, retried with success, with error, in a bucket some time ago."""
    scene.execute(
        """INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess, ifirsterror, iretriessuccess, iretrieserror,
             dvolume, iverifymode)
           VALUES (date_bin('10 minutes', now() - %s::interval, '2026-01-01'), %s, %s, %s, %s, %s, %s, %s)
           ON CONFLICT (tsdate, ideliveryid) DO UPDATE SET (ifirstsuccess, ifirsterror, iretriessuccess, iretrieserror,
             dvolume) = (excluded.ifirstsuccess, excluded.ifirsterror, excluded.iretriessuccess, excluded.iretrieserror,
             excluded.dvolume)""",
        *(ago, delivery, *(*figures, 0, 0, 0, 0)[:4], volume, verify),
    )


def success(seen: Observer, pass_: str = "first") -> float | None:
    return seen.value(MESSAGES, result="success", **{"pass": pass_})


def caught_up(seen: Observer) -> float:
    return sum(seen.samples(CATCH_UP).values())


def test_what_is_there_at_first_is_the_baseline_and_growth_is_counted(scene: Scene) -> None:
    put(scene, "20 min", 1, 100, 5)
    seen = scene.watch().round("throughput")
    assert set(seen.samples(MESSAGES).values()) == {0.0}
    assert seen.value("campaign_throughput_source_info", source="delivery_stat") == 1
    put(scene, "20 min", 1, 110, 5, 3, 2, volume=1000)
    put(scene, "0 min", -2, 7)
    put(scene, "150 min", 3, 20)
    put(scene, "0 min", 4, 999, verify=1)
    put(scene, "0 min", 5, 1, verify=None)
    for _ in range(3):
        seen.round("throughput")
    assert seen.counted(MESSAGES) == {("first", "success"): 38, ("retry", "success"): 3, ("retry", "error"): 2}
    assert seen.value("campaign_message_bytes_total") == 1000
    assert caught_up(seen) == 0


def test_the_volume_has_a_unit(scene: Scene) -> None:
    scene.instance["throughput"] = {"source": "delivery_stat", "volume_unit_bytes": 1024}
    seen = scene.watch().round("throughput")
    put(scene, "0 min", 1, 1, volume=2.5)
    assert seen.round("throughput").value("campaign_message_bytes_total") == 2560


@pytest.mark.parametrize("volume", [math.nan, math.inf, -math.inf, -7.0])
def test_a_volume_that_is_none_does_not_poison_the_sum(scene: Scene, volume: float) -> None:
    put(scene, "0 min", 1)
    seen = scene.watch().round("throughput")
    put(scene, "0 min", 1, 1, volume=volume)
    put(scene, "0 min", 2, 1, volume=10)
    assert seen.round("throughput").value("campaign_message_bytes_total") == 10


def test_columns_without_value_and_dates_without_end(scene: Scene) -> None:
    seen = scene.watch().round("throughput")
    scene.execute(
        "INSERT INTO nmsdeliverystat VALUES (now(), 1, NULL, NULL, NULL, NULL, NULL, NULL), (NULL, 2, 9, 9, 9, 9, 9, 0)"
    )
    scene.execute("INSERT INTO nmsdeliverystat VALUES ('infinity', 3, 9), ('-infinity', 4, 9)")
    assert seen.round("throughput").counted(MESSAGES) == {}
    assert seen.success("throughput") == 1


def test_a_purge_takes_nothing_back_and_counts_nothing_again(scene: Scene) -> None:
    put(scene, "0 min", 1)
    seen = scene.watch().round("throughput")
    put(scene, "0 min", 1, 50)
    seen.round("throughput")
    rows = scene.execute("DELETE FROM nmsdeliverystat RETURNING tsdate")
    assert success(seen.round("throughput")) == 50
    scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (%s, 1, 50)", rows[0][0])
    assert success(seen.round("throughput")) == 50


def test_a_restart_counts_what_was_missed_once_and_calls_it_catch_up(scene: Scene) -> None:
    put(scene, "0 min", 1, 10)
    state = scene.state()
    seen = scene.watch(state).round("throughput")
    put(scene, "0 min", 1, 15)
    assert success(seen.round("throughput")) == 5
    seen.close()
    state.close()
    put(scene, "0 min", 1, 25)
    put(scene, "30 min", 2, 100)
    again = scene.watch(scene.state()).round("throughput", "throughput")
    assert (success(again), caught_up(again)) == (115, 110)
    put(scene, "0 min", 1, 26)
    assert (success(again.round("throughput")), caught_up(again)) == (116, 110)


def test_an_outage_of_the_database_is_caught_up(own_server: PostgresServer, make_scene: MakeScene) -> None:
    scene = make_scene(own_server)
    put(scene, "0 min", 1, 10)
    seen = scene.watch().round("throughput")
    own_server.stop()
    seen.round("throughput")
    scene.clock.ahead += 100
    own_server.start()
    put(scene, "0 min", 1, 30)
    assert (success(seen.round("throughput")), caught_up(seen)) == (20, 20)
    put(scene, "0 min", 1, 31)
    assert (success(seen.round("throughput")), caught_up(seen)) == (21, 20)


def test_weeks_of_absence_are_read_in_a_few_rounds(scene: Scene) -> None:
    state = scene.state()
    put(scene, "0 min", 1, 10)
    seen = scene.watch(state).round("throughput")
    seen.close()
    kept = dict(state.section("prod/throughput") or {})
    kept["ledger"] = {**kept["ledger"], "upto": kept["ledger"]["upto"] - 25 * 86400}
    state.put("prod/throughput", kept)
    for days in range(1, 26):
        put(scene, f"{days} days", 1, 1)
    again = scene.watch(state)
    rounds = [success(again.round("throughput")) for _ in range(4)]
    assert rounds == [10, 20, 25, 25]
    assert caught_up(again) == 25


def test_a_first_round_that_breaks_off_still_makes_the_baseline(scene: Scene) -> None:
    put(scene, "0 min", 1, 1000)
    seen = scene.watch()
    with scene.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("LOCK TABLE nmsdeliverystat IN ACCESS EXCLUSIVE MODE")
        assert seen.round("throughput").failures("throughput") == {"lock": 1}
        blocker.rollback()
    put(scene, "0 min", 1, 1001)
    assert success(seen.round("throughput")) == 0
    put(scene, "0 min", 1, 1003)
    assert success(seen.round("throughput")) == 2


@pytest.mark.parametrize("ahead", ["2 s", "1 hour", "10 hours", "20 years"])
def test_a_clock_that_was_ahead_counts_nothing_twice(scene: Scene, ahead: str) -> None:
    for minutes in (0, 60, 120, 170, 175, 179):
        put(scene, f"{minutes} min", minutes, 100)
    seen = scene.watch().round("throughput")
    scene.execute("UPDATE nmsdeliverystat SET ifirstsuccess = 110 WHERE ideliveryid = 0")
    with pytest.MonkeyPatch.context() as wrong:
        now = scene.execute("SELECT date_part('epoch', now() + %s::interval)", ahead)[0][0]
        wrong.setattr(Questions, "now", lambda _: now)
        assert success(seen.round("throughput")) == 10
    assert success(seen.round("throughput")) == 10
    scene.execute("UPDATE nmsdeliverystat SET ifirstsuccess = 111 WHERE ideliveryid = 0")
    assert success(seen.round("throughput", "throughput")) == 11


def test_without_statistics_the_deliveries_tell(scene: Scene) -> None:
    scene.delivery(1, 55, iProcessed=10, iSuccess=9, iError=1, tsBroadStart="2026-01-01")
    seen = scene.watch().round("throughput")
    assert set(seen.samples(MESSAGES)) == {("unknown", "success"), ("unknown", "error")}
    assert seen.value("campaign_throughput_source_info", source="delivery_counters") == 1
    assert seen.value("campaign_message_bytes_total") is None
    scene.execute("UPDATE nmsdelivery SET isuccess = 19, ierror = 4 WHERE ideliveryid = 1")
    scene.delivery(2, 55, iSuccess=5, iProcessed=5)
    scene.delivery(3, 55, iSuccess=500, iFCP=1)
    scene.delivery(4, 55, iSuccess=None, iError=None)
    assert success(seen.round("throughput"), "unknown") == 15
    # Into the bin and out of it; counters computed anew; a purge.
    for change in ("ideletestatus = 1", "ideletestatus = 0", "iprocessed = 0, isuccess = 0", "iprocessed = 23, isuccess = 19"):
        scene.execute(f"UPDATE nmsdelivery SET {change} WHERE ideliveryid = 1")
        assert success(seen.round("throughput"), "unknown") == 15
    scene.execute("DELETE FROM nmsdelivery WHERE ideliveryid = 1")
    assert success(seen.round("throughput"), "unknown") == 15
    assert seen.value(MESSAGES, result="error", **{"pass": "unknown"}) == 3


def test_the_source_is_decided_once_and_kept(scene: Scene) -> None:
    state = scene.state()
    seen = scene.watch(state).round("throughput")
    assert seen.samples("campaign_throughput_source_info") == {}
    put(scene, "0 min", 1, 5)
    assert success(seen.round("throughput")) == 5
    scene.execute("DELETE FROM nmsdeliverystat")
    scene.delivery(1, 55, iProcessed=10, iSuccess=9, tsBroadStart="2026-01-01")
    seen.close()
    again = scene.watch(state).round("throughput")
    assert again.samples("campaign_throughput_source_info") == {("delivery_stat",): 1}
    assert success(again) == 5
