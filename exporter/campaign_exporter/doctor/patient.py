"""One instance under examination: its configuration, and what its collectors would use."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property

from campaign_exporter import config
from campaign_exporter.config import Collectors, Config, Instance
from campaign_exporter.doctor.needs import Scope
from campaign_exporter.pace import life_of
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.snapshot import Exposition
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.checkup import Checkup, Relation, Schema, Server
from campaign_exporter.sources.database import Link
from campaign_exporter.sources.log_statements import OTHER_LOGS
from campaign_exporter.sources.survey import Survey
from campaign_exporter.state import State
from campaign_exporter.unasked import unasked

#: Seconds for one question; the statement timeout of the configuration ends most of them sooner.
QUESTION_SECONDS = 5.0
#: Their subjects are examined by hand, so that each host and endpoint is asked once.
_ASKED_BY_HAND = ("processes", "endpoints", "disks")
#: Seconds a minute: no round is left out.
_ALL_OF_IT = 60.0


@dataclass
class Patient:
    """What the examinations of one instance share. `server`, `link` and `survey` are known once they were examined."""

    whole: Config
    instance: Instance
    clock: Clock
    exposition: Exposition = field(default_factory=Exposition)
    server: Server | None = None
    link: Link | None = None
    survey: Survey | None = None

    @cached_property
    def watch(self) -> Watch:
        """The instance under watch: only what asks the database has jobs, at full pace. What they remember goes with us."""
        settings: Collectors = self.whole.collectors
        silent = {name: settings.of(name).model_copy(update={"enabled": False}) for name in _ASKED_BY_HAND}
        budget = config.Budget(database_seconds_per_minute=_ALL_OF_IT)
        changed = self.whole.model_copy(update={"collectors": settings.model_copy(update=silent), "budget": budget})
        return Watch(changed, self.instance, clock=self.clock, state=State(), exposition=self.exposition)

    @property
    def database(self) -> config.Database:
        """The settings of the database."""
        if self.instance.database is None:
            raise AssertionError("only instances with a database are asked for it")
        return self.instance.database

    @cached_property
    def checkup(self) -> Checkup:
        """Whom to ask about the database."""
        if self.watch.database is None:
            raise AssertionError("only instances with a database are asked for it")
        return Checkup(self.watch.database.connection, self.database.schema_name, timeout=QUESTION_SECONDS)

    def questions(self, database: CampaignDatabase) -> AbstractContextManager[Questions]:
        """Begin a transaction as a round does, to ask what collectors ask."""
        current = Round(self.clock, self.clock.monotonic() + QUESTION_SECONDS)
        return database.round("database", current, life=self.shortest_life)

    @cached_property
    def schemas(self) -> dict[str, Schema]:
        """The configured schema, and those that hold Campaign's tables."""
        return self.checkup.schemas()

    @cached_property
    def relations(self) -> list[Relation]:
        """The relations on which the role has more than rights on columns."""
        return self.checkup.relations()

    @property
    def scope(self) -> Scope:
        """Where and what the exporter reads; delivery logs that not every instance has, once the survey has seen them."""
        role = self.server.role if self.server else ""
        logs = frozenset(log.table for log in OTHER_LOGS if self.survey is not None and log.table in self.survey.columns)
        left_out = frozenset(statement.name for statement in unasked(self.whole.collectors))
        return Scope(self.database.schema_name, role, self.collectors, self.instance.throughput.source, logs, left_out)

    @property
    def lost(self) -> bool:
        """Whether the database does not answer: it is not asked again, so that no second connection is opened."""
        return self.server is None or (self.watch.database is not None and self.watch.database.connection.up is False)

    @property
    def shortest_life(self) -> float:
        """Seconds after which the first of the collectors withdraws what it read."""
        settings = (self.whole.collectors.of(name) for name in self.collectors)
        return min((life_of(each.interval, each.deadline) for each in settings), default=300.0)

    @property
    def collectors(self) -> frozenset[str]:
        """The collectors that ask the database here."""
        return frozenset(self.watch.jobs)

    def close(self) -> None:
        """Let the database go."""
        self.watch.close()
