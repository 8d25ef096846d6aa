"""Mail servers, and how they take our connections: what the mta notes in NmsEmailErrorStat and NmsEmailError."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaign_simulator.journal import AddressError, Journal, SmtpStat
from campaign_simulator.vocabulary import FailureReason

NAMES = ("mail.example", "post.example", "free.example", "web.example")
#: 203.0.113.0 as a signed number, as Campaign stores it.
FIRST_NUMBER = (203 << 24 | 113 << 8) - (1 << 32)
PERIOD = timedelta(minutes=5)  # Adobe: errorPeriodSec
MIN_CONNECTIONS = 100  # Adobe: minConnectionsToLog; minMessagesToLog, 1000, is more than is ever simulated
#: Connections that a server which refuses them is tried with, for each message.
_ATTEMPTS = 20
_BUSY = "421 4.7.0 [203.0.113.9] Connection refused, try again later <postmaster@{name}> session 7F3A9C21D0"


@dataclass(frozen=True)
class Attempt:
    """One message that was tried: through which address of ours, and why it failed, if it did."""

    log_id: int
    public_id: int
    reason: FailureReason | None = None
    text: str = ""


class MailServers:
    """Counts connections by mail server and address of ours; it draws nothing by chance."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._periods: dict[tuple[datetime, int, int], SmtpStat] = {}
        self.refusing: set[str] = set()
        #: Connections, and those that came to nothing, by mail server: of all that was noted.
        self.connections: Counter[str] = Counter()
        self.unconnected: Counter[str] = Counter()

    def note(self, attempts: Sequence[Attempt], now: datetime) -> None:
        """Count attempts; a period is noted once it has enough connections."""
        date = _floor(now)
        for attempt in attempts:
            number = 1 + attempt.log_id % len(NAMES)  # as the address of the log has it
            key = (date, FIRST_NUMBER + number, attempt.public_id)
            stat = self._periods.setdefault(key, SmtpStat(*key))
            before = (stat.connections, stat.unconnected) if stat.connections >= MIN_CONNECTIONS else (0, 0)
            self._count(stat, NAMES[number - 1], attempt, now)
            if stat.connections >= MIN_CONNECTIONS:
                self._journal.smtp_stats[key] = stat
                self.connections[NAMES[number - 1]] += stat.connections - before[0]
                self.unconnected[NAMES[number - 1]] += stat.unconnected - before[1]
        self._periods = {key: stat for key, stat in self._periods.items() if key[0] > date - 2 * PERIOD}

    def forget(self, name: str) -> int:
        """Forget what was noted of a mail server, and return its number: time does not go on by an hour for a demo."""
        number = FIRST_NUMBER + 1 + NAMES.index(name)
        for known in (self._periods, self._journal.smtp_stats):
            for key in [key for key in known if key[1] == number]:
                del known[key]
        self.connections.pop(name, None)
        self.unconnected.pop(name, None)
        return number

    def told(self) -> Mapping[str, tuple[int, int]]:
        """Give connections, and those that came to nothing, by mail server."""
        return {name: (count, self.unconnected[name]) for name, count in self.connections.items()}

    def _count(self, stat: SmtpStat, name: str, attempt: Attempt, now: datetime) -> None:
        stat.connections += 1
        if name in self.refusing:
            stat.connections += _ATTEMPTS
            stat.refused += _ATTEMPTS
            stat.reply, stat.last = (421, _BUSY.format(name=name)), now
        if attempt.reason is None:
            stat.sent += 1
        elif attempt.reason == FailureReason.UNREACHABLE:
            stat.timeout += 1
        else:
            stat.message += 1
        if attempt.reason is not None:
            if name not in self.refusing:
                stat.reply, stat.last = (int(attempt.text[:3]), attempt.text), now
            self._journal.address_errors[attempt.log_id] = AddressError(attempt.log_id, int(attempt.reason), now)


def _floor(moment: datetime) -> datetime:
    seconds = moment.timestamp()
    return datetime.fromtimestamp(seconds - seconds % PERIOD.total_seconds(), tz=moment.tzinfo)
