"""Each cause alone, and each pair that can hold together, set in the simulator: what is named, against what is true.

Every delivery that the simulator knows to wait counts, those beside the one that was made for it as well.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from campaign_exporter.config import Config, load_config
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.why.reading import Reader
from campaign_simulator.instance import Simulator
from campaign_simulator.truth import PendingDelivery
from campaign_simulator.vocabulary import Cause
from integration.database.scene import MovableClock
from unit.simulator.recipes import RECIPES, pairs


@dataclass
class Confusion:
    """How often which cause was named where which one was true."""

    named: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, true: str, named: str) -> None:
        self.named[true, named] += 1

    def __str__(self) -> str:
        """Write the matrix: a row for each true cause, a column for each named one."""
        names = [cause.name for cause in CAUSES]
        width = max(map(len, names))
        head = " " * width + "".join(f"{number:>5}" for number in range(1, len(names) + 1))
        rows = [
            f"{name:<{width}}" + "".join(f"{self.named[name, other] or '.':>5}" for other in names) + f"   {number}"
            for number, name in enumerate(names, 1)
        ]
        return "\n".join([head, *rows])


@pytest.fixture(scope="module")
def marketing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Give a marketing instance that also sends by itself, so that every cause can hold there; nobody steps it but we."""
    with Simulator(tmp_path_factory.mktemp("confusion"), role="marketing", messages_per_second=20.0) as one:
        one.step()
        yield one


@pytest.fixture(scope="module")
def matrix() -> Iterator[Confusion]:
    confusion = Confusion()
    yield confusion
    print(f"\n{confusion}\n{confusion.named.total()} deliveries")  # noqa: T201 - for `pytest -s`, and for whoever writes a report


def brisk(config: Config) -> Config:
    """Call sessions blocked that wait at all: the simulator's truth does."""
    pending = config.collectors.pending.model_copy(update={"database_blocked_after": 1e-3})
    collectors = config.collectors.model_copy(update={"pending": pending})
    return config.model_copy(update={"collectors": collectors, "state_directory": None})


def compare(simulator: Simulator, matrix: Confusion, wanted: set[str]) -> None:
    """Ask why each delivery waits, and hold all of it against the truth."""
    config = brisk(load_config(simulator.configuration_file))
    reader = Reader(config, clock=MovableClock(), patience=2, config_file=Path("campaign.yaml"))
    (queue,) = reader.queues()
    assert queue.error is None
    truth = {one.delivery_id: one for one in simulator.truth().pending}
    found = {one.delivery.delivery_id: one for one in queue.waiting}
    for delivery_id in truth.keys() | found.keys():
        true = truth[delivery_id].cause if delivery_id in truth else "none"
        named = found[delivery_id].cause.name if delivery_id in found else "none"
        matrix.add(true, named)
        assert named == true, f"delivery {delivery_id}: {truth.get(delivery_id)}"
        assert found[delivery_id].delivery.messages_waiting == truth[delivery_id].messages
    special = next(one for one in truth.values() if set(one.causes) >= wanted)
    check_report(reader, special)


def check_report(reader: Reader, true: PendingDelivery) -> None:
    (answer,) = reader.explain(str(true.delivery_id))
    report = answer.report
    assert report is not None
    assert report.cause is not None
    assert report.cause.name == true.cause
    holding = {check.cause.name for check in report.checks if check.verdict == "holds"}
    expected = set(true.causes) - {"unknown"}
    if "waiting_retry" in expected:
        # What was tried went out under its affinity within the hour, so that some server has it.
        expected -= {"affinity_unconfigured"}
    assert holding == expected


ALONE = [(cause,) for cause in RECIPES]


@pytest.mark.parametrize("causes", [*ALONE, *pairs(exclusive=False)], ids="+".join)
def test_the_named_cause_is_the_true_one(marketing: Simulator, matrix: Confusion, causes: tuple[Cause, ...]) -> None:
    recipe = RECIPES[causes[0]]
    for other in causes[1:]:
        recipe += RECIPES[other]
    try:
        for fault, *arguments in recipe.steps:
            marketing.set_fault(fault, *arguments)
        compare(marketing, matrix, {str(cause) for cause in causes})
    finally:
        for fault, *_ in reversed(recipe.steps):
            marketing.clear_fault(fault)
        marketing.step()
