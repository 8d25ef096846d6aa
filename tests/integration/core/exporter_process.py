"""A real exporter process, as an operator runs it."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")
COMMAND = str(Path(sys.executable).parent / "campaign-exporter")


HEADER = "HH:MM:SS > Application server for Adobe Campaign Classic (7.X YY.R build XXX@SHA1) of DD/MM/YYYY"
LISTING = f"{HEADER}\nmta@prod (1234) - 25.8 MB\n"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def wait_until(look: Callable[[], T], seconds: float = 15.0) -> T:
    """Look until something is seen; errors of a server that is not up yet count as nothing."""
    end = time.monotonic() + seconds
    while True:
        try:
            seen: T | None = look()
        except OSError:
            seen = None
        if seen:
            return seen
        assert time.monotonic() < end, "not seen in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Exporter:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, path: str = "/metrics", method: str = "GET", **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            reply = connection.getresponse()
            return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def metrics(self) -> dict[tuple[str, frozenset[str]], float]:
        """Give all samples, by name and label values (but the instance's)."""
        return {
            (
                sample.name,
                frozenset(value for name, value in sample.labels.items() if name != "campaign_instance"),
            ): sample.value
            for family in text_string_to_metric_families(self.ask().text)
            for sample in family.samples
        }

    def value(self, name: str, *labels: str) -> float | None:
        return self.metrics().get((name, frozenset(labels)))

    def wait_ready(self) -> None:
        wait_until(lambda: self.ask("/-/ready").status == 200, 30)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; give the exit status, and after how many seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(20), time.monotonic() - began


@contextmanager
def exporter(file: Path, *flags: str, **environment: str) -> Iterator[Exporter]:
    """Run `serve` until the end of the block; the log stands beside the configuration."""
    port = free_port()
    log = file.with_suffix(".log")
    command = [COMMAND, "serve", "--config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}", *flags]
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors, env={**os.environ, **environment})
    running = Exporter(process, port, log)
    try:
        wait_until(lambda: process.poll() is not None or running.ask("/-/healthy").status == 200, 30)
        yield running
    finally:
        process.kill()
        process.wait(10)
