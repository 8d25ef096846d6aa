"""The kinds of panels, each made one way, so that all dashboards look and read alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, text, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from campaign_dashboards.meaning import GOOD, NEUTRAL, NO_JUDGEMENT
from campaign_dashboards.query import Query

Panel = Builder[model.Panel]

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
LAST = "lastNotNull"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Said:
    """What every panel says of itself: `unit` is one of Grafana's."""

    title: str
    description: str
    unit: str


@dataclass(frozen=True, slots=True)
class Line:
    """How one series or column looks where that differs from the others of its panel; /.../ is a regular expression."""

    name: str
    colour: str = ""
    title: str = ""
    unit: str = ""
    dashed: bool = False
    thresholds: ThresholdsConfig | None = None
    mappings: Sequence[model.ValueMapping] = ()
    link: str = ""
    custom: Mapping[str, object] = field(default_factory=dict)

    def properties(self) -> list[model.DynamicConfigValue]:
        """Give what overrides the defaults of the panel."""
        made: dict[str, object] = {}
        if self.colour:
            made["color"] = {"mode": "fixed", "fixedColor": self.colour}
        if self.title:
            made["displayName"] = self.title
        if self.unit:
            made["unit"] = self.unit
        if self.dashed:
            made["custom.lineStyle"] = {"fill": "dash", "dash": [8, 8]}
            made["custom.fillOpacity"] = 0
            made["custom.stacking"] = {"mode": "none", "group": "A"}
        if self.thresholds:
            made["thresholds"] = self.thresholds.build()
        if self.mappings:
            made["mappings"] = list(self.mappings)
        if self.link:
            made["links"] = [{"title": "Look closer", "url": self.link}]
        made |= {f"custom.{key}": value for key, value in self.custom.items()}
        return [model.DynamicConfigValue(key, value) for key, value in made.items()]


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a time series is drawn: states in steps, parts of a whole on top of one another, limits dashed.

    A judged one has the colour of the threshold that its last value has passed.
    """

    steps: bool = False
    stacked: bool = False
    lines: Sequence[Line] = ()
    limits: ThresholdsConfig | None = None
    judged: bool = False
    soft_top: float | None = None
    whole: bool = False


#: The series that says that there is nothing to be seen, and that it was looked for.
NOTHING = "nothing"
NOTHING_LINE = Line(f"/^ *{NOTHING} *$/", GOOD)
_PLAIN = Drawn()


class _Overridable(Protocol):
    """Any panel of the SDK."""

    def override_by_name(self, name: str, properties: list[model.DynamicConfigValue]) -> object:
        """Override what has this name."""

    def override_by_regexp(self, regexp: str, properties: list[model.DynamicConfigValue]) -> object:
        """Override what has such a name."""


def time_series(said: Said, queries: Sequence[Query], drawn: Drawn = _PLAIN) -> Panel:
    """Draw how something went."""
    made = (
        timeseries.Panel()
        .title(said.title)
        .description(said.description)
        .datasource(DATASOURCE)
        .unit(said.unit)
        .targets(targets(queries))
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI).sort(common_model.SortOrder.DESCENDING))
        .line_width(1)
        .fill_opacity(40 if drawn.stacked else 0)
        .line_interpolation(_interpolation(drawn))
        .show_points(common_model.VisibilityMode.NEVER)
        .span_nulls(False)
        .color_scheme(_colours(drawn))
        .stacking(common.StackingConfig().group("A").mode(_stacking(drawn)))
        .thresholds(drawn.limits or NO_JUDGEMENT)
        .thresholds_style(common.GraphThresholdsStyleConfig().mode(_limits(drawn)))
        .min(0)
    )
    if drawn.whole:
        made.decimals(0).axis_soft_max(1)
    if drawn.soft_top is not None:
        made.axis_soft_max(drawn.soft_top)
    override(made, drawn.lines)
    return made


def values(said: Said, queries: Sequence[Query], lines: Sequence[Line] = (), judged: ThresholdsConfig = NO_JUDGEMENT) -> Panel:
    """Show how something is now, as a large number each."""
    made = (
        stat.Panel()
        .title(said.title)
        .description(said.description)
        .datasource(DATASOURCE)
        .unit(said.unit)
        .targets(targets(queries, instant=True))
        .thresholds(judged)
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
        .wide_layout(False)
        .orientation(common_model.VizOrientation.AUTO)
        .reduce_options(_now())
    )
    override(made, lines)
    return made


def bars(said: Said, queries: Sequence[Query], judged: ThresholdsConfig, *, top: float | None = None) -> Panel:
    """Compare like things now, each with a bar; without a top the largest fills its own."""
    made = (
        bargauge.Panel()
        .title(said.title)
        .description(said.description)
        .datasource(DATASOURCE)
        .unit(said.unit)
        .min(0)
        .targets(targets(queries, instant=True))
        .thresholds(judged)
        .display_mode(common_model.BarGaugeDisplayMode.BASIC)
        .value_mode(common_model.BarGaugeValueMode.COLOR)
        .name_placement(common_model.BarGaugeNamePlacement.LEFT)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .show_unfilled(True)
        .text(common.VizTextDisplayOptions().title_size(12).value_size(16))
        .reduce_options(_now())
    )
    return made if top is None else made.max(top)


def words(title: str, description: str, markdown: str) -> Panel:
    """Show a text."""
    return text.Panel().title(title).description(description).mode(TextMode.MARKDOWN).content(markdown)


def targets(queries: Sequence[Query], *, instant: bool = False, table: bool = False) -> list[Builder[Dataquery]]:
    """Make the queries of a panel, each with its letter."""
    form = PromQueryFormat.TABLE if table else PromQueryFormat.TIME_SERIES
    made: list[Builder[Dataquery]] = []
    for letter, query in zip(_LETTERS, queries, strict=False):
        target = prometheus.Dataquery().datasource(DATASOURCE).expr(query.expr).ref_id(letter).format(form)
        if query.legend:
            target.legend_format(query.legend)
        made.append(target.instant() if instant else target.range())
    return made


def override(panel: _Overridable, lines: Sequence[Line]) -> None:
    """Let series or columns look as they are to."""
    for line in lines:
        if line.name.startswith("/"):
            panel.override_by_regexp(line.name, line.properties())
        else:
            panel.override_by_name(line.name, line.properties())


def coloured(colours: Mapping[str, str]) -> tuple[Line, ...]:
    """Give each of these series its colour."""
    return tuple(Line(name, colour) for name, colour in colours.items())


def neutral(*names: str) -> tuple[Line, ...]:
    """Give each of these series a colour that judges nothing."""
    return tuple(Line(name, NEUTRAL[place % len(NEUTRAL)]) for place, name in enumerate(names))


def _legend() -> Builder[common_model.VizLegendOptions]:
    options = common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM)
    return options.display_mode(common_model.LegendDisplayMode.TABLE).calcs([LAST, "max"]).sort_by("Last *").sort_desc(True)


def _colours(drawn: Drawn) -> Builder[model.FieldColor]:
    if drawn.judged:
        return FieldColor().mode(model.FieldColorModeId.THRESHOLDS).series_by(model.FieldColorSeriesByMode.LAST)
    return FieldColor().mode(model.FieldColorModeId.SHADES).fixed_color(NEUTRAL[0])


def _now() -> Builder[common_model.ReduceDataOptions]:
    return common.ReduceDataOptions().calcs([LAST]).values(False)


def _interpolation(drawn: Drawn) -> common_model.LineInterpolation:
    return common_model.LineInterpolation.STEP_AFTER if drawn.steps else common_model.LineInterpolation.LINEAR


def _stacking(drawn: Drawn) -> common_model.StackingMode:
    return common_model.StackingMode.NORMAL if drawn.stacked else common_model.StackingMode.NONE


def _limits(drawn: Drawn) -> common_model.GraphThresholdsStyleMode:
    return common_model.GraphThresholdsStyleMode.DASHED if drawn.limits else common_model.GraphThresholdsStyleMode.OFF
