"""An HTTP exchange with an end, a bound on its answer, and errors that say what they mean and never a secret."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from campaign_exporter.errors import AuthenticationFailed, BadAnswer, ConnectFailed, SourceError, TimedOut, TlsFailed
from campaign_exporter.sources.deadlines import Aim, Deadline, DeadlineAdapter
from campaign_exporter.sources.files import read_file

SCHEMES = frozenset({"http", "https"})

_CHUNK = 1 << 14
_OK = 200
_REFUSALS = frozenset({401, 403})
# identity: the bound on the answer is one on what we keep, and nothing small unpacks to something large.
_HEADERS = {"User-Agent": "campaign-exporter", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom to believe, and as whom to go. `certificate` is ours, as the files of certificate and key."""

    ca_file: Path | None = None
    certificate: tuple[Path, Path] | None = None
    proxied: bool = True

    def check(self) -> None:
        """Read the files: the errors are clearer than those of requests. Raises Missing, PermissionDenied or Unreadable."""
        for file in (self.ca_file, *(self.certificate or ())):
            if file is not None:
                read_file(file)


@dataclass(slots=True)
class Exchange:
    """A session under a deadline; `place` is the address for messages, `status` that of the last answer, None without one."""

    place: str
    session: requests.Session
    deadline: Deadline
    trust: Trust
    status: int | None = None

    def get(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """Ask for an address. A redirect is an answer: requests would carry our secrets wherever it is sent."""
        certificate = self.trust.certificate
        response = self.session.get(
            url,
            headers={**_HEADERS, **headers},
            timeout=self.deadline.remaining,
            allow_redirects=False,
            stream=True,
            verify=str(self.trust.ca_file) if self.trust.ca_file else True,
            cert=(str(certificate[0]), str(certificate[1])) if certificate else None,
            # HTTPS_PROXY is how many sites reach their own public addresses; NO_PROXY keeps the inner ones direct.
            proxies=get_environ_proxies(url) if self.trust.proxied else {},
        )
        self.status = response.status_code
        return response

    def body(self, response: requests.Response, maximal_bytes: int) -> bytes:
        """Read the whole body of a good answer, as it is sent."""
        if response.status_code in _REFUSALS:
            raise AuthenticationFailed(f"{self.place} refused us with HTTP status {response.status_code}")
        if response.status_code != _OK:
            raise BadAnswer(f"{self.place} answered with HTTP status {response.status_code}")
        body = bytearray()
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > maximal_bytes:
                raise BadAnswer(f"{self.place} answered with more than {maximal_bytes} bytes")
        if self.deadline.passed:  # without an announced length, the cut of the connection looks like the end of the body
            raise TimeoutError
        return bytes(body)


@contextmanager
def exchange(url: str, timeout: float, trust: Trust, aim: Aim | None = None) -> Iterator[Exchange]:
    """Open an exchange that ends within the seconds given, whatever the other side does; `aim` is a server to ask.

    Raises ConnectFailed, TlsFailed, TimedOut, AuthenticationFailed or BadAnswer for what happens inside, and what the reading
    of the files raises. No message holds a query.
    """
    trust.check()
    place = place_of(url)
    with Deadline(timeout, aim) as deadline, requests.Session() as session:
        # Else requests would send passwords from ~/.netrc, and trust what REQUESTS_CA_BUNDLE names.
        session.trust_env = False
        for scheme in SCHEMES:
            session.mount(f"{scheme}://", DeadlineAdapter())
        try:
            yield Exchange(place, session, deadline, trust)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            late = deadline.passed or isinstance(error, requests.Timeout | TimeoutError) or _caused_by(error, TimeoutError)
            failure = TimedOut(f"{place}: no whole answer within {timeout:.3g} s") if late else _failure(place, error)
            raise failure from None  # the cause holds the address with its query


def place_of(url: str) -> str:
    """Give the address for messages: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _failure(place: str, error: Exception) -> SourceError:
    if isinstance(error, requests.exceptions.SSLError) or _caused_by(error, ssl.SSLError):
        return TlsFailed(f"{place}: {_why(error)}")
    if isinstance(error, requests.exceptions.ProxyError):
        return ConnectFailed(f"{place}: the proxy of the environment fails: mend it, or set NO_PROXY")
    if isinstance(error, ValueError):  # also requests' InvalidURL and its like
        return BadAnswer(f"{place}: the address, or one that it redirects to, is not valid")
    return ConnectFailed(f"{place}: {_why(error)}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        # What breaks while an answer is read, urllib3 hands on as an argument.
        inner = next((each for each in current.args if isinstance(each, BaseException)), None)
        current = current.__cause__ or current.__context__ or inner


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    return any(isinstance(each, kind) for each in _causes(error))


def _why(error: BaseException) -> str:
    """Say in the operating system's words what broke. Never str(error): it holds the address with its query."""
    for each in _causes(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"its certificate is not to be trusted: {each.verify_message}"
        if isinstance(each, ssl.SSLError):
            return f"the TLS handshake failed: {each.reason or each.strerror}"
        if isinstance(each, OSError) and not isinstance(each, requests.RequestException) and each.strerror:
            return f"the connection failed: {each.strerror}"
    return "the connection broke"
