"""How single attempts to send end, and what is counted for them."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaign_simulator.journal import Journal, Outcome
from campaign_simulator.mail_servers import Attempt, MailServers
from campaign_simulator.model import Delivery, Part, SendingStat
from campaign_simulator.vocabulary import FailureReason, FailureType, LogStatus, domain_of

MAX_RETRY = 5  # Adobe: five retries on the first day
STAT_PERIOD = timedelta(minutes=10)


@dataclass(frozen=True)
class Answer:
    """A mail server's refusal (NmsBroadLogMsg)."""

    message_id: int
    kind: FailureType
    reason: FailureReason
    text: str


HARD_ANSWERS = (
    Answer(1, FailureType.HARD, FailureReason.USER_UNKNOWN, "550 5.1.1 User unknown"),
    Answer(2, FailureType.HARD, FailureReason.REFUSED, "554 5.7.1 Message refused"),
)
SOFT_ANSWERS = (
    Answer(3, FailureType.SOFT, FailureReason.UNREACHABLE, "421 4.4.2 Connection timed out"),
    Answer(4, FailureType.SOFT, FailureReason.MAILBOX_FULL, "452 4.2.2 Mailbox full"),
    Answer(5, FailureType.SOFT, FailureReason.INVALID_DOMAIN, "451 4.1.2 Domain not found"),
    Answer(6, FailureType.SOFT, FailureReason.REFUSED, "451 4.7.1 Try again later"),
)
COMPLAINT = Answer(7, FailureType.HARD, FailureReason.DENYLISTED, "Feedback loop: reported as spam")
ANSWERS = (*HARD_ANSWERS, *SOFT_ANSWERS, COMPLAINT)
_DELIVERED = (0.955, 0.6)  # shares of first attempts, and of retries
_HARD = (0.012, 0.006)
_UNKNOWN = 0.1  # share of attempts, while users are unknown
_FULL = (2, 9)  # so many mailboxes of so many, while mailboxes are full
_COMPLAINS = 100  # one of so many recipients, while they complain
_REFUSED = 0.5  # share of attempts, while mail servers refuse


@dataclass
class Slowness:
    """A delivery's own limit, in messages a second; what a step does not use up is kept, up to a second's worth."""

    rate: float
    credit: float = 0.0

    def allow(self, wanted: int, elapsed: float) -> int:
        """Tell how many of the messages that could be sent may be sent."""
        self.credit += self.rate * elapsed
        allowed = min(wanted, int(self.credit))
        self.credit = min(self.credit - allowed, max(self.rate, 1.0))
        return allowed


class Sender:
    """Tries messages and counts; the counts are the truth about throughput."""

    def __init__(self, journal: Journal, chance: random.Random) -> None:
        self._journal = journal
        self._chance = chance
        self._stats: dict[tuple[datetime, int], SendingStat] = {}
        self.mail_servers = MailServers(journal)
        self.size_factor = 1.0  # how many times larger than usual mails are
        self.messages: Counter[tuple[str, str]] = Counter()  # by (success or error, first or retry)
        self.bytes = 0.0
        self.refused = False  # whether mail servers refuse far more than usual
        self.refusing_domains: set[str] = set()  # that refuse all messages
        self.unknown_users = False  # whether many users are unknown
        self.full_mailboxes: set[str] = set()  # domains of which many mailboxes are full, and are not tried again
        self.complaining = False  # whether many recipients report what they get as spam
        self._complaints: list[int] = []  # logs of those who are about to
        self.simulated = 0  # attempts with verify mode, which are not messages

    def attempt(
        self, delivery: Delivery, part: Part, logs: Sequence[int], now: datetime, public_ids: Sequence[int] = ()
    ) -> list[int]:
        """Try messages of a part once, through our addresses in turn; returns the logs of those that were delivered."""
        self._complain(now)
        delivered = []
        tried = []
        for log in logs:
            answer = self._answer(part, log)
            if public_ids:
                public_id = public_ids[log // 4 % len(public_ids)]
                tried.append(Attempt(log, public_id, answer.reason, answer.text) if answer else Attempt(log, public_id))
            if answer is None:
                delivered.append(log)
                self._journal.settled([Outcome(log, LogStatus.SENT, 0, now)])
            else:
                self._fail(delivery, part, Outcome(log, LogStatus.FAILED, answer.message_id, now), answer)
        self._complaints += [log for log in delivered if self.complaining and log % _COMPLAINS == 0]
        self.mail_servers.note(tried, now)
        delivery.success += len(delivered)
        self._count(delivery, part, len(delivered), len(logs) - len(delivered), now)
        return delivered

    def _complain(self, now: datetime) -> None:
        """Take in complaints about what was delivered before: their logs fail, though the messages arrived (kb KA-21661)."""
        failed = [Outcome(log, LogStatus.FAILED, COMPLAINT.message_id, now) for log in self._complaints]
        self._journal.settled(failed)
        self._complaints = []

    def remember(self, stats: Iterable[SendingStat]) -> None:
        """Count what was sent before the simulation began."""
        for stat in stats:
            self.messages["success", "first"] += stat.first_success
            self.messages["error", "first"] += stat.first_error
            self.messages["success", "retry"] += stat.retries_success
            self.messages["error", "retry"] += stat.retries_error
            self.bytes += stat.volume

    def forget_before(self, now: datetime) -> None:
        """Drop periods that are over: they were written."""
        self._stats = {key: stat for key, stat in self._stats.items() if stat.date > now - 2 * STAT_PERIOD}

    def _answer(self, part: Part, log: int) -> Answer | None:
        """Draw the mail server's answer; none when it takes the message."""
        retry = min(part.retry, 1)
        if domain_of(log) in self.refusing_domains:
            return SOFT_ANSWERS[-1]
        if domain_of(log) in self.full_mailboxes and log % _FULL[1] < _FULL[0]:
            return SOFT_ANSWERS[1]
        if self.unknown_users and self._chance.random() < _UNKNOWN:
            return HARD_ANSWERS[0]
        if self.refused and self._chance.random() < _REFUSED:
            return SOFT_ANSWERS[-1]
        drawn = self._chance.random()
        if drawn < _DELIVERED[retry]:
            return None
        return self._chance.choice(HARD_ANSWERS if drawn > 1 - _HARD[retry] else SOFT_ANSWERS)

    def _fail(self, delivery: Delivery, part: Part, outcome: Outcome, answer: Answer) -> None:
        """Note a refusal: softly refused messages are tried again, but not for ever."""
        given_up = domain_of(outcome.log_id) in self.full_mailboxes and answer.reason == FailureReason.MAILBOX_FULL
        if answer.kind == FailureType.SOFT and part.retry < MAX_RETRY and not given_up:
            delivery.softly_bounced.append(outcome.log_id)
            outcome = Outcome(outcome.log_id, LogStatus.PENDING, outcome.message_id, outcome.when)
        else:
            delivery.error += 1
            delivery.reasons[answer.reason] = delivery.reasons.get(answer.reason, 0) + 1
            delivery.new_quarantine += answer.reason == FailureReason.USER_UNKNOWN
        self._journal.settled([outcome])

    def _count(self, delivery: Delivery, part: Part, delivered: int, refused: int, now: datetime) -> None:
        """Add attempts to the period's statistics and to the truth."""
        stat = self._stat(delivery, now)
        volume = (delivered + refused) * delivery.message_bytes * self.size_factor
        stat.volume += volume
        if part.retry:
            stat.retries_success += delivered
            stat.retries_error += refused
        else:
            stat.first_success += delivered
            stat.first_error += refused
        if delivery.verify_mode:
            self.simulated += delivered + refused
            return
        attempt = "retry" if part.retry else "first"
        self.messages["success", attempt] += delivered
        self.messages["error", attempt] += refused
        self.bytes += volume

    def _stat(self, delivery: Delivery, now: datetime) -> SendingStat:
        """Return the statistics of a delivery for the current period."""
        date = floor(now, STAT_PERIOD)
        key = (date, delivery.delivery_id)
        if key not in self._stats:
            self._stats[key] = SendingStat(date, delivery.delivery_id, delivery.verify_mode)
        self._journal.stats[key] = self._stats[key]
        return self._stats[key]


def floor(moment: datetime, period: timedelta) -> datetime:
    """Return the beginning of the period that a moment lies in."""
    seconds = moment.timestamp()
    return datetime.fromtimestamp(seconds - seconds % period.total_seconds(), tz=moment.tzinfo)
