from collections.abc import Callable
from datetime import timedelta

import pytest

from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import Fault, FaultBoard, FaultError, World, no_arguments, one_of
from campaign_simulator.truth import Truth, tell_truth
from campaign_simulator.vocabulary import State
from unit.simulator.worlds import pass_time


def test_names_are_unique_and_described() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert all((fault.description and fault.description[0].islower()) or fault.description for fault in FAULTS)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("nonsense", [], "there is no fault 'nonsense'; there are: mta-down, stat-down"),
        ("mta-down", ["mta3"], "there is no host with mta 'mta3'; there are: mta1, mta2; usage: mta-down [HOST...]"),
        ("stat-down", ["mta2"], "there are: mta1"),
        ("nlserver-hang", [], "HOST is missing; usage: nlserver-hang HOST..."),
        ("affinity-missing", [], "the affinity's NAME is missing"),
        ("affinity-missing", ["Retail.fr"], "there are: default, news.de, retail.fr"),
        ("affinity-undeclared", ["x" * 65], "has 65 characters, the column takes 1 to 64"),
        ("delivery-scheduled", ["soon"], "'soon' is no time: write seconds, or 15m, 2h, 1d"),
        ("delivery-scheduled", ["1h", "2h"], "unexpected argument '2h'"),
        ("delivery-in-wave", ["x"], "unexpected argument 'x'; usage: delivery-in-wave"),
        ("endpoint-down", ["app", "purple"], "there is no way to fail 'purple'; there are: error, slow, wrong"),
        ("endpoint-down", ["app", "slow", "slow"], "unexpected argument 'slow'"),
        ("workflow-failed", ["lunch"], "there is no workflow 'lunch'"),
        ("workflow-failed", ["defaultMidSourcingDlv"], "there is no workflow 'defaultMidSourcingDlv'"),
        ("workflow-at-rest", [], "the workflow's NAME is missing"),
        ("workflow-at-rest", ["billing", "asleep"], "there is no state at rest 'asleep'; there are: stopped, paused, edited"),
        ("workflow-at-rest", ["billing", "paused", "edited"], "unexpected argument 'edited'"),
        ("mid-sourcing-lag", [], "nothing is mid-sourced here: run the simulator with --role marketing"),
        ("approval-awaited", ["lunch"], "there is no approval 'lunch'; there are: content, target, extraction, budget, fcp"),
        ("database-blocked", ["nmsrecipient"], "there is no table that sending needs 'nmsrecipient'; there are: nmsdelivery,"),
        ("database-blocked", [], "the database is in no state for that: connection refused"),
        ("select-revoked", [], "a TABLE is missing"),
        ("database-locked", [], "the database is in no state for that: connection refused"),
    ],
)
def test_bad_input_gets_one_line_with_the_mend(name: str, arguments: list[str], complaint: str, board: FaultBoard) -> None:
    with pytest.raises(FaultError) as caught:
        board.set(name, arguments)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not board.active


def test_setting_twice_is_harmless(board: FaultBoard, world: World) -> None:
    assert board.set("mta-down", ["mta1"]) == ["mta1"]
    assert board.set("mta-down", []) == ["mta2"]
    assert board.set("mta-down", ["mta1", "mta1"]) == []
    assert board.clear("mta-down", ["mta1"]) == ["mta1"]
    assert board.clear("mta-down", []) == ["mta2"]
    assert board.clear("mta-down", []) == []
    assert world.hosts.running_on("mta") == ["mta1", "mta2"]


def test_statuses_tell_what_is_set(board: FaultBoard) -> None:
    board.set("nlserver-hang", ["mta2"])
    found = {status.fault.name: status.targets for status in board.statuses()}
    assert found.pop("nlserver-hang") == ("mta2",)
    assert len(found) == len(FAULTS) - 1
    assert not any(found.values())


def test_everything_is_undone_the_latest_first(world: World) -> None:
    undone: list[str] = []

    def fault(name: str) -> Fault:
        return Fault(name, "", "a test", no_arguments, lambda _w, _t: lambda: undone.append(name))

    board = FaultBoard(world, [fault("a"), fault("b")])
    board.set("b", [])
    board.set("a", [])
    board.clear_all()
    assert undone == ["a", "b"]
    assert not board.active


def test_a_frozen_engine_is_known(world: World) -> None:
    board = FaultBoard(world, [Fault("ice", "", "a test", no_arguments, lambda _w, _t: lambda: None, freezes=True)])
    assert not board.frozen
    board.set("ice", [])
    assert board.frozen


@pytest.mark.parametrize(
    ("name", "arguments", "cause"),
    [
        ("mta-down", [], "mta_down"),
        ("sms-down", [], "mta_down"),
        ("stat-down", [], "stat_server_down"),
        ("wfserver-down", [], "workflow_engine_down"),
        ("workflow-failed", ["operationMgt"], "workflow_engine_down"),
        ("workflow-at-rest", ["deliveryMgt", "edited"], "workflow_engine_down"),
        ("affinity-missing", ["retail.fr"], "affinity_unconfigured"),
        ("delivery-scheduled", [], "scheduled"),
        ("delivery-in-wave", [], "waiting_wave"),
        ("delivery-in-retry", [], "waiting_retry"),
        ("validity-expired", [], "validity_expired"),
        ("account-inactive", [], "account_inactive"),
        ("parts-missing", [], "parts_missing"),
        ("parts-orphaned", [], "parts_orphaned"),
        ("concurrency-limit", [], "concurrency_limit"),
        ("approval-awaited", [], "awaiting_approval"),
        ("approval-awaited", ["fcp"], "awaiting_approval"),
        ("preparation-stuck", [], "preparation_stuck"),
        ("throughput-stalled", [], "unknown"),
    ],
)
def test_a_delivery_waits_for_the_fault_and_goes_on_without_it(
    name: str, arguments: list[str], cause: str, board: FaultBoard, truth: Callable[[], Truth]
) -> None:
    assert truth().causes == {}
    board.set(name, arguments)
    assert truth().causes == {cause: 1}
    assert list(truth().faults) == [name]
    board.clear(name, [])
    assert truth().causes.get(cause, 0) == (cause == "unknown")  # due now, and the next step takes it
    assert truth().faults == {}


def test_a_preparation_hangs_long_before_it_is_due_and_nothing_waits_yet(
    board: FaultBoard, world: World, truth: Callable[[], Truth]
) -> None:
    board.set("preparation-hangs", [])
    (delivery,) = [each for each in world.engine.active.values() if each.state == State.PERSONALIZATION_IN_PROGRESS]
    assert delivery.modified is not None
    assert delivery.modified < world.now() - timedelta(hours=1) < world.now() < delivery.contact
    assert truth().causes == {}
    pass_time(world, 60)
    hanging = delivery.state
    board.clear("preparation-hangs", [])
    pass_time(world, 60)
    assert (hanging, delivery.state) == (State.PERSONALIZATION_IN_PROGRESS, State.MESSAGE_READY)


def test_an_affinity_missing_somewhere_stops_nothing(board: FaultBoard, truth: Callable[[], Truth]) -> None:
    board.set("affinity-missing", ["retail.fr", "mta1"])
    assert truth().causes == {}
    assert truth().affinities == {"mta1": ("default", "news.de"), "mta2": ("default", "news.de", "retail.fr")}
    board.set("mta-down", ["mta2"])
    assert truth().causes == {"affinity_host_down": 1}
    board.set("affinity-missing", ["news.de", "mta1"])
    assert truth().causes == {"affinity_host_down": 2}
    assert truth().processes["mta2"]["mta"] == 0
    board.clear("mta-down", [])
    assert "affinity_host_down" not in truth().causes


def test_an_undeclared_affinity_is_mended_by_declaring_it(board: FaultBoard, truth: Callable[[], Truth]) -> None:
    board.set("affinity-undeclared", ["travel.it"])
    assert truth().causes == {"affinity_unconfigured": 2}
    board.clear("affinity-undeclared", [])
    assert all("travel.it" in names for names in truth().affinities.values())
    assert "affinity_unconfigured" not in truth().causes


def test_configuration_files_are_spoilt_and_mended(board: FaultBoard, world: World) -> None:
    path = world.hosts.by_name["mta1"].configuration[2]
    whole = path.read_text()
    board.set("configuration-broken", ["mta1"])
    assert whole.startswith(path.read_text())
    assert path.read_text() != whole
    board.clear("configuration-broken", [])
    assert path.read_text() == whole
    board.set("configuration-missing", ["mta1"])
    assert not path.exists()
    board.clear("configuration-missing", [])
    assert path.read_text() == whole


def test_memory_rises_over_the_warning(board: FaultBoard, world: World) -> None:
    board.set("mta-memory-high", ["mta1"])
    assert 1_600 < world.hosts.by_name["mta1"].processes["mta"].megabytes < 1_800
    board.clear("mta-memory-high", [])
    world.hosts.refresh()
    assert world.hosts.by_name["mta1"].processes["mta"].megabytes < 200


def test_a_failed_workflow_is_paused_and_stops_campaigns(board: FaultBoard, world: World) -> None:
    board.set("workflow-failed", ["operationMgt"])
    workflow = next(w for w in world.engine.journal.workflows.values() if w.name == "operationMgt")
    assert (workflow.state, workflow.failed) == (13, True)
    board.clear("workflow-failed", [])
    assert (workflow.state, workflow.failed) == (11, False)


@pytest.mark.parametrize(("state", "number"), [("stopped", 20), ("paused", 13), ("edited", 0)])
def test_troubles_of_a_workflow_add_up(state: str, number: int, board: FaultBoard, world: World) -> None:
    workflow = world.engine.site.workflows["deliveryMgt"]

    def shown() -> tuple[int, bool]:
        return workflow.state, workflow.failed

    board.set("workflow-at-rest", ["deliveryMgt", state])
    assert shown() == (number, False)
    board.set("workflow-failed", ["deliveryMgt"])
    assert shown() == (13, True)
    board.clear("workflow-failed", [])
    assert shown() == (number, False)
    board.clear("workflow-at-rest", ["deliveryMgt", state])
    assert shown() == (11, False)
    assert workflow.next_run is not None
    assert workflow.next_run <= world.now()  # it runs at once


@pytest.mark.parametrize("way", ["failed", "edited", "paused", "stopped", "overdue"])
def test_a_copy_lags_in_each_way(way: str, marketing: World) -> None:
    board = FaultBoard(marketing, FAULTS)

    def pending() -> Truth:
        return tell_truth(marketing.engine, marketing.hosts, marketing.now(), board.active)

    board.set("mid-sourcing-lag", [way])
    pass_time(marketing, 5)
    assert pending().causes["mid_sourcing_lag"] == 1
    board.clear("mid-sourcing-lag", [way])
    assert pending().causes["mid_sourcing_lag"] == 0
    pass_time(marketing, 5)
    assert marketing.engine.site.workflows["defaultMidSourcingDlv"].last_run == marketing.engine.now
    assert pending().causes["mid_sourcing_lag"] == 0


def test_parts_are_orphaned_by_the_death_of_their_process_and_by_nothing_else(
    board: FaultBoard, world: World, truth: Callable[[], Truth]
) -> None:
    """A delivery that is being sent takes its parts back, as lost messages are tried again; one that waits does not."""
    world.engine.launch(world.engine.traffic.plain(world.now(), size=5_000))
    for _ in range(20):
        pass_time(world, 1)
    board.set("mta-down", [])
    assert "parts_orphaned" not in {cause for delivery in truth().pending for cause in delivery.causes}
    board.clear("mta-down", [])
    board.set("parts-orphaned", [])
    for action in (board.set, board.clear):
        action("mta-down", ["mta1"])
        assert truth().causes["parts_orphaned"] == 1  # dead before, dead after
    board.clear("parts-orphaned", [])
    assert "parts_orphaned" not in truth().causes


def test_endpoint_troubles_are_kept_apart(board: FaultBoard, world: World) -> None:
    board.set("endpoint-down", ["app", "slow"])
    board.set("endpoint-down", ["images"])
    assert world.endpoints.troubles == {"app": "slow", "images": "error"}
    board.clear("endpoint-down", ["app", "slow"])
    assert world.endpoints.troubles == {"images": "error"}


def test_choice_without_arguments_is_everything() -> None:
    assert one_of(["a", "b"], [], "letter") == ("a", "b")
    assert one_of(["a", "b"], ["b", "b"], "letter") == ("b",)
