"""How technical workflows stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.quarantine import reason_name, status_name
from campaign_exporter.domain.technical_workflows import STANDINGS, TECHNICAL, TROUBLES, TechnicalWorkflow, standing
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY

_STATES = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))


@pytest.mark.parametrize(
    ("state", "failed", "expected", "trouble"),
    [
        (11, False, "started", None),
        (0, False, "not_started", "not_started"),
        (13, False, "paused", "paused"),
        (13, True, "failed", "failed"),
        (20, False, "stopped", "stopped"),
        (11, True, "failed", "failed"),
        (12, False, "12", None),
        (None, False, "null", None),
        (None, True, "failed", "failed"),
    ],
)
def test_a_workflow_stands_as_its_row_says(state: int | None, *, failed: bool, expected: str, trouble: str | None) -> None:
    assert standing(state, failed=failed) == expected
    workflow = TechnicalWorkflow("cleanup", state, failed, 1.0, 2.0)
    assert workflow.trouble == trouble
    assert workflow.next_run == (None if trouble else 2.0)


@given(state=_STATES, failed=st.booleans())
def test_what_is_not_documented_is_no_trouble(state: int | None, *, failed: bool) -> None:
    workflow = TechnicalWorkflow("x", state, failed, None, None)
    assert workflow.trouble is None or workflow.trouble in TROUBLES
    if workflow.trouble is None:
        assert not failed
        assert state not in {0, 13, 20}
    assert set(TROUBLES) < set(STANDINGS)


def test_what_causes_stand_on_is_watched() -> None:
    assert {*LAUNCHERS, MID_SOURCING_COPY} <= set(TECHNICAL)
    assert len(set(TECHNICAL)) == len(TECHNICAL)


def test_numbers_without_a_meaning_stay_numbers() -> None:
    assert [status_name(number) for number in (2, 3, None)] == ["valid", "3", "null"]
    assert [reason_name(number) for number in (1, 8, 13, -1, None)] == [
        "user_unknown",
        "denylisted_address",
        "13",
        "-1",
        "null",
    ]
