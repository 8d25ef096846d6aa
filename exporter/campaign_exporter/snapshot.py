"""The exposition as bytes: an immutable snapshot that a scrape reads without waiting for anybody.

Each publisher (one collector of one instance, or the exporter itself) hands in its samples as a whole. Only the families that
it touches are rendered again; then a new snapshot takes the place of the old by a single assignment.
"""

import gzip
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from campaign_exporter.catalogue import METRICS
from campaign_exporter.metric import INSTANCE_LABEL, Metric, Sample, Samples

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Level 1 costs a third of level 6 and gives a tenth more bytes on this kind of text.
_COMPRESSION = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the exposition."""

    plain: bytes = b""
    gzipped: bytes = gzip.compress(b"", _COMPRESSION)


class Owner(NamedTuple):
    """Who publishes: an instance ("" for the exporter itself) and a part of its own choosing."""

    instance: str
    part: str


class Exposition:
    """Holds what each owner published last, and the snapshot of it all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._published: dict[Owner, Mapping[str, list[Sample]]] = {}
        self._rendered: dict[str, bytes] = {}
        #: The newest snapshot; read it once a scrape.
        self.snapshot = Snapshot()

    def publish(self, publications: Mapping[Owner, Samples]) -> None:
        """Put new samples in the place of what these owners published before, all in one step."""
        with self._lock:
            touched: set[str] = set()
            for owner, samples in publications.items():
                new = _by_family(samples)
                old = self._published.get(owner, {})
                touched |= {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
                self._published[owner] = new
            self._renew(touched)

    def withdraw(self, instance: str) -> None:
        """Take away all that was published about an instance."""
        with self._lock:
            gone = [owner for owner in self._published if owner.instance == instance]
            touched = {name for owner in gone for name in self._published.pop(owner)}
            self._renew(touched)

    def _renew(self, touched: Iterable[str]) -> None:
        for name in touched:
            body = self._render(METRICS[name])
            if body:
                self._rendered[name] = body
            else:
                self._rendered.pop(name, None)
        if touched:
            plain = b"".join(self._rendered[name] for name in METRICS if name in self._rendered)
            self.snapshot = Snapshot(plain, gzip.compress(plain, _COMPRESSION, mtime=0))

    def _render(self, metric: Metric) -> bytes:
        family = Family(
            metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name, metric.help_line, metric.kind
        )
        for owner, families in self._published.items():
            for sample in families.get(metric.name, ()):
                family.add_sample(metric.name + sample.suffix, _labels(owner, sample), sample.value)
        return generate_latest(_registry_of(family)) if family.samples else b""


def _labels(owner: Owner, sample: Sample) -> dict[str, str]:
    names = sample.metric.labels + (("le",) if sample.suffix == "_bucket" else ())
    labels = dict(zip(names, sample.labels, strict=True))
    return {INSTANCE_LABEL: owner.instance, **labels} if sample.metric.per_instance else labels


def _by_family(samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    families: dict[str, list[Sample]] = {}
    for sample in samples:
        families.setdefault(sample.metric.name, []).append(sample)
    return families


class _One(Collector):
    """A collector of prometheus_client with one family."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        """Give the family."""
        return [self._family]


def _registry_of(family: Family) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_One(family))
    return registry
