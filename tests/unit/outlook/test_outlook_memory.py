"""What the collector remembers: the course of deliveries, and the lines of their logs."""

import json

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.collectors.delivery_logs import LineCounts
from campaign_exporter.collectors.forecasts import Ahead, Forecast, Forecasts, add_table
from campaign_exporter.diagnosis.facts import Delivery, Parts
from campaign_exporter.domain.forecast import Wave
from campaign_exporter.metric import Samples
from campaign_exporter.sources.outlook import Counted

NOW = 1_700_000_000.0
WINDOW = 60.0
HOUR = 3600.0


def one(
    processed: int | None = 0, *, number: int = 1, state: int = 55, validity: float | None = NOW + HOUR, mode: int = 1
) -> Delivery:
    return Delivery(number, state, f"Delivery {number}", mode, 0, NOW, validity, NOW, to_deliver=10_000, processed=processed)


def ahead(after: float, next_pass: float | None = None, waves: tuple[Wave, ...] = ()) -> Ahead:
    return Ahead({1: Parts(exist=True, next_pass=next_pass)}, {1: waves}, NOW + after)


def measured(*rounds: tuple[Delivery, Ahead]) -> Forecast:
    forecasts = Forecasts(WINDOW)
    for delivery, around in rounds:
        forecasts.follow([delivery], around)
    return forecasts.of(*rounds[-1])


def steady(**more: object) -> Forecast:
    """Let a delivery process a message a second for a minute."""
    return measured(*((one(second, **more), ahead(second)) for second in range(0, 61, 10)))  # type: ignore[arg-type] # by name


def test_a_measured_rate_tells_the_end_and_what_its_validity_cuts_off() -> None:
    # 9,940 are left, and 3,540 seconds.
    assert steady() == Forecast(1.0, NOW + 60 + 9940, 6400)
    assert steady(validity=NOW + 60 + 9940) == Forecast(1.0, NOW + 60 + 9940, 0)


def test_what_cannot_be_told_is_absent() -> None:
    assert measured((one(), ahead(0))) == Forecast()
    assert steady(validity=None).past_validity is None
    assert steady(validity=NOW + 30).past_validity is None  # it is over
    assert steady(state=62) == steady(state=61) == steady(state=75) == steady(mode=4) == Forecast()
    assert measured((one(), ahead(0)), (one(), ahead(60, NOW + 70))) == Forecast()  # all parts are to come


def test_what_stands_still_has_no_end_and_loses_all() -> None:
    assert measured((one(10), ahead(0)), (one(10), ahead(50))) == Forecast(0.0, None, 9990)


def test_between_two_waves_the_rate_is_measured_anew() -> None:
    course = [(one(second), ahead(second)) for second in range(0, 61, 10)]
    course += [(one(60), ahead(70, NOW + 1000)), (one(60), ahead(1000, NOW + 1000))]
    assert measured(*course) == Forecast()
    course += [(one(60 + second), ahead(1000 + second)) for second in range(10, 51, 10)]
    assert measured(*course).rate == 1.0


def test_waves_to_come_put_the_end_off() -> None:
    late = Wave(NOW + 2 * HOUR, 5000)
    course = [(one(100 * second), ahead(second, waves=(late,))) for second in range(0, 41, 10)]
    assert measured(*course) == Forecast(100.0, NOW + 2 * HOUR + 50, 5000)


@given(st.lists(st.tuples(st.floats(1, 30), st.integers(-5, 50)), max_size=20), st.data())
def test_a_restart_between_any_two_rounds_changes_no_forecast(steps: list[tuple[float, int]], data: st.DataObject) -> None:
    plain, restarted = Forecasts(WINDOW), Forecasts(WINDOW)
    at, processed = 0.0, 100
    for seconds, messages in steps:
        at, processed = at + seconds, processed + messages
        if data.draw(st.booleans()):
            kept = json.loads(json.dumps(restarted.dump()))
            restarted = Forecasts(WINDOW)
            restarted.load(kept)
        for each in (plain, restarted):
            each.follow([one(processed)], ahead(at))
        assert plain.of(one(processed), ahead(at)) == restarted.of(one(processed), ahead(at))


def test_the_table_begins_with_what_will_be_lost_then_with_what_is_left() -> None:
    rows = [Counted(one(10_000 - number, number=number), 0, 0, 0, 0) for number in range(1, 7)]
    samples = Samples()
    assert add_table(samples, rows, {2: Forecast(1.0, NOW, 7), 1: Forecast(1.0, NOW, 0)}, 3) == 3
    shown = [sample.labels[0] for sample in samples if sample.metric.name == "campaign_delivery_validity_timestamp_seconds"]
    assert shown == ["2", "6", "5"]
    known = {sample.metric.name: sample.value for sample in samples if sample.labels[0] == "2"}
    assert known["campaign_delivery_messages_past_validity"] == 7


def test_a_validity_without_end_is_no_moment() -> None:
    samples = Samples()
    add_table(samples, [Counted(one(None, validity=float("inf")), 1, 2, 3, 4)], {}, 50)
    assert {(sample.metric.name, *sample.labels[2:]): sample.value for sample in samples} == {
        ("campaign_delivery_messages", "to_deliver"): 10_000,
        ("campaign_delivery_messages", "processed"): 0,
        ("campaign_delivery_messages", "success"): 1,
        ("campaign_delivery_messages", "error"): 2,
    }


# --- logs -------------------------------------------------------------------------------------------------------------------


def counted(*rounds: dict[int, dict[str, int]]) -> dict[str, int]:
    counts = LineCounts()
    for figures in rounds:
        counts.count(figures)
        counts = LineCounts.load(json.loads(json.dumps(counts.dump())))
    return dict(counts.totals)


def test_what_is_there_the_first_time_is_only_remembered() -> None:
    assert counted({1: {"0": 5, "1": 2}}) == {"0": 0, "1": 0}


def test_growth_counts_once_and_all_of_a_new_delivery() -> None:
    assert counted({1: {"0": 5}}, {1: {"0": 7, "1": 1}}, {1: {"0": 7, "1": 1}}, {2: {"0": 3}}) == {"0": 5, "1": 1}


def test_neither_a_purge_nor_a_second_start_of_a_delivery_counts_again() -> None:
    assert counted({1: {"0": 5}}, {1: {"0": 2}}, {1: {"0": 5}}, {}, {1: {"0": 6}}) == {"0": 1}
    assert counted({1: {"0": 5, "1": 3}}, {1: {"0": 5}}, {1: {"0": 5, "1": 3}}) == {"0": 0, "1": 0}


def test_the_memory_of_logs_is_bounded() -> None:
    counts = LineCounts()
    counts.count({})
    counts.count({number: {"0": 1} for number in range(1500)})
    assert len(counts.dump()["figures"]) == 1000
    assert counts.totals == {"0": 1500}
