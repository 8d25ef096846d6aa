"""What was measured, kept as JSON, so that the parts of the page can be measured one by one."""

import json
from typing import Any

from benchmarks.machine import ROOT

FILE = ROOT / "docs" / "benchmarks" / "measured.json"


def load() -> dict[str, Any]:
    """Give what was measured, by part."""
    return dict(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.exists() else {}


def keep(part: str, measured: dict[str, Any]) -> None:
    """Put a part in the place of what was measured of it before."""
    FILE.parent.mkdir(exist_ok=True)
    text = json.dumps(load() | {part: measured}, indent=1, sort_keys=True)
    FILE.write_text(text + "\n", encoding="utf-8")
