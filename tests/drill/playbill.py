"""All scenes, one after the other on each site, and the sites side by side."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from drill.performance import Failed, Notice, Performance, Result
from drill.scene import Scene
from drill.site import Site
from drill.stack import Stack

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What became of a scene: what each performance measured, and what was wrong."""

    results: list[Result] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    #: What was told outside of a performance, and when its fault was set.
    notices: list[tuple[float, Notice]] = field(default_factory=list)
    #: What was wrong the first time, of one that was played a second time.
    before: list[str] = field(default_factory=list)


def programme(scenes: Sequence[Scene], rounds: int) -> list[tuple[Scene, bool]]:
    """Bill each page so many times and each ticket once; the second of a pair says whether briefly.

    The first turn of the pages comes before the tickets: whoever interrupts a drill has seen what matters.
    """
    pages = [scene for scene in scenes if scene.page]
    tickets = [(scene, False) for scene in scenes if not scene.page]
    return [*((scene, False) for scene in pages), *tickets, *((scene, True) for _ in range(1, rounds) for scene in pages)]


@contextmanager
def sites(stack: Stack, names: Sequence[str]) -> Iterator[list[Site]]:
    """Start instances side by side, and end them."""
    with ExitStack() as exits, ThreadPoolExecutor(len(names)) as pool:
        made = [Site(name, stack.directory / name, stack.targets) for name in names]
        try:
            for started in [pool.submit(site.__enter__) for site in made]:
                exits.push(started.result())
            yield made
        finally:
            exits.close()


def perform(stack: Stack, stages: Sequence[Site], scenes: Sequence[tuple[Scene, bool]], say: Say) -> dict[str, Outcome]:
    """Play each scene on whatever site is free; the second of a pair says whether briefly."""
    waiting: SimpleQueue[tuple[Scene, bool]] = SimpleQueue()
    for scene in scenes:
        waiting.put(scene)
    outcomes = {scene.name: Outcome() for scene, _ in scenes}

    def work(site: Site) -> None:
        while True:
            try:
                scene, briefly = waiting.get_nowait()
            except Empty:
                return
            began = time.monotonic()
            outcome = outcomes[scene.name]
            try:
                result = Performance(stack, site, scene, briefly=briefly).play()
            except Failed as error:
                said, problems = "", [str(error)]
            except (AssertionError, OSError) as error:
                said, problems = "", [f"{type(error).__name__}: {error}"]
            else:
                outcome.results.append(result)
                said, problems = _summary(result), result.problems
            outcome.problems += [f"on {site.name}: {problem}" for problem in problems]
            say(f"{site.name}: {scene.name}: {said or 'WRONG'}, {time.monotonic() - began:.0f} s{_listed(problems)}")

    with ThreadPoolExecutor(len(stages)) as pool:
        for done in [pool.submit(work, site) for site in stages]:
            done.result()
    return outcomes


def _summary(result: Result) -> str:
    return f"told after {result.notified - result.fault:.1f} s, resolved after {result.withdrawn - result.cleared:.1f} s"


def _listed(problems: Sequence[str]) -> str:
    return "".join(f"\n    WRONG: {problem}" for problem in problems)
