"""What a rule is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from campaign_alerts.durations import seconds

Severity = Literal["critical", "warning", "info", "none"]
Team = Literal["platform", "campaign", "deliverability"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule; `why` says what it is there for."""

    name: str
    expr: str
    why: str


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. Several may share a name, with other labels.

    `when` says in words what fires it, `lasts` how long that must have lasted, and `confirmed` for how long all samples must
    have said so, before `for` begins. `anchor` is the
    place in the runbook, `dashboard` the page with its variables, both as they stand behind their base address.
    """

    name: str
    severity: Severity
    team: Team
    expr: str
    summary: str
    description: str
    next_step: str
    dashboard: str
    when: str
    wait: str = ""
    keep: str = ""
    lasts: str = ""
    confirmed: str = ""
    anchor: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def cause(self) -> str | None:
        """The cause of waiting that this alert explains, if it is a root alert."""
        return self.labels.get("cause")

    @property
    def needed(self) -> float:
        """How long a fault must have lasted before `for` begins, in seconds."""
        return sum(seconds(each) for each in (self.lasts, self.confirmed) if each)


Rule = Recording | Alert


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other at one moment; a file of their own."""

    name: str
    interval: str
    rules: tuple[Rule, ...]

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Its alerting rules."""
        return tuple(rule for rule in self.rules if isinstance(rule, Alert))
