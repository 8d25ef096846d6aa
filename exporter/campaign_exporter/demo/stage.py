"""The programs of the demo: simulator, exporter, Prometheus and Alertmanager where installed. Each is a process of its own."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
import yaml

_INTERVAL = "2s"
_READY_SECONDS = 60.0
_STOP_SECONDS = 8.0
_PAUSE = 0.2
#: The rules as shipped, where this is a checkout.
_RULES = Path(__file__).resolve().parents[3] / "alerts" / "rules"


class StageError(Exception):
    """A program of the demo did not start; the message says which, and why."""


class Stage:
    """Starts the programs in a temporary directory, and ends them all."""

    def __init__(self, address: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="campaign-demo-"))
        # The simulated database runs as another user where we are root.
        self.directory.chmod(0o755)
        self.address = f"127.0.0.1{address}" if address.startswith(":") else address
        self.prometheus: str | None = None
        self.alertmanager: str | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def metrics_url(self) -> str:
        """Where the exporter answers."""
        return f"http://{self.address}/metrics"

    @property
    def configuration(self) -> Path:
        """The exporter's configuration, for other commands."""
        return self.directory / "demo.yaml"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()

    def start_simulator(self) -> dict[str, Any]:
        """Start the simulated instance, and give what it says of itself."""
        self._start("simulator", [_command("campaign-simulator"), "run", "--directory", str(self.directory)])
        status = self.directory / "simulator.json"
        self._wait("simulator", status.exists)
        return dict(json.loads(status.read_text(encoding="utf-8")))

    def start_exporter(self) -> None:
        """Start the exporter at a brisk pace, and wait for its first rounds."""
        config = yaml.safe_load((self.directory / "campaign-exporter.yaml").read_text(encoding="utf-8"))
        names = ("deliveries", "pending", "processes", "affinity", "throughput", "endpoints", "disks", "database", "outlook")
        config["collectors"] = {name: {"interval": _INTERVAL} for name in names}
        config["budget"] = {"database_seconds_per_minute": 6}
        self.configuration.write_text(yaml.safe_dump(config), encoding="utf-8")
        serve = [_command("campaign-exporter"), "serve", "--config.file", str(self.configuration)]
        command = [*serve, "--web.listen-address", self.address]
        self._start("exporter", command)
        self._wait("exporter", lambda: _answers(f"http://{self.address}/-/ready"))

    @property
    def alerts(self) -> bool:
        """Whether somebody evaluates the rules."""
        return self.prometheus is not None and _RULES.is_dir()

    def start_alertmanager(self) -> None:
        """Start Alertmanager, if it is installed and has anything to do; it shows alerts, and tells nobody."""
        program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        if program is None or shutil.which("prometheus") is None or not _RULES.is_dir():
            return
        config = {
            "route": {"receiver": "nobody", "group_by": ["campaign_instance", "alertname", "cause"], "group_wait": "1s"},
            "receivers": [{"name": "nobody"}],
        }
        listen = f"127.0.0.1:{_free_port(9093)}"
        file = self._write("alertmanager", config)
        flags = [f"--config.file={file}", f"--storage.path={self.directory / 'alertmanager'}", "--cluster.listen-address="]
        self._start("alertmanager", [program, *flags, f"--web.listen-address={listen}"])
        self._wait("alertmanager", lambda: _answers(f"http://{listen}/-/ready"))
        self.alertmanager = f"http://{listen}"

    def start_prometheus(self) -> None:
        """Start Prometheus on the exporter, with the rules, if it is installed."""
        program = shutil.which("prometheus")
        if program is None:
            return
        config: dict[str, Any] = {
            "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
            "scrape_configs": [{"job_name": "campaign", "static_configs": [{"targets": [self.address]}]}],
            "rule_files": [f"{_RULES}/*.yml"],
        }
        if self.alertmanager:
            config["alerting"] = {
                "alertmanagers": [{"static_configs": [{"targets": [self.alertmanager.removeprefix("http://")]}]}]
            }
        file = self._write("prometheus", config)
        listen = f"127.0.0.1:{_free_port(9090)}"
        data = self.directory / "prometheus"
        flags = [f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address={listen}"]
        # What fires before it has found Alertmanager is lost until it is sent again.
        self._start("prometheus", [program, *flags, "--rules.alert.resend-delay=5s"])
        self.prometheus = f"http://{listen}"

    def set_fault(self, name: str, *arguments: str) -> None:
        """Set a fault of the simulated instance."""
        self._tell("fault", name, *arguments)

    def clear_fault(self, name: str, *arguments: str) -> None:
        """Mend a fault of the simulated instance."""
        self._tell("clear", name, *arguments)

    def check(self) -> None:
        """Raise StageError if a program has ended by itself."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise StageError(f"the {name} has ended with status {process.returncode}:\n{self._log_tail(name)}")

    def _write(self, name: str, config: dict[str, Any]) -> Path:
        file = self.directory / f"{name}.yml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        return file

    def _tell(self, *words: str) -> None:
        command = [_command("campaign-simulator"), *words, "--directory", str(self.directory)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)  # noqa: S603 - our own command

    def _start(self, name: str, command: list[str]) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            # In a session of its own: Ctrl-C is for us, and we end the others in order.
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own command
        self._processes[name] = process

    def _wait(self, name: str, ready: Any) -> None:  # noqa: ANN401 - a call that gives true or false
        deadline = time.monotonic() + _READY_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise StageError(f"the {name} was not ready within {_READY_SECONDS:.0f} s:\n{self._log_tail(name)}")
            time.sleep(_PAUSE)

    def _log_tail(self, name: str) -> str:
        text = (self.directory / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-8:])

    def _end(self) -> None:
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self._processes.values()):
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def _command(name: str) -> str:
    """Find a command beside the interpreter that runs us, or on the path."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise StageError(f"{name} is not installed: it comes with the same package")
    return found


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StageError(f"no free port, neither {wanted} nor another")
