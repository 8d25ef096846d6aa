"""An endpoint asked at each of the servers behind its address: real HTTPS on loopback, under a name that nobody resolves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.collectors.endpoints import EndpointsCollector, probes_of
from campaign_exporter.config import Endpoint, EndpointSettings
from campaign_exporter.errors import BadAnswer, ConnectFailed, TimedOut, TlsFailed
from campaign_exporter.metric import Metric
from campaign_exporter.rounds import Round, SystemClock
from campaign_simulator.endpoints import QUEUE_LIMIT, SESSION_TOKEN, Endpoints
from integration.hosts.sites import Behaviour, Site, answer, serving

NAME = "res.example"
PICTURE = b"\x89PNG\r\n\x1a\n and so on"
PNG = answer(PICTURE, Content_Type="image/png")
ENDS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


@pytest.fixture
def certificates(authority: trustme.CA, tmp_path: Path) -> Callable[..., Path]:
    def make(name: str = NAME, ends: datetime = ENDS) -> Path:
        file = tmp_path / f"{name}-{ends:%s}.pem"
        authority.issue_cert(name, not_after=ends).private_key_and_cert_chain_pem.write_to_path(str(file))
        return file

    return make


def endpoint(ca_file: Path, *sites: Site, path: str = "/res/prod/probe.png", **more: object) -> Endpoint:
    addresses = [site.url.rpartition("/")[2] for site in sites]
    given = {"name": "images", "kind": "resource", "url": f"https://{NAME}{path}", "ca_file": ca_file, "addresses": addresses}
    return Endpoint.model_validate(given | more)


def looked(*endpoints: Endpoint, seconds: float = 5.0) -> Round:
    clock = SystemClock()
    current = Round(clock, clock.monotonic() + seconds)
    EndpointsCollector(endpoints, EndpointSettings()).collect(current)
    return current


def told(current: Round, metric: Metric) -> list[float]:
    """List what is told, in the order in which the servers are named."""
    samples = [*current.samples, *(sample for part in current.parts.values() for sample in part)]
    return [sample.value for sample in samples if sample.metric is metric]


def test_each_server_is_asked_under_the_name(ca_file: Path, certificates: Callable[..., Path]) -> None:
    hosts: list[str | None] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        hosts.append(request.headers.get("Host"))
        PNG(request)

    both, soon = certificates(), certificates(ends=ENDS - timedelta(days=30))
    with serving(note, certificate=both) as one, serving(note, certificate=soon) as two:
        asked = endpoint(ca_file, one, two)
        current = looked(asked)
    assert hosts == [NAME, NAME]
    assert told(current, catalogue.ENDPOINT_UP) == [1, 1]
    assert told(current, catalogue_surroundings.ENDPOINT_STATUS) == [200, 200]
    assert told(current, catalogue_surroundings.ENDPOINT_BYTES) == [len(PICTURE)] * 2
    ends = [ENDS.timestamp(), (ENDS - timedelta(days=30)).timestamp()]
    assert told(current, catalogue_surroundings.ENDPOINT_CERTIFICATE_END) == ends
    assert [sample.labels for sample in current.samples if sample.metric is catalogue.ENDPOINT_UP] == [
        ("images", "resource", address) for address in asked.addresses
    ]


def test_one_server_fails_alone(ca_file: Path, certificates: Callable[..., Path]) -> None:
    good, other = certificates(), certificates("other.example")
    login = answer(b"<html>Please log in</html>", Content_Type="text/html")
    with (
        serving(PNG, certificate=good) as well,
        serving(PNG, certificate=other) as strange,
        serving(login, certificate=good) as lost,
        serving(answer(b"", 500), certificate=good) as broken,
    ):
        current = looked(endpoint(ca_file, well, strange, lost, broken))
    assert told(current, catalogue.ENDPOINT_UP) == [1, 0, 0, 0]
    assert told(current, catalogue_surroundings.ENDPOINT_STATUS) == [200, 200, 500]
    assert len(told(current, catalogue_surroundings.ENDPOINT_CERTIFICATE_END)) == 3, "a bad answer shows its certificate too"
    assert [type(error) for error in current.failures.values()] == [TlsFailed, BadAnswer, BadAnswer]
    assert len(told(current, catalogue_surroundings.ENDPOINT_BYTES)) == 1


def test_a_server_that_is_not_there_or_does_not_answer(ca_file: Path, certificates: Callable[..., Path]) -> None:
    with serving(PNG) as gone:
        pass
    with serving(lambda _: time.sleep(3), certificate=certificates()) as slow:
        current = looked(endpoint(ca_file, gone, slow), seconds=1.0)
    assert told(current, catalogue.ENDPOINT_UP) == [0, 0]
    assert told(current, catalogue_surroundings.ENDPOINT_STATUS) == []
    assert [type(error) for error in current.failures.values()] == [ConnectFailed, TimedOut]


def test_redirects_stay_at_the_server(ca_file: Path, certificates: Callable[..., Path]) -> None:
    def behave(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/old.png":
            answer(b"", 301, Location=f"https://{NAME}/new.png")(request)
        else:
            PNG(request)

    with serving(behave, certificate=certificates()) as site:
        (probe,) = probes_of(endpoint(ca_file, site, path="/old.png"))
        look = probe.probe.look(5)
        assert look.answer is not None
        assert look.answer.size_bytes == len(PICTURE)
    assert [path for path, _ in site.seen] == ["/old.png", "/new.png"]


def test_a_full_queue_of_message_center_is_down_and_still_told(ca_file: Path, certificates: Callable[..., Path]) -> None:
    certificate = certificates()
    with (
        serving(answer(b"Ok\n2021-08-27 15:43:48.862Z\n7/400 pending events"), certificate=certificate) as well,
        serving(answer(b"Error\nThe queue is full (400/400)"), certificate=certificate) as full,
        serving(answer(b"OK\n2021-08-27 15:43:48.862Z\n"), certificate=certificate) as silent,
    ):
        asked = endpoint(ca_file, well, full, silent, kind="ping", path="/nl/jsp/mcPing.jsp")
        current = looked(asked)
    assert told(current, catalogue.ENDPOINT_UP) == [1, 0, 1]
    assert told(current, catalogue_surroundings.EVENT_QUEUE_LENGTH) == [7, 400]
    assert told(current, catalogue_surroundings.EVENT_QUEUE_LIMIT) == [400, 400]
    assert [type(error) for error in current.failures.values()] == [BadAnswer]
    assert [each.labels for each in current.samples if each.metric is catalogue_surroundings.EVENT_QUEUE_LENGTH] == [
        ("images", address) for address in asked.addresses[:2]
    ]


def test_the_simulated_queue_moves_and_fills_up(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(SESSION_TOKEN)
    simulated = Endpoints("prod")
    simulated.start()
    try:
        url = f"{simulated.url}/nl/jsp/mcPing.jsp"
        asked = Endpoint(name="events", kind="ping", url=url, session_token_file=tmp_path / "token")
        well = looked(asked)
        simulated.queue_full = True
        full = looked(asked)
    finally:
        simulated.stop()
    assert told(well, catalogue.ENDPOINT_UP) == [1]
    assert told(well, catalogue_surroundings.EVENT_QUEUE_LENGTH)[0] < 12
    assert told(full, catalogue.ENDPOINT_UP) == [0]
    assert told(full, catalogue_surroundings.EVENT_QUEUE_LENGTH) == [QUEUE_LIMIT]
    assert told(full, catalogue_surroundings.EVENT_QUEUE_LIMIT) == [QUEUE_LIMIT]


@contextmanager
def as_type(content_type: str) -> Iterator[Site]:
    behave: Behaviour = answer(b"x", Content_Type=content_type)
    with serving(behave) as site:
        yield site


@pytest.mark.parametrize(
    ("path", "sent", "wanted", "good"),
    [
        ("/a.png", "image/png", None, True),
        ("/a.PNG", "Image/PNG; x=y", None, True),
        ("/a.png", "text/html", None, False),
        ("/a.png", "", None, False),
        ("/a.png", "application/octet-stream", "application/", True),
        ("/a.png", "text/html", "", True),
        ("/a.css", "text/css", None, True),
        ("/a", "text/html", "image/", False),
    ],
)
def test_the_type_must_be_that_of_the_file(path: str, sent: str, wanted: str | None, good: bool) -> None:  # noqa: FBT001 - a table
    with as_type(sent) as site:
        asked = Endpoint(name="a", kind="resource", url=site.url + path, content_type=wanted)
        current = looked(asked)
    assert told(current, catalogue.ENDPOINT_UP) == [good]


def test_names_of_certificates_are_checked_by_the_name_and_not_by_the_server(
    ca_file: Path, certificates: Callable[..., Path]
) -> None:
    with serving(PNG, certificate=certificates("localhost")) as site:
        port = site.url.rpartition(":")[2]
        current = looked(endpoint(ca_file, site, addresses=[f"localhost:{port}"]))
    assert isinstance(current.failures[f"images at localhost:{port}"], TlsFailed)
