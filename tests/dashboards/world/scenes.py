"""The scenes that the dashboards are drawn in, each a history of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaign_exporter import catalogue as c
from campaign_exporter.domain.deliveries import CHANNELS
from dashboards.world.coming import tell_coming
from dashboards.world.exposition import USUAL, Exposition
from dashboards.world.platform import tell_platform
from dashboards.world.recipients import tell_messages
from dashboards.world.sending import tell_sending
from dashboards.world.story import EVER, Alert, Campaign, Story, Stuck, during
from dashboards.world.surroundings import tell_surroundings
from dashboards.world.teller import Teller
from dashboards.world.upkeep import tell_upkeep
from dashboards.world.watching import tell_watching

#: 18 November 2026, noon UTC: where every scene ends.
NOW = 1_795_003_200
PAIR = ("exporter-a:11951", "exporter-b:11951")
_FEW = ("email", "sms")
_HOSTS = {"mta1": ("default", "news.de"), "mta2": ("default", "retail.fr"), "mta3": ("default", "news.de")}
#: Labels come from people: quotes, lines, emoji, a backslash, braces, markup and a very long one.
TRICKY = (
    'Spring "sale" \\ 50% {off}',
    "Zweite Zeile\nfolgt",
    "Été 🎉 promo 👩‍👩‍👧‍👦 <b>fett</b>",
    "A label that goes on and on, " * 8,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What was watched, for how long, and how often it was looked at."""

    name: str
    campaigns: Sequence[Campaign] = ()
    hours: int = 24
    step: int = 120
    channels: Sequence[str] = tuple(CHANNELS.values())
    alerts: Sequence[Alert] = field(default_factory=tuple)

    @property
    def start(self) -> int:
        """Give the first moment."""
        return NOW - self.hours * 3600

    def exposition(self) -> Exposition:
        """Write the history down."""
        page = Exposition(range(self.start, NOW, self.step))
        for campaign in self.campaigns:
            for target in campaign.exporters:
                teller = Teller(page, campaign, target)
                tell_watching(teller)
                tell_sending(teller, self.channels if campaign.exporters == PAIR else _FEW)
                tell_messages(teller)
                tell_coming(teller)
                tell_platform(teller)
                tell_surroundings(teller)
                tell_upkeep(teller)
        self._exporters(page)
        self._alerts(page)
        return page

    def _exporters(self, page: Exposition) -> None:
        hours = [(time - self.start) / 3600 for time in page.times]
        for target in dict.fromkeys(target for campaign in self.campaigns for target in campaign.exporters):
            owned = [campaign for campaign in self.campaigns if target in campaign.exporters]
            gone = [window for campaign in owned[:1] for window in campaign.story.unwatched]
            up = [int(not during(hour, gone)) for hour in hours]
            page.add_foreign("up", up, instance=target, job="campaign")
            there = [value or None for value in up]
            page.add(c.BUILD_INFO, there, {"version": "1.0.0", "python": "3.11.2"}, target=target)
            page.add(c.CONFIG_RELOAD_SUCCESS, there, {}, target=target)
            page.add(c.STATE_WRITE_SUCCESS, there, {}, target=target)
            page.add(c.CONFIG_RELOAD_TIMESTAMP, [value and self.start - 90_000 for value in there], {}, target=target)

    def _alerts(self, page: Exposition) -> None:
        if not self.campaigns:
            return
        for campaign in self.campaigns:
            page.add_foreign(USUAL, [campaign.hourly / 4800] * len(page.times), campaign_instance=campaign.name)
        hours = [(time - self.start) / 3600 for time in page.times]
        page.add_foreign(
            "ALERTS", [1] * len(hours), alertname="CampaignWatchdog", alertstate="firing", severity="none", team="platform"
        )
        told = [(campaign.name, alert) for campaign in self.campaigns for alert in campaign.story.alerts]
        for name, alert in [*told, *(("", alert) for alert in self.alerts)]:
            values = [1 if alert.window[0] <= hour < alert.window[1] else None for hour in hours]
            labels: Mapping[str, str] = {
                "alertname": alert.name,
                "alertstate": "firing",
                "severity": alert.severity,
                "team": "platform",
            }
            page.add_foreign("ALERTS", values, **{**labels, **({"campaign_instance": name} if name else {}), **alert.labels})


_PROD = Story(
    stuck=[
        Stuck("unknown", (2.0, 2.4), "Quiet night", 5_000),
        Stuck("affinity_host_down", (10.0, 10.8), "News in German", 80_000),
        Stuck("mta_down", (12.0, 12.9), "Lunch offer", 400_000),
        Stuck("mta_down", (12.2, 12.9), "Lunch reminder", 200_000),
        Stuck("database_blocked", (15.1, 16.2), "Afternoon", 250_000),
        Stuck("affinity_unconfigured", (20.5, EVER), TRICKY[0], 1_200_000),
        Stuck("affinity_unconfigured", (22.0, EVER), TRICKY[1], 300_000),
        Stuck("validity_expired", (21.0, EVER), TRICKY[2], 12_000),
        Stuck("awaiting_approval", (19.0, EVER), TRICKY[3], 50_000),
        Stuck("parts_orphaned", (23.4, EVER), "Evening digest", 90_000),
    ],
    alerts=[
        Alert("CampaignExporterDown", "critical", (4.05, 4.7)),
        Alert("CampaignDatabaseUnreachable", "critical", (7.05, 7.75)),
        Alert("CampaignMtaDown", "warning", (10.05, 10.8), {"host": "mta3", "process": "mta"}),
        Alert("CampaignAllMtasDown", "critical", (12.05, 12.9), {"process": "mta", "cause": "mta_down"}),
        Alert("CampaignDatabaseBlocked", "critical", (15.1, 16.2), {"cause": "database_blocked"}),
        Alert("CampaignThroughputStalled", "critical", (15.6, 16.3), {"cause": "unknown"}),
        Alert(
            "CampaignIpAffinityUnconfigured",
            "critical",
            (20.55, EVER),
            {"affinity": 'Retail.fr "été" 🎉', "cause": "affinity_unconfigured"},
        ),
        Alert("CampaignDeliveryStuckPending", "critical", (23.5, EVER), {"cause": "parts_orphaned"}),
        Alert("CampaignDeliveryStuckPending", "warning", (21.6, EVER), {"cause": "validity_expired"}),
        Alert("CampaignMtaDown", "warning", (23.4, EVER), {"host": "mta1", "process": "mta"}),
        Alert("CampaignEndpointDown", "critical", (23.85, EVER), {"endpoint": "tracking", "kind": "redirection"}),
        Alert("CampaignProcessMemoryHigh", "warning", (22.1, EVER), {"host": "mta2", "process": "web"}),
        Alert("CampaignServerConfigurationFault", "warning", (6.2, EVER), {"host": "mta2", "kind": "public_id_duplicate"}),
    ],
    unwatched=[(4.0, 4.67)],
    unreachable=[(7.0, 7.75)],
    blocked=[(15.0, 16.2)],
    down={
        ("mta1", "mta"): [(12.0, 12.8), (23.35, EVER)],
        ("mta2", "mta"): [(12.0, 12.8)],
        ("mta3", "mta"): [(10.0, 10.7), (12.0, 12.9)],
        ("mta2", "trackinglogd"): [(21.0, EVER)],
    },
    unlisted={"mta3": [(17.0, 18.0)]},
    silent_endpoints={"tracking": [(23.8, EVER)], "images": [(9.0, 9.4)]},
    mismatches={('Retail.fr "été" 🎉', "unconfigured"): [(20.5, EVER)], ("news.de", "host_down"): [(10.0, 10.7)]},
    faults={("mta2", "public_id_duplicate"): [(6.0, EVER)]},
    failing={"endpoints": [(23.8, EVER)]},
    latent=["autumn.it"],
    uneven=["news.de"],
    refused=[(22.0, EVER)],
    fat=[("mta2", "web")],
    full=["mta2"],
    elsewhere={"mta3": [(11.0, EVER)]},
    neglected=[(8.0, EVER)],
)
_MARKETING = Story(
    stuck=[Stuck("mid_sourcing_lag", (22.8, EVER), "Autumn, by mid-sourcing", 70_000)],
    alerts=[Alert("CampaignDeliveryStuckPending", "warning", (23.4, EVER), {"cause": "mid_sourcing_lag"})],
)
_GONE = Story(
    unwatched=[(18.0, EVER)],
    alerts=[Alert("CampaignExporterDown", "critical", (18.1, EVER), {"instance": "exporter-c:11951", "job": "campaign"})],
)

EMPTY = Scene("empty")
HEALTHY = Scene(
    "healthy",
    [
        Campaign("prod", hosts=_HOSTS, exporters=PAIR),
        Campaign("marketing", "marketing", hourly=20_000),
        Campaign("mid", "mid-sourcing", hourly=300_000),
    ],
)
INCIDENT = Scene(
    "incident",
    [
        Campaign("prod", hosts=_HOSTS, story=_PROD, exporters=PAIR),
        Campaign("marketing", "marketing", hourly=20_000, story=_MARKETING),
        Campaign("mid", "mid-sourcing", hourly=300_000),
        Campaign("legacy", hourly=8_000, story=_GONE, exporters=("exporter-c:11951",)),
    ],
)
FLEET = Scene(
    "fleet",
    [
        Campaign(
            f"brand-{number:02}",
            hourly=5_000 + 4_000 * (number % 7),
            exporters=(f"exporter-{number % 4}:11951",),
            story=Story(
                stuck=[Stuck("affinity_unconfigured", (3.0, EVER), "Weekly", 40_000)] if number % 17 == 3 else (),
                alerts=[Alert("CampaignIpAffinityUnconfigured", "critical", (3.1, EVER), {"affinity": "vip"})]
                if number % 17 == 3
                else (),
            ),
        )
        for number in range(50)
    ],
    hours=6,
)
SCENES = {scene.name: scene for scene in (EMPTY, HEALTHY, INCIDENT, FLEET)}
