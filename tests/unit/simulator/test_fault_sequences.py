import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaign_simulator.engine import Engine
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultBoard
from campaign_simulator.truth import Truth, tell_truth
from campaign_simulator.vocabulary import PENDING, PREPARATION, Cause, WorkflowState
from unit.simulator.worlds import make_world, pass_time

PRECEDENCE = list(Cause)
# What nobody is to blame for, and what a mended delivery is for a moment.
NATURAL = {Cause.SCHEDULED, Cause.WAITING_WAVE, Cause.WAITING_RETRY, Cause.UNKNOWN}
STEPS = [
    "mta-down mta1",
    "mta-down",
    "stat-down",
    "sms-down",
    "wfserver-down",
    "affinity-missing retail.fr mta2",
    "affinity-missing retail.fr",
    "affinity-undeclared travel.it",
    "workflow-failed operationMgt",
    "workflow-failed defaultMidSourcingDlv",
    "workflow-at-rest operationMgt",
    "workflow-at-rest operationMgt edited",
    "workflow-at-rest defaultMidSourcingDlv paused",
    "mid-sourcing-lag",
    "mid-sourcing-lag overdue",
    "concurrency-limit",
    "delivery-scheduled 30",
    "delivery-in-wave",
    "delivery-in-retry",
    "validity-expired",
    "account-inactive",
    "parts-missing",
    "parts-orphaned",
    "approval-awaited",
    "approval-awaited budget",
    "preparation-stuck",
    "preparation-hangs",
    "throughput-stalled",
    "delivery-stuck campaign preparation_stuck",
    "delivery-stuck campaign awaiting_approval",
    "delivery-stuck mid_sourcing validity_expired account_inactive",
    "delivery-stuck scheduled parts_orphaned account_inactive affinity:news.de",
    "delivery-stuck waiting_retry validity_expired",
    "job-log capacity quota",
    "job-log mid-timeout",
    "priority-starved",
    "sequence-near-wrap",
]
SET = st.sampled_from(STEPS).map(lambda step: ("set", step))
CLEAR = st.sampled_from([*STEPS, *{step.split()[0] for step in STEPS}]).map(lambda step: ("clear", step))
WAIT = st.sampled_from(["5", "60", "4000"]).map(lambda seconds: ("wait", seconds))


class Drill:
    """A marketing instance that faults are set on and cleared from."""

    def __init__(self, directory: Path) -> None:
        self.world = make_world(directory, marketing=True, messages_per_second=30.0)
        self.board = FaultBoard(self.world, FAULTS)

    @property
    def engine(self) -> Engine:
        return self.world.engine

    def truth(self) -> Truth:
        return tell_truth(self.engine, self.world.hosts, self.world.now(), self.board.active)

    def do(self, action: str, what: str) -> None:
        name, *arguments = what.split()
        if action == "wait":
            pass_time(self.world, float(what))
        elif action == "set":
            set_before = self.board.active.get(name, ())
            new = self.board.set(name, arguments)
            assert not set(new) & set(set_before)
            assert self.board.set(name, arguments) == []
        else:
            mended = self.board.clear(name, arguments)
            assert not set(mended) & set(self.board.active.get(name, ()))
            assert self.board.clear(name, arguments) == []

    def recover(self) -> None:
        """Let more time pass than lies between two looks at the mid-sourcing server."""
        for _ in range(66):
            pass_time(self.world, 10)


def check(truth: Truth) -> None:
    for delivery in truth.pending:
        assert delivery.cause == delivery.causes[0]
        order = [PRECEDENCE.index(Cause(cause)) for cause in delivery.causes]
        assert order == sorted(set(order))
        assert Cause.UNKNOWN not in delivery.causes or len(delivery.causes) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(SET, SET, CLEAR, WAIT), max_size=25), st.randoms(use_true_random=False))
@example([*(("set", step) for step in STEPS), ("wait", "4000"), ("wait", "5")], random.Random(1))
def test_whatever_is_set_is_mended_in_any_order(actions: list[tuple[str, str]], chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as directory:
        drill = Drill(Path(directory))
        for action, what in actions:
            drill.do(action, what)
            check(drill.truth())
        names = list(drill.truth().faults)
        chance.shuffle(names)
        for name in names:
            drill.do("clear", name)
            check(drill.truth())
        assert drill.truth().faults == {}
        begun = drill.world.now()
        drill.recover()
        is_sound(drill, begun)


def is_sound(drill: Drill, begun: datetime) -> None:
    """Check that nothing of the faults is left, and no delivery of theirs stands still."""
    site, truth = drill.engine.site, drill.truth()
    assert site.campaign_workflows == 2
    assert all(workflow.state == WorkflowState.STARTED and not workflow.failed for workflow in site.workflows.values())
    assert not site.blocked_tables
    assert not site.stalled
    assert not drill.engine.ids.near_wrap
    assert all(up for modules in truth.processes.values() for up in modules.values())
    assert {cause for delivery in truth.pending for cause in delivery.causes} <= NATURAL
    still = [
        delivery
        for delivery in drill.engine.active.values()
        if delivery.state in {*PENDING, *PREPARATION}
        and delivery.modified is not None
        and delivery.modified <= begun
        and delivery.contact <= begun
        and not (delivery.next_pass and delivery.next_pass > drill.world.now() - timedelta(seconds=10))
    ]
    assert still == []
