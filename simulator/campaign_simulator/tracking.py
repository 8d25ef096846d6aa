"""What recipients do with messages: opens, clicks, mirror pages, unsubscriptions, a little after they came."""

import heapq
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaign_simulator.journal import Ids, Journal, TrackingLog, TrackingStat, Url
from campaign_simulator.model import Delivery
from campaign_simulator.rows import recipient_of
from campaign_simulator.sending import floor
from campaign_simulator.vocabulary import Channel, UrlType

OPEN_URL = 1  # Adobe: opens are counted on the link with primary key 1
_STATS_PERIOD = timedelta(minutes=5)
_MEAN_DELAY_SECONDS = 60.0
_SHARES = {UrlType.OPEN: 0.2, UrlType.CLICK: 0.05, UrlType.MIRROR_PAGE: 0.005, UrlType.OPT_OUT: 0.002}
_SECOND_OPENS = 0.2
_LINKS = tuple(kind for kind in _SHARES if kind != UrlType.OPEN)
_REMEMBERED = timedelta(hours=24)


@dataclass(order=True)
class _Reaction:
    """Something that a recipient will do."""

    due: datetime
    order: int
    kind: UrlType = field(compare=False)
    first: bool = field(compare=False)
    log: int = field(compare=False)
    delivery: Delivery = field(compare=False)


class Tracker:
    """Lets recipients react, and counts what they do."""

    def __init__(self, journal: Journal, ids: Ids, chance: random.Random) -> None:
        self._journal = journal
        self._ids = ids
        self._chance = chance
        self._reactions: list[_Reaction] = []
        self._drawn = 0
        self._waiting: list[_Reaction] = []
        self.events: Counter[UrlType] = Counter()  # that are known to the database
        self.reacted: set[int] = set()  # recipients of whom the database knows that they did something
        self.left: set[int] = set()  # and who unsubscribed
        self._urls: dict[tuple[int, UrlType], int] = {}
        self._stats: dict[tuple[datetime, int, int], TrackingStat] = {}
        self._begun: dict[int, tuple[Delivery, bool]] = {}
        self.untracked = False  # whether mails go out without a link that is tracked

    def begin(self, delivery: Delivery) -> None:
        """Make the links of a delivery whose sending begins: those of mails, unless they are not tracked."""
        if delivery.delivery_id not in self._begun:
            tracked = delivery.channel == Channel.EMAIL and not self.untracked
            self._begun[delivery.delivery_id] = (delivery, tracked)
            for kind in _LINKS if tracked else ():
                self._url(delivery, kind)

    def started(self, now: datetime) -> Counter[tuple[int, bool]]:
        """Count the deliveries whose sending began within a day, by channel and whether they have tracked links."""
        recent = (each for each in self._begun.values() if _recent(each[0], now))
        return Counter((int(delivery.channel), tracked) for delivery, tracked in recent)

    def received(self, delivery: Delivery, logs: Iterable[int], now: datetime) -> None:
        """Draw what the recipients of messages will do with them."""
        _, tracked = self._begun.get(delivery.delivery_id, (delivery, False))
        if not tracked or delivery.verify_mode:
            return
        for log in logs:
            for kind, share in _SHARES.items():
                if self._chance.random() < share:
                    self._plan(delivery, log, kind, now)

    def step(self, now: datetime, *, noted: bool = True, fetched: bool = True) -> None:
        """Let happen what is due; what nobody notes is lost, what nobody fetches waits."""
        while self._reactions and self._reactions[0].due <= now:
            reaction = heapq.heappop(self._reactions)
            self._waiting += [reaction] if noted else []
        if fetched:
            for reaction in self._waiting:
                self._happen(reaction)
            self._waiting.clear()
        self._stats = {key: stat for key, stat in self._stats.items() if stat.start > now - 2 * _STATS_PERIOD}
        self._begun = {number: each for number, each in self._begun.items() if _recent(each[0], now) or each[0].remaining}

    def _plan(self, delivery: Delivery, log: int, kind: UrlType, now: datetime) -> None:
        """Plan one reaction, and sometimes a second opening."""
        due = now
        for first in (True, False):
            due += timedelta(seconds=self._chance.expovariate(1 / _MEAN_DELAY_SECONDS))
            self._drawn += 1
            heapq.heappush(self._reactions, _Reaction(due, self._drawn, kind, first, log, delivery))
            if kind != UrlType.OPEN or self._chance.random() > _SECOND_OPENS:
                return

    def _happen(self, reaction: _Reaction) -> None:
        """Write a tracking log and count."""
        delivery, kind = reaction.delivery, reaction.kind
        url = self._url(delivery, kind)
        number = self._ids.next_tracking_log()
        self.events[kind] += 1
        self.reacted.add(recipient_of(reaction.log))
        self.left.update([recipient_of(reaction.log)] if kind == UrlType.OPT_OUT else [])
        self._journal.tracking_logs.append(
            TrackingLog(number, reaction.log, delivery.delivery_id, url, reaction.due, kind == UrlType.OPT_OUT)
        )
        self._stat(delivery, url, reaction.due).clicks += 1
        _count(delivery, kind, first=reaction.first)
        self._journal.changed(delivery)

    def _url(self, delivery: Delivery, kind: UrlType) -> int:
        """Return the delivery's link of a kind, made at first use."""
        if kind == UrlType.OPEN:
            return OPEN_URL
        key = (delivery.delivery_id, kind)
        if key not in self._urls:
            self._urls[key] = self._ids.next()
            self._journal.urls.append(Url(self._urls[key], delivery.delivery_id, kind))
        return self._urls[key]

    def _stat(self, delivery: Delivery, url: int, when: datetime) -> TrackingStat:
        """Return the counts of a link for the period of a moment."""
        start = floor(when, _STATS_PERIOD)
        key = (start, delivery.delivery_id, url)
        if key not in self._stats:
            self._stats[key] = TrackingStat(self._ids.next(), delivery.delivery_id, url, start)
        stat = self._stats[key]
        self._journal.tracking_stats[stat.stats_id] = stat
        return stat


def _count(delivery: Delivery, kind: UrlType, *, first: bool) -> None:
    """Add a reaction to the delivery's counters."""
    counters = delivery.tracking
    if kind == UrlType.OPEN:
        counters.opens += 1
        counters.openers += first
    elif kind == UrlType.CLICK:
        counters.clicks += 1
        counters.clickers += first
    elif kind == UrlType.MIRROR_PAGE:
        counters.mirror_pages += 1
    else:
        counters.opt_outs += 1


def _recent(delivery: Delivery, now: datetime) -> bool:
    return delivery.broad_start is not None and now - _REMEMBERED <= delivery.broad_start <= now
