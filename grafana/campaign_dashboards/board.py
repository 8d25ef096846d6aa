"""A dashboard: its variables, links and annotations, and its panels on the grid."""

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard as Builder
from grafana_foundation_sdk.builders.dashboard import DashboardLink as Link
from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable, Row, TextBoxVariable
from grafana_foundation_sdk.cog.builder import Builder as AnyBuilder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.table import Options as TableOptions

from campaign_dashboards.meaning import CRITICAL, WARNING
from campaign_dashboards.panel import DATASOURCE, Panel
from campaign_dashboards.query import INSTANCES, firing

Variable = AnyBuilder[model.VariableModel]

WIDTH = 24
#: The schema of Grafana 11.0: newer ones take it over by themselves.
SCHEMA_VERSION = 39

OVERVIEW = "campaign-overview"
DELIVERIES = "campaign-deliveries"
MTA = "campaign-mta"
THROUGHPUT = "campaign-throughput"
LOAD = "campaign-load"
DELIVERABILITY = "campaign-deliverability"
TRACKING = "campaign-tracking"
HYGIENE = "campaign-hygiene"
EXPORTER = "campaign-exporter"
TITLES = {
    OVERVIEW: "Campaign / Overview",
    DELIVERIES: "Campaign / Deliveries",
    MTA: "Campaign / MTA and IP affinity",
    THROUGHPUT: "Campaign / Throughput",
    LOAD: "Campaign / Coming load",
    DELIVERABILITY: "Campaign / Deliverability",
    TRACKING: "Campaign / Tracking",
    HYGIENE: "Campaign / Hygiene and database",
    EXPORTER: "Campaign / Exporter",
}
_TIPS = {
    OVERVIEW: "Is anything broken now, and where",
    DELIVERIES: "What waits, since when and why",
    MTA: "Processes of each server, and IP affinities that do not fit",
    THROUGHPUT: "How many messages go out, and how many fail",
    LOAD: "What is to come, what comes together, and what will be too late",
    DELIVERABILITY: "How mail servers take what is sent, bounces, images, certificates, temporary files",
    TRACKING: "What recipients do, and whether it arrives",
    HYGIENE: "What is left behind, cleanup and workflows, tables, ids and transactions",
    EXPORTER: "Can these numbers be believed, and what they cost",
}


class GridError(Exception):
    """The panels of a section do not fill its lines."""


@dataclass(frozen=True, slots=True)
class Place:
    """A panel, and how large it is: a screen is 24 wide, a unit of height is 38 pixels."""

    panel: Panel
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under one heading. A folded one is drawn, and its queries run, once somebody opens it."""

    title: str
    places: Sequence[Place]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    description: str
    sections: Sequence[Section]
    hosts: bool = False

    def build(self, runbooks: str) -> model.Dashboard:
        """Make it; `runbooks` is where alerts/runbooks is published. Raise GridError."""
        made = (
            Builder(TITLES[self.uid])
            .uid(self.uid)
            .description(self.description)
            .tags(["campaign"])
            .readonly()
            .timezone("browser")
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .time("now-24h", "now")
            .refresh("1m")
            .variables(_variables(runbooks, hosts=self.hosts))
            .links([_link(uid) for uid in TITLES if uid != self.uid])
            .annotations([_Firing("critical", CRITICAL), _Firing("warning", WARNING, shown=False)])
        )
        built = made.build()
        built.panels = _lay(self.sections)
        built.schema_version = SCHEMA_VERSION
        for variable in built.templating.list_val or []:
            # These are of interval variables only; the SDK writes them for all.
            variable.auto = variable.auto_count = variable.auto_min = None
        return built


def where(uid: str) -> str:
    """Link the row of a table to a dashboard that shows its instance only."""
    return f"/d/{uid}?var-instance=${{__value.raw:percentencode}}&${{datasource:queryparam}}&${{__url_time_range}}"


def there(uid: str) -> str:
    """Link to a dashboard that shows the same instances."""
    return f"/d/{uid}?${{instance:queryparam}}&${{datasource:queryparam}}&${{__url_time_range}}"


def _lay(sections: Sequence[Section]) -> list[model.Panel | model.RowPanel]:
    """Put the sections below one another; the panels of a folded one lie in its heading."""
    laid: list[model.Panel | model.RowPanel] = []
    number, top = 1, 0
    for section in sections:
        heading = (
            Row(section.title).id(number).collapsed(section.folded).grid_pos(model.GridPos(h=1, w=WIDTH, x=0, y=top)).build()
        )
        panels = [_set(*placed, number=number + 1 + place, top=top + 1) for place, placed in enumerate(_placed(section))]
        number += 1 + len(panels)
        top += 1 + max(y + place.height for place, _, y in _placed(section))
        heading.panels = panels if section.folded else []
        laid += [heading, *([] if section.folded else panels)]
    return laid


def _set(place: Place, x: int, y: int, *, number: int, top: int) -> model.Panel:
    """Make a panel stand in its place."""
    panel = place.panel.build()
    panel.id_val = number
    panel.grid_pos = model.GridPos(h=place.height, w=place.width, x=x, y=top + y)
    if isinstance(panel.options, TableOptions):
        panel.options.footer = None  # the SDK writes one, and newer Grafanas know none
    return panel


def _placed(section: Section) -> Sequence[tuple[Place, int, int]]:
    """Set the panels from left to right, line by line."""
    placed: list[tuple[Place, int, int]] = []
    x = y = 0
    for place in section.places:
        if x and place.height != placed[-1][0].height:
            raise GridError(f"{section.title}: panels of one line differ in height")
        placed.append((place, x, y))
        x += place.width
        if x > WIDTH:
            raise GridError(f"{section.title}: a line is wider than {WIDTH}")
        if x == WIDTH:
            x, y = 0, y + place.height
    if x:
        raise GridError(f"{section.title}: its last line is not full")
    return placed


def _variables(runbooks: str, *, hosts: bool) -> list[Variable]:
    made: list[Variable] = [
        DatasourceVariable("datasource").label("Data source").type("prometheus"),
        _choice("instance", "Instance", "label_values(campaign_instance_info, campaign_instance)"),
    ]
    if hosts:
        made.append(_choice("host", "Host", f"label_values(campaign_host_up{{{INSTANCES}}}, host)"))
    # Whoever imports the dashboards elsewhere sets it in their settings, or in an address: &var-runbooks=...
    address = TextBoxVariable("runbooks").label("Runbooks").hide(model.VariableHide.HIDE_VARIABLE)
    return [*made, address.default_value(runbooks).current(model.VariableOption(text=runbooks, value=runbooks))]


def _choice(name: str, label: str, query: str) -> QueryVariable:
    """Let one, several or all be chosen; all includes those that are gone within the time shown."""
    return (
        QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query({"query": query, "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(model.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _link(uid: str) -> Link:
    return (
        Link(TITLES[uid].removeprefix("Campaign / "))
        .type(model.DashboardLinkType.LINK)
        .icon("dashboard")
        .tooltip(_TIPS[uid])
        .url(f"/d/{uid}")
        .include_vars(True)
        .keep_time(True)
    )


class _Firing(model.AnnotationQuery, AnyBuilder[model.AnnotationQuery]):
    """Marks when alerts of one severity fire. The SDK does not know what only Prometheus's annotations have."""

    def __init__(self, severity: str, colour: str, *, shown: bool = True) -> None:
        expr = f"max by (alertname, campaign_instance) ({firing(severity)})"
        super().__init__(
            f"Alerts: {severity}", DATASOURCE, enable=shown, icon_color=colour, hide=None, built_in=None, expr=expr
        )

    def build(self) -> model.AnnotationQuery:
        """Be a builder, as the SDK wants it."""
        return self

    def to_json(self) -> dict[str, object]:
        """Add how an annotation is named."""
        return super().to_json() | {
            "titleFormat": "{{alertname}}",
            "textFormat": "{{campaign_instance}}",
            "tagKeys": "alertname",
        }
