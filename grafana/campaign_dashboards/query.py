"""Expressions that hold for one exporter, and for two that watch the same instance.

Two exporters tell the same, but for the moment at which they look; one of them may be gone. So what they tell is merged before
anything is added up: counts and states by `max`, moments by `min`, counters by `max` of what they have grown.
"""

from dataclasses import dataclass

from campaign_exporter.catalogue import COLLECTOR_SUCCESS
from campaign_exporter.metric import Metric

INSTANCES = 'campaign_instance=~"$instance"'
HOSTS = 'host=~"$host"'


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel, and how its series are named."""

    expr: str
    legend: str = ""


def selector(metric: Metric, *matchers: str) -> str:
    """Select the series of the chosen instances."""
    scope = (INSTANCES,) if metric.per_instance else ()
    return f"{metric.name}{{{', '.join((*scope, *matchers))}}}"


def largest(metric: Metric, *by: str, matching: tuple[str, ...] = ()) -> str:
    """Merge what several exporters tell of a count or a state."""
    return f"max by ({labels(by)}) ({selector(metric, *matching)})"


def earliest(metric: Metric, *by: str, matching: tuple[str, ...] = ()) -> str:
    """Merge what several exporters tell of a moment."""
    return f"min by ({labels(by)}) ({selector(metric, *matching)})"


def growth(metric: Metric, window: str, *by: str, matching: tuple[str, ...] = (), suffix: str = "") -> str:
    """Merge what several exporters have counted within a window."""
    counter = selector(metric, *matching).replace(metric.name, metric.name + suffix, 1)
    return merged(metric, f"increase({counter}[{window}])", *by)


def merged(metric: Metric, grown: str, *by: str) -> str:
    """Add up the labels of a counter that are not named, exporter by exporter, and merge what they tell."""
    added_up = ", ".join(label for label in metric.labels if label not in by)
    inner = f"sum without ({added_up}) ({grown})" if added_up else grown
    return f"max by ({labels(by)}) ({inner})"


def or_nothing(expr: str, collector: str, label: str, text: str) -> str:
    """Say `text` in a label where nothing is found, and only if all that could be found was looked for."""
    looked = largest(COLLECTOR_SUCCESS, matching=(f'collector="{collector}"',))
    return f'{expr}\nor on () label_replace(0 * (min({looked}) == 1), "{label}", "{text}", "", "")'


def or_unknown(expr: str, known: str, *by: str) -> str:
    """Say NaN, which tables show as unknown, where `known` has a row and the expression has none."""
    return f"{expr}\nor on ({labels(by)}) NaN * {known}"


def or_zero(expr: str, known: str, *by: str) -> str:
    """Say 0 where there is none, and `known` tells that it was looked for."""
    return f"{expr}\nor on ({labels(by)}) 0 * {known}"


def firing(*severities: str) -> str:
    """Select the alerts of this product that fire, those that concern no single instance among them."""
    return (
        'ALERTS{alertname=~"Campaign.+", alertname!="CampaignWatchdog", alertstate="firing", '
        f'{one_of("severity", severities)}, campaign_instance=~"$instance|"}}'
    )


def about(expr: str, *names: str) -> str:
    """Join what labels say of an alert to one, `where`."""
    quoted = ", ".join(f'"{name}"' for name in names)
    joined = f'label_join({expr}, "where", " ", {quoted})'
    return f'label_replace({joined}, "where", "$1", "where", " *(.*?) *")'


def ever(expr: str, metric: Metric, *by: str, matching: tuple[str, ...] = (), condition: str = "> 0") -> str:
    """Keep the series that met a condition within the time shown, from its beginning to its end: their zeros are told too."""
    most = "max" if ">" in condition else "min"
    met = f"{most} by ({', '.join(by)}) ({most}_over_time({selector(metric, *matching)}[$__range] @ end())) {condition}"
    return f"{expr}\nand on ({', '.join(by)}) {met}"


def since(expr: str) -> str:
    """Tell since when a series has been there without a break, if that began within a day."""
    return f"max_over_time((timestamp({expr}) unless ({expr} offset 1m))[1d:1m])"


def one_of(label: str, values: tuple[str, ...]) -> str:
    """Match a label that has one of these values."""
    return f'{label}="{values[0]}"' if len(values) == 1 else f'{label}=~"{"|".join(values)}"'


def labels(by: tuple[str, ...]) -> str:
    """Name the labels by which exporters are merged."""
    return ", ".join(("campaign_instance", *by))
