"""What the tables, the servers and their files say is what the simulator says, for every cause, alone and together."""

import time
from collections.abc import Callable, Iterator
from itertools import permutations

import pytest

from campaign_simulator.clock import ManualClock
from campaign_simulator.faults import FaultError
from campaign_simulator.instance import Simulator
from campaign_simulator.vocabulary import Cause, State
from integration.core.exporter_process import wait_until
from integration.simulator.witness import ORDER, causes_by_delivery
from unit.simulator.recipes import RECIPES, Recipe, pairs

Testimony = dict[int, tuple[str, ...]]


@pytest.fixture(scope="module")
def marketing(make_simulator: Callable[..., Simulator]) -> Simulator:
    simulator = make_simulator(role="marketing", messages_per_second=20.0)
    advance(simulator, 60)
    return simulator


@pytest.fixture(scope="module")
def old(make_simulator: Callable[..., Simulator]) -> Simulator:
    """Return one whose database has no time zones."""
    simulator = make_simulator(role="marketing", messages_per_second=20.0, schema="Neo lane", with_time_zone=False)
    advance(simulator, 60)
    return simulator


@pytest.fixture
def simulator(marketing: Simulator) -> Iterator[Simulator]:
    yield marketing
    mend(marketing)


def mend(simulator: Simulator) -> None:
    for name in simulator.truth().faults:
        simulator.clear_fault(name)
    advance(simulator, 4)
    wait_until(lambda: not blocked(simulator))  # sessions that are closed may wait a moment longer on the server
    assert witnessed(simulator) == told(simulator)


def blocked(simulator: Simulator) -> bool:
    return any(Cause.DATABASE_BLOCKED in causes for causes in witnessed(simulator).values())


def advance(simulator: Simulator, seconds: int, step: int = 4) -> None:
    assert isinstance(simulator.clock, ManualClock)
    for _ in range(0, seconds, step):
        simulator.clock.advance(step)
        simulator.step()


def witnessed(simulator: Simulator) -> Testimony:
    with simulator.connect() as connection:
        return causes_by_delivery(connection, simulator.directory / "hosts", simulator.truth().moment)


def told(simulator: Simulator) -> Testimony:
    return {delivery.delivery_id: delivery.causes for delivery in simulator.truth().pending}


def agree(simulator: Simulator) -> Testimony:
    """Check that both say the same; a session that is to wait for a lock may need a moment to come there."""
    deadline = time.monotonic() + 5
    while (found := witnessed(simulator)) != told(simulator) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found == told(simulator)
    return found


def set_up(simulator: Simulator, recipe: Recipe) -> None:
    for name, *arguments in recipe.steps:
        simulator.set_fault(name, *arguments)


def test_the_witness_knows_every_cause_in_its_order() -> None:
    assert [*ORDER, "unknown"] == list(Cause)


@pytest.mark.parametrize("cause", RECIPES)
def test_each_cause_shows_alone(cause: Cause, simulator: Simulator) -> None:
    set_up(simulator, RECIPES[cause])
    assert (cause,) in agree(simulator).values()
    advance(simulator, 4)
    assert any(cause in causes for causes in agree(simulator).values())


@pytest.mark.parametrize("cause", RECIPES)
def test_each_cause_shows_in_a_database_without_time_zones(cause: Cause, old: Simulator) -> None:
    set_up(old, RECIPES[cause])
    assert (cause,) in agree(old).values()
    mend(old)


@pytest.mark.parametrize("pair", pairs(exclusive=False), ids="-".join)
def test_two_causes_show_together(pair: tuple[Cause, Cause], simulator: Simulator) -> None:
    set_up(simulator, RECIPES[pair[0]] + RECIPES[pair[1]])
    assert pair in agree(simulator).values()


def test_they_agree_while_much_is_wrong_for_long(simulator: Simulator) -> None:
    """Hours pass: deliveries pile up, preparations grow old, workflows become overdue, waves come due."""
    for name, *arguments in (
        ("delivery-stuck", "campaign", "preparation_stuck"),
        ("delivery-stuck", "scheduled", "parts_orphaned", "account_inactive"),
        ("delivery-in-wave",),
        ("delivery-scheduled", "30m"),
        ("workflow-at-rest", "deliveryMgt", "edited"),
        ("mta-down", "mta1"),
        ("sms-down",),
        ("affinity-missing", "news.de"),
        ("priority-starved",),
        ("job-log", "quota", "mid-timeout"),
        ("database-blocked", "nmsbroadlogrcp"),
    ):
        simulator.set_fault(name, *arguments)
    seen: set[str] = set()
    for number in range(4):
        advance(simulator, 1_200, step=60)
        if number == 1:
            simulator.set_fault("wfserver-down")
            simulator.clear_fault("database-blocked")
        seen |= {cause for causes in agree(simulator).values() for cause in causes}
    assert seen >= {"preparation_stuck", "mid_sourcing_lag", "workflow_engine_down", "account_inactive", "mta_down"}


def test_a_limit_that_deliveries_reach_shows(simulator: Simulator) -> None:
    """Campaign deliveries in preparation count against the limit of others, and not of themselves."""
    advance(simulator, 60)
    simulator.set_fault("wfserver-down")  # those of the traffic stay where they are
    site, engine = simulator.engine.site, simulator.engine
    added = [engine.traffic.plain(engine.now, size=20) for _ in range(_room(simulator))]
    for delivery in added:
        delivery.operation_id, delivery.held, delivery.state = 301, True, State.COUNTING_IN_PROGRESS
        engine.add(delivery)
    advance(simulator, 4)
    found = agree(simulator)
    assert {found[delivery.delivery_id] for delivery in added} == {("workflow_engine_down",)}
    assert ("concurrency_limit", "workflow_engine_down") in found.values()
    assert len(site.preparing) == site.concurrency_limit - site.campaign_workflows
    for delivery in added:
        delivery.held = False
    simulator.clear_fault("wfserver-down")
    advance(simulator, 30)
    assert _room(simulator) > 0


def _room(simulator: Simulator) -> int:
    site = simulator.engine.site
    return site.concurrency_limit - site.campaign_workflows - len(site.preparing)


LOCKS = ("database-locked", "database-blocked", "database-down")


@pytest.mark.parametrize("clearing", list(permutations([0, 1, 2])))
def test_a_database_that_is_down_and_locked_is_mended_in_any_order(clearing: tuple[int, ...], simulator: Simulator) -> None:
    simulator.set_fault("database-blocked", "nmsdeliverypart")
    simulator.set_fault("database-locked", "nmsbroadlogmsg")
    simulator.set_fault("database-down")
    faults = [LOCKS[number] for number in clearing]
    for number, name in enumerate(faults):
        advance(simulator, 4)
        assert simulator.clear_fault(name)
        assert simulator.clear_fault(name) == []
        if "database-down" in faults[: number + 1]:  # one can ask
            left = [other for other in faults[number + 1 :] if other != "database-down"]
            blocked = any("database_blocked" in causes for causes in agree(simulator).values())
            assert blocked == bool(left)
    assert simulator.truth().database_blocked_since is None
    advance(simulator, 8)


def test_a_lock_goes_while_the_server_is_silent(simulator: Simulator) -> None:
    simulator.set_fault("database-blocked")
    simulator.set_fault("database-frozen")
    begun = time.monotonic()
    assert simulator.clear_fault("database-blocked") == ["nmsdelivery"]
    assert time.monotonic() - begun < 1
    simulator.clear_fault("database-frozen")
    assert not any("database_blocked" in causes for causes in agree(simulator).values())
    assert simulator.set_fault("database-blocked") == ["nmsdelivery"]


def test_a_locked_table_has_a_delivery_that_waits_and_was_written_before(simulator: Simulator) -> None:
    simulator.set_fault("database-locked", "nmsdeliverypart")
    truth = simulator.truth()
    assert truth.database_blocked_since == simulator.clock()
    waiting = [delivery.delivery_id for delivery in truth.pending if delivery.causes == ("database_blocked",)]
    with simulator.connect() as connection:
        query = "SELECT count(*) FROM NmsDelivery WHERE iState = 51 AND iDeliveryId = %s"
        assert connection.execute(query, (waiting[-1],)).fetchone() == (1,)


def test_one_table_is_not_locked_twice(simulator: Simulator) -> None:
    simulator.set_fault("database-blocked")
    begun = time.monotonic()
    with pytest.raises(FaultError, match="nmsdelivery is locked already: clear the fault that does it first"):
        simulator.set_fault("database-locked")
    assert time.monotonic() - begun < 1
    simulator.clear_fault("database-blocked")
    simulator.set_fault("database-locked")


@pytest.mark.parametrize(
    "table",
    ["nmsdelivery", "nmsdeliverypart", "nmsdeliverystat", "nmsbroadlogmid", "nmsbroadlogmsg", "nmsbroadlogrcp", "xtkworkflow"],
)
def test_under_a_blocked_table_all_is_read_and_written_and_nothing_sent(table: str, simulator: Simulator) -> None:
    simulator.set_fault("database-blocked", table)
    assert ("database_blocked",) in agree(simulator).values()
    before = simulator.truth()
    simulator.set_fault("delivery-stuck", "validity_expired", "parts_missing")
    advance(simulator, 12)
    assert ("validity_expired", "database_blocked", "parts_missing") in agree(simulator).values()
    assert simulator.truth().messages == before.messages
    assert simulator.truth().database_blocked_since == before.moment
    with simulator.connect() as connection:
        waiting = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mta' AND wait_event_type = 'Lock'"
        ).fetchone()
    assert waiting == (1,)
