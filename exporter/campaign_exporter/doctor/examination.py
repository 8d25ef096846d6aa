"""The examination as a whole: steps in their order, each with a bound in time, instances side by side."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue

from campaign_exporter.config import Config
from campaign_exporter.doctor import (
    clocks,
    connection,
    cost,
    endpoints,
    host_reading,
    hosts,
    inactivity,
    prometheus,
    rights,
    state_directory,
    tables,
    timeouts,
    writes,
)
from campaign_exporter.doctor.check import Check, cannot_tell, finding
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import SourceError
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.fanout import Fanout
from campaign_exporter.sources.prometheus import PrometheusServer

#: Seconds for a step that asks the database: a few questions.
_QUESTIONS = 15.0
_ROUNDS = 25.0
_OWN = 20.0
_DATABASE = "database"


@dataclass(frozen=True)
class Step:
    """One subject: under which title it is told, what it is called, how long it may take, and how it is examined.

    `lost` says that it need not be tried.
    """

    title: str
    name: str
    bound: float
    examine: Callable[[], Iterator[Check]]
    lost: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Section:
    """What came out of a step; `checks` is None while it is under way."""

    title: str
    step: str
    instance: str
    checks: tuple[Check, ...] | None


def examine(config: Config, clock: Clock, server: PrometheusServer | None) -> Iterator[Section]:
    """Examine everything, and give each section twice: when it begins, and when it has ended.

    Instances are examined at the same time, and told one after another.
    """
    patients = [Patient(config, instance, clock) for instance in config.instances]
    chains = [_start(patient.instance.name, _steps(patient), patient.close) for patient in patients]
    own = [Step("exporter", "state directory", _OWN, partial(state_directory.examine, config.state_directory, clock))]
    if server is not None:
        own.append(Step("Prometheus", "Prometheus", _OWN, partial(prometheus.examine, server, config, clock)))
    for queue in [*chains, _start("", own, lambda: None)]:
        while (section := queue.get()) is not None:
            yield section


def _steps(patient: Patient) -> list[Step]:
    steps: list[Step] = []
    if patient.instance.database is not None:
        steps += [
            Step(_DATABASE, "connection", _QUESTIONS, partial(connection.examine, patient)),
            *(
                Step(_DATABASE, name, _QUESTIONS, partial(examine_, patient), lambda: patient.lost)
                for name, examine_ in (
                    ("right to write", writes.examine),
                    ("timeouts", timeouts.examine),
                    ("rights to read", rights.examine),
                    ("tables and indexes", tables.examine),
                    ("clocks", clocks.examine),
                )
            ),
        ]
        if patient.whole.collectors.recipients.enabled:
            inactivity_ = partial(inactivity.examine, patient)
            steps.append(Step(_DATABASE, "inactive recipients", _QUESTIONS, inactivity_, lambda: patient.lost))
    if patient.instance.hosts:
        steps.append(Step("hosts", "hosts", host_reading.longest(patient) + 5, partial(hosts.examine, patient)))
    if patient.instance.endpoints:
        bound = patient.whole.collectors.endpoints.deadline + 3
        steps.append(Step("endpoints", "endpoints", bound, partial(endpoints.examine, patient)))
    if patient.instance.database is not None:
        steps.append(Step("cost", "cost of a round", _ROUNDS, partial(cost.examine, patient), lambda: patient.lost))
    return steps


def _start(instance: str, steps: Sequence[Step], close: Callable[[], None]) -> "SimpleQueue[Section | None]":
    """Run steps one after another in a thread of their own, then close what they used."""
    queue: SimpleQueue[Section | None] = SimpleQueue()

    def run() -> None:
        try:
            for step in steps:
                queue.put(Section(step.title, step.name, instance, None))
                checks = tuple(replace(check, instance=instance) for check in _bounded(step))
                queue.put(Section(step.title, step.name, instance, checks))
        finally:
            close()
            queue.put(None)

    threading.Thread(target=run, name=f"doctor {instance}", daemon=True).start()
    return queue


def _bounded(step: Step) -> list[Check]:
    """Examine one subject within its time; what was told before it hung or failed stays."""
    if step.lost():
        return [cannot_tell(step.name, connection.SUBJECT, "not examined: the database does not answer")]
    told: list[Check] = []

    def work() -> None:
        for check in step.examine():
            told.append(check)  # noqa: PERF402 - what was told before a failure must stay

    outcome = Fanout().run({step.name: work}, step.bound)[step.name]
    if isinstance(outcome, SourceError):
        told.append(_broken_off(step, outcome))
    return list(told)


def _broken_off(step: Step, error: SourceError) -> Check:
    """Judge a step that did not come to its end."""
    if type(error) is SourceError:
        return cannot_tell(
            step.name,
            connection.SUBJECT,
            f"broken off by a defect of doctor's own, not of your site: {error}: please report it",
        )
    return finding(
        step.name,
        connection.SUBJECT,
        f"broken off: {error}",
        why="the rest of it was not examined; a running exporter meets the same failure",
        mend="mend what the message says, then run this again",
    )
