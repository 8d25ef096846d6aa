from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.forecast import Wave
from campaign_exporter.domain.schedule import HORIZONS, LAUNCHED, PREPARED, Load, loads_of, together, upcoming

NOW = 1_700_000_000.0
MINUTE = 60.0

moments = st.floats(-3600, 100_000).map(lambda seconds: NOW + seconds)
loads = st.lists(st.builds(Load, moments, st.integers(1, 20), st.integers(0, 50_000), st.booleans()), max_size=30)
wave_lists = st.lists(st.builds(Wave, moments, st.integers(0, 1000)), max_size=6)


def load(number: int, after: float, messages: int = 20_000, *, launched: bool = True) -> Load:
    return Load(NOW + after, number, messages, launched)


def test_what_comes_within_a_horizon_comes_within_each_longer_one() -> None:
    sums = upcoming([load(1, 900, 5), load(2, 901, 7), load(3, 86_400, 11), load(4, 86_401, 13)], NOW)
    assert [sums[LAUNCHED, horizon] for horizon in HORIZONS] == [5, 12, 12, 12, 12, 12, 23]
    assert set(sums.values()) == {0, 5, 12, 23}


def test_what_is_due_or_has_no_date_does_not_come_and_stages_are_told_apart() -> None:
    sums = upcoming([load(1, 0), load(2, -60), load(3, float("inf")), load(4, 60, 9, launched=False)], NOW)
    assert {key for key, messages in sums.items() if messages} == {(PREPARED, horizon) for horizon in HORIZONS}
    assert sums[PREPARED, "15m"] == 9


@given(loads)
def test_sums_grow_with_the_horizon_and_hold_what_there_is(items: list[Load]) -> None:
    sums = upcoming(items, NOW)
    assert len(sums) == 2 * len(HORIZONS)
    for stage in (LAUNCHED, PREPARED):
        row = [sums[stage, horizon] for horizon in HORIZONS]
        assert row == sorted(row)
    day = sum(each.messages for each in items if NOW < each.moment <= NOW + 86_400)
    assert sums[LAUNCHED, "24h"] + sums[PREPARED, "24h"] == day


def test_waves_come_at_their_time_and_the_rest_at_the_contact_date() -> None:
    waves = [Wave(NOW + 7200, 40), Wave(NOW + 3600, 30)]
    assert loads_of(100, NOW + 60, waves, NOW) == [Wave(NOW + 60, 30), Wave(NOW + 3600, 30), Wave(NOW + 7200, 40)]
    assert loads_of(100, NOW - 60, waves, NOW) == waves[::-1]  # the rest is due
    assert loads_of(100, NOW + 5400, waves, NOW) == [Wave(NOW + 5400, 30), Wave(NOW + 5400, 30), Wave(NOW + 7200, 40)]
    assert loads_of(100, None, (), NOW) == []
    assert loads_of(50, NOW + 60, waves, NOW) == [Wave(NOW + 3600, 30), Wave(NOW + 7200, 20)]


@given(st.integers(0, 5000), st.none() | moments, wave_lists)
def test_nothing_is_made_of_what_waits(waiting: int, contact: float | None, waves: list[Wave]) -> None:
    coming = loads_of(waiting, contact, waves, NOW)
    assert sum(wave.messages for wave in coming) <= waiting
    assert all(wave.moment > NOW and wave.moment >= (contact or NOW) and wave.messages > 0 for wave in coming)
    if contact is not None and contact > NOW:
        assert sum(wave.messages for wave in coming) == waiting


def numbers(groups: list[tuple[Load, ...]]) -> list[list[int]]:
    return [[each.delivery_id for each in group] for group in groups]


def test_large_ones_within_ten_minutes_come_together() -> None:
    items = [load(1, 3600), load(2, 3600 + 10 * MINUTE), load(3, 3600 + 20 * MINUTE), load(4, 3600 + 30 * MINUTE + 1)]
    assert numbers(together(items, large=20_000, now=NOW)) == [[1, 2, 3], [4]]
    assert numbers(together(items, large=20_001, now=NOW)) == []


def test_what_is_small_due_or_far_away_joins_no_group() -> None:
    items = [load(1, 3600), load(2, 3660, 100), load(3, -1), load(4, 86_401), load(5, float("inf"))]
    assert numbers(together(items, large=10_000, now=NOW)) == [[1]]


def test_of_a_delivery_in_waves_the_next_large_one_counts() -> None:
    items = [load(1, 600, 10), load(1, 3600), load(1, 7200), load(2, 7200)]
    assert numbers(together(items, large=10_000, now=NOW)) == [[1], [2]]


@given(loads)
def test_each_large_delivery_is_in_exactly_one_group(items: list[Load]) -> None:
    groups = together(items, large=10_000, now=NOW)
    found = [each for group in groups for each in group]
    assert len({each.delivery_id for each in found}) == len(found)
    wanted = {each.delivery_id for each in items if each.messages >= 10_000 and NOW < each.moment <= NOW + 86_400}
    assert {each.delivery_id for each in found} == wanted
    for group in groups:
        assert all(0 <= later.moment - earlier.moment <= 600 for earlier, later in pairwise(group))
    assert all(later[0].moment - earlier[-1].moment > 600 for earlier, later in pairwise(groups))
