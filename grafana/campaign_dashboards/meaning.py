"""What a colour means, on every dashboard the same.

Red calls somebody now, orange somebody in working hours, blue is for information, green is in order, grey is unknown or does
not matter. What is neither good nor bad has one of the neutral colours, which are none of these.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from campaign_alerts.values import SHIPPED, load_values
from campaign_exporter.diagnosis.causes import CAUSES, SEVERITIES, Severity

CRITICAL = "red"
WARNING = "orange"
INFO = "blue"
GOOD = "green"
UNKNOWN = "#808080"

#: For series that are neither good nor bad, in the order in which they are given out.
NEUTRAL = ("#9b6fd6", "#2ca5a5", "#c2569f", "#8a7a5c", "#5f79c9", "#5b9a9a", "#b58bd8", "#a3667a", "#6d8299", "#7c6ab0")

OF_SEVERITY: Mapping[Severity, str] = {"critical": CRITICAL, "warning": WARNING, "info": INFO, "never": GOOD}

#: How grave, as a number that tables sort by.
RANKS: Mapping[Severity, int] = {"critical": 3, "warning": 2, "info": 1, "never": 0}

# Several causes of one severity are told apart by shades of its colour.
_SHADES: Mapping[Severity, Sequence[str]] = {
    "critical": (
        "#e02f44",
        "#ff7383",
        "#c4162a",
        "#f2495c",
        "#a3112a",
        "#d6604d",
        "#e57373",
        "#b2182b",
        "#ffa6b0",
        "#8f1d2c",
    ),
    "warning": ("#ff9830", "#e0752d", "#ffb357", "#c15c17"),
    "info": ("#5794f2",),
    "never": ("#73bf69", "#56a64b", "#96d98d"),
}


_ALERTS = load_values(SHIPPED)

#: How grave each cause is: what the alerts say of it, so that no dashboard contradicts a page.
GRAVITY: dict[str, Severity] = {name: cause.severity for name, cause in _ALERTS.causes.items()}


def causes_of(*severities: Severity) -> tuple[str, ...]:
    """Name the causes of these severities."""
    return tuple(cause.name for cause in CAUSES if GRAVITY[cause.name] in severities)


#: Causes that somebody has to do something about; the others are in order.
ALARMING = causes_of("critical", "warning", "info")


def cause_colours() -> Mapping[str, str]:
    """Give each cause a shade of its severity's colour."""
    # A site that calls more causes critical than there are shades sees some of them alike.
    shades = ((causes_of(severity), cycle(_SHADES[severity])) for severity in SEVERITIES)
    return {name: shade for names, own in shades for name, shade in zip(names, own, strict=False)}


def value_map(texts: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Show values as words in a colour: by value, the word and the colour."""
    return ValueMap({value: _word(text, colour, place) for place, (value, (text, colour)) in enumerate(texts.items())})


def absent(text: str = "unknown", colour: str = UNKNOWN) -> SpecialValueMap:
    """Show as a word what is not there."""
    return SpecialValueMap(DashboardSpecialValueMapOptions(SpecialValueMatch.NULL_AND_NAN, _word(text, colour, 99)))


def thresholds(first: str, *steps: tuple[float, str]) -> ThresholdsConfig:
    """Colour a value: `first` from the bottom, then each colour from its value on."""
    made = [Threshold(None, first), *(Threshold(value, colour) for value, colour in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)


def none_of(colour: str) -> ThresholdsConfig:
    """Colour a count of what should not be: none is good."""
    return thresholds(GOOD, (0.0001, colour))


def _word(text: str, colour: str, place: int) -> ValueMappingResult:
    return ValueMappingResult(text=text, color=colour, index=place)


#: 1 and 0 of what is to run, to answer, or to be read.
UP = value_map({"1": ("up", GOOD), "0": ("DOWN", CRITICAL)})
#: How grave, from RANKS.
SEVERITY = value_map(
    {"0": ("none", GOOD)} | {str(RANKS[severity]): (severity, OF_SEVERITY[severity]) for severity in SEVERITIES[:3]}
)
#: Each cause by its name, in the colour of its severity.
CAUSE = value_map({cause.name: (cause.name, OF_SEVERITY[GRAVITY[cause.name]]) for cause in CAUSES})
#: A share of what should be up: all is good, a part is for working hours, none at all calls somebody.
SHARE_UP = thresholds(CRITICAL, (0.0001, WARNING), (1, GOOD))
#: How full a disk is: a ticket, and a page.
DISK_USED = thresholds(
    GOOD,
    *((float(_ALERTS.of("CampaignDiskFull")[name]), colour) for name, colour in (("warning", WARNING), ("alert", CRITICAL))),
)
#: Neither good nor bad.
NO_JUDGEMENT = thresholds("text")
