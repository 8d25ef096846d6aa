"""Commands: real processes that hang, flood, fork and die."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from campaign_exporter.errors import CommandFailed, Missing, PermissionDenied, SourceError, TimedOut, Unreadable
from campaign_exporter.sources.commands import CommandExited, run_command


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    descriptors, children = len(os.listdir("/proc/self/fd")), _children()  # noqa: PTH208 - names are enough
    yield
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208 - as above
    assert _children() == children


def _children() -> set[str]:
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


def _gone(pid: int, within: float = 5.0) -> bool:
    """Tell whether a process is dead: an orphan may stay a zombie where nobody reaps it."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.01)
    return False


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def test_the_output_comes_back() -> None:
    assert run_command(("printf", "a\nb%s", "\N{EURO SIGN}"), 5) == "a\nb€"


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    assert run_command(("printf", r"a\351b"), 5) == "a\ufffdb"


def test_no_shell_reads_the_arguments() -> None:
    assert run_command(("echo", "$HOME; ls *"), 5) == "$HOME; ls *\n"


def test_standard_input_is_closed() -> None:
    assert run_command(("cat",), 5) == ""


def test_a_command_has_a_process_group_and_a_session_of_its_own() -> None:
    own = run_command(python("import os; print(os.getpid() == os.getpgrp() == os.getsid(0))"), 10)
    assert own == "True\n"


def test_much_on_both_outputs_does_not_block() -> None:
    script = "import sys; sys.stderr.write('e' * 3_000_000); sys.stdout.write('o' * 3_000_000)"
    assert len(run_command(python(script), 10)) == 3_000_000


def test_an_exit_status_keeps_the_output() -> None:
    with pytest.raises(CommandExited) as caught:
        run_command(sh("echo listing; printf 'it \\033[1mbroke\\n  badly ' >&2; seq 1000 >&2; exit 3"), 5)
    error = caught.value
    assert (error.status, error.output, error.reason) == (3, "listing\n", "exit")
    assert str(error).startswith("command sh ended with exit status 3: it [1mbroke badly 1 2 3")
    assert len(str(error)) < 260
    assert str(error).isprintable()


def test_errors_come_first_where_asked_for() -> None:
    script = sh("echo listing; printf header >&2")
    assert run_command(script, 5) == "listing\n"
    assert run_command(script, 5, errors_first=True) == "header\nlisting\n"
    assert run_command(("echo", "listing"), 5, errors_first=True) == "listing\n"


def test_death_by_a_signal_is_named() -> None:
    with pytest.raises(CommandFailed, match=r"^command sh was ended by signal 15$"):
        run_command(sh("kill $$"), 5)


def test_a_command_that_is_not_there_is_missing() -> None:
    with pytest.raises(Missing, match="command no-such-nlserver is not there"):
        run_command(("no-such-nlserver", "pdump"), 5)


@pytest.mark.parametrize(
    ("content", "mode", "kind"), [("#!/bin/sh\n", 0o644, PermissionDenied), ("\x7fELF?", 0o755, CommandFailed)]
)
def test_a_file_that_cannot_be_run_says_why(tmp_path: Path, content: str, mode: int, kind: type[SourceError]) -> None:
    path = tmp_path / "nlserver"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(kind, match="nlserver"):
        run_command((str(path),), 5)


def test_a_nul_in_an_argument_is_no_crash() -> None:
    with pytest.raises(CommandFailed, match="NUL"):
        run_command(("echo", "a\0b"), 5)


def test_a_hanging_command_is_killed_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    start = time.monotonic()
    with pytest.raises(TimedOut, match=r"command sh did not end within 0.5 s"):
        run_command(sh(f"trap '' TERM; sleep 1000 & echo $$ $! > {pids}; echo part; sleep 1000"), 0.5)
    assert time.monotonic() - start < 3
    assert all(_gone(int(pid)) for pid in pids.read_text().split())


def test_a_command_that_closes_its_output_and_stays_is_killed() -> None:
    with pytest.raises(TimedOut):
        run_command(sh("exec >&- 2>&-; exec sleep 1000"), 0.3)


def test_a_grandchild_that_keeps_the_output_open_holds_nothing_up() -> None:
    start = time.monotonic()
    assert _gone(int(run_command(sh("sleep 1000 & echo $!"), 30)))
    with pytest.raises(CommandExited) as caught:
        run_command(sh("sleep 1000 & echo $!; exit 7"), 30)
    assert _gone(int(caught.value.output))
    assert time.monotonic() - start < 5


def test_a_grandchild_in_a_session_of_its_own_holds_nothing_up() -> None:
    script = (
        "import os, subprocess\n"
        "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "os._exit(0)"
    )
    start = time.monotonic()
    output = run_command(python(script), 30)
    os.kill(int(output), signal.SIGKILL)  # out of our reach by design, as is ssh's ControlPersist: end it here
    assert time.monotonic() - start < 5


def test_a_grandchild_that_prints_for_ever_is_cut_off() -> None:
    start = time.monotonic()
    with suppress(Unreadable):  # how much it prints in its last moment is a race
        assert run_command(sh("(while :; do echo y; done) & echo first; exit 0"), 30)
    assert time.monotonic() - start < 5


def test_endless_output_is_cut_off() -> None:
    start = time.monotonic()
    with pytest.raises(Unreadable, match="command yes printed more than 4194304 bytes"):
        run_command(("yes",), 30)
    assert time.monotonic() - start < 10


def test_endless_errors_are_thrown_away() -> None:
    with pytest.raises(TimedOut):
        run_command(sh("yes >&2"), 0.5)


def test_the_limit_itself_is_allowed() -> None:
    assert run_command(("printf", "12345678"), 5, limit=8) == "12345678"
    with pytest.raises(Unreadable):
        run_command(("printf", "123456789"), 5, limit=8)


def test_no_message_holds_the_arguments() -> None:
    for argv in (sh("exit 1 # hunter2"), sh("sleep 100 # hunter2"), ("no-such-command", "hunter2")):
        with pytest.raises(SourceError) as caught:
            run_command(argv, 0.2)
        assert "hunter2" not in str(caught.value)


def test_many_at_once_do_not_mix() -> None:
    results: dict[int, str] = {}

    def work(number: int) -> None:
        results[number] = run_command(("echo", str(number)), 20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: f"{number}\n" for number in range(16)}
