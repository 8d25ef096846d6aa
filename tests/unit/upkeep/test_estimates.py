"""Rows by value, from the planner's statistics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.estimates import Column, rows_by_value, rows_that_are_set


def test_rows_are_shared_out_by_value() -> None:
    column = Column(1000, 0.1, [2, 3], [0.6, 0.3])
    found = rows_by_value(column)
    assert found is not None
    assert dict(found) == pytest.approx({2: 600, 3: 300, None: 100})


@pytest.mark.parametrize(
    ("column", "flagged"),
    [
        (Column(1000, 0, [0], [1.0]), 0),
        (Column(1000, 0, [0, 1], [0.9, 0.1]), 100),
        (Column(1000, 0.5, [1], [0.5]), 500),
        (Column(1000, 1, [], []), 0),
        (Column(0, 0, [], []), 0),
        (Column(1000, 0, [0, 1], [0.9, 0.095]), 95),
        (Column(1000, 0, [0, 1], [0.9, 0.085]), None),
        (Column(1000, 0, [], []), None),
        (Column(-1, 0, [], []), None),
    ],
)
def test_a_flag_is_counted_only_where_all_values_are_known(column: Column, flagged: float | None) -> None:
    found = rows_that_are_set(column)
    assert found == (None if flagged is None else pytest.approx(flagged))


@given(st.floats(0, 1e9), st.lists(st.integers(0, 1000), min_size=1, max_size=30, unique=True))
def test_the_parts_are_the_whole(rows: float, values: list[int]) -> None:
    found = rows_by_value(Column(rows, 0, values, [1 / len(values)] * len(values)))
    assert found is not None
    assert sum(found.values()) == pytest.approx(rows, abs=0.5 * len(values))
