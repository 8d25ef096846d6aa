"""When messages that went out prove that some MTA has an affinity."""

import pytest

from campaign_exporter.diagnosis.flow import Declarations, still_flowing

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("age", "gone", "flowing"),
    [
        (0, None, True),
        (3600, None, True),
        (3601, None, False),
        (1200, 899, True),  # a bucket that began before the affinity left may still be filling
        (1200, 900, False),
        (899, 900, True),  # a bucket that began after it left: an MTA still has it
        (3600, 7200, True),
        (3601, 7200, False),
    ],
)
def test_messages_of_the_last_hour_count_unless_the_affinity_left_since(age: float, gone: float | None, flowing: bool) -> None:  # noqa: FBT001 - a parameter of the table
    gone_for = {} if gone is None else {"red": gone}
    assert still_flowing({"red": NOW - age}, gone_for, NOW) == (frozenset({"red"}) if flowing else frozenset())


def test_an_affinity_that_was_never_declared_has_not_vanished() -> None:
    declarations = Declarations()
    declarations.follow(frozenset({"red"}), 100.0)
    assert declarations.gone_for(200.0) == {}


def test_an_affinity_is_gone_from_when_it_was_first_missed_until_it_is_back() -> None:
    declarations = Declarations()
    declarations.follow(frozenset({"red", "blue"}), 100.0)
    declarations.follow(frozenset({"blue"}), 130.0)
    declarations.follow(frozenset({"blue"}), 160.0)
    assert declarations.gone_for(190.0) == {"red": 60.0}
    declarations.follow(frozenset({"red", "blue"}), 190.0)
    assert declarations.gone_for(220.0) == {}
