"""Deliveries by state and channel, the states that they enter, how late they start, and whether they go on."""

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from campaign_exporter import catalogue
from campaign_exporter.collectors.progress import Due, Progress, read_due
from campaign_exporter.domain.deliveries import CHANNELS, STATES, channel_name, state_name
from campaign_exporter.metric import Histogram, Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.campaign import CampaignDatabase, DeliveryRow
from campaign_exporter.state import Memory, Section

_BOUNDS = catalogue.DELIVERY_START_DELAY.buckets


class DeliveriesCollector:
    """Counts the deliveries of an instance. Without memory, what only grows is left out."""

    name = "deliveries"

    def __init__(self, database: CampaignDatabase, *, memory: Memory | None) -> None:
        self._database = database
        self._memory = memory
        kept = memory.read() if memory else None
        self._history = History.load(kept)
        self._progress = Progress.load(kept and kept.get("progress"))

    def collect(self, current: Round) -> None:
        """Read all deliveries at once, so that counts and transitions fit together; what is due may fail apart."""
        with current.part() as samples:
            due: Due | None = None
            with self._database.round(self.name, current, life=current.life) as ask:
                rows = ask.deliveries()
                with current.part("progress") as progress:
                    due = read_due(ask)
            there = [row for row in rows if not row.deleted]
            _add_counts(samples, there)
            _add_remaining(samples, there)
            if due is not None:
                self._progress.follow(due)
                self._progress.add_to(progress, due)
            if self._memory is not None:
                self._history.follow(rows)
                self._memory.keep({**self._history.dump(), "progress": self._progress.dump()})
                self._history.add_to(samples)
                samples.add(catalogue.SERIES_DROPPED, self._progress.dropped, family=catalogue.DELIVERY_PROGRESS.name)


def _add_counts(samples: Samples, rows: Iterable[DeliveryRow]) -> None:
    counts = Counter((state_name(row.state), channel_name(row.channel)) for row in rows)
    known = {(state, channel) for state in STATES.values() for channel in CHANNELS.values()}
    for state, channel in sorted(known | counts.keys()):
        samples.add(catalogue.DELIVERIES, counts[state, channel], state=state, channel=channel)


def _add_remaining(samples: Samples, rows: Iterable[DeliveryRow]) -> None:
    remaining = Counter(dict.fromkeys(CHANNELS.values(), 0))
    for row in rows:
        if row.remaining is not None:
            remaining[channel_name(row.channel)] += row.remaining
    for channel, messages in remaining.items():
        samples.add(catalogue.MESSAGES_REMAINING, messages, channel=channel)


class History:
    """Counters of what was seen to happen, and the last state of each delivery that they were counted from."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int | None, bool]] | None = None
        self._transitions: Counter[tuple[str, str]] = Counter()
        self._delays: dict[str, list[int]] = {}
        self._delay_sums: Counter[str] = Counter()

    def follow(self, rows: Sequence[DeliveryRow]) -> None:
        """Count what has changed since the last time; the very first time is only remembered.

        Deliveries in the bin are followed as well: one that is taken out of it has not happened again.
        """
        first_time, before = self._seen is None, self._seen or {}
        for row in rows:
            state, started = before.get(row.delivery_id, (None, False))
            known = row.delivery_id in before
            if not first_time and (not known or state != row.state):
                self._transitions[state_name(row.state), channel_name(row.channel)] += 1
            if not first_time and row.started and not started and row.start_delay is not None:
                self._observe(channel_name(row.channel), row.start_delay)
        self._seen = {row.delivery_id: (row.state, row.started) for row in rows}

    def add_to(self, samples: Samples) -> None:
        """Add the counters, each known one also where it is 0."""
        known = {(state, channel) for state in STATES.values() for channel in CHANNELS.values()}
        for state, channel in sorted(known | self._transitions.keys()):
            value = self._transitions[state, channel]
            samples.add(catalogue.DELIVERY_TRANSITIONS, value, state=state, channel=channel)
        for channel in dict.fromkeys((*CHANNELS.values(), *self._delays)):
            counts = tuple(self._delays.get(channel, [0] * (len(_BOUNDS) + 1)))
            histogram = Histogram(counts, self._delay_sums[channel])
            samples.add_histogram(catalogue.DELIVERY_START_DELAY, histogram, channel=channel)

    def _observe(self, channel: str, delay: float) -> None:
        # A delivery that starts ahead of its date, by a clock that was set, was not late.
        seconds = max(delay, 0.0)
        counts = self._delays.setdefault(channel, [0] * (len(_BOUNDS) + 1))
        counts[bisect.bisect_left(_BOUNDS, seconds)] += 1
        self._delay_sums[channel] += seconds  # type: ignore[assignment] # a Counter of seconds

    def dump(self) -> Section:
        """Write it down for a restart."""
        states: dict[str, dict[str, list[int]]] = {}
        for id_, (state, started) in (self._seen or {}).items():
            states.setdefault(str(state), {}).setdefault(str(int(started)), []).append(id_)
        return {
            "seen": None if self._seen is None else states,
            "transitions": [[state, channel, count] for (state, channel), count in sorted(self._transitions.items())],
            "delays": {channel: [self._delay_sums[channel], *counts] for channel, counts in sorted(self._delays.items())},
        }

    @classmethod
    def load(cls, section: Section | None) -> "History":
        """Read what `dump` wrote."""
        history = cls()
        if section is None:
            return history
        history._transitions.update({(state, channel): count for state, channel, count in section["transitions"]})
        for channel, (total, *counts) in section["delays"].items():
            history._delay_sums[channel] = total
            history._delays[channel] = list(counts)
        history._seen = None if section["seen"] is None else dict(_seen(section["seen"]))
        return history


def _seen(states: Mapping[str, Mapping[str, list[int]]]) -> Iterable[tuple[int, tuple[int | None, bool]]]:
    for state, by_start in states.items():
        number = None if state == "None" else int(state)
        for started, ids in by_start.items():
            yield from ((id_, (number, started == "1")) for id_ in ids)
