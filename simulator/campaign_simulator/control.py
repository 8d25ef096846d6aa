"""The way for other processes to talk to a running simulator: JSON over HTTP on loopback."""

import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from campaign_simulator.directory import running_status
from campaign_simulator.faults import FaultError
from campaign_simulator.instance import Simulator

_TIMEOUT_SECONDS = 60
_LOG = logging.getLogger(__name__)


class NotRunningError(Exception):
    """No simulator runs in the directory, or it does not answer; the message says what to do."""


class RefusedError(Exception):
    """The simulator refused a command; the message says why."""


class ControlServer:
    """Takes commands for a simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(simulator))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where commands are posted to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Take commands from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="control", daemon=True).start()

    def stop(self) -> None:
        """Take no more commands."""
        self._server.shutdown()
        self._server.server_close()


def ask(directory: Path, command: str, **parameters: object) -> Any:  # noqa: ANN401  whatever JSON can hold
    """Give a command to the simulator of a directory and return its answer."""
    request = urllib.request.Request(  # noqa: S310  the scheme is checked
        _control_url(directory), json.dumps({"command": command, **parameters}).encode(), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310  the same
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(json.load(error)["error"]) from None
    except OSError as error:
        raise NotRunningError(f"the simulator in {directory} does not answer ({error}): stop it and run it anew") from None


def _control_url(directory: Path) -> str:
    """Return where the simulator of a directory takes commands."""
    status = running_status(directory)
    if status is None:
        raise NotRunningError(
            f"no simulator runs in {directory}: start one with `campaign-simulator run --directory {directory}`"
        )
    url = str(status.get("control"))
    if not url.startswith("http://127.0.0.1:"):
        raise NotRunningError(f"the simulator in {directory} announces no address for commands: stop it and run it anew")
    return url


def obey(simulator: Simulator, request: Mapping[str, Any]) -> object:
    """Carry out a command; raises FaultError if it cannot be."""
    commands: Mapping[str, Callable[[], object]] = {
        "fault": lambda: simulator.set_fault(_text(request, "name"), *_texts(request, "arguments")),
        "clear": lambda: simulator.clear_fault(_text(request, "name"), *_texts(request, "arguments")),
        "faults": lambda: _faults(simulator),
        "truth": lambda: simulator.truth().as_dict(),
    }
    command = _text(request, "command")
    if command not in commands:
        raise FaultError(f"there is no command {command!r}; there are: {', '.join(commands)}")
    return commands[command]()


def _faults(simulator: Simulator) -> list[dict[str, object]]:
    """Return every fault as JSON can hold it."""
    return [
        {
            "name": status.fault.name,
            "usage": status.fault.usage,
            "description": status.fault.description,
            "set": bool(status.targets),
            "targets": [target for target in status.targets if target],
        }
        for status in simulator.faults()
    ]


def _text(request: Mapping[str, Any], key: str) -> str:
    """Return a text out of a request."""
    value = request.get(key)
    if not isinstance(value, str):
        raise FaultError(f"{key} is missing")
    return value


def _texts(request: Mapping[str, Any], key: str) -> Sequence[str]:
    """Return a list of texts out of a request."""
    value = request.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise FaultError(f"{key} is no list of texts")
    return value


def _handler(simulator: Simulator) -> type[BaseHTTPRequestHandler]:
    """Return the request handler of a simulator's control server."""

    class Handler(BaseHTTPRequestHandler):
        """Carries out one command."""

        def do_POST(self) -> None:
            """Answer a command."""
            try:
                request = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                status, answer = HTTPStatus.OK, obey(simulator, request if isinstance(request, dict) else {})
            except (FaultError, ValueError) as error:
                status, answer = HTTPStatus.BAD_REQUEST, {"error": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Log a request where somebody wants to see it."""
            _LOG.debug(format, *args)

    return Handler
