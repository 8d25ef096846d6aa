"""Play the demo once and draw what it says as docs/demo.svg, the picture of the README."""

import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from campaign_exporter.demo.stage import Stage
from campaign_exporter.demo.story import Teller

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "demo.svg"
_SECONDS = 155.0


def main() -> int:
    """Draw the picture; the lines also show while it plays."""
    console = Console(highlight=False, record=True, force_terminal=True, width=116)
    with Stage("127.0.0.1:11951") as stage:
        Teller(console, stage).tell(_SECONDS)
    PICTURE.write_text(console.export_svg(title="make demo", theme=MONOKAI), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
