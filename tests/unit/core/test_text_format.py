"""The text format is prometheus_client's, and only what changed is written anew."""

import time
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from campaign_exporter import catalogue, rendering
from campaign_exporter.domain.labels import safe_label
from campaign_exporter.metric import Histogram, Metric, Samples
from campaign_exporter.snapshot import Exposition, Owner

_TEXTS = st.text(max_size=8) | st.text(alphabet='a\\"\n%{}s, é👩', max_size=8)
_VALUES = (
    st.floats() | st.integers(-(2**70), 2**70) | st.booleans() | st.sampled_from([1.7e9 + 0.25, 1e6, 123456.0, 1e21, -0.0])
)
_METRICS = list(catalogue.METRICS.values())


class Families(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Family]:
        return self._families


def as_prometheus_client_writes(published: dict[Owner, Samples]) -> bytes:
    families = {
        metric: Family(
            metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name, metric.help_line, metric.kind
        )
        for metric in _METRICS
    }
    for owner, samples in published.items():
        for metric, suffix, values, value in samples:
            labels = dict(zip((*metric.labels, "le"), values, strict=False))
            if metric.per_instance:
                labels["campaign_instance"] = owner.instance
            families[metric].add_sample(metric.name + suffix, labels, value)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Families(family for family in families.values() if family.samples))
    return generate_latest(registry)


@st.composite
def some_samples(draw: st.DrawFn) -> Samples:
    samples = Samples()
    for metric in draw(st.lists(st.sampled_from(_METRICS), max_size=6, unique_by=id)):
        rows = st.tuples(*(_TEXTS.map(safe_label) for _ in metric.labels))
        for row in draw(st.sets(rows, max_size=3)):
            labels: dict[str, str | int] = dict(zip(metric.labels, row, strict=True))
            if metric.kind == "histogram":
                counts = tuple(draw(st.integers(0, 9)) for _ in range(len(metric.buckets) + 1))
                samples.add_histogram(metric, Histogram(counts, draw(_VALUES)), **labels)
            else:
                samples.add(metric, draw(_VALUES), **labels)
    return samples


@given(rounds=st.lists(st.dictionaries(st.sampled_from(["", "prod", 'a"b%s']), some_samples(), max_size=3), max_size=3))
def test_each_byte_is_what_prometheus_client_writes(rounds: list[dict[str, Samples]]) -> None:
    exposition = Exposition()
    published: dict[Owner, Samples] = {}
    for publications in ({Owner(name, "x"): samples for name, samples in each.items()} for each in rounds):
        exposition.publish(publications)
        published |= publications
        # An owner that comes back to a family stands where it stood, or at the end: the lines are the same in any case.
        assert sorted(exposition.snapshot.plain.split(b"\n")) == sorted(as_prometheus_client_writes(published).split(b"\n"))
    fresh = Exposition()
    fresh.publish(published)
    assert fresh.snapshot.plain == as_prometheus_client_writes(published)


def large(series: int, value: float = 1.7e9, first: int = 0) -> Samples:
    samples = Samples()
    for number in range(first, first + series):
        samples.add(catalogue.DELIVERY_PENDING_SINCE, value, delivery_id=number, label=f"News {number}", cause="mta_down")
    return samples


def test_gzip_is_one_member_however_many_fragments_it_is_made_of() -> None:
    exposition = Exposition()
    for series in (0, 1, 300, 9000):
        exposition.publish({Owner("prod", "pending"): large(series)})
        stream = zlib.decompressobj(wbits=31)
        assert stream.decompress(exposition.snapshot.gzipped) == exposition.snapshot.plain
        assert (stream.eof, stream.unused_data) == (True, b"")
    assert len(exposition._fragments[catalogue.DELIVERY_PENDING_SINCE]) > 5
    assert len(exposition.snapshot.gzipped) < len(exposition.snapshot.plain) / 10


def test_only_what_changed_is_written_and_compressed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    exposition = Exposition()
    exposition.publish({Owner("prod", "pending"): large(20_000), Owner("prod", ""): large(2, first=30_000)})
    written, compressed = [], []
    lines, deflated = rendering.lines, rendering._deflated

    def counting(metric: Metric, instance: str, series: list[tuple[str, ...]], values: list[float]) -> bytes:
        written.append(len(series))
        return lines(metric, instance, series, values)

    def noting(plain: bytes) -> bytes:
        compressed.append(len(plain))
        return deflated(plain)

    monkeypatch.setattr(rendering, "lines", counting)
    monkeypatch.setattr(rendering, "_deflated", noting)
    up = Samples()
    up.add(catalogue.UP, 1)
    exposition.publish({Owner("prod", "database"): up})
    assert written == [1]
    assert sum(compressed) < 1000

    changed = large(20_000)
    series = next(series for series in changed.families[catalogue.DELIVERY_PENDING_SINCE] if series[1] == "12345")
    changed.families[catalogue.DELIVERY_PENDING_SINCE][series] = 5.0
    exposition.publish({Owner("prod", "pending"): changed})
    assert written == [1, rendering.BLOCK_SAMPLES]
    assert sum(compressed) < 2 * 65536 + 1000
    assert b'delivery_id="12345",label="News 12345"} 5.0\n' in exposition.snapshot.plain


def test_one_collector_of_many_publishes_at_a_tenth_of_what_all_cost_together() -> None:
    exposition = Exposition()
    owners = {Owner(f"instance {number}", "pending"): large(2000) for number in range(50)}
    began = time.thread_time()
    exposition.publish(owners)
    everything = time.thread_time() - began
    changes = [large(2000, value=float(value)) for value in range(3)]
    costs = []
    for samples in changes:
        began = time.thread_time()
        exposition.publish({Owner("instance 7", "pending"): samples})
        costs.append(time.thread_time() - began)
    assert exposition.snapshot.plain.count(b'campaign_instance="instance 7"') == 2000
    assert min(costs) < everything / 10
