"""Messages that fail or have to be tried again: why, and at which domains."""

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards.board import DELIVERABILITY, where
from campaign_dashboards.meaning import GOOD, WARNING, thresholds
from campaign_dashboards.panel import NOTHING, NOTHING_LINE, Drawn, Panel, Said, time_series
from campaign_dashboards.query import Query, growth, one_of, or_nothing, or_unknown
from campaign_dashboards.table import Column, Rows, table
from campaign_exporter import message_metrics as m

_ALERTS = load_values(SHIPPED)
_TITLES = {"failed": "Messages that fail, by reason", "postponed": "Attempts that are postponed, by reason"}
_DESCRIPTIONS = {
    "failed": "Why do messages fail for good? Of the last hour, by kind and reason; unknown where the message of failure is"
    " gone.",
    "postponed": "Why did an attempt not get through that is made again? Of the last hour, by kind and reason. Soft ones that"
    " last become failures.",
}


def reasons(outcome: str) -> Panel:
    """Draw why messages fail, or are postponed."""
    failed = growth(m.MESSAGE_FAILURES, "1h", "kind", "reason", matching=(one_of("outcome", (outcome,)),))
    expr = or_nothing(f"topk(10, sum by (kind, reason) ({failed})) > 0", "messages", "reason", NOTHING)
    query = Query(expr, "{{kind}} {{reason}}")
    return time_series(Said(_TITLES[outcome], _DESCRIPTIONS[outcome], "short"), [query], Drawn(lines=[NOTHING_LINE]))


def domains() -> Panel:
    """List how the recipients' domains take messages."""
    said = Said(
        "By domain of the recipient",
        "Which providers do not take our mails? Of the last hour, the largest domains: what was sent, and which share of all"
        " was postponed, failed hard or soft, and was refused by, or did not reach, the domain's servers. Orange: the limits of"
        " the alerts. Unknown without the right to read addresses.",
        "percentunit",
    )
    by = ("campaign_instance", "domain")
    grouped = f"sum by ({', '.join(by)})"
    all_ = f"({grouped} ({_results()}) > 0)"
    sent, *shares = (f"{grouped} ({_results(result)})" for result in ("sent", "postponed", "hard", "soft"))
    refused = growth(m.MESSAGE_DOMAIN_REFUSALS, "1h", "domain")
    exprs = [sent, *(f"{share} / {all_}" for share in shares), or_unknown(f"{refused} / {all_}", all_, "domain")]
    hard, soft = (
        thresholds(GOOD, (float(_ALERTS.of(alert)["share"]), WARNING))
        for alert in ("CampaignHardBouncesHigh", "CampaignSoftBouncesHigh")
    )
    columns = [
        Column("campaign_instance", "Instance", link=where(DELIVERABILITY), width=140),
        Column("domain", "Domain"),
        Column("A", "Sent", unit="short"),
        Column("B", "Postponed"),
        Column("C", "Failed hard", thresholds=hard),
        Column("D", "Failed soft", thresholds=soft),
        Column("E", "Refused"),
    ]
    return table(said, Rows([Query(expr) for expr in exprs], columns, sorted_by="Refused"))


def _results(result: str = "") -> str:
    matching = (one_of("result", (result,)),) if result else ()
    return growth(m.MESSAGE_DOMAIN_RESULTS, "1h", "domain", matching=matching)
