"""What is told ahead is what the simulator knows, to the message."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign_exporter.config import load_config
from campaign_exporter.domain.deliveries import channel_name, state_name
from campaign_exporter.domain.schedule import HORIZONS
from campaign_exporter.state import State
from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.truth import Truth
from integration.database.scene import Observer, observe

_SPAN = timedelta(minutes=28)
_SECTION = "prod/outlook"
Clocked = tuple[Simulator, ManualClock]


@pytest.fixture(params=[("public", True), ("Neo lane", False)], ids=["zone", "no zone"])
def clocked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Clocked]:
    """Give an instance whose past begins some time ago, with time zones in its database and without."""
    schema, zone = request.param
    clock = ManualClock(datetime.now(UTC) - _SPAN)
    with Simulator(tmp_path / "simulator", clock=clock, with_time_zone=zone, schema=schema) as simulator:
        yield simulator, clock


def catch_up(clocked: Clocked) -> None:
    """Let the simulated time come to the present, in which the database lives."""
    simulator, clock = clocked
    while (behind := (datetime.now(UTC) - clock()).total_seconds()) > 0.5:
        clock.advance(min(behind, 10))
        simulator.step()


def coming(truth: Truth) -> dict[tuple[str, ...], float]:
    sums: Counter[tuple[str, ...]] = Counter()
    for each in truth.coming:
        for horizon, seconds in HORIZONS.items():
            if each.moment <= truth.moment + timedelta(seconds=seconds):
                sums[horizon, "launched" if each.launched else "prepared"] += each.messages
    return dict(sums)


def under_way(truth: Truth) -> dict[tuple[str, ...], float]:
    return {
        (channel_name(channel), kind, state_name(state)): number
        for (state, channel), counts in truth.under_way.items()
        for kind, number in counts.items()
        if number
    }


def check(seen: Observer, truth: Truth, slow: int) -> None:
    assert seen.failures("outlook") == {}
    assert seen.counted("campaign_messages_under_way") == under_way(truth)
    assert seen.counted("campaign_upcoming_messages") == coming(truth)
    assert sum(coming(truth).values()) > 80_000
    large = seen.samples("campaign_upcoming_large_delivery_messages")
    assert [messages for messages in large.values() if messages == 40_000] == [40_000] * 2
    assert len({group for _, group, _ in large}) == 1
    past = {int(number): lost for (number, _), lost in seen.counted("campaign_delivery_messages_past_validity").items()}
    assert past.keys() == {slow}
    # Of what is tried until then, a few per cent are softly refused, and not processed either.
    assert 0 <= past[slow] - truth.past_validity[slow] <= 0.06 * 3600


def test_what_is_told_ahead_is_what_is_true(clocked: Clocked, tmp_path: Path) -> None:
    simulator, clock = clocked
    with closing(State.open(tmp_path / "state")) as state:
        simulator.set_fault("delivery-too-slow", "1h")
        for fault in ("delivery-in-wave", "delivery-in-retry", "approval-awaited"):
            simulator.set_fault(fault)
        for _ in range(30):
            clock.advance(10)
            simulator.step()
        (slow,) = simulator.truth().past_validity
        first = [clock().timestamp(), simulator.engine.active[slow].processed]
        simulator.set_fault("large-deliveries-together", "2h")
        catch_up(clocked)
        state.put(_SECTION, {"points": {str(slow): [first]}})
        simulator.insert_tricky_rows()
        with closing(observe(load_config(simulator.configuration_file), state)) as seen:
            seen.round("outlook")
            check(seen, simulator.truth(), slow)
