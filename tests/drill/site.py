"""A simulated Campaign instance and its exporters, as processes, as Prometheus finds them."""

import http.client
import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from campaign_exporter.catalogue import COLLECTORS
from campaign_simulator import control
from drill.pages import FullDisk, SecureResource, StalePage
from integration.core.exporter_process import COMMAND, free_port, wait_until

_SIMULATOR = str(Path(sys.executable).parent / "campaign-simulator")
_START_SECONDS = 120.0
_STOP_SECONDS = 60.0
#: Seconds a minute: no round is left out.
NO_BUDGET = 60.0


class Site:
    """One instance: what watches it, and what can be done to it."""

    def __init__(self, name: str, directory: Path, targets: Path, *, role: str = "standalone") -> None:
        self.name = name
        self.role = role
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.second = f"127.0.0.1:{free_port()}"
        #: When the last fault was set.
        self.fault_at = 0.0
        self._targets = targets / f"{name}.json"
        self._exporters: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._simulate(exits)
            self.resource = exits.enter_context(SecureResource(self.directory))
            self._configure()
            exits.callback(self._stop_exporters)
            self.start_exporter()
            self.announce(self.address)
            self._exits = exits.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._exits.close()

    @property
    def addresses(self) -> tuple[str, str]:
        return self.address, self.second

    def fault(self, name: str, *arguments: str) -> None:
        assert control.ask(self.directory, "fault", name=name, arguments=list(arguments)), f"{name} was set already"

    def clear(self, name: str) -> None:
        control.ask(self.directory, "clear", name=name, arguments=[])

    def announce(self, *addresses: str, behind: str | None = None) -> None:
        """Tell Prometheus where the exporters are, or where what stands before them is."""
        groups = [{"targets": [behind or address], "labels": {"instance": address}} for address in addresses]
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps(groups), encoding="utf-8")
        written.rename(self._targets)

    def tracks(self) -> bool:
        """Tell whether an open or a click has been seen."""
        return b"\ncampaign_tracking_last_log_timestamp_seconds{" in _page(self.address)[0]

    def stale(self) -> StalePage:
        """Give a cache before the exporter, with what it says now."""
        return StalePage(_page(self.address))

    def full_disk(self) -> FullDisk:
        """Make what tells as our exporter does, but that a disk is full."""
        return FullDisk(lambda: _page(self.address))

    def start_exporter(self, address: str | None = None) -> None:
        """Start the exporter, or another one that keeps no state, and wait until it is ready."""
        file = self.directory / ("drill.yaml" if address is None else "second.yaml")
        address = address or self.address
        command = [COMMAND, "serve", "--config.file", str(file), "--web.listen-address", address]
        with (self.directory / "exporter.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._exporters[address] = process
        wait_until(lambda: process.poll() is not None or _ready(address), _START_SECONDS)
        assert process.poll() is None, (self.directory / "exporter.log").read_text()[-2000:]

    def allow(self, seconds_a_minute: float) -> None:
        """Give the running exporter another budget of database time."""
        file = self.directory / "drill.yaml"
        configuration = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**configuration, "budget": {"database_seconds_per_minute": seconds_a_minute}}))
        before = _reloaded(self.address)
        self._exporters[self.address].send_signal(signal.SIGHUP)
        wait_until(lambda: _reloaded(self.address) != before)

    def kill_exporter(self, address: str | None = None) -> None:
        process = self._exporters.pop(address or self.address)
        process.kill()
        process.wait(_STOP_SECONDS)

    def leave_one_exporter(self) -> None:
        """Take the second exporter away, where a scene has left one."""
        if self.second in self._exporters:
            self.announce(self.address)
            self.kill_exporter(self.second)

    def _simulate(self, exits: ExitStack) -> None:
        log = self.directory.with_suffix(".log")
        command = [_SIMULATOR, "run", "--directory", str(self.directory), "--instance", self.name]
        command += ["--role", self.role, "--backfill-rows", "2000"]
        with log.open("wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=errors)
        exits.callback(process.wait, _STOP_SECONDS)
        exits.callback(process.terminate)
        wait_until(lambda: "monitor it with" in log.read_text() or process.poll() is not None, _START_SECONDS)
        assert process.poll() is None, log.read_text()

    def _configure(self) -> None:
        """Let the exporter look each second: a fifteenth of its usual interval."""
        configuration = yaml.safe_load((self.directory / "campaign-exporter.yaml").read_text())
        configuration["collectors"] = {name: {"interval": "1s"} for name in COLLECTORS}
        configuration["collectors"]["endpoints"]["ping_interval"] = "1s"
        # An overlap of minutes would be read each second.
        configuration["collectors"]["messages"] = {"interval": "2s", "overlap": "30s"}
        # The window of the rates is shorter as the durations of the rules are.
        configuration["collectors"]["outlook"]["rate_window"] = "60s"
        configuration["instances"][0]["endpoints"].append(self.resource.endpoint)
        configuration["budget"] = {"database_seconds_per_minute": NO_BUDGET}
        (self.directory / "drill.yaml").write_text(yaml.safe_dump(configuration))
        (self.directory / "second.yaml").write_text(yaml.safe_dump({**configuration, "state_directory": "none"}))

    def _stop_exporters(self) -> None:
        for process in self._exporters.values():
            process.terminate()
        for process in self._exporters.values():
            process.wait(_STOP_SECONDS)


def ask(address: str, path: str) -> tuple[int, bytes, str]:
    """Ask a server of ours for a document: status, content and its type."""
    host, _, port = address.partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(), str(answer.getheader("Content-Type", "text/plain"))
    finally:
        connection.close()


def _ready(address: str) -> bool:
    return bool(ask(address, "/-/ready")[0] == 200)


def _reloaded(address: str) -> str:
    name = "campaign_exporter_config_last_reload_success_timestamp_seconds "
    (line,) = [line for line in _page(address)[0].decode().splitlines() if line.startswith(name)]
    return line


def _page(address: str) -> tuple[bytes, str]:
    _, page, kind = ask(address, "/metrics")
    return page, kind
