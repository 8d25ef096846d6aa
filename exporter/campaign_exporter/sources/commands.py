"""Running a command for its output: bounded in time and size, and leaving nothing behind."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from campaign_exporter.errors import CommandFailed, Missing, PermissionDenied, SourceError, TimedOut, Unreadable

MAXIMAL_BYTES = 4 << 20
_ERROR_BYTES = 4096
_ERROR_CHARACTERS = 200
_CHUNK = 1 << 16

# Waits in seconds: between two looks whether the command ended; the same once it closed its output; for the rest of the output
# where a grandchild keeps it open; for the end of what was killed.
_LOOK = 0.05
_LOOK_CLOSELY = 0.005
_REST = 0.2
_DEATH = 1.0


class CommandExited(CommandFailed):
    """A command ended with an exit status other than 0; negative: the signal that ended it. `output` is what it printed."""

    def __init__(self, message: str, status: int, output: str) -> None:
        super().__init__(message)
        self.status = status
        self.output = output


def run_command(argv: Sequence[str], timeout: float, *, limit: int = MAXIMAL_BYTES, errors_first: bool = False) -> str:
    """Run the command without a shell and return its standard output. `timeout` in seconds, `limit` in bytes.

    With `errors_first` the beginning of its standard error stands before that, on lines of its own. Whatever happens, its
    whole process group is gone afterwards. No message holds the arguments.

    Raises Missing, PermissionDenied, TimedOut, Unreadable for more output than `limit`, CommandExited, or CommandFailed where
    it could not be started.
    """
    process = _start(argv)
    output = _Output(process, limit)
    try:
        output.collect(argv[0], timeout)
    finally:
        _end(process)
    errors, printed = (part.decode("utf-8", errors="replace") for part in (output.errors, output.printed))
    if errors_first and errors:
        printed = f"{errors}\n{printed}"
    if process.returncode != 0:
        raise CommandExited(_exit_message(argv[0], process.returncode, errors), process.returncode, printed)
    return printed


def _start(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - no shell, and the command is the configuration's
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise _not_started(argv[0], error) from error


def _not_started(name: str, error: OSError | ValueError) -> SourceError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Missing(f"command {name} is not there")
    if isinstance(error, PermissionError):
        return PermissionDenied(f"command {name} may not be run by the user that runs the exporter")
    why = error.strerror if isinstance(error, OSError) else "an argument holds a NUL character"
    return CommandFailed(f"command {name} could not be started: {why}")


class _Output:
    """Gathers what a process prints. communicate() would wait for ever for a grandchild that keeps the output open."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        self.printed = bytearray()
        self.errors = bytearray()
        self._process = process
        self._limit = limit

    def collect(self, name: str, timeout: float) -> None:
        """Read until the process ended and closed its output, or a bound is met. Raises TimedOut or Unreadable."""
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            for pipe in (self._process.stdout, self._process.stderr):
                selector.register(_opened(pipe), selectors.EVENT_READ)
            ended = False
            while selector.get_map() or not ended:
                if not ended and _ended(self._process):
                    ended, deadline = True, min(deadline, time.monotonic() + _REST)
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    break
                self._read(selector, min(remaining, _LOOK if selector.get_map() else _LOOK_CLOSELY))
                if len(self.printed) > self._limit:
                    raise Unreadable(f"command {name} printed more than {self._limit} bytes")
        if not ended:
            raise TimedOut(f"command {name} did not end within {timeout:.3g} s")

    def _read(self, selector: selectors.BaseSelector, wait: float) -> None:
        for key, _ in selector.select(wait):
            chunk = os.read(key.fd, _CHUNK)
            if not chunk:
                selector.unregister(key.fileobj)
            elif key.fileobj is self._process.stdout:
                self.printed += chunk
            else:
                self.errors += chunk[: _ERROR_BYTES - len(self.errors)]


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("Popen was told to make pipes")
    return pipe


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Look whether the process ended, without reaping it: its group's number stays ours until we have killed the group."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # somebody ignores SIGCHLD: the kernel has reaped it
        return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, close the pipes, reap the process."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        _opened(pipe).close()
    # A process that hangs in the kernel dies when it can; Popen reaps it then.
    with suppress(subprocess.TimeoutExpired):
        process.wait(_DEATH)


def _exit_message(name: str, status: int, errors: str) -> str:
    how = f"ended with exit status {status}" if status > 0 else f"was ended by signal {-status}"
    clean = "".join(character for character in " ".join(errors.split()) if character.isprintable())[:_ERROR_CHARACTERS]
    return f"command {name} {how}" + (f": {clean}" if clean else "")
