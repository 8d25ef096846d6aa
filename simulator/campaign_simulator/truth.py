"""What the simulator knows to be true, for tests to compare with what is measured."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaign_simulator.engine import Engine
from campaign_simulator.hosts import Hosts
from campaign_simulator.model import Delivery
from campaign_simulator.obstacles import causes
from campaign_simulator.recipients import by_activity, denylisted
from campaign_simulator.sending import ANSWERS
from campaign_simulator.vocabulary import PENDING, PREPARATION, SENDING, Cause, LogStatus, State

_UNDER_WAY = range(State.START_PENDING, State.STOPPED)  # Adobe: launched and not over
StateAndChannel = tuple[int | None, int | None]


@dataclass(frozen=True)
class PendingDelivery:
    """A delivery that is not being sent, and why: all causes that hold, in order of precedence; the first is the cause."""

    delivery_id: int
    label: str
    state: int
    channel: int
    cause: str
    causes: tuple[str, ...]
    messages: int  # that wait in it
    clue: str | None = None  # a trace for whoever looks closer, such as job-log:quota


@dataclass(frozen=True)
class Coming:
    """Messages of a delivery of this instance that are to be sent later."""

    delivery_id: int
    moment: datetime
    messages: int
    launched: bool


@dataclass(frozen=True)
class Truth:
    """The state of the simulated instance at one moment, out of its model and not out of its database.

    Deliveries and messages leave out what monitoring has to leave out: templates, deleted deliveries, proofs, the
    zero record; attempts in verify mode.
    """

    moment: datetime
    deliveries: Mapping[StateAndChannel, int]
    messages: Mapping[tuple[str, str], int]  # attempts since the database was made, by (success|error, first|retry)
    bytes: float
    message_statuses: Mapping[int, int]  # messages that came into a status since the database was made
    message_failures: Mapping[tuple[int, int, int], int]  # by status (failed, or pending again), kind and reason
    tracking: Mapping[str, int]  # what recipients did, as far as the database knows: open, click, opt_out, mirror_page
    recipients: Mapping[str, int]  # by what they did of late: active, inactive, new (created since), unknown (undated)
    recipients_denylisted: Mapping[str, int]  # by channel
    started: Mapping[tuple[int, bool], int]  # deliveries whose sending began within a day, by channel and tracked links
    message_domains: Mapping[tuple[str, str], int]  # by domain and what was said of them: sent, postponed, soft, hard
    simulated_attempts: int
    messages_remaining: Mapping[StateAndChannel, int]  # of deliveries in states 51 to 84
    under_way: Mapping[StateAndChannel, Mapping[str, int]]  # counters of deliveries in these states, by kind
    coming: tuple[Coming, ...]
    past_validity: Mapping[int, int]  # messages not tried by then, by delivery that is slowed down
    processes: Mapping[str, Mapping[str, int]]  # 1 or 0, by host and module that is to run
    affinities: Mapping[str, tuple[str, ...]]  # by host
    pending: tuple[PendingDelivery, ...]
    database_blocked_since: datetime | None  # since when sessions wait for a table that sending needs
    last_sent: Mapping[str, datetime]  # by IP affinity: for an hour nobody may call it unconfigured
    faults: Mapping[str, tuple[str, ...]]  # targets, by active fault
    mail_servers: Mapping[str, tuple[int, int]]  # connections, and those that came to nothing, that the mta has noted
    postponed_parts: Mapping[str, int]  # lines of mta.log about them, by host
    work_tables: Mapping[tuple[str, str], int]  # by prefix and standing
    workflow_troubles: Mapping[str, str]  # the latest trouble, by technical workflow that has one
    tracking_pointer: datetime | None  # up to when tracking logs were fetched, where that is kept as a date
    last_cleanup: datetime | None  # when cleanup last came to its end
    events_waiting: int  # transactional events that should have been processed
    open_transactions: int  # of sessions that do nothing
    last_id: int  # that the shared sequence gave out

    @property
    def causes(self) -> Counter[str]:
        """How many deliveries are pending, by cause."""
        return Counter(delivery.cause for delivery in self.pending)

    def as_dict(self) -> dict[str, Any]:
        """Return the truth as JSON can hold it; keys of pairs are nested, missing numbers are `null`."""
        return {
            "moment": self.moment.isoformat(),
            "deliveries": _nested(self.deliveries),
            "messages": _nested(self.messages),
            "bytes": self.bytes,
            "message_statuses": {str(status): count for status, count in self.message_statuses.items()},
            "message_failures": {"/".join(map(str, key)): count for key, count in self.message_failures.items()},
            "tracking": dict(self.tracking),
            "recipients": dict(self.recipients),
            "recipients_denylisted": dict(self.recipients_denylisted),
            "started": [
                {"channel": channel, "tracked": tracked, "deliveries": count}
                for (channel, tracked), count in self.started.items()
            ],
            "message_domains": _nested(self.message_domains),
            "simulated_attempts": self.simulated_attempts,
            "messages_remaining": _nested(self.messages_remaining),
            "under_way": _nested(self.under_way),
            "coming": [{**vars(each), "moment": each.moment.isoformat()} for each in self.coming],
            "past_validity": {str(number): messages for number, messages in self.past_validity.items()},
            "processes": {host: dict(modules) for host, modules in self.processes.items()},
            "affinities": {host: list(names) for host, names in self.affinities.items()},
            "pending": [vars(delivery) for delivery in self.pending],
            "database_blocked_since": self.database_blocked_since and self.database_blocked_since.isoformat(),
            "last_sent": {affinity: when.isoformat() for affinity, when in self.last_sent.items()},
            "causes": dict(self.causes),
            "postponed_parts": dict(self.postponed_parts),
            "mail_servers": {name: list(counts) for name, counts in self.mail_servers.items()},
            "work_tables": _nested(self.work_tables),
            "workflow_troubles": dict(self.workflow_troubles),
            "tracking_pointer": self.tracking_pointer and self.tracking_pointer.isoformat(),
            "last_cleanup": self.last_cleanup and self.last_cleanup.isoformat(),
            "events_waiting": self.events_waiting,
            "open_transactions": self.open_transactions,
            "last_id": self.last_id,
            "faults": {name: list(targets) for name, targets in self.faults.items()},
        }


def tell_truth(engine: Engine, hosts: Hosts, moment: datetime, faults: Mapping[str, tuple[str, ...]]) -> Truth:
    """Say what is true of the engine and the servers at a moment."""
    deliveries = Counter(engine.settled)
    remaining: Counter[StateAndChannel] = Counter(engine.remaining_elsewhere)
    for delivery in engine.active.values():
        key = (int(delivery.state), int(delivery.channel))
        deliveries[key] += 1
        if delivery.state in _UNDER_WAY:
            remaining[key] += delivery.remaining
    return Truth(
        moment=moment,
        deliveries={key: count for key, count in deliveries.items() if count},
        messages=dict(engine.sender.messages),
        bytes=engine.sender.bytes,
        tracking={kind.name.lower(): count for kind, count in engine.tracker.events.items()},
        recipients=by_activity(engine.tracker.reacted),
        recipients_denylisted=denylisted(engine.tracker.left),
        started=engine.tracker.started(moment),
        **_fates(engine.journal.fates),
        simulated_attempts=engine.sender.simulated,
        messages_remaining=dict(remaining),
        under_way=_under_way(engine),
        coming=tuple(each for delivery in engine.active.values() for each in _coming(delivery, moment)),
        past_validity=dict(_past_validity(engine, moment)),
        processes={
            name: {module: int(module in host.processes) for module in host.plan.modules}
            for name, host in hosts.by_name.items()
        },
        affinities={name: tuple(sorted(host.affinities)) for name, host in hosts.by_name.items()},
        pending=tuple(_pending(engine, moment)),
        database_blocked_since=engine.site.blocked_since,
        last_sent=dict(engine.last_sent),
        faults=dict(faults),
        mail_servers=engine.sender.mail_servers.told(),
        postponed_parts={name: host.files.postponed for name, host in hosts.by_name.items()},
        work_tables=dict(engine.upkeep.work_tables),
        workflow_troubles={name: str(trouble) for name, trouble in engine.workflows.troubled.items()},
        tracking_pointer=engine.workflows.dated_pointer,
        last_cleanup=engine.workflows.last_cleanup,
        events_waiting=engine.upkeep.events_waiting,
        open_transactions=engine.upkeep.open_transactions,
        last_id=engine.ids.sequence,
    )


def _fates(fates: Mapping[tuple[int, int, str], int]) -> dict[str, Any]:
    """Add up what became of messages."""
    answers = {answer.message_id: answer for answer in ANSWERS}
    statuses: Counter[int] = Counter()
    failures: Counter[tuple[int, int, int]] = Counter()
    domains: Counter[tuple[str, str]] = Counter()
    for (status, message_id, domain), count in fates.items():
        statuses[int(status)] += count
        answer = answers.get(message_id)
        if answer is not None:
            failures[int(status), int(answer.kind), int(answer.reason)] += count
        if status == LogStatus.SENT:
            domains[domain, "sent"] += count
        elif answer is not None:
            domains[domain, "postponed" if status == LogStatus.PENDING else answer.kind.name.lower()] += count
    return {"message_statuses": statuses, "message_failures": failures, "message_domains": domains}


def _pending(engine: Engine, moment: datetime) -> list[PendingDelivery]:
    """List what should be sending and is not, and what a documented cause keeps from being launched."""
    found = []
    for delivery in engine.active.values():
        why = causes(delivery, engine.site, moment)
        if delivery.state in PENDING:
            found.append(_waiting(delivery, why or (Cause.UNKNOWN,)))  # due, and not taken yet
        elif why and delivery.state in PREPARATION and engine.site.in_window(delivery, moment):
            found.append(_waiting(delivery, why))
    return found


def _waiting(delivery: Delivery, why: tuple[Cause, ...]) -> PendingDelivery:
    return PendingDelivery(
        delivery.delivery_id,
        delivery.label,
        int(delivery.state),
        int(delivery.channel),
        str(why[0]),
        tuple(map(str, why)),
        delivery.remaining,
        delivery.clue,
    )


def _under_way(engine: Engine) -> dict[StateAndChannel, Mapping[str, int]]:
    """Sum the counters of what is launched and not over; rows put in by hand have messages to deliver alone."""
    sums: dict[StateAndChannel, Counter[str]] = {
        key: Counter(to_deliver=messages) for key, messages in engine.remaining_elsewhere.items()
    }
    for delivery in engine.active.values():
        if delivery.state in _UNDER_WAY:
            sums.setdefault((int(delivery.state), int(delivery.channel)), Counter()).update(
                to_deliver=delivery.to_deliver,
                processed=delivery.processed,
                success=delivery.success,
                error=delivery.error,
                rejected=delivery.rejected,
                quarantined=delivery.new_quarantine,
            )
    return {key: dict(counts) for key, counts in sums.items()}


def _coming(delivery: Delivery, moment: datetime) -> Iterator[Coming]:
    """List what is to be sent later of a delivery that is prepared, and that this instance sends."""
    launched = delivery.state in PENDING | SENDING
    if delivery.automatic and (launched or delivery.state in {State.MESSAGE_READY, State.READY}):
        for part in delivery.parts.values():
            start = max(part.next_pass, delivery.contact)
            if start > moment:
                yield Coming(delivery.delivery_id, start, len(part.logs) - part.sent, launched)


def _past_validity(engine: Engine, moment: datetime) -> Iterator[tuple[int, int]]:
    for number, slowness in engine.slowed.items():
        delivery = engine.active.get(number)
        if delivery is not None and delivery.validity is not None:
            in_time = slowness.rate * max((delivery.validity - moment).total_seconds(), 0.0)
            yield number, max(delivery.remaining - int(in_time), 0)


def _nested(counts: Mapping[Any, Any]) -> dict[str, dict[str, Any]]:
    """Turn pairs of keys into two levels of text keys."""
    result: dict[str, dict[str, Any]] = {}
    for (first, second), count in counts.items():
        result.setdefault(_text(first), {})[_text(second)] = count
    return result


def _text(key: object) -> str:
    return "null" if key is None else str(key)
