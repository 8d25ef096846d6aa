"""What is told of upkeep is what the simulator knows to be true, fault by fault."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaign_exporter.config import load_config
from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from integration.database.scene import Observer, observe

UPKEEP = ("workflows", "maintenance", "hygiene")
FAULTS = (
    ("work-tables-orphaned", "40"),
    ("cleanup-failing", "4"),
    ("workflow-late", "tracking"),
    ("workflow-failed", "billing"),
    ("workflow-at-rest", "forecasting", "paused"),
    ("tracking-pointer-dated",),
    ("transaction-open",),
    ("events-stuck", "70"),
    ("sequence-near-wrap",),
)
#: What the simulator calls a workflow's trouble, where the exporter has another word; a late one is in none.
WORDS = {"edited": "not_started"}


@pytest.fixture(scope="module", params=[True, False], ids=["with time zone", "without"])
def simulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    directory = tmp_path_factory.mktemp("upkeep") / "simulator"
    with Simulator(directory, with_time_zone=request.param, schema="public" if request.param else "Neo lane") as one:
        one.insert_tricky_rows()
        yield one


@pytest.fixture
def seen(simulator: Simulator) -> Iterator[Observer]:
    with closing(observe(load_config(simulator.configuration_file))) as observer:
        yield observer


def agrees(seen: Observer, simulator: Simulator) -> None:
    simulator.step()
    seen.round(*UPKEEP)
    truth = simulator.truth()
    assert [name for name in UPKEEP if seen.success(name) != 1] == []
    assert seen.counted("campaign_work_tables") == truth.work_tables
    troubles = {name: WORDS.get(trouble, trouble) for name, trouble in truth.workflow_troubles.items()}
    in_trouble = {(trouble, name): 1 for name, trouble in troubles.items() if trouble != "overdue"}
    assert seen.counted("campaign_technical_workflow_trouble") == in_trouble
    late = {name for name, trouble in troubles.items() if trouble == "overdue"}
    planned = seen.samples("campaign_technical_workflow_next_run_timestamp_seconds")
    assert {name for (name,), moment in planned.items() if moment < seen.clock.time() - 3600} == late
    assert truth.last_cleanup is not None
    assert seen.value("campaign_cleanup_last_run_timestamp_seconds") == pytest.approx(truth.last_cleanup.timestamp(), abs=1)
    pointer = truth.tracking_pointer
    told = seen.value("campaign_tracking_pointer_timestamp_seconds")
    assert told == (None if pointer is None else pytest.approx(pointer.timestamp(), abs=1))
    assert sum(seen.samples("campaign_rt_events_unprocessed").values()) == truth.events_waiting
    assert seen.value("campaign_database_transactions", state="idle_in_transaction") == truth.open_transactions
    assert seen.value("campaign_sequence_last_value", sequence="xtknewid") == truth.last_id


def test_an_instance_in_order(seen: Observer, simulator: Simulator) -> None:
    agrees(seen, simulator)
    assert set(seen.counted("campaign_work_tables")) == {("wkdlv", "in_use"), ("wkf", "in_use"), ("wkfhisto", "in_use")}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
def test_each_fault_is_seen_and_its_end(fault: tuple[str, ...], seen: Observer, simulator: Simulator) -> None:
    simulator.set_fault(*fault)
    try:
        agrees(seen, simulator)
    finally:
        simulator.clear_fault(fault[0])
    agrees(seen, simulator)


def test_all_faults_together(seen: Observer, simulator: Simulator) -> None:
    for fault in FAULTS:
        simulator.set_fault(*fault)
    agrees(seen, simulator)
    for fault in reversed(FAULTS):
        simulator.clear_fault(fault[0])
    agrees(seen, simulator)


def test_recipients_to_the_last_one(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))
    with Simulator(tmp_path / "simulator", clock=clock, messages_per_second=200, with_time_zone=False) as simulator:
        for _ in range(30):
            clock.advance(6)
            simulator.step()
        config = load_config(simulator.configuration_file)
        recipients = config.collectors.recipients.model_copy(update={"enabled": True, "rows": 300})
        changed = config.model_copy(update={"collectors": config.collectors.model_copy(update={"recipients": recipients})})
        with closing(observe(changed)) as seen:
            for _ in range(7):
                seen.clock.ahead += 60
                seen.round("recipients")
            truth = simulator.truth()
            activities, denylists = (
                {(name,): n for name, n in counts.items()} for counts in (truth.recipients, truth.recipients_denylisted)
            )
            assert seen.samples("campaign_recipients_counted_by_activity") == activities
            assert seen.samples("campaign_recipients_counted_denylisted") == denylists
            assert seen.value("campaign_recipients_counted") == sum(activities.values()) == 2020
            assert min(*activities.values(), *denylists.values()) > 10
