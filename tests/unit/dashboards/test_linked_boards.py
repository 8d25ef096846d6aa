"""Whoever follows an alert to its dashboard finds there what it is about; and no metric is on no dashboard."""

import re
from collections.abc import Iterator

import promql_parser as promql
import pytest

from campaign_alerts.render import groups
from campaign_alerts.rule import Alert
from campaign_alerts.values import SHIPPED, load_values
from campaign_exporter.catalogue import METRICS
from unit.alerts.cases import Rules
from unit.alerts.promql import metric_of, selectors
from unit.dashboards.shipped import DASHBOARDS, asked, nodes

_VALUES = load_values(SHIPPED)
_ALERTS = [alert for group in groups(_VALUES) for alert in group.alerts]
_RECORDS = {rule["record"]: rule["expr"] for rule in Rules.load().rules if "record" in rule}
#: Alerts that link a dashboard on which nothing of what they ask for is, and why.
_ELSEWHERE: dict[str, str] = {}
#: Metrics that no dashboard shows, and why.
_UNSHOWN = {
    "campaign_database_transactions": "the oldest one does harm, not how many there are",
    "campaign_exporter_collector_last_round_timestamp_seconds": "the age of the data is told, since the last that read all",
    "campaign_host_files_cut": "says how exact the numbers of files are",
    "campaign_ip_affinities": "each is shown by its name",
    "campaign_ip_affinity_public_id_info": "joins the numbers of an address to its affinities",
    "campaign_mid_sourcing_last_copy_timestamp_seconds": "the deliveries that wait for a copy are shown under their cause",
    "campaign_mta_log_unread_bytes": "says how exact the numbers of lines are",
    "campaign_process_expected": "what is expected and does not run is shown as down",
    "campaign_processes": "whether one runs is shown; how many is Campaign's own affair",
    "campaign_smtp_paths": "says how many paths the table of paths leaves out",
    "campaign_smtp_window_seconds": "the window that the shares are of",
    "campaign_work_tables_unmeasured": "says how exact the size of work tables is",
}


def _base(name: str) -> set[str]:
    """Name the metrics on which a record stands, or the metric itself without the suffix of a histogram."""
    if name in _RECORDS:
        return {each for inner in selectors(_RECORDS[name]) for each in _base(inner.metric)}
    found = metric_of(name)
    return {found[0].name if found else name}


def _named(expr: str) -> set[str]:
    """Name the metrics that an expression asks for, but for what it takes away."""
    return {each for found in selectors(expr) if not found.taken_away for each in _base(found.metric)}


def _alternatives(expr: promql.Expr) -> Iterator[str]:
    """Take an expression apart at each `or` that stands outside."""
    if isinstance(expr, promql.ParenExpr):
        yield from _alternatives(expr.expr)
    elif isinstance(expr, promql.BinaryExpr) and str(expr.op) in {"or", "unless"}:
        yield from _alternatives(expr.lhs)
        yield from _alternatives(expr.rhs) if str(expr.op) == "or" else ()
    else:
        yield str(expr)


def _shown(uid: str) -> set[str]:
    """Name the metrics that a dashboard shows."""
    queries = [query for query in asked() if query.dashboard == uid]
    found = (node for query in queries for node, _ in nodes(query.expr) if isinstance(node, promql.VectorSelector))
    return {each for selector in found for each in _base(str(selector.name))}


_SHOWN = {uid: _shown(uid) for uid in DASHBOARDS}


def _linked(alert: Alert) -> str:
    return _VALUES.dashboard_uids[alert.dashboard.partition("?")[0]]


@pytest.mark.parametrize("alert", _ALERTS, ids=[f"{alert.name}-{place}" for place, alert in enumerate(_ALERTS)])
def test_the_dashboard_of_an_alert_shows_what_it_is_about(alert: Alert) -> None:
    asked_for = [_named(each) for each in _alternatives(promql.parse(alert.expr))]
    hidden = [names for names in asked_for if names and not names & _SHOWN[_linked(alert)]]
    assert hidden == [] or alert.name in _ELSEWHERE, f"nothing of it is on {_linked(alert)}"


def test_alternatives_are_looked_at_one_by_one() -> None:
    expr = "(max(a) > 1 or min(b or c) > 2) unless on () d or e"
    assert [_named(each) for each in _alternatives(promql.parse(expr))] == [{"a"}, {"b", "c"}, {"e"}]


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_on_a_dashboard(name: str) -> None:
    shown = set().union(*_SHOWN.values())
    assert name in shown or name in _UNSHOWN


def test_what_is_left_out_is_there() -> None:
    assert set(METRICS) >= _UNSHOWN.keys()
    assert {alert.name for alert in _ALERTS} >= _ELSEWHERE.keys()
    assert all(re.fullmatch(r"[^.]+", why) for why in (*_UNSHOWN.values(), *_ELSEWHERE.values()))
