import json

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.collectors.deliveries import History
from campaign_exporter.metric import Samples
from campaign_exporter.sources.campaign import DeliveryRow

rows = st.builds(
    DeliveryRow,
    delivery_id=st.integers(-3, 3),
    state=st.sampled_from([None, 0, 51, 55, 95, 999]),
    channel=st.sampled_from([None, 0, 1, 7]),
    deleted=st.booleans(),
    started=st.booleans(),
    start_delay=st.none() | st.floats(-10, 1e6),
    remaining=st.none(),
)
rounds = st.lists(st.lists(rows, unique_by=lambda row: row.delivery_id), max_size=8)


def shown(history: History) -> dict[tuple[str, ...], float]:
    samples = Samples()
    history.add_to(samples)
    return {(sample.metric.name, sample.suffix, *sample.labels): sample.value for sample in samples}


@given(rounds, st.data())
def test_a_restart_between_any_two_rounds_changes_nothing(tables: list[list[DeliveryRow]], data: st.DataObject) -> None:
    steady, restarted = History(), History()
    for table in tables:
        steady.follow(table)
        restarted.follow(table)
        if data.draw(st.booleans()):
            restarted = History.load(json.loads(json.dumps(restarted.dump())))
        assert shown(restarted) == shown(steady)


@given(rounds)
def test_nothing_shrinks_and_the_first_round_is_only_remembered(tables: list[list[DeliveryRow]]) -> None:
    history, last = History(), shown(History())
    for number, table in enumerate(tables):
        history.follow(table)
        now = shown(history)
        assert number > 0 or now == last
        assert all(now[key] >= value for key, value in last.items())
        last = now


@given(rounds)
def test_a_round_that_shows_the_same_counts_nothing(tables: list[list[DeliveryRow]]) -> None:
    history = History()
    for table in tables:
        history.follow(table)
        before = shown(history)
        history.follow(table)
        assert shown(history) == before
