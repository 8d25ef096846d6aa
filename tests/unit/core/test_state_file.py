"""The state: memory that outlives a restart, and neither lies nor breaks."""

import errno
import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.state import Memory, State, StateRefused

_LEAVES = st.none() | st.integers() | st.text()
_NAMES = st.text() | st.just("sections of format 1")
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner))


def reopened(directory: Path, state: State) -> State:
    state.close()
    return State.open(directory)


def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    state = State.open(tmp_path / "a" / "b")
    state.put("prod/processes", {"pids": [["mta1", "mta", [1, 2]]], "€\n": None})
    state.put("prod/deliveries", {"x": 1.5})
    again = reopened(tmp_path / "a" / "b", state)
    assert again.section("prod/processes") == {"pids": [["mta1", "mta", [1, 2]]], "€\n": None}
    assert again.section("prod/deliveries") == {"x": 1.5}
    assert again.section("prod/none") is None
    again.close()


def test_it_is_written_well_from_the_start(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    assert state.written is True
    assert (tmp_path / "state.json").exists()
    state.close()
    assert State().written is None


@given(content=st.binary(max_size=60) | _TREES.map(lambda data: json.dumps(data).encode()))
def test_any_file_is_understood_or_kept_aside(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    directory = tmp_path_factory.mktemp("state")
    (directory / "state.json").write_bytes(content)
    state = State.open(directory)
    state.put("prod/x", {"n": 1})
    again = reopened(directory, state)
    assert again.section("prod/x") == {"n": 1}
    again.close()


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"sections of format 1":', b"[]", b"3", b'{"sections of format 2":{}}', b"\xff", b"[" * 100_000]
)
def test_a_file_that_is_not_understood_is_told_and_kept_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.json").write_bytes(content)
    state = State.open(tmp_path)
    assert (tmp_path / "state.unreadable").read_bytes() == content
    assert [record.getMessage() for record in caplog.records] == [
        f"state not understood file={tmp_path / 'state.json'}: kept as state.unreadable, counters begin anew"
    ]
    state.close()


def test_half_a_draft_is_no_harm(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    state.put("prod/x", {"n": 1})
    (tmp_path / "state.new").write_text('{"sections of for')
    again = reopened(tmp_path, state)
    assert again.section("prod/x") == {"n": 1}
    again.close()


def test_a_second_exporter_is_refused_and_a_third_is_not(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    with pytest.raises(StateRefused, match="belongs to another running exporter: stop it, or give each its own"):
        State.open(tmp_path)
    state.close()
    State.open(tmp_path).close()


def test_a_file_where_the_directory_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StateRefused, match=r"file cannot be used: File exists: make it writable for this user, name another, or"
    ):
        State.open(tmp_path / "file")


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateRefused, match="No space left on device: make it writable"):
        State.open(tmp_path)
    monkeypatch.undo()
    State.open(tmp_path).close()  # the lock was let go


def test_a_full_disk_is_told_once_and_memory_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    state = State.open(tmp_path)
    state.put("a/x", {"n": 1})

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        state.put("a/x", {"n": 2})
        state.put("a/x", {"n": 3})
        assert state.written is False
    assert state.section("a/x") == {"n": 3}
    assert json.loads((tmp_path / "state.json").read_text())["sections of format 1"]["a/x"] == {"n": 1}
    state.put("a/x", {"n": 3})  # nothing new, and yet it is not on disk
    assert state.written is True
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    again = reopened(tmp_path, state)
    assert again.section("a/x") == {"n": 3}
    again.close()


def test_what_has_not_changed_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State.open(tmp_path)
    state.put("a/x", {"n": 1})
    monkeypatch.setattr(os, "fsync", lambda _descriptor: pytest.fail("written again"))
    state.put("a/x", {"n": 1})
    state.close()


def test_the_sections_of_an_instance_that_is_gone_are_forgotten(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    state.put("old/x", {"n": 1})
    state.put("prod/x", {"n": 1})
    state.keep_only(("prod/",))
    assert state.section("old/x") is None
    state.put("prod/x", {"n": 2})
    assert "old" not in (tmp_path / "state.json").read_text()
    state.close()


def test_a_memory_that_was_taken_over_is_mute(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    old = Memory(state, "prod/x")
    old.keep({"n": 1})
    new = old.take_over()
    old.keep({"n": 2})
    assert new.read() == {"n": 1}
    new.keep({"n": 3})
    assert state.section("prod/x") == {"n": 3}
    new.forget()
    assert new.read() is None
    state.close()


def test_whoever_waits_for_the_disk_while_being_replaced_does_not_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State.open(tmp_path)
    old, other = Memory(state, "prod/x"), Memory(state, "prod/y")
    at_disk, go_on = threading.Event(), threading.Event()
    real = os.fsync

    def slow(descriptor: int) -> None:
        at_disk.set()
        assert go_on.wait(10)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    first = threading.Thread(target=other.keep, args=({"n": 1},))
    first.start()
    assert at_disk.wait(10)
    second = threading.Thread(target=old.keep, args=({"n": "too late"},))
    second.start()
    new = old.take_over()
    go_on.set()
    first.join(10)
    second.join(10)
    assert new.read() is None
    state.close()


def test_a_disk_that_hangs_keeps_nobody_from_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State.open(tmp_path)
    memory = Memory(state, "prod/x")
    at_disk, go_on = threading.Event(), threading.Event()

    def hang(_descriptor: int) -> None:
        at_disk.set()
        assert go_on.wait(10)

    monkeypatch.setattr(os, "fsync", hang)
    thread = threading.Thread(target=memory.keep, args=({"n": 1},))
    thread.start()
    assert at_disk.wait(10)
    assert memory.take_over().read() == {"n": 1}
    go_on.set()
    thread.join(10)
    state.close()


def test_without_a_directory_there_is_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = State()
    state.put("a/x", {"n": 1})
    assert state.section("a/x") == {"n": 1}
    assert list(tmp_path.iterdir()) == []


@given(
    sections=st.dictionaries(
        st.text(), st.dictionaries(st.text(), st.integers() | st.text() | st.floats(allow_nan=False)), max_size=4
    )
)
def test_any_section_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, sections: dict[str, dict[str, Any]]
) -> None:
    directory = tmp_path_factory.mktemp("state")
    state = State.open(directory)
    for name, section in sections.items():
        state.put(name, section)
    again = reopened(directory, state)
    assert {name: again.section(name) for name in sections} == sections
    again.close()
