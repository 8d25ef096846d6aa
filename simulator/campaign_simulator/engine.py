"""The delivery engine: takes deliveries through Campaign's states, in whatever time it is told."""

import logging
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg

from campaign_simulator.journal import Ids, Journal, LogRange, Outcome, part_ranges
from campaign_simulator.mid_sourcing import MidServer
from campaign_simulator.model import PART_SIZE, Delivery, Part
from campaign_simulator.obstacles import COPIER, Site, held, module_of
from campaign_simulator.sending import Sender, Slowness
from campaign_simulator.tracking import Tracker
from campaign_simulator.traffic import Traffic
from campaign_simulator.upkeep import Upkeep, create_upkeep
from campaign_simulator.vocabulary import PENDING, PREPARATION, SENDING, Channel, DeliveryMode, LogStatus, State
from campaign_simulator.workflows import Workflows

RETRY_PERIOD = timedelta(seconds=90)  # Adobe advises an hour; a demo has not the time
_REJECTED_EVERY = 50  # for so many messages rules leave one recipient out
_MAX_STEP_SECONDS = 60.0  # what a longer sleep would have sent is lost
_STATES_OF_NOTE = frozenset({State.START_PENDING, State.RETRY_PENDING, State.FINISHED})
_LOG = logging.getLogger(__name__)


class Engine:
    """All deliveries of an instance, and what happens to them."""

    def __init__(self, site: Site, *, now: datetime, seed: int = 1, messages_per_second: float = 40.0) -> None:
        self.site = site
        self.now = now
        self.journal = Journal()
        self.ids = Ids()
        self.active: dict[int, Delivery] = {}
        self.settled: Counter[tuple[int | None, int | None]] = Counter()  # deliveries at rest, by (state, channel)
        self.remaining_elsewhere: Counter[tuple[int | None, int | None]] = Counter()  # messages of rows put in by hand
        self._chance = random.Random(seed)  # noqa: S311  repeatable, not secret
        self._rate = messages_per_second
        self._credit = 0.0
        self.pace = 1.0  # the share of its rate at which the mta sends
        self.halted: set[int] = set()  # deliveries in progress that the mta has forgotten
        self.slowed: dict[int, Slowness] = {}  # deliveries that go no faster than this
        self.sender = Sender(self.journal, self._chance)
        self.tracker = Tracker(self.journal, self.ids, self._chance)
        self.last_sent: dict[str, datetime] = {}  # when something last went out, by IP affinity
        self.upkeep = Upkeep()
        self.mid = MidServer(self.journal, messages_per_second)
        self.traffic = Traffic(self.ids, self._chance, messages_per_second, marketing=site.marketing)
        work = {COPIER: self._copy_from_mid, "defaultMidSourcingLog": self.mid.fetch_logs}
        self.workflows = Workflows(self.journal, self.ids, site, self._chance, work)

    def create(self, time_zone: str = "UTC", *, with_time_zone: bool = True) -> None:
        """Note what a new instance holds before anything is sent."""
        self.traffic.write_fixtures(self.journal)
        self.workflows.create(self.now, time_zone, with_time_zone=with_time_zone)
        for delivery in self.traffic.at_rest(self.now):
            self.journal.changed(delivery)
            if delivery.state == State.PAUSED:
                self.active[delivery.delivery_id] = delivery
            else:
                self.settled[delivery.state, delivery.channel] += 1

    def create_upkeep(self, connection: psycopg.Connection) -> None:
        """Make the work tables and events that a new instance has."""
        delivery = next(iter(self.active))  # the paused one
        workflow = self.site.workflows["cleanup"].workflow_id
        create_upkeep(connection, self.upkeep, delivery=delivery, workflow=workflow, now=self.now)

    def step(self, now: datetime) -> None:
        """Let happen what happens until now."""
        elapsed = min(max(0.0, (now - self.now).total_seconds()), _MAX_STEP_SECONDS)
        self.now = max(now, self.now)
        self._send(elapsed)
        for delivery in list(self.active.values()):
            self._prepare(delivery)
            self._pass_on(delivery)
        for delivery in self.traffic.arrivals(self.now, elapsed, len(self.active)):
            self.add(delivery)
        self.tracker.step(self.now, noted=not self.site.down("trackinglogd"), fetched=self.workflows.at_work("tracking"))
        self.workflows.step(self.now)
        self.sender.forget_before(self.now)

    def add(self, delivery: Delivery) -> None:
        """Take on a delivery."""
        self.active[delivery.delivery_id] = delivery
        self.note(delivery)

    def launch(self, delivery: Delivery, state: State = State.START_PENDING) -> None:
        """Take on a delivery in a state of its life, with what its preparation had made by then."""
        if state >= State.MESSAGE_READY:
            self._personalize(delivery)
        self._enter(delivery, state)
        self.add(delivery)

    def send_first_pass(self, delivery: Delivery) -> None:
        """Send what a delivery has at once, faster than the mta would."""
        self.send_at_once(delivery, delivery.size)

    def send_at_once(self, delivery: Delivery, messages: int) -> None:
        """Send some of what a delivery has, faster than the mta would."""
        self.now = max(self.now, delivery.contact)  # it was made a moment after the last step, and would not be due
        self._send_some(delivery, messages)

    def fail(self, delivery: Delivery) -> None:
        """End a delivery that cannot be sent."""
        self._end(delivery, State.FAILED)

    def stop(self, delivery: Delivery) -> None:
        """End a delivery that somebody stops, whatever is left of it."""
        self.drop_parts(delivery)
        self._end(delivery, State.STOPPED)

    def make_parts(self, delivery: Delivery, logs: range | list[int], next_pass: datetime, retry: int = 0) -> None:
        """Cut messages into parts, to be sent from a moment on."""
        for part_logs in part_ranges(logs, PART_SIZE):
            part = Part(self.ids.next(), delivery.delivery_id, part_logs, next_pass, retry)
            delivery.parts[part.part_id] = part
            self.journal.changed_part(part)

    def drop_parts(self, delivery: Delivery) -> list[Part]:
        """Lose a delivery's parts; returns them."""
        lost = list(delivery.parts.values())
        delivery.parts.clear()
        for part in lost:
            self.journal.removed_part(part)
        return lost

    def touch(self, delivery: Delivery) -> None:
        """Note that a delivery changed just now."""
        delivery.modified = self.now
        self.note(delivery)

    def note(self, delivery: Delivery) -> None:
        """Note that a delivery is not what it was."""
        self.site.note(delivery)
        self.journal.changed(delivery)

    def sent(self, delivery: Delivery, when: datetime) -> None:
        """Note that something of a delivery went out."""
        affinity = delivery.effective_affinity
        if affinity:
            self.last_sent[affinity] = max(when, self.last_sent.get(affinity, when))

    def _enter(self, delivery: Delivery, state: State) -> None:
        """Give a delivery another state."""
        delivery.state = state
        if state in _STATES_OF_NOTE:
            _LOG.info("%s %s", delivery.internal_name, state.name.lower().replace("_", " "))
        if state >= State.START_PENDING:
            delivery.ready_at = None
            delivery.started = delivery.started or self.now
        self.touch(delivery)

    def _prepare(self, delivery: Delivery) -> None:
        """Go on by one step of the preparation, if it is time and nothing stands against it."""
        if delivery.ready_at is None or delivery.ready_at > self.now or held(delivery, self.site, self.now):
            return
        following = _after(delivery.state)
        if following == State.MESSAGE_READY:
            self._personalize(delivery)
        delivery.ready_at = self.now + timedelta(seconds=self._chance.uniform(0.5, 2.5))
        self._enter(delivery, following)

    def _personalize(self, delivery: Delivery) -> None:
        """Write the delivery logs and the parts."""
        delivery.to_deliver = delivery.size
        delivery.rejected = delivery.size // _REJECTED_EVERY
        logs = self.ids.logs(delivery.size)
        self.journal.prepared(LogRange(delivery.delivery_id, logs.start, len(logs), self.now))
        if delivery.mode == DeliveryMode.MID_SOURCING:
            self.mid.prepare(delivery, logs)
        else:
            self.make_parts(delivery, logs, max(delivery.contact, self.now))

    def _pass_on(self, delivery: Delivery) -> None:
        """Let the mid-sourcing server begin, if it is time and nothing stands against it."""
        elsewhere = delivery.mode == DeliveryMode.MID_SOURCING and delivery.state == State.START_PENDING
        if elsewhere and not held(delivery, self.site, self.now):
            self.mid.start(delivery, self.now)

    def _copy_from_mid(self, now: datetime) -> None:
        """Take over what the mid-sourcing server says of its deliveries."""
        for delivery, state in self.mid.copy(now):
            self.tracker.begin(delivery)
            if state == State.FINISHED:
                self._finish(delivery)
            elif state == delivery.state:
                self.touch(delivery)
            else:
                self._enter(delivery, state)

    def _send(self, elapsed: float) -> None:
        """Share the messages that can be sent among the deliveries that can send, the longest waiting first."""
        self._credit += elapsed * self._rate * self.pace
        sending = [d for d in self.active.values() if self._can_send(d)]
        sending.sort(key=lambda delivery: (delivery.broad_start is not None, delivery.modified or delivery.created))
        for index, delivery in enumerate(sending):
            share = min(int(self._credit), max(1, int(self._credit / (len(sending) - index))))
            slowness = self.slowed.get(delivery.delivery_id)
            share = share if slowness is None else slowness.allow(share, elapsed)
            if share:
                self._credit -= self._send_some(delivery, share)
        self._credit = min(self._credit, self._rate)  # an idle mta saves up nothing

    def _can_send(self, delivery: Delivery) -> bool:
        ours = delivery.state in PENDING | SENDING and delivery.mode != DeliveryMode.MID_SOURCING
        return ours and delivery.delivery_id not in self.halted and not held(delivery, self.site, self.now)

    def _send_some(self, delivery: Delivery, count: int) -> int:
        """Send up to so many messages of a delivery; returns how many were tried."""
        delivery.broad_start = delivery.broad_start or self.now
        self.tracker.begin(delivery)
        if delivery.state in PENDING:
            retrying = delivery.state == State.RETRY_PENDING
            self._enter(delivery, State.RETRY_IN_PROGRESS if retrying else State.IN_PROGRESS)
        left = count
        for part in delivery.due_parts(self.now):
            left -= self._send_part(delivery, part, left) if left else 0
        if not delivery.parts:
            self._end_pass(delivery)
        self.touch(delivery)
        if left < count:
            self.sent(delivery, self.now)
        return count - left

    def _send_part(self, delivery: Delivery, part: Part, count: int) -> int:
        """Send up to so many messages of a part; returns how many were tried."""
        self._assign(delivery, part)
        logs = part.logs[part.sent : part.sent + count]
        if delivery.automatic:
            delivered = self.sender.attempt(delivery, part, logs, self.now, self._public_ids(delivery, part))
            self.tracker.received(delivery, delivered, self.now)
        else:
            delivery.success += len(logs)
            self.journal.settled(Outcome(log, LogStatus.SENT, 0, self.now) for log in logs)
        part.sent += len(logs)
        self.journal.changed_part(part)
        if part.sent == len(part.logs):
            del delivery.parts[part.part_id]
            self.journal.removed_part(part)
        return len(logs)

    def _assign(self, delivery: Delivery, part: Part) -> None:
        """Give a part to a process that may send it."""
        module, servers = module_of(delivery), self.site.servers
        hosts = sorted(servers.running_on(module))
        if delivery.effective_affinity:
            hosts = sorted(set(hosts) & set(servers.declaring(delivery.effective_affinity)))
        if hosts:
            host = part.hostname if part.hostname in hosts else self._chance.choice(hosts)
            part.hold(host, servers.process_id(host, module))

    def _public_ids(self, delivery: Delivery, part: Part) -> Sequence[int]:
        """Return the addresses that mails of a part leave from."""
        if delivery.channel != Channel.EMAIL or not part.hostname:
            return ()
        return self.site.servers.public_ids(part.hostname, delivery.effective_affinity or "default")

    def _end_pass(self, delivery: Delivery) -> None:
        """Plan another pass for softly refused messages, or be done."""
        if not delivery.softly_bounced:
            self._finish(delivery)
            return
        delivery.retries += 1
        self.make_parts(delivery, delivery.softly_bounced, self.now + RETRY_PERIOD, delivery.retries)
        delivery.softly_bounced = []
        self._enter(delivery, State.RETRY_PENDING)

    def _finish(self, delivery: Delivery) -> None:
        """End a delivery of which all is sent."""
        delivery.broad_end = self.now
        self._end(delivery, State.FINISHED)

    def _end(self, delivery: Delivery, state: State) -> None:
        self._enter(delivery, state)
        del self.active[delivery.delivery_id]
        self.settled[delivery.state, delivery.channel] += 1


def _after(state: State) -> State:
    """Return the state that follows in the preparation."""
    order = (State.BEING_EDITED, *PREPARATION, State.START_PENDING)
    return order[order.index(state) + 1]
