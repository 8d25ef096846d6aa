"""Passwords: what is right, what is remembered, and who has to wait."""

import asyncio
import base64
import threading
import time

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.web.guard import Full, WaitingRoom
from campaign_exporter.web.passwords import Credentials, Passwords, credentials_of
from integration.web.authority import HASH, PASSWORD

ALICE = Credentials(b"alice", PASSWORD.encode())


def header(user: bytes, password: bytes, scheme: bytes = b"Basic") -> bytes:
    return scheme + b" " + base64.b64encode(user + b":" + password)


@given(
    user=st.binary().filter(lambda user: b":" not in user), password=st.binary(), scheme=st.sampled_from([b"Basic", b"bAsIc"])
)
def test_credentials_are_read_as_they_were_sent(user: bytes, password: bytes, scheme: bytes) -> None:
    assert credentials_of(header(user, password, scheme)) == (user, password)


@given(st.binary() | st.binary().map(lambda rest: b"Basic " + rest))
def test_any_header_is_credentials_or_nothing(text: bytes) -> None:
    found = credentials_of(text)
    assert found is None or b":" not in found.user


def test_nothing_else_is_credentials() -> None:
    assert credentials_of(b"") is None
    assert credentials_of(b"Basic") is None
    assert credentials_of(b"Bearer " + base64.b64encode(b"a:b")) is None
    assert credentials_of(b"Basic " + base64.b64encode(b"no colon")) is None


def test_the_right_password_is_right_and_remembered_until_another_is() -> None:
    passwords = Passwords({"alice": HASH})
    digest = passwords.digest(ALICE)
    assert not passwords.remembers(ALICE, digest)
    assert passwords.verify(ALICE)
    assert passwords.remembers(ALICE, digest)
    assert not passwords.verify(Credentials(b"alice", b"wrong"))
    assert passwords.remembers(ALICE, digest)
    assert not Passwords({"alice": HASH}).remembers(ALICE, digest)


@pytest.mark.parametrize(
    "wrong",
    [(b"alice", b""), (b"alice", PASSWORD.encode() + b"\0"), (b"Alice", PASSWORD.encode()), (b"", b""), (b"bob", b"x" * 9999)],
)
def test_a_wrong_password_is_wrong_and_leaves_nothing(wrong: tuple[bytes, bytes]) -> None:
    passwords = Passwords({"alice": HASH})
    assert not passwords.verify(Credentials(*wrong))
    assert passwords._remembered == {}


def test_one_password_a_user_is_remembered_though_bcrypt_takes_many() -> None:
    """Passwords that differ behind the 72nd byte are the same to bcrypt."""
    long = b"x" * 72
    passwords = Passwords({"bob": bcrypt.hashpw(long, bcrypt.gensalt(4)).decode()})
    for number in range(20):
        assert passwords.verify(Credentials(b"bob", long + b"%d" % number))
    assert len(passwords._remembered) == 1


def test_nothing_that_is_kept_tells_the_password() -> None:
    passwords = Passwords({"alice": HASH})
    passwords.verify(ALICE)
    assert PASSWORD not in repr(vars(passwords))
    assert base64.b64encode(PASSWORD.encode()).decode() not in repr(vars(passwords))


def seconds(passwords: Passwords, user: bytes) -> float:
    began = time.thread_time()
    passwords.verify(Credentials(user, b"wrong"))
    return time.thread_time() - began


def test_an_unknown_user_costs_as_much_as_a_wrong_password() -> None:
    passwords = Passwords({"alice": bcrypt.hashpw(b"x", bcrypt.gensalt(10)).decode()})
    known, unknown = (min(seconds(passwords, user) for _ in range(5)) for user in (b"alice", b"mallory"))
    assert unknown == pytest.approx(known, rel=0.3)


class Room:
    """A waiting room whose worker stands still until it is told to go on."""

    def __init__(self) -> None:
        self.room = WaitingRoom()
        self.go_on = threading.Event()
        self.checked = 0

    def verify(self) -> bool:
        assert self.go_on.wait(10)
        self.checked += 1
        return True

    async def arrive(self, digest: bytes, address: str) -> bool | None:
        try:
            return await self.room.check(digest, address, self.verify)
        except Full:
            return None


def test_who_finds_the_room_full_is_told_and_one_address_does_not_fill_it() -> None:
    async def crowd() -> list[bool | None]:
        room = Room()
        flood = [asyncio.ensure_future(room.arrive(b"%d" % number, "10.0.0.1")) for number in range(1000)]
        await asyncio.sleep(0)
        other = asyncio.ensure_future(room.arrive(b"right", "10.0.0.2"))
        await asyncio.sleep(0)
        assert sum(not each.done() for each in flood) == 10  # of the 40 that can be checked in time
        room.go_on.set()
        answers = await asyncio.gather(*flood, other)
        assert room.checked == 11
        assert room.room._waiting == {}
        assert room.room._addresses == {}
        room.room.close()
        return answers

    answers = asyncio.run(crowd())
    assert answers[-1] is True
    assert answers.count(None) == 990


def test_many_addresses_do_not_fill_the_room_without_bound() -> None:
    async def crowd() -> int:
        room = Room()
        room.room._seconds = 0.001
        flood = [asyncio.ensure_future(room.arrive(b"%d" % number, f"10.0.0.{number}")) for number in range(250)]
        await asyncio.sleep(0)
        waiting = sum(not each.done() for each in flood)
        room.go_on.set()
        await asyncio.gather(*flood)
        room.room.close()
        return waiting

    assert asyncio.run(crowd()) == 64


def test_the_same_password_is_checked_once_for_all_who_send_it() -> None:
    async def crowd() -> tuple[list[bool | None], int]:
        room = Room()
        same = [asyncio.ensure_future(room.arrive(b"same", "10.0.0.1")) for _ in range(100)]
        await asyncio.sleep(0)
        room.go_on.set()
        answers = await asyncio.gather(*same)
        room.room.close()
        return answers, room.checked

    assert asyncio.run(crowd()) == ([True] * 100, 1)


@pytest.mark.alone
def test_who_waits_when_the_end_comes_is_turned_away() -> None:
    async def crowd() -> list[bool | None]:
        room = Room()
        waiting = [asyncio.ensure_future(room.arrive(b"%d" % number, "10.0.0.1")) for number in range(5)]
        await asyncio.sleep(0)
        room.room.close()
        room.go_on.set()
        return [*await asyncio.gather(*waiting), await room.arrive(b"late", "10.0.0.2")]

    assert asyncio.run(crowd()) == [True, None, None, None, None, None]
