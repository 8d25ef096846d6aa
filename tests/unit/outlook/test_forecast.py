from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.forecast import Point, Queue, Wave, expected_end, follow, queue_of, rate_of, unsent_at

NOW = 1_700_000_000.0
WINDOW = 1800.0

moments = st.floats(0, 200_000).map(lambda seconds: NOW + seconds)
rates = st.floats(0.001, 1000)
wave_lists = st.lists(st.builds(Wave, moments, st.integers(1, 100_000)), max_size=6)
queues = st.builds(lambda due, waves: Queue(due, tuple(sorted(waves))), st.integers(0, 1_000_000), wave_lists)


def total(queue: Queue) -> int:
    return queue.due + sum(wave.messages for wave in queue.waves)


def test_what_is_due_takes_its_share_of_the_rate() -> None:
    assert expected_end(Queue(600), 2, NOW) == NOW + 300
    assert unsent_at(NOW + 300, Queue(600), 2, NOW) == 0
    assert unsent_at(NOW + 200, Queue(600), 2, NOW) == 200
    assert unsent_at(NOW, Queue(600), 2, NOW) == unsent_at(NOW - 60, Queue(600), 2, NOW) == 600


def test_a_wave_is_not_sent_before_its_time_nor_before_what_was_due_earlier() -> None:
    assert expected_end(Queue(600, (Wave(NOW + 1000, 100),)), 2, NOW) == NOW + 1050
    assert expected_end(Queue(600, (Wave(NOW + 100, 100),)), 2, NOW) == NOW + 350
    assert unsent_at(NOW + 1010, Queue(600, (Wave(NOW + 1000, 100),)), 2, NOW) == 80
    assert unsent_at(NOW + 100, Queue(600, (Wave(NOW + 50, 100),)), 2, NOW) == 500


def test_a_wave_after_the_deadline_is_lost_whatever_the_rate() -> None:
    assert unsent_at(NOW + 500, Queue(10, (Wave(NOW + 1000, 100),)), 1000, NOW) == 100


def test_what_does_not_move_has_no_end_and_loses_all() -> None:
    assert expected_end(Queue(600), 0, NOW) is None
    assert unsent_at(NOW + 500, Queue(600), 0, NOW) == 600


@given(queues, rates, moments)
def test_all_is_through_in_time_exactly_where_the_expected_end_is(queue: Queue, rate: float, deadline: float) -> None:
    end = expected_end(queue, rate, NOW)
    assert end is not None
    unsent = unsent_at(deadline, queue, rate, NOW)
    if end <= deadline - 1e-3:
        assert unsent == 0
    if end > deadline + 1.001 / rate:
        assert unsent > 0
    assert all(end >= wave.moment for wave in queue.waves)


@given(queues, rates, rates, moments, moments)
def test_more_time_or_speed_never_loses_more(queue: Queue, one: float, other: float, early: float, late: float) -> None:
    (slow, fast), (early, late) = sorted((one, other)), sorted((early, late))
    assert 0 <= unsent_at(late, queue, fast, NOW) <= unsent_at(early, queue, slow, NOW) <= total(queue)


@given(st.integers(0, 10_000), wave_lists)
def test_what_is_left_is_split_and_nothing_is_made_of_it(waiting: int, waves: list[Wave]) -> None:
    queue = queue_of(waiting, waves)
    assert total(queue) == waiting
    assert queue.due >= 0
    assert sum(wave.messages for wave in queue.waves) <= sum(wave.messages for wave in waves)
    assert [wave.moment for wave in queue.waves] == sorted(wave.moment for wave in queue.waves)


# --- the rate ---------------------------------------------------------------------------------------------------------------


def seen(*rounds: tuple[float, int]) -> tuple[Point, ...]:
    points: tuple[Point, ...] = ()
    for at, processed in rounds:
        points = follow(points, Point(NOW + at, processed), WINDOW)
    return points


def test_the_rate_is_told_after_two_thirds_of_the_window() -> None:
    assert rate_of((), WINDOW) is None
    assert rate_of(seen((0, 0)), WINDOW) is None
    assert rate_of(seen((0, 0), (600, 600), (1199, 1199)), WINDOW) is None
    assert rate_of(seen((0, 0), (600, 600), (1200, 1800)), WINDOW) == 1.5
    assert rate_of(seen((0, 100), (600, 100), (1200, 100)), WINDOW) == 0


def test_what_lies_before_the_window_is_forgotten() -> None:
    points = seen(*((at, at * (10 if at <= 3600 else 1)) for at in range(0, 3601, 30)))
    slower = follow_on(points, 7200)
    rate = rate_of(slower, WINDOW)
    assert rate is not None
    assert abs(rate - 1) < 0.01


def follow_on(points: tuple[Point, ...], until: int) -> tuple[Point, ...]:
    for at in range(3630, until + 1, 30):
        points = follow(points, Point(NOW + at, 36_000 + at - 3600), WINDOW)
    return points


def test_it_begins_anew_after_a_recount_a_step_of_the_clock_or_a_gap() -> None:
    before = ((0, 0), (600, 600), (1200, 1200))
    assert seen(*before, (1230, 1100)) == (Point(NOW + 1230, 1100),)
    assert seen(*before, (1100, 1300)) == (Point(NOW + 1100, 1300),)
    assert seen(*before, (3001, 1300)) == (Point(NOW + 3001, 1300),)
    assert len(seen(*before, (3000, 1300))) > 1


@given(st.lists(st.tuples(st.floats(0.5, 120), st.integers(0, 500)), max_size=300))
def test_the_memory_of_a_delivery_is_bounded_and_in_order(steps: list[tuple[float, int]]) -> None:
    points: tuple[Point, ...] = ()
    at, processed = NOW, 0
    for seconds, messages in steps:
        at, processed = at + seconds, processed + messages
        points = follow(points, Point(at, processed), WINDOW)
        assert points[-1] == Point(at, processed)
        assert len(points) <= 34
        assert all(one.at < other.at and one.processed <= other.processed for one, other in pairwise(points))
        # The beginning is at most a share of the window, and a round, too early.
        assert points[-1].at - points[0].at <= WINDOW + WINDOW / 30 + 120


@given(st.integers(1, 400), st.floats(0.1, 50))
def test_a_steady_rate_is_measured(rounds: int, rate: float) -> None:
    points = seen(*((30 * number, int(rate * 30 * number)) for number in range(rounds)))
    measured = rate_of(points, WINDOW)
    assert (measured is None) == (30 * (rounds - 1) < 1200)
    assert measured is None or abs(measured - rate) < 0.01
