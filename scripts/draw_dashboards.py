"""Draw the pictures of dashboards that the README shows, as docs/*.png, from a simulated incident."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "grafana"), str(ROOT / "alerts")]

from dashboards.studio import studio  # noqa: E402 - the path above

_WIDTH = 1400
_PICTURES = {"overview": 1130, "deliveries": 1010}


def main() -> int:
    """Draw the upper part of each."""
    with studio("incident") as stage:
        for name, height in _PICTURES.items():
            file = ROOT / "docs" / f"dashboard-{name}.png"
            stage.show(f"campaign-{name}", "incident", width=_WIDTH, height=height).save(file)
            print(f"written: docs/{file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
