from collections.abc import Callable

import pytest

from campaign_simulator.clue_faults import CLUE_FAULTS, JOB_LOGS, SECRETS
from campaign_simulator.faults import FaultBoard, FaultError, World
from campaign_simulator.journal import Ids
from campaign_simulator.truth import Truth
from campaign_simulator.vocabulary import DeliveryMode, Priority, State
from unit.simulator.worlds import pass_time

# The words that Adobe documents, of which a watcher may make something.
DOCUMENTED = {
    "capacity": ["DLV-490037", "resources are not available"],
    "temporary-file": ["Postponing DeliveryParts for broken delivery", "BAS-010015 Cannot open file"],
    "cross-device": ["errno=18", "Invalid cross-device link"],
    "mid-timeout": ["AppendDeliveryPart", "HTTP 408"],
    "quota": ["Messages queued (connection quotas met)", "(dynamic flow control)"],
}


@pytest.mark.parametrize("kind", JOB_LOGS)
def test_the_journal_of_a_waiting_delivery_holds_adobes_words_among_secrets(
    kind: str, board: FaultBoard, world: World, truth: Callable[[], Truth]
) -> None:
    board.set("job-log", [kind])
    (delivery,) = truth().pending
    assert (delivery.cause, delivery.clue) == ("unknown", f"job-log:{kind}")
    logs = world.engine.journal.job_logs
    assert {log.delivery_id for log in logs} == {delivery.delivery_id}
    assert len({log.log_id for log in logs}) == len(logs) == len(JOB_LOGS[kind]) + 2
    text = "\n".join(log.message for log in logs)
    for words in DOCUMENTED[kind]:
        assert words in text
    assert all(SECRETS[0] in log.message for log in logs)
    assert SECRETS[1] in text
    assert max(len(log.message) for log in logs) < 2_000  # the column
    assert "{" not in text


def test_a_delivery_goes_on_and_its_journal_stays(board: FaultBoard, world: World, truth: Callable[[], Truth]) -> None:
    def waiting() -> list[str]:
        return [delivery.clue for delivery in truth().pending if delivery.clue]

    board.set("job-log", ["quota", "capacity"])
    pass_time(world, 5)
    assert waiting() == ["job-log:quota", "job-log:capacity"]
    logs = len(world.engine.journal.job_logs)
    board.clear("job-log", ["quota"])
    pass_time(world, 10)
    assert waiting() == ["job-log:capacity"]
    board.clear("job-log", [])
    pass_time(world, 20)
    assert waiting() == []
    assert len(world.engine.journal.job_logs) == logs


def test_on_a_marketing_instance_it_is_a_delivery_through_mid_sourcing_that_times_out(
    marketing: World,
) -> None:
    FaultBoard(marketing, CLUE_FAULTS).set("job-log", ["mid-timeout"])
    (delivery,) = [delivery for delivery in marketing.engine.active.values() if delivery.clue]
    assert delivery.mode == DeliveryMode.MID_SOURCING


@pytest.mark.parametrize(
    ("arguments", "complaint"), [([], "a KIND is missing"), (["lunch"], "there is no kind 'lunch'; there are: capacity, tempo")]
)
def test_the_kinds_are_told(arguments: list[str], complaint: str, board: FaultBoard) -> None:
    with pytest.raises(FaultError, match=complaint):
        board.set("job-log", arguments)


def test_a_low_priority_waits_while_a_high_one_is_sent(board: FaultBoard, world: World, truth: Callable[[], Truth]) -> None:
    board.set("priority-starved", [])
    for _ in range(30):
        pass_time(world, 1)
    by_priority = {delivery.priority: delivery for delivery in world.engine.active.values() if delivery.broad_end is None}
    assert by_priority[Priority.HIGH].state == State.IN_PROGRESS
    assert by_priority[Priority.LOW].state == State.START_PENDING
    (starved,) = [delivery for delivery in truth().pending if delivery.clue == "priority-starved"]
    assert (starved.delivery_id, starved.causes) == (by_priority[Priority.LOW].delivery_id, ("unknown",))
    board.clear("priority-starved", [])
    pass_time(world, 20)
    assert by_priority[Priority.LOW].broad_start is not None


def test_the_sequence_is_near_its_end_and_our_own_ids_are_not(board: FaultBoard, world: World) -> None:
    ids = world.engine.ids
    before = ids.sequence
    board.set("sequence-near-wrap", [])
    assert 0.999 * 2**31 < ids.sequence < 2**31
    assert ids.next() == before + 1
    board.clear("sequence-near-wrap", [])
    assert ids.sequence == before + 1


def test_a_sequence_does_not_pass_the_wrap() -> None:
    assert Ids(shared=5_000_000, near_wrap=True).sequence == 2**31 - 1
