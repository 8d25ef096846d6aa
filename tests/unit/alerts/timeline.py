"""Series over time, as functions of seconds since the beginning; None where there is no sample."""

from collections.abc import Callable, Mapping

Line = Callable[[float], float | None]
World = dict[str, Line]
#: Seconds between two samples, and between two evaluations.
STEP = 30
INSTANCE = "prod"


def minutes(number: float) -> float:
    return number * 60


def hours(number: float) -> float:
    return number * 3600


def always(value: float | None) -> Line:
    return lambda _: value


def steps(first: float | None, *changes: tuple[float, float | None]) -> Line:
    """Begin with a value, and take another one at each of these moments."""

    def line(moment: float) -> float | None:
        value = first
        for begin, new in changes:
            if moment >= begin:
                value = new
        return value

    return line


def during(start: float, end: float, value: float | None, otherwise: float | None) -> Line:
    return steps(otherwise, (start, value), (end, otherwise))


def only(start: float, end: float, line: Line) -> Line:
    """Let a line be there for a while and not before or after."""
    return lambda moment: line(moment) if start <= moment < end else None


def without(start: float, end: float, line: Line) -> Line:
    return lambda moment: None if start <= moment < end else line(moment)


def clock(behind: float = 0) -> Line:
    """A timestamp that keeps up with the time."""
    return lambda moment: moment - behind


def growing(per_second: float, *, step: float = STEP, start: float = 0) -> Line:
    """A counter that grows, in steps of so many seconds."""
    return lambda moment: start + per_second * (moment // step) * step


def total(*lines: Line) -> Line:
    return lambda moment: sum(line(moment) or 0 for line in lines)


class Target:
    """One exporter, as Prometheus names it."""

    def __init__(self, address: str = "a:11951", instance: str = INSTANCE) -> None:
        self.address = address
        self.instance = instance

    def up(self) -> str:
        return f'up{{instance="{self.address}",job="campaign"}}'

    def __call__(self, metric: str, **labels: str) -> str:
        labels = {"campaign_instance": self.instance, **labels, "instance": self.address, "job": "campaign"}
        return f"{metric}{{{','.join(f'{name}={quoted(value)}' for name, value in labels.items())}}}"


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def scrapes_fail(world: World, target: Target, start: float, end: float) -> World:
    """Let Prometheus fail to scrape a target for a while: all its series end at once."""
    changed = {name: without(start, end, line) if target.address in name else line for name, line in world.items()}
    return {**changed, target.up(): during(start, end, 0, 1)}


def withdrawn(world: World, start: float, end: float, *metrics: str) -> World:
    """Let the exporter withdraw metrics for a while."""
    return {name: without(start, end, line) if name.split("{")[0] in metrics else line for name, line in world.items()}


def twice(world: Mapping[str, Line], first: Target, second: Target) -> World:
    """Let a second exporter tell the same."""
    return {**world, **{name.replace(first.address, second.address): line for name, line in world.items()}}


def written(line: Line, until: float, step: float = STEP) -> str:
    """Write a line as promtool takes it: `stale` where samples end, `_` where there are none."""
    words, before = [], None
    for number in range(int(until // step) + 1):
        value = line(number * step)
        words.append("_" if value is None and before is None else "stale" if value is None else f"{value:.10g}")
        before = value
    return " ".join(words)
