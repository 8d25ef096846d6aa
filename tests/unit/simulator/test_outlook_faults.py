from collections.abc import Callable
from datetime import timedelta

from campaign_simulator.faults import FaultBoard, World
from campaign_simulator.truth import Truth
from campaign_simulator.vocabulary import State
from unit.simulator.worlds import pass_time


def test_a_slow_delivery_goes_at_its_own_pace_and_loses_what_is_left(
    world: World, board: FaultBoard, truth: Callable[[], Truth]
) -> None:
    board.set("delivery-too-slow", ["30m"])
    (number,) = truth().past_validity
    delivery = world.engine.active[number]
    assert truth().past_validity == {number: 5000 - 1800}
    for _ in range(60):
        pass_time(world, 10)
    sent = delivery.size - sum(len(part.logs) - part.sent for part in delivery.parts.values())
    assert 590 <= sent <= 600
    assert delivery.state == State.IN_PROGRESS
    board.clear("delivery-too-slow", [])
    assert truth().past_validity == {}
    for _ in range(60):
        pass_time(world, 10)
    assert delivery.state >= State.RETRY_PENDING


def test_two_large_deliveries_come_together_until_they_are_stopped(
    world: World, board: FaultBoard, truth: Callable[[], Truth]
) -> None:
    board.set("large-deliveries-together", ["2h"])
    large = [each for each in world.engine.active.values() if each.size == 40_000]
    assert [each.contact - world.now() for each in large] == [timedelta(hours=2), timedelta(hours=2, minutes=5)]
    for each in large:
        coming = [one for one in truth().coming if one.delivery_id == each.delivery_id]
        assert {one.moment for one in coming} == {each.contact}
        assert sum(one.messages for one in coming) == 40_000
        assert all(one.launched for one in coming)
    board.clear("large-deliveries-together", [])
    assert {each.state for each in large} == {State.STOPPED}
    assert not {each.delivery_id for each in large} & {each.delivery_id for each in truth().coming}


def test_what_was_sent_meanwhile_is_not_stopped(world: World, board: FaultBoard) -> None:
    board.set("large-deliveries-together", ["1s"])
    large = [each for each in world.engine.active.values() if each.size == 40_000]
    for each in large:
        world.engine.fail(each)
    board.clear("large-deliveries-together", [])
    assert {each.state for each in large} == {State.FAILED}


def test_counters_of_what_is_under_way_are_summed_by_state(world: World, truth: Callable[[], Truth]) -> None:
    for _ in range(20):
        pass_time(world, 5)
    told = truth()
    assert {state for state, _ in told.under_way} <= set(range(51, 85))
    for (state, channel), counts in told.under_way.items():
        assert counts["processed"] == counts["success"] + counts["error"]
        assert counts["to_deliver"] - counts["processed"] == told.messages_remaining[state, channel]
    assert sum(counts["rejected"] for counts in told.under_way.values()) > 0
    assert told.as_dict()["under_way"]
