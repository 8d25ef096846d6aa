import json

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.collectors.progress import Due, Progress
from campaign_exporter.diagnosis.facts import Delivery, Parts
from campaign_exporter.metric import Samples

NOW = 1_700_000_000.0
SINCE, LEFT, DUE = (
    "campaign_delivery_progress_timestamp_seconds",
    "campaign_delivery_messages_remaining",
    "campaign_messages_due",
)


def one(
    number: int = 1, processed: int | None = 10, *, modified: float | None = NOW - 60, next_pass: float | None = None
) -> Delivery:
    return Delivery(
        delivery_id=number,
        state=55,
        label=f"Delivery {number}",
        mode=1,
        channel=0,
        modified=modified,
        to_deliver=100,
        processed=processed,
        parts=Parts(exist=True, next_pass=next_pass),
    )


def told(progress: Progress, now: float, *deliveries: Delivery) -> dict[tuple[str, ...], float]:
    due = Due(deliveries, now)
    progress.follow(due)
    samples = Samples()
    progress.add_to(samples, due)
    return {(sample.metric.name, *sample.labels): sample.value for sample in samples}


def since(progress: Progress, now: float, delivery: Delivery) -> float | None:
    return told(progress, now, delivery).get((SINCE, "1", "Delivery 1"))


def test_what_moves_was_moved_just_now_and_what_does_not_grows_old() -> None:
    progress = Progress()
    assert since(progress, NOW, one()) == NOW - 60
    assert since(progress, NOW + 15, one()) == NOW - 60
    assert since(progress, NOW + 30, one(processed=11)) == NOW + 30
    assert since(progress, NOW + 45, one(processed=11, modified=NOW + 44)) == NOW + 30  # an edit is no progress


def test_a_recount_is_taken_for_progress() -> None:
    progress = Progress()
    since(progress, NOW, one(processed=10))
    assert since(progress, NOW + 15, one(processed=9)) == NOW + 15


def test_what_was_put_off_begins_anew_when_it_is_due() -> None:
    progress = Progress()
    since(progress, NOW, one())
    assert since(progress, NOW + 15, one(next_pass=NOW + 10)) == NOW + 10
    assert told(progress, NOW + 30) == {key: value for key, value in told(progress, NOW + 30).items() if value == 0}
    assert since(progress, NOW + 7200, one(next_pass=NOW + 7000)) == NOW + 7000


def test_a_first_sight_that_cannot_be_dated_is_dated_now() -> None:
    assert since(Progress(), NOW, one(modified=None)) == NOW
    assert since(Progress(), NOW, one(modified=NOW + 999)) == NOW
    assert since(Progress(), NOW, one(processed=None)) == NOW - 60


def test_what_is_due_is_summed_by_channel_and_zero_elsewhere() -> None:
    shown = told(Progress(), NOW, one(1), one(2, processed=40))
    assert shown[DUE, "email"] == 150
    assert shown[DUE, "sms"] == 0
    assert shown[LEFT, "2", "Delivery 2"] == 60


def test_the_table_holds_those_that_have_not_moved_for_longest() -> None:
    progress = Progress()
    shown = told(progress, NOW, *(one(number, modified=NOW - number) for number in range(60)))
    assert {int(key[1]) for key in shown if key[0] == SINCE} == set(range(10, 60))
    assert shown[DUE, "email"] == 60 * 90
    assert progress.dropped == 10


@given(st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), unique_by=lambda pair: pair[0])), st.data())
def test_a_restart_between_any_two_rounds_changes_nothing(rounds: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    steady, restarted = Progress(), Progress()
    for number, table in enumerate(rounds):
        deliveries = [one(id_, processed) for id_, processed in table]
        if data.draw(st.booleans()):
            restarted = Progress.load(json.loads(json.dumps(restarted.dump())))
        now = NOW + 15 * number
        assert told(steady, now, *deliveries) == told(restarted, now, *deliveries)
    assert steady.dropped == restarted.dropped


def test_a_state_of_an_older_version_is_taken() -> None:
    assert since(Progress.load(None), NOW, one()) == NOW - 60
