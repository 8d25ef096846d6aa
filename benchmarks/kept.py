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
    everything = load() | {part: measured}
    # A line for each part: who looks at the differences wants to see which parts are new.
    lines = (f"{json.dumps(name)}: {json.dumps(everything[name], sort_keys=True)}" for name in sorted(everything))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
