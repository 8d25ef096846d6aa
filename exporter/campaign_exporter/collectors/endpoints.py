"""HTTP endpoints: does the redirection server answer, can the application reach its database, are images there."""

from functools import partial

from campaign_exporter import catalogue
from campaign_exporter.config import Endpoint
from campaign_exporter.errors import SourceError
from campaign_exporter.rounds import Round
from campaign_exporter.sources.endpoints import EndpointProbe
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.files import read_secret


class EndpointsCollector:
    """Asks each endpoint of an instance."""

    name = "endpoints"

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._probes = {endpoint.name: probe_of(endpoint) for endpoint in endpoints}
        self._fanout = Fanout()
        #: The build that a redirection server named last.
        self.build: str | None = None

    def collect(self, current: Round) -> None:
        """Ask all endpoints side by side; each fails alone."""
        timeout = current.remaining() * 0.9
        tasks = {name: partial(probe.check, timeout) for name, probe in self._probes.items()}
        for name, answer in self._fanout.run(tasks, current.remaining()).items():
            labels = {"endpoint": name, "kind": self._endpoints[name].kind}
            current.samples.add(catalogue.ENDPOINT_UP, not isinstance(answer, SourceError), **labels)
            with current.part(name) as samples:
                if isinstance(answer, SourceError):
                    raise answer
                samples.add(catalogue.ENDPOINT_DURATION, answer.duration_seconds, **labels)
                self.build = answer.build or self.build


def probe_of(endpoint: Endpoint) -> EndpointProbe:
    """Make the probe of an endpoint of the configuration."""
    token = endpoint.session_token_file
    return EndpointProbe(endpoint.kind, endpoint.url, None if token is None else partial(read_secret, token), endpoint.ca_file)
