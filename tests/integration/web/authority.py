"""An authority that issues real certificates, and what goes with them."""

import datetime as dt
import subprocess
from pathlib import Path

import bcrypt
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PASSWORD = "tomato soup"
#: Of the lowest cost, so that a test waits for what it wants to see only; the same each time, for it stands in tests' names.
HASH = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$abcdefghijklmnopqrstuu").decode()
PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
YEAR = dt.timedelta(365)
_PEM = serialization.Encoding.PEM


class Authority:
    """Issues certificates into a folder: NAME.pem and NAME.key, and ca.pem for itself."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self.directory = directory
        self._ca = trustme.CA()
        self.certificate = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.certificate)

    def issue(self, name: str, *identities: str, expired: bool = False, passphrase: bytes = b"") -> None:
        """Issue a certificate, with a key of the curve P-256."""
        issued = self._ca.issue_cert(*identities, not_before=PAST - YEAR, not_after=PAST if expired else None)
        chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        protection = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        self._write(name, chain, key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, protection))

    def issue_weak(self, name: str) -> None:
        """Issue a certificate with a key that is too short to be of use."""
        key = rsa.generate_private_key(65537, 1024)
        who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issued = x509.CertificateBuilder(who, who, key.public_key(), 1, PAST, PAST + 99 * YEAR).sign(key, hashes.SHA256())
        plain = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self._write(name, issued.public_bytes(_PEM), plain)

    def _write(self, name: str, chain: bytes, key: bytes) -> None:
        (self.directory / f"{name}.pem").write_bytes(chain)
        (self.directory / f"{name}.key").write_bytes(key)


def promtool_accepts(file: Path) -> bool:
    """Tell whether Prometheus takes this for a good web configuration."""
    done = subprocess.run(["promtool", "check", "web-config", str(file)], capture_output=True, text=True, check=False)
    return done.returncode == 0
