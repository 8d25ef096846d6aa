"""Faults: what can be made to go wrong while the simulator runs, and undone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from campaign_simulator.endpoints import Endpoints
from campaign_simulator.engine import Engine
from campaign_simulator.hosts import Hosts
from campaign_simulator.locks import Lock
from campaign_simulator.postgres import PostgresServer

AFFINITY_LENGTH = 64  # NmsDelivery.sIPAffinity


class FaultError(Exception):
    """A fault cannot be set or cleared as asked; the message says what can."""


@dataclass(frozen=True)
class World:
    """All that faults can change."""

    engine: Engine
    hosts: Hosts
    endpoints: Endpoints
    postgres: PostgresServer
    schema: str
    connect: Callable[[], psycopg.Connection]  # a new session of the superuser, committing each statement
    now: Callable[[], datetime]
    write: Callable[[], None]  # what changed, as far as the database takes it
    locks: dict[str, Lock] = field(default_factory=dict)  # that sessions of ours hold, by table


Undo = Callable[[], None]
Targets = Callable[[World, Sequence[str]], Sequence[str]]


@dataclass(frozen=True)
class Fault:
    """One fault: it turns arguments into targets, and spoils one target at a time."""

    name: str
    usage: str
    description: str
    targets: Targets
    apply: Callable[[World, str], Undo]
    freezes: bool = False  # the engine cannot write meanwhile


@dataclass(frozen=True)
class FaultStatus:
    """A fault and where it is set."""

    fault: Fault
    targets: tuple[str, ...]


class FaultBoard:
    """The faults of one simulator, and which of them are set."""

    def __init__(self, world: World, catalogue: Sequence[Fault]) -> None:
        self._world = world
        self._catalogue = {fault.name: fault for fault in catalogue}
        self._undo: dict[tuple[str, str], Undo] = {}

    @property
    def frozen(self) -> bool:
        """Whether a fault keeps the engine from writing."""
        return any(self._catalogue[name].freezes for name, _ in self._undo)

    @property
    def active(self) -> Mapping[str, tuple[str, ...]]:
        """The targets of each fault that is set."""
        names = dict.fromkeys(name for name, _ in self._undo)
        return {name: tuple(target for known, target in self._undo if known == name) for name in names}

    def statuses(self) -> list[FaultStatus]:
        """Return every fault with its state."""
        active = self.active
        return [FaultStatus(fault, active.get(name, ())) for name, fault in self._catalogue.items()]

    def set(self, name: str, arguments: Sequence[str]) -> list[str]:
        """Set a fault; returns the targets that were not spoilt before."""
        fault = self._find(name)
        with _database_refusals():
            new = [target for target in self._targets(fault, arguments) if (name, target) not in self._undo]
            for target in new:
                self._undo[name, target] = fault.apply(self._world, target)
        return new

    def clear(self, name: str, arguments: Sequence[str]) -> list[str]:
        """Undo a fault, without arguments everywhere; returns the targets that were mended."""
        fault = self._find(name)
        with _database_refusals():
            wanted = self._targets(fault, arguments) if arguments else self.active.get(name, ())
            mended = [target for target in wanted if (name, target) in self._undo]
            for target in mended:
                self._undo[name, target]()
                del self._undo[name, target]
        return mended

    def clear_all(self) -> None:
        """Undo everything, the latest first, since later faults may be in the way of mending earlier ones."""
        for name, target in reversed(list(self._undo)):
            with _database_refusals():
                self._undo.pop((name, target))()

    def _find(self, name: str) -> Fault:
        """Return a fault by its name."""
        if name not in self._catalogue:
            raise FaultError(f"there is no fault {name!r}; there are: {', '.join(self._catalogue)}")
        return self._catalogue[name]

    def _targets(self, fault: Fault, arguments: Sequence[str]) -> Sequence[str]:
        """Return what arguments mean to a fault."""
        try:
            return fault.targets(self._world, arguments)
        except FaultError as error:
            raise FaultError(f"{error}; usage: {fault.name} {fault.usage}".rstrip()) from None


@contextmanager
def _database_refusals() -> Iterator[None]:
    """Turn what the database says into an error of ours: another fault may have taken it away."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise FaultError(f"the database is in no state for that: {str(error).strip().splitlines()[0]}") from error


def no_arguments(_world: World, arguments: Sequence[str]) -> Sequence[str]:
    """Take no arguments: there is one target without a name."""
    if arguments:
        raise FaultError(f"unexpected argument {arguments[0]!r}")
    return ("",)


def one_of(known: Sequence[str], arguments: Sequence[str], what: str) -> Sequence[str]:
    """Return arguments that are all known; all that is known without arguments."""
    for argument in arguments:
        if argument not in known:
            raise FaultError(f"there is no {what} {argument!r}; there are: {', '.join(known)}")
    return tuple(dict.fromkeys(arguments)) or tuple(known)


def single(arguments: Sequence[str], default: str) -> str:
    """Return the only argument, or what stands for none."""
    if len(arguments) > 1:
        raise FaultError(f"unexpected argument {arguments[1]!r}")
    return arguments[0] if arguments else default


def only_one_of(known: Sequence[str], arguments: Sequence[str], what: str) -> str:
    """Return the only argument if it is known; the first that is known without one."""
    return one_of(known, [single(arguments, known[0])], what)[0]


def required(arguments: Sequence[str], what: str) -> Sequence[str]:
    """Return arguments of which there must be one."""
    if not arguments:
        raise FaultError(f"{what} is missing")
    return arguments
