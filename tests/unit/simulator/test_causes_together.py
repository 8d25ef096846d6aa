from collections.abc import Callable
from datetime import datetime
from itertools import product

import pytest

from campaign_simulator.delivery_faults import exclusive
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultBoard, FaultError, World
from campaign_simulator.truth import PendingDelivery, Truth, tell_truth
from campaign_simulator.vocabulary import PENDING, Cause, State
from unit.simulator.recipes import RECIPES, Recipe, Step, needs_marketing, pairs
from unit.simulator.worlds import make_world, pass_time

_BLOCKED = "nmsdelivery"
PRECLUDED = {(Cause.MTA_DOWN, Cause.STAT_SERVER_DOWN)}  # whatever is launched


class Stage:
    """A world whose faults are set and cleared; there is no database to be locked, so that is noted where it would be."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.board = FaultBoard(world, FAULTS)

    @property
    def truth(self) -> Truth:
        return tell_truth(self.world.engine, self.world.hosts, self.world.now(), self.board.active)

    def set(self, step: Step) -> None:
        if step[0] == "database-blocked":
            self.world.engine.site.blocked_tables[_BLOCKED] = self.world.now()
            self.board.set("delivery-stuck", ["affinity:default"])
        else:
            self.board.set(step[0], step[1:])

    def clear(self, step: Step) -> None:
        if step[0] == "database-blocked":
            self.world.engine.site.blocked_tables.clear()
        else:
            self.board.clear(step[0], [])

    def waiting_for(self, *causes: Cause) -> list[PendingDelivery]:
        return [delivery for delivery in self.truth.pending if delivery.causes == tuple(causes)]

    def run(self, seconds: int) -> None:
        for _ in range(0, seconds, 5):
            pass_time(self.world, 5)


MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> MakeStage:
    return lambda *causes: Stage(make_world(tmp_path_factory.mktemp("hosts"), marketing=needs_marketing(*causes)))


def test_every_cause_but_unknown_has_a_recipe() -> None:
    assert [*RECIPES, Cause.UNKNOWN] == list(Cause)


@pytest.mark.parametrize("cause", RECIPES)
def test_each_cause_can_hold_alone(cause: Cause, make_stage: MakeStage) -> None:
    stage = make_stage(cause)
    for step in RECIPES[cause].steps:
        stage.set(step)
    (delivery, *_) = stage.waiting_for(cause)
    assert delivery.cause == cause
    for step in RECIPES[cause].steps:
        stage.clear(step)
    assert not any(cause in other.causes for other in stage.truth.pending)
    has_started(stage, delivery)


def has_started(stage: Stage, delivery: PendingDelivery) -> None:
    """Check that a delivery goes on once nothing is wrong."""
    mended = stage.world.engine.active[delivery.delivery_id]
    stage.run(60)
    assert mended.broad_start is not None
    assert mended.state in {State.IN_PROGRESS, State.RETRY_PENDING, State.RETRY_IN_PROGRESS, State.FINISHED}


def orders(recipe: Recipe) -> list[tuple[tuple[Step, ...], tuple[Step, ...]]]:
    """Return orders to set in and to clear in."""
    steps = recipe.steps
    return [(steps, steps), (steps[::-1], steps), (steps, steps[::-1])]


@pytest.mark.parametrize("pair", pairs(exclusive=False), ids="-".join)
def test_two_causes_can_hold_for_one_delivery_and_are_told_in_order(pair: tuple[Cause, Cause], make_stage: MakeStage) -> None:
    one, other = pair
    for setting, clearing in orders(RECIPES[one] + RECIPES[other]):
        stage = make_stage(*pair)
        for step in setting:
            stage.set(step)
        (delivery, *_) = stage.waiting_for(one, other)
        assert delivery.cause == one
        for step in clearing:
            stage.clear(step)
        assert not any({one, other} & set(left.causes) for left in stage.truth.pending)
        has_started(stage, delivery)


def kind(name: str) -> str:
    return "affinity:NAME" if name.startswith("affinity:") else name


@pytest.mark.parametrize("pair", pairs(exclusive=True), ids="-".join)
def test_causes_that_exclude_each_other_never_hold_for_one_delivery(pair: tuple[Cause, Cause], make_stage: MakeStage) -> None:
    stage = make_stage(*pair)
    one, other = (RECIPES[cause] for cause in pair)
    if any(exclusive(*names) for names in product(map(kind, one.stuck), map(kind, other.stuck))):
        with pytest.raises(FaultError, match="exclude each other: "):
            stage.set((one + other).steps[0])
        recipes = [one, other]  # of a delivery each
    else:
        recipes = [one + other]
    for recipe in recipes:
        for step in recipe.steps:
            stage.set(step)
    for cause in pair:
        assert any(cause in delivery.causes for delivery in stage.truth.pending) or pair in PRECLUDED
    assert not any(set(pair) <= set(delivery.causes) for delivery in stage.truth.pending)


def test_many_causes_of_one_delivery(make_stage: MakeStage) -> None:
    stage = make_stage()
    stuck = ("parts_orphaned", "account_inactive", "affinity:news.de", "validity_expired", "scheduled")
    steps: list[Step] = [("mta-down",), ("delivery-stuck", *stuck), ("database-blocked",)]
    for step in steps:
        stage.set(step)
    names = "scheduled validity_expired account_inactive mta_down affinity_host_down database_blocked parts_orphaned"
    assert stage.waiting_for(*(Cause(name) for name in names.split()))
    stage = make_stage(Cause.MID_SOURCING_LAG)
    for step in [("wfserver-down",), ("delivery-stuck", "mid_sourcing", "account_inactive", "validity_expired")]:
        stage.set(step)
    assert stage.waiting_for(Cause.VALIDITY_EXPIRED, Cause.ACCOUNT_INACTIVE, Cause.MID_SOURCING_LAG)


def test_the_target_names_all_in_one_order(board: FaultBoard) -> None:
    assert board.set("delivery-stuck", ["parts_missing", "validity_expired"]) == ["validity_expired+parts_missing"]
    assert board.set("delivery-stuck", ["validity_expired+parts_missing"]) == []
    assert board.clear("delivery-stuck", ["parts_missing+validity_expired"]) == ["validity_expired+parts_missing"]


@pytest.mark.parametrize(
    ("causes", "complaint"),
    [
        ([], "a CAUSE is missing; usage: delivery-stuck CAUSE..."),
        (["lunch"], "there is no cause of a delivery 'lunch'; there are: campaign, mid_sourcing, affinity:NAME, scheduled"),
        (["mta_down"], "mta_down is a matter of the platform: set mta-down"),
        (["affinity_host_down"], "set affinity-missing and mta-down, and for this delivery affinity:NAME"),
        (["parts_missing", "parts_orphaned"], "parts_missing and parts_orphaned exclude each other: no process holds"),
        (["awaiting_approval", "scheduled"], "scheduled and awaiting_approval exclude each other: the one comes before"),
        (["affinity:a", "affinity:b"], "a delivery has one affinity"),
        (["affinity:a", "affinity_unconfigured"], "a delivery has one affinity"),
        (["affinity:"], "an affinity's NAME has 1 to 64 characters"),
        (["affinity:" + "x" * 65], "an affinity's NAME has 1 to 64 characters"),
        (["mid_sourcing"], "mid_sourcing is of a marketing instance: run the simulator with --role marketing"),
        (["mid_sourcing", "parts_missing"], "mid_sourcing and parts_missing exclude each other: parts and affinities"),
    ],
)
def test_what_cannot_be_together_is_refused_in_one_line(causes: list[str], complaint: str, board: FaultBoard) -> None:
    with pytest.raises(FaultError) as caught:
        board.set("delivery-stuck", causes)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not board.active


def test_only_what_should_have_been_launched_lately_is_pending(make_stage: MakeStage, now: datetime) -> None:
    stage = make_stage()
    stage.set(("approval-awaited",))
    (waiting,) = stage.waiting_for(Cause.AWAITING_APPROVAL)
    delivery = stage.world.engine.active[waiting.delivery_id]
    assert delivery.state not in PENDING
    window = stage.world.engine.site.preparation_window
    for contact, pending in ((now, True), (now - window, True), (now - 1.01 * window, False), (now + window, False)):
        delivery.contact = contact
        assert bool(stage.truth.pending) == pending
