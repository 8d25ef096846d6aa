"""The five alerts without which the others matter little, each from its fault to the pager and back."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drill.playbill import Outcome, perform, sites
from drill.scene import Scene
from drill.scenes import MOST_IMPORTANT
from drill.stack import Stack

#: A minute is two seconds.
FASTER = 30
pytestmark = [pytest.mark.alone, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def outcomes(ground: Path, say: Callable[[str], None]) -> dict[str, Outcome]:
    scenes = [(scene, False) for scene in MOST_IMPORTANT]
    with Stack(ground / "five", FASTER) as stack, sites(stack, ["north", "east", "south", "west"]) as stages:
        return perform(stack, stages, scenes, say)


@pytest.mark.parametrize("scene", MOST_IMPORTANT, ids=[scene.name for scene in MOST_IMPORTANT])
def test_it_pages_for_its_own_fault_and_only_for_it(scene: Scene, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[scene.name].problems == []
    assert outcomes[scene.name].results
