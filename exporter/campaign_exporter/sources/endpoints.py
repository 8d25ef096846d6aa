"""Asking Campaign's HTTP endpoints whether they are well."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from campaign_exporter.domain.answers import EventQueue, Statement, parse_ping, parse_queue, parse_redirection
from campaign_exporter.domain.resources import check_resource, expected_type
from campaign_exporter.errors import BadAnswer, SourceError, Unreadable
from campaign_exporter.sources.deadlines import Aim
from campaign_exporter.sources.exchange import SCHEMES, Exchange, Trust, exchange, place_of

Kind = Literal["redirection", "ping", "resource"]

MAXIMAL_BYTES = 1 << 20
MAXIMAL_REDIRECTS = 3

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What RFC 6265 allows in a cookie's value: nothing that could end the header.
_COOKIE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer. The duration in seconds covers the connection, redirects and the whole body.

    `certificate_ends` is the first end of a certificate on the way, in seconds since the epoch; None without TLS.
    """

    duration_seconds: float
    statement: Statement
    certificate_ends: float | None = None
    size_bytes: int = 0

    @property
    def build(self) -> str | None:
        """The server's build, where the endpoint tells it."""
        return self.statement.build


@dataclass(frozen=True, slots=True)
class Look:
    """What came of asking: an answer or an error, and beside either the HTTP status and the certificate that were seen.

    So is Message Center's queue, which is told by a good answer as well as by the one that it is full.
    """

    answer: Answer | None = None
    error: SourceError | None = None
    status: int | None = None
    certificate_ends: float | None = None
    queue: EventQueue | None = None


@dataclass(frozen=True, slots=True)
class EndpointProbe:
    """One endpoint: /r/test (redirection), ping.jsp or mcPing.jsp (ping), or any file that must be there (resource).

    `session_token` is asked anew for each check, so that a token can be replaced while we run. `aim` is one of several
    servers behind the address. `content_type` is how that of a resource must begin, None to go by the file's name.
    """

    kind: Kind
    url: str
    session_token: Callable[[], str] | None = None
    ca_file: Path | None = None
    aim: Aim | None = None
    content_type: str | None = None

    def look(self, timeout: float) -> Look:
        """Ask once, within the seconds given; what went wrong is told beside what was seen until then.

        Errors: ConnectFailed, TlsFailed, TimedOut, AuthenticationFailed, BadAnswer or Unreadable; what `session_token` and
        the reading of the CA file raise. No message holds the token or a query.
        """
        http: Exchange | None = None
        queue: EventQueue | None = None
        try:
            token = self._token()
            start = time.monotonic()
            with exchange(self.url, timeout, self._trust(), self.aim) as http:
                body, content_type = self._follow(http, token)
            duration = time.monotonic() - start
            queue = parse_queue(body) if self.kind == "ping" else None
            statement = self._judge(body, content_type, token)
        except SourceError as error:
            return Look(None, error, *(_seen(http) if http else (None, None)), queue)
        status, ends = _seen(http)
        return Look(Answer(duration, statement, ends, len(body)), None, status, ends, queue)

    def _trust(self) -> Trust:
        # A server that is named is asked directly: a proxy would choose one itself.
        return Trust(self.ca_file, proxied=self.aim is None)

    def _token(self) -> str | None:
        if self.session_token is None:
            return None
        token = self.session_token().strip()
        if not _COOKIE.fullmatch(token):
            raise Unreadable(f"{self._place}: the session token is empty, or holds characters that no cookie can carry")
        return token

    def _follow(self, http: Exchange, token: str | None) -> tuple[bytes, str]:
        """Get the body and its type, following redirects by hand: our cookie goes to our side only."""
        url = self.url
        for _ in range(MAXIMAL_REDIRECTS + 1):
            trusted = token is not None and _same_side(urlsplit(self.url), urlsplit(url))
            with http.get(url, {"Cookie": f"__sessiontoken={token}"} if trusted else {}) as response:
                if response.status_code not in _REDIRECTS:
                    return http.body(response, MAXIMAL_BYTES), response.headers.get("Content-Type", "")
                url = urljoin(url, response.headers.get("Location", ""))
            if urlsplit(url).scheme not in SCHEMES:
                raise BadAnswer(f"{self._place} redirects to what is neither http nor https")
        raise BadAnswer(f"{self._place} redirects more than {MAXIMAL_REDIRECTS} times")

    def _judge(self, body: bytes, content_type: str, token: str | None) -> Statement:
        if self.kind == "resource":
            self._judge_resource(body, content_type)
            return Statement()
        try:
            return parse_ping(body) if self.kind == "ping" else parse_redirection(body)
        except SourceError as error:
            # The answer may repeat what we sent.
            complaint = str(error).replace(token, "(token)") if token else str(error)
            raise type(error)(f"{self._place}: {complaint}") from None

    def _judge_resource(self, body: bytes, content_type: str) -> None:
        expected = expected_type(self.url) if self.content_type is None else self.content_type
        try:
            check_resource(content_type, len(body), expected)
        except BadAnswer as error:
            raise BadAnswer(f"{self._place} {error}") from None

    @property
    def _place(self) -> str:
        return place_of(self.url)


def _seen(http: Exchange) -> tuple[int | None, float | None]:
    return http.status, http.deadline.certificate_ends


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
