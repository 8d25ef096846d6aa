"""Measure, write docs/benchmarks.md, and say what does not hold: `python -m benchmarks --help`."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks import faults, kept, page, profiles, rest, rounds, scrapes
from benchmarks.machine import CONSOLE, versions


def main() -> int:
    """Measure what was asked for; 1 if something of it does not hold."""
    given = _arguments()
    parts: Mapping[str, Callable[[], dict[str, Any]]] = {
        "scrapes": lambda: scrapes.scrapes(given.runs, given.series),
        "rounds": lambda: rounds.rounds(given.runs, given.rows),
        "faults": lambda: faults.faults(given.runs),
        "rest": lambda: rest.rest(given.seconds),
        "profile": profiles.profiles,
        "soak": lambda: rest.soak(given.soak),
    }
    for part in given.only:
        kept.keep(part, parts[part]())
    if given.only:
        kept.keep("versions", dict(versions()))
    judged = page.write(kept.load())
    for each in judged:
        mark = "[green]held[/]" if each.held else "[red]not held[/]"
        CONSOLE.print(f"{mark}: {each.what}: {each.figure} (at most {each.limit})", soft_wrap=True)
    CONSOLE.print(f"written: {page.PAGE}")
    return 0 if all(each.held for each in judged) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    everything = ("scrapes", "rounds", "faults", "rest", "profile")
    parser.add_argument(
        "--only", nargs="*", choices=(*everything, "soak"), default=everything, help="parts; none: write the page anew"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of what is judged by a median")
    parser.add_argument("--series", type=int, nargs="+", default=scrapes.SERIES, help="10,000 must be among them")
    parser.add_argument("--rows", type=int, nargs="+", default=rounds.ROWS, help="delivery logs")
    parser.add_argument("--seconds", type=float, default=120.0, help="to look at an exporter at rest")
    parser.add_argument("--soak", type=float, default=3600.0, help="seconds of the soak")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
