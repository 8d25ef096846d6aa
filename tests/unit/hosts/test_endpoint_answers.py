"""Answers of Campaign's HTTP endpoints."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaign_exporter.domain.answers import EventQueue, parse_ping, parse_queue, parse_redirection, parse_time
from campaign_exporter.errors import BadAnswer, SourceError, Unreadable

NEW = (
    b"<redir status='OK' date='2021-08-27 08:02:07.963-07' build='9236' sha1='cc45440' instance='xxx_mkt_prod1' "
    b"sourceIP='' host='t.example' localHost='xxx'/>"
)
OLD = b"<redir status='OK' date='2021/08/27 08:02:07' build='8864' host='tracking.example' localHost='localhost'/>\n"


@pytest.mark.parametrize(("body", "build"), [(NEW, "9236"), (OLD, "8864"), (b"<?xml version='1.0'?>\n" + NEW, "9236")])
def test_redirection_tells_its_build(body: bytes, build: str) -> None:
    statement = parse_redirection(body)
    assert statement.build == build
    assert statement.time is not None
    assert statement.attributes["status"] == "OK"


def test_redirection_without_a_build_is_well_all_the_same() -> None:
    assert parse_redirection(b"<redir status='OK'/>").build is None


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2021-08-27 08:02:07.963-07", datetime(2021, 8, 27, 8, 2, 7, 963000, timezone(timedelta(hours=-7)))),
        ("2021-08-27 15:43:48.862Z", datetime(2021, 8, 27, 15, 43, 48, 862000, UTC)),
        ("2021/08/27 08:02:07", datetime(2021, 8, 27, 8, 2, 7)),  # noqa: DTZ001 - the old form gives no zone
        ("YYYY-MM-DD HH:MM:SS.112Z", None),
        ("2021-13-27 08:02:07", None),
        ("2021-08/27 08:02:07", None),
        ("", None),
    ],
)
def test_both_forms_of_date_are_read(text: str, time: datetime | None) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Unreadable),
        (b"<html><body>Service temporarily unavailable", Unreadable),
        (NEW[:50], Unreadable),
        (b"<!DOCTYPE r [<!ENTITY e 'OK'>]><r status='&e;'/>", Unreadable),
        (b"<html/>", BadAnswer),
        (b"<redir status='ok'/>", BadAnswer),
        (b"<redir status='KO'/>", BadAnswer),
        (b"<html><redir status='OK'/></html>", BadAnswer),
    ],
)
def test_anything_else_is_no_redirection_server(body: bytes, kind: type[SourceError]) -> None:
    with pytest.raises(kind):
        parse_redirection(body)


@pytest.mark.parametrize(
    "body",
    [
        b"OK\n2021-08-27 15:43:48.862Z\n",
        b"Ok\r\n2021-08-27 15:43:48.862Z\r\n7/400 pending events",
        b"\xef\xbb\xbfok \n2021-08-27 15:43:48Z",
    ],
)
def test_ping_says_ok_and_the_time_of_the_database(body: bytes) -> None:
    time = parse_ping(body).time
    assert time is not None
    assert time.replace(microsecond=0) == datetime(2021, 8, 27, 15, 43, 48, tzinfo=UTC)


@pytest.mark.parametrize(
    ("time", "known"),
    [
        ("2021-08-27 15:43:48.862-07", True),
        ("2021/08/27 15:43:48", True),
        ("2021-08-27 15:43:48.862 UTC", False),
        ("27/08/2021 15:43:48", False),
        ("27.8.2021 15:43:48,862 UTC", False),
        ("8/27/2021 3:43:48 PM", False),
        ("2021-08-27T15:43:48+02:00", False),
    ],
)
def test_a_whole_time_in_whatever_form_proves_that_the_database_answers(time: str, *, known: bool) -> None:
    assert (parse_ping(f"OK\n{time}\n".encode()).time is not None) is known


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"O", "not OK"),
        (b"OK", "cut off"),
        (b"OK\n", "cut off"),
        (b"OK\n2021-08-2", "not the database's time: '2021-08-2'"),
        (b"OK\n2021-08-27 15:43", "not the database's time: '2021-08-27 15:43'"),
        (b"OK\n<html>please log in</html>", "not the database's time: '<html>please log in</html>'"),
        (b"OK\n7/400 pending events\n", "not the database's time"),
        (b"OK\n2021-08-27 15:43:48.862Z <br>\n", "not the database's time"),
        (b"OK\n" + b"x" * 1000, "x" * 80),
        (b"\nOK\n2021-08-27 15:43:48.862Z\n", "not OK"),
        (b"Error\nThe queue is full (7/400)", "the answer is Error: The queue is full (7/400)"),
        (b"Error\n" + b"\x1b" + b"x" * 1000, "x" * 80),
        (b"<html>please log in</html>", "not OK: is the session token right?"),
        (b"\xff\xfe\x00", "not OK"),
    ],
)
def test_any_other_ping_is_bad(body: bytes, complaint: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        parse_ping(body)
    assert complaint in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


@settings(deadline=None)  # the machine may be busy
@given(st.binary())
def test_any_bytes_are_an_answer_or_refused(body: bytes) -> None:
    for read in (parse_ping, parse_redirection):
        with pytest.raises(SourceError):
            read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"Ok\n2021-08-27 15:43:48.862Z\n7/400 pending events",
        b"OK\r\n2021-08-27 15:43:48.862Z\r\n7/400 pending events\r\n\r\n",
        b"Error\nThe queue is full (7/400)",
        b"\xef\xbb\xbferror \n The queue is full (7/400) \n",
    ],
)
def test_message_center_tells_its_queue(body: bytes) -> None:
    assert parse_queue(body) == EventQueue(7, 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK\n2021-08-27 15:43:48.862Z\n",
        b"OK\n\n7/400 pending events",
        b"OK\n7/400 pending events",
        b"OK\n<html>\n7/400 pending events",
        b"OK\n2021-08-27 15:43:48.862Z\n7 / 400 pending events",
        b"OK\n2021-08-27 15:43:48.862Z\n-7/400 pending events",
        b"OK\n2021-08-27 15:43:48.862Z\n7/400 pending events!",
        b"OK\n2021-08-27 15:43:48.862Z\n7/400 pending events\nand more",
        "OK\n2021-08-27 15:43:48.862Z\n\u0667/400 pending events".encode(),
        b"OK\n2021-08-27 15:43:48.862Z\n" + b"7" * 5000 + b"/400 pending events",
        b"OK\n2021-08-27 15:43:48.862Z\nThe queue is full (7/400)",
        b"Error\n7/400 pending events",
        b"Error\nThe queue is full",
        b"Error\nThe queue is full (7/400)\nand more",
        b"Warning\nThe queue is full (7/400)",
    ],
)
def test_a_queue_that_is_told_otherwise_is_unknown(body: bytes) -> None:
    assert parse_queue(body) is None


_PENDING = "OK\n2021-08-27 15:43:48.862Z\n{}/{} pending events"
_COUNTS = st.integers(0, 9_999_999_999)


@settings(deadline=None)
@given(_COUNTS, _COUNTS)
def test_all_numbers_of_events_are_read(length: int, limit: int) -> None:
    for answer in (_PENDING, "Error\nThe queue is full ({}/{})"):
        assert parse_queue(answer.format(length, limit).encode()) == EventQueue(length, limit)


@settings(deadline=None)
@given(st.text().filter(lambda told: not re.fullmatch(r"\s*[0-9]+/[0-9]+ pending events\s*", told)))
def test_any_other_third_line_leaves_the_ping_good_and_the_queue_unknown(told: str) -> None:
    body = f"OK\n2021-08-27 15:43:48.862Z\n{told}".encode(errors="replace")
    assert parse_ping(body).time is not None
    assert parse_queue(body) is None


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_tell_a_queue_or_nothing(body: bytes) -> None:
    assert parse_queue(body) is None
