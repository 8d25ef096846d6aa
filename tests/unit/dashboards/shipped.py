"""The dashboards as they are shipped, and the parts of them that are tested."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "alerts" / "rules"
DASHBOARDS: dict[str, dict[str, Any]] = {
    file.stem: json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
}
#: What stands for a variable while an expression is read.
_STANDS_FOR = {"$__rate_interval": "4m", "$__range": "1d", "$instance": "INSTANCE", "$host": "HOST"}


class Asked(NamedTuple):
    """One query of one panel."""

    dashboard: str
    panel: str
    ref: str
    raw: str
    legend: str

    @property
    def expr(self) -> promql.Expr:
        """Read the expression."""
        return promql.parse(plain(self.raw))

    @property
    def name(self) -> str:
        """Name the query."""
        return f"{self.dashboard}: {self.panel} {self.ref}"


def plain(text: str) -> str:
    """Put something in the place of each variable."""
    for variable, value in _STANDS_FOR.items():
        text = text.replace(variable, value)
    return text


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give all panels but the headings, those that are folded among them."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def all_panels() -> list[tuple[str, dict[str, Any]]]:
    """Give all panels, and whose they are."""
    return [(uid, panel) for uid, dashboard in DASHBOARDS.items() for panel in panels(dashboard)]


def asked() -> list[Asked]:
    """Give all queries of all panels, and those of annotations."""
    made = [
        Asked(uid, panel["title"], target["refId"], target["expr"], target.get("legendFormat", ""))
        for uid, panel in all_panels()
        for target in panel.get("targets", [])
    ]
    marks = [(uid, mark) for uid, dashboard in DASHBOARDS.items() for mark in dashboard["annotations"]["list"]]
    return made + [Asked(uid, mark["name"], "annotation", mark["expr"], mark["titleFormat"]) for uid, mark in marks]


def nodes(expr: Any, parents: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:  # noqa: ANN401 - the parser's classes have no common one
    """Walk an expression: each node, and what it stands in, the nearest last."""
    yield expr, parents
    inner = (*parents, expr)
    for part in (getattr(expr, name, None) for name in ("lhs", "rhs", "expr", "param", "vector_selector")):
        if part is not None and not isinstance(part, str):
            yield from nodes(part, inner)
    for part in getattr(expr, "args", None) or []:
        yield from nodes(part, inner)


def recorded() -> set[str]:
    """Name what the recording rules write."""
    files = sorted(RULES.glob("*.yml"))
    return {name for file in files for name in re.findall(r"^\s*- record: (\S+)$", file.read_text("utf-8"), re.MULTILINE)}
