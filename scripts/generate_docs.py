"""Write the documents that come from the code: docs/metrics.md and docs/statements.md. With --check: only say what differs."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from campaign_exporter.catalogue import COLLECTORS, METRICS
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.doctor.needs import NEEDS
from campaign_exporter.domain.deliveries import CHANNELS, STATES
from campaign_exporter.metric import Metric
from campaign_exporter.sources.catalogue_statements import CATALOGUE_STATEMENTS, SESSION_STATEMENTS
from campaign_exporter.sources.log_statements import OTHER_LOGS, RECIPIENT_LOG
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import STATEMENTS, columns_read

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
_STATEMENTS_INTRODUCTION = """\
# Statements

<!-- Written by `make docs` from exporter/campaign_exporter/sources: change it there. -->

All SQL that the exporter sends, for whoever answers for the database. `%(name)s` is a value that is sent apart from the text.

Each round of a collector is one transaction, `ISOLATION LEVEL REPEATABLE READ, READ ONLY`, over the one connection to the
database. `SET LOCAL` gives it a statement timeout, a lock timeout and an idle timeout, and takes parallel workers and the
compiler out (`max_parallel_workers_per_gather = 0`, `jit = off`). Its role cannot write, and reads the columns below and no
others; `campaign-exporter grants` prints the SQL that makes it, `campaign-exporter doctor` proves it.

**No log table is ever scanned.** A statement on a table that grows names an index. Tests run each of them on PostgreSQL while
a history grows tenfold, is never analysed, is purged, bloats, is full of nulls, and has no other index than the one named here.
They fail on a plan that does not search by that index, and where more is looked at than 1.3 times the buffers (twice where the
history bloats) and one level of the index. NmsDelivery, NmsTypology, NmsExtAccount, XtkWorkflow, XtkOption and the
enumerations, which Adobe calls small, may be read whole; and NmsMxOwner, which has a row for each mail server.

The exporter looks at the catalogue when it starts and every minute. Where a table, a column or an index is missing, the
statements that stand on it are not sent, `campaign_exporter_collector_available` is 0 for the collectors that ask them, and
the log names once what is missing. An index must be valid, of the kind btree, without a condition, and begin with the columns
named; its name is free.
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
    "outlook": "Collector `outlook`: what is under way, and what comes",
    "deliverability": "Collector `deliverability`: mail servers, retries, bounces",
    "files": "Collector `files`: temporary files, core files, the MTA's log",
    "workflows": "Collector `workflows`: technical workflows",
    "maintenance": "Collector `maintenance`: transactions, sequences, events",
    "hygiene": "Collector `hygiene`: what is left behind, and the upkeep of tables",
    "messages": "Collector `messages`: what becomes of messages",
    "tracking": "Collector `tracking`: what recipients do",
    "recipients": "Collector `recipients`: recipients, counted one by one; off unless it is switched on",
}

_TABLES = {"state": "States", "channel": "Channels", "cause": "Causes"}
#: The closed sets of these tables; a metric may have another set under the same name of a label.
_LONG = (tuple(STATES.values()), tuple(CHANNELS.values()), tuple(cause.name for cause in CAUSES))


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
    if tuple(values) in _LONG:
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


def statements_page() -> str:
    """Make docs/statements.md."""
    rights = "".join(f"| `{table}` | {_code(columns)} |\n" for table, columns in columns_read().items())
    ours = "".join(_statement(each) for each in STATEMENTS if each.reads)
    catalogue = "".join(_statement(each) for each in STATEMENTS if not each.reads)
    sessions = "".join(_statement(each) for each in SESSION_STATEMENTS)
    doctor = "".join(_statement(each) for each in CATALOGUE_STATEMENTS)
    others = _code(log.table for log in OTHER_LOGS)
    logs = (
        f"\nThe other delivery logs, {others},\n"
        f"are asked what `{RECIPIENT_LOG.table}` is, in the same words, each where it is there.\n"
        "What only collector `recipients` asks is asked, and granted, only where that is switched on.\n"
    )
    return (
        _STATEMENTS_INTRODUCTION
        + f"\n## What is read\n\n| table | columns |\n|---|---|\n{rights}"
        + f"\n## Statements on Campaign's tables\n{logs}{ours}"
        + f"\n## Statements on PostgreSQL's own catalogue and statistics\n{catalogue}"
        + f"\n## What is asked at the beginning of each session\n{sessions}"
        + f"\n## What `campaign-exporter doctor` asks besides\n{doctor}"
    )


def _statement(statement: Statement) -> str:
    facts = [f"Asked by {_code(NEEDS[statement.name].asked_by)}."] if statement.name in NEEDS else []
    if statement.reads:
        facts.append(f"Reads {_code(statement.reads)}.")
    if statement.index is not None:
        facts.append(f"Stands on the index `{statement.index.table} ({', '.join(statement.index.columns)})`.")
    elif statement.reads:
        facts.append("Needs no index: these tables are small.")
    if not statement.granted:
        facts.append("Asked only where the role may: `grants` mentions the right, and does not give it.")
    text = statement.text.strip().replace("%%", "%")
    return f"\n### {statement.name}\n\n" + (" ".join(facts) + "\n\n" if facts else "") + f"```sql\n{text}\n```\n"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main() -> int:
    """Write or check the documents."""
    differs = False
    for file, text in {DOCS / "metrics.md": metrics_page(), DOCS / "statements.md": statements_page()}.items():
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
