"""The exposition: what goes in is what Prometheus reads back, whatever stands in a label."""

import gzip
import math
import subprocess
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from campaign_exporter import catalogue
from campaign_exporter.domain.labels import MAXIMAL_LENGTH, safe_label
from campaign_exporter.metric import Histogram, Metric, Samples
from campaign_exporter.snapshot import Exposition, Owner, Snapshot

_LABELS = st.text(max_size=20) | st.sampled_from(
    [
        '"',
        "\\",
        "\n",
        "\\n",
        '\\"',
        "\r\n",
        "{}",
        "#",
        "a,b",
        "\x00",
        "\u202egpj",
        "👩‍👩‍👧",
        "\u2028",
        " ",
        "",
        "x" * 10_000,
        "\ud800",
    ]
)
_VALUES = st.floats() | st.integers(-(2**70), 2**70) | st.booleans()


def read_back(plain: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found = {}
    for family in text_string_to_metric_families(plain.decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} stands twice"
            found[key] = sample.value
    return found


def published(samples: Samples, instance: str = "prod") -> Snapshot:
    exposition = Exposition()
    exposition.publish({Owner(instance, "x"): samples})
    return exposition.snapshot


@given(rows=st.dictionaries(st.tuples(_LABELS, _LABELS), _VALUES, max_size=8), instance=_LABELS.map(safe_label))
def test_prometheus_reads_back_what_was_sampled(rows: dict[tuple[str, str], float], instance: str) -> None:
    samples = Samples()
    expected: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for (host, affinity), value in rows.items():
        samples.add(catalogue.AFFINITY_INFO, value, host=host, affinity=affinity)
        labels = {"host": safe_label(host), "affinity": safe_label(affinity), "campaign_instance": instance}
        expected[("campaign_ip_affinity_info", tuple(sorted(labels.items())))] = float(value)
    found = read_back(published(samples, instance).plain)
    assert found.keys() == expected.keys()
    assert all(found[key] == value or (math.isnan(value) and math.isnan(found[key])) for key, value in expected.items())


@given(texts=st.sets(_LABELS | st.text(alphabet="\x00\x01\u202e\u2028a", max_size=3), max_size=20))
def test_labels_are_bounded_harmless_and_stay_different(texts: set[str]) -> None:
    safe = [safe_label(text) for text in texts]
    assert len(set(safe)) == len(texts)
    assert all(len(text) <= MAXIMAL_LENGTH for text in safe)
    "".join(safe).encode()


def everything() -> Samples:
    """Take one sample of every metric, in an order that is not the catalogue's."""
    samples = Samples()
    for metric in reversed(catalogue.METRICS.values()):
        for choice in range(2 if metric.labels else 1):
            labels = {
                name: metric.values[name][choice] if name in metric.values else f"{name} {choice}" for name in metric.labels
            }
            if metric.kind == "histogram":
                samples.add_histogram(metric, Histogram((1,) * (len(metric.buckets) + 1), 99.5), **labels)
            else:
                samples.add(metric, choice + 0.5, **labels)
    return samples


def test_families_stand_together_in_the_order_of_the_catalogue_with_one_help_and_type() -> None:
    lines = published(everything()).plain.decode().splitlines()
    helps = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    assert helps == [line.split()[2] for line in lines if line.startswith("# TYPE ")] == list(catalogue.METRICS)
    current = ""
    for line in lines:
        if line.startswith("#"):
            current = line.split()[2]
        else:
            assert line.startswith(current)


def test_promtool_finds_nothing_to_complain_of() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=published(everything()).plain, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_gzip_is_the_same_text_and_the_snapshot_never_changes() -> None:
    exposition = Exposition()
    assert gzip.decompress(exposition.snapshot.gzipped) == exposition.snapshot.plain == b""
    exposition.publish({Owner("a", "x"): everything()})
    first = exposition.snapshot
    plain = first.plain
    assert gzip.decompress(first.gzipped) == plain
    exposition.withdraw("a")
    assert first.plain is plain
    assert exposition.snapshot.plain == b""
    with pytest.raises(AttributeError):
        first.plain = b""  # type: ignore[misc] # that is the point


def test_the_same_samples_make_no_new_snapshot() -> None:
    exposition = Exposition()
    exposition.publish({Owner("a", "x"): everything()})
    before = exposition.snapshot
    exposition.publish({Owner("a", "x"): everything()})
    assert exposition.snapshot is before


def test_a_publication_replaces_what_its_owner_said_and_nothing_else() -> None:
    exposition = Exposition()
    for owner, hosts in (("x", "ab"), ("y", "c"), ("x", "a")):
        samples = Samples()
        for host in hosts:
            samples.add(catalogue.HOST_UP, 1, host=host, source="processes")
        exposition.publish({Owner("prod", owner): samples})
    assert sorted(dict(labels)["host"] for _, labels in read_back(exposition.snapshot.plain)) == ["a", "c"]


def test_scrapes_while_others_publish_see_whole_rounds() -> None:
    exposition = Exposition()
    stop = threading.Event()

    def publish(number: int) -> None:
        generation = 0
        while not stop.is_set():
            generation += 1
            samples = Samples()
            for host in range(50):
                samples.add(catalogue.PROCESSES, generation, host=host, process="mta")
            exposition.publish({Owner(f"instance {number}", "processes"): samples})

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        snapshot = exposition.snapshot
        assert gzip.decompress(snapshot.gzipped) == snapshot.plain
        generations: dict[str, set[float]] = {}
        for (_, labels), value in read_back(snapshot.plain).items():
            generations.setdefault(dict(labels)["campaign_instance"], set()).add(value)
        assert all(len(seen) == 1 for seen in generations.values())
    stop.set()
    for thread in threads:
        thread.join(10)


def test_a_sample_must_fit_its_declaration() -> None:
    samples = Samples()
    with pytest.raises(ValueError, match="has the labels"):
        samples.add(catalogue.HOST_UP, 1, host="a")
    samples.add(catalogue.HOST_UP, 1, host="a", source="agent")
    with pytest.raises(ValueError, match="sampled twice"):
        samples.add(catalogue.HOST_UP, 0, host="a", source="agent")


def test_a_histogram_is_cumulated_and_complete() -> None:
    metric: Metric = catalogue.DELIVERY_START_DELAY
    samples = Samples()
    samples.add_histogram(metric, Histogram((1, 0, 2) + (0,) * (len(metric.buckets) - 2), 400.0), channel="email")
    found = {(name, dict(labels).get("le")): value for (name, labels), value in read_back(published(samples).plain).items()}
    assert found[(f"{metric.name}_bucket", "60.0")] == 1
    assert found[(f"{metric.name}_bucket", "300.0")] == 3
    assert found[(f"{metric.name}_bucket", "+Inf")] == found[(f"{metric.name}_count", None)] == 3
    assert found[(f"{metric.name}_sum", None)] == 400
