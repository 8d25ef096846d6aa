"""docs/alerts.md."""

from collections.abc import Iterator

from campaign_alerts.overlap import SITUATIONS
from campaign_alerts.rule import Alert, Group, Recording
from campaign_alerts.values import Values
from campaign_exporter.config import Collectors

#: Seconds from which on an interval is told in minutes.
_LONG = 60

_INTRODUCTION = """\
# Alerts

<!-- Written by `make rules` from alerts/values.yaml and alerts/campaign_alerts: change it there. -->

`critical` is a page, `warning` a ticket, `info` neither. `platform` are those who run the servers and the database, `campaign`
those who run deliveries, `deliverability` those who care for the reputation with mail providers.

## Load them

```yaml
rule_files: [/etc/prometheus/campaign/*.yml]    # alerts/rules/*.yml of this project
scrape_configs:
  - job_name: {job}                             # the rules ask for this name
    scrape_interval: 15s                        # {scrape_interval} at most: rules look back {window}
    static_configs: [{{targets: ["exporter.example:11951"]}}]
```

They need Prometheus 2.42 or newer. To change a threshold, a duration, the job's name, or where runbooks and dashboards are
found, edit `alerts/values.yaml`, run `make rules`, and load alerts/rules anew; `make rules` tells everything that is wrong in
the file, and then writes nothing. The dashboards take the severities of the causes and the runbooks' address from there, too:
run `make dashboards`.

What the commands of `next` and of the runbooks need, such as a database account, is in
[Before you begin](../alerts/runbooks/README.md).

Two exporters that watch the same instance do no harm: states are merged to the better one, ages to the older, counters are
compared as rates. Instances are told apart by `campaign_instance`, so no two may share a name.
"""

_TIMES = """\
## How long they take

From a fault to a firing alert pass, one after the other: the rest of the collector's interval, the rest of the scrape
interval, what the column *after* says, and up to one evaluation ({interval}).
There, the last time is `for`; before it stands how long the fault must have lasted, or all samples must have said so.
Alertmanager adds its `group_wait`.

Where the exporter's configuration says nothing else, collectors run each

{intervals}

An alert goes on for {keep} after its condition was seen for the last time, and root alerts (those with a `cause`) for
{keep_root}: so that lost data resolve nothing, and that a root alert outlasts what it mutes.
"""

_LABELS = """\
## Labels

| label | on | says |
|---|---|---|
| `severity`, `team` | all | who is called, and how; the watchdog's severity is `none` |
| `campaign_instance` | all about an instance | the Campaign instance |
| `cause` | stuck deliveries, root alerts | why deliveries wait; a root alert mutes what waits for it in the same instance |
| `needs` | what is read from Campaign's database | `database`: nothing to say while it is not reached |
| `host`, `process`, `affinity`, `endpoint`, `kind`, `state`, `source`, `collector`, `delivery_id` | some | what it is about |
| `address`, `mx`, `domain`, `directory` | some | the server of an endpoint, a mail server, a recipients' domain, a directory |
| `instance`, `job` | alerts about an exporter | the exporter, as Prometheus's target |
| `workflow`, `sequence` | some | what it is about |
| `scope` | CampaignExporterDown | `unwatched` (an instance), `target` (an exporter), `nothing` (no exporter at all) |
| `scope` | CampaignWorkflowFailed | `failed` (in error), `late` (should have run) |

No label holds a number that moves: numbers are in the annotation `description`. `next` is the command to run next.
"""


def alerts_page(values: Values, groups: tuple[Group, ...]) -> str:
    """Make the page."""
    names = {"job": values.job, "window": values.window, "interval": values.interval, "keep": values.keep}
    names["scrape_interval"] = values.scrape_interval
    names["keep_root"] = values.keep_root
    names["intervals"] = "\n".join(_intervals())
    return "\n".join(
        [
            _INTRODUCTION.format(**names),
            "## The alerts\n",
            *_alerts(groups),
            "",
            _TIMES.format(**names),
            "## Which alert tells what\n",
            *_situations(),
            "",
            "## Causes of waiting\n",
            *_causes(values, groups),
            "",
            _LABELS,
            "## Records\n",
            *_records(groups),
            "",
        ]
    )


def _intervals() -> Iterator[str]:
    """List the intervals of the exporter's collectors, the shortest first."""
    settings = Collectors()
    intervals = {name: settings.of(name).interval for name in Collectors.model_fields}
    for interval in sorted({*intervals.values()}):
        names = ", ".join(sorted(name for name, each in intervals.items() if each == interval))
        yield f"- {_told(interval)}: {names}"


def _told(interval: float) -> str:
    return f"{interval / 60:g} min" if interval > _LONG else f"{interval:g} s"


def _alerts(groups: tuple[Group, ...]) -> Iterator[str]:
    yield "| alert | severity | team | when | after |"
    yield "|---|---|---|---|---|"
    for alert in (alert for group in groups for alert in group.alerts):
        link = f"[{alert.name}](../alerts/runbooks/{alert.name}.md)"
        yield f"| {link} | {alert.severity} | {alert.team} | {alert.when} | {_after(alert)} |"


def _after(alert: Alert) -> str:
    return " + ".join(each for each in (alert.lasts, alert.confirmed, alert.wait) if each) or "at once"


def _situations() -> Iterator[str]:
    yield "What several alerts could tell, one of them tells; an alert that is not here overlaps with none."
    yield ""
    yield "| situation | told by | silent | because of |"
    yield "|---|---|---|---|"
    for what, owner, silent, how in SITUATIONS:
        yield f"| {what} | {owner} | {', '.join(silent)} | {how} |"


def _causes(values: Values, groups: tuple[Group, ...]) -> Iterator[str]:
    yield "| cause | severity | team | told first by |"
    yield "|---|---|---|---|"
    roots: dict[str, str] = {}
    for alert in (alert for group in groups for alert in group.alerts):
        if alert.cause:
            roots.setdefault(alert.cause, alert.name)
    for name, cause in values.causes.items():
        link = f"[`{name}`](../alerts/runbooks/CampaignDeliveryStuckPending.md#{name})"
        yield f"| {link} | {cause.severity} | {cause.team or ''} | {roots.get(name, '')} |"


def _records(groups: tuple[Group, ...]) -> Iterator[str]:
    yield "| record | for |"
    yield "|---|---|"
    for rule in (rule for group in groups for rule in group.rules):
        if isinstance(rule, Recording):
            yield f"| `{rule.name}` | {rule.why} |"
