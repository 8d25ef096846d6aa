"""What must hold, and whether it does: ratios of figures of the same run, the median of all runs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from benchmarks.exporters import CLIENT, OURS, RIVALS, SQL
from benchmarks.rounds import BY_HAND, EVERYTHING
from benchmarks.scrapes import ENCODINGS, JUDGED

Part = Mapping[str, Any]
_LONGEST_STATEMENT = 50.0
_RESIDENT = 90.0
#: In a MiB.
_MEGABYTES = 1.048576
_PROCESSOR = 0.01
_CONNECTIONS = 2
_GROWTH = 1.02
_STUTTER = 25.0


class Judgement(NamedTuple):
    """Something that must hold: what, the limit and the figure as one writes them."""

    what: str
    limit: str
    figure: str
    held: bool


def judgements(measured: Part) -> list[Judgement]:
    """Judge what was measured; a part that was not measured is not judged."""
    judges: Mapping[str, Callable[[Part], Iterator[Judgement]]] = {
        "scrapes": _scrapes,
        "faults": _faults,
        "rounds": _rounds,
        "rest": _rest,
        "soak": _soak,
    }
    return [each for part, judge in judges.items() if part in measured for each in judge(measured[part])]


def _scrapes(part: Part) -> Iterator[Judgement]:
    size = part["sizes"][str(JUDGED)]
    for other, quantile, limit in ((CLIENT, "p50", 50), (CLIENT, "p99", 20), (SQL, "p50", 20)):
        for encoding in ENCODINGS:
            ratios = [
                ours[f"{encoding} 1"][quantile] / theirs[f"{encoding} 1"][quantile]
                for ours, theirs in zip(size[OURS]["runs"], size[other]["runs"], strict=True)
            ]
            kind = "plain" if encoding == "identity" else encoding
            what = f"scrape of {JUDGED:,} series, {kind}: {quantile} against {other}'s"
            yield _share(what, 1 / limit, median(ratios))
    failed = sum(each["failed"] for run in size[OURS]["runs"] for each in run.values())
    yield Judgement("scrapes of ours that failed", "0", str(failed), not failed)
    slow = part["publishing"]["publishing"]["p99"]
    series = part["publishing"]["series"]
    what = f"p99 of a scrape of {series:,} series while all of them change without a pause"
    yield Judgement(what, f"{_STUTTER:.0f} ms", f"{slow:.1f} ms", slow <= _STUTTER)


def _faults(part: Part) -> Iterator[Judgement]:
    ratios = [run["locked"]["p50"] / run["healthy"]["p50"] for run in part["alternating"]]
    yield _times("p50 of a scrape while the database is locked against healthy", 1.2, median(ratios))
    for fault, what in (("locked", "table locked"), ("dead", "database killed"), ("hole", "network a black hole")):
        ours = part[fault]["exporters"][OURS]
        stale = ours["silently_stale"]
        yield Judgement(f"{what}: stale values without saying so", "no", "yes" if stale else "no", not stale)
        yield _connections(what, ours["connections"])


def _rounds(part: Part) -> Iterator[Judgement]:
    few, many = (part["rows"][size] for size in (min(part["rows"], key=int), max(part["rows"], key=int)))
    rows = " and ".join(f"{int(size):,}" for size in sorted(part["rows"], key=int)[:: len(part["rows"]) - 1 or 1])
    for measure, unit in (("buffers", "buffers"), ("milliseconds", "time")):
        growth = _ratio(many[EVERYTHING], few[EVERYTHING], measure)
        yield _times(f"a full round, {unit}: most against fewest delivery logs ({rows})", 1.3, growth)
        for name in RIVALS:
            yield _share(f"the same questions, {unit}: against {name}'s", 1 / 100, _ratio(many[OURS], many[name], measure))
        yield _times(f"the same questions, {unit}: against the best by hand", 2, _ratio(many[OURS], many[BY_HAND], measure))
    longest = median(run["longest"] for run in many[EVERYTHING])
    yield Judgement("the longest statement", f"{_LONGEST_STATEMENT:.0f} ms", f"{longest:.1f} ms", longest <= _LONGEST_STATEMENT)
    yield _connections("rounds", part["connections"])


def _rest(part: Part) -> Iterator[Judgement]:
    ours, large = part[OURS], part["large"]
    share = ours["processor"]
    yield Judgement("processor at rest, of one core", f"{_PROCESSOR:.0%}", f"{share:.2%}", share < _PROCESSOR)
    what = f"memory with {large['series']:,} series"
    megabytes = large["highest"] * _MEGABYTES
    yield Judgement(what, f"{_RESIDENT:.0f} MB", f"{megabytes:.0f} MB", megabytes < _RESIDENT)
    yield _connections("rest", ours["connections"])


def _soak(part: Part) -> Iterator[Judgement]:
    what = f"memory over {part['seconds'] / 60:.0f} minutes: last quarter against second"
    yield Judgement(what, f"x {_GROWTH:.2f}", f"x {part['growth']:.3f}", part["growth"] <= _GROWTH)


def _ratio(one: Sequence[Part], other: Sequence[Part], measure: str) -> float:
    return float(median(run[measure] for run in one) / median(run[measure] for run in other))


def _times(what: str, limit: float, figure: float) -> Judgement:
    return Judgement(what, f"x {limit:g}", f"x {figure:.2f}", figure <= limit)


def _share(what: str, limit: float, figure: float) -> Judgement:
    return Judgement(what, f"1/{1 / limit:.0f}", f"1/{1 / figure:.0f}", figure <= limit)


def _connections(where: str, count: int) -> Judgement:
    return Judgement(f"{where}: most connections to the database", str(_CONNECTIONS), str(count), count <= _CONNECTIONS)
