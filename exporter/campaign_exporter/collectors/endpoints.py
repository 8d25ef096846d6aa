"""HTTP endpoints: does the redirection server answer, can the application reach its database, are images there."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.config import Endpoint, EndpointSettings
from campaign_exporter.errors import SourceError
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.deadlines import Aim
from campaign_exporter.sources.endpoints import EndpointProbe, Look
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.files import read_secret

_PORTS = {"http": 80, "https": 443}
#: Seconds by which a round may begin early.
_EARLY = 0.5


class Probe(NamedTuple):
    """One endpoint at one server behind its address; `server` is empty where none is named."""

    endpoint: Endpoint
    server: str
    probe: EndpointProbe

    @property
    def name(self) -> str:
        """The name that failures are told under."""
        return f"{self.endpoint.name} at {self.server}" if self.server else self.endpoint.name


def _unnoted(_build: str) -> None:
    """Take no note."""


class Seen(NamedTuple):
    """What came of asking last, and when that began, on the monotonic clock."""

    look: Look
    at: float


class EndpointsCollector:
    """Asks each endpoint of an instance, at each of its servers; a ping less often, its last answer stands meanwhile.

    `note_build` is told the build that a redirection server names, each time.
    """

    name = "endpoints"

    def __init__(
        self, endpoints: tuple[Endpoint, ...], settings: EndpointSettings, note_build: Callable[[str], None] = _unnoted
    ) -> None:
        self._probes = {probe.name: probe for endpoint in endpoints for probe in probes_of(endpoint)}
        self._settings = settings
        self._note_build = note_build
        self._fanout = Fanout()
        self._seen: dict[str, Seen] = {}
        self._builds: dict[str, str] = {}

    def collect(self, current: Round) -> None:
        """Ask all endpoints that are due side by side; each fails alone."""
        now, timeout = current.clock.monotonic(), current.remaining() * 0.9
        due = {name: partial(each.probe.look, timeout) for name, each in self._probes.items() if self._due(each, now)}
        for name, result in self._fanout.run(due, current.remaining()).items():
            self._seen[name] = Seen(Look(error=result) if isinstance(result, SourceError) else result, now)
        for probe in self._probes.values():
            self._tell(current, probe, self._seen[probe.name].look)
        # The first that is known, in the order of the configuration: servers may differ, and one may be gone for a while.
        if build := next((self._builds[name] for name in self._probes if name in self._builds), None):
            self._note_build(build)

    def _due(self, probe: Probe, now: float) -> bool:
        before = self._seen.get(probe.name)
        if before is None or probe.endpoint.kind != "ping":
            return True
        return now - before.at >= self._settings.ping_interval - _EARLY

    def _tell(self, current: Round, probe: Probe, look: Look) -> None:
        labels = {"endpoint": probe.endpoint.name, "kind": probe.endpoint.kind, "address": probe.server}
        _add_seen(current.samples, look, labels)
        with current.part(probe.name) as samples:
            if look.error is not None:
                raise look.error
            if look.answer is not None:
                samples.add(catalogue.ENDPOINT_DURATION, look.answer.duration_seconds, **labels)
                samples.add(catalogue_surroundings.ENDPOINT_BYTES, look.answer.size_bytes, **labels)
                if look.answer.build:
                    self._builds[probe.name] = look.answer.build


def _add_seen(samples: Samples, look: Look, labels: dict[str, str]) -> None:
    """Add what is true of the round, be the answer good or bad."""
    samples.add(catalogue.ENDPOINT_UP, look.error is None, **labels)
    if look.status is not None:
        samples.add(catalogue_surroundings.ENDPOINT_STATUS, look.status, **labels)
    if look.certificate_ends is not None:
        samples.add(catalogue_surroundings.ENDPOINT_CERTIFICATE_END, look.certificate_ends, **labels)
    if look.queue is not None:
        place = {"endpoint": labels["endpoint"], "address": labels["address"]}
        samples.add(catalogue_surroundings.EVENT_QUEUE_LENGTH, look.queue.length, **place)
        samples.add(catalogue_surroundings.EVENT_QUEUE_LIMIT, look.queue.limit, **place)


def probes_of(endpoint: Endpoint) -> Iterator[Probe]:
    """Make the probes of an endpoint of the configuration: one for each of its servers."""
    token = None if endpoint.session_token_file is None else partial(read_secret, endpoint.session_token_file)
    for server in endpoint.addresses or ("",):
        aim = _aim(endpoint.url, server) if server else None
        probe = EndpointProbe(endpoint.kind, endpoint.url, token, endpoint.ca_file, aim, endpoint.content_type)
        yield Probe(endpoint, server, probe)


def _aim(url: str, server: str) -> Aim:
    name, place = urlsplit(url), urlsplit(f"//{server}")
    return Aim(name.hostname or "", name.port or _PORTS[name.scheme], place.hostname or "", place.port)
