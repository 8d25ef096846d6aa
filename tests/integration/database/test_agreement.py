from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign_exporter.config import load_config
from campaign_exporter.domain.deliveries import channel_name, state_name
from campaign_exporter.plan import Watch
from campaign_exporter.sampling import sample_once
from campaign_exporter.snapshot import Exposition
from campaign_exporter.state import State
from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.truth import Truth
from integration.database.scene import MovableClock, Observer

_SPAN = timedelta(minutes=40)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """Give an instance whose past begins some time ago, and whose present is to be reached by steps."""
    clock = ManualClock(datetime.now(UTC) - _SPAN)
    with Simulator(tmp_path / "simulator", clock=clock, with_time_zone=False, schema="Neo lane") as one:
        one.clock_to_move = clock  # type: ignore[attr-defined]
        yield one


def advance(simulator: Simulator, minutes: float) -> None:
    clock: ManualClock = simulator.clock_to_move  # type: ignore[attr-defined]
    for _ in range(int(minutes * 6)):
        clock.advance(10)
        simulator.step()


def catch_up(simulator: Simulator) -> None:
    """Let the simulated time come to the present, in which the database lives."""
    clock: ManualClock = simulator.clock_to_move  # type: ignore[attr-defined]
    while (behind := (datetime.now(UTC) - clock()).total_seconds()) > 0.5:
        clock.advance(min(behind, 10))
        simulator.step()


def observe(simulator: Simulator, state: State) -> Observer:
    config = load_config(simulator.configuration_file)
    exposition, clock = Exposition(), MovableClock()
    watch = Watch(config, config.instances[0], clock=clock, state=state, exposition=exposition)
    return Observer(watch, exposition, clock)


def messages(truth: Truth) -> Counter[tuple[str, str]]:
    return Counter({(pass_, result): count for (result, pass_), count in truth.messages.items()})


def check_deliveries(seen: Observer, truth: Truth) -> None:
    deliveries = {(channel_name(channel), state_name(state)): count for (state, channel), count in truth.deliveries.items()}
    assert seen.counted("campaign_deliveries") == deliveries
    remaining: Counter[tuple[str, ...]] = Counter()
    for (_, channel), count in truth.messages_remaining.items():
        remaining[channel_name(channel),] += count
    assert seen.counted("campaign_messages_remaining") == {key: count for key, count in remaining.items() if count}


def check_pending(seen: Observer, truth: Truth) -> None:
    launched = [delivery for delivery in truth.pending if delivery.state in {51, 61}]
    causes = Counter((delivery.cause,) for delivery in launched)
    assert seen.counted("campaign_deliveries_pending") == causes
    waiting: Counter[tuple[str, ...]] = Counter()
    for delivery in launched:
        waiting[delivery.cause,] += delivery.messages
    assert seen.counted("campaign_pending_messages") == {key: count for key, count in waiting.items() if count}


def test_what_is_measured_is_what_is_true(simulator: Simulator, tmp_path: Path) -> None:
    with closing(State.open(tmp_path / "state")) as state:
        seen = observe(simulator, state).round("processes", "affinity", "throughput", "deliveries")
        start = simulator.truth()
        for faults in ((), ("delivery-in-wave", "delivery-in-retry"), ("validity-expired", "account-inactive"), ("sms-down",)):
            for fault in faults:
                simulator.set_fault(fault)
            advance(simulator, 8)
            seen.round("throughput")
        simulator.set_fault("affinity-undeclared", "nowhere")
        simulator.set_fault("delivery-scheduled")
        catch_up(simulator)
        seen.round()
        truth = simulator.truth()
        check_deliveries(seen, truth)
        check_pending(seen, truth)
        assert len(truth.causes) >= 6
        expected = messages(truth) - messages(start)
        assert seen.counted("campaign_messages_total") == dict(expected)
        assert sum(expected.values()) > 1000
        assert seen.value("campaign_message_bytes_total") == pytest.approx(truth.bytes - start.bytes)
        failed = [name for name in ("deliveries", "pending", "throughput", "affinity", "database") if seen.failures(name)]
        assert failed == []
        simulator.insert_tricky_rows()
        check_deliveries(seen.round("deliveries"), simulator.truth())
        seen.close()
    body, failures = sample_once(load_config(simulator.configuration_file), MovableClock())
    assert [failure for failure in failures if "endpoints" not in failure] == []
    assert b"campaign_deliveries{" in body
