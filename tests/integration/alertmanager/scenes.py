"""Alerts as the rules make them, for an instance of a name of their own, so that no two tests share a notification."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from alertmanager.check_inhibition import Alertmanager, Labels, firing, resolved

#: The shipped waits are shortened by this: a minute is half a second.
FASTER = 120
EXTERNAL_URL = "http://alertmanager.example:9093"
_RUNBOOKS = "https://runbooks.example/campaign"


@dataclass(frozen=True)
class Alert:
    """An alert, with the text that Prometheus has filled in."""

    labels: Labels
    annotations: Labels
    since: datetime

    def but(self, **labels: str) -> Self:
        """Give the same alert with other labels."""
        return replace(self, labels={**self.labels, **labels})


def alert(name: str, summary: str, description: str, next_: str, **labels: str) -> Alert:
    annotations = {
        "summary": summary,
        "description": description,
        "next": next_,
        "runbook_url": f"{_RUNBOOKS}/{name}.md",
        "dashboard_url": f"https://grafana.example/d/campaign-overview?var-instance={labels.get('campaign_instance', '')}",
    }
    return Alert({"alertname": name, **labels}, annotations, datetime.now(UTC))


def all_mtas_down(instance: str) -> Alert:
    return alert(
        "CampaignAllMtasDown",
        "No server runs the process that sends: nothing goes out",
        f"{instance}: mta runs on none of the 2 servers that are to run it.\n"
        "At stake: 3 deliveries wait with 1.24M messages.\n"
        "- 47m 10s: Spring sale, second wave (1234)\n"
        "- 31m 2s: Newsletter France (1240)\n"
        "- 12m 45s: Winback 30 days (1251)\n"
        "Messages that are left in deliveries in progress: 1.31M.",
        "on each of these servers: nlserver pdump",
        campaign_instance=instance,
        severity="critical",
        team="platform",
        cause="mta_down",
        process="mta",
    )


def stuck(instance: str, cause: str = "mta_down", team: str = "platform") -> Alert:
    return alert(
        "CampaignDeliveryStuckPending",
        "Deliveries that should be sending are stuck",
        f"{instance}: 3 deliveries wait with 1.24M messages, the oldest for 47m 10s. Why: see the cause.\n"
        "- 47m 10s: Spring sale, second wave (1234)",
        "campaign-exporter why --all --config.file /etc/campaign-exporter/campaign.yaml",
        campaign_instance=instance,
        severity="critical",
        team=team,
        cause=cause,
        needs="database",
    )


def unconfigured(instance: str, affinity: str) -> Alert:
    return alert(
        "CampaignIpAffinityUnconfigured",
        "Launched deliveries use an IP affinity that no server declares",
        f"{instance}: no server declares the IP affinity {affinity}. Launched deliveries that use it and cannot send: 2.",
        "campaign-exporter why --all --config.file /etc/campaign-exporter/campaign.yaml",
        campaign_instance=instance,
        severity="critical",
        team="platform",
        cause="affinity_unconfigured",
        needs="database",
        affinity=affinity,
    )


def memory_high(instance: str, host: str = "mta1", severity: str = "warning") -> Alert:
    return alert(
        "CampaignProcessMemoryHigh",
        "A process takes more memory than Campaign allows",
        f"{instance}: mta on {host} takes 2.1GiB, above the limit of 2GiB. Campaign restarts it soon, and what it holds waits.",
        f"on {host}: nlserver pdump",
        campaign_instance=instance,
        severity=severity,
        team="platform",
        host=host,
        process="mta",
    )


def awaiting_approval(instance: str) -> Alert:
    return stuck(instance, "awaiting_approval", "campaign").but(severity="info")


def fire(alertmanager: Alertmanager, *alerts: Alert) -> None:
    alertmanager.post(firing(each.labels, each.annotations, each.since) for each in alerts)


def resolve(alertmanager: Alertmanager, *alerts: Alert) -> None:
    alertmanager.post(resolved(each.labels, each.annotations, each.since) for each in alerts)
