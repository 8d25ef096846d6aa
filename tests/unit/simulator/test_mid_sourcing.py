from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from campaign_simulator.engine import Engine
from campaign_simulator.faults import FaultBoard, World
from campaign_simulator.journal import Journal
from campaign_simulator.mid_sourcing import MidServer
from campaign_simulator.model import Delivery
from campaign_simulator.obstacles import COPIER, causes
from campaign_simulator.option_faults import OPTION_FAULTS
from campaign_simulator.traffic import MID_ACCOUNT
from campaign_simulator.vocabulary import Cause, Channel, DeliveryMode, LogStatus, State

MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(marketing: World) -> Engine:
    return marketing.engine


def run(engine: Engine, minutes: float, each: Callable[[], object] = lambda: None) -> None:
    for _ in range(int(minutes * 6)):
        engine.step(engine.now + MINUTE / 6)
        each()


def launch(engine: Engine, size: int = 300) -> Delivery:
    delivery = engine.traffic.plain(engine.now, size=size)
    engine.traffic.through_mid(delivery)
    engine.launch(delivery)
    return delivery


def test_some_of_the_traffic_goes_through_mid_sourcing_and_on_other_instances_none(engine: Engine, world: World) -> None:
    drawn = [engine.traffic.draw(engine.now) for _ in range(300)]
    routed = [delivery for delivery in drawn if delivery.mode == DeliveryMode.MID_SOURCING]
    assert 60 < len(routed) < 200
    assert {delivery.channel for delivery in routed} == {Channel.EMAIL}
    assert {delivery.account.name for delivery in routed if delivery.account} == {MID_ACCOUNT}
    other = world.engine
    assert DeliveryMode.MID_SOURCING not in {other.traffic.draw(other.now).mode for _ in range(300)}
    assert COPIER not in other.workflows.names


def test_a_copy_moves_when_it_is_refreshed_and_only_then(engine: Engine) -> None:
    delivery = launch(engine, size=1_200)
    seen: list[State] = [delivery.state]
    option = f"NmsMidSourcing_LastDelivery_{MID_ACCOUNT}"
    refreshed: list[object] = []

    def look() -> None:
        moment = engine.journal.options[option].moment
        if not refreshed or moment != refreshed[-1]:
            refreshed.append(moment)
        elif delivery.state != State.FINISHED:
            assert delivery.state == seen[-1]
        if delivery.state != seen[-1]:
            seen.append(delivery.state)

    run(engine, 100, look)
    assert seen == [51, 55, 61, 95]
    assert len(refreshed) >= 6
    assert delivery.mid_remote_id > 0
    assert not delivery.parts
    assert delivery.success + delivery.error == delivery.to_deliver == 1_200
    assert delivery.delivery_id not in engine.active


def test_what_goes_through_mid_sourcing_is_not_counted_here(engine: Engine) -> None:
    delivery = launch(engine)
    run(engine, 100)
    assert delivery.state == State.FINISHED
    assert delivery.delivery_id not in {number for _, number in engine.journal.stats}


def test_while_a_healthy_server_waits_for_its_retry_nothing_is_wrong(engine: Engine) -> None:
    """Retries of the first day are at least an hour apart, and alerts come after half of it."""
    delivery = launch(engine, size=1_200)
    found: list[tuple[State, tuple[Cause, ...]]] = []
    run(engine, 100, lambda: found.append((delivery.state, causes(delivery, engine.site, engine.now))))
    waited = [what for state, what in found if state == State.RETRY_PENDING]
    assert len(waited) > 50 * 6
    assert set(waited) == {(Cause.WAITING_RETRY,)}
    assert {what for state, what in found if state != State.RETRY_PENDING} == {()}


def test_logs_come_later_and_agree_with_the_counters(engine: Engine) -> None:
    delivery = launch(engine, size=500)
    run(engine, 190)
    made = next(r for r in engine.journal.log_ranges if r.delivery_id == delivery.delivery_id)
    ours = range(made.first, made.first + made.count)
    statuses = Counter(outcome.status for outcome in engine.journal.outcomes if outcome.log_id in ours)
    assert statuses == {LogStatus.SENT: delivery.success, LogStatus.FAILED: delivery.error}
    assert sum(delivery.reasons.values()) == delivery.error > 0


def test_it_begins_over_there_at_its_contact_date(engine: Engine) -> None:
    delivery = engine.traffic.plain(engine.now, size=20)
    engine.traffic.through_mid(delivery)
    delivery.contact += 30 * MINUTE
    engine.launch(delivery)
    run(engine, 29)
    assert delivery.state == State.START_PENDING
    run(engine, 60)
    assert delivery.broad_start is not None
    assert delivery.broad_start >= delivery.contact


def test_a_server_that_was_told_nothing_says_nothing(engine: Engine) -> None:
    server = MidServer(Journal(), 40.0)
    delivery = engine.traffic.plain(engine.now, size=20)
    server.start(delivery, engine.now)
    assert server.copy(engine.now) == []
    server.prepare(delivery, range(1, 21))
    server.fetch_logs(engine.now)
    assert server.copy(engine.now) == []


@pytest.mark.parametrize("size", [1, 29, 30, 80, 5_000])
def test_every_message_is_settled_once(size: int, engine: Engine) -> None:
    journal = Journal()
    server = MidServer(journal, 40.0)
    delivery = engine.traffic.plain(engine.now, size=size)
    server.prepare(delivery, range(1, size + 1))
    server.start(delivery, engine.now)
    states, moment = [State.START_PENDING], engine.now
    while states[-1] != State.FINISHED:
        moment += MINUTE
        ((_, state),) = server.copy(moment)
        server.fetch_logs(moment)
        states += [state] if state != states[-1] else []
        assert [outcome.log_id for outcome in journal.outcomes] == list(range(1, delivery.processed + 1))
    assert delivery.processed == size
    assert states == sorted(states)
    assert (State.RETRY_PENDING in states) == (size >= 30)
    assert server.copy(moment) == []


def test_copies_stand_while_their_workflow_runs(marketing: World) -> None:
    engine, board = marketing.engine, FaultBoard(marketing, OPTION_FAULTS)
    option = f"NmsMidSourcing_LastDelivery_{MID_ACCOUNT}"

    def age() -> timedelta:
        moment = engine.journal.options[option].moment
        assert moment is not None
        return engine.now - moment

    board.set("mid-sourcing-copies-old", [])
    ran = engine.site.workflows[COPIER].last_run
    run(engine, 30)
    assert engine.site.workflows[COPIER].last_run != ran
    assert age() >= timedelta(hours=5)
    waiting = launch(engine)
    assert Cause.MID_SOURCING_LAG in causes(waiting, engine.site, engine.now)
    board.clear("mid-sourcing-copies-old", [])
    assert age() <= 30 * MINUTE
    run(engine, 30)
    assert age() < 12 * MINUTE
    assert Cause.MID_SOURCING_LAG not in causes(waiting, engine.site, engine.now)
