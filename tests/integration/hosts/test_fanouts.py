"""Fanouts: real threads, some of which never come back in time."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from campaign_exporter.errors import Missing, SourceError, TimedOut
from campaign_exporter.sources.fanout import Fanout


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Hold tasks that hang; they are let go at the end."""
    event = threading.Event()
    yield event
    event.set()


def _threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("fanout ")]


def _hang(gate: threading.Event) -> Callable[[], str]:
    return lambda: "late" if gate.wait(60) else "never"


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def _missing() -> str:
    raise Missing("no such file")


def _broken() -> str:
    raise KeyError("a fault of ours")


def test_each_key_gets_its_result_in_order() -> None:
    results = Fanout().run({key: lambda key=key: key.upper() for key in "zab"}, 5)  # type: ignore[misc] # key is bound
    assert results == {"z": "Z", "a": "A", "b": "B"}
    assert list(results) == ["z", "a", "b"]


def test_nothing_to_do_takes_no_time() -> None:
    assert Fanout().run({}, 60) == {}


def test_a_source_error_is_a_result() -> None:
    result = Fanout().run({"a": _missing, "b": lambda: "fine"}, 5)
    assert isinstance(result["a"], Missing)
    assert result["b"] == "fine"


def test_a_fault_of_ours_harms_no_other_key_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        result = Fanout().run({"a": _broken, "b": lambda: "fine"}, 5)
    assert type(result["a"]) is SourceError
    assert (str(result["a"]), result["a"].reason) == ("a: unforeseen KeyError, see the log", "internal")
    assert result["b"] == "fine"
    assert "a fault of ours" in caplog.text


def test_what_hangs_times_out_and_the_others_do_not(gate: threading.Event) -> None:
    start = time.monotonic()
    result = Fanout().run({"hung": _hang(gate), "well": lambda: "fine"}, 0.2)
    assert time.monotonic() - start < 2
    assert isinstance(result["hung"], TimedOut)
    assert result["well"] == "fine"


def test_a_key_whose_thread_is_out_gets_no_second_one_and_no_late_result(gate: threading.Event) -> None:
    fanout = Fanout()
    fanout.run({"hung": _hang(gate)}, 0.05)
    start = time.monotonic()
    for _ in range(50):
        result = fanout.run({"hung": _hang(gate), "well": lambda: "fine"}, 30)
        assert isinstance(result["hung"], TimedOut)
        assert result["well"] == "fine"
    assert time.monotonic() - start < 5
    assert len(_threads()) == 1
    gate.set()
    _wait(lambda: not _threads())
    assert fanout.run({"hung": lambda: "new"}, 5) == {"hung": "new"}


def test_more_tasks_than_places_all_run() -> None:
    most, now, lock = 0, 0, threading.Lock()

    def work() -> int:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return most

    results = Fanout(parallel=4).run({str(number): work for number in range(100)}, 30)
    assert all(isinstance(each, int) for each in results.values())
    assert most <= 4


def test_hanging_keys_do_not_starve_the_rest(gate: threading.Event) -> None:
    fanout = Fanout(parallel=4)
    tasks = {f"hung{number}": _hang(gate) for number in range(8)} | {f"well{number}": lambda: "fine" for number in range(20)}
    for _ in range(2):
        results = fanout.run(tasks, 1)
        assert all(isinstance(results[key], TimedOut) for key in tasks if key.startswith("hung"))
        assert all(results[key] == "fine" for key in tasks if key.startswith("well"))
    assert len(_threads()) == 8


def test_those_that_were_late_start_last(gate: threading.Event) -> None:
    fanout = Fanout(parallel=1)
    order: list[str] = []

    def note(key: str) -> Callable[[], str]:
        def work() -> str:
            order.append(key)
            return key

        return work

    fanout.run({"a": _hang(gate)}, 0.05)
    gate.set()
    _wait(lambda: not _threads())
    fanout.run({key: note(key) for key in "abc"}, 5)
    assert order == ["b", "c", "a"]


def test_two_rounds_at_once_share_no_key(gate: threading.Event) -> None:
    fanout = Fanout()
    first: dict[str, str | SourceError] = {}
    runner = threading.Thread(target=lambda: first.update(fanout.run({"a": _hang(gate)}, 30)))
    runner.start()
    _wait(lambda: len(_threads()) == 1)
    assert isinstance(fanout.run({"a": lambda: "second"}, 30)["a"], TimedOut)
    gate.set()
    runner.join()
    assert first == {"a": "late"}


def test_where_no_thread_can_be_started_the_key_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    fanout = Fanout()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert str(fanout.run({"a": lambda: "fine"}, 5)["a"]) == "a: can't start new thread"
    assert fanout.run({"a": lambda: "fine"}, 5) == {"a": "fine"}
