"""A healthy day: the simulator's engine runs through it, and the exporter's own code says what it would tell."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from campaign_exporter.collectors.deliveries import History
from campaign_exporter.collectors.progress import Due, Progress
from campaign_exporter.diagnosis.episodes import Episode, follow, waiting_since
from campaign_exporter.diagnosis.facts import Delivery, Parts
from campaign_exporter.metric import Samples
from campaign_exporter.sources.campaign import DeliveryRow
from campaign_simulator.engine import Engine
from campaign_simulator.hosts import DEFAULT_HOSTS, Hosts
from campaign_simulator.model import Delivery as Simulated
from campaign_simulator.obstacles import Site
from campaign_simulator.truth import tell_truth
from campaign_simulator.vocabulary import SENDING
from unit.alerts.healthy import A, healthy
from unit.alerts.timeline import Line, World, hours, minutes

STEP = 60
_LENGTH = hours(24)
_MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
#: The daily restart takes a minute and a half, and the exporter is restarted once.
_RESTART = (hours(6), hours(6) + minutes(2))
_EXPORTER_AWAY = (hours(14), hours(14) + minutes(2))
#: A delivery that is shown for a shorter time is left out: no rule could call it old.
_LONG_ENOUGH = 5
_ENGINE_STEP = 10
_STATES_OF_NOTE = {"failed", "preparation_error", "finished"}


class Day:
    """What was told at each minute of the day, by series."""

    def __init__(self, directory: Path, seed: int = 7) -> None:
        self.hosts = Hosts(DEFAULT_HOSTS, directory, "prod")
        self.hosts.create()
        self._seed = seed
        self.engine = Engine(Site(self.hosts), now=_MIDNIGHT, seed=seed, messages_per_second=4.0)
        self.engine.create()
        self._history, self._progress = History(), Progress()
        self._episodes: dict[int, Episode] = {}
        self._seen: dict[int, Simulated] = {}
        self._told: dict[str, dict[float, float]] = defaultdict(dict)
        self._consolidated: dict[str, float] = {}
        self.most_waiting = 0

    def pass_by(self) -> None:
        """Let the day pass."""
        for moment in range(0, int(_LENGTH) + 1, STEP):
            for _ in range(STEP // _ENGINE_STEP if moment else 0):
                self.engine.step(self.engine.now + timedelta(seconds=_ENGINE_STEP))
            self._look(float(moment))

    def world(self) -> World:
        """Give the series, with the small troubles of a healthy day: lost scrapes, a restart, a failed round."""
        chance = random.Random(self._seed)
        lost = {float(minute * STEP) for minute in chance.sample(range(30, 1440), 12)}
        world = {**healthy(), **_restarted(healthy()), **_troubled(chance)}
        world |= {
            name: values.get for name, values in self._told.items() if "delivery_id" not in name or len(values) >= _LONG_ENOUGH
        }
        gone = {A.up(): _scraped(lost)}
        return {name: _unless(lost, line) for name, line in world.items() if name != A.up()} | gone

    def know(self, delivery: Simulated) -> None:
        """Tell of a delivery from now on, whether it is still under way or not."""
        self._seen[delivery.delivery_id] = delivery

    def _look(self, moment: float) -> None:
        self._seen |= self.engine.active
        self._tell_waiting(moment)
        self._tell_progress(moment)
        self._tell_counters(moment)

    def _tell_waiting(self, moment: float) -> None:
        now = self.engine.now.timestamp()
        truth = tell_truth(self.engine, self.hosts, self.engine.now, {})
        causes = {pending.delivery_id: pending.cause for pending in truth.pending}
        facts = [_facts(self.engine.active[id_]) for id_ in causes]
        self._episodes = follow(self._episodes, facts, now)
        self.most_waiting = max(self.most_waiting, len(facts))
        oldest: dict[str, float] = {}
        counts: dict[str, int] = defaultdict(int)
        for delivery in facts:
            cause = causes[delivery.delivery_id]
            since = waiting_since(delivery, self._episodes[delivery.delivery_id], now) - _MIDNIGHT.timestamp()
            oldest[cause] = min(since, oldest.get(cause, since))
            counts[cause] += 1
        for cause, since in oldest.items():
            self._told[A("campaign_deliveries_pending_oldest_timestamp_seconds", cause=cause)][moment] = since
            self._told[A("campaign_deliveries_pending", cause=cause)][moment] = counts[cause]

    def _tell_progress(self, moment: float) -> None:
        now = self.engine.now.timestamp()
        sending = [_facts(each) for each in self.engine.active.values() if each.state in SENDING and each.automatic]
        due = [each for each in sending if each.messages_waiting and each.parts and not each.parts.all_later_than(now)]
        samples = Samples()
        self._progress.follow(Due(due, now))
        self._progress.add_to(samples, Due(due, now))
        for name, _suffix, labels, value in _named(samples):
            is_time = name.endswith("timestamp_seconds")
            self._told[A(name, **labels)][moment] = value - (_MIDNIGHT.timestamp() if is_time else 0)

    def _tell_counters(self, moment: float) -> None:
        self._history.follow([_row(delivery) for delivery in self._seen.values()])
        samples = Samples()
        self._history.add_to(samples)
        for name, suffix, labels, value in _named(samples):
            if suffix == "_sum" or labels.get("state", "finished") not in _STATES_OF_NOTE:
                continue
            self._told[A(name + suffix, **labels)][moment] = value
        if moment % minutes(10) == 0:
            self._consolidated = {
                A("campaign_messages_total", result=result, **{"pass": pass_}): count
                for (result, pass_), count in self.engine.sender.messages.items()
            }
        for name, value in self._consolidated.items():
            self._told[name][moment] = value


def _facts(delivery: Simulated) -> Delivery:
    """Give what the database would say."""
    next_pass = delivery.next_pass
    return Delivery(
        delivery_id=delivery.delivery_id,
        state=int(delivery.state),
        label=delivery.label,
        mode=int(delivery.mode),
        channel=int(delivery.channel),
        contact=delivery.contact.timestamp(),
        modified=(delivery.modified or delivery.created).timestamp(),
        to_deliver=delivery.to_deliver,
        processed=delivery.processed,
        parts=Parts(bool(delivery.parts), None if next_pass is None else next_pass.timestamp()),
    )


def _row(delivery: Simulated) -> DeliveryRow:
    delay = None if delivery.broad_start is None else (delivery.broad_start - delivery.contact).total_seconds()
    started = delivery.broad_start is not None
    return DeliveryRow(
        delivery_id=delivery.delivery_id,
        state=int(delivery.state),
        channel=int(delivery.channel),
        deleted=False,
        started=started,
        start_delay=delay,
        remaining=None,
    )


def _named(samples: Samples) -> Iterator[tuple[str, str, dict[str, str], float]]:
    for metric, suffix, values, value in samples:
        names = (*metric.labels, "le") if suffix == "_bucket" else metric.labels
        yield metric.name, suffix, dict(zip(names, values, strict=True)), value


def _unless(lost: set[float], line: Line) -> Line:
    """Leave out what no scrape brought: some were lost, and the exporter was away once."""
    start, end = _EXPORTER_AWAY
    return lambda moment: None if moment in lost or start <= moment < end else line(moment)


def _scraped(lost: set[float]) -> Line:
    start, end = _EXPORTER_AWAY
    return lambda moment: float(not (moment in lost or start <= moment < end))


def _restarted(world: World) -> World:
    """Let all processes be down at six, and have other process ids afterwards."""
    start, end = _RESTART
    changed: World = {}
    for name in world:
        if name.startswith("campaign_process_up"):
            changed[name] = lambda moment: float(not start <= moment < end)
        elif name.startswith("campaign_process_restarts_total"):
            changed[name] = lambda moment: 4.0 + (moment >= end)
    return changed


def _good_but(bad: set[float]) -> Line:
    return lambda moment: float(moment not in bad)


def _troubled(chance: random.Random) -> World:
    """Let single rounds fail, endpoints be slow once, and sessions wait for moments."""
    world: World = {}
    for collector in ("deliveries", "pending", "processes", "endpoints", "database"):
        bad = {float(minute * STEP) for minute in chance.sample(range(1440), 5)}
        world[A("campaign_exporter_collector_success", collector=collector)] = _good_but(bad)
    for endpoint, kind in (("tracking", "redirection"), ("app", "ping")):
        bad = {float(minute * STEP) for minute in chance.sample(range(1440), 3)}
        world[A("campaign_endpoint_up", endpoint=endpoint, kind=kind)] = _good_but(bad)
    waits = {float(minute * STEP): chance.uniform(0, 45) for minute in chance.sample(range(1440), 60)}
    world[A("campaign_database_longest_wait_seconds", table="nmsdelivery")] = lambda moment: waits.get(moment, 0.0)
    return world
