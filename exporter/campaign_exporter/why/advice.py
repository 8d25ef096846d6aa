"""What to do next for each cause: on which host, with which command."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from campaign_exporter.diagnosis.facts import Delivery, Platform
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY
from campaign_exporter.sources.campaign import DeliveryDetail

_BLOCKERS = (
    "SELECT pid, pg_blocking_pids(pid) AS blocked_by, state, now() - query_start AS since FROM pg_stat_activity"
    " WHERE cardinality(pg_blocking_pids(pid)) > 0"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: what, the command for it if there is one, and on which hosts (none: anywhere)."""

    text: str
    command: str = ""
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are: the instance in nlserver's words (mta@prod), and the configuration file that the user named."""

    nlserver: str
    config_file: str = "campaign.yaml"


@dataclass(frozen=True, slots=True)
class Case:
    """All that advice stands on."""

    detail: DeliveryDetail
    platform: Platform
    place: Place

    @property
    def delivery(self) -> Delivery:
        """The delivery itself."""
        return self.detail.delivery

    def down(self, module: str) -> list[str]:
        """Name the hosts on which a module is to run and does not."""
        hosts = self.platform.hosts
        return [name for name in self.platform.hosts_to_run(module) if hosts[name].up.get(module) is False]

    def dark(self, module: str) -> list[str]:
        """Name the hosts of which it cannot be told whether a module runs."""
        return [name for name, host in self.platform.hosts.items() if host.may_run(module) and module not in host.up]

    def declaring(self) -> list[str]:
        """Name the hosts that declare the delivery's affinity."""
        hosts = self.platform.hosts.items()
        return [name for name, host in hosts if host.affinities and self.delivery.affinity in host.affinities]


Advice = Callable[[Case], Iterator[Step]]


def advise(cause: str, case: Case) -> tuple[Step, ...]:
    """Give the next steps for a delivery that waits for a cause."""
    return tuple(_ADVICE[cause](case))


def _start(case: Case, module: str, hosts: Sequence[str]) -> Iterator[Step]:
    process = f"{module}@{case.place.nlserver}"
    if hosts:
        yield Step(f"start {process}", f"nlserver start {process}", tuple(hosts))
        log = f"var/{case.place.nlserver}/log/{module}.log"
        yield Step(f"see that it stays up; if it does not, {log} says why", "nlserver pdump", tuple(hosts))


def _scheduled(_case: Case) -> Iterator[Step]:
    yield Step("nothing: it starts by itself at its contact date")


def _waiting(_case: Case) -> Iterator[Step]:
    yield Step("nothing: the mta takes its parts at their next pass")


def _validity(_case: Case) -> Iterator[Step]:
    yield Step("extend the validity in the delivery's properties, if it is still to go out")
    yield Step("else let it be: the cleanup workflow ends it, and cancels what is unsent")


def _account(case: Case) -> Iterator[Step]:
    name = f" {case.detail.account}" if case.detail.account else ""
    yield Step(f"activate the external account{name} in the client, if it was not switched off on purpose")


def _module(case: Case) -> Iterator[Step]:
    yield from _start(case, case.delivery.module, case.down(case.delivery.module))


def _stat(case: Case) -> Iterator[Step]:
    yield from _start(case, "stat", case.down("stat"))


def _unconfigured(case: Case) -> Iterator[Step]:
    module = case.delivery.module
    files = f"serverConf.xml or config-{case.place.nlserver}.xml"
    yield Step(
        f"add {case.delivery.affinity} to IPAffinity in {files}, then restart",
        f"nlserver restart {module}@{case.place.nlserver}",
        case.platform.hosts_to_run(module),
    )
    yield Step("or choose another affinity, in the delivery or in its typology")


def _host_down(case: Case) -> Iterator[Step]:
    yield from _start(case, case.delivery.module, case.declaring())


def _concurrency(case: Case) -> Iterator[Step]:
    yield Step("see in the client which campaign workflows run, and stop those that hang")
    jobs = case.platform.campaign_jobs
    limit = f", which is {jobs.limit} now," if jobs else ""
    yield Step(f"or raise option NmsOperation_LimitConcurrency{limit} by 10; Adobe advises 50 at most")


def _engine(case: Case) -> Iterator[Step]:
    yield from _start(case, "wfserver", case.down("wfserver"))
    for name in LAUNCHERS:
        workflow = (case.platform.workflows or {}).get(name)
        if workflow is not None and workflow.trouble:
            yield Step(f"read the journal of workflow {name} in the client, mend it, and start it again")


def _approval(_case: Case) -> Iterator[Step]:
    yield Step("ask those who are to approve, or approve it on the delivery's dashboard in the client")


def _preparation(case: Case) -> Iterator[Step]:
    yield Step("see whether its queries are blocked in the database", _BLOCKERS)
    yield Step("read the delivery's log in the client; stop its analysis and start it again if nothing moves")
    yield from _start(case, "wfserver", case.down("wfserver"))


def _blocked(_case: Case) -> Iterator[Step]:
    yield Step("find who blocks in the database, and end it if it may be ended: SELECT pg_terminate_backend(pid)", _BLOCKERS)


def _parts(_case: Case) -> Iterator[Step]:
    yield Step("read the delivery's log in the client for an error at the end of its preparation")
    yield Step("cancel it there, prepare it again, and confirm")


def _orphans(case: Case) -> Iterator[Step]:
    process = f"{case.delivery.module}@{case.place.nlserver}"
    holders = case.delivery.parts.holders if case.delivery.parts else None
    hosts = tuple(sorted({holder.hostname for holder in holders or ()}))
    down = tuple(host for host in hosts if host in case.down(case.delivery.module))
    yield from _start(case, case.delivery.module, down)
    rest = tuple(host for host in hosts if host not in down)
    if rest:
        yield Step(f"restart {process}, so that it takes up what was lost", f"nlserver restart {process}", rest)
    yield Step("if the parts stay held, ask Adobe: builds before 2025 are known to leave orphaned children of the mta")


def _copy(case: Case) -> Iterator[Step]:
    yield from _start(case, "wfserver", case.down("wfserver"))
    yield Step(f"read the journal of workflow {MID_SOURCING_COPY} in the client, and start it again")
    yield from _look_on_mid(case)


def _look_on_mid(case: Case) -> Iterator[Step]:
    if case.detail.remote_id:
        yield Step(
            "ask the mid-sourcing instance, with its configuration",
            f"campaign-exporter why {case.detail.remote_id} --config.file MID.yaml",
        )


def _unknown(case: Case) -> Iterator[Step]:
    if not case.delivery.sent_here:
        yield from _look_on_mid(case)
        yield Step("another system sends it, or somebody does by hand: ask there")
        return
    module = case.delivery.module
    dark = case.dark(module)
    if dark:
        yield Step(f"look yourself whether {module} runs, and let the exporter see it again", "nlserver pdump", tuple(dark))
    yield from _start(case, module, case.down(module))
    hosts = tuple(name for name, host in case.platform.hosts.items() if host.up.get(module))
    if hosts:
        yield Step(f"read the end of the log of {module}", f"tail -n 200 var/{case.place.nlserver}/log/{module}.log", hosts)
    if not case.platform.hosts:
        yield Step(f"name the servers that run {module} under `hosts` in the configuration, so that they can be looked at")
    yield Step("look for what this exporter cannot see", f"campaign-exporter doctor --config.file {case.place.config_file}")


_ADVICE: Mapping[str, Advice] = {
    "scheduled": _scheduled,
    "waiting_wave": _waiting,
    "waiting_retry": _waiting,
    "validity_expired": _validity,
    "account_inactive": _account,
    "mta_down": _module,
    "stat_server_down": _stat,
    "affinity_unconfigured": _unconfigured,
    "affinity_host_down": _host_down,
    "concurrency_limit": _concurrency,
    "workflow_engine_down": _engine,
    "awaiting_approval": _approval,
    "preparation_stuck": _preparation,
    "database_blocked": _blocked,
    "parts_missing": _parts,
    "parts_orphaned": _orphans,
    "mid_sourcing_lag": _copy,
    "unknown": _unknown,
}


def make_checkable(cause: str, platform: Platform, troubles: Mapping[str, str]) -> str:
    """Say what would have to be seen for a cause to be told, and what keeps it from that."""
    told = (
        []
        if _readable(cause, platform)
        else [_RIGHTS.get(cause, "let the role read its tables: see `campaign-exporter doctor`")]
    )
    if cause in _ON_HOSTS:
        hosts = [text if text.startswith(host) else f"{host}: {text}" for host, text in sorted(troubles.items())]
        if hosts:
            told.append(f"mend {'; '.join(hosts[:5])}")
        elif not platform.hosts:
            told.append("name the servers under `hosts` in the configuration")
        elif not told:
            told.append(_ON_HOSTS[cause])
    return "; ".join(told) or _RIGHTS.get(cause, "see `campaign-exporter doctor`")


def _readable(cause: str, platform: Platform) -> bool:
    """Tell whether the database lets a cause be told."""
    lacking = {
        "parts_orphaned": not (platform.parts_seen and platform.holders_seen),
        "affinity_unconfigured": not platform.typologies_seen,
        "affinity_host_down": not platform.typologies_seen,
        "workflow_engine_down": platform.workflows is None or not platform.preparing_seen,
        "mid_sourcing_lag": platform.workflows is None,
    }
    return not lacking.get(cause, False)


_PROCESSES = "give each host `processes` and `configuration`, or `expected_processes`, in the configuration"
_ON_HOSTS: Mapping[str, str] = {
    "mta_down": _PROCESSES,
    "stat_server_down": "no host is known to be to run stat: see autoStart in its configuration files",
    "affinity_unconfigured": "give each host that runs an mta its `configuration` files",
    "affinity_host_down": _PROCESSES,
    "workflow_engine_down": _PROCESSES,
    "parts_orphaned": "needs `nlserver pdump` of the host that holds the parts, under the name that Campaign gives it",
    "mid_sourcing_lag": _PROCESSES,
}
_RIGHTS: Mapping[str, str] = {
    "database_blocked": "GRANT pg_read_all_stats to the role: see `campaign-exporter grants`",
    "concurrency_limit": "set option NmsOperation_LimitConcurrency, and let the role read it: see `campaign-exporter grants`",
}
