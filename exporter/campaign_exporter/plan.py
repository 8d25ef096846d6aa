"""From the configuration to what runs: the sources, collectors and jobs of each instance."""

from collections.abc import Callable, Mapping
from functools import partial

from campaign_exporter import catalogue
from campaign_exporter.budget import Budget, demand
from campaign_exporter.collectors.affinity import AffinityCollector
from campaign_exporter.collectors.database import DatabaseCollector
from campaign_exporter.collectors.deliverability import DeliverabilityCollector
from campaign_exporter.collectors.deliveries import DeliveriesCollector
from campaign_exporter.collectors.disks import DisksCollector
from campaign_exporter.collectors.endpoints import EndpointsCollector
from campaign_exporter.collectors.files import FilesCollector
from campaign_exporter.collectors.hygiene import HygieneCollector
from campaign_exporter.collectors.maintenance import MaintenanceCollector
from campaign_exporter.collectors.messages import MessagesCollector
from campaign_exporter.collectors.outlook import OutlookCollector
from campaign_exporter.collectors.pending import PendingCollector
from campaign_exporter.collectors.processes import ProcessesCollector
from campaign_exporter.collectors.recipients import RecipientsCollector
from campaign_exporter.collectors.throughput import ThroughputCollector
from campaign_exporter.collectors.tracking import TrackingCollector
from campaign_exporter.collectors.workflows import WorkflowsCollector
from campaign_exporter.config import Config, Instance
from campaign_exporter.job import Job
from campaign_exporter.metric import Samples
from campaign_exporter.pace import Pace, life_of
from campaign_exporter.rounds import Clock, Collector
from campaign_exporter.snapshot import Exposition, Owner
from campaign_exporter.sources.campaign import CampaignDatabase
from campaign_exporter.sources.database import Database
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.sources.rests import Rests
from campaign_exporter.state import Memory, State

#: Host facts first: what is said of deliveries stands on them.
_UPKEEP = ("workflows", "maintenance", "hygiene")
_ORDER = (
    "processes",
    "affinity",
    "deliveries",
    "pending",
    "throughput",
    "outlook",
    "messages",
    "tracking",
    "database",
    "endpoints",
    "disks",
    "deliverability",
    "files",
    *_UPKEEP,
    "recipients",
)
#: Ask for less where a statement took too long, instead of letting it rest.
_OWN_STEPS = frozenset({"recipients"})
_ON_HOSTS = frozenset({"affinity", "pending"})
_ON_AGENTS = ("processes", "affinity", "disks", "files")
#: Rounds come an interval apart or a little more; one that is started late must not make the next one a repetition.
_FRESH_SHARE = 0.9
_ON_DATABASE = frozenset(
    {
        "affinity",
        "deliveries",
        "pending",
        "throughput",
        "outlook",
        "messages",
        "tracking",
        "database",
        "deliverability",
        *_UPKEEP,
        "recipients",
    }
)

Builder = Callable[[Memory], Collector]


class Watch:
    """One instance under watch. Without state, what only grows is left out of the exposition."""

    def __init__(
        self, config: Config, instance: Instance, *, clock: Clock, state: State | None, exposition: Exposition
    ) -> None:
        self.instance = instance
        self._config = config
        self._clock = clock
        self._state = state
        self._exposition = exposition
        memory = self._memory("hosts")
        self._hosts = Hosts(instance, clock=clock, life=self._life("processes"), fresh=self._fresh(), memory=memory)
        asking = [name for name in _ON_DATABASE if config.collectors.of(name).enabled]
        demands = {name: demand(name, config.collectors.of(name).interval) for name in asking}
        allowed = config.budget.database_seconds_per_minute
        self._budget = Budget(instance.name, demands, allowed=allowed, clock=clock)
        self._database: CampaignDatabase | None = None
        if instance.database is not None:
            connection = Database(instance.database, clock, spend=self._budget.spend)
            rested = {name: one for name, one in demands.items() if name not in _OWN_STEPS}
            rests = Rests(instance.name, rested, clock=clock, memory=self._memory("rests"))
            self._database = CampaignDatabase(connection, clock, rests)
        #: The build that the redirection server names.
        self._redirecting: str | None = None
        self.jobs: dict[str, Job] = {}
        for name, build in self._builders().items():
            if config.collectors.of(name).enabled:
                self.jobs[name] = self._job(name, build)

    @property
    def hosts(self) -> Hosts:
        """The hosts, as the collectors see them."""
        return self._hosts

    @property
    def database(self) -> CampaignDatabase | None:
        """The database, as the collectors see it; None without one."""
        return self._database

    def announce(self) -> None:
        """Publish what is known before the first round."""
        self._exposition.publish({Owner(self.instance.name, ""): self._about_instance()})
        for job in self.jobs.values():
            job.announce()

    def close(self) -> None:
        """Stop to watch: let the database go, and take the instance out of the exposition."""
        for job in self.jobs.values():
            job.retire()
        if self._database is not None:
            self._database.connection.close()
        self._exposition.withdraw(self.instance.name)

    def _builders(self) -> Mapping[str, Builder]:
        """Say how to make each collector for which there is something to watch, in the order of their first rounds."""
        hosts, instance = self.instance.hosts, self.instance
        builders: dict[str, Builder] = {}
        if any(host.processes or host.expected_processes is not None or host.configuration or host.agent for host in hosts):
            builders["processes"] = lambda memory: ProcessesCollector(self._hosts, memory=self._kept(memory))
        if hosts:
            builders["affinity"] = lambda _: AffinityCollector(
                self._hosts, self._database, single_host=instance.single_host_affinities
            )
        if instance.endpoints:
            settings = self._config.collectors.endpoints
            builders["endpoints"] = lambda _: EndpointsCollector(instance.endpoints, settings, self._note_build)
        if any(host.directories or host.agent for host in hosts):
            builders["disks"] = lambda _: DisksCollector(self._hosts)
        if any(host.files or host.agent for host in hosts):
            builders["files"] = lambda memory: FilesCollector(self._hosts, memory=self._kept(memory))
        if self._database is not None:
            builders |= self._database_builders(self._database)
        return {name: builders[name] for name in _ORDER if name in builders}

    def _database_builders(self, database: CampaignDatabase) -> Mapping[str, Builder]:
        pending = self._config.collectors.pending
        messages = self._config.collectors.messages
        throughput = self.instance.throughput
        return {
            "deliveries": lambda memory: DeliveriesCollector(database, memory=self._kept(memory)),
            "pending": lambda memory: PendingCollector(
                database,
                self._hosts,
                pending,
                role=self.instance.role,
                memory=self._kept(memory),
            ),
            "throughput": lambda memory: ThroughputCollector(
                database, throughput, clock=self._clock, memory=self._kept(memory)
            ),
            "messages": lambda memory: MessagesCollector(database, messages, clock=self._clock, memory=self._kept(memory)),
            "tracking": lambda memory: TrackingCollector(
                database, self._config.collectors.tracking, clock=self._clock, memory=self._kept(memory)
            ),
            "outlook": lambda memory: OutlookCollector(database, self._config.collectors.outlook, memory=self._kept(memory)),
            "database": lambda _: DatabaseCollector(database, clock=self._clock),
            "deliverability": lambda _: DeliverabilityCollector(database, self._hosts, self._config.collectors.deliverability),
            "workflows": lambda _: WorkflowsCollector(database, self._config.collectors.workflows),
            "maintenance": lambda _: MaintenanceCollector(database, self._config.collectors.maintenance),
            "hygiene": lambda _: HygieneCollector(database),
            "recipients": lambda memory: RecipientsCollector(
                database, self._config.collectors.recipients, memory=self._kept(memory)
            ),
        }

    def _job(self, name: str, build: Builder) -> Job:
        return Job(
            name,
            Pace(self._config.collectors.of(name), partial(self._budget.stretch, name)),
            build,
            memory=Memory(self._state or State(), f"{self.instance.name}/{name}"),
            clock=self._clock,
            publish=partial(self._publish, name),
            after=self.jobs.get("processes") if name in _ON_HOSTS else None,
        )

    def _publish(self, collector: str, samples: Samples) -> None:
        name = self.instance.name
        self._exposition.publish({Owner(name, collector): samples, Owner(name, ""): self._about_instance()})

    def _note_build(self, build: str) -> None:
        self._redirecting = build

    def _about_instance(self) -> Samples:
        samples = Samples()
        samples.add(catalogue.INSTANCE_INFO, 1, role=self.instance.role, build=self._hosts.build or self._redirecting or "")
        if self._database is not None:
            database = self._database.connection
            if database.up is not None:
                samples.add(catalogue.UP, database.up)
            samples.add(catalogue.DATABASE_BUDGET, self._budget.ratio)
            for collector in (name for name in self.jobs if name in _ON_DATABASE):
                seconds = database.seconds.get(collector, 0.0)
                samples.add(catalogue.DATABASE_SECONDS, seconds, collector=collector)
        return samples

    def _memory(self, name: str) -> Memory | None:
        return Memory(self._state, f"{self.instance.name}/{name}") if self._state is not None else None

    def _kept(self, memory: Memory) -> Memory | None:
        return memory if self._state is not None else None

    def _life(self, collector: str) -> float:
        settings = self._config.collectors.of(collector)
        return life_of(settings.interval, settings.deadline)

    def _fresh(self) -> float:
        """Tell for how long collectors share what an agent has said: so that each agent is asked once an interval."""
        settings = (self._config.collectors.of(name) for name in _ON_AGENTS)
        return _FRESH_SHARE * min((each.interval for each in settings if each.enabled), default=0.0)
