"""A log that grows, is renamed, cut off, removed, while somebody reads it and is started anew: no line is counted twice."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from campaign_exporter.collectors.files import Tallies
from campaign_exporter.domain.mta_log import count_lines, whole_lines
from campaign_exporter.errors import Missing, SourceError, Unreadable
from campaign_exporter.sources.log_files import LogFile

POSTPONED = b"12:00:00 >  Postponing DeliveryParts for broken delivery 1234\n"
CANNOT = b"12:00:00 >  BAS-010015 Cannot open file '/tmp/tmp1.tmp' (errno=2)\n"
OTHER = b"12:00:00 >  1200 messages sent\n"


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        (POSTPONED, {"postponed_parts"}),
        (CANNOT, {"cannot_open_file"}),
        (b"rename failed (errno=18, Invalid cross-device link)", {"cross_device"}),
        (b"Messages queued (connection quotas met)", {"quota"}),
        (b"Messages queued (dynamic flow control)", {"flow_control"}),
        (b"postponing deliveryparts: cannot open file", {"postponed_parts", "cannot_open_file"}),
        (OTHER, set()),
        (b"", set()),
        (b"\xff\x00 errno=180", set()),
    ],
)
def test_a_line_has_the_kinds_of_its_phrases(line: bytes, kinds: set[str]) -> None:
    assert set(count_lines(line)) == kinds


@given(st.lists(st.sampled_from([POSTPONED, CANNOT, OTHER])), st.integers(0, 200), st.booleans())
def test_lines_are_counted_the_same_in_one_piece_or_two(lines: list[bytes], cut: int, full: bool) -> None:  # noqa: FBT001 - drawn
    data = b"".join(lines)
    whole = whole_lines(data[:cut], full=full, final=False)
    if not (full and whole and data[:cut].rfind(b"\n") < 0):
        assert count_lines(data[:whole]) + count_lines(data[whole:]) == count_lines(data)
    assert whole_lines(data[:cut], full=full, final=True) == len(data[:cut])


class LogStory(RuleBasedStateMachine):
    """A real log, and a reader that keeps its position; bytes that may be read at once are few, so that it falls behind."""

    directory: Path
    number = 0

    def __init__(self) -> None:
        super().__init__()
        LogStory.number += 1
        self.folder = self.directory / str(LogStory.number)
        self.folder.mkdir()
        self.log = self.folder / "mta.log"
        self.log.write_bytes(CANNOT * 3)
        self.reader = LogFile(self.log, 256)
        self.tallies = Tallies()
        self.written: Counter[str] = Counter()
        self.lost = self.unread = self.behind = self.cut = False
        self.rotations = self.numbered = 0
        self.read()

    def append(self, line: bytes) -> None:
        self.numbered += 1
        with self.log.open("ab") as file:
            file.write(b"%06d " % self.numbered + line)
        self.written.update(count_lines(line))
        self.unread = True

    @rule(line=st.sampled_from([POSTPONED, CANNOT, OTHER]), times=st.integers(1, 8))
    def grow(self, line: bytes, times: int) -> None:
        for _ in range(times):
            self.append(line)

    @rule()
    def rename(self) -> None:
        if self.log.exists():
            # A second one that nobody saw, or one that cannot be known again.
            self.lost = self.lost or self.behind or self.cut
            self.behind = True
            self.rotations += 1
            self.log.rename(self.folder / f"mta.log.{self.rotations}")
            self.append(OTHER)

    @rule()
    def cut_off(self) -> None:
        if self.log.exists():
            self.lost = self.lost or self.unread
            self.cut = True
            os.truncate(self.log, 0)

    @rule()
    def remove(self) -> None:
        if self.log.exists():
            self.lost = self.lost or self.unread
            # Nobody has seen the one that comes next, either.
            self.behind = True
            self.log.unlink()

    @rule()
    def read(self) -> None:
        try:
            found = self.reader.read(self.tallies.positions.get("mta1"))
        except Missing:
            assert not self.log.exists()
            return
        self.tallies.take("mta1", found)
        if found.unread_bytes == 0:
            self.unread = self.behind = self.cut = False

    @precondition(lambda self: self.log.exists())
    @rule()
    def read_all(self) -> None:
        for _ in range(60):
            self.read()
        assert not self.unread
        if not self.lost:
            assert self.counted() == self.written

    @rule()
    def restart(self) -> None:
        self.tallies = Tallies.load(self.tallies.dump())

    def counted(self) -> Counter[str]:
        return +Counter(self.tallies._counts.get("mta1", Counter()))

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        assert self.counted() <= self.written


def test_no_line_is_counted_twice(tmp_path: Path) -> None:
    LogStory.directory = tmp_path
    run_state_machine_as_test(LogStory, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))


def test_a_first_reading_only_finds_the_end(tmp_path: Path) -> None:
    log = tmp_path / "mta.log"
    log.write_bytes(CANNOT * 5000 + b"half of a line")
    first = LogFile(log).read(None)
    assert (first.counts, first.unread_bytes) == ({}, 0)
    assert first.position.offset == len(CANNOT) * 5000
    with log.open("ab") as file:
        file.write(b" errno=18\n")
    assert LogFile(log).read(first.position).counts == {"cross_device": 1}


def test_a_line_without_end_is_not_read_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "mta.log"
    log.write_bytes(b"")
    first = LogFile(log).read(None)
    log.write_bytes(b"x" * 1000 + b"\n" + POSTPONED)
    reader, position, counts = LogFile(log, 100), first.position, Counter[str]()
    for _ in range(12):
        found = reader.read(position)
        position, counts = found.position, counts + Counter(found.counts)
    assert counts == {"postponed_parts": 1}
    assert reader.read(position).unread_bytes == 0


@pytest.mark.parametrize(("make", "error"), [(lambda _: None, Missing), (Path.mkdir, Unreadable), (os.mkfifo, Unreadable)])
def test_what_is_no_log_fails_with_a_meaning(tmp_path: Path, make: object, error: type[SourceError]) -> None:
    log = tmp_path / "mta.log"
    make(log)  # type: ignore[operator]
    with pytest.raises(error, match=r"mta\.log"):
        LogFile(log).read(None)
