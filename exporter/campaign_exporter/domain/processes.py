"""What `nlserver pdump` and `nlserver monitor -missing` say about the processes of one host.

Adobe publishes samples, not a grammar (docs: production/using/usual-commands.md, operating-principle.md). So a listing that
holds anything unknown is never taken as proof that a process is down.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# One process of these serves every instance of the host (docs: production/using/operating-principle.md).
SHARED_MODULES = frozenset({"web", "syslogd", "trackinglogd", "watchdog"})
# One process an instance. For any other module the scope is not published: printed without an instance it proves nothing.
INSTANCE_MODULES = frozenset({"mta", "mtachild", "wfserver", "inMail", "sms", "stat", "pipelined"})
_CHILD = "mtachild"
# nlserver's own name for "no instance in particular".
DEFAULT_INSTANCE = "default"

_MEGABYTE = 1 << 20
# Samples show MB, Mb and Mo (French octets) for the same thing.
_UNITS = {"kb": 1 << 10, "ko": 1 << 10, "mb": _MEGABYTE, "mo": _MEGABYTE, "gb": 1 << 30, "go": 1 << 30}

# No line that nlserver prints is this long; bounded so that no regular expression below can be made slow.
_LONGEST_LINE = 1_000
_HEADER = re.compile(
    r"Adobe Campaign\b[^()]{0,80}\((?:[^()]{0,120}?\s)?build\s+(?P<build>[^\s()@]{1,40})[^()]{0,120}\)(?P<rest>.*)"
    r"|Application server for Adobe Campaign\b[^()]{0,80}$",
    re.IGNORECASE,
)
# After the header's bracket: "of 09/04/2023", "dated 09/04/2023", and the Windows sample's "No tasks" on the same line. A
# process has brackets of its own, so that none is taken for a part of the header.
_HEADER_REST = re.compile(r"[^()]{0,60}")
_NO_TASKS = re.compile(r"no tasks?", re.IGNORECASE)
# An instance begins and ends with a letter or digit: with a stray sign, ours would be read as another one.
_PROCESS = re.compile(
    r"(?P<module>[A-Za-z_][A-Za-z0-9_-]*)\*?(?:@(?P<instance>[^\W_](?:[^\s()]*\w)?))? \((?P<pid>[0-9]{1,10})\) - "
    r"(?P<number>[0-9][0-9.,'\u2019\u00a0\u202f\ufffd ]{0,30}?)\s*(?P<unit>[^\W\d_]\S*)"
)
_MISSING = re.compile(r"(?P<module>[A-Za-z_][A-Za-z0-9_-]*)(?:@(?P<instance>[^\W_](?:[\w.-]*\w)?))?")
_SECTION = re.compile(r"Connection(?:s| pool) -{3,}")
_WINDOWS_PROMPT = re.compile(r"[A-Za-z]:\\[^<>|]*>")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of `nlserver pdump`. Memory is in bytes, None where its number or unit is not plain."""

    module: str
    instance: str | None
    pid: int
    memory_bytes: float | None


@dataclass(frozen=True, slots=True)
class Listing:
    """The processes that run on a host. `complete`: understood whole, so that what is not listed does not run.

    `complaint` says in one line why it is not complete.
    """

    build: str | None
    processes: tuple[Process, ...]
    complete: bool
    complaint: str | None = None
    #: "No tasks" was printed.
    none_said: bool = False

    @property
    def says_something(self) -> bool:
        """Whether more than a header was printed."""
        return bool(self.processes) or self.none_said

    def up(self, module: str, instance: str) -> bool | None:
        """Tell whether the module runs for the instance; None: cannot be told."""
        claims = {_serves(each.module, each.instance, instance) for each in self.processes if each.module == module}
        if True in claims:
            return True
        return False if self.complete and None not in claims else None

    def pids(self, module: str, instance: str) -> tuple[int, ...]:
        """List the process ids of the module that serve the instance, in the order printed."""
        return tuple(dict.fromkeys(each.pid for each in self._serving(instance) if each.module == module))

    @property
    def all_pids(self) -> frozenset[int] | None:
        """The ids of all processes of the host; None where the listing may lack some."""
        return frozenset(each.pid for each in self.processes) if self.complete else None

    def lists_children(self, instance: str) -> bool:
        """Tell whether children of the instance's mta are among the processes: that they always are is not documented."""
        return _CHILD in self.modules(instance)

    @property
    def instances(self) -> frozenset[str]:
        """The instances of which processes are listed, ours or not."""
        return frozenset(each.instance for each in self.processes if each.instance) - {DEFAULT_INSTANCE}

    def memory_bytes(self, module: str, instance: str) -> float | None:
        """Tell the memory of the module's largest process, in bytes; None where none is readable."""
        sizes = (each.memory_bytes for each in self._serving(instance) if each.module == module)
        return max((size for size in sizes if size is not None), default=None)

    def modules(self, instance: str) -> frozenset[str]:
        """Name the modules that run for the instance."""
        return frozenset(each.module for each in self._serving(instance))

    def _serving(self, instance: str) -> Iterator[Process]:
        return (each for each in self.processes if _serves(each.module, each.instance, instance))


@dataclass(frozen=True, slots=True)
class MissingListing:
    """The autostart modules that do not run on a host, as (module, instance) pairs; see Listing for the other fields."""

    build: str | None
    missing: frozenset[tuple[str, str | None]]
    complete: bool
    complaint: str | None = None

    @property
    def says_something(self) -> bool:
        """Whether more than a header was printed."""
        return bool(self.missing)

    def up(self, module: str, instance: str, *, autostart: bool) -> bool | None:
        """Tell whether the module runs for the instance; None: cannot be told, as for modules without autostart."""
        if not self.complete:
            return None
        claims = {_serves(name, printed, instance) for name, printed in self.missing if name == module}
        if True in claims:
            return False
        return True if autostart and None not in claims else None


def parse_pdump(text: str) -> Listing:
    """Read the output of `nlserver pdump`, with or without -who. Never fails: what is strange makes it incomplete."""
    lines = _lines(text)
    start = _last_header(lines)
    build, complaint = None, None
    if start is None:
        body = lines
        if not any(_NO_TASKS.fullmatch(line) for _, line in lines):
            complaint = "no header of nlserver and no 'No tasks' in " + _count(lines)
    else:
        body = lines[start + 1 :]
        build, complaint = _header(lines[: start + 1])
    processes, strange = _processes(body, noise_first=start is None)
    complaint = complaint or strange or _cut_off(text, lines, processes)
    none_said = any(_NO_TASKS.search(line) for _, line in lines[start or 0 :])
    return Listing(build, processes, complete=complaint is None, complaint=complaint, none_said=none_said)


def parse_missing(text: str) -> MissingListing:
    """Read the output of `nlserver monitor -missing`. Never fails: what is strange makes it incomplete."""
    lines = _lines(text)
    start = _last_header(lines)
    if start is None:
        return MissingListing(None, frozenset(), complete=False, complaint="no header of nlserver in " + _count(lines))
    build, complaint = _header(lines[: start + 1])
    missing: set[tuple[str, str | None]] = set()
    for number, line in lines[start + 1 :]:
        found = _MISSING.fullmatch(line)
        # A bare word is as likely an error message as a module, but for those that are printed without an instance.
        if found and (found["instance"] or found["module"] in SHARED_MODULES):
            missing.add((found["module"], found["instance"]))
        elif not _WINDOWS_PROMPT.fullmatch(line):
            complaint = complaint or _strange(number, line)
    if not text.endswith(("\n", "\r")) and not _WINDOWS_PROMPT.fullmatch(lines[-1][1]):
        # Half a name would make the right module look up, and a missing line would do so, too.
        complaint = complaint or "the last line has no end: the output may be cut off"
    return MissingListing(build, frozenset(missing), complete=complaint is None, complaint=complaint)


def _serves(module: str, printed: str | None, instance: str) -> bool | None:
    """Tell whether a process printed with that instance serves ours; None: the module's scope is not published."""
    if printed in {None, DEFAULT_INSTANCE}:
        if module in SHARED_MODULES:
            return True
        return False if module in INSTANCE_MODULES else None
    return printed == instance


def _lines(text: str) -> list[tuple[int, str]]:
    """Split the text into the lines that hold something, with their numbers."""
    # Not str.splitlines: that also splits at characters that may stand inside a line.
    numbered = enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), start=1)
    return [(number, line.strip()) for number, line in numbered if line.strip()]


def _match_header(line: str) -> re.Match[str] | None:
    return _HEADER.search(line) if len(line) <= _LONGEST_LINE else None


def _match_process(line: str) -> re.Match[str] | None:
    return _PROCESS.fullmatch(line) if len(line) <= _LONGEST_LINE else None


def _last_header(lines: list[tuple[int, str]]) -> int | None:
    """Find the newest listing: a file that is appended to holds older ones before it, a banner may look like a header."""
    return next((index for index in reversed(range(len(lines))) if _match_header(lines[index][1])), None)


def _header(lines: list[tuple[int, str]]) -> tuple[str | None, str | None]:
    """Read the header, which is the last of the lines: its build, and a complaint."""
    number, line = lines[-1]
    found = _match_header(line)
    if found is None:
        return None, _strange(number, line)
    if not _HEADER_REST.fullmatch((found["rest"] or "").rstrip()):
        return found["build"], _strange(number, found["rest"])
    first = next((index for index, (_, text) in enumerate(lines) if _match_header(text)), None)
    if any(_match_process(text) for _, text in lines[first:]):
        return found["build"], f"line {number} begins a second listing: the output must hold one"
    return found["build"], None


def _processes(lines: list[tuple[int, str]], *, noise_first: bool) -> tuple[tuple[Process, ...], str | None]:
    """Read the lines after the header: the processes, and a complaint about the first strange line.

    With `noise_first` there is no header: what stands before the first "No tasks" is noise, but for processes.
    """
    processes: list[Process] = []
    complaint: str | None = None
    none_said = False
    for number, line in lines:
        if found := _match_process(line):
            processes.append(_process(found))
        elif _SECTION.match(line):
            break  # pdump -who: connections follow, no processes
        elif _NO_TASKS.fullmatch(line):
            none_said = True
        elif not _WINDOWS_PROMPT.fullmatch(line) and (none_said or not noise_first):
            complaint = complaint or _strange(number, line)
    if none_said and processes:
        complaint = complaint or "the output says 'No tasks' and lists some"
    return tuple(processes), complaint


def _process(found: re.Match[str]) -> Process:
    factor, number = _UNITS.get(found["unit"].lower()), _number(found["number"])
    memory = None if factor is None or number is None else number * factor
    return Process(found["module"], found["instance"], int(found["pid"]), memory)


def _number(text: str) -> float | None:
    """Read 143.4, 143,4, 1 234,5 and 1.234,5; None for 1.234, which may be a thousand or one."""
    digits = re.sub(r"[\s'\u2019\ufffd]", "", text)
    if plain := re.fullmatch(r"([0-9]+)(?:[.,]([0-9]+))?", digits):
        whole, decimals = plain[1], plain[2] or ""
        ambiguous = len(decimals) == len("000") >= len(whole) and whole != "0"
        return None if ambiguous else float(f"{whole}.{decimals}")
    if grouped := re.fullmatch(r"([0-9]{1,3}([.,])[0-9]{3}(?:\2[0-9]{3})*)(?:(?!\2)[.,]([0-9]+))?", digits):
        return float(f"{grouped[1].replace(grouped[2], '')}.{grouped[3] or ''}")
    return None


def _cut_off(text: str, lines: list[tuple[int, str]], processes: tuple[Process, ...]) -> str | None:
    """Complain about a last line that has no end and is not plainly whole: a file may be read while it is written."""
    if not lines or text.endswith(("\n", "\r")):
        return None
    last = lines[-1][1]
    whole = _NO_TASKS.search(last) or _WINDOWS_PROMPT.fullmatch(last) or _section_seen(lines)
    if whole or (_match_process(last) and processes[-1].memory_bytes is not None):
        return None
    return "the last line has no end: the output may be cut off"


def _section_seen(lines: list[tuple[int, str]]) -> bool:
    return any(_SECTION.match(line) for _, line in lines)


def _count(lines: list[tuple[int, str]]) -> str:
    if not lines:
        return "an empty output"
    return f"{len(lines)} lines; the first is {_quote(lines[0][1])}"


def _strange(number: int, line: str) -> str:
    return f"line {number} is not understood: {_quote(line)}"


def _quote(line: str, length: int = 80) -> str:
    clean = _CONTROL.sub("", line.strip())
    return f"'{clean if len(clean) <= length else clean[: length - 1] + '…'}'"
