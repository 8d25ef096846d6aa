"""What a metric is: its declaration, and the samples that one round makes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from campaign_exporter.domain.labels import safe_label

INSTANCE_LABEL = "campaign_instance"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric family of the exposition.

    `collector` is the one whose rounds sample it, "" where the exporter speaks of itself. `labels` stand beside
    `campaign_instance`, which every metric carries unless `per_instance` is off. `values` gives, for a label whose values
    are a closed set, that set. `source` is where Adobe, or this exporter, says so.
    """

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    collector: str = ""
    labels: tuple[str, ...] = ()
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()
    source: str = ""
    per_instance: bool = True

    @property
    def help_line(self) -> str:
        """The help as exposed: it says that the value is a sample, and whose."""
        return f"{self.help} Sampled by collector {self.collector}." if self.collector else self.help

    @property
    def label_names(self) -> tuple[str, ...]:
        """All label names, in the order of exposition."""
        return ((INSTANCE_LABEL,) if self.per_instance else ()) + self.labels


class Sample(NamedTuple):
    """One line of the exposition, but for the labels that the round's owner adds."""

    metric: Metric
    suffix: str
    labels: tuple[str, ...]
    value: float


class Histogram(NamedTuple):
    """Observations by bucket: `counts` has one more entry than the metric has bounds, and is not cumulated."""

    counts: tuple[int, ...]
    total: float


#: A series of a known family: the suffix of its name, and its labels.
Series = tuple[str, ...]


class Samples:
    """The samples of one round, checked against their declarations as they come in."""

    def __init__(self) -> None:
        #: By family, and by series. Plain texts and numbers, which the garbage collector has no need to look through:
        #: it would stop all threads for longer than a scrape takes.
        self.families: dict[Metric, dict[Series, float]] = {}

    def add(self, metric: Metric, value: float, **labels: str | int) -> None:
        """Add one sample of a gauge or a counter."""
        self._put(metric, "", self._values(metric, labels), value)

    def add_histogram(self, metric: Metric, histogram: Histogram, **labels: str | int) -> None:
        """Add all series of a histogram."""
        values = self._values(metric, labels)
        running = 0
        for bound, count in zip((*metric.buckets, float("inf")), histogram.counts, strict=True):
            running += count
            self._put(metric, "_bucket", (*values, _bound(bound)), running)
        self._put(metric, "_count", values, running)
        self._put(metric, "_sum", values, histogram.total)

    def merge(self, others: "Samples") -> None:
        """Add all samples of others; where both have one, theirs stands."""
        for metric, family in others.families.items():
            self.families[metric] = self.families.get(metric, {}) | family

    def __iter__(self) -> Iterator[Sample]:
        for metric, family in self.families.items():
            for (suffix, *labels), value in family.items():
                yield Sample(metric, suffix, tuple(labels), value)

    def __len__(self) -> int:
        return sum(map(len, self.families.values()))

    def _values(self, metric: Metric, labels: Mapping[str, str | int]) -> tuple[str, ...]:
        if labels.keys() != set(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, not {tuple(labels)}")
        return tuple(safe_label(str(labels[name])) for name in metric.labels)

    def _put(self, metric: Metric, suffix: str, labels: tuple[str, ...], value: float) -> None:
        family = self.families.setdefault(metric, {})
        series = (suffix, *labels)
        if series in family:
            raise ValueError(f"{metric.name}{suffix}{labels} was sampled twice in one round")
        family[series] = value


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(float(bound))
