"""What a web configuration amounts to, and its renewal when a file changes.

A thread of its own looks at the files, so that neither a scrape nor a handshake ever waits for a disk.
"""

import logging
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from campaign_exporter.document import ConfigurationError, Problem, read_document
from campaign_exporter.errors import SourceError
from campaign_exporter.sources.files import Stamp, stamp
from campaign_exporter.web.configuration import check_web_config
from campaign_exporter.web.passwords import Passwords
from campaign_exporter.web.tls import ServerContext, refused_by_clients, server_context

_LOG = logging.getLogger(__name__)
#: A change is taken over at the second look that sees it, so that files have time to be written.
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Policy:
    """Who is let in, and how."""

    tls: ServerContext | None
    passwords: Passwords | None
    headers: tuple[tuple[bytes, bytes], ...]
    #: The files that it was read from, as they were before.
    stamps: Mapping[Path, Stamp | None]
    #: What is worth a word.
    notices: tuple[str, ...]

    @property
    def protection(self) -> str:
        """What protects the pages."""
        clients = self.tls is not None and self.tls.verify_mode == ssl.CERT_REQUIRED
        kinds = {"TLS": self.tls, "client certificates": clients, "passwords": self.passwords}
        return ", ".join(name for name, there in kinds.items() if there) or "none"


def read_policy(file: Path) -> Policy:
    """Read a web configuration and the files that it names; raise ConfigurationError with all that is wrong."""
    stamps = {file: _stamp(file)}
    document = read_document(file)
    config = check_web_config(document)
    tls = config.tls
    context = None
    if tls:
        stamps |= {each: _stamp(each) for each in (tls.cert_file, tls.key_file, tls.client_ca_file) if each}
        context, faults = server_context(tls)
        document.problems += [document.problem(("tls_server_config", fault.key), fault.text) for fault in faults]
    if document.problems:
        raise ConfigurationError(document.problems)
    why = refused_by_clients(tls) if tls else None
    headers = config.http.headers.model_dump(by_alias=True)
    return Policy(
        tls=context,
        passwords=Passwords(config.users) if config.users else None,
        headers=tuple((name.lower().encode(), value.encode()) for name, value in headers.items() if value),
        stamps=stamps,
        notices=(f"clients will refuse {tls.cert_file}: {why}",) if tls and why else (),
    )


class PolicyInForce:
    """The policy, renewed when its files change; what cannot be used leaves the old one in force."""

    def __init__(self, file: Path, policy: Policy) -> None:
        self._file = file
        self.policy = policy
        self._seen = self.policy.stamps
        self._said = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="web-config", daemon=True)

    def start(self) -> None:
        """Begin to look at the files."""
        self._tell_notices()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def look(self) -> None:
        """Read the files anew if they have changed and are at rest, or could not be used the last time."""
        stamps = {file: _stamp(file) for file in self.policy.stamps}
        at_rest, self._seen = stamps == self._seen, stamps
        if at_rest and (self._said or stamps != self.policy.stamps):
            self._renew()

    def server_context(self) -> ServerContext:
        """Give the TLS in force."""
        if self.policy.tls is None:
            raise AssertionError("TLS neither comes nor goes while serving")
        return self.policy.tls

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            self.look()

    def _renew(self) -> None:
        try:
            policy = read_policy(self._file)
            _refuse_loosened(self._file, self.policy, policy)
        except ConfigurationError as error:
            if str(error) != self._said:
                self._said = str(error)
                for problem in error.problems:
                    _LOG.error("web configuration not read again, the old one stays in force: %s", problem)
            return
        self.policy, self._said = policy, ""
        _LOG.info("web configuration read again file=%s", self._file)
        self._tell_notices()

    def _tell_notices(self) -> None:
        for notice in self.policy.notices:
            _LOG.warning("%s", notice)


def _refuse_loosened(file: Path, old: Policy, new: Policy) -> None:
    problems = [Problem(file, None, key, text) for key, text in _loosened(old, new)]
    if problems:
        raise ConfigurationError(problems)


def _loosened(old: Policy, new: Policy) -> Iterator[tuple[str, str]]:
    """Find protection that is gone: a file that is only half written looks like that, so that it takes a restart."""
    if (old.tls is None) != (new.tls is None):
        yield "tls_server_config", "came or went: this takes a restart"
    if old.passwords and not new.passwords:
        yield "basic_auth_users", "is gone: this takes a restart"
    if old.tls and new.tls and old.tls.verify_mode > new.tls.verify_mode:
        yield "tls_server_config.client_auth_type", "asks less of clients than before: this takes a restart"
    if old.tls and new.tls and old.tls.allowed_sans is not None and new.tls.allowed_sans is None:
        yield "tls_server_config.client_allowed_sans", "is gone: this takes a restart"


def _stamp(file: Path) -> Stamp | None:
    try:
        return stamp(file)
    except SourceError:
        return None
