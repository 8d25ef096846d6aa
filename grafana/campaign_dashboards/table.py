"""Tables: several queries side by side, one row for each set of labels, or a matrix of one query."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as builder
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from campaign_dashboards.meaning import absent, thresholds
from campaign_dashboards.panel import DATASOURCE, Line, Panel, Said, override, targets
from campaign_dashboards.query import Query

_FILLED = {"type": "color-background", "mode": "basic"}
_PLAIN = {"type": "auto"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `source` is a label, or the letter of a query, whose value it shows."""

    source: str
    title: str
    unit: str = ""
    thresholds: ThresholdsConfig | None = None
    mapping: model.ValueMap | None = None
    link: str = ""
    width: int = 0
    absent: str = "unknown"

    @property
    def line(self) -> Line:
        """Give the column's look."""
        custom: dict[str, object] = {}
        if self.thresholds or self.mapping:
            custom["cellOptions"] = _FILLED
        if self.width:
            custom["width"] = self.width
        mappings: list[model.ValueMapping] = [
            *([self.mapping] if self.mapping else []),
            *([absent(self.absent)] if len(self.source) == 1 else []),
        ]
        return Line(self.title, unit=self.unit, thresholds=self.thresholds, mappings=mappings, link=self.link, custom=custom)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table shows: a row for each set of labels that the queries have in common."""

    queries: Sequence[Query]
    columns: Sequence[Column]
    sorted_by: str
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Matrix:
    """A table of one query: a row for each value of one label, a column for each value of another."""

    query: Query
    rows: str
    columns: str
    mapping: model.ValueMap
    title: str


def table(said: Said, rows: Rows) -> Panel:
    """List things as they are now."""
    made = _table(said, rows.queries)
    made.sort_by([common.TableSortByFieldState().display_name(rows.sorted_by).desc(rows.descending)])
    single = len(rows.queries) == 1
    names = {_field(column.source, single=single): column.title for column in rows.columns}
    shown = {column.source for column in rows.columns}
    hidden = {"Time": True} | ({"Value": True} if single and not shown & {"A", "Value"} else {})
    options = {
        "renameByName": names,
        "indexByName": {name: place for place, name in enumerate(names)},
        "includeByName": {},
        "excludeByName": hidden,
    }
    made.with_transformation(model.DataTransformerConfig("merge", options={}))
    made.with_transformation(model.DataTransformerConfig("organize", options=options))
    override(made, [column.line for column in rows.columns])
    return made


def matrix(said: Said, shown: Matrix) -> Panel:
    """Set two things against one another as they are now."""
    made = _table(said, [shown.query]).min_width(80).cell_options(_FILLED).mappings([shown.mapping])  # type: ignore[arg-type] # any of its kinds
    options = {"rowField": shown.rows, "columnField": shown.columns, "valueField": "Value", "emptyValue": "empty"}
    made.with_transformation(model.DataTransformerConfig("groupingToMatrix", options=options))
    corner = f"{shown.rows}\\{shown.columns}"
    override(made, [Line(corner, title=shown.title, custom={"cellOptions": _PLAIN, "minWidth": 190})])
    return made


def _table(said: Said, queries: Sequence[Query]) -> builder.Panel:
    return (
        builder.Panel()
        .title(said.title)
        .description(said.description)
        .datasource(DATASOURCE)
        .unit(said.unit)
        .targets(targets(queries, instant=True, table=True))
        .thresholds(thresholds("transparent"))
        .show_header(True)
        .cell_height(common_model.TableCellHeight.SM)
        .min_width(110)
    )


def _field(source: str, *, single: bool) -> str:
    """Name the field in which Grafana puts a label, or the value of a query."""
    if len(source) > 1:
        return source
    return "Value" if single else f"Value #{source}"
