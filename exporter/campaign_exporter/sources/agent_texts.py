"""The text of an agent's exposition as series, of which we read those that tell about hosts.

Nothing is taken from a text that is not understood whole.
"""

import math
from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.errors import Unreadable
from campaign_exporter.metric import INSTANCE_LABEL, Metric

_READ = {
    metric.name: metric
    for metric in (
        catalogue.INSTANCE_INFO,
        catalogue.HOST_UP,
        catalogue.PROCESS_EXPECTED,
        catalogue.PROCESS_UP,
        catalogue.PROCESSES,
        catalogue.PROCESS_MEMORY,
        catalogue.PROCESS_MEMORY_LIMIT,
        catalogue.PROCESS_RESTARTS,
        catalogue.SERVER_CONFIGURATION_FAULT,
        catalogue.DIRECTORY_SIZE,
        catalogue.DIRECTORY_AVAILABLE,
        catalogue.DIRECTORY_FILES,
        catalogue.DIRECTORY_FILES_FREE,
        catalogue.AFFINITIES,
        catalogue.AFFINITY_INFO,
        catalogue_surroundings.AFFINITY_ADDRESSES,
        catalogue_surroundings.AFFINITY_PUBLIC_ID,
        catalogue.PREPARATION_LIMIT,
        *catalogue_surroundings.OF_FILES,
        catalogue.COLLECTOR_INTERVAL,
        catalogue.COLLECTOR_LAST_ROUND,
        catalogue.COLLECTOR_LAST_SUCCESS,
        catalogue.COLLECTOR_SERIES,
    )
}
#: Metrics that are 0 or 1.
_FLAGS = frozenset(
    {
        catalogue.HOST_UP,
        catalogue.PROCESS_EXPECTED,
        catalogue.PROCESS_UP,
        catalogue.SERVER_CONFIGURATION_FAULT,
        catalogue_surroundings.TEMPORARY_OTHER_DEVICE,
        catalogue_surroundings.FILES_CUT,
    }
)
# Longer than any line that an exporter writes; the parser's time grows with the square of it.
_LONGEST_LINE = 4096
_MOST_LINES = 50_000


class AgentText:
    """The series of one instance: by metric, by the first label (a host, a collector), by the other labels' values."""

    def __init__(self, text: str, instance: str) -> None:
        """Read a text; raise Unreadable."""
        self.instances: set[str] = set()
        self._series: dict[str, dict[str, dict[tuple[str, ...], float]]] = {}
        for metric, labels, value in _samples(text):
            self.instances.add(labels[INSTANCE_LABEL])
            if labels[INSTANCE_LABEL] == instance:
                first, *others = (labels[name] for name in metric.labels)
                series = self._series.setdefault(metric.name, {}).setdefault(first, {})
                if tuple(others) in series:
                    raise Unreadable(f"{metric.name} stands twice with the same labels")
                series[tuple(others)] = value

    def firsts(self, metric: Metric) -> frozenset[str]:
        """Name the hosts, or the collectors, of which a metric speaks."""
        return frozenset(self._series.get(metric.name, {}))

    def of(self, metric: Metric, first: str) -> Mapping[tuple[str, ...], float]:
        """Give the series of a host, or a collector, by the labels that are left."""
        return self._series.get(metric.name, {}).get(first, {})

    def by_name(self, metric: Metric, first: str) -> Mapping[str, float]:
        """Give the series of a host where one label is left."""
        return {name: value for (name,), value in self.of(metric, first).items()}

    def value(self, metric: Metric, first: str) -> float | None:
        """Give the value for a host, or a collector, where no label is left."""
        return self.of(metric, first).get(())


def _samples(text: str) -> Iterator[tuple[Metric, Mapping[str, str], float]]:
    """Parse the text, and pass on what we read of it."""
    lines = text.split("\n")
    if lines[-1]:
        raise Unreadable("its last line has no end: the answer is cut off")
    if len(lines) > _MOST_LINES or max(map(len, lines)) > _LONGEST_LINE:
        raise Unreadable(f"has more than {_MOST_LINES} lines, or one of more than {_LONGEST_LINE} characters")
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                metric = _READ.get(sample.name)
                if metric is not None:
                    yield metric, _labels(metric, sample.labels), _value(metric, float(sample.value))
    except (ValueError, LookupError, OverflowError):
        # The parser's messages quote the text.
        raise Unreadable("is no exposition of metrics: does the address lead to a campaign-exporter?") from None


def _labels(metric: Metric, labels: Mapping[str, str]) -> Mapping[str, str]:
    if labels.keys() != set(metric.label_names):
        raise Unreadable(f"{metric.name} has other labels than here: do the versions fit?")
    return labels


def _value(metric: Metric, value: float) -> float:
    if not math.isfinite(value) or value < 0 or (metric in _FLAGS and value not in {0, 1}):
        raise Unreadable(f"{metric.name} has a value that it cannot have")
    return value
