"""How long the queries of each dashboard take on thirty days of history, asked as Grafana asks for a screen of 1920 pixels."""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "grafana")]

from dashboards.prometheus import ask, fill, prometheus  # noqa: E402 - the path above
from dashboards.world.scenes import HEALTHY, NOW, Scene  # noqa: E402 - the path above
from unit.dashboards.shipped import DASHBOARDS, panels  # noqa: E402 - the path above

_DAYS = 30
_RANGE = _DAYS * 86400
_SCRAPE = 60
_SCREEN = 1920
_RUNS = 3
#: The steps that Grafana rounds to, in seconds.
_STEPS = (60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600)
_COMPACTION = 180


class Timing(NamedTuple):
    """How long one query took."""

    seconds: float
    panel: str
    ref: str


def history() -> Scene:
    """Watch one instance for thirty days, once a minute."""
    return Scene("month", HEALTHY.campaigns[:1], hours=24 * _DAYS, step=_SCRAPE, channels=("email", "sms"))


def timings(url: str, uid: str) -> Iterator[Timing]:
    """Ask each query of a dashboard."""
    for panel in panels(DASHBOARDS[uid]):
        wanted = _RANGE / (_SCREEN * panel["gridPos"]["w"] / 24)
        step = next(each for each in _STEPS if each >= wanted)
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$instance", ".+").replace("$host", ".+").replace("$__range", f"{_RANGE}s")
            expr = expr.replace("$__rate_interval", f"{max(step + _SCRAPE, 4 * _SCRAPE)}s")
            seconds = statistics.median(_took(url, expr, step, target["instant"]) for _ in range(_RUNS))
            yield Timing(seconds, panel["title"], target["refId"])


def _took(url: str, expr: str, step: int, instant: bool) -> float:  # noqa: FBT001 - as the dashboard says
    begun = time.perf_counter()
    if instant:
        ask(url, "query", query=expr, time=NOW)
    else:
        ask(url, "query_range", query=expr, start=NOW - _RANGE, end=NOW, step=step)
    return time.perf_counter() - begun


def main() -> int:
    """Measure, and print a table."""
    folder = Path(tempfile.mkdtemp())
    try:
        print(f"filling {_DAYS} days, once in {_SCRAPE} s", flush=True)
        fill(history().exposition(), folder / "month", folder)
        with prometheus(folder / "month", folder) as url:
            time.sleep(_COMPACTION)  # Prometheus joins the blocks of two hours, as it has done with old ones
            series = ask(url, "query", query='count({__name__=~".+"})', time=NOW - _SCRAPE)["result"][0]["value"][1]
            print(f"{series} series")
            print("| dashboard | panels | queries | all, s | slowest, s | which |\n|---|---|---|---|---|---|")
            for uid in DASHBOARDS:
                taken = list(timings(url, uid))
                worst = max(taken)
                shown = sum(1 for _ in panels(DASHBOARDS[uid]))
                cells = (
                    uid,
                    shown,
                    len(taken),
                    f"{sum(each.seconds for each in taken):.2f}",
                    f"{worst.seconds:.2f}",
                    worst.panel,
                )
                print(f"| {' | '.join(map(str, cells))} |", flush=True)
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
