"""The web configuration: a file in the exporter-toolkit's format, with every problem told at once."""

import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, RootModel, model_validator

from campaign_exporter.document import ConfigurationError, Document
from campaign_exporter.errors import SourceError
from campaign_exporter.sections import FilePath, Section, did_you_mean, section_of
from campaign_exporter.sources.files import read_file
from campaign_exporter.web.vocabulary import (
    CIPHERS,
    CIPHERS_OF_TLS13,
    CLIENT_AUTH,
    CLIENT_AUTH_UNVERIFIED,
    CURVES,
    VERSIONS,
)

#: A salt ends in one of four characters: with another, no password would ever fit.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_HIGHEST_COST = 14
#: As measured on a common server; each step of the cost doubles it.
_SECONDS_AT_COST_10 = 0.06


def _known(*names: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in names:
            raise ValueError(f"is not known: {did_you_mean(value, list(names))}")
        return value

    return AfterValidator(check)


def _readable(path: Path) -> Path:
    try:
        read_file(path)
    except SourceError as error:
        raise ValueError(str(error)) from None
    return path


def _client_auth(value: str) -> str:
    if value in CLIENT_AUTH_UNVERIFIED:
        raise ValueError(
            f"would take certificates that nobody has verified ({value}), which Python cannot: "
            "set RequireAndVerifyClientCert or VerifyClientCertIfGiven, and client_ca_file"
        )
    return value


def _user(value: str) -> str:
    if ":" in value:
        raise ValueError("a user's name cannot hold a colon: no client could send it")
    return value


def _hash(value: str) -> str:
    found = _BCRYPT.fullmatch(value)
    if not found:
        raise ValueError("is no bcrypt hash, which begins with $2y$, $2b$ or $2a$ and has 60 characters: make one")
    cost = int(found[1])
    if cost > _HIGHEST_COST:
        seconds = _SECONDS_AT_COST_10 * 2 ** (cost - 10)
        raise ValueError(
            f"has the cost {cost}: each password that is tried would take about {seconds:,.0f} s of a processor, and a scrape "
            f"gives up before: make it anew with a cost of 10, at most {_HIGHEST_COST}"
        )
    return value


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be one line of ASCII text")
    return value


ReadableFile = Annotated[FilePath, AfterValidator(_readable)]
Version = Annotated[str, _known(*VERSIONS)]
HeaderText = Annotated[str, AfterValidator(_header)]


class _Blankable(Section):
    """A section of the toolkit: what is left blank counts as left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:  # noqa: ANN401 - the file may hold anything here
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None and value != ""}


class TlsServer(_Blankable):
    """How to serve TLS, and which clients to let in."""

    cert_file: ReadableFile
    key_file: ReadableFile
    client_auth_type: Annotated[str, AfterValidator(_client_auth), _known(*CLIENT_AUTH)] = "NoClientCert"
    client_ca_file: ReadableFile | None = None
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: Version = "TLS12"
    max_version: Version = "TLS13"
    cipher_suites: tuple[Annotated[str, _known(*CIPHERS, *CIPHERS_OF_TLS13)], ...] = ()
    prefer_server_cipher_suites: bool = True
    curve_preferences: tuple[Annotated[str, _known(*CURVES)], ...] = ()

    @property
    def lowest(self) -> ssl.TLSVersion:
        """The lowest version that is served."""
        given = VERSIONS[self.min_version]
        return given if self.ciphers or not self.cipher_suites else max(given, ssl.TLSVersion.TLSv1_3)

    @property
    def ciphers(self) -> tuple[str, ...]:
        """The cipher suites up to TLS 1.2, in OpenSSL's words; none given means OpenSSL's own choice."""
        return tuple(CIPHERS[name] for name in self.cipher_suites if name in CIPHERS)

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Tell what does not go together, or cannot be served here: the key, and what is wrong."""
        yield from self._client_contradictions()
        if self.lowest > VERSIONS[self.max_version]:
            key = "min_version" if self.lowest == VERSIONS[self.min_version] else "cipher_suites"
            yield key, f"leaves nothing to serve with max_version {self.max_version}: change one of the two"
        here = {"TLS10": ssl.HAS_TLSv1, "TLS11": ssl.HAS_TLSv1_1}
        for key, version in (("min_version", self.min_version), ("max_version", self.max_version)):
            if not here.get(version, True):
                yield key, f"{version} is not in {ssl.OPENSSL_VERSION}, which serves this exporter: set TLS12"
        if len(set(self.curve_preferences)) > 1:
            yield (
                "curve_preferences",
                "can hold to a single curve here: name the best one, or remove it for OpenSSL's own choice",
            )

    def _client_contradictions(self) -> Iterator[tuple[str, str]]:
        verified = self.client_auth_type != "NoClientCert"
        if self.client_ca_file and not verified:
            yield "client_ca_file", "is of no use without client_auth_type: set it to RequireAndVerifyClientCert"
        if verified and not self.client_ca_file:
            yield "client_auth_type", "needs client_ca_file: name the authority whose clients are trusted"
        if self.client_allowed_sans is not None and self.client_auth_type != "RequireAndVerifyClientCert":
            yield "client_allowed_sans", "needs client_auth_type RequireAndVerifyClientCert: set it"
        if self.client_allowed_sans == ():
            yield "client_allowed_sans", "lets nobody in: name the clients, or remove it"


class Headers(_Blankable):
    """Headers of each answer."""

    model_config = ConfigDict(populate_by_name=False)

    content_security_policy: HeaderText = Field("", alias="Content-Security-Policy")
    x_frame_options: Literal["deny", "sameorigin", ""] = Field("", alias="X-Frame-Options")
    x_content_type_options: Literal["nosniff", ""] = Field("", alias="X-Content-Type-Options")
    x_xss_protection: HeaderText = Field("", alias="X-XSS-Protection")
    strict_transport_security: HeaderText = Field("", alias="Strict-Transport-Security")


class HttpServer(_Blankable):
    """How to answer."""

    #: Taken and of no effect: HTTP/1.1 is served.
    http2: bool = True
    headers: Headers = Headers()


class Users(RootModel[Mapping[Annotated[str, AfterValidator(_user)], Annotated[str, AfterValidator(_hash)]]]):
    """Who may ask: the bcrypt hash of a password, by the user's name."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _File(_Blankable):
    tls_server_config: object = None
    http_server_config: object = None
    basic_auth_users: object = None


class WebConfig(NamedTuple):
    """What a file holds. None: not that section."""

    tls: TlsServer | None
    http: HttpServer
    users: Mapping[str, str]


def check_web_config(document: Document) -> WebConfig:
    """Check each section for itself, so that none hides the faults of another; note all problems in the document."""
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise ConfigurationError([*document.problems, document.problem((), "must be a mapping of keys to values")])
    section_of(_File, document)
    given = {key for key, value in document.data.items() if value not in (None, {})}
    tls = section_of(TlsServer, document, ("tls_server_config",)) if "tls_server_config" in given else None
    http = section_of(HttpServer, document, ("http_server_config",)) if "http_server_config" in given else None
    users = section_of(Users, document, ("basic_auth_users",)) if "basic_auth_users" in given else None
    for key, text in tls.contradictions() if tls else ():
        document.problems.append(document.problem(("tls_server_config", key), text))
    return WebConfig(tls, http or HttpServer(), users.root if users else {})
