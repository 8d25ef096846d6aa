"""What expressions ask for, held against the catalogue of the exporter."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import promql_parser
from promql_parser import (
    AggregateExpr,
    BinaryExpr,
    Call,
    MatchOp,
    MatrixSelector,
    ParenExpr,
    SubqueryExpr,
    UnaryExpr,
    VectorSelector,
)

from campaign_exporter.catalogue import METRICS
from campaign_exporter.domain.processes import INSTANCE_MODULES, SHARED_MODULES
from campaign_exporter.metric import Metric

#: Labels that Prometheus gives each target, and ALERTS.
TARGET_LABELS = {"instance", "job"}
ALERT_LABELS = {"alertname", "alertstate", "severity", "team", "cause", "needs", "scope"}
_REGEX = {str(MatchOp.Re), str(MatchOp.NotRe)}
_SUFFIXES = ("_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Asked:
    """A metric and a matcher on it; `taken_away` where what is found is left out of the result."""

    metric: str
    matchers: Sequence[tuple[str, str, bool]]
    taken_away: bool


def selectors(expr: str) -> Iterator[Asked]:
    """List what an expression selects; raise ValueError if it is no PromQL."""
    yield from _walk(promql_parser.parse(expr), taken_away=False)


def grouping_labels(expr: str) -> set[str]:
    """List the labels by which an expression groups or matches."""
    return set(_grouping(promql_parser.parse(expr)))


def _walk(node: object, *, taken_away: bool) -> Iterator[Asked]:
    if isinstance(node, VectorSelector):
        matchers = [(each.name, each.value, str(each.op) in _REGEX) for each in node.matchers.matchers]
        yield Asked(str(node.name), matchers, taken_away)
    elif isinstance(node, BinaryExpr):
        yield from _walk(node.lhs, taken_away=taken_away)
        yield from _walk(node.rhs, taken_away=taken_away or str(node.op) == "unless")
    else:
        for child in _children(node):
            yield from _walk(child, taken_away=taken_away)


def _children(node: object) -> Sequence[object]:
    if isinstance(node, MatrixSelector):
        return [node.vector_selector]
    if isinstance(node, Call):
        return list(node.args)
    if isinstance(node, BinaryExpr):
        return [node.lhs, node.rhs]
    if isinstance(node, AggregateExpr):
        return [child for child in (node.param, node.expr) if child is not None]
    if isinstance(node, ParenExpr | SubqueryExpr | UnaryExpr):
        return [node.expr]
    return []


def _grouping(node: object) -> Iterator[str]:
    if isinstance(node, AggregateExpr) and node.modifier is not None:
        yield from node.modifier.labels
    if isinstance(node, BinaryExpr) and node.modifier is not None:
        yield from node.modifier.matching.labels if node.modifier.matching else ()
        yield from node.modifier.group_labels or ()
    for child in _children(node):
        yield from _grouping(child)


def metric_of(name: str) -> tuple[Metric, str] | None:
    """Find the metric of the catalogue, and the suffix that a histogram's series have."""
    if name in METRICS:
        return METRICS[name], ""
    for suffix in _SUFFIXES:
        metric = METRICS.get(name.removesuffix(suffix))
        if name.endswith(suffix) and metric is not None and metric.kind == "histogram":
            return metric, suffix
    return None


def complaints(expr: str, records: Mapping[str, str], causes: Sequence[str], job: str) -> list[str]:
    """Tell what an expression asks for that is not there."""
    found = []
    for asked in selectors(expr):
        labels, values = _known(asked.metric, records, causes, job)
        if labels is None:
            found.append(f"there is no metric {asked.metric}")
            continue
        for label, value, is_regex in asked.matchers:
            if label not in labels:
                found.append(f"{asked.metric} has no label {label}")
                continue
            if "%q" in value:
                continue
            wanted = value.split("|") if is_regex else [value]
            strange = [each for each in wanted if label in values and each not in values[label]]
            found += [f"{label} of {asked.metric} is never {each}" for each in strange]
    return found


def _known(
    name: str, records: Mapping[str, str], causes: Sequence[str], job: str
) -> tuple[set[str] | None, Mapping[str, Sequence[str]]]:
    """Give the labels of a metric, and the closed sets of their values."""
    common: dict[str, Sequence[str]] = {
        "job": [job],
        "cause": causes,
        "process": sorted(INSTANCE_MODULES | SHARED_MODULES),
    }
    if name == "up":
        return TARGET_LABELS, common
    if name == "ALERTS":
        return {*ALERT_LABELS, "campaign_instance"}, common
    if name in records:
        return _labels_of_record(name), {**METRICS["campaign_messages_total"].values, **common}
    metric = metric_of(name)
    if metric is None:
        return None, {}
    declared, suffix = metric
    labels = {*declared.label_names, *TARGET_LABELS}
    if suffix == "_bucket":
        labels.add("le")
        common["le"] = [f"{bound:.1f}" for bound in declared.buckets] + ["+Inf"]
    return labels, {**declared.values, **common}


def _labels_of_record(name: str) -> set[str]:
    """Read the level of a record's name, which tells its labels."""
    level = name.split(":", maxsplit=1)[0].removeprefix("campaign_instance")
    return {"campaign_instance", *TARGET_LABELS, *filter(None, level.split("_"))}


def queries(text: str) -> list[str]:
    """List the queries in an annotation; `%q` stands for a label's value."""
    return [each.replace("%q", '"%q"') for each in re.findall(r"(?:printf|query) `([^`]*)`", text)]
