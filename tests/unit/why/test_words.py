import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.why.words import coming, counted, duration, gone, listed, moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (119, "1 min"),
        (2820, "47 min"),
        (3600, "1 h"),
        (4320, "1 h 12 min"),
        (86400, "1 d"),
        (86400 * 3 + 4 * 3600 + 59 * 60, "3 d 4 h"),
        (86400 * 400, "400 d"),
        (math.inf, "for ever"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0, "1970-01-01 00:00:00 UTC"),
        (1_800_000_000, "2027-01-15 08:00:00 UTC"),
        (math.inf, "never"),
        (1e18, "never"),
        (-math.inf, "a date before all dates"),
    ],
)
def test_a_moment_names_its_zone(timestamp: float, text: str) -> None:
    assert moment(timestamp) == text


@given(st.floats(allow_nan=False), st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_can_be_written(timestamp: float, now: float) -> None:
    for text in (moment(timestamp), gone(timestamp, now), coming(timestamp, now), duration(timestamp)):
        assert text
        assert "\n" not in text


def test_lists_are_sorted_and_bounded() -> None:
    assert listed(()) == "none"
    assert listed((), "the hosts") == "the hosts"
    assert listed(["b", "a"]) == "a, b"
    assert listed(str(number) for number in range(10, 23)).endswith("18, 19 and 3 more")


def test_numbers_and_nouns() -> None:
    assert counted(1, "line") == "1 line"
    assert counted(0, "line") == "0 lines"
    assert counted(1_200_000, "message") == "1,200,000 messages"
    assert counted(2, "delivery", "deliveries") == "2 deliveries"
