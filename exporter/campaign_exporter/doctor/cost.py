"""What the exporter costs the database: one round of each collector for real, against the budget."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from campaign_exporter.catalogue import COLLECTOR_STRETCH, COLLECTOR_SUCCESS, PENDING_CAUSE_EVALUATED
from campaign_exporter.doctor import mends
from campaign_exporter.doctor.check import Check, cannot_tell, finding, listed, ok
from campaign_exporter.doctor.connection import SUBJECT
from campaign_exporter.doctor.patient import Patient
from campaign_exporter.errors import Locked, Missing, PermissionDenied, SourceError
from campaign_exporter.job import Job
from campaign_exporter.sources.statements import COLUMNS, INDEXES, SENDING_TABLES

_MINUTE = 60.0
#: Measured rounds of a collector: on a busy machine one alone says little.
_ROUNDS = 3
#: A new interval is rounded up to a multiple of these seconds.
_STEP = 5
#: These were told with the rights, tables and indexes; the round goes on without, or costs nothing.
_TOLD = frozenset({Missing.reason, PermissionDenied.reason})
_CATALOGUE = "catalogue"
#: A cause that only an instance of another role can have.
_MEANINGLESS = frozenset(("mid_sourcing_lag", role) for role in ("standalone", "mid-sourcing", "execution"))


class Cost(NamedTuple):
    """What a collector costs: database seconds of a round, and seconds between two."""

    collector: str
    seconds: float
    interval: float

    @property
    def per_minute(self) -> float:
        """Database seconds a minute."""
        return self.seconds * _MINUTE / self.interval


def examine(patient: Patient) -> Iterator[Check]:
    """Run the rounds: the first is not measured, since a running exporter has connected and looked around long ago."""
    if patient.watch.database is None or patient.server is None:
        return
    costs: list[Cost] = []
    statements: dict[str, float] = {}
    for name, job in patient.watch.jobs.items():
        if patient.lost:
            yield cannot_tell(_round(name), SUBJECT, "not run: the database was lost before")
            continue
        job.run()
        measured = _measured(patient, job, statements) if _reasons(_failures(patient, job)) <= _TOLD else []
        costs += measured
        if failures := _failures(patient, job):
            yield failed(name, failures, patient.database.schema_name)
        yield from (round_of(cost) for cost in measured if not failures)
    if not patient.lost:
        costs.append(_look(patient))
        budget = patient.whole.budget.database_seconds_per_minute
        yield total(costs, budget, statements, whole=len(costs) > len(patient.watch.jobs))
    if "pending" in patient.collectors:
        yield causes(patient.exposition.snapshot.plain.decode(), patient.instance.role)


def _failures(patient: Patient, job: Job) -> list[SourceError]:
    """List what failed in the database: the hosts have been told of."""
    hosts = {host.name for host in patient.instance.hosts}
    return [error for part, error in job.errors.items() if part not in hosts]


def _reasons(failures: Sequence[SourceError]) -> set[str]:
    return {error.reason for error in failures}


def _round(collector: str) -> str:
    return f"round of {collector}"


def _measured(patient: Patient, job: Job, statements: dict[str, float]) -> list[Cost]:
    """Run some rounds and take the time of the middle one; `statements` takes the time of each statement in it.

    None, if the database was lost meanwhile: nothing may connect again.
    """
    if patient.watch.database is None:
        raise AssertionError("only instances with a database are measured")
    database = patient.watch.database.connection
    rounds: list[tuple[float, dict[str, float]]] = []
    for _ in range(_ROUNDS):
        before, spent = dict(database.statement_seconds), database.seconds.get(job.name, 0.0)
        job.run()
        took = {name: seconds - before.get(name, 0.0) for name, seconds in database.statement_seconds.items()}
        if patient.lost:
            return []
        rounds.append((database.seconds.get(job.name, 0.0) - spent, took))
    seconds, took = sorted(rounds, key=lambda each: each[0])[_ROUNDS // 2]
    statements |= {name: max(each, statements.get(name, 0.0)) for name, each in took.items()}
    return [Cost(job.name, seconds, job.interval)]


def _look(patient: Patient) -> Cost:
    """Take the time of a look at the catalogue, which comes once a minute."""
    if patient.watch.database is None:
        raise AssertionError("only instances with a database are measured")
    seconds = patient.watch.database.connection.statement_seconds
    looks = (COLUMNS.name, INDEXES.name)
    before = sum(seconds.get(name, 0.0) for name in looks)
    patient.checkup.survey()
    return Cost(_CATALOGUE, sum(seconds[name] for name in looks) - before, _MINUTE)


def round_of(cost: Cost) -> Check:
    """Tell what a round costs."""
    each = f"{cost.seconds * 1000:.1f} ms on the database, each {cost.interval:g} s"
    return ok(_round(cost.collector), SUBJECT, f"{each}: {cost.per_minute:.3f} s a minute")


def failed(name: str, failures: Sequence[SourceError], schema: str) -> Check:
    """Judge a round that did not read all it wanted."""
    text = "; ".join(dict.fromkeys(str(error) for error in failures))
    if _reasons(failures) <= _TOLD:
        return cannot_tell(_round(name), SUBJECT, f"does not read all it wants, as told above: {text}")
    why = f'{COLLECTOR_SUCCESS.name}{{collector="{name}"}} is 0; what it read last is withdrawn after three intervals'
    mend = "run this again; if it stays so, look at the server's log, and at its load (pg_stat_activity)"
    if Locked.reason in _reasons(failures):
        mend = f"look who holds the table (one of {listed(SENDING_TABLES, 7)}): {mends.holders_of(schema, SENDING_TABLES[0])}"
    return finding(_round(name), SUBJECT, text, why=why, mend=mend)


def total(costs: Sequence[Cost], budget: float, statements: Mapping[str, float], *, whole: bool) -> Check:
    """Compare all rounds of a minute with the budget in seconds."""
    spent = sum(cost.per_minute for cost in costs)
    least = "" if whole else "at least "
    text = f"{least}{spent:.3f} s a minute, {spent / budget:.0%} of the budget of {budget:g} s"
    if statements:
        dearest = max(statements, key=statements.__getitem__)
        text += f"; dearest statement: {dearest}, {statements[dearest] * 1000:.1f} ms a round"
    if spent <= budget:
        return ok("budget", SUBJECT, text) if whole else cannot_tell("budget", SUBJECT, text)
    return finding(
        "budget",
        SUBJECT,
        text,
        why=f"the exporter must read less often than configured ({COLLECTOR_STRETCH.name} is above 1)",
        mend=f"{_longer(costs, budget)}, or raise budget.database_seconds_per_minute",
    )


def _longer(costs: Sequence[Cost], budget: float) -> str:
    """Name the interval with which the dearest collector fits into the budget; else, by how much all are to grow."""
    dearest = max(costs, key=lambda cost: cost.per_minute)
    left = budget - sum(cost.per_minute for cost in costs) + dearest.per_minute
    if left <= 0:
        factor = math.ceil(10 * sum(cost.per_minute for cost in costs) / budget) / 10
        return f"make the intervals of all collectors {factor:g} times as long"
    interval = math.ceil(dearest.seconds * _MINUTE / left / _STEP) * _STEP
    return f"set collectors: {{{dearest.collector}: {{interval: {interval}s}}}} (now {dearest.interval:g}s)"


def causes(exposition: str, role: str) -> Check:
    """Tell which causes of waiting can be named, by what the round of `pending` exposed."""
    told = {
        sample.labels["cause"]: sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name == PENDING_CAUSE_EVALUATED.name
    }
    unseen = [name for name, value in told.items() if not value and (name, role) not in _MEANINGLESS]
    if not told:
        return cannot_tell("causes", SUBJECT, "no round of collector pending went well")
    if unseen:
        return cannot_tell("causes", SUBJECT, f"never named, since their facts are not seen: {listed(unseen, 20)}")
    return ok("causes", SUBJECT, f"of waiting: the facts of all {sum(told.values()):.0f} that are possible here are seen")
