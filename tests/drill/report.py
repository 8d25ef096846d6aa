"""The page docs/time-to-page.md: what was measured, what is configured, and what a person reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median, mode
from textwrap import fill
from typing import Any

from alerting.target import SHIPPED as ALERTMANAGER
from campaign_alerts.durations import seconds
from campaign_alerts.rule import Alert
from drill.compressed import ROOT, alerts, shipped
from drill.performance import Notice, Result, rule_of
from drill.playbill import Outcome
from drill.routing import Waits, waits_of
from drill.scene import Scene
from drill.scenes import SCENES

PAGE = ROOT / "docs" / "time-to-page.md"
_KEPT = ROOT / "build" / "drill" / "measured.json"
_HEADER = """\
# From the fault to the page

<!-- Written by `make drill`: change tests/drill/report.py. -->

Each alert was made to fire by its own fault: set in the simulator, seen by a real exporter, told by a real Prometheus and a
real Alertmanager to a pager service, a mailbox and a chat room on the same machine. A scene passes when exactly the right alert
fires, with exactly its labels, reaches the right people in words without a gap, mutes what it must, is resolved once the fault
is fixed, and nothing else fires that docs/alerts.md does not name for the situation.

{proven} of {shipped} alerts are proven so. Measured on {date}; {machine}.
"""
_MEASURED = """
## Measured

All durations of the rules and of Alertmanager were divided by {faster}, by the same generator from the same values; so the
first numbers are of a short night. Exporter and Prometheus looked once a second. Seconds:

- *seen*: from setting the fault until the rule's condition held for the first time. It holds `needed`, what the rule asks for
  before it believes (a window without another value, the time that a delivery may wait) without what the simulator put back;
  the rest is sampling, scraping and evaluating.
- *for*: from then until the alert fired.
- *told*: from then until the notification was there: Alertmanager's `group_wait`, and sending. Tickets of an instance are one
  group: where Alertmanager still remembers the ticket of the scene before, it waits for `group_interval`
  ({group_interval:.0f} s here) instead.
- *runs*: how often it was played, one after the other on each of {sites} instances.
{often}
- *resolved*: from fixing the fault until the notification that it is resolved: the window, `keep_firing_for`, `group_interval`.

| alert | severity | runs | seen | needed | for | told | fault to notification: p50 | max | resolved |
|---|---|---|---|---|---|---|---|---|---|
"""
_DEFAULTS = """
## What that means at the settings as shipped

`needed`, `for` and `group_wait` are configured; the rounds are not certain: a fault waits between nothing and all of the
collector's interval, of the scrape interval (15 s) and of the interval between evaluations. *Usual* takes half of each, *most*
all of them, and both the time that the drill measured beyond its own intervals, where there was any. `needed` is what the rule
asks for, also where the simulator put it back. For StuckPending it is NmsMTA_Alert_Delay, 30 min unless set, or
maxPreparationJobsSec, an hour unless set. An alert that is decided by a share or a number of what was counted within a window
(≥) takes in addition what it takes to reach it, which depends on what is sent; what is given up after soft bounces was tried
for days before.
A ticket of an instance of which another ticket is open waits for `group_interval`, 10 min at most, instead of `group_wait`.

| alert | needed | for | group_wait | rounds at most | fault to notification: usual | most | fixed to resolved, most |
|---|---|---|---|---|---|---|---|
"""
_TEXTS = """
## What a person reads

As it arrived, with the drill's short durations. Pages and tickets; chat says the same.
"""
#: How many instances there are, and how often each page is measured, for a median.
SITES, ROUNDS = 4, 3
_WIDTH = 127
_SCRAPE = 15.0
#: When they fire depends on how much is sent meanwhile, of which the drill's traffic is no measure.
_COUNTING = frozenset(
    {
        "CampaignDeliveryErrorsHigh",
        "CampaignHardBouncesHigh",
        "CampaignSoftBouncesHigh",
        "CampaignDomainRefusing",
        "CampaignDeliveryStartsLate",
        "CampaignProcessRestarting",
        "CampaignSmtpConnectionsFailing",
        "CampaignMessageSizeHigh",
        "CampaignMtaLogErrors",
    }
)
_DRILL_SCRAPE = _DRILL_SAMPLING = 1.0


@dataclass(frozen=True)
class Row:
    """A scene and the seconds of its runs."""

    scene: Scene
    rule: Alert
    interval: float
    results: Sequence[Result]
    waits: Waits

    @property
    def needed(self) -> float:
        """What the condition asks for, in seconds at default settings."""
        return self.rule.needed if self.scene.needed is None else self.scene.needed

    @property
    def confirmed(self) -> float:
        """What of it the drill had to wait for, in seconds at default settings."""
        return self.needed if self.scene.confirmed is None else self.scene.confirmed

    @property
    def wait(self) -> float:
        return seconds(self.rule.wait) if self.rule.wait else 0.0

    @property
    def keep(self) -> float:
        return seconds(self.rule.keep) if self.rule.keep else 0.0

    def seen(self) -> float:
        return median(result.seen - result.fault for result in self.results)

    def pending(self) -> float:
        return median(result.firing - result.seen for result in self.results)

    def told(self) -> float:
        return median(result.notified - result.firing for result in self.results)

    def totals(self) -> list[float]:
        return sorted(result.notified - result.fault for result in self.results)

    def withdrawn(self) -> float:
        return median(result.withdrawn - result.cleared for result in self.results)


class Report:
    """Writes the page."""

    def __init__(self, faster: int) -> None:
        self.faster = faster
        values = shipped()
        self._rules = alerts(values)
        self._interval = seconds(values.interval)
        self._window = seconds(values.window)

    def write(self, outcomes: Mapping[str, Outcome], machine: str) -> None:
        _KEPT.parent.mkdir(parents=True, exist_ok=True)
        _KEPT.write_text(json.dumps({name: _plain(outcome) for name, outcome in outcomes.items()}, indent=1), encoding="utf-8")
        PAGE.write_text(self.page(outcomes, machine), encoding="utf-8")

    def page(self, outcomes: Mapping[str, Outcome], machine: str) -> str:
        rows = [
            self._row(scene, outcomes[scene.name].results) for scene in SCENES if outcomes.get(scene.name, Outcome()).results
        ]
        proven = {name.split()[0] for name, outcome in outcomes.items() if not outcome.problems}
        unproven = {name.split()[0] for name, outcome in outcomes.items() if outcome.problems}
        shipped_names = {rule.name for rule in self._rules}
        parts = [
            _HEADER.format(proven=len(proven - unproven), shipped=len(shipped_names), date=_measured_on(rows), machine=machine),
            *(
                f"\nNot proven: {', '.join(sorted((unproven | shipped_names) - (proven - unproven)))}.\n"
                for _ in [0]
                if unproven
            ),
            _second_tries(outcomes),
            _MEASURED.format(faster=self.faster, group_interval=600 / self.faster, sites=SITES, often=_often(rows)),
            *(self._measured(row) for row in rows),
            _DEFAULTS,
            *(self._default(row) for row in rows),
            _TEXTS,
            *(_told(row.scene.name, row.results[0].notice) for row in rows),
            *(_told(name, notice) for name, outcome in outcomes.items() for _, notice in outcome.notices),
        ]
        return "".join(parts)

    def _row(self, scene: Scene, results: Sequence[Result]) -> Row:
        rule = rule_of(scene, self._rules)
        interval = 120.0 if scene.alert == "CampaignDeliveryStartsLate" else self._interval
        return Row(scene, rule, interval, results, waits_of(ALERTMANAGER, scene.severity, scene.team))

    def _measured(self, row: Row) -> str:
        totals = row.totals()
        cells = [
            row.seen(),
            row.confirmed / self.faster,
            row.pending(),
            row.told(),
            median(totals),
            totals[-1],
            row.withdrawn(),
        ]
        numbers = " | ".join(f"{cell:.1f}" for cell in cells)
        return f"| {row.scene.name} | {row.scene.severity} | {len(totals)} | {numbers} |\n"

    def _default(self, row: Row) -> str:
        rounds = row.scene.sampling + _SCRAPE + row.interval
        drill_rounds = _DRILL_SAMPLING + _DRILL_SCRAPE + row.interval / self.faster
        counting = row.rule.name in _COUNTING
        beyond = 0.0 if counting else max(0.0, row.seen() - row.confirmed / self.faster - drill_rounds)
        configured = row.needed + row.wait + row.waits.wait
        usual, most = configured + rounds / 2 + beyond, configured + rounds + beyond
        ends = row.scene.sampling + _SCRAPE + self._window + row.keep + row.interval + row.waits.interval
        told = [f"{'≥ ' * counting}{_human(total)}" for total in (usual, most)]
        cells = [*(_human(cell) for cell in (row.needed, row.wait, row.waits.wait, rounds)), *told, _human(ends)]
        return f"| {row.scene.name} | {' | '.join(cells)} |\n"


def _measured_on(rows: Sequence[Row]) -> date:
    """Tell the day of the last performance."""
    return datetime.fromtimestamp(max(result.fault for row in rows for result in row.results), UTC).date()


def _often(rows: Sequence[Row]) -> str:
    """Say how often pages and tickets were played, and which of them were not played as often as the others."""
    pages, tickets = [row for row in rows if row.scene.page], [row for row in rows if not row.scene.page]
    told = " ".join(_played(kind, these) for kind, these in (("page", pages), ("ticket", tickets)) if these)
    return fill(told, _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _played(kind: str, rows: Sequence[Row]) -> str:
    usual = mode(len(row.results) for row in rows)
    others: dict[int, list[str]] = {}
    for row in rows:
        if len(row.results) != usual:
            others.setdefault(len(row.results), []).append(row.scene.name)
    excepted = "".join(f", but {_times(count)} {', '.join(names)}" for count, names in others.items())
    return f"Each {kind} was played {_times(usual)}{excepted}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _second_tries(outcomes: Mapping[str, Outcome]) -> str:
    """Name what was played a second time, and why."""
    tries = {name: outcome.before for name, outcome in outcomes.items() if outcome.before}
    if not tries:
        return ""
    told = "".join(f"- {name}: {'; '.join(problems)}\n" for name, problems in tries.items())
    return (
        f"\nPlayed a second time, while nothing else was, since the first went wrong; the second is what counts here:\n\n{told}"
    )


def _human(length: float) -> str:
    """Tell a length in seconds."""
    rest, parts = round(length), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        parts += [f"{number} {unit}"] * bool(number)
    return " ".join(parts) or "0 s"


def _told(name: str, notice: Notice | None) -> str:
    if notice is None:
        return ""
    return f"\n### {name}\n\nTo {notice.receiver}: **{notice.title}**\n\n```text\n{notice.text.strip()}\n```\n"


def _plain(outcome: Outcome) -> dict[str, object]:
    results = [{name: value for name, value in vars(result).items() if name != "scene"} for result in outcome.results]
    return {"results": results, "problems": outcome.problems, "notices": outcome.notices, "before": outcome.before}


def kept() -> dict[str, Outcome]:
    """Read what the last drill measured, to write the page anew."""
    by_name = {scene.name: scene for scene in SCENES}
    found: dict[str, Outcome] = {}
    for name, plain in json.loads(_KEPT.read_text(encoding="utf-8")).items():
        results = [_result(by_name[name], fields) for fields in plain["results"]]
        notices = [(at, Notice(*notice)) for at, notice in plain["notices"]]
        found[name] = Outcome(results, plain["problems"], notices, plain["before"])
    return found


def _result(scene: Scene, fields: dict[str, Any]) -> Result:
    told: dict[str, Any] = {
        name: Notice(*fields.pop(name)) if fields.get(name) else fields.pop(name) for name in ("notice", "chat")
    }
    return Result(scene, **fields, **told)


def machine() -> str:
    """Say on what it was measured."""
    load = Path("/proc/loadavg").read_text(encoding="ascii").split()[0]
    cores = sum(1 for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if line.startswith("processor"))
    return f"{cores} cores, load average {load} at the end"
