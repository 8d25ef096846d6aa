"""A noisy week: seven days of small troubles, each with what really went wrong on it, and how often each alert fires."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaign_simulator.model import Delivery
from unit.alerts.cases import Case, Rules, complaint, write
from unit.alerts.healthy import A
from unit.alerts.healthy_day import STEP, Day
from unit.alerts.timeline import Line, World, hours, minutes

_LENGTH = hours(24)
#: Each time an alert begins to fire: it does, and did not a minute before.
_STARTS = (
    'sum by (alertname, severity, cause) (sum_over_time((ALERTS{alertstate="firing",alertname!="CampaignWatchdog"}'
    f' unless ALERTS{{alertstate="firing"}} offset {STEP}s)[{_LENGTH:.0f}s:{STEP}s]))'
)
_SAMPLE = re.compile(r"\{([^}]*)\} ([0-9.E+]+)")
_LABEL = re.compile(r'(\w+)=\\?"([^"\\]*)\\?"')

Act = Callable[[Day], object]
Lines = Callable[[World, Callable[[Line, Line], Line]], World]


def _nothing(_day: Day) -> None:
    """Leave the engine alone."""


def _no_lines(_world: World, _during: object) -> World:
    return {}


@dataclass(frozen=True)
class Incident:
    """Something that goes wrong for some minutes of a day: in the engine, in what the exporter tells, or both."""

    what: str
    start: float
    length: float
    begin: Act = _nothing
    end: Act = _nothing
    lines: Lines = _no_lines

    def look(self, day: Day, moment: float) -> None:
        if moment == self.start:
            self.begin(day)
        elif moment == self.start + self.length:
            self.end(day)

    def change(self, world: World) -> World:
        def during(then: Line, otherwise: Line) -> Line:
            return lambda moment: then(moment) if self.start <= moment < self.start + self.length else otherwise(moment)

        return self.lines(world, during)


def _named(prefix: str, then: Callable[[float], float | None]) -> Lines:
    """Let all series of a name, or with labels in it, say something else."""

    def lines(world: World, during: Callable[[Line, Line], Line]) -> World:
        return {name: during(then, line) for name, line in world.items() if name.startswith(prefix)}

    return lines


def _all(*parts: Lines) -> Lines:
    def lines(world: World, during: Callable[[Line, Line], Line]) -> World:
        return {name: line for part in parts for name, line in part(world, during).items()}

    return lines


def _mta(*hosts: str) -> tuple[Act, Act, Lines]:
    """Stop the MTA on servers; what waits for it is the engine's to say."""

    def stop(day: Day) -> None:
        for host in hosts:
            day.hosts.stop("mta", host)
        day.hosts.refresh()

    def start(day: Day) -> None:
        for host in hosts:
            day.hosts.start("mta", host)
        day.hosts.refresh()

    return (
        stop,
        start,
        _all(
            *(
                _named(A("campaign_process_up", host=host, process="mta").split(",instance=")[0], lambda _: 0.0)
                for host in hosts
            )
        ),
    )


def _refuse(*, on: bool) -> Act:
    return lambda day: setattr(day.engine.sender, "refused", on)


def _plain(day: Day, affinity: str | None = None) -> Delivery:
    delivery = day.engine.traffic.plain(day.engine.now, size=500)
    delivery.affinity = affinity
    day.engine.launch(delivery)
    return delivery


def _fail(day: Day) -> None:
    """Let a delivery be seen under way, and fail."""
    delivery = _plain(day)
    day.know(delivery)
    day.engine.fail(delivery)


def _late(day: Day) -> None:
    delivery = day.engine.traffic.plain(day.engine.now, size=1)
    delivery.created = delivery.contact = day.engine.now - timedelta(hours=1)
    day.engine.launch(delivery)


def _three_late(day: Day) -> None:
    for _ in range(3):
        _late(day)


def _undeclared(day: Day) -> None:
    _plain(day, "nowhere.fr")


def _declared(day: Day) -> None:
    for each in day.engine.active.values():
        if each.affinity == "nowhere.fr":
            each.affinity = None


def _mismatch(_world: World, during: Callable[[Line, Line], Line]) -> World:
    return {
        A("campaign_ip_affinity_mismatch", affinity="nowhere.fr", kind="unconfigured"): during(lambda _: 1.0, lambda _: None)
    }


_DATABASE = (
    "campaign_deliver",
    "campaign_pending",
    "campaign_messages",
    "campaign_message_",
    "campaign_ip_affinity_mismatch",
    "campaign_database",
)
_AWAY = _all(_named("campaign_", lambda _: None), _named("up{", lambda _: 0.0))
_UNREACHABLE = _all(
    *(_named(prefix, lambda _: None) for prefix in _DATABASE),
    _named("campaign_up{", lambda _: 0.0),
    *(
        _named(A("campaign_exporter_collector_success", collector=name).split(",instance=")[0], lambda _: 0.0)
        for name in ("deliveries", "pending", "throughput", "database")
    ),
)
_BOTH, _SECOND = _mta("mta1", "mta2"), _mta("mta2")


def _endpoint(name: str, kind: str) -> Lines:
    return _named(A("campaign_endpoint_up", endpoint=name, kind=kind).split(",instance=")[0], lambda _: 0.0)


WEEK: Mapping[str, Sequence[Incident]] = {
    "Monday": (
        Incident("the MTA of one of two servers is down for 12 min", hours(10), minutes(12), *_SECOND),
        Incident("a delivery fails", hours(15), minutes(1), _fail),
    ),
    "Tuesday": (
        Incident(
            "mail servers refuse half of all messages for 90 min", hours(9), minutes(90), _refuse(on=True), _refuse(on=False)
        ),
        Incident("a delivery fails", hours(11), minutes(1), _fail),
        Incident("another fails in the evening", hours(19), minutes(1), _fail),
    ),
    "Wednesday": (
        Incident(
            "the redirection server is down for 15 min", hours(13), minutes(15), lines=_endpoint("tracking", "redirection")
        ),
        Incident("the application server is slow for 4 min", hours(16), minutes(4), lines=_endpoint("app", "ping")),
        Incident("three deliveries start an hour late", hours(17), minutes(1), _three_late),
    ),
    "Thursday": (
        Incident("the database is away for 20 min", hours(3), minutes(20), lines=_UNREACHABLE),
        Incident(
            "somebody blocks a table for 4 min",
            hours(11),
            minutes(4),
            lines=_named("campaign_database_longest_wait", lambda moment: moment - hours(11)),
        ),
    ),
    "Friday": (
        Incident("all MTAs are down for 50 min", hours(14), minutes(50), *_BOTH),
        Incident("the exporter is updated, 90 s", hours(17), minutes(2), lines=_AWAY),
    ),
    "Saturday": (),
    "Sunday": (
        Incident(
            "a delivery uses an affinity that nobody declares, for an hour",
            hours(8),
            minutes(60),
            _undeclared,
            _declared,
            _mismatch,
        ),
        Incident(
            "a server does not answer for 25 min",
            hours(12),
            minutes(25),
            lines=_named(A("campaign_host_up", host="mta2").split(",instance=")[0], lambda _: 0.0),
        ),
        Incident("the exporter is down for 30 min", hours(20), minutes(30), lines=_AWAY),
    ),
}


class NoisyDay(Day):
    """A day with its incidents, and with three times the small troubles of a healthy one."""

    def __init__(self, directory: Path, name: str) -> None:
        self._number = list(WEEK).index(name)
        super().__init__(directory, seed=20 + self._number)
        self._incidents = WEEK[name]

    def world(self) -> World:
        world = super().world()
        chance = random.Random(100 + self._number)
        for name in [
            name
            for name in world
            if name.startswith(("campaign_exporter_collector_success", "campaign_endpoint_up", "campaign_host_up"))
        ]:
            world[name] = _with_blips(world[name], {float(STEP * minute) for minute in chance.sample(range(1440), 15)})
        for incident in self._incidents:
            world |= incident.change(world)
        return world

    def _look(self, moment: float) -> None:
        for incident in self._incidents:
            incident.look(self, moment)
        super()._look(moment)


def _with_blips(line: Line, bad: set[float]) -> Line:
    """Fail for single rounds."""

    def blips(moment: float) -> float | None:
        value = line(moment)
        return value if value is None or moment not in bad else 0.0

    return blips


def firings(name: str, directory: Path) -> Counter[tuple[str, str, str]]:
    """Count how often each alert began to fire on a day, by alert, severity and cause."""
    directory.mkdir(parents=True, exist_ok=True)
    day = NoisyDay(directory / "hosts", name)
    day.pass_by()
    rules = Rules.load()
    rules.write(directory / "rules.yml")
    document = Case(None, name, day.world(), _LENGTH, step=STEP).document(rules, "rules.yml")
    document["tests"][0]["promql_expr_test"] = [{"expr": _STARTS, "eval_time": f"{_LENGTH:.0f}s", "exp_samples": []}]
    file = directory / "day.yml"
    write(file, document)
    return counted(complaint(file))


def counted(said: str) -> Counter[tuple[str, str, str]]:
    """Read what promtool found where nothing was expected."""
    assert not said or "got:" in said, said[-1000:]
    found: Counter[tuple[str, str, str]] = Counter()
    for labels, count in _SAMPLE.findall(said.partition("got:")[2]):
        named = dict(_LABEL.findall(labels))
        found[named["alertname"], named["severity"], named.get("cause", "")] += round(float(count))
    return found


def week(directory: Path, parallel: int = 2) -> dict[str, Counter[tuple[str, str, str]]]:
    """Let the days pass, side by side."""
    with ThreadPoolExecutor(parallel) as pool:
        counts = pool.map(lambda name: firings(name, directory / name), WEEK)
        return dict(zip(WEEK, counts, strict=True))
