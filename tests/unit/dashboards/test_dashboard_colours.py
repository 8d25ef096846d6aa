"""A colour means the same everywhere."""

import re

import pytest

from campaign_alerts.values import SHIPPED, load_values
from campaign_dashboards.board import GridError, Place, Section, _placed
from campaign_dashboards.meaning import CRITICAL, GOOD, GRAVITY, INFO, NEUTRAL, UNKNOWN, WARNING, cause_colours, causes_of
from campaign_dashboards.panel import words
from campaign_exporter.diagnosis.causes import CAUSES
from unit.dashboards.shipped import DASHBOARDS

_JUDGING = {CRITICAL, WARNING, INFO, GOOD, UNKNOWN, "text", "transparent"}


def test_only_colours_with_a_meaning_are_used() -> None:
    known = {*_JUDGING, *NEUTRAL, *cause_colours().values()}
    for uid, dashboard in DASHBOARDS.items():
        used = set(re.findall(r"'(?:color|fixedColor|iconColor)': '(.*?)'", str(dashboard)))
        assert used <= known, uid


def test_each_cause_has_a_colour_of_its_own() -> None:
    colours = cause_colours()
    assert set(colours) == {cause.name for cause in CAUSES}
    assert len(set(colours.values())) == len(CAUSES)


@pytest.mark.parametrize(
    ("severity", "hues"), [("critical", (340, 20)), ("warning", (15, 50)), ("info", (200, 230)), ("never", (90, 140))]
)
def test_a_cause_has_the_hue_of_its_severity(severity: str, hues: tuple[int, int]) -> None:
    for name in causes_of(severity):  # type: ignore[arg-type] # each of them
        hue = _hue(cause_colours()[name])
        low, high = hues
        assert low <= hue <= high if low < high else hue >= low or hue <= high, (name, hue)


def test_a_cause_is_as_grave_as_its_alert() -> None:
    assert {name: cause.severity for name, cause in load_values(SHIPPED).causes.items()} == GRAVITY


def test_a_site_may_grade_causes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("validity_expired", "concurrency_limit"):
        monkeypatch.setitem(GRAVITY, name, "critical")
    monkeypatch.setitem(GRAVITY, "unknown", "info")
    assert {"validity_expired", "concurrency_limit"} <= set(causes_of("critical"))
    assert "unknown" in causes_of("info")
    assert set(cause_colours()) == {cause.name for cause in CAUSES}
    hue = _hue(cause_colours()["validity_expired"])
    assert hue >= 340 or hue <= 20


def test_panels_that_do_not_fill_a_line_are_refused() -> None:
    panel = words("A", "b", "c")
    for wrong in (
        [Place(panel, 12, 5)],
        [Place(panel, 12, 5), Place(panel, 12, 6)],
        [Place(panel, 12, 5), Place(panel, 13, 5)],
    ):
        with pytest.raises(GridError):
            _placed(Section("wrong", wrong))


def _hue(colour: str) -> float:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    top, span = max(red, green, blue), max(red, green, blue) - min(red, green, blue)
    if top == red:
        return 60 * ((green - blue) / span % 6)
    return 60 * ((blue - red) / span + 2) if top == green else 60 * ((red - green) / span + 4)
