"""The mid-sourcing server, which sends for a marketing instance; what is known of it here, workflows copy now and then."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaign_simulator.journal import Journal, Outcome
from campaign_simulator.model import Delivery
from campaign_simulator.sending import HARD_ANSWERS
from campaign_simulator.vocabulary import FailureReason, LogStatus, State

# So slow that a copy every ten minutes shows a delivery in the middle of its life.
_SLOWER = 20.0
_RETRY_PERIOD = timedelta(hours=1)  # Adobe: on the first day at least so long
_RETRIED_EVERY = 30  # one message in so many is softly refused at first
_REFUSED_EVERY = 80  # and one in so many for good
_FIRST_REMOTE_ID = 70_001


@dataclass
class _Remote:
    """A delivery over there: its messages are settled in the order of their logs."""

    delivery: Delivery
    logs: range
    rate: float
    begun: datetime | None = None
    fetched: int = 0  # of the logs that are here
    over: bool = False  # and known here to be over

    def at(self, now: datetime) -> tuple[State, int]:
        """Return its state at a moment, and how many messages are settled."""
        total = len(self.logs)
        first = total - total // _RETRIED_EVERY
        elapsed = now - (self.begun or now)
        tried = int(elapsed.total_seconds() * self.rate)
        if tried < total:
            return State.IN_PROGRESS, min(tried, first)
        waited = elapsed - timedelta(seconds=total / self.rate)
        again = int((waited - _RETRY_PERIOD).total_seconds() * self.rate)
        if again < 0 and first < total:
            return State.RETRY_PENDING, first
        settled = min(first + max(again, 0), total)
        return (State.RETRY_IN_PROGRESS if settled < total else State.FINISHED), settled


class MidServer:
    """Takes deliveries, and tells what became of them."""

    def __init__(self, journal: Journal, messages_per_second: float) -> None:
        self._journal = journal
        self._rate = messages_per_second / _SLOWER
        self._last_id = _FIRST_REMOTE_ID
        self._remotes: dict[int, _Remote] = {}

    def prepare(self, delivery: Delivery, logs: range) -> None:
        """Make a delivery over there, to be started later."""
        self._last_id += 1
        delivery.mid_remote_id = self._last_id
        self._remotes[delivery.delivery_id] = _Remote(delivery, logs, self._rate)

    def start(self, delivery: Delivery, now: datetime) -> None:
        """Start a delivery unless it was."""
        remote = self._remotes.get(delivery.delivery_id)
        if remote is not None:
            remote.begun = remote.begun or now

    def copy(self, now: datetime) -> list[tuple[Delivery, State]]:
        """Bring counters up to date; returns what was started, and the state that it has over there."""
        started = [remote for remote in self._remotes.values() if remote.begun and not remote.over]
        copies = [(remote.delivery, _copy(remote, now)) for remote in started]
        self._forget()
        return copies

    def fetch_logs(self, now: datetime) -> None:
        """Write the logs of messages that were settled since the last time."""
        for remote in self._remotes.values():
            settled = remote.at(now)[1]
            fresh = range(remote.fetched, settled)
            self._journal.settled(_outcome(log, remote.logs[log], now) for log in fresh)
            remote.fetched = settled
        self._forget()

    def _forget(self) -> None:
        """Drop what is over, and known here in full."""
        done = [key for key, remote in self._remotes.items() if remote.over and remote.fetched == len(remote.logs)]
        for key in done:
            del self._remotes[key]


def _copy(remote: _Remote, now: datetime) -> State:
    """Bring the counters of one delivery up to date; returns its state over there."""
    delivery = remote.delivery
    state, settled = remote.at(now)
    delivery.error = settled // _REFUSED_EVERY
    delivery.success = settled - delivery.error
    delivery.new_quarantine = delivery.error
    delivery.reasons = {FailureReason.USER_UNKNOWN: delivery.error}
    delivery.broad_start = remote.begun
    retrying = state in {State.RETRY_PENDING, State.RETRY_IN_PROGRESS}
    delivery.softly_bounced = list(remote.logs[settled:]) if retrying else []
    remote.over = state == State.FINISHED
    return state


def _outcome(number: int, log: int, now: datetime) -> Outcome:
    """Return what became of a message: the counters refuse every so many."""
    if number % _REFUSED_EVERY == _REFUSED_EVERY - 1:
        return Outcome(log, LogStatus.FAILED, HARD_ANSWERS[0].message_id, now)
    return Outcome(log, LogStatus.SENT, 0, now)
