"""The exporter and a simulated Campaign instance, as processes: what /metrics says is what is true, fault after fault."""

import http.client
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from campaign_exporter.catalogue import COLLECTORS
from campaign_exporter.domain.deliveries import CHANNELS, STATES
from e2e.watched import PATIENCE, Scene, watched
from integration.core.exporter_process import wait_until


def _deliveries(truth: Any) -> dict[tuple[str, str], int]:  # noqa: ANN401 - JSON
    return {
        (STATES.get(int(state), state), CHANNELS.get(int(channel), channel)): count
        for state, channels in truth["deliveries"].items()
        for channel, count in channels.items()
    }


def test_metrics_tell_the_truth_within_seconds(scene: Scene) -> None:
    def agree() -> bool:
        truth, seen = scene.truth(), scene.exporter.metrics()
        deliveries = _deliveries(truth)
        told = {
            (state, channel): seen.get(("campaign_deliveries", frozenset({state, channel})))
            for state in STATES.values()
            for channel in CHANNELS.values()
        }
        processes = {
            (host, process): seen.get(("campaign_process_up", frozenset({host, process})))
            for host, modules in truth["processes"].items()
            for process in modules
        }
        return (
            told == {key: deliveries.get(key, 0) for key in told}
            and processes == {(host, name): up for host, modules in truth["processes"].items() for name, up in modules.items()}
            and all(
                ("campaign_ip_affinity_info", frozenset({host, name})) in seen
                for host, names in truth["affinities"].items()
                for name in names
            )
        )

    wait_until(agree, PATIENCE)
    assert scene.value("up") == 1
    for name in COLLECTORS:
        assert scene.value("exporter_collector_success", name) == 1, name


def test_messages_are_counted_as_they_are_sent(scene: Scene) -> None:
    def sent() -> int:
        return sum(count for passes in scene.truth()["messages"].values() for count in passes.values())

    def counted() -> float:
        return sum(value for (name, _), value in scene.exporter.metrics().items() if name == "campaign_messages_total")

    first_sent, first_counted = sent(), counted()
    wait_until(lambda: counted() > first_counted, 60)
    assert counted() - first_counted <= sent() - first_sent + 2000  # what waited for its consolidation at first


FAULTS: dict[str, tuple[tuple[str, ...], Callable[[Scene], bool], Callable[[Scene], bool]]] = {
    "mta-down": (
        (),
        lambda scene: scene.value("process_up", "mta1", "mta") == 0 and (scene.pending("mta_down") or 0) > 0,
        lambda scene: scene.value("process_up", "mta1", "mta") == 1 and scene.pending("mta_down") == 0,
    ),
    "delivery-scheduled": (
        (),
        lambda scene: scene.pending("scheduled") == scene.truth()["causes"].get("scheduled", 0) > 0,
        lambda scene: scene.pending("scheduled") == scene.truth()["causes"].get("scheduled", 0),
    ),
    "database-locked": (
        (),
        lambda scene: (
            (scene.value("exporter_collector_errors_total", "deliveries", "lock") or 0) > 0
            and scene.value("exporter_collector_success", "deliveries") == 0
            and (scene.value("database_blocked_sessions", "nmsdelivery") or 0) > 0
            and scene.value("up") == 1
        ),
        lambda scene: (
            scene.value("exporter_collector_success", "deliveries") == 1
            and scene.value("database_blocked_sessions", "nmsdelivery") == 0
        ),
    ),
    "database-down": (
        (),
        lambda scene: (
            scene.value("up") == 0
            and scene.value("deliveries", "failed", "email") is None
            and scene.value("process_up", "mta1", "mta") == 1
        ),
        lambda scene: scene.value("up") == 1 and scene.value("exporter_collector_success", "deliveries") == 1,
    ),
    "nlserver-hang": (
        ("mta1",),
        lambda scene: (
            scene.value("host_up", "mta1", "processes") == 0
            and scene.value("process_up", "mta1", "mta") is None
            and scene.value("process_up", "mta2", "mta") == 1
            and scene.value("pending_cause_evaluated", "mta_down") == 0
        ),
        lambda scene: scene.value("process_up", "mta1", "mta") == 1 and scene.value("pending_cause_evaluated", "mta_down") == 1,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_and_clears(scene: Scene, name: str) -> None:
    arguments, shows, cleared = FAULTS[name]
    wait_until(lambda: cleared(scene), PATIENCE)
    with scene.fault(name, *arguments):
        wait_until(lambda: shows(scene), PATIENCE)
    wait_until(lambda: cleared(scene), PATIENCE)


def test_an_affinity_that_is_declared_nowhere_shows_and_clears(tmp_path: Path) -> None:
    # An instance of its own: messages that went out under the affinity within the hour would refute the cause.
    with watched(tmp_path / "simulated") as scene:
        with scene.fault("affinity-missing", "news.de"):
            wait_until(lambda: (scene.pending("affinity_unconfigured") or 0) > 0, PATIENCE)
            wait_until(lambda: (scene.value("ip_affinity_mismatch", "news.de", "unconfigured") or 0) > 0, PATIENCE)
            assert scene.value("ip_affinity_info", "mta1", "news.de") is None
        wait_until(lambda: scene.pending("affinity_unconfigured") == 0, PATIENCE)
        wait_until(lambda: scene.value("ip_affinity_info", "mta1", "news.de") == 1, PATIENCE)
        assert scene.value("ip_affinity_mismatch", "news.de", "unconfigured") is None


def _median_scrape(port: int, scrapes: int = 300) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    times = []
    for _ in range(scrapes):
        began = time.perf_counter()
        connection.request("GET", "/metrics")
        connection.getresponse().read()
        times.append(time.perf_counter() - began)
        time.sleep(0.002)
    connection.close()
    return statistics.median(times)


def test_a_scrape_costs_the_same_while_the_database_is_locked(scene: Scene) -> None:
    ratios = []
    for _ in range(4):  # other work on the machine can disturb a measurement, never all of them
        healthy = _median_scrape(scene.exporter.port)
        with scene.fault("database-locked"):
            wait_until(lambda: scene.value("exporter_collector_success", "deliveries") == 0, PATIENCE)
            locked = _median_scrape(scene.exporter.port)
        wait_until(lambda: scene.value("exporter_collector_success", "deliveries") == 1, PATIENCE)
        ratios.append(locked / healthy)
        if ratios[-1] <= 1.2:
            return
    pytest.fail(f"a scrape under a locked database takes {ratios} times as long as else")
