"""Write the documents that come from the code: docs/metrics.md. With --check: say what differs, and change nothing."""

import sys
from collections.abc import Iterator
from pathlib import Path

from campaign_exporter.catalogue import COLLECTORS, METRICS
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.domain.deliveries import CHANNELS, STATES
from campaign_exporter.metric import Metric

DOCS = Path(__file__).resolve().parent.parent / "docs"
_INTRODUCTION = """\
# Metrics

<!-- Written by `make docs` from the catalogue (exporter/campaign_exporter/catalogue.py): change it there. -->

Values are sampled on a schedule and served from memory: a scrape never asks the database. How old they are, tell
`campaign_exporter_collector_last_success_timestamp_seconds` and `campaign_exporter_collector_interval_seconds`. What could not
be read for three intervals is withdrawn; it is never shown as 0, and never frozen. The text format is 0.0.4.

Every metric carries `campaign_instance`, the name of the Campaign instance, but for those marked *of the exporter*. States and
channels that Adobe does not document appear under their number, an empty one as `null`. Labels that come from data are bounded
to 256 characters; a longer text ends in `…` and eight characters that keep two of them apart.
"""
_TITLES = {
    "": "The instance and the exporter",
    "deliveries": "Collector `deliveries`",
    "pending": "Collector `pending`: why deliveries wait",
    "processes": "Collector `processes`",
    "affinity": "Collector `affinity`: IP affinities and server configuration",
    "throughput": "Collector `throughput`",
    "endpoints": "Collector `endpoints`",
    "disks": "Collector `disks`",
    "database": "Collector `database`",
    "messages": "Collector `messages`: what becomes of messages",
    "tracking": "Collector `tracking`: what recipients do",
}

_TABLES = {"state": "States", "channel": "Channels", "cause": "Causes"}


def metrics_page() -> str:
    """Make docs/metrics.md."""
    return _INTRODUCTION + "".join(_section(collector) for collector in (*COLLECTORS, "")) + _values()


def _section(collector: str) -> str:
    metrics = [metric for metric in METRICS.values() if metric.collector == collector]
    return f"\n## {_TITLES[collector]}\n" + "".join(f"\n{line}\n" for metric in metrics for line in _entry(metric))


def _entry(metric: Metric) -> Iterator[str]:
    yield f"### `{metric.name}`"
    scope = "" if metric.per_instance else ", *of the exporter*"
    yield f"{metric.kind.capitalize()}{scope}. {metric.help}"
    labels = "\n".join(_label(metric, label) for label in metric.labels)
    if labels:
        yield labels
    if metric.buckets:
        yield f"Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)} seconds."
    if metric.source:
        yield f"Source: {metric.source}."


def _label(metric: Metric, label: str) -> str:
    values = metric.values.get(label)
    if values is None:
        return f"- `{label}`"
    if label in _TABLES:
        return f"- `{label}`: see [{_TABLES[label]}](#{_TABLES[label].lower()})"
    return f"- `{label}`: {', '.join(f'`{value}`' for value in values)}"


def _values() -> str:
    """Make the tables of the long closed sets."""
    states = "".join(f"| {number} | `{name}` |\n" for number, name in STATES.items())
    channels = "".join(f"| {number} | `{name}` |\n" for number, name in CHANNELS.items())
    causes = "".join(
        f"| `{cause.name}` | {cause.severity} | {cause.meaning} | {cause.confidence}: {cause.source} |\n" for cause in CAUSES
    )
    return (
        f"\n## States\n\n| iState | `state` |\n|---|---|\n{states}"
        f"\n## Channels\n\n| iMessageType | `channel` |\n|---|---|\n{channels}"
        "\n## Causes\n\nIn order of precedence: a delivery has the first that holds and whose facts can be seen. The last"
        "\ncolumn says whether a document of Adobe's gives the test, or it is inferred from one.\n"
        f"\n| `cause` | severity | holds when | source |\n|---|---|---|---|\n{causes}"
    )


def main() -> int:
    """Write or check the documents."""
    differs = False
    for file, text in {DOCS / "metrics.md": metrics_page()}.items():
        if "--check" in sys.argv:
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                print(f"{file.name} is not what the code says: run `make docs` and commit it")
                differs = True
        else:
            file.write_text(text, encoding="utf-8")
            print(f"written: docs/{file.name}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
