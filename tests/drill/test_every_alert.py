"""Each alert from its fault to a person and back, on real processes; docs/time-to-page.md is written from what is measured."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from drill.compressed import alerts, compress, shipped
from drill.past import seed
from drill.performance import Notice, notices
from drill.playbill import Outcome, perform, programme, sites
from drill.report import ROUNDS, Report, machine
from drill.scene import Scene
from drill.scenes import SCENES
from drill.site import Site
from drill.stack import Stack
from integration.core.exporter_process import wait_until

#: A minute is two seconds.
FASTER = 30
_SEEDED = "seeded"
_BEATS = 5
pytestmark = [pytest.mark.drill, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def report() -> Report:
    return Report(FASTER)


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, ground: Path, report: Report, say: Callable[[str], None]) -> dict[str, Outcome]:
    """Play all scenes and write the report; of a run that selects tests by name, only those scenes, once, and write none."""
    asked = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = [scene for scene in SCENES if any(each is not None and each.params.get("scene") is scene for each in asked)]
    return _some(ground, chosen, say) if 0 < len(chosen) < len(SCENES) else _all(ground, report, say)


def _some(ground: Path, scenes: list[Scene], say: Callable[[str], None]) -> dict[str, Outcome]:
    past = seed(ground, compress(ground / "rules", FASTER), _SEEDED)
    with Stack(ground / "some", FASTER, seed=past) as stack, sites(stack, [_SEEDED]) as stages:
        return perform(stack, stages, [(scene, False) for scene in scenes], say)


def _all(ground: Path, report: Report, say: Callable[[str], None]) -> dict[str, Outcome]:
    values = compress(ground / "rules", FASTER)
    past = seed(ground, values, _SEEDED)
    own = programme([scene for scene in SCENES if scene.seeded], ROUNDS)
    others = programme([scene for scene in SCENES if not scene.seeded], ROUNDS)
    with Stack(ground / "all", FASTER, seed=past) as stack, sites(stack, [_SEEDED, "north", "east", "south"]) as stages:
        first, *free = stages
        played: dict[str, Outcome] = {}
        with ExitStack() as exits:
            pool = exits.enter_context(ThreadPoolExecutor(2))
            running = [pool.submit(perform, stack, [first], own, say), pool.submit(perform, stack, free, others, say)]
            for done in running:
                played |= done.result()
        load = machine()
        played |= _once_more(stack, (first, free[0]), played, say)
        played |= {"CampaignExporterDown nothing": _nothing(stack), "CampaignWatchdog": _watchdog(stack)}
        report.write(played, load)
        return played


def _once_more(
    stack: Stack, stages: tuple[Site, Site], played: dict[str, Outcome], say: Callable[[str], None]
) -> dict[str, Outcome]:
    """Play what went wrong again, while no other scene runs: on a busy machine a moment's lag is no fault of an alert.

    The page tells what was wrong the first time.
    """
    again: dict[str, Outcome] = {}
    seeded, other = stages
    for scene in SCENES:
        before = played[scene.name].problems
        if before:
            say(f"{scene.name} once more, by itself")
            stage = seeded if scene.seeded else other
            outcome = perform(stack, [stage], programme([scene], ROUNDS), say)[scene.name]
            outcome.before = before
            again[scene.name] = outcome
    return again


def _nothing(stack: Stack) -> Outcome:
    """Let a Prometheus have no target at all, and then one."""
    outcome = Outcome()
    with ExitStack() as exits:
        files = stack.directory / "later"
        files.mkdir()
        began = time.time()
        address = stack.another_prometheus(exits, f"{files}/*.json")

        def told(*, over: bool) -> list[Notice]:
            arrived = [notice for notice in notices(stack) if notice.at >= began and notice.receiver == "pager-platform"]
            return [
                notice for notice in arrived if notice.over == over and "knows of no exporter" in notice.title + notice.text
            ]

        wait_until(lambda: told(over=False), 90)
        (files / "one.json").write_text(json.dumps([{"targets": [address]}]), encoding="utf-8")
        wait_until(lambda: told(over=True), 120)
    outcome.notices.append((began, told(over=False)[0]))
    return outcome


def _watchdog(stack: Stack) -> Outcome:
    """See that signs of life come, and that none comes once Prometheus is gone."""
    outcome = Outcome()
    beats = [beat.at for beat in stack.sinks.beats() if beat.status == "firing"]
    if len(beats) < _BEATS:
        outcome.problems.append(f"only {len(beats)} signs of life")
    return outcome


def test_all_alerts_have_a_scene() -> None:
    played = {scene.alert for scene in SCENES} | {"CampaignWatchdog"}
    assert played == {alert.name for alert in alerts(shipped())}


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_it_is_told_for_its_own_fault_and_only_for_it(scene: Scene, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[scene.name].problems == []
    assert outcomes[scene.name].results


@pytest.mark.parametrize("name", ["CampaignExporterDown nothing", "CampaignWatchdog"])
def test_what_needs_no_instance(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].problems == []
