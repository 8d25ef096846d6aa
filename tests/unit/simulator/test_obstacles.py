from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from campaign_simulator.hosts import Hosts
from campaign_simulator.model import Account, Delivery, Part, Typology
from campaign_simulator.obstacles import Site, obstacle
from campaign_simulator.vocabulary import Cause, Channel, DeliveryMode, State

HOUR = timedelta(hours=1)


@dataclass
class Scene:
    """A delivery with one part, ready to go, and what it depends on."""

    delivery: Delivery
    site: Site
    servers: Hosts
    now: datetime

    def has(self, **attributes: object) -> "Scene":
        for name, value in attributes.items():
            setattr(self.delivery, name, value)
        return self

    def stops(self, module: str, *hosts: str) -> "Scene":
        for host in hosts or ("mta1", "mta2"):
            self.servers.stop(module, host)
        return self

    def never_had(self, module: str) -> "Scene":
        for host in self.servers.by_name.values():
            host.plan = replace(host.plan, modules=tuple(name for name in host.plan.modules if name != module))
        return self.stops(module)

    def lacks_affinity_on(self, host: str) -> "Scene":
        self.servers.by_name[host].missing_affinities.add("default")
        return self

    def site_has(self, **attributes: object) -> "Scene":
        for name, value in attributes.items():
            setattr(self.site, name, value)
        return self

    def part_waits(self) -> "Scene":
        self.delivery.parts[1].next_pass = self.now + HOUR
        return self

    def part_is_held(self) -> "Scene":
        self.delivery.parts[1].hold("mta1", 99)
        return self

    def account_is_inactive(self) -> "Scene":
        self.delivery.account = Account(1, "routing", Channel.EMAIL, active=False)
        return self


@pytest.fixture
def scene(servers: Hosts, now: datetime) -> Scene:
    delivery = Delivery(7, "DM7", "Seven", now, now, to_deliver=10, affinity="default", validity=now + HOUR)
    delivery.parts[1] = Part(1, 7, range(10), now)
    delivery.account = Account(1, "routing", Channel.EMAIL)
    return Scene(delivery, Site(servers), servers, now)


CASES: list[tuple[Cause | None, Callable[[Scene], object]]] = [
    (None, lambda scene: scene),
    (Cause.SCHEDULED, lambda scene: scene.has(contact=scene.now + HOUR)),
    (Cause.WAITING_WAVE, lambda scene: scene.part_waits()),
    (Cause.WAITING_RETRY, lambda scene: scene.part_waits().has(success=1)),
    (Cause.WAITING_RETRY, lambda scene: scene.part_waits().has(state=State.RETRY_PENDING)),
    (Cause.VALIDITY_EXPIRED, lambda scene: scene.has(validity=scene.now)),
    (Cause.ACCOUNT_INACTIVE, lambda scene: scene.account_is_inactive()),
    (Cause.MTA_DOWN, lambda scene: scene.stops("mta").stops("stat")),
    (None, lambda scene: scene.stops("mta", "mta1")),
    (None, lambda scene: scene.stops("mta").has(channel=Channel.SMS, affinity="nowhere")),
    (Cause.MTA_DOWN, lambda scene: scene.stops("sms").has(channel=Channel.SMS)),
    (Cause.MTA_DOWN, lambda scene: scene.stops("mta").has(channel=Channel.ANDROID)),
    (None, lambda scene: scene.stops("mta").has(channel=Channel.DIRECT_MAIL, parts={})),
    (None, lambda scene: scene.stops("mta").has(mode=DeliveryMode.EXTERNAL)),
    (Cause.STAT_SERVER_DOWN, lambda scene: scene.stops("stat")),
    (None, lambda scene: scene.never_had("stat")),
    (Cause.AFFINITY_UNCONFIGURED, lambda scene: scene.has(affinity="Default")),
    (Cause.AFFINITY_UNCONFIGURED, lambda scene: scene.has(affinity=None, typology=Typology(1, "t", "x"))),
    (None, lambda scene: scene.has(affinity="default", typology=Typology(1, "t", "x"))),
    (None, lambda scene: scene.has(affinity=None)),
    (Cause.AFFINITY_HOST_DOWN, lambda scene: scene.stops("mta", "mta1").lacks_affinity_on("mta2")),
    (Cause.DATABASE_BLOCKED, lambda scene: scene.site_has(blocked_tables={"nmsdeliverypart"})),
    (None, lambda scene: scene.site_has(blocked_tables={"nmsrecipient"})),
    (Cause.PARTS_MISSING, lambda scene: scene.has(parts={})),
    (None, lambda scene: scene.has(parts={}, state=State.RETRY_PENDING)),
    (Cause.PARTS_ORPHANED, lambda scene: scene.part_is_held()),
    (None, lambda scene: scene.part_is_held().has(state=State.IN_PROGRESS)),
    (Cause.UNKNOWN, lambda scene: scene.site_has(stalled=True)),
    (Cause.SCHEDULED, lambda scene: scene.has(contact=scene.now + HOUR).stops("mta")),
    (None, lambda scene: scene.has(state=State.PAUSED).stops("mta")),
]


@pytest.mark.parametrize(("expected", "change"), CASES)
def test_first_cause_that_holds(expected: Cause | None, change: Callable[[Scene], object], scene: Scene) -> None:
    scene.has(state=State.START_PENDING)
    change(scene)
    assert obstacle(scene.delivery, scene.site, scene.now) == expected


PREPARATION_CASES: list[tuple[Cause | None, Callable[[Scene], object]]] = [
    (None, lambda scene: scene),
    (Cause.CONCURRENCY_LIMIT, lambda scene: scene.site_has(campaign_workflows=10)),
    (None, lambda scene: scene.site_has(campaign_workflows=10).has(operation_id=0)),
    (Cause.WORKFLOW_ENGINE_DOWN, lambda scene: scene.stops("wfserver")),
    (Cause.WORKFLOW_ENGINE_DOWN, lambda scene: scene.site_has(failed_workflows={"deliveryMgt"})),
    (None, lambda scene: scene.site_has(failed_workflows={"billing"})),
    (None, lambda scene: scene.never_had("wfserver")),
    (Cause.AWAITING_APPROVAL, lambda scene: scene.has(needs_approval=True)),
    (None, lambda scene: scene.has(needs_approval=True, state=State.TARGET_READY)),
    (Cause.PREPARATION_STUCK, lambda scene: scene.has(preparation_held=True)),
    (None, lambda scene: scene.stops("mta")),
]


@pytest.mark.parametrize(("expected", "change"), PREPARATION_CASES)
def test_preparation_waits_for_other_causes(expected: Cause | None, change: Callable[[Scene], object], scene: Scene) -> None:
    scene.has(state=State.READY, operation_id=301)
    change(scene)
    assert obstacle(scene.delivery, scene.site, scene.now) == expected
