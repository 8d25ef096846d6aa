"""Reading what `why` tells: beside a running exporter, over one connection, and writing nothing."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from campaign_exporter.config import Config, Instance
from campaign_exporter.diagnosis.episodes import load
from campaign_exporter.diagnosis.waiting import Waiting, judge
from campaign_exporter.errors import SourceError
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources.campaign import CampaignDatabase, DeliveryDetail, Questions
from campaign_exporter.sources.database import Database
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.sources.inspection import Clues, Match, PartCounts, find, read_clues
from campaign_exporter.sources.situation import Site, Situation, read_situation, with_parts
from campaign_exporter.state import Memory, State
from campaign_exporter.why.advice import Case, Place
from campaign_exporter.why.clues import follow_up
from campaign_exporter.why.report import Report, check_all

T = TypeVar("T")
#: For the database; what the hosts may take is the user's to say.
_DATABASE_SECONDS = 5.0
#: A replica further behind than this would tell old news.
_REPLICA_SECONDS = 60.0
_NOBODY_KNOWS_SINCE = (
    "the exporter's state is not in the state directory here: since when it waits is told by the database alone"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one instance says: a report, or the deliveries that may be meant, or what keeps it from being read."""

    instance: str
    report: Report | None = None
    matches: tuple[Match, ...] = ()
    error: SourceError | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """All that waits in one instance, the most messages first, and what could not be seen."""

    instance: str
    now: float = 0.0
    waiting: tuple[Waiting, ...] = ()
    unseen: tuple[str, ...] = ()
    troubles: dict[str, str] = field(default_factory=dict)
    error: SourceError | None = None


class Reader:
    """Asks the instances of a configuration. `patience`: seconds in which the hosts are to answer."""

    def __init__(self, config: Config, *, clock: Clock, patience: float, config_file: Path) -> None:
        self._config = config
        self._clock = clock
        self._patience = patience
        self._config_file = config_file
        self._state = State.peek(config.state_directory) if config.state_directory else State()

    def explain(self, text: str, only: str | None = None) -> list[Answer]:
        """Look for a delivery in each instance, or in `only` one, and report on it where it is found."""
        return self._in_each(only, lambda site: site.explain(text), lambda name, error: Answer(name, error=error))

    def queues(self, only: str | None = None) -> list[Queue]:
        """List what waits in each instance, or in `only` one."""
        return self._in_each(only, lambda site: site.queue(), lambda name, error: Queue(name, error=error))

    def _in_each(self, only: str | None, do: "Callable[[_Site], T]", fail: Callable[[str, SourceError], T]) -> list[T]:
        wanted = [each for each in self._config.instances if each.database and only in {None, each.name}]

        def ask(instance: Instance) -> T:
            site = self._site(instance)
            try:
                return do(site)
            except SourceError as error:
                return fail(instance.name, error)
            finally:
                site.close()

        with ThreadPoolExecutor(max_workers=max(len(wanted), 1)) as pool:
            return list(pool.map(ask, wanted))

    def _site(self, instance: Instance) -> "_Site":
        return _Site(self._config, instance, self._clock, self._patience, self._state, str(self._config_file))


class _Site:
    """One instance, asked once."""

    def __init__(
        self, config: Config, instance: Instance, clock: Clock, patience: float, state: State, config_file: str
    ) -> None:
        if instance.database is None:
            raise ValueError("an instance without a database has no deliveries")
        self._instance = instance
        self._clock = clock
        self._patience = patience
        self._place = Place(instance.nlserver_name, config_file)
        memory = Memory(state, f"{instance.name}/hosts")
        self._hosts = Hosts(instance, clock=clock, life=10 * patience, fresh=patience, memory=memory)
        self._database = CampaignDatabase(Database(instance.database, clock), clock)
        pending = config.collectors.pending
        self._site = Site(instance.role, pending.database_blocked_after, pending.mid_sourcing_stale_after)
        kept = state.section(f"{instance.name}/pending")
        self._known_since = kept is not None
        self._episodes = load(kept["episodes"]) if kept else {}

    def close(self) -> None:
        """Let the database go."""
        self._database.connection.close()

    def explain(self, text: str) -> Answer:
        """Report on a delivery if it is here, and no other may be meant."""
        name = self._instance.name
        troubles = self._hosts.read(self._patience)
        with self._asking() as ask:
            matches = find(ask, text)
            if len(matches) != 1:
                return Answer(name, matches=tuple(matches))
            detail = ask.delivery(matches[0].delivery_id)
            if detail is None:
                return Answer(name)
            (delivery,) = with_parts(ask, [detail.delivery])
            situation = read_situation(ask, self._hosts, self._site)
            clues = read_clues(ask, delivery.delivery_id)
        detail = detail._replace(delivery=delivery)
        return Answer(name, report=self._report(detail, situation, clues, troubles))

    def queue(self) -> Queue:
        """List what waits here."""
        troubles = self._hosts.read(self._patience)
        with self._asking() as ask:
            situation = read_situation(ask, self._hosts, self._site)
        waiting, _ = judge(situation.deliveries, situation.platform, self._episodes)
        # What is stuck first, the most messages first; behind it what waits as planned.
        waiting.sort(key=lambda one: (one.cause.severity == "never", -one.delivery.messages_waiting, one.gravity))
        unseen = [f"{name}: {error}" for name, error in situation.obstacles.items()]
        return Queue(self._instance.name, situation.platform.now, tuple(waiting), tuple(unseen), troubles)

    def _asking(self) -> AbstractContextManager[Questions]:
        deadline = self._clock.monotonic() + _DATABASE_SECONDS + self._patience
        return self._database.round("why", Round(self._clock, deadline), life=_REPLICA_SECONDS)

    def _report(self, detail: DeliveryDetail, situation: Situation, clues: Clues, troubles: Mapping[str, str]) -> Report:
        platform = situation.platform
        waiting, _ = judge([detail.delivery], platform, self._episodes) if not detail.aside else ([], {})
        parts = clues.parts if isinstance(clues.parts, PartCounts) else None
        return Report(
            self._instance.name,
            Case(detail, platform, self._place),
            waiting[0] if waiting else None,
            tuple(check_all(detail.delivery, platform, troubles)),
            tuple(follow_up(detail, platform, clues)),
            parts,
            tuple(self._notes(troubles, situation)),
        )

    def _notes(self, troubles: Mapping[str, str], situation: Situation) -> Iterable[str]:
        yield from (f"host {host}: {text}" for host, text in sorted(troubles.items()))
        yield from (f"{name}: {error}" for name, error in situation.obstacles.items())
        if not self._known_since:
            yield _NOBODY_KNOWS_SINCE
