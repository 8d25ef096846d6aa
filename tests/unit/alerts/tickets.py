"""What the stories of upkeep share: all are tickets of the platform, and need the database."""

from collections.abc import Mapping

from unit.alerts.cases import Case, Firing
from unit.alerts.healthy import A, B, healthy
from unit.alerts.timeline import World, hours, minutes, scrapes_fail, twice

BEGINS, ENDS = minutes(20), minutes(60)
WINDOW, KEEP = minutes(2), minutes(5)
RESOLVED = ENDS + WINDOW + KEEP
PAGE = "campaign-hygiene?var-instance=prod"


def labelled(**labels: str) -> Mapping[str, str]:
    return {"severity": "warning", "team": "platform", "campaign_instance": "prod", "needs": "database", **labels}


def usual(alert: str, world: World, firing: Firing, *, until: float = hours(1.5), scope: str = "") -> tuple[Case, ...]:
    """Tell a story again with lost scrapes, and with a second exporter that fails."""
    lost = scrapes_fail(scrapes_fail({**healthy(), **world}, A, BEGINS + 60, BEGINS + 120), A, minutes(35), minutes(37))
    pair = scrapes_fail(twice({**healthy(), **world}, A, B), B, minutes(10), hours(9))
    also = f" ({scope})" if scope else ""
    return (
        Case((alert,), f"failed scrapes neither delay nor resolve it{also}", lost, until, (firing,)),
        Case((alert,), f"of two exporters one fails{also}", pair, until, (firing,)),
    )
