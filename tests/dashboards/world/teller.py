"""What one exporter tells of one instance over time."""

from collections.abc import Callable, Mapping, Sequence

from campaign_exporter.metric import Metric
from dashboards.world.exposition import Exposition, Value
from dashboards.world.story import Campaign, Window, during

#: What a series is worth at an hour; None where nobody can tell.
At = Callable[[float], Value]
#: Values of a database that cannot be reached are withdrawn after this.
_WITHDRAWN_AFTER = 1 / 60
NOBODY: Mapping[str, str] = {}


class Teller:
    """Writes series of one instance as one exporter exposes them."""

    def __init__(self, page: Exposition, campaign: Campaign, target: str) -> None:
        self.page, self.campaign, self.story, self._target = page, campaign, campaign.story, target
        self.start = page.times[0]
        self.hours = [(time - self.start) / 3600 for time in page.times]
        self.minutes = (page.times[1] - page.times[0]) / 60

    def tell(self, metric: Metric, at: At, *, of: Mapping[str, str] = NOBODY, database: bool = False) -> None:
        """Tell a gauge; nobody tells while nobody watches, nor what a database says that cannot be reached."""
        told = (at(hour) if self.watched(hour, database=database) else None for hour in self.hours)
        values = [None if value is None else +value for value in told]  # + makes 1 of True
        self.page.add(metric, values, of, target=self._target, instance=self.campaign.name)

    def tell_always(self, metric: Metric, value: float, *, of: Mapping[str, str] = NOBODY, database: bool = False) -> None:
        """Tell a gauge that does not change."""
        self.tell(metric, lambda _: value, of=of, database=database)

    def count(
        self,
        metric: Metric,
        a_minute: Callable[[float], float],
        *,
        of: Mapping[str, str] = NOBODY,
        database: bool = False,
        every: int = 1,
        digits: int = 0,
    ) -> None:
        """Tell a counter by what it gains a minute; it moves every so many minutes."""
        total, shown, moves = 0.0, 0.0, max(round(every / self.minutes), 1)
        values = {}
        for place, hour in enumerate(self.hours):
            total += a_minute(hour) * self.minutes
            shown = shown if place % moves else round(total, digits)
            values[hour] = shown
        self.tell(metric, values.__getitem__, of=of, database=database)

    def spread(self, metric: Metric, shares: Callable[[float, float], float], an_hour: float, of: Mapping[str, str]) -> None:
        """Tell a histogram: `shares` gives the share of observations up to a bound, at an hour."""
        counts = [self._cumulated(bound, shares, an_hour) for bound in (*metric.buckets, float("inf"))]
        sums = [None if count is None else 300 * count for count in counts[-1]]
        self.page.add_histogram(metric, counts, sums, of, target=self._target, instance=self.campaign.name)

    def watched(self, hour: float, *, database: bool) -> bool:
        """Tell whether an exporter can tell."""
        gone: list[Window] = [*self.story.unwatched]
        if database:
            gone += [(start + _WITHDRAWN_AFTER, end) for start, end in self.story.unreachable]
        return not during(hour, gone)

    def _cumulated(self, bound: float, shares: Callable[[float, float], float], an_hour: float) -> Sequence[Value]:
        total = 40.0 * shares(bound, 0)
        values: list[Value] = []
        for hour in self.hours:
            total += an_hour * shares(bound, hour) * self.minutes / 60
            values.append(int(total) if self.watched(hour, database=True) else None)
        return values
