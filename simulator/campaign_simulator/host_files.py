"""Files of a simulated server: temporary files, the folder between mta and mtachild, the MTA's log, core files."""

import shutil
from pathlib import Path

_LINE = "{number:08d} >  {count} messages sent (12 of 12 children)\n"
_POSTPONED = "{number:08d} >  Postponing DeliveryParts for broken delivery DM{number}\n"
#: The log is renamed when it is larger. Adobe has two files of 10 MB each; how the second one is called is not published.
_LARGEST_LOG = 64 << 10
#: Files of parts that are about to be sent.
_PARTS = 5


class HostFiles:
    """The files of one server."""

    def __init__(self, directory: Path, instance: str) -> None:
        self.var = directory / "var"
        self.temporary = directory / "tmp"
        self.working = self.var / instance / "mta"
        self.log = self.var / instance / "log" / "mta.log"
        self._number = 0
        self.postponed = 0  # lines about postponed parts

    def create(self) -> None:
        """Make the folders and an empty log."""
        for folder in (self.temporary, self.working, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.log.touch()

    def step(self) -> None:
        """Write what an mta that is up writes: a line of its log, and a part in the place of another one."""
        self._write(_LINE, 1)
        (self.working / f"part{self._number % _PARTS}.xml").write_text("<deliveryPart/>\n", encoding="utf-8")

    def postpone_parts(self, count: int) -> None:
        """Let the mta complain."""
        self._write(_POSTPONED, count)
        self.postponed += count

    def dump_core(self) -> Path:
        """Leave a core file."""
        core = self.var / "core.4242"
        core.write_bytes(b"\x7fELF")
        return core

    def move_temporary(self, elsewhere: Path) -> None:
        """Let temporary files go to a folder somewhere else."""
        shutil.rmtree(self.temporary)
        self.temporary.symlink_to(elsewhere)

    def restore_temporary(self) -> None:
        """Let them go to their own folder again."""
        self.temporary.unlink(missing_ok=True)
        self.temporary.mkdir()

    def _write(self, line: str, count: int) -> None:
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_name("mta_1.log"))
        with self.log.open("a", encoding="utf-8") as log:
            for _ in range(count):
                self._number += 1
                log.write(line.format(number=self._number, count=self._number % 97))
