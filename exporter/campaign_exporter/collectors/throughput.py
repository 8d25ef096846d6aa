"""Messages and bytes processed, as counters that a purge cannot shrink.

Campaign consolidates what it sent in NmsDeliveryStat, in buckets of up to ten minutes that grow until they are full. The rows
of a window are remembered, and each growth is counted once; also growth that comes late, as from a mid-sourcing server.
Where that table stays empty, the deliveries' own counters take its place.
"""

from collections.abc import Iterator, Mapping, Sequence

from campaign_exporter import catalogue
from campaign_exporter.config import Throughput
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources.campaign import CampaignDatabase, Questions, StatRow
from campaign_exporter.state import Memory, Section

STATISTICS = "delivery_stat"
COUNTERS = "delivery_counters"
#: How late a row of NmsDeliveryStat may appear or grow. Mid-sourcing servers hand theirs over every hour or so.
_WINDOW = 3 * 3600.0
#: Seconds of history in one question, and questions in one round: after weeks of absence a few rounds read them all.
_SLICE = 6 * 3600.0
_SLICES = 40
#: What the figures of a row are, by source.
_KEYS: Mapping[str, Sequence[tuple[str, str]]] = {
    STATISTICS: (("success", "first"), ("error", "first"), ("success", "retry"), ("error", "retry")),
    COUNTERS: (("success", "unknown"), ("error", "unknown")),
}


class Ledger:
    """What was counted, and the figures it was counted from.

    `figures` has numbers that only grow for each row, by a key of the row. All rows of buckets before `upto`, in seconds
    since the epoch, have been read.
    """

    def __init__(self) -> None:
        self.totals: list[float] = [0.0] * 5
        self.catch_up: list[float] = [0.0] * 5
        self.figures: dict[str, list[float]] = {}
        self.upto: float | None = None

    def remember(self, key: str, figures: Sequence[float]) -> list[float]:
        """Take note of a row, and tell by how much it has grown."""
        before = self.figures.get(key, [0.0] * len(figures))
        now = self.figures[key] = [max(pair) for pair in zip(before, figures, strict=True)]
        return [new - old for old, new in zip(before, now, strict=True)]

    def count(self, growth: Sequence[float], *, unwatched: bool) -> None:
        """Add the growth of a row to the totals."""
        for place, amount in enumerate(growth):
            self.totals[place] += amount
            self.catch_up[place] += amount if unwatched else 0.0

    def lies_ahead_of(self, now: float) -> bool:
        """Tell whether so late buckets have been read that the database's clock must have been wrong."""
        return self.upto is not None and now < self.upto - _WINDOW

    def without_figures(self) -> "Ledger":
        """Make a ledger with these totals that has read nothing yet."""
        ledger = Ledger()
        ledger.totals, ledger.catch_up = list(self.totals), list(self.catch_up)
        return ledger

    def dump(self) -> Section:
        """Write it down for a restart."""
        return {
            "totals": list(self.totals),
            "catch_up": list(self.catch_up),
            "figures": dict(self.figures),
            "upto": self.upto,
        }

    @classmethod
    def load(cls, section: Section) -> "Ledger":
        """Read what `dump` wrote."""
        ledger = cls()
        ledger.totals, ledger.catch_up = list(section["totals"]), list(section["catch_up"])
        ledger.figures, ledger.upto = dict(section["figures"]), section["upto"]
        return ledger


class ThroughputCollector:
    """Counts the messages of an instance. Without memory it only tells what they would be counted from."""

    name = "throughput"

    def __init__(self, database: CampaignDatabase, settings: Throughput, *, clock: Clock, memory: Memory | None) -> None:
        self._database = database
        self._unit = settings.volume_unit_bytes
        self._clock = clock
        self._memory = memory
        kept = (memory.read() if memory else None) or {"source": None, "ledger": None}
        self._source: str | None = kept["source"] if settings.source == "auto" else settings.source
        same = kept["ledger"] is not None and kept["source"] == self._source
        self._ledger = Ledger.load(kept["ledger"]) if same else None
        self._last_success: float | None = None

    def collect(self, current: Round) -> None:
        """Count what has been added since the last round."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                self._decide(ask)
                if self._memory is not None:
                    self._count(ask, current.life)
            if self._memory is not None and self._ledger is not None:
                self._memory.keep({"source": self._source, "ledger": self._ledger.dump()})
                self._add_counters(samples, self._ledger)
            if self._source is not None:
                samples.add(catalogue.THROUGHPUT_SOURCE, 1, source=self._source)

    def _decide(self, ask: Questions) -> None:
        """Choose the source once: the statistics if they hold anything, else the deliveries if they have long been sending."""
        if self._source is not None:
            return
        evidence = ask.throughput_evidence()
        if evidence.statistics:
            self._source = STATISTICS
        elif evidence.old_messages:
            self._source, self._ledger = COUNTERS, None

    def _count(self, ask: Questions, life: float) -> None:
        """Count the growth of all rows; what is there the very first time is only remembered."""
        now = ask.now()
        ledger = self._ledger or Ledger()
        baseline = self._ledger is None or ledger.lies_ahead_of(now)
        if baseline:
            ledger = ledger.without_figures()
        unwatched = self._last_success is None or self._clock.monotonic() - self._last_success > life
        rows = self._delivery_rows(ask, ledger) if self._source == COUNTERS else _statistics(ask, ledger, now)
        for key, figures in rows:
            growth = ledger.remember(key, figures)
            if not baseline:
                ledger.count(growth, unwatched=unwatched)
        # Only now: a first round that breaks off has remembered a part, and the rest would be taken for growth.
        self._ledger = ledger
        if ledger.upto is None or ledger.upto >= now:
            self._last_success = self._clock.monotonic()

    def _delivery_rows(self, ask: Questions, ledger: Ledger) -> Iterator[tuple[str, Sequence[float]]]:
        rows = {str(row.delivery_id): (row.success, row.error) for row in ask.delivery_counters()}
        ledger.figures = {key: figures for key, figures in ledger.figures.items() if key in rows}
        yield from rows.items()

    def _add_counters(self, samples: Samples, ledger: Ledger) -> None:
        source = self._source or STATISTICS
        for place, (result, pass_) in enumerate(_KEYS[source]):
            labels = {"result": result, "pass": pass_}
            samples.add(catalogue.MESSAGES, ledger.totals[place], **labels)
            samples.add(catalogue.MESSAGES_CATCH_UP, ledger.catch_up[place], **labels)
        if source == STATISTICS:
            samples.add(catalogue.MESSAGE_BYTES, ledger.totals[-1] * self._unit)


def _statistics(ask: Questions, ledger: Ledger, now: float) -> Iterator[tuple[str, Sequence[float]]]:
    """Read NmsDeliveryStat from a window before the last time until now, slice by slice."""
    start = (now if ledger.upto is None else ledger.upto) - _WINDOW
    for _ in range(_SLICES):
        end = start + _SLICE
        last = end > now
        rows = ask.stat_rows(start, None if last else end)
        yield from ((f"{row.bucket}/{row.delivery_id}", _figures(row)) for row in rows)
        start = end
        # Never back: what lies a window before it has been forgotten, and would be counted again.
        ledger.upto = max(min(end, now), ledger.upto or 0.0)
        if last:
            break
    _forget_before(ledger, (ledger.upto or now) - _WINDOW)


def _figures(row: StatRow) -> Sequence[float]:
    return (row.first_success, row.first_error, row.retries_success, row.retries_error, row.volume)


def _forget_before(ledger: Ledger, bucket: float) -> None:
    ledger.figures = {key: figures for key, figures in ledger.figures.items() if float(key.split("/")[0]) >= bucket}
