from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign_exporter.config import load_config
from campaign_exporter.domain.deliveries import channel_name, state_name
from campaign_exporter.domain.messages import FAILED, failure_reason_name, failure_type_name, status_name
from campaign_exporter.sampling import sample_once
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.state import State
from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.truth import Truth
from integration.database.scene import MovableClock, Observer, generous, observe

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


def check_links(seen: Observer, truth: Truth) -> None:
    told = seen.counted("campaign_deliveries_started_recently")
    assert told == {
        (channel_name(channel), "yes" if tracked else "no"): count for (channel, tracked), count in truth.started.items()
    }


def test_what_is_measured_is_what_is_true(simulator: Simulator, tmp_path: Path) -> None:
    with closing(State.open(tmp_path / "state")) as state:
        seen = observe(load_config(simulator.configuration_file), state).round(
            "processes", "affinity", "throughput", "deliveries"
        )
        start = simulator.truth()
        for faults in ((), ("delivery-in-wave", "delivery-in-retry"), ("validity-expired", "account-inactive"), ("sms-down",)):
            for fault in faults:
                simulator.set_fault(fault)
            advance(simulator, 8)
            seen.round("throughput")
        simulator.set_fault("links-untracked")
        simulator.set_fault("affinity-undeclared", "nowhere")
        simulator.set_fault("delivery-scheduled")
        catch_up(simulator)
        seen.round()
        truth = simulator.truth()
        check_deliveries(seen, truth)
        check_pending(seen, truth)
        check_links(seen, truth)
        assert len(truth.causes) >= 6
        expected = messages(truth) - messages(start)
        assert seen.counted("campaign_messages_total") == dict(expected)
        assert sum(expected.values()) > 1000
        assert seen.value("campaign_message_bytes_total") == pytest.approx(truth.bytes - start.bytes)
        failed = [
            name for name in ("deliveries", "pending", "throughput", "affinity", "database", "tracking") if seen.failures(name)
        ]
        assert failed == []
        simulator.insert_tricky_rows()
        check_deliveries(seen.round("deliveries"), simulator.truth())
        seen.close()
    body, failures = sample_once(generous(load_config(simulator.configuration_file)), MovableClock())
    assert [failure for failure in failures if "endpoints" not in failure] == []
    assert b"campaign_deliveries{" in body


def check_fates(seen: Observer, truth: Truth, start: Truth) -> None:
    statuses = Counter(truth.message_statuses) - Counter(start.message_statuses)
    told = seen.counted("campaign_message_transitions_total")
    assert told == {(status_name(status),): count for status, count in statuses.items()}
    failures = Counter(truth.message_failures) - Counter(start.message_failures)
    assert seen.counted("campaign_message_failures_total") == {
        (failure_type_name(kind), "failed" if status == FAILED else "postponed", failure_reason_name(reason)): count
        for (status, kind, reason), count in failures.items()
    }
    domains = Counter(truth.message_domains) - Counter(start.message_domains)
    assert seen.counted("campaign_message_domain_results_total") == domains


def test_each_message_is_counted_once_through_restarts_late_rows_purges_and_a_cleanup(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: ManualClock = simulator.clock_to_move  # type: ignore[attr-defined]
    late = 0.0
    monkeypatch.setattr(Questions, "now", lambda _: clock().timestamp() + late)
    advance(simulator, 4)
    with closing(State.open(tmp_path / "state")) as state:
        seen = observe(load_config(simulator.configuration_file), state)
        start = simulator.truth()
        clock.advance(1)  # what was written by now is the baseline
        seen.round("messages", "tracking")
        for step in range(42):
            # Every third step commits when the exporter has read on for 95 seconds.
            late = 95.0 if step % 3 == 0 else 0.0
            seen.clock.ahead += 10
            seen.round("messages")
            clock.advance(10)
            simulator.step()
            late = 0.0
            seen.round("messages")
            if step == 12:
                simulator.set_fault("domain-refusing", "post.example")
                simulator.set_fault("users-unknown")
            if step % 14 == 13:
                seen.close()
                seen = observe(load_config(simulator.configuration_file), state)
            if step == 25:
                with simulator.connect() as cleanup:
                    cleanup.execute("DELETE FROM nmsbroadlogrcp WHERE istatus IN (1, 2) AND ibroadlogid % 2 = 0")
                    cleanup.execute("UPDATE nmsbroadlogrcp SET imsgid = 2 WHERE istatus = 2 AND imsgid = 1")
                    cleanup.execute("VACUUM nmsbroadlogrcp")
        for _ in range(10):
            clock.advance(40)
            seen.clock.ahead += 40
            seen.round("messages")
        truth = simulator.truth()
        seen.round("tracking")
        assert sum(truth.message_statuses.values()) - sum(start.message_statuses.values()) > 10_000
        check_fates(seen, truth, start)
        assert seen.counted("campaign_tracking_events_total") == {
            (event,): count for event, count in (Counter(truth.tracking) - Counter(start.tracking)).items()
        }
        assert seen.failures("messages") == {}
        seen.close()
