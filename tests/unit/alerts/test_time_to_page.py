"""The page on how long alerts take: real durations, whatever the drill's simulator put back."""

from dataclasses import replace

import pytest

from campaign_alerts.durations import seconds
from drill.compressed import alerts, shipped
from drill.performance import Result, rule_of
from drill.playbill import Outcome, programme
from drill.report import Report
from drill.scene import Scene
from drill.scenes import MOST_IMPORTANT, SCENES

_FASTER = 30
_RULES = alerts(shipped())
_BY_NAME = {scene.name: scene for scene in SCENES}


def _result(scene: Scene, seen: float) -> Result:
    """Make what a performance measured: seen after so many seconds, then fired and told at once."""
    return Result(scene, fault=0.0, seen=seen, firing=seen, notified=seen, cleared=seen, withdrawn=seen + 1)


def _report(*performances: tuple[str, float]) -> str:
    outcomes = {name: Outcome() for name, _ in performances}
    for name, seen in performances:
        outcomes[name].results.append(_result(_BY_NAME[name], seen))
    return Report(_FASTER).page(outcomes, "a machine")


def _cells(text: str, name: str) -> tuple[list[str], list[str]]:
    """Give the cells of a scene: as measured, and at the settings as shipped."""
    measured, default = (line.strip("| ").split(" | ")[1:] for line in text.splitlines() if line.startswith(f"| {name} |"))
    return measured, default


@pytest.mark.parametrize(
    ("name", "seen", "waited", "needed", "usual"),
    [
        # Two hours of drill, or none of what the simulator put back: the same figure at the settings as shipped.
        ("CampaignTrackingStalled", 241.0, "240.0", "2 h", "2 h 16 min 52 s"),
        ("CampaignWorkflowFailed late", 1.0, "0.0", "3 h", "3 h 11 min 52 s"),
        ("CampaignCleanupFailing", 1.0, "0.0", "2 d", "2 d 11 min 52 s"),
        ("CampaignEventQueueStuck", 1.0, "0.0", "17 min", "23 min 52 s"),
        ("CampaignDeliveryStuckPending preparation_stuck", 1.0, "0.0", "1 h", "1 h 6 min 30 s"),
        ("CampaignDeliveryStuckPending account_inactive", 61.0, "60.0", "30 min", "36 min"),
        ("CampaignDatabaseBlocked", 13.0, "12.0", "6 min", "8 min"),
        ("CampaignDeliveryWillMissValidity", 41.0, "40.0", "20 min", "31 min 8 s"),
        # Nobody can say how long it takes until a share is reached.
        ("CampaignSoftBouncesHigh", 604.0, "0.0", "0 s", "≥ 31 min 38 s"),
    ],
)
def test_what_a_rule_needs_is_told_in_real_durations(name: str, seen: float, waited: str, needed: str, usual: str) -> None:
    measured, default = _cells(_report((name, seen)), name)
    assert (measured[2:4], default[0], default[4]) == ([f"{seen:.1f}", waited], needed, usual)


def test_what_the_drill_measured_beyond_its_own_rounds_counts_once() -> None:
    (_, quick), (_, slow) = (
        _cells(_report(("CampaignTrackingStalled", seen)), "CampaignTrackingStalled") for seen in (241.0, 263.0)
    )
    assert (quick[4], slow[4]) == ("2 h 16 min 52 s", "2 h 17 min 12 s")


@pytest.mark.parametrize("scene", SCENES, ids=[scene.name for scene in SCENES])
def test_no_scene_says_less_than_its_rule(scene: Scene) -> None:
    rule = rule_of(scene, _RULES)
    assert rule.needed == sum(seconds(each) for each in (rule.lasts, rule.confirmed) if each)
    assert scene.needed is None or scene.needed >= rule.needed
    assert scene.confirmed is None or scene.confirmed <= max(rule.needed, scene.needed or 0)


def test_the_page_says_how_often_each_was_played() -> None:
    three = [("CampaignAllMtasDown", 5.0)] * 3 + [("CampaignDatabaseBlocked", 13.0)] * 3
    assert "  Each page was played 3 times. Each ticket was played once.\n" in _report(*three, ("CampaignMtaDown", 5.0))
    assert "  Each page was played 3 times, but once CampaignDiskFull.\n" in _report(*three, ("CampaignDiskFull", 5.0))


def test_each_page_is_played_so_often_wherever_it_stands() -> None:
    pages = {scene.name for scene in SCENES if scene.severity == "critical"}
    assert "CampaignDiskFull" in pages
    billed = programme(SCENES, 3)
    assert {scene.name: sum(each is scene for each, _ in billed) for scene in SCENES} == {
        scene.name: 3 if scene.name in pages else 1 for scene in SCENES
    }
    assert {
        name for name in pages if [briefly for each, briefly in billed if each.name == name] == [False, True, True]
    } == pages


def test_those_of_make_test_are_pages() -> None:
    assert all(scene.page for scene in MOST_IMPORTANT)
    assert not replace(MOST_IMPORTANT[0], severity="warning").page
