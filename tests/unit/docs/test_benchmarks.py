"""The page of the benchmarks is made of what was measured, and draws it."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from benchmarks import page, sections
from benchmarks.judgement import Judgement, judgements
from benchmarks.kept import FILE
from benchmarks.picture import Axis, chart
from benchmarks.scraper import summary


def measured() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text("utf-8")))


def test_the_page_is_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(sections, "FILE", tmp_path / "measured.json")
    page.write(measured())
    assert (tmp_path / "benchmarks.md").read_text("utf-8") == (FILE.parents[1] / "benchmarks.md").read_text("utf-8"), (
        "write it anew: python -m benchmarks --only"
    )
    drawn = set(re.findall(r"\]\(benchmarks/(.+?)\)", (tmp_path / "benchmarks.md").read_text("utf-8")))
    for name in drawn:
        ET.parse(tmp_path / name)
        assert (tmp_path / name).read_text("utf-8") == (FILE.parent / name).read_text("utf-8")
    assert drawn == {path.name for path in FILE.parent.glob("*.svg")}


def test_what_does_not_hold_is_said_to_be_so() -> None:
    told = measured()
    before = {each.what: each for each in judgements(told)}
    told["rest"]["campaign-exporter"]["processor"] = 0.02
    told["soak"]["growth"] = 1.5
    for run in told["scrapes"]["sizes"]["10000"]["campaign-exporter"]["runs"]:
        run["gzip 1"]["p50"] = run["identity 1"]["p50"] = 1e4
    after = {each.what: each for each in judgements(told)}
    changed = {what for what, each in after.items() if not each.held and each != before[what]}
    assert len(changed) == 6
    assert Judgement("processor at rest, of one core", "1%", "2.00%", held=False) in after.values()


def test_a_p99_is_among_the_slowest_and_failures_are_counted() -> None:
    figures = summary([(float(number), number % 50) for number in range(1, 101)])
    assert figures.p50 == 50.5
    assert 99 <= figures.p99 <= 100
    assert (figures.scrapes, figures.failed) == (100, 2)


def test_a_chart_places_values_by_powers_and_writes_no_name_over_another() -> None:
    axis = Axis("ms", 1, 1000, powers=True)
    assert axis.place(10) == pytest.approx(1 / 3)
    assert axis.marks() == pytest.approx([1, 10, 100, 1000])
    assert Axis("s", 0, 60).marks() == [0, 10, 20, 30, 40, 50, 60]
    drawn = ET.fromstring(chart("a < b", Axis("s", 0, 1), axis, {"one": [(0, 1), (1, 10)], "two": [(0, 2), (1, 10)]}))
    names = {each.text: float(each.attrib["y"]) for each in drawn.iter("{http://www.w3.org/2000/svg}text") if each.text}
    assert "a < b" in names
    assert abs(names["one"] - names["two"]) >= 15
