"""A host that is seen by an agent: another exporter beside it, whose /metrics tells its facts."""

import base64
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from campaign_exporter import config
from campaign_exporter.diagnosis.facts import Host
from campaign_exporter.domain.host_facts import Declared, Files, Processes, Usage
from campaign_exporter.domain.mta_log import Position
from campaign_exporter.errors import BadAnswer, Missing, SourceError, Unreadable
from campaign_exporter.sources.agent_reports import HostReport, Report, Told, read_report
from campaign_exporter.sources.exchange import Trust, exchange, place_of
from campaign_exporter.sources.files import read_file, read_secret
from campaign_exporter.sources.findings import Finding, Readers, Remembered
from campaign_exporter.sources.local_hosts import ASKED

T = TypeVar("T")

# As much as a command or a file of a host may say. A host has some hundred series, so that this holds many hosts.
MAXIMAL_BYTES = 4 << 20
# An agent answers from memory, so that half of a round is long; others wait for the same answer in the rest.
_SHARE = 1 / 2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip", "Cache-Control": "no-cache"}
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent at an address, asked about one instance. Its secrets are read anew each time, so that they can be replaced."""

    settings: config.Agent
    instance: str

    def read(self, timeout: float) -> Report:
        """Ask once, within a share of the seconds given.

        Raises what an exchange raises, Unreadable or Missing for what read_report does not take, and what the reading of
        files raises. No message holds a secret.
        """
        url, headers = self.settings.url, {**_HEADERS, **self._authorization()}
        with exchange(url, timeout * _SHARE, self._trust()) as http, http.get(url, headers) as response:
            if response.status_code in _REDIRECTS:
                raise BadAnswer(f"{self._place} redirects: name the address that it leads to")
            body = http.body(response, MAXIMAL_BYTES)
            coding, date = response.headers.get("Content-Encoding", ""), response.headers.get("Date", "")
        try:
            return read_report(_text(body, coding), self.instance, _moment(date))
        except SourceError as error:
            raise type(error)(f"{self._place}: {error}") from None

    @property
    def _place(self) -> str:
        return place_of(self.settings.url)

    def _trust(self) -> Trust:
        # Past the proxies of the environment: agents are inside, and their secrets are for them alone.
        return Trust(self.settings.ca_file, self._certificate(), proxied=False)

    def _certificate(self) -> tuple[Path, Path] | None:
        certificate = self.settings.cert_file
        if certificate is None:
            return None
        key = self.settings.key_file or certificate
        content, _ = read_file(key)
        if b"PRIVATE KEY-----" not in content or b"ENCRYPTED" in content:
            raise Unreadable(f"{key} holds no private key, or one with a pass phrase: name one without in key_file")
        return certificate, key

    def _authorization(self) -> Mapping[str, str]:
        file = self.settings.password_file
        if self.settings.username is None or file is None:
            return {}
        pair = f"{self.settings.username}:{read_secret(file)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


class AgentHost:
    """What an agent tells of one host for one instance. Hosts of one agent share its answers."""

    def __init__(self, name: str, name_there: str, report: Remembered[Report]) -> None:
        self.name = name
        self._name_there = name_there
        self._report = report

    @property
    def declares(self) -> bool:
        """Whether IP affinities can be known of this host: not if the agent says that it does not read its configuration."""
        report = self._known()
        return report is None or report.configuration.up is not None

    @property
    def build(self) -> str | None:
        """The build of the server processes, where it is known."""
        report = self._report.known()
        return report.build if report is not None else None

    def expectations(self) -> Readers[Declared]:
        """Say nothing: an agent tells which modules are to run together with those that do."""
        return {}

    def processes(self) -> Readers[Processes]:
        """Say how to learn which processes run."""
        return {self.name: partial(self._read, lambda report: report.processes)}

    def declarations(self) -> Readers[Declared]:
        """Say how to learn what the configuration declares."""
        return {self.name: partial(self._read, lambda report: report.configuration)}

    def directories(self) -> Readers[Mapping[str, Usage]]:
        """Say how to learn how full the directories are."""
        return {self.name: partial(self._read, lambda report: report.directories)}

    def files(self, positions: Mapping[str, Position]) -> Readers[Files]:  # noqa: ARG002 - an agent keeps its own
        """Say how to learn what lies in Campaign's folders, and how many lines of its log the agent has counted."""
        return {self.name: partial(self._read, lambda report: report.files)}

    def public_ids(self) -> Mapping[str, frozenset[int]] | None:
        """Give the publicIds of each IP affinity, None where the configuration is not known."""
        report = self._known()
        declared = report.configuration.value if report is not None else None
        return None if declared is None else declared.public_ids

    def lost(self, error: SourceError) -> Finding[Any]:
        """Make a finding of a look that failed: nobody knows what the agent would have said."""
        return Finding(self.name, up=None, error=error, reached=False)

    def known(self) -> Host:
        """Put together what is known, for a diagnosis."""
        report = self._known()
        if report is None:
            return Host()
        processes = report.processes.value or Processes()
        declared = report.configuration.value
        return Host(
            expected=processes.expected,
            up=_asked(processes, whole=report.processes.up is True),
            affinities=None if declared is None else declared.affinities,
            preparation_seconds=None if declared is None else declared.preparation_seconds,
        )

    def _known(self) -> HostReport | None:
        report = self._report.known()
        try:
            return report.host(self._name_there) if report is not None else None
        except Missing:
            return None

    def _read(self, pick: Callable[[HostReport], Told[T]], timeout: float) -> Finding[T]:
        report, read_at = self._report.read(timeout)
        told = pick(report.host(self._name_there))
        return Finding(self.name, told.up, told.value, read_at, told.error, reached=True)


def _asked(processes: Processes, *, whole: bool) -> Mapping[str, bool]:
    """Add what the counts tell of modules that are not to run here: what runs is counted, so that the rest does not."""
    counted = {module: True for module in ASKED if processes.counts.get(module)}
    idle = whole and processes.expected is not None and bool(processes.counts)
    others = dict.fromkeys(ASKED - (processes.expected or frozenset()), False) if idle else {}
    return others | counted | dict(processes.up)


def _text(body: bytes, coding: str) -> str:
    if coding.lower() in {"gzip", "x-gzip"}:
        body = _unpacked(body)
    elif coding.lower() not in {"", "identity"}:
        raise Unreadable("the answer is packed in a way that was not asked for")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Unreadable("the answer is not UTF-8 text") from None


def _unpacked(body: bytes) -> bytes:
    """Unpack within the bound: something small can unpack to something very large."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(body, MAXIMAL_BYTES + 1)
    except zlib.error:
        raise Unreadable("the answer cannot be unpacked") from None
    if len(text) > MAXIMAL_BYTES:
        raise Unreadable(f"the answer unpacks to more than {MAXIMAL_BYTES} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise Unreadable("the answer is cut off, or goes on behind its end")
    return text


def _moment(date: str) -> float:
    """Read the Date of an answer, which is the agent's clock."""
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise Unreadable("the answer has no Date, so that the age of its facts cannot be told") from None
