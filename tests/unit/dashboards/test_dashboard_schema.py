"""The dashboards are what Grafana's own types say a dashboard is, and not a key more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from unit.dashboards.shipped import DASHBOARDS, all_panels

_SCHEMA: dict[str, Any] = json.loads((Path(__file__).parent / "grafana.schema.json").read_text("utf-8"))
#: Prometheus's data source adds these to an annotation; the types leave it open to data sources.
_OF_PROMETHEUS = ("expr", "titleFormat", "textFormat", "tagKeys")
_SCHEMA["definitions"]["AnnotationQuery"]["properties"] |= {key: {"type": "string"} for key in _OF_PROMETHEUS}
_DRAWN = {"bargauge", "stat", "table", "text", "timeseries"}

each_dashboard = pytest.mark.parametrize("uid", DASHBOARDS)
each_panel = pytest.mark.parametrize(
    ("uid", "panel"), all_panels(), ids=lambda each: each if isinstance(each, str) else each["title"]
)


def complaints(value: object, *path: str) -> Iterator[str]:
    """Hold a value against a definition, or against what lies within the one that our schema.ts makes."""
    part = _SCHEMA["definitions"][path[0] if len(path) == 1 else "Schema"]
    path = path if len(path) > 1 else ()
    for step in path:
        part = part["properties"][step]
    validator = jsonschema.Draft7Validator({**part, "definitions": _SCHEMA["definitions"]})
    return (f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value))


@each_dashboard
def test_a_dashboard_holds_what_it_may(uid: str) -> None:
    assert list(complaints(DASHBOARDS[uid], "Dashboard")) == []


@each_panel
def test_a_panel_is_of_a_kind_that_can_be_proven(uid: str, panel: dict[str, Any]) -> None:
    assert panel["type"] in _DRAWN, uid


@each_panel
def test_a_panel_has_only_options_that_its_kind_knows(uid: str, panel: dict[str, Any]) -> None:
    kind, found = panel["type"], panel.get("fieldConfig", {"defaults": {}, "overrides": []})
    assert list(complaints(panel["options"], "options", kind)) == [], uid
    assert ("custom" in found["defaults"]) <= (kind in {"table", "timeseries"})
    for property_ in (each for override in found["overrides"] for each in override["properties"]):
        name = property_["id"].removeprefix("custom.")
        where = ("FieldConfig",) if name == property_["id"] else ("custom", kind)
        assert list(complaints({name: property_["value"]}, *where)) == []
    if "custom" in found["defaults"]:
        assert list(complaints(found["defaults"]["custom"], "custom", kind)) == []


def test_the_schema_is_strict() -> None:
    wrong: list[dict[str, Any]] = [
        {"schemaVersion": 39, "refrsh": "1m"},
        {"schemaVersion": 39, "panels": [{"type": "stat", "gridPos": {"h": 1, "w": "16", "x": 0, "y": 0}}]},
        {"schemaVersion": 39, "templating": {"list": [{"name": "x", "type": "querry"}]}},
    ]
    for dashboard in wrong:
        assert list(complaints(dashboard, "Dashboard"))
    assert list(complaints({"colourMode": "value"}, "options", "stat"))
