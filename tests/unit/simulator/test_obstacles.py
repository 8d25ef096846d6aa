from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from campaign_simulator.hosts import Hosts
from campaign_simulator.journal import Workflow
from campaign_simulator.model import Account, Delivery, Part, Typology
from campaign_simulator.obstacles import _TABLE, COPIER, Site, causes, held
from campaign_simulator.vocabulary import (
    IN_PREPARATION,
    PREPARATION,
    Approval,
    Cause,
    Channel,
    DeliveryMode,
    State,
    WorkflowState,
)

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


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

    def blocks(self, table: str) -> "Scene":
        return self.site_has(blocked_tables={table: self.now})

    def part_waits(self) -> "Scene":
        self.delivery.parts[1].next_pass = self.now + HOUR
        return self

    def part_is_held(self, host: str = "mta1", process_id: int = 99) -> "Scene":
        self.delivery.parts[1].hold(host, process_id)
        return self

    def part_is_held_by(self, host: str, module: str) -> "Scene":
        return self.part_is_held(host, self.servers.process_id(host, module))

    def has_another_part(self, next_pass: timedelta, process_id: int = 0) -> "Scene":
        self.delivery.parts[2] = Part(2, 7, range(10), self.now + next_pass, process_id=process_id, hostname="mta1")
        return self

    def account_is_inactive(self) -> "Scene":
        return self.has(account=Account(1, "routing", Channel.EMAIL, active=False))

    def workflow(self, name: str, state: WorkflowState = WorkflowState.STARTED, **attributes: object) -> "Scene":
        self.site.workflows[name] = Workflow(len(self.site.workflows), name, state, **attributes)  # type: ignore[arg-type]
        return self

    def campaign_workflows(self, count: int, state: WorkflowState = WorkflowState.STARTED) -> "Scene":
        for number in range(count):
            self.workflow(f"WKF{number}", state, operation_id=301)
        return self

    def prepares(self, count: int, *, state: State = State.COUNTING_IN_PROGRESS, age: timedelta = SECOND) -> "Scene":
        for number in range(count):
            modified = self.now - age
            other = Delivery(100 + number, "", "", modified, modified, state=state, operation_id=1, modified=modified)
            self.site.note(other)
        return self


@pytest.fixture
def scene(servers: Hosts, now: datetime) -> Scene:
    delivery = Delivery(7, "DM7", "Seven", now, now, to_deliver=10, affinity="default", validity=now + HOUR, modified=now)
    delivery.parts[1] = Part(1, 7, range(10), now)
    delivery.account = Account(1, "routing", Channel.EMAIL)
    return Scene(delivery, Site(servers), servers, now)


def test_causes_are_asked_for_in_their_order() -> None:
    assert [cause for cause, _, _ in _TABLE] == [cause for cause in Cause if cause != Cause.UNKNOWN]


Case = tuple[tuple[Cause, ...], Callable[[Scene], object]]
CASES: list[Case] = [
    ((), lambda scene: scene),
    ((Cause.SCHEDULED,), lambda scene: scene.has(contact=scene.now + HOUR)),
    ((Cause.SCHEDULED, Cause.WAITING_WAVE), lambda scene: scene.has(contact=scene.now + HOUR).part_waits()),
    ((), lambda scene: scene.has(contact=scene.now + HOUR, state=State.RETRY_PENDING)),
    ((Cause.WAITING_WAVE,), lambda scene: scene.part_waits()),
    ((), lambda scene: scene.part_waits().has_another_part(-SECOND)),
    ((Cause.WAITING_RETRY,), lambda scene: scene.part_waits().has(success=1)),
    ((Cause.WAITING_RETRY,), lambda scene: scene.part_waits().has(state=State.RETRY_PENDING)),
    ((Cause.VALIDITY_EXPIRED,), lambda scene: scene.has(validity=scene.now)),
    ((), lambda scene: scene.has(validity=scene.now + SECOND)),
    ((Cause.ACCOUNT_INACTIVE,), lambda scene: scene.account_is_inactive()),
    ((Cause.MTA_DOWN, Cause.AFFINITY_HOST_DOWN), lambda scene: scene.stops("mta").stops("stat")),
    ((Cause.MTA_DOWN,), lambda scene: scene.stops("mta").has(affinity=None)),
    ((), lambda scene: scene.stops("mta", "mta1")),
    ((), lambda scene: scene.stops("mta").has(channel=Channel.SMS, affinity=None)),
    ((Cause.MTA_DOWN,), lambda scene: scene.stops("sms").has(channel=Channel.SMS, affinity=None)),
    ((Cause.AFFINITY_UNCONFIGURED,), lambda scene: scene.has(channel=Channel.SMS, affinity="nowhere")),
    ((Cause.MTA_DOWN,), lambda scene: scene.stops("mta").has(channel=Channel.ANDROID, affinity=None)),
    ((), lambda scene: scene.stops("mta").has(channel=Channel.DIRECT_MAIL, parts={})),
    ((), lambda scene: scene.stops("mta").has(mode=DeliveryMode.EXTERNAL)),
    ((Cause.STAT_SERVER_DOWN,), lambda scene: scene.stops("stat")),
    ((), lambda scene: scene.stops("stat").has(channel=Channel.IOS)),
    ((), lambda scene: scene.never_had("stat")),
    ((Cause.AFFINITY_UNCONFIGURED,), lambda scene: scene.has(affinity="Default")),
    ((Cause.AFFINITY_UNCONFIGURED,), lambda scene: scene.has(affinity=None, typology=Typology(1, "t", "x"))),
    ((), lambda scene: scene.has(affinity="default", typology=Typology(1, "t", "x"))),
    ((), lambda scene: scene.has(affinity=None)),
    ((Cause.AFFINITY_HOST_DOWN,), lambda scene: scene.stops("mta", "mta1").lacks_affinity_on("mta2")),
    ((), lambda scene: scene.stops("mta", "mta2").lacks_affinity_on("mta2")),
    ((Cause.DATABASE_BLOCKED,), lambda scene: scene.blocks("nmsdeliverypart")),
    ((), lambda scene: scene.blocks("nmsrecipient")),
    ((), lambda scene: scene.blocks("nmsdeliverymapping")),
    ((Cause.PARTS_MISSING,), lambda scene: scene.has(parts={})),
    ((), lambda scene: scene.has(parts={}, state=State.RETRY_PENDING)),
    ((Cause.PARTS_ORPHANED,), lambda scene: scene.part_is_held()),
    ((Cause.PARTS_ORPHANED,), lambda scene: scene.part_is_held().has(state=State.RETRY_PENDING)),
    ((Cause.PARTS_ORPHANED,), lambda scene: scene.part_is_held().has_another_part(HOUR)),
    ((), lambda scene: scene.part_is_held().has_another_part(-SECOND)),
    ((Cause.WAITING_WAVE,), lambda scene: scene.part_is_held().part_waits()),
    ((), lambda scene: scene.part_is_held("elsewhere")),
    ((), lambda scene: scene.part_is_held_by("mta1", "mta")),
    ((), lambda scene: scene.part_is_held_by("mta1", "mta").stops("mta", "mta2")),
    ((Cause.PARTS_ORPHANED,), lambda scene: scene.part_is_held_by("mta1", "mta").stops("mta", "mta1")),
    ((Cause.PARTS_ORPHANED,), lambda scene: scene.part_is_held_by("mta1", "stat").stops("mta", "mta1")),
    ((), lambda scene: scene.part_is_held().has(state=State.IN_PROGRESS)),
    ((), lambda scene: scene.site_has(stalled=True)),
    ((), lambda scene: scene.has(state=State.PAUSED).stops("mta")),
    ((), lambda scene: scene.has(mode=DeliveryMode.MID_SOURCING, parts={})),
    ((), lambda scene: scene.has(mode=DeliveryMode.MID_SOURCING, parts={}).stops("wfserver")),
    ((), lambda scene: scene.has(mode=DeliveryMode.MID_SOURCING, parts={}).stops("mta").workflow(COPIER)),
    (
        (Cause.VALIDITY_EXPIRED, Cause.MTA_DOWN, Cause.AFFINITY_HOST_DOWN, Cause.DATABASE_BLOCKED, Cause.PARTS_ORPHANED),
        lambda scene: scene.has(validity=scene.now).stops("mta").blocks("xtkworkflow").part_is_held(),
    ),
]


@pytest.mark.parametrize(("expected", "change"), CASES)
def test_all_causes_that_hold(expected: tuple[Cause, ...], change: Callable[[Scene], object], scene: Scene) -> None:
    scene.has(state=State.START_PENDING)
    change(scene)
    assert causes(scene.delivery, scene.site, scene.now) == expected


CAMPAIGN = Cause.CONCURRENCY_LIMIT
ENGINE = Cause.WORKFLOW_ENGINE_DOWN
PREPARATION_CASES: list[Case] = [
    ((), lambda scene: scene),
    ((CAMPAIGN,), lambda scene: scene.campaign_workflows(10)),
    ((), lambda scene: scene.campaign_workflows(10).has(operation_id=0, workflow_id=5)),
    ((), lambda scene: scene.campaign_workflows(9)),
    ((), lambda scene: scene.campaign_workflows(10, WorkflowState.STOPPED)),
    ((), lambda scene: scene.campaign_workflows(10).has(operation_id=0)),
    ((CAMPAIGN,), lambda scene: scene.campaign_workflows(2).prepares(8)),
    ((), lambda scene: scene.campaign_workflows(2).prepares(7)),
    ((), lambda scene: scene.campaign_workflows(2).prepares(8, state=State.READY)),
    ((), lambda scene: scene.campaign_workflows(2).prepares(8, age=timedelta(days=7))),
    ((CAMPAIGN,), lambda scene: scene.campaign_workflows(2).prepares(8, age=timedelta(days=7) - SECOND)),
    ((CAMPAIGN, ENGINE), lambda scene: scene.campaign_workflows(10).stops("wfserver")),
    ((ENGINE,), lambda scene: scene.stops("wfserver")),
    ((ENGINE,), lambda scene: scene.workflow("deliveryMgt", WorkflowState.PAUSED, failed=True)),
    ((ENGINE,), lambda scene: scene.workflow("deliveryMgt", WorkflowState.STARTED, failed=True)),
    ((ENGINE,), lambda scene: scene.workflow("operationMgt", WorkflowState.EDITED)),
    ((ENGINE,), lambda scene: scene.workflow("operationMgt", WorkflowState.PAUSED)),
    ((ENGINE,), lambda scene: scene.workflow("operationMgt", WorkflowState.STOPPED)),
    ((), lambda scene: scene.workflow("operationMgt", WorkflowState.STARTED)),
    ((), lambda scene: scene.workflow("billing", WorkflowState.PAUSED, failed=True)),
    ((), lambda scene: scene.never_had("wfserver")),
    ((), lambda scene: scene.stops("wfserver").has(operation_id=0)),
    ((ENGINE,), lambda scene: scene.stops("wfserver").has(operation_id=0, workflow_id=5)),
    *[((Cause.AWAITING_APPROVAL,), lambda scene, kind=kind: scene.has(approvals={kind})) for kind in Approval],
    ((Cause.AWAITING_APPROVAL,), lambda scene: scene.has(approvals={Approval.BUDGET}, state=State.MESSAGE_READY)),
    ((), lambda scene: scene.has(approvals={Approval.BUDGET}, state=State.TARGET_READY)),
    ((), lambda scene: scene.has(modified=scene.now - 2 * HOUR)),
    ((), lambda scene: scene.stops("mta").has(validity=scene.now).blocks("nmsdelivery").account_is_inactive()),
    ((), lambda scene: scene.campaign_workflows(10).stops("wfserver").has(state=State.PREPARATION_ERROR)),
    ((), lambda scene: scene.campaign_workflows(10).stops("wfserver").has(state=State.BEING_EDITED)),
]


@pytest.mark.parametrize(("expected", "change"), PREPARATION_CASES)
def test_preparation_waits_for_other_causes(
    expected: tuple[Cause, ...], change: Callable[[Scene], object], scene: Scene
) -> None:
    scene.has(state=State.READY, operation_id=301)
    change(scene)
    assert causes(scene.delivery, scene.site, scene.now) == expected


@pytest.mark.parametrize("state", PREPARATION)
def test_preparation_is_stuck_after_an_hour_but_not_at_its_halts(state: State, scene: Scene) -> None:
    scene.has(state=state, modified=scene.now - HOUR)
    assert causes(scene.delivery, scene.site, scene.now) == ()
    scene.has(modified=scene.now - HOUR - SECOND)
    expected = (Cause.PREPARATION_STUCK,) if state in {11, 12, 13, 21, 22} else ()
    assert causes(scene.delivery, scene.site, scene.now) == expected


@pytest.mark.parametrize("state", [State.START_PENDING, State.RETRY_PENDING])
@pytest.mark.parametrize(
    ("stale", "change"),
    [
        (False, lambda scene: scene.workflow(COPIER)),
        (True, lambda scene: scene.workflow(COPIER, WorkflowState.PAUSED, failed=True)),
        (True, lambda scene: scene.workflow(COPIER, WorkflowState.STOPPED)),
        (True, lambda scene: scene.workflow(COPIER, next_run=scene.now - timedelta(minutes=10, seconds=1))),
        (False, lambda scene: scene.workflow(COPIER, next_run=scene.now - timedelta(minutes=10))),
        (True, lambda scene: scene.workflow(COPIER).stops("wfserver")),
        (False, lambda scene: scene.workflow(COPIER).never_had("wfserver")),
    ],
)
def test_a_copy_is_stale_while_nothing_refreshes_it(
    stale: bool,  # noqa: FBT001  a parameter of the table
    change: Callable[[Scene], object],
    state: State,
    scene: Scene,
) -> None:
    change(scene.has(state=state, mode=DeliveryMode.MID_SOURCING, parts={}))
    fresh = (Cause.WAITING_RETRY,) if state == State.RETRY_PENDING else ()
    assert causes(scene.delivery, scene.site, scene.now) == ((Cause.MID_SOURCING_LAG,) if stale else fresh)
    scene.has(mode=DeliveryMode.EXTERNAL)
    assert causes(scene.delivery, scene.site, scene.now) == ()


@pytest.mark.parametrize("state", PREPARATION)
def test_what_counts_against_the_limit_is_not_stopped_by_it(state: State, scene: Scene) -> None:
    scene.has(state=state, operation_id=301).campaign_workflows(10)
    assert causes(scene.delivery, scene.site, scene.now) == (Cause.CONCURRENCY_LIMIT,)
    assert held(scene.delivery, scene.site, scene.now) == (state not in IN_PREPARATION)


def test_a_campaign_begins_nothing_over_the_limit(scene: Scene) -> None:
    scene.has(state=State.BEING_EDITED, operation_id=301).campaign_workflows(10)
    assert held(scene.delivery, scene.site, scene.now)
    assert not held(scene.has(operation_id=0).delivery, scene.site, scene.now)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda scene: scene, False),
        (lambda scene: scene.site_has(stalled=True), True),
        (lambda scene: scene.has(held=True), True),
        (lambda scene: scene.stops("mta"), True),
        (lambda scene: scene.stops("mta").has(state=State.IN_PROGRESS), True),
        (lambda scene: scene.site_has(stalled=True).has(state=State.READY), False),
        (lambda scene: scene.has(state=State.COUNTING_IN_PROGRESS, modified=scene.now - 2 * HOUR), False),
        (lambda scene: scene.has(mode=DeliveryMode.MID_SOURCING).workflow(COPIER, WorkflowState.PAUSED), False),
    ],
)
def test_the_engine_obeys_what_holds_a_delivery_and_not_what_only_shows_it(
    change: Callable[[Scene], object],
    expected: bool,  # noqa: FBT001  a parameter of the table
    scene: Scene,
) -> None:
    change(scene.has(state=State.START_PENDING))
    assert held(scene.delivery, scene.site, scene.now) == expected


def test_a_process_that_ended_does_not_come_back_with_its_module(scene: Scene) -> None:
    scene.has(state=State.START_PENDING).part_is_held_by("mta1", "mta").stops("mta", "mta1")
    scene.servers.start("mta", "mta1")
    assert causes(scene.delivery, scene.site, scene.now) == (Cause.PARTS_ORPHANED,)
