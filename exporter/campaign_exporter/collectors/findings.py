"""What was found on hosts, as the parts of a round."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from campaign_exporter import catalogue
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.findings import Finding

T = TypeVar("T")


def tell(current: Round, source: str, findings: Mapping[str, Finding[T]], add: Callable[[Samples, str, T], None]) -> None:
    """Make a part of each finding, `add` turning its value into samples; say of each host whether the source was read."""
    up: dict[str, bool] = {}
    for name, finding in findings.items():
        if finding.up is not None:
            up[finding.host] = finding.up and up.get(finding.host, True)
        # An agent that was heard has the last word: what it no longer says is gone at once.
        if finding.error is None or finding.value is not None or finding.reached:
            with current.part(name, finding.read_at) as samples:
                if finding.value is not None:
                    add(samples, finding.host, finding.value)
        if finding.error is not None:
            current.failures[name] = finding.error
    for host, good in up.items():
        current.samples.add(catalogue.HOST_UP, good, host=host, source=source)
