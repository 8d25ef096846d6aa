"""The machine that is measured on: its processes' time and memory, and what is installed."""

import contextlib
import os
import platform
import re
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = Console(highlight=False)
_TICKS = os.sysconf("SC_CLK_TCK")
_VERSION = re.compile(r"\d+(?:\.\d+)+")


def resident(pid: int) -> float:
    """Give the resident memory of a process in MiB."""
    return int(_status(pid)["VmRSS"].split()[0]) / 1024


def threads(pid: int) -> int:
    """Count the threads of a process."""
    return int(_status(pid)["Threads"])


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def processor_seconds(pid: int) -> tuple[float, float]:
    """Give the seconds that a process has computed, and those of the commands which it ran and that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    own, children = (int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))
    return own / _TICKS, children / _TICKS


def free_port() -> int:
    """Find a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def circumstances() -> dict[str, object]:
    """Tell when this is, how many processors there are, and how busy they are with other things."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processors": os.cpu_count(),
        "processor_name": _processor(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "nice": os.nice(0),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Tell the versions of what is measured."""
    ours = {name: version(name) for name in ("campaign-exporter", "prometheus-client", "uvicorn", "h11", "psycopg")}
    package = ["dpkg-query", "--show", "--showformat=${Version}"]
    commands = {name: [*package, name] for name in ("prometheus-sql-exporter", "prometheus-postgres-exporter")}
    commands["query-exporter"] = [str(ROOT / ".venv/query-exporter/bin/query-exporter"), "--version"]
    return ours | {name: _version_of(command) for name, command in commands.items()}


def _version_of(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - programs named here
    found = _VERSION.search(done.stdout)
    return found[0] if found else "?"


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return names[0] if names else platform.machine()


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is under way and how long it took."""
    began = time.monotonic()
    with CONSOLE.status(f"{what} ..."):
        yield
    CONSOLE.print(f"{what}: {time.monotonic() - began:.1f} s")


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Have processes end, and wait for it."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
