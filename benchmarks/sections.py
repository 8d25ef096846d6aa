"""The sections of the page, with their tables and pictures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks import texts
from benchmarks.exporters import OURS, RIVALS
from benchmarks.kept import FILE
from benchmarks.picture import Axis, Points, chart
from benchmarks.questions import BEST, NAIVE
from benchmarks.rounds import BY_HAND, EVERYTHING
from benchmarks.scrapes import ENCODINGS, EXPORTERS, PARALLEL

Part = Mapping[str, Any]
Row = Sequence[object]
_FAULTS = {"locked": "tables locked", "dead": "database killed", "hole": "network a black hole"}
_DEAREST = 12
_BEFORE_FAULT, _AFTER_FAULT = 20, 30


def table(heads: Sequence[str], rows: Iterable[Row]) -> str:
    """Write a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def _when(part: Part) -> str:
    load = " ".join(map(str, part["load"]))
    machine = f"{part['processors']} x {part['processor_name']}, Python {part['python']}"
    return f"*{part['at']}, {machine}, load average at the start {load}, measured at nice {part['nice']}.*"


def _draw(name: str, svg: str) -> None:
    (FILE.parent / f"{name}.svg").write_text(svg, encoding="utf-8")


def _scrapes(part: Part) -> str:
    sizes = sorted(part["sizes"].items(), key=lambda item: int(item[0]))
    lines: dict[str, Points] = {
        name: [(int(size), _middle(of[name]["runs"], "identity 1", "p50")) for size, of in sizes] for name in EXPORTERS
    }
    across, up = Axis("series", 100, 50_000, powers=True), Axis("p50, milliseconds", 0.1, 10_000, powers=True)
    _draw("scrapes", chart("A scrape, one scraper, plain", across, up, lines))
    heads = ("series", "exporter", *map(_kind, _kinds()), "kB plain / gzip", "RSS, MiB")
    rows = (_scrape_row(size, name, of[name]) for size, of in sizes for name in EXPORTERS)
    busy = part["publishing"]
    return texts.SCRAPES.format(
        when=_when(part),
        table=table(heads, rows),
        series=busy["series"],
        rest=_pair(busy["rest"]),
        publishing=_pair(busy["publishing"]),
    )


def _kinds() -> list[str]:
    return [f"{encoding} {parallel}" for encoding in ENCODINGS for parallel in PARALLEL]


def _kind(kind: str) -> str:
    encoding, parallel = kind.split()
    name = "plain" if encoding == "identity" else encoding
    return name if parallel == "1" else f"{name}, {parallel} at once"


def _scrape_row(size: str, name: str, of: Part) -> Row:
    runs = of["runs"]
    figures = [f"{_ms(_middle(runs, kind, 'p50'))} / {_ms(_middle(runs, kind, 'p99'))}" for kind in _kinds()]
    bodies = " / ".join(f"{runs[-1][f'{encoding} 1']['size'] / 1000:,.0f}" for encoding in ENCODINGS)
    return (f"{int(size):,}", name, *figures, bodies, f"{of['resident']:.0f}")


def _middle(runs: Sequence[Part], kind: str, quantile: str) -> float:
    return float(median(run[kind][quantile] for run in runs if kind in run))


def _rounds(part: Part) -> str:
    names, sizes = (OURS, EVERYTHING, BY_HAND, *RIVALS), sorted(part["rows"], key=int)
    for measure, unit in (("milliseconds", "milliseconds of the database"), ("buffers", "buffers of 8 kB")):
        lines = {name: [(int(size), _cost(part, size, name, measure)) for size in sizes] for name in names}
        highest = 10 ** len(str(int(max(value for points in lines.values() for _, value in points))))
        across = Axis("rows of NmsBroadLogRcp", int(sizes[0]), int(sizes[-1]), powers=True)
        _draw(f"rounds-{measure}", chart("A round of all questions", across, Axis(unit, 1, highest, powers=True), lines))
    most = part["rows"][sizes[-1]]
    dearest = sorted(most[EVERYTHING][-1]["statements"], key=lambda each: -each[3])[:_DEAREST]
    return texts.ROUNDS.format(
        when=_when(part),
        postgresql=part["postgresql"],
        table=table(
            ("delivery logs", "who asks", "ms of the database", "buffers", "longest statement, ms", "runs"),
            (_round_row(part, size, name) for size in sizes for name in names),
        ),
        most=int(sizes[-1]),
        collectors=table(
            ("collector", "interval, s", "ms of the database", "buffers", "ms a minute"),
            _collector_rows(most["collectors"]),
        ),
        dearest=table(
            ("statement", "asked", "ms", "buffers"),
            ((f"`{text[:90]}`", calls, f"{ms:.2f}", f"{buffers:,}") for text, calls, ms, buffers in dearest),
        ),
        naive="\n".join(f"-- {each.help}\n{each.query.strip()};" for each in NAIVE),
        best="\n".join(f"{query.strip()};" for query in BEST),
    )


def _collector_rows(collectors: Part) -> Iterator[Row]:
    whole = 0.0
    for name, cost in sorted(collectors.items(), key=lambda each: -each[1]["milliseconds"] / each[1]["interval"]):
        minutely = cost["milliseconds"] * 60 / cost["interval"]
        whole += minutely
        yield f"`{name}`", f"{cost['interval']:g}", f"{cost['milliseconds']:.1f}", f"{cost['buffers']:,}", f"{minutely:.0f}"
    yield "all", "", "", "", f"{whole:.0f}"


def _round_row(part: Part, size: str, name: str) -> Row:
    milliseconds, buffers, longest = (_cost(part, size, name, each) for each in ("milliseconds", "buffers", "longest"))
    runs = len(part["rows"][size][name])
    return (f"{int(size):,}", name, f"{milliseconds:,.1f}", f"{buffers:,.0f}", f"{longest:,.1f}", runs)


def _cost(part: Part, size: str, name: str, measure: str) -> float:
    return float(median(run[measure] for run in part["rows"][size][name]))


def _faults(part: Part) -> str:
    locked = part["locked"]
    seen = locked["exporters"]
    lines = {name: [(at, max(ms, 0.1)) for at, ms in seen[name]["moments"]] for name in (OURS, *RIVALS)}
    across = Axis("seconds since the lock was taken", -_BEFORE_FAULT, locked["seconds"] + _AFTER_FAULT)
    up = Axis("milliseconds; Prometheus gives up at 10 k", 0.1, 100_000, powers=True)
    _draw("locked", chart("Scrapes while the tables are locked", across, up, lines, band=(0, locked["seconds"])))
    heads = ("fault", "exporter", "scrape p50 / p99, ms", "failed", "says so after, s", "withdraws after, s")
    rows = (_fault_row(part[fault], what, name) for fault, what in _FAULTS.items() for name in (OURS, *RIVALS))
    return texts.FAULTS.format(when=_when(part), table=table((*heads, "stale in silence", "most connections"), rows))


def _fault_row(fault: Part, what: str, name: str) -> Row:
    of = fault["exporters"][name]
    seconds = (_seconds(of["complained_after"]), _seconds(of["withdrawn_after"]))
    stale = "**yes**" if of["silently_stale"] else "no"
    failed = f"{of['failed']} of {of['scrapes']}"
    return (f"{what}, {fault['seconds']:.0f} s", name, _pair(of), failed, *seconds, stale, of["connections"])


def _rest(part: Part) -> str:
    heads = ("exporter", "processor, of a core", "of commands it runs", "RSS, MiB", "threads", "connections")
    rows = (_rest_row(name, part[name]) for name in (OURS, *RIVALS))
    large = part["large"]
    return texts.REST.format(
        when=_when(part),
        seconds=part[OURS]["seconds"],
        table=table(heads, rows),
        series=large["series"],
        processor=large["processor"],
        highest=large["highest"],
        threads=large["threads"],
    )


def _rest_row(name: str, of: Part) -> Row:
    return (name, f"{of['processor']:.2%}", f"{of['commands']:.2%}", f"{of['resident']:.0f}", of["threads"], of["connections"])


def _soak(part: Part) -> str:
    memory = [(at / 60, size) for at, size in part["memory"]]
    up = Axis("RSS, MiB", 0, max(size for _, size in memory) * 1.2)
    _draw("soak", chart("Memory over the soak", Axis("minutes", 0, part["seconds"] / 60), up, {"RSS": memory}))
    return texts.SOAK.format(
        when=_when(part),
        minutes=part["seconds"] / 60,
        processor=part["processor"],
        first=memory[0][1],
        last=memory[-1][1],
        growth=part["growth"],
    )


def _profile(part: Part) -> str:
    told = (
        texts.PROFILED.format(title=title, table=_functions(part[kind]), **part[kind]) for kind, title in texts.TITLES.items()
    )
    return texts.PROFILE.format(when=_when(part), profiles="\n".join(told))


def _functions(of: Part) -> str:
    rows: Iterator[Row] = ((f"{ms:.3f}", f"{calls:,.0f}", f"`{place}`") for ms, calls, place in of["functions"])
    return table(("ms", "calls", "function"), rows)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"  # noqa: PLR2004 - three digits are enough


def _pair(figures: Part) -> str:
    return f"{_ms(figures['p50'])} / {_ms(figures['p99'])}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f}"


#: In the order of the page.
ALL: Mapping[str, Callable[[Part], str]] = {
    "scrapes": _scrapes,
    "rounds": _rounds,
    "faults": _faults,
    "rest": _rest,
    "soak": _soak,
    "profile": _profile,
}
