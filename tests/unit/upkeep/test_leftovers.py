"""Deliveries that nobody needs any more."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.leftovers import (
    AGES,
    KEPT_AGES,
    RECYCLED,
    Remnant,
    age_kept,
    age_left,
    kind_left,
    recycled_standing,
)

NOW = 2_000_000_000.0
DAY = 86400.0
_PREPARED = Remnant(
    1, 45, aside=False, recycled=False, started=False, created=NOW - DAY, modified=NOW - DAY, contact=NOW, deleted=None
)
_MOMENTS = st.one_of(st.none(), st.floats(0, 2 * NOW))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "prepared"),
        ({"state": 25}, "prepared"),
        ({"state": 87}, "failed"),
        ({"state": 37}, "preparation_failed"),
        ({"state": 87, "started": True}, "failed"),
        ({"contact": NOW + 1}, None),
        ({"contact": None}, None),
        ({"started": True}, None),
        ({"state": 51}, None),
        ({"state": 95}, None),
        ({"state": 0}, None),
        ({"state": None}, None),
        ({"state": 999}, None),
        ({"aside": True}, None),
        ({"recycled": True}, None),
        ({"state": 87, "aside": True}, None),
        ({"state": 37, "recycled": True}, None),
    ],
)
def test_how_a_delivery_came_to_nothing(changes: dict[str, object], kind: str | None) -> None:
    assert kind_left(replace(_PREPARED, **changes), NOW) == kind  # type: ignore[arg-type] # by name


@pytest.mark.parametrize(
    ("seconds", "left", "kept"),
    [
        (-5.0, "under_1d", "under_1d"),
        (DAY - 1, "under_1d", "under_1d"),
        (DAY, "1d_to_7d", "1d_to_30d"),
        (7 * DAY, "7d_to_30d", "1d_to_30d"),
        (30 * DAY - 1, "7d_to_30d", "1d_to_30d"),
        (30 * DAY, "over_30d", "30d_to_1y"),
        (365 * DAY, "over_30d", "1y_to_2y"),
        (730 * DAY - 1, "over_30d", "1y_to_2y"),
        (730 * DAY, "over_30d", "over_2y"),
    ],
)
def test_ages_have_bounds(seconds: float, left: str, kept: str) -> None:
    remnant = replace(_PREPARED, created=NOW - seconds, modified=NOW - seconds)
    assert (age_left(remnant, NOW), age_kept(remnant, NOW)) == (left, kept)


def test_without_a_date_no_age_is_known() -> None:
    remnant = replace(_PREPARED, created=None, modified=None)
    assert (age_left(remnant, NOW), age_kept(remnant, NOW)) == ("unknown", "unknown")


@given(_MOMENTS)
def test_an_age_is_one_of_those_that_are_declared(moment: float | None) -> None:
    remnant = replace(_PREPARED, created=moment, modified=moment)
    assert age_left(remnant, NOW) in AGES
    assert age_kept(remnant, NOW) in KEPT_AGES


@pytest.mark.parametrize(
    ("deleted", "delay", "cleanup", "expected"),
    [
        (NOW - DAY, 2 * DAY, NOW, "kept"),
        (NOW - 3 * DAY, 2 * DAY, NOW - 2 * DAY, "due"),
        (NOW - 3 * DAY, 2 * DAY, NOW, "overdue"),
        (NOW - 3 * DAY, 2 * DAY, NOW - DAY, "due"),
        (NOW - 3 * DAY, 2 * DAY, None, "due"),
        (NOW - 3 * DAY, None, NOW, "unknown"),
        (None, 2 * DAY, NOW, "unknown"),
    ],
)
def test_cleanup_should_have_purged_what_was_due_before_it_ran(
    deleted: float | None, delay: float | None, cleanup: float | None, expected: str
) -> None:
    assert recycled_standing(deleted, delay, cleanup, NOW) == expected


@given(_MOMENTS, st.one_of(st.none(), st.floats(1, 400 * DAY)), _MOMENTS)
def test_nothing_is_overdue_that_no_cleanup_could_have_purged(
    deleted: float | None, delay: float | None, cleanup: float | None
) -> None:
    found = recycled_standing(deleted, delay, cleanup, NOW)
    assert found in RECYCLED
    if found == "overdue":
        assert deleted is not None
        assert delay is not None
        assert cleanup is not None
        assert deleted + delay < cleanup
