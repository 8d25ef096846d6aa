"""History as OpenMetrics text: every series is held against the catalogue while it is written down."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from campaign_exporter.catalogue import METRICS
from campaign_exporter.metric import INSTANCE_LABEL, Metric

Value = float | int | None
Values = Sequence[Value]

#: What Prometheus itself writes, and the rules: by name, the labels that are known.
USUAL = "campaign_instance:campaign_messages_busy_rate30m:avg_over_time7d"
FOREIGN = {
    "up": {"instance", "job"},
    USUAL: {"campaign_instance"},
    "ALERTS": {"instance", "job", "alertname", "alertstate", "severity", "team"}
    | {label for metric in METRICS.values() for label in metric.label_names},
}
#: Seconds that a block of Prometheus spans.
BLOCK = 7200
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class NotDeclared(Exception):
    """The catalogue knows no such series."""


class Exposition:
    """Series over time, by family. A value None is a sample that was not taken."""

    def __init__(self, times: Sequence[int]) -> None:
        self.times = times
        self._families: dict[str, list[tuple[str, Values]]] = defaultdict(list)

    def add(self, metric: Metric, values: Values, of: Mapping[str, str], *, target: str, instance: str = "") -> None:
        """Add one series of a gauge or a counter, of these labels."""
        self._add(metric, metric.name, values, {**of}, (target, instance))

    def add_histogram(
        self, metric: Metric, counts: Sequence[Values], total: Values, of: Mapping[str, str], *, target: str, instance: str
    ) -> None:
        """Add all series of a histogram: `counts` are cumulated over its bounds, the last one is of all."""
        whose = (target, instance)
        bounds = [*(str(float(bound)) for bound in metric.buckets), "+Inf"]
        for bound, values in zip(bounds, counts, strict=True):
            self._add(metric, f"{metric.name}_bucket", values, {**of, "le": bound}, whose)
        self._add(metric, f"{metric.name}_count", counts[-1], {**of}, whose)
        self._add(metric, f"{metric.name}_sum", total, {**of}, whose)

    def add_foreign(self, name: str, values: Values, **labels: str) -> None:
        """Add one series that does not come from the exporter."""
        if not labels.keys() <= FOREIGN[name]:
            raise NotDeclared(f"{name} has no labels {labels.keys() - FOREIGN[name]}")
        self._write(name, "gauge", name, values, labels)

    def write(self, folder: Path) -> Iterator[Path]:
        """Write the text, a file for each of Prometheus's blocks: promtool reads a file anew for each block in it."""
        for number, places in groupby(range(len(self.times)), lambda place: self.times[place] // BLOCK):
            span = list(places)
            file = folder / f"{number}.txt"
            with file.open("w", encoding="utf-8") as out:
                out.writelines(self._lines(span[0], span[-1] + 1))
            yield file

    def _lines(self, first: int, last: int) -> Iterator[str]:
        times = self.times[first:last]
        for family in sorted(self._families):
            kind, name = family.split(" ")
            yield f"# TYPE {name} {kind}\n"
            for prefix, values in self._families[family]:
                yield "".join(
                    f"{prefix}{value} {time}\n"
                    for value, time in zip(values[first:last], times, strict=True)
                    if value is not None
                )
        yield "# EOF\n"

    def _add(self, metric: Metric, name: str, values: Values, labels: dict[str, str], whose: tuple[str, str]) -> None:
        target, instance = whose
        if METRICS.get(metric.name) is not metric:
            raise NotDeclared(f"{metric.name} is not in the catalogue")
        if labels.keys() - {"le"} != set(metric.labels) or bool(instance) != metric.per_instance:
            raise NotDeclared(f"{metric.name} has the labels {metric.label_names}, not {tuple(labels)}")
        for label, known in metric.values.items():
            # States and channels that Adobe does not document go by their number.
            if labels[label] not in known and not labels[label].isdigit():
                raise NotDeclared(f"{metric.name} has no {label} {labels[label]!r}")
        own = {INSTANCE_LABEL: instance} if metric.per_instance else {}
        self._write(metric.name, metric.kind, name, values, {**own, **labels, "instance": target, "job": "campaign"})

    def _write(self, family: str, kind: str, name: str, values: Values, labels: dict[str, str]) -> None:
        text = ",".join(f'{label}="{value.translate(_ESCAPES)}"' for label, value in labels.items() if value)
        self._families[f"{kind} {family.removesuffix('_total')}"].append((f"{name}{{{text}}} ", values))
