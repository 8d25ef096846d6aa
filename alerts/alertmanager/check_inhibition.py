#!/usr/bin/env python3
"""Prove the inhibition rules of an Alertmanager configuration with a real Alertmanager.

    check_inhibition.py [--alertmanager PROGRAM] alertmanager.yml cases.yml...

Only the inhibition rules are taken from the configuration, and the receiver does nothing: no notification can leave. A file of
cases says which alerts are firing together, and which of them are muted by which:

    cases:
      - name: a dead database mutes what depends on it
        firing:                 # any names; a label that is null is not there, as behind a YAML merge
          database: {alertname: DatabaseDown, cluster: a}
          replica: {alertname: ReplicaLags, cluster: a}
          elsewhere: {alertname: ReplicaLags, cluster: b}
        resolved: []            # which of these were firing and are over
        suppressed: {replica: database}     # or a list: any of these; what is not named here must be active

Exit code: 0 all cases hold, 1 one does not, 2 a file or Alertmanager cannot be used. It needs Python 3.11 and PyYAML.
"""

import argparse
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import yaml

Labels = Mapping[str, str]
PROGRAMS = ("prometheus-alertmanager", "alertmanager")
_PATIENCE = 10.0


class Unusable(Exception):
    """A file cannot be used, or Alertmanager does not run."""


class State(NamedTuple):
    """What Alertmanager says of an alert: active or suppressed, and the fingerprints of what inhibits it."""

    labels: Labels
    fingerprint: str
    state: str
    inhibited_by: Sequence[str]


class Alertmanager:
    """A real Alertmanager on a port of the loopback interface, alone, with nothing in its memory."""

    def __init__(self, configuration: Path, *flags: str, program: str | None = None) -> None:
        self.configuration = configuration
        self.port = _free_port()
        self._flags = flags
        self._program = program

    def __enter__(self) -> Self:
        """Start it, and wait until it is ready."""
        program = self._program or next(filter(shutil.which, PROGRAMS), None)
        if program is None:
            raise Unusable(
                f"none of {', '.join(PROGRAMS)} is on the PATH: install Alertmanager, or name it with --alertmanager"
            )
        self._directory = tempfile.TemporaryDirectory(prefix="alertmanager-")
        self.log = Path(self._directory.name) / "log"
        command = [
            program,
            f"--config.file={self.configuration}",
            f"--storage.path={self._directory.name}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            *self._flags,
        ]
        with self.log.open("wb") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the program is the caller's choice
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            except OSError as error:
                self._directory.cleanup()
                raise Unusable(f"{program} does not start: {error.strerror}") from error
        try:
            self._wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """End it, and forget what it stored."""
        self._process.terminate()
        self._process.wait(_PATIENCE)
        self._directory.cleanup()

    def _wait_ready(self) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, Unusable):
                self.request("GET", "/-/ready")
                return
            time.sleep(0.02)
        lines = self.log.read_text(errors="replace").splitlines()
        raise Unusable("Alertmanager does not get ready:\n" + "\n".join(lines[-3:]))

    def request(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Ask it something, in JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise Unusable(
                f"Alertmanager answers {method} {path} with {answer.status}: {text.decode(errors='replace').strip()}"
            )
        return json.loads(text) if text.startswith((b"[", b"{")) else None

    def post(self, alerts: Iterable[Mapping[str, object]]) -> None:
        """Hand over alerts, in the form that the API takes."""
        self.request("POST", "/api/v2/alerts", list(alerts))

    def states(self) -> list[State]:
        """Read all alerts that are firing, with the state of each at this moment."""
        return [
            State(alert["labels"], alert["fingerprint"], alert["status"]["state"], alert["status"]["inhibitedBy"])
            for alert in self.request("GET", "/api/v2/alerts")
        ]


def firing(labels: Labels, annotations: Labels | None = None, since: datetime | None = None) -> dict[str, object]:
    """Make an alert that is firing, for an hour if nobody says otherwise."""
    now = datetime.now(UTC)
    return {
        "labels": dict(labels),
        "annotations": dict(annotations or {}),
        "startsAt": (since or now).isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
    }


def resolved(labels: Labels, annotations: Labels | None = None, since: datetime | None = None) -> dict[str, object]:
    """Make an alert that has been resolved since this moment."""
    now = datetime.now(UTC)
    return {
        **firing(labels, annotations, since),
        "startsAt": (since or now - timedelta(minutes=1)).isoformat(),
        "endsAt": now.isoformat(),
    }


@dataclass(frozen=True)
class Case:
    """Alerts that are there together, and what is to become of them."""

    name: str
    firing: Mapping[str, Labels]
    resolved: frozenset[str]
    suppressed: Mapping[str, frozenset[str]]


class Verdict(NamedTuple):
    """What became of a case: no problems, or each in a sentence."""

    case: Case
    problems: tuple[str, ...]


def read_rules(configuration: Path) -> list[object]:
    """Read the inhibition rules of a configuration."""
    rules = _read(configuration).get("inhibit_rules")
    if not isinstance(rules, list) or not rules:
        raise Unusable(f"{configuration}: it has no inhibit_rules")
    return rules


def read_cases(file: Path) -> list[Case]:
    """Read a file of cases."""
    cases = _read(file).get("cases")
    if not isinstance(cases, list) or not cases:
        raise Unusable(f"{file}: it has no list of cases")
    return [_case(raw, f"{file}: case {number}") for number, raw in enumerate(cases, 1)]


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{file}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unusable(f"{file}: it is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise Unusable(f"{file}: it is no mapping")
    return content


def _case(raw: object, place: str) -> Case:
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        raise Unusable(f"{place}: it has no name")
    place = f"{place} ({raw['name']})"
    unknown = raw.keys() - {"name", "firing", "resolved", "suppressed"}
    if unknown:
        raise Unusable(f"{place}: unknown key {', '.join(sorted(unknown))}")
    alerts, over, muted = raw.get("firing") or {}, raw.get("resolved") or [], raw.get("suppressed") or {}
    if not (isinstance(alerts, dict) and alerts and isinstance(over, list) and isinstance(muted, dict)):
        raise Unusable(f"{place}: firing and suppressed are mappings, resolved is a list, and something is firing")
    firing = {name: _labels(labels, f"{place}: {name}") for name, labels in alerts.items()}
    if len({tuple(sorted(labels.items())) for labels in firing.values()}) < len(firing):
        raise Unusable(f"{place}: two alerts have the same labels, so Alertmanager takes them for one")
    suppressed = {name: frozenset([by] if isinstance(by, str) else by) for name, by in muted.items()}
    strange = {*over, *suppressed, *(name for by in suppressed.values() for name in by)} - firing.keys()
    if strange:
        raise Unusable(f"{place}: {', '.join(sorted(map(str, strange)))} is not among the firing")
    return Case(raw["name"], firing, frozenset(over), suppressed)


def _labels(raw: object, place: str) -> Labels:
    if not isinstance(raw, dict) or not all(isinstance(value, str | None) for value in raw.values()):
        raise Unusable(f"{place}: labels are a mapping of texts")
    return {name: value for name, value in raw.items() if value is not None}


def check(rules: Sequence[object], cases: Iterable[Case], program: str | None = None) -> Iterator[Verdict]:
    """Try cases on an Alertmanager of their own that has these inhibition rules."""
    with tempfile.TemporaryDirectory(prefix="inhibition-") as directory:
        configuration = Path(directory) / "alertmanager.yml"
        configuration.write_text(muted_configuration(rules), encoding="utf-8")
        with Alertmanager(configuration, program=program) as alertmanager:
            yield from judge(alertmanager, cases)


def muted_configuration(rules: Sequence[object]) -> str:
    """Write a configuration that has these inhibition rules, and tells nobody of anything."""
    nobody = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    return json.dumps({**nobody, "inhibit_rules": [*rules, _MARK_RULE]})


def judge(alertmanager: Alertmanager, cases: Iterable[Case]) -> Iterator[Verdict]:
    """Try cases, one after the other, on an Alertmanager that runs with such a configuration."""
    for number, case in enumerate(cases):
        yield Verdict(case, tuple(_problems(case, _try(alertmanager, case, str(number)))))


# Inhibition takes notice of alerts in the order in which they come, a moment after they were posted. A last pair of which the
# first mutes the second shows that all before them have been taken notice of.
_MARK_RULE = {
    "source_matchers": ['inhibition_check="first"'],
    "target_matchers": ['inhibition_check="second"'],
    "equal": ["inhibition_case"],
}


def _try(alertmanager: Alertmanager, case: Case, number: str) -> list[State]:
    mark = [
        {"alertname": "InhibitionCheck", "inhibition_check": which, "inhibition_case": number} for which in ("first", "second")
    ]
    alertmanager.post(firing(labels) for labels in case.firing.values())
    alertmanager.post([*(resolved(case.firing[name]) for name in case.resolved), *map(firing, mark)])
    try:
        end = time.monotonic() + _PATIENCE
        while True:
            states = alertmanager.states()
            if any(state.labels == mark[1] and state.state == "suppressed" for state in states):
                return [state for state in states if state.labels not in mark]
            if time.monotonic() > end:
                raise Unusable("Alertmanager takes no notice of inhibition rules")
            time.sleep(0.002)
    finally:
        alertmanager.post(resolved(labels) for labels in (*case.firing.values(), *mark))


def _problems(case: Case, states: list[State]) -> Iterator[str]:
    names = {tuple(sorted(labels.items())): name for name, labels in case.firing.items()}
    found = {names[tuple(sorted(state.labels.items()))]: state for state in states}
    by_fingerprint = {state.fingerprint: name for name, state in found.items()}
    for name in case.firing.keys() - case.resolved - found.keys():
        yield f"{name} is not there"
    for name, state in sorted(found.items()):
        by = {by_fingerprint.get(fingerprint, fingerprint) for fingerprint in state.inhibited_by}
        wanted = case.suppressed.get(name, frozenset())
        if name in case.resolved:
            yield f"{name} is still firing"
        elif wanted and not by:
            yield f"{name} is active, and should be muted by {' or '.join(sorted(wanted))}"
        elif by - wanted:
            right = f"muted by {' or '.join(sorted(wanted))}" if wanted else "active"
            yield f"{name} is muted by {', '.join(sorted(by))}, and should be {right}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def main(words: Sequence[str] | None = None) -> int:
    """Check the cases of files, and print what became of each."""
    parser = argparse.ArgumentParser(description="Prove the inhibition rules of an Alertmanager configuration.")
    parser.add_argument("configuration", type=Path)
    parser.add_argument("cases", type=Path, nargs="+")
    parser.add_argument("--alertmanager", metavar="PROGRAM", help=f"default: {' or '.join(PROGRAMS)}, whichever is on the PATH")
    given = parser.parse_args(words)
    failed = 0
    try:
        rules = read_rules(given.configuration)
        cases = [case for file in given.cases for case in read_cases(file)]
        for case, problems in check(rules, cases, given.alertmanager):
            print("FAIL " if problems else "ok   ", case.name)
            for problem in problems:
                print("        ", problem)
            failed += bool(problems)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(cases)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
