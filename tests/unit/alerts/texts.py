"""What the alerts of the stories say, but for what each says itself."""

from collections.abc import Mapping

RUNBOOKS = "https://runbooks.example/campaign"
DASHBOARDS = "https://grafana.example/d"
FILE = "/etc/campaign-exporter/campaign.yaml"
WHY_ALL = f"campaign-exporter why --all --config.file {FILE}"
DOCTOR = f"campaign-exporter doctor --config.file {FILE}"
LOG = "read the exporter's own log: journalctl -u campaign-exporter"


def told(
    alert: str,
    summary: str,
    description: str,
    next_step: str,
    dashboard: str = "campaign-deliveries?var-instance=prod",
    *,
    anchor: str = "",
) -> Mapping[str, str]:
    """Give the annotations of an alert."""
    return {
        "summary": summary,
        "description": description,
        "next": next_step,
        "runbook_url": f"{RUNBOOKS}/{alert}.md{anchor and f'#{anchor}'}",
        "dashboard_url": f"{DASHBOARDS}/{dashboard}",
    }
