"""Passwords: bcrypt hashes, and the right ones remembered, so that a scrape does not pay for bcrypt."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

import bcrypt

#: bcrypt looks at no more; Python's refuses what is longer, others cut it off.
_BCRYPT_BYTES = 72


class Credentials(NamedTuple):
    """What a client says of itself."""

    user: bytes
    password: bytes


def credentials_of(header: bytes) -> Credentials | None:
    """Read an Authorization header; None: it is not basic authentication."""
    scheme, _, encoded = header.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return None
    return Credentials(user, password) if colon else None


class Passwords:
    """The users of one reading of the configuration.

    Of a right password a keyed hash is remembered, one for each user, until the configuration is read anew.
    """

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = {user.encode(): text.encode() for user, text in hashes.items()}
        highest_cost = max(int(text.split("$")[2]) for text in hashes.values())
        # So that an unknown user costs as much time as a wrong password.
        self._of_nobody = bcrypt.gensalt(highest_cost) + b"." * 31
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, bytes] = {}

    def digest(self, given: Credentials) -> bytes:
        """Give what may be kept of credentials: nobody can tell from it what they were."""
        return hmac.digest(self._key, b"%b:%b" % given, "sha256")

    def remembers(self, given: Credentials, digest: bytes) -> bool:
        """Tell whether these were right before, in microseconds."""
        return hmac.compare_digest(self._remembered.get(given.user, b""), digest)

    def verify(self, given: Credentials) -> bool:
        """Tell whether these are right, and remember it; it takes bcrypt's time, whether the user is known or not."""
        fits = bcrypt.checkpw(given.password[:_BCRYPT_BYTES], self._hashes.get(given.user, self._of_nobody))
        right = fits and given.user in self._hashes
        if right:
            self._remembered[given.user] = self.digest(given)
        return right
