"""HTTP endpoints: does the redirection server answer, can the application reach its database, are images there."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.config import Endpoint
from campaign_exporter.errors import SourceError
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.deadlines import Aim
from campaign_exporter.sources.endpoints import EndpointProbe, Look
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.files import read_secret

_PORTS = {"http": 80, "https": 443}


class Probe(NamedTuple):
    """One endpoint at one server behind its address; `server` is empty where none is named."""

    endpoint: Endpoint
    server: str
    probe: EndpointProbe

    @property
    def name(self) -> str:
        """The name that failures are told under."""
        return f"{self.endpoint.name} at {self.server}" if self.server else self.endpoint.name


class EndpointsCollector:
    """Asks each endpoint of an instance, at each of its servers."""

    name = "endpoints"

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._probes = {probe.name: probe for endpoint in endpoints for probe in probes_of(endpoint)}
        self._fanout = Fanout()
        #: The build that a redirection server named last.
        self.build: str | None = None

    def collect(self, current: Round) -> None:
        """Ask all endpoints side by side; each fails alone."""
        timeout = current.remaining() * 0.9
        tasks = {name: partial(each.probe.look, timeout) for name, each in self._probes.items()}
        for name, result in self._fanout.run(tasks, current.remaining()).items():
            look = Look(error=result) if isinstance(result, SourceError) else result
            endpoint, server, _ = self._probes[name]
            labels = {"endpoint": endpoint.name, "kind": endpoint.kind, "address": server}
            _add_seen(current.samples, look, labels)
            with current.part(name) as samples:
                if look.error is not None:
                    raise look.error
                if look.answer is not None:
                    samples.add(catalogue.ENDPOINT_DURATION, look.answer.duration_seconds, **labels)
                    samples.add(catalogue_surroundings.ENDPOINT_BYTES, look.answer.size_bytes, **labels)
                    self.build = look.answer.build or self.build


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
