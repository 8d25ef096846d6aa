"""The budget on a real database whose statements grow slow, and quick again: minutes pass by hand, statements take time."""

import pytest

from integration.database.scene import MakeScene, Observer, Scene

#: Of the time that statements take, none must be that of other tests.
pytestmark = pytest.mark.alone
_COLLECTORS = ("pending", "database", "deliveries", "throughput")
_SECONDS = "campaign_exporter_database_seconds_total"


def run(seen: Observer, minutes: float) -> None:
    """Knock as the schedule does: each collector at its interval, none in the same second as another."""
    for second in range(round(minutes * 60)):
        seen.clock.ahead += 1
        for place, name in enumerate(_COLLECTORS):
            if second % (30 if name == "throughput" else 15) == place:
                seen.round(name)


def stretched(seen: Observer) -> dict[str, float]:
    found = seen.samples("campaign_exporter_collector_stretch_ratio")
    return {name: ratio for (name,), ratio in found.items() if ratio > 1}


def seconds(seen: Observer) -> float:
    return sum(seen.samples(_SECONDS).values())


@pytest.fixture
def slow_scene(scene: Scene) -> Scene:
    scene.delivery(1)
    scene.slow("nmsdelivery", 55)
    scene.budget.clear()
    return scene


def test_slow_statements_are_asked_less_often_and_as_before_when_they_are_quick_again(slow_scene: Scene) -> None:
    seen = slow_scene.watch()
    run(seen, 4)
    assert "deliveries" in stretched(seen)
    assert stretched(seen)["pending"] <= 4
    assert seen.failures("deliveries").keys() == {"budget"}
    assert {name: seen.success(name) for name in _COLLECTORS} == dict.fromkeys(_COLLECTORS, 1)
    before = seconds(seen)
    run(seen, 6)
    assert 0.1 < (seconds(seen) - before) / 6 <= 0.6
    assert seen.counted("campaign_deliveries_pending") == {("unknown",): 1}, "nothing was withdrawn"
    slow_scene.quick("nmsdelivery")
    run(seen, 9)
    assert stretched(seen) == {}
    interval = seen.value("campaign_exporter_collector_interval_seconds", collector="deliveries")
    assert interval == 15
    left_out = seen.failures("deliveries")
    run(seen, 1)
    assert seen.failures("deliveries") == left_out


def test_values_stay_for_three_intervals_as_they_are_in_effect(slow_scene: Scene) -> None:
    seen = slow_scene.watch()
    run(seen, 6)
    seen.clock.ahead += 240  # longer than any interval: a round is due
    seen.round("deliveries")
    interval = seen.value("campaign_exporter_collector_interval_seconds", collector="deliveries")
    assert interval is not None
    assert interval >= 30
    for _ in range(int(min(3 * interval, 300) / 10) - 1):
        seen.clock.ahead += 10
        seen.watched.jobs["deliveries"].withdraw_stale()
        assert seen.samples("campaign_deliveries")
    seen.clock.ahead += 300
    seen.watched.jobs["deliveries"].withdraw_stale()
    assert seen.samples("campaign_deliveries") == {}


def test_messages_that_are_counted_less_often_are_no_catch_up(slow_scene: Scene) -> None:
    slow_scene.quick("nmsdelivery")
    slow_scene.slow("nmsdelivery", 90)
    slow_scene.execute("INSERT INTO nmsdeliverystat (tsdate, ideliveryid, ifirstsuccess) VALUES (now(), 1, 100)")
    slow_scene.execute("CREATE POLICY slow ON nmsdeliverystat FOR SELECT TO campaign_monitor USING ((SELECT slowly()))")
    slow_scene.execute("ALTER TABLE nmsdeliverystat ENABLE ROW LEVEL SECURITY")
    seen = slow_scene.watch()
    for _ in range(15):
        run(seen, 1)
        if stretched(seen).get("throughput", 1) >= 4:
            break
    else:
        pytest.fail("throughput never got an interval of more than three as configured")
    slow_scene.execute("UPDATE nmsdeliverystat SET ifirstsuccess = 600")
    run(seen, 4)
    assert seen.counted("campaign_messages_total", **{"pass": "first"}) == {("success",): 500}
    assert seen.counted("campaign_messages_catch_up_total") == {}


def test_each_database_has_a_budget_of_its_own(make_scene: MakeScene) -> None:
    slow, quick = make_scene(), make_scene()
    slow.budget.clear()
    quick.budget.clear()
    slow.slow("nmsdelivery", 40)
    ours, others = slow.watch(), quick.watch()
    run(ours, 3)
    run(others, 3)
    assert stretched(ours)
    assert stretched(others) == {}


def test_a_server_that_does_not_answer_costs_nothing(scene: Scene) -> None:
    scene.dsn = "postgresql://campaign_monitor@127.0.0.1:1/nowhere"
    seen = scene.watch()
    run(seen, 2)
    assert seconds(seen) == 0
    assert stretched(seen) == {}
    assert seen.value("campaign_exporter_database_budget_ratio") == 0
