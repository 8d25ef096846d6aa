"""Whose a work table is, and whether it is needed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.work_tables import PREFIXES, STANDINGS, Owner, Owners, WorkTable, standing, work_table

_CLEANUP = 1_000_000.0
_IDS = st.integers(-(2**31), 2**31 - 1)
_STATES = st.one_of(st.none(), st.sampled_from([0, 11, 13, 20, 45, 51, 75, 85, 87, 95, 100, 999]))
_MOMENTS = st.one_of(st.none(), st.floats(0, 2 * _CLEANUP))
_OWNERS = st.dictionaries(st.integers(1, 5), st.builds(Owner, _STATES, _MOMENTS))
_TABLES = st.builds(
    WorkTable, st.sampled_from(list(PREFIXES)), st.one_of(st.none(), st.integers(1, 9)), st.integers(0), st.booleans()
)


@pytest.mark.parametrize(
    ("name", "prefix", "owner"),
    [
        ("wkdlv_15487_1", "wkdlv", 15487),
        ("wkdlv_-15487_1", "wkdlv", -15487),
        ("wkdlv_4294951809_1", "wkdlv", -15487),
        ("wkf15487_12", "wkf", 15487),
        ("wkf2147483648_1", "wkf", -2147483648),
        ("wkf2147483647_1", "wkf", 2147483647),
        ("wkfhisto15487_query2", "wkfhisto", 15487),
        ("wkfhisto4294967295_query", "wkfhisto", -1),
        ("wksimu_4711_x", "wksimu", 4711),
        ("grp1234", "grp", 1234),
        ("wkf99999999999_1", "wkf", None),
    ],
)
def test_a_name_tells_whose_a_table_is(name: str, prefix: str, owner: int | None) -> None:
    assert work_table(name, 8192, measured=True) == WorkTable(prefix, owner, 8192, measured=True)


@pytest.mark.parametrize(
    "name", ["wkf", "wkfolder", "wkdlv_x_1", "grpmembers", "nmsdelivery", "wkfhistory", "", "xwkf1_1", "wkf٣_1"]
)
def test_a_name_that_only_begins_like_one_is_none(name: str) -> None:
    assert work_table(name, 0, measured=False) is None


@given(_IDS, st.integers(0, 99))
def test_every_id_is_read_with_and_without_its_sign(owner: int, number: int) -> None:
    for written in (owner, owner % 2**32):
        for name in (f"wkdlv_{written}_{number}", f"wkf{written}_{number}", f"wkfhisto{written}_a{number}"):
            table = work_table(name, 0, measured=True)
            assert table is not None
            assert table.owner == owner


@pytest.mark.parametrize(
    ("state", "modified", "cleanup", "expected"),
    [
        (51, 1.0, _CLEANUP, "in_use"),
        (95, 1.0, _CLEANUP, "in_use"),
        (87, 1.0, _CLEANUP, "in_use"),
        (999, 1.0, _CLEANUP, "in_use"),
        (0, _CLEANUP - 1, _CLEANUP, "orphaned"),
        (85, _CLEANUP - 1, _CLEANUP, "orphaned"),
        (100, _CLEANUP - 1, _CLEANUP, "orphaned"),
        (85, _CLEANUP, _CLEANUP, "to_drop"),
        (85, _CLEANUP + 1, _CLEANUP, "to_drop"),
        (85, None, _CLEANUP, "to_drop"),
        (85, 1.0, None, "to_drop"),
        (None, 1.0, _CLEANUP, "unknown"),
    ],
)
def test_a_delivery_needs_its_table_while_it_is_under_way(
    state: int | None, modified: float | None, cleanup: float | None, expected: str
) -> None:
    owners = Owners({7: Owner(state, modified)}, {}, cleanup)
    assert standing(WorkTable("wkdlv", 7, 0, measured=True), owners) == expected


@pytest.mark.parametrize(
    ("state", "expected"), [(20, "orphaned"), (0, "in_use"), (11, "in_use"), (13, "in_use"), (85, "in_use")]
)
@pytest.mark.parametrize("prefix", ["wkf", "wkfhisto"])
def test_a_workflow_needs_its_table_until_it_is_stopped(prefix: str, state: int, expected: str) -> None:
    owners = Owners({7: Owner(51, 1.0)}, {7: Owner(state, 1.0)}, _CLEANUP)
    assert standing(WorkTable(prefix, 7, 0, measured=True), owners) == expected


def test_what_belonged_to_nobody_that_is_left_is_an_orphan() -> None:
    owners = Owners({1: Owner(51, 1.0)}, {2: Owner(11, 1.0)}, None)
    assert standing(WorkTable("wkdlv", 2, 0, measured=True), owners) == "orphaned"
    assert standing(WorkTable("wkf", 1, 0, measured=True), owners) == "orphaned"


@given(_TABLES, _OWNERS, _OWNERS, st.one_of(st.none(), st.just(_CLEANUP)))
def test_each_table_has_one_standing_and_no_guess(
    table: WorkTable, deliveries: dict[int, Owner], workflows: dict[int, Owner], cleanup: float | None
) -> None:
    found = standing(table, Owners(deliveries, workflows, cleanup))
    assert found in STANDINGS
    if table.prefix in {"grp", "wksimu"}:
        assert found == "unknown"
    if found == "orphaned":
        owner = (deliveries if table.prefix == "wkdlv" else workflows).get(table.owner or 0)
        assert owner is None or (cleanup is not None and owner.modified is not None and owner.modified < cleanup)
    if cleanup is None and found == "orphaned":
        assert table.owner not in (deliveries if table.prefix == "wkdlv" else workflows)
