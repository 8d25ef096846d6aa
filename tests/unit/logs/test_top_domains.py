"""A few domains have series of their own, whatever comes."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.messages import domain_name, failure_reason_name, failure_type_name, status_name
from campaign_exporter.domain.top_domains import OTHER, TopDomains

_VOLUMES = st.lists(st.dictionaries(st.sampled_from([f"d{number}.example" for number in range(30)]), st.integers(1, 5000)))


@given(rounds=_VOLUMES, limit=st.integers(0, 5))
def test_there_are_never_more_than_are_allowed_and_memory_is_bounded(rounds: list[dict[str, int]], limit: int) -> None:
    top = TopDomains(limit)
    for volumes in rounds:
        before = set(top.chosen)
        gone = top.welcome(Counter(volumes))
        assert len(top.chosen) <= limit
        assert before - set(top.chosen) == gone
        assert len(top.dump()["weights"]) <= 20 * (limit + 1) + limit


def test_the_largest_have_series_and_keep_them_unless_one_is_far_larger() -> None:
    top = TopDomains(2)
    assert top.welcome(Counter({"a.example": 100, "b.example": 50, "c.example": 40})) == set()
    assert (top.label("a.example"), top.label("c.example"), top.label(None)) == ("a.example", OTHER, OTHER)
    assert top.welcome(Counter({"c.example": 59})) == set()
    assert top.welcome(Counter({"c.example": 1})) == {"b.example"}
    assert top.chosen == ["a.example", "c.example"]


def test_a_few_messages_are_not_worth_a_series() -> None:
    top = TopDomains(2)
    top.welcome(Counter({"a.example": 19}))
    assert top.chosen == []
    top.welcome(Counter({"a.example": 1}))
    assert top.chosen == ["a.example"]


def test_what_was_large_long_ago_makes_room() -> None:
    top = TopDomains(1)
    top.welcome(Counter({"old.example": 900_000}))
    for _ in range(40):
        top.welcome(Counter({"new.example": 200_000}))
    assert top.chosen == ["new.example"]


def test_a_restart_with_less_room_keeps_the_largest() -> None:
    top = TopDomains(3)
    top.welcome(Counter({"a.example": 100, "b.example": 300, "c.example": 200}))
    again = TopDomains(1)
    again.load(json.loads(json.dumps(top.dump())))
    assert again.chosen == ["b.example"]


@given(st.text())
def test_whatever_stands_behind_the_last_at_is_a_name_or_none(text: str) -> None:
    name = domain_name(text)
    assert name is None or (
        name == text.lower() and len(name) <= 253 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    )


def test_names_of_numbers() -> None:
    assert domain_name("Mail.EXAMPLE") == "mail.example"
    assert [domain_name(text) for text in (None, "", "x", "-a.example", "a..example", "1.2.3.4", "a.example\n")] == [None] * 7
    assert domain_name("xn--bcher-kva.example") == "xn--bcher-kva.example"
    assert (status_name(1), status_name(8), status_name(None)) == ("sent", "8", "null")
    assert (failure_type_name(2), failure_type_name(7), failure_type_name(None)) == ("hard", "7", "null")
    assert (failure_reason_name(20), failure_reason_name(13), failure_reason_name(None)) == ("refused", "13", "null")
