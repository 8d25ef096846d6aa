"""Where the time of a round and of a scrape goes, as Python's profiler counts it."""

import cProfile
import pstats
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.machine import circumstances, free_port, step
from benchmarks.scraper import measure
from benchmarks.served import Served, series
from campaign_exporter.config import load_config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import SystemClock
from campaign_exporter.snapshot import Exposition, Owner
from campaign_exporter.state import State
from campaign_exporter.web.application import Application
from campaign_exporter.web.server import WebServer, listen
from campaign_simulator.instance import Simulator

_ROUNDS = 20
_SCRAPES = 2000
_SERIES = 10_000
_SHOWN = 12
_WAITING = ("select.", "_thread.lock", "waitpid", "SimpleQueue", "connection.py: wait", "time.sleep")


def profiles() -> dict[str, Any]:
    """Profile rounds of all collectors, scrapes, and publishing."""
    told: dict[str, Any] = dict(circumstances())
    with step("profiled rounds"), tempfile.TemporaryDirectory() as folder, Simulator(Path(folder) / "simulator") as simulator:
        simulator.backfill()
        told["round"] = _of_rounds(simulator)
    with step("profiled scrapes"):
        told["scrape"] = _of_scrapes()
    with step("profiled publishing"):
        exposition = Exposition()
        changes = [series(_SERIES, shift) for shift in range(_ROUNDS)]

        def publish() -> None:
            for samples in changes:
                exposition.publish({Owner("prod", "pending"): samples})

        told["publish"] = _profiled(_ROUNDS, publish)
    return told


def _of_rounds(simulator: Simulator) -> dict[str, Any]:
    config = load_config(simulator.configuration_file)
    watch = Watch(config, config.instances[0], clock=SystemClock(), state=State(), exposition=Exposition())
    for job in watch.jobs.values():
        job.run()

    def work() -> None:
        for _ in range(_ROUNDS):
            for job in watch.jobs.values():
                job.run()

    told = _profiled(_ROUNDS, work)
    watch.close()
    return told


def _of_scrapes() -> dict[str, Any]:
    exposition = Exposition()
    exposition.publish({Owner("prod", "pending"): series(_SERIES)})
    told: list[dict[str, Any]] = []
    run = uvicorn.Server.run

    def profiled(server: uvicorn.Server, sockets: list[Any] | None = None) -> None:
        told.append(_profiled(_SCRAPES, lambda: run(server, sockets)))

    uvicorn.Server.run = profiled  # type: ignore[method-assign,assignment] # the profiler sees only the thread that it is started in
    try:
        port = free_port()
        app = Application(Served(exposition), telemetry_path="/metrics", lifecycle=False)
        server = WebServer(app, listen(f"127.0.0.1:{port}"))
    finally:
        uvicorn.Server.run = run  # type: ignore[method-assign] # as it was
    server.start()
    measure(port, "gzip", scrapes=_SCRAPES, seconds=60)
    server.stop()
    return told[0]


def _profiled(times: int, work: Callable[[], object]) -> dict[str, Any]:
    """Run under the profiler; give milliseconds of one time, and of the functions that took most of it by themselves."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    stats = pstats.Stats(profiler)
    entries: dict[tuple[str, int, str], tuple[Any, ...]] = stats.stats  # type: ignore[attr-defined] # not in the stubs
    own = [(entry[2] / times * 1000, entry[1] / times, _place(where)) for where, entry in entries.items()]
    waiting = sum(ms for ms, _, place in own if _waits(place))
    own = sorted((each for each in own if not _waits(each[2])), reverse=True)
    return {"total": sum(ms for ms, _, _ in own), "waiting": waiting, "functions": own[:_SHOWN]}


def _place(where: tuple[str, int, str]) -> str:
    file, _, function = where
    path = Path(file)
    return function.strip("<>") if file in {"~", ""} else f"{path.parent.name}/{path.name}: {function}"


def _waits(place: str) -> bool:
    """Tell what only waits: for the other side, or for another thread."""
    return any(word in place for word in _WAITING)
