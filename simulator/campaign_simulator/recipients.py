"""Recipients: how long there have been, what they refuse, and whether they have done anything."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from campaign_simulator.rows import RECIPIENTS

#: Columns of NmsRecipient by what they refuse.
DENYLISTS: Mapping[str, str] = {
    "all": "iBlackList",
    "email": "iBlackListEmail",
    "fax": "iBlackListFax",
    "mobile": "iBlackListMobile",
    "phone": "iBlackListPhone",
    "postal_mail": "iBlackListPostalMail",
}
_LONGEST_DAYS = 1500
_NEGATIVE = 20  # ids wrap: some are negative, and of recipients who never get a message
_UNDATED_EVERY = 97
_REFUSES_EVERY = 25  # one in so many refuses mails, one in a few more each other channel
_KEPT = timedelta(days=180)  # Adobe's default for how long logs are kept


@dataclass(frozen=True)
class Recipient:
    """A recipient as he is when the database is made; nobody knows the age of some."""

    recipient_id: int
    age: timedelta | None
    refuses: frozenset[str]


def recipients() -> list[Recipient]:
    """Make up all recipients but the zero record, the same each time."""
    return [_recipient(number) for number in (*range(-_NEGATIVE, 0), *range(1, RECIPIENTS + 1))]


def _recipient(number: int) -> Recipient:
    # Half a day off, so that nobody grows old enough while the simulator runs.
    age = None if number % _UNDATED_EVERY == 0 else timedelta(days=number * 37 % _LONGEST_DAYS + 0.5)
    refuses = {name for place, name in enumerate(DENYLISTS) if number % (_REFUSES_EVERY + 5 * place) == place + 1}
    return Recipient(number, age, frozenset(refuses))


def by_activity(reacted: Collection[int]) -> Counter[str]:
    """Count recipients by what they did within half a year, where those reacted."""
    return Counter(_activity(each, reacted) for each in recipients())


def denylisted(left: Collection[int]) -> Counter[str]:
    """Count recipients by what they refuse, where those have unsubscribed."""
    return Counter(
        name for each in recipients() for name in each.refuses | ({"email"} if each.recipient_id in left else frozenset())
    )


def _activity(recipient: Recipient, reacted: Collection[int]) -> str:
    if recipient.age is None:
        return "unknown"
    if recipient.age < _KEPT:
        return "new"
    return "active" if recipient.recipient_id in reacted else "inactive"
