"""Asking Campaign's HTTP endpoints whether they are well."""

import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from campaign_exporter.domain.answers import Statement, parse_ping, parse_redirection
from campaign_exporter.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectFailed,
    SourceError,
    TimedOut,
    TlsFailed,
    Unreadable,
)
from campaign_exporter.sources.deadlines import Deadline, DeadlineAdapter
from campaign_exporter.sources.files import read_file

Kind = Literal["redirection", "ping", "resource"]

MAXIMAL_BYTES = 1 << 20
MAXIMAL_REDIRECTS = 3

_CHUNK = 1 << 14
_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSALS = frozenset({401, 403})
_SCHEMES = frozenset({"http", "https"})
# What RFC 6265 allows in a cookie's value: nothing that could end the header.
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")
# identity: the bound on the answer is one on what we keep, and nothing small unpacks to something large.
_HEADERS = {"User-Agent": "campaign-exporter", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer. The duration in seconds covers the connection, redirects and the whole body."""

    duration_seconds: float
    statement: Statement

    @property
    def build(self) -> str | None:
        """The server's build, where the endpoint tells it."""
        return self.statement.build


@dataclass(frozen=True, slots=True)
class EndpointProbe:
    """One endpoint: /r/test (redirection), ping.jsp or mcPing.jsp (ping), or any file that must be there (resource).

    `session_token` is asked anew for each check, so that a token can be replaced while we run.
    """

    kind: Kind
    url: str
    session_token: Callable[[], str] | None = None
    ca_file: Path | None = None

    def check(self, timeout: float) -> Answer:
        """Ask once, within the seconds given.

        Raises ConnectFailed, TlsFailed, TimedOut, AuthenticationFailed, BadAnswer or Unreadable; what `session_token` and
        the reading of the CA file raise. No message holds the token or a query.
        """
        if self.ca_file is not None:
            read_file(self.ca_file)  # its errors are clearer than those of requests
        token = self._token()
        start = time.monotonic()
        with Deadline(timeout) as deadline, requests.Session() as session:
            # Else requests would send passwords from ~/.netrc, and trust what REQUESTS_CA_BUNDLE names.
            session.trust_env = False
            for scheme in _SCHEMES:
                session.mount(f"{scheme}://", DeadlineAdapter())
            try:
                body = self._follow(session, token, deadline)
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                raise self._failure(error, deadline, timeout) from None  # the cause holds the address with its query
        duration = time.monotonic() - start
        return Answer(duration, self._judge(body, token))

    def _token(self) -> str | None:
        if self.session_token is None:
            return None
        token = self.session_token().strip()
        if not _COOKIE.fullmatch(token):
            raise Unreadable(f"{self._place}: the session token is empty, or holds characters that no cookie can carry")
        return token

    def _follow(self, session: requests.Session, token: str | None, deadline: Deadline) -> bytes:
        """Get the body, following redirects by hand: requests would carry our cookie wherever it is sent."""
        url = self.url
        for _ in range(MAXIMAL_REDIRECTS + 1):
            with self._get(session, url, token, deadline) as response:
                if response.status_code not in _REDIRECTS:
                    return self._body(response, deadline)
                url = urljoin(url, response.headers.get("Location", ""))
            if urlsplit(url).scheme not in _SCHEMES:
                raise BadAnswer(f"{self._place} redirects to what is neither http nor https")
        raise BadAnswer(f"{self._place} redirects more than {MAXIMAL_REDIRECTS} times")

    def _get(self, session: requests.Session, url: str, token: str | None, deadline: Deadline) -> requests.Response:
        trusted = token is not None and _same_side(urlsplit(self.url), urlsplit(url))
        return session.get(
            url,
            headers=_HEADERS | ({"Cookie": f"__sessiontoken={token}"} if trusted else {}),
            timeout=deadline.remaining,
            allow_redirects=False,
            stream=True,
            verify=str(self.ca_file) if self.ca_file else True,
            # HTTPS_PROXY is how many sites reach their own public addresses; NO_PROXY keeps the inner ones direct.
            proxies=get_environ_proxies(url),
        )

    def _body(self, response: requests.Response, deadline: Deadline) -> bytes:
        if response.status_code in _REFUSALS:
            raise AuthenticationFailed(f"{self._place} refused us with HTTP status {response.status_code}")
        if response.status_code != _OK:
            raise BadAnswer(f"{self._place} answered with HTTP status {response.status_code}")
        body = bytearray()
        for chunk in response.raw.stream(_CHUNK, decode_content=False):
            body += chunk
            if len(body) > MAXIMAL_BYTES:
                raise BadAnswer(f"{self._place} answered with more than {MAXIMAL_BYTES} bytes")
        if deadline.passed:  # without an announced length, the cut of the connection looks like the end of the body
            raise TimeoutError
        return bytes(body)

    def _judge(self, body: bytes, token: str | None) -> Statement:
        if self.kind == "resource":
            if not body:
                raise BadAnswer(f"{self._place} answered with an empty body")
            return Statement()
        try:
            return parse_ping(body) if self.kind == "ping" else parse_redirection(body)
        except SourceError as error:
            # The answer may repeat what we sent.
            complaint = str(error).replace(token, "(token)") if token else str(error)
            raise type(error)(f"{self._place}: {complaint}") from None

    def _failure(self, error: Exception, deadline: Deadline, timeout: float) -> SourceError:
        if deadline.passed or isinstance(error, requests.Timeout | TimeoutError) or _caused_by(error, TimeoutError):
            return TimedOut(f"{self._place}: no whole answer within {timeout:.3g} s")
        if isinstance(error, requests.exceptions.SSLError) or _caused_by(error, ssl.SSLError):
            return TlsFailed(f"{self._place}: {_why(error)}")
        if isinstance(error, requests.exceptions.ProxyError):
            return ConnectFailed(f"{self._place}: the proxy of the environment fails: mend it, or set NO_PROXY")
        if isinstance(error, ValueError):  # also requests' InvalidURL and its like
            return BadAnswer(f"{self._place}: the address, or one that it redirects to, is not valid")
        return ConnectFailed(f"{self._place}: {_why(error)}")

    @property
    def _place(self) -> str:
        """The address for messages: without user, password, query and fragment."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _same_side(first: SplitResult, target: SplitResult) -> bool:
    """Tell whether a secret for the first address may travel to the target: same host and port, never from https to http."""
    if first.hostname != target.hostname:
        return False
    if first.scheme == target.scheme:
        return _port(first) == _port(target)
    # The one step up: from http to https on their own ports.
    return target.scheme == "https" and _port(first) == _DEFAULT_PORTS["http"] and _port(target) == _DEFAULT_PORTS["https"]


_DEFAULT_PORTS = {"http": 80, "https": 443}


def _port(address: SplitResult) -> int | None:
    return address.port or _DEFAULT_PORTS.get(address.scheme)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or current.__context__


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
