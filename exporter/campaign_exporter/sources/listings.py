"""Where a host's process listing comes from: a command, or a file that somebody else fills."""

import codecs
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from campaign_exporter.domain.processes import Listing, MissingListing, parse_missing, parse_pdump
from campaign_exporter.errors import Stale
from campaign_exporter.sources.commands import CommandExited, run_command
from campaign_exporter.sources.files import read_file

Form = Literal["pdump", "missing"]

_PARSERS: dict[Form, Callable[[str], Listing | MissingListing]] = {"pdump": parse_pdump, "missing": parse_missing}
_NANOSECONDS = 1e9
# Exit statuses from here on are timeout's (124), the shell's and env's (125 to 127), death by a signal (128 and above) and
# ssh's own failure (255): the listing may be cut off. nlserver's are not published; its init script has 1 and 2 for missing
# processes.
_NOT_NLSERVER = 124


class ProcessSource(Protocol):
    """Tells which processes run on a host."""

    def read(self, timeout: float) -> Listing | MissingListing:
        """Get a listing within the seconds given. Raises SourceErrors; a strange listing is returned, as incomplete."""


@dataclass(frozen=True, slots=True)
class CommandProcesses:
    """The output of nlserver, run here or through ssh."""

    command: tuple[str, ...]
    form: Form = "pdump"

    def read(self, timeout: float) -> Listing | MissingListing:
        """Run the command. Raises what run_command raises, but takes a whole listing in spite of nlserver's exit status.

        Not a bare header, though: it says that all is well or that nothing runs, and nlserver may have failed behind it.
        """
        try:
            # Which output nlserver prints its header on is not published. What ssh complains of is noise before the header.
            return _PARSERS[self.form](run_command(self.command, timeout, errors_first=True))
        except CommandExited as error:
            listing = _PARSERS[self.form](error.output)
            if listing.complete and listing.says_something and 0 < error.status < _NOT_NLSERVER:
                return listing
            raise


@dataclass(frozen=True, slots=True)
class FileProcesses:
    """A file with the output of nlserver; not believed when it is older than `max_age` seconds. `clock`: since the epoch."""

    path: Path
    max_age: float
    form: Form = "pdump"
    clock: Callable[[], float] = time.time

    def read(self, timeout: float) -> Listing | MissingListing:  # noqa: ARG002 - a local file; a hanging mount is the Fanout's
        """Read the file. Raises Stale, Missing, PermissionDenied or Unreadable."""
        content, stamp = read_file(self.path)
        age = self.clock() - stamp.modified_ns / _NANOSECONDS
        if age > self.max_age:
            raise Stale(f"{self.path} was written {age:.0f} s ago, more than {self.max_age:g} s: is its writer running?")
        if age < -self.max_age:
            raise Stale(f"{self.path} was written {-age:.0f} s in the future: do the clocks agree?")
        return _PARSERS[self.form](_decode(content))


def _decode(content: bytes) -> str:
    # PowerShell's > writes UTF-16.
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
