"""How long a scrape takes: ours and the others with the same series, one after the other again and again."""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.exporters import CLIENT, OURS, RIVALS, Question, Running, Site, rival, served
from benchmarks.machine import CONSOLE, circumstances, resident, step
from benchmarks.scraper import measure
from campaign_simulator.instance import Simulator

SERIES = (100, 1_000, 10_000, 50_000)
#: The size that is judged; larger ones are measured once.
JUDGED = 10_000
ENCODINGS = ("identity", "gzip")
PARALLEL = (1, 10)
EXPORTERS = (OURS, CLIENT, *RIVALS)
#: A scrape of the judged size is measured so often in each run, the others for so many seconds at most.
_SCRAPES = 100
_SECONDS = 4.0
_ONCE = 3600
#: What an exporter that watches very many instances has to say.
_VERY_MANY = 100_000
_FILL = """
INSERT INTO NmsDelivery (iDeliveryId, sInternalName, sLabel, iState, tsContact)
SELECT -id, 'DM-' || id, 'Newsletter ' || id, 51, now() - id * interval '1 second' FROM generate_series(1, %s) id
"""


def scrapes(runs: int, sizes: Sequence[int] = SERIES) -> dict[str, Any]:
    """Measure all exporters with all numbers of series; the judged number so many times."""
    told: dict[str, Any] = {**circumstances(), "sizes": {}}
    with tempfile.TemporaryDirectory() as folder, Simulator(Path(folder) / "simulator") as simulator:
        site = Site(simulator, Path(folder), interval=_ONCE)
        site.admit()
        with simulator.connect() as connection:
            connection.execute(_FILL, [max(sizes)])
            connection.execute("VACUUM ANALYZE NmsDelivery")
        for size in sizes:
            told["sizes"][str(size)] = _of_size(site, size, runs if size <= JUDGED else 1)
    told["publishing"] = publishing()
    return told


def _of_size(site: Site, size: int, runs: int) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        with step(f"{size:,} series: started all"):
            running = [stack.enter_context(served(name, size)) for name in (OURS, CLIENT)]
            running += [stack.enter_context(rival(name, site, [question(size)])) for name in RIVALS]
        told: dict[str, Any] = {each.name: {"resident": 0.0, "runs": []} for each in running}
        for number in range(runs):
            with step(f"{size:,} series: run {number + 1} of {runs}"):
                _run(running, told, PARALLEL if number == 0 else (1,))
        for each in running:
            told[each.name]["resident"] = resident(each.pid)
        return told


def _run(running: Sequence[Running], told: dict[str, Any], crowds: Sequence[int]) -> None:
    """Measure each once, by turns; what is judged has one scraper, so that crowds are measured in the first run only."""
    measured: dict[str, dict[str, Any]] = {each.name: {} for each in running}
    for encoding in ENCODINGS:
        for parallel in crowds:
            for each in running:
                # A p99 needs its hundred scrapes; in parallel each scraper makes its share.
                seconds = _SECONDS * 3 if parallel == 1 else _SECONDS
                figures = measure(each.port, encoding, scrapes=_SCRAPES // parallel, seconds=seconds, parallel=parallel)
                measured[each.name][f"{encoding} {parallel}"] = asdict(figures)
    for name, figures_of in measured.items():
        told[name]["runs"].append(figures_of)
        shown = "".join(f"{kind}: {each['p50']:8.2f} {each['p99']:8.2f}  " for kind, each in figures_of.items())
        CONSOLE.print(f"  {name:<20}{shown}", soft_wrap=True)


_SERIES = """
SELECT iDeliveryId::text AS delivery_id, sLabel AS label, 'mta_down' AS cause,
  date_part('epoch', tsContact) AS timestamp_seconds
FROM NmsDelivery WHERE iDeliveryId BETWEEN -{size} AND -1
"""


def question(size: int) -> Question:
    """Ask for so many series: one for each delivery, as ours tells of the deliveries that wait."""
    labels = ("delivery_id", "label", "cause")
    help_text = "Since when a delivery waits."
    return Question("campaign_delivery_pending_since", help_text, labels, "timestamp_seconds", _SERIES.format(size=size))


def publishing() -> dict[str, Any]:
    """Measure ours with very many series, at rest and while all of them change without a pause."""
    told: dict[str, Any] = {"series": _VERY_MANY}
    for kind, arguments in (("rest", ()), ("publishing", ("publishing",))):
        with step(f"{_VERY_MANY:,} series, {kind}"), served(OURS, _VERY_MANY, *arguments) as running:
            told[kind] = asdict(measure(running.port, "gzip", scrapes=1000, seconds=15))
    return told
