"""A healthy simulated day fires nothing but the watchdog."""

from pathlib import Path

import pytest

from unit.alerts.cases import Case, Rules, run
from unit.alerts.healthy_day import STEP, Day
from unit.alerts.timeline import hours


@pytest.mark.timeout(600)
def test_a_healthy_day_fires_nothing(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.pass_by()
    sent = day.engine.sender.messages
    assert sum(sent.values()) > 200_000, "a day without work proves nothing"
    assert sent["error", "retry"] > 1000
    assert day.most_waiting > 10
    case = Case(None, "a healthy day", day.world(), hours(24), step=STEP)
    assert run([case], Rules.load(), tmp_path) == {}
