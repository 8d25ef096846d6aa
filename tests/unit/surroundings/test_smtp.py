"""Sums of how mail servers take our connections, and their replies as labels."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.domain.labels import safe_label
from campaign_exporter.domain.smtp_paths import (
    Fared,
    SmtpPath,
    by_affinity,
    by_mail_server,
    by_public_id,
    most_used,
    mx_address,
    worst,
)
from campaign_exporter.domain.smtp_replies import LONGEST, plain_reply

COUNTS = st.integers(0, 1000)
PATHS = st.lists(
    st.builds(SmtpPath, st.integers(-9, 9), st.integers(0, 9), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS),
    max_size=30,
    unique_by=lambda path: (path.mx, path.public_id),
)


def path(mx: int = 1, public_id: int = 1, connections: int = 100, refused: int = 0, errors: int = 0) -> SmtpPath:
    return SmtpPath(mx, public_id, connections, errors, 0, 0, 0, refused, 0, 0)


@given(PATHS)
def test_each_connection_is_in_one_sum_of_each_kind(paths: Sequence[SmtpPath]) -> None:
    for sums in (by_mail_server(paths), by_public_id(paths)):
        assert sum(each.connections for each in sums.values()) == sum(each.connections for each in paths)
        assert sum(each.unconnected for each in sums.values()) == sum(each.unconnected for each in paths)


@given(PATHS, st.integers(0, 10))
def test_none_that_is_left_out_is_worse(paths: Sequence[SmtpPath], most: int) -> None:
    shown = worst(paths, most)
    rest = [each for each in paths if each not in shown]
    assert len(shown) == min(most, len(paths))
    assert not shown or all(each.unconnected <= shown[-1].unconnected for each in rest)
    used = most_used(by_public_id(paths), most)
    assert len(used) <= most


def test_a_path_is_bad_for_its_connections_before_its_messages() -> None:
    refused, errors, busy = path(1, refused=2), path(2, errors=50), path(3, connections=900)
    assert worst([busy, errors, refused], 2) == [refused, errors]


def test_an_affinity_has_what_its_addresses_have() -> None:
    sums = {1: Fared(100, 5), 2: Fared(50, 50), 3: Fared(1, 0)}
    declared = {"b": frozenset({2, 9}), "a": frozenset({1, 2}), "none": frozenset[int]()}
    assert by_affinity(sums, declared) == {"a": Fared(150, 55), "b": Fared(50, 50), "none": Fared(0, 0)}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ((203 << 24 | 113 << 8 | 1) - (1 << 32), "203.0.113.1"),
        (1, "0.0.0.1"),
        (-1, "255.255.255.255"),
        (-(1 << 31), "128.0.0.0"),
        (1 << 31, "128.0.0.0"),
        (1 << 32, "4294967296"),
        (-(1 << 31) - 1, "-2147483649"),
    ],
)
def test_a_mail_server_is_written_as_people_do(number: int, text: str) -> None:
    assert mx_address(number) == text


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_two_mail_servers_stay_two(number: int) -> None:
    assert int(ipaddress.IPv4Address(mx_address(number))) % (1 << 32) == number % (1 << 32)


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("550 5.1.1 <jane.doe@mail.example>: User unknown", "550 5.1.1 … User unknown"),
        ("421 4.7.0 Try again later\r\n421 closing", "421 4.7.0 Try again later 421 closing"),
        ("250 queued as 7F3A9C21D0B", "250 queued as …"),
        ("421 [203.0.113.109] blocked", "421 … blocked"),
        ("  ", ""),
        ("x" * 100, "x" * 79 + "…"),
        ("a\u202eb\x00c", "a\ufffdb\ufffdc"),
    ],
)
def test_a_reply_is_short_and_says_the_same_the_next_time(reply: str, label: str) -> None:
    assert plain_reply(reply) == label


@given(st.text())
def test_no_reply_is_long_or_steers_or_names_an_address(reply: str) -> None:
    label = plain_reply(reply)
    assert len(label) <= LONGEST
    assert "@" not in label
    assert "\n" not in label
    assert safe_label(label) == label
    assert plain_reply(label) == label
