"""New deliveries, as marketers would make them."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from campaign_simulator.journal import Ids, Journal
from campaign_simulator.model import VALIDITY, Account, Delivery, Typology
from campaign_simulator.vocabulary import Channel, DeliveryMode, State

AFFINITIES = ("default", "retail.fr", "news.de")
MID_ACCOUNT = "midEmail"
_LOAD = 0.8  # messages asked for, as a share of those that can be sent
_MAX_WAITING = 100  # with so many under way nobody orders more
_CHANNELS = (
    (Channel.EMAIL, 86),
    (Channel.SMS, 5),
    (Channel.IOS, 3),
    (Channel.ANDROID, 3),
    (Channel.DIRECT_MAIL, 3),
)
_SUBJECTS = ("Newsletter", "Welcome", "Order confirmation", "Spring sale", "Loyalty points", "Cart reminder", "Survey")
_MEAN_SECONDS = 15.0  # that it takes to send a delivery of the mean size, if it is alone
_MIN_SIZE = 20
_MAX_SIZE_OF_MEAN = 10.0
CAMPAIGN_OPERATION = 301
CAMPAIGN_WORKFLOWS = (401, 402)


class Traffic:
    """Makes deliveries at a rate of messages."""

    def __init__(self, ids: Ids, chance: random.Random, messages_per_second: float, *, marketing: bool = False) -> None:
        self._ids = ids
        self._mid_account = Account(299, MID_ACCOUNT, Channel.EMAIL, mode=DeliveryMode.MID_SOURCING) if marketing else None
        self._chance = chance
        self._rate = messages_per_second * _LOAD
        self._mean_size = _MEAN_SECONDS * messages_per_second
        self._owed = 4.0 * self._mean_size  # so that a new instance has something to do at once
        self.typologies = {name: Typology(101 + i, f"typology{i + 1}", name) for i, name in enumerate(AFFINITIES)}
        self.accounts = {
            channel: Account(201 + i, f"routing{channel.name.title()}", channel) for i, (channel, _) in enumerate(_CHANNELS)
        }

    def write_fixtures(self, journal: Journal) -> None:
        """Note the typologies and accounts that deliveries refer to."""
        journal.typologies.update({typology.typology_id: typology for typology in self.typologies.values()})
        accounts = [*self.accounts.values(), *([self._mid_account] if self._mid_account else [])]
        journal.accounts.update({account.account_id: account for account in accounts})

    def arrivals(self, now: datetime, elapsed: float, waiting: int) -> list[Delivery]:
        """Return the deliveries that are ordered in so many seconds."""
        self._owed += elapsed * self._rate
        made: list[Delivery] = []
        while self._owed > 0 and waiting + len(made) < _MAX_WAITING:
            made.append(self.draw(now))
            self._owed -= made[-1].size
        self._owed = min(self._owed, self._mean_size)
        return made

    def draw(self, now: datetime) -> Delivery:
        """Make up a delivery: most are mails to be sent now, some later, some part of a campaign."""
        chance = self._chance
        channel = chance.choices([c for c, _ in _CHANNELS], [weight for _, weight in _CHANNELS])[0]
        delivery = self.plain(now, size=self._size(), channel=channel)
        if chance.random() < 0.1:  # noqa: PLR2004  one in ten is for later
            delivery.contact = now + timedelta(minutes=chance.randint(2, 15))
        if chance.random() < 0.2:  # noqa: PLR2004  one in five belongs to a campaign
            delivery.operation_id = CAMPAIGN_OPERATION
            delivery.workflow_id = chance.choice(CAMPAIGN_WORKFLOWS)
        if channel == Channel.EMAIL and self._mid_account and chance.random() < 0.5:  # noqa: PLR2004  half and half
            self.through_mid(delivery)
        elif channel == Channel.EMAIL:
            self._choose_affinity(delivery)
            delivery.verify_mode = int(chance.random() < 0.03)  # noqa: PLR2004  a few are simulations
        return delivery

    def plain(self, now: datetime, *, size: int, channel: Channel = Channel.EMAIL) -> Delivery:
        """Make a delivery to be sent now, without an IP affinity or a campaign."""
        number = self._ids.next()
        external = channel == Channel.DIRECT_MAIL
        return Delivery(
            delivery_id=number,
            internal_name=f"DM{number}",
            label=f"{self._chance.choice(_SUBJECTS)} {number}",
            created=now,
            contact=now,
            validity=now + VALIDITY,
            channel=channel,
            mode=DeliveryMode.EXTERNAL if external else DeliveryMode.MASS,
            account=self.accounts[channel],
            size=size,
            message_bytes=float(self._chance.randint(20_000, 50_000)) if channel == Channel.EMAIL else 500.0,
            modified=now,
            ready_at=now,
        )

    def through_mid(self, delivery: Delivery) -> None:
        """Let a delivery go out through the mid-sourcing server of a marketing instance."""
        delivery.mode = DeliveryMode.MID_SOURCING
        delivery.account = self._mid_account

    def at_rest(self, now: datetime) -> list[Delivery]:
        """Return what lies about in any instance: drafts, a paused, a stopped and two failed deliveries."""
        size = 1_000
        drafts = [self.plain(now, size=size) for _ in range(3)]
        paused, stopped, failed, mistaken = (self.plain(now, size=size) for _ in range(4))
        for delivery, state in ((paused, State.PAUSED), (stopped, State.STOPPED), (failed, State.FAILED)):
            delivery.state = state
            delivery.to_deliver = size
            delivery.success = size // 2
        mistaken.state = State.PREPARATION_ERROR
        return [replace(delivery, ready_at=None) for delivery in (*drafts, paused, stopped, failed, mistaken)]

    def _size(self) -> int:
        """Draw a number of recipients: many small deliveries and some large ones."""
        drawn = self._chance.expovariate(1 / self._mean_size)
        return _MIN_SIZE + int(min(drawn, self._mean_size * _MAX_SIZE_OF_MEAN))

    def _choose_affinity(self, delivery: Delivery) -> None:
        """Give a delivery an affinity of its own, or a typology that has one."""
        affinity = self._chance.choice(AFFINITIES)
        if self._chance.random() < 0.5:  # noqa: PLR2004  half and half
            delivery.affinity = affinity
        else:
            delivery.typology = self.typologies[affinity]
