"""Every query of the dashboards asks for what there is."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser as promql
import pytest

from campaign_exporter.catalogue import METRICS
from campaign_exporter.metric import Metric
from unit.dashboards.shipped import Asked, asked, nodes, recorded

_TARGET = {"instance", "job"}
_ALL = {label for metric in METRICS.values() for label in metric.label_names}
_FOREIGN = {"up": _TARGET, "ALERTS": _TARGET | _ALL | {"alertname", "alertstate", "severity", "team", "scope"}}
_SEVERITIES = {"critical", "warning", "info"}
#: The dashboards stand on these; the rules write them.
_STOOD_ON = {"campaign_instance:campaign_messages_busy_rate30m:avg_over_time7d"}
_SUFFIXES = ("_bucket", "_count", "_sum")

each_query = pytest.mark.parametrize("query", asked(), ids=lambda query: query.name)


def selectors(expr: promql.Expr) -> Iterator[promql.VectorSelector]:
    return (node for node, _ in nodes(expr) if isinstance(node, promql.VectorSelector))


def named(selector: promql.VectorSelector) -> str:
    assert selector.name, "a selector without a name asks for everything"
    return selector.name


def metric_of(name: str) -> Metric | None:
    for suffix in _SUFFIXES:
        base = METRICS.get(name.removesuffix(suffix))
        if name.endswith(suffix) and base is not None and base.kind == "histogram":
            return base
    return METRICS.get(name)


def labels_of(name: str) -> set[str]:
    metric = metric_of(name)
    if metric is not None:
        return _TARGET | {*metric.label_names} | ({"le"} if name.endswith("_bucket") else set())
    return _FOREIGN.get(name) or {"campaign_instance"}


def made_labels(expr: promql.Expr) -> set[str]:
    """Give the labels that an expression makes itself."""
    calls = [node for node, _ in nodes(expr) if isinstance(node, promql.Call)]
    return {call.args[1].val for call in calls if call.func.name in {"label_replace", "label_join"}}


def named_labels(expr: promql.Expr) -> Iterator[tuple[str, Any]]:
    """Give each label by which an expression groups or matches, and where."""
    for node, _ in nodes(expr):
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql.AggregateExpr) and modifier is not None:
            yield from ((label, node) for label in modifier.labels)
        if isinstance(node, promql.BinaryExpr) and modifier is not None:
            grouped = modifier.matching.labels if modifier.matching is not None else []
            yield from ((label, node) for label in [*grouped, *(modifier.group_labels or [])])


@each_query
def test_it_names_only_metrics_that_there_are(query: Asked) -> None:
    names = {named(selector) for selector in selectors(query.expr)}
    assert names
    unknown = {name for name in names if metric_of(name) is None}
    assert unknown <= {*_FOREIGN, *_STOOD_ON}


@each_query
def test_it_matches_only_labels_and_values_that_there_are(query: Asked) -> None:
    for selector in selectors(query.expr):
        metric, known = metric_of(named(selector)), labels_of(named(selector))
        for matcher in selector.matchers.matchers:
            assert matcher.name in known, f"{named(selector)} has no label {matcher.name}"
            closed = metric.values.get(matcher.name) if metric else _SEVERITIES if matcher.name == "severity" else None
            if closed is not None:
                assert set(matcher.value.split("|")) <= set(closed), f"{named(selector)} has no such {matcher.name}"


@each_query
def test_it_groups_only_by_labels_that_there_are(query: Asked) -> None:
    made = made_labels(query.expr)
    for label, node in named_labels(query.expr):
        known = {name for selector in selectors(node) for name in labels_of(named(selector))}
        assert label in known | made, f"nothing in it has the label {label}"


@each_query
def test_its_legend_names_labels_that_are_there(query: Asked) -> None:
    known = made_labels(query.expr) | {name for each in selectors(query.expr) for name in labels_of(named(each))}
    assert set(re.findall(r"\{\{(.+?)\}\}", query.legend)) <= known


@each_query
def test_counters_are_only_asked_how_they_grow(query: Asked) -> None:
    for node, parents in nodes(query.expr):
        if isinstance(node, promql.VectorSelector) and named(node).endswith(("_total", *_SUFFIXES)):
            matrix, call = parents[-1], parents[-2]
            assert isinstance(matrix, promql.MatrixSelector)
            assert call.func.name in {"rate", "increase"}


@each_query
def test_rates_adapt_to_the_time_shown(query: Asked) -> None:
    assert not re.search(r"\birate\b", query.raw)
    for window in re.findall(r"\brate\([^\[]*\[(.+?)\]", query.raw):
        assert window == "$__rate_interval"


@each_query
def test_it_asks_for_the_chosen_instances(query: Asked) -> None:
    chosen = {"INSTANCE", "INSTANCE|"}
    for selector in selectors(query.expr):
        metric = metric_of(named(selector))
        scopes = {matcher.value for matcher in selector.matchers.matchers if matcher.name == "campaign_instance"}
        concerns_one = (metric is None or metric.per_instance) and named(selector) != "up"
        if concerns_one and "CampaignWatchdog" not in {
            m.value for m in selector.matchers.matchers if m.op == promql.MatchOp.Equal
        }:
            assert scopes, f"{named(selector)} is of all instances"
            assert scopes <= chosen


def test_what_is_stood_on_is_recorded() -> None:
    # Without the rules beside them the dashboards only lack their line of what is usual.
    assert not recorded() or recorded() >= _STOOD_ON
