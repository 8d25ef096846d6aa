"""What is seen of a host that runs Campaign processes, by whomever."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from campaign_exporter.domain.mta_log import LogRead


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a host that serve one instance, by module.

    `expected` are the modules that are to run, None where that is not known; `up` tells of them whether they run, as far as
    it can be told. `counts` are of all that run, `memory` of the largest one in bytes, `limits` by level in bytes. `pids` are
    those that were listed, `instances` all of which processes were; `restarts` were counted by somebody else.
    """

    expected: frozenset[str] | None = None
    up: Mapping[str, bool] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    pids: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    instances: frozenset[str] = frozenset()
    restarts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the configuration of a host declares: its IP affinities, and by kind of fault whether it has it.

    By affinity: how many `addresses` it has, left out where a mask gives them, and the `public_ids` of those.
    `preparation_seconds`: how long a delivery may be in preparation, None where that is not given.
    """

    affinities: frozenset[str]
    faults: Mapping[str, bool]
    addresses: Mapping[str, float] = field(default_factory=dict)
    public_ids: Mapping[str, frozenset[int]] = field(default_factory=dict)
    preparation_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The file system that a directory lives on.

    Sizes in bytes; what is available or free counts for users other than root. `files` is 0 on file systems that do not
    limit the number of files.
    """

    size_bytes: float
    available_bytes: float
    files: float
    files_free: float


@dataclass(frozen=True, slots=True)
class Folder:
    """Files in a folder: number, bytes, when the oldest was written, in seconds since the epoch; `cut`: there are more."""

    files: float
    size_bytes: float
    oldest: float | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Cores:
    """Core files: number, and when the newest was written, in seconds since the epoch; `cut`: there may be more."""

    number: float
    newest: float | None
    cut: bool


@dataclass(frozen=True, slots=True)
class Files:
    """What was seen of Campaign's files on a host, None of what was not looked at.

    `log` is a reading of the MTA's log from here; `log_totals` are the lines by kind that somebody else has counted.
    """

    other_device: bool | None = None
    working: Folder | None = None
    cores: Cores | None = None
    log: LogRead | None = None
    log_totals: Mapping[str, float] | None = None
    log_unread: float | None = None
