"""TLS as a web configuration wants it: a context of OpenSSL's, and what is wrong with the files that it is made of."""

import logging
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

from campaign_exporter.web.configuration import TlsServer
from campaign_exporter.web.vocabulary import CIPHERS, CLIENT_AUTH, CURVES, VERSIONS

_LOG = logging.getLogger(__name__)
_REFUSALS_SECONDS = 60.0
_OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
_NO_CERTIFICATE = "holds no certificate that can be read: it must be PEM text"
#: OpenSSL's reasons for refusing a key that it could read.
_MISFITS = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}
_WEAKNESSES = {"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}


class Fault(NamedTuple):
    """What is wrong with a file: the key that names it, and the words."""

    key: str
    text: str


class ServerConnection(ssl.SSLObject):
    """The server's end of a connection."""

    _outgoing: ssl.MemoryBIO | None = None
    _failure: ssl.SSLError | None = None

    def sends_through(self, outgoing: ssl.MemoryBIO) -> None:
        """Remember where what is to be sent stands."""
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        """Shake hands. A client that is refused is told so before the connection ends."""
        if self._failure:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            _tell_of_refusal(error)
            if not (self._outgoing and self._outgoing.pending):
                raise
            # asyncio sends what there is to send, an alert here, of a handshake that goes on, and not of one that fails.
            self._failure = error
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "the alert is to be sent") from None


class ServerContext(ssl.SSLContext):
    """The TLS of one reading of the configuration."""

    #: Where given, a client must have one of these names.
    allowed_sans: frozenset[str] | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as Python's own
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection."""
        connection = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(connection, ServerConnection):
            connection.sends_through(outgoing)
        return connection

    def admits(self, client: ssl.SSLObject) -> bool:
        """Tell whether a client, whose certificate is verified, has one of the names that are let in."""
        if self.allowed_sans is None:
            return True
        if self.allowed_sans.isdisjoint(names_of(client.getpeercert() or {})):
            _REFUSALS.say("its certificate is good, and has none of the names in client_allowed_sans")
            return False
        return True


def names_of(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Give the names that a certificate is issued to, as Go writes them."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in {"DNS", "email", "URI"}:
            yield name
        elif kind == "IP Address":
            with suppress(ValueError):  # OpenSSL says <invalid> where it is none
                yield str(ip_address(name))


class RenewedContext(ssl.SSLContext):
    """Gives each new connection the context in force; those that are open keep theirs.

    asyncio takes one context for the life of a server.
    """

    in_force: Callable[[], ssl.SSLContext]

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - as Python's own
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection."""
        return self.in_force().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class Refusals:
    """Tells of refused clients, each reason once a minute at most: whoever reaches the port must not fill the disk."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def say(self, reason: str) -> None:
        """Tell why a client was refused."""
        now = self._clock()
        if now - self._said.get(reason, -_REFUSALS_SECONDS) >= _REFUSALS_SECONDS:
            self._said[reason] = now
            _LOG.warning("client refused: %s", reason)


_REFUSALS = Refusals(time.monotonic)


def _tell_of_refusal(error: ssl.SSLError) -> None:
    """Tell of certificates; what else fails (scans, plain HTTP, old versions) is the noise of any port."""
    if isinstance(error, ssl.SSLCertVerificationError):
        _REFUSALS.say(f"its certificate cannot be trusted: {error.verify_message}")
    elif error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        _REFUSALS.say("it has no certificate")


def renewed_context(in_force: Callable[[], ssl.SSLContext]) -> RenewedContext:
    """Make a context that asks for the one in force at each connection."""
    context = RenewedContext(ssl.PROTOCOL_TLS_SERVER)
    context.in_force = in_force
    return context


def server_context(tls: TlsServer) -> tuple[ServerContext, list[Fault]]:
    """Make the context; with faults, it is not to be used."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslobject_class = ServerConnection
    return context, [*_load_clients(context, tls), *_load_own(context, tls), *_set_up(context, tls)]


def refused_by_clients(tls: TlsServer) -> str | None:
    """Tell why clients will refuse the certificate, such as that it has expired: a handshake with ourselves shows it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server.load_cert_chain(tls.cert_file, tls.key_file, str)
        client.load_verify_locations(tls.cert_file)
        for end in (client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)) * 2:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:  # of OpenSSL as well
        return str(getattr(error, "reason", None) or error.strerror)
    return None


def _set_up(context: ServerContext, tls: TlsServer) -> Iterator[Fault]:
    context.verify_mode = CLIENT_AUTH[tls.client_auth_type]
    context.allowed_sans = None if tls.client_allowed_sans is None else frozenset(tls.client_allowed_sans)
    context.set_alpn_protocols(["http/1.1"])
    _set_versions(context, tls)
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        _set_ciphers(context, tls)
    except ssl.SSLError:
        yield Fault("cipher_suites", f"has none that {ssl.OPENSSL_VERSION} knows: remove it for OpenSSL's own choice")
    try:
        for curve in tls.curve_preferences[:1]:
            context.set_ecdh_curve(CURVES[curve])
    except (ValueError, ssl.SSLError):
        yield Fault("curve_preferences", f"is not known to {ssl.OPENSSL_VERSION}: remove it for OpenSSL's own choice")


def _set_versions(context: ssl.SSLContext, tls: TlsServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of TLS 1.0 and 1.1: the user asks for them
        context.minimum_version = tls.lowest
        context.maximum_version = VERSIONS[tls.max_version]


def _set_ciphers(context: ssl.SSLContext, tls: TlsServer) -> None:
    """Set the cipher suites; what is older than TLS 1.2, OpenSSL allows at its lowest level of security only."""
    old = tls.lowest in _OLD
    if tls.ciphers or old:
        context.set_ciphers(":".join(tls.ciphers or CIPHERS.values()) + (":@SECLEVEL=0" if old else ""))


def _load_clients(context: ssl.SSLContext, tls: TlsServer) -> Iterator[Fault]:
    if tls.client_ca_file is None:
        return
    if not _certificates(context, tls.client_ca_file):
        yield Fault("client_ca_file", _NO_CERTIFICATE)
    # As in Go: what the file holds is trusted, whoever issued it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _load_own(context: ssl.SSLContext, tls: TlsServer) -> Iterator[Fault]:
    if not _certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), tls.cert_file):
        yield Fault("cert_file", _NO_CERTIFICATE)
    else:
        yield from _load_pair(context, tls)


def _load_pair(context: ssl.SSLContext, tls: TlsServer) -> Iterator[Fault]:
    asked = False

    def no_passphrase() -> str:
        nonlocal asked
        asked = True
        return ""

    try:
        context.load_cert_chain(tls.cert_file, tls.key_file, no_passphrase)
    except OSError as error:  # of OpenSSL as well
        reason = getattr(error, "reason", None) or ""
        if asked:
            yield Fault("key_file", "is protected by a passphrase, and nobody is there to give it: `openssl pkey` removes it")
        elif reason in _MISFITS:
            yield Fault("key_file", "does not fit the certificate in cert_file: name the two that were made together")
        elif reason in _WEAKNESSES:
            yield Fault("cert_file", f"is too weak for OpenSSL ({reason.replace('_', ' ').lower()}): make a stronger one")
        else:
            yield Fault("key_file", "holds no private key that can be read: it must be PEM text")


def _certificates(trusting: ssl.SSLContext, file: Path) -> int:
    """Load the certificates of a file as those to trust, and count them."""
    try:
        trusting.load_verify_locations(file)
    except OSError:  # of OpenSSL as well
        return 0
    return trusting.cert_store_stats()["x509"]
