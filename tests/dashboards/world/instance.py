"""The series of one instance, as an exporter would have told them."""

import math
import random
from collections.abc import Callable, Sequence

from campaign_exporter import catalogue as c
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.metric import Metric
from dashboards.world.exposition import Exposition, Value
from dashboards.world.story import Campaign, during

PROCESSES = ("mta", "stat", "inMail", "wfserver", "web", "syslogd", "trackinglogd")
ENDPOINTS = {"tracking": "redirection", "app": "ping", "images": "resource"}
_TABLES = ("nmsdelivery", "nmsdeliverypart", "nmsbroadlogrcp")
_DATABASE = ("deliveries", "pending", "throughput", "database")
_MIB = 2**20
_STALE_HOURS = 1 / 60
_IN_ORDER = {"scheduled": (3, 240_000), "waiting_wave": (2, 60_000), "waiting_retry": (4, 9_000)}


class Instance:
    """Writes one instance's series for one exporter; `offset` sets two exporters apart as two looks at the same thing are."""

    def __init__(self, page: Exposition, campaign: Campaign, target: str, seed: int, channels: Sequence[str]) -> None:
        self._page, self._campaign, self._story, self._target = page, campaign, campaign.story, target
        self._channels = channels
        self._random = random.Random(f"{campaign.name}{seed}")
        start = page.times[0]
        self._hours = [(time - start) / 3600 for time in page.times]

    def write(self) -> None:
        """Write all of them."""
        self._of_itself()
        self._deliveries()
        self._pending()
        self._hosts()
        self._affinities()
        self._throughput()
        self._endpoints()
        self._disks()
        self._database()

    def _put(self, metric: Metric, values: Sequence[Value], **labels: str) -> None:
        self._page.add(metric, values, target=self._target, instance=self._campaign.name, **labels)

    def _each(self, metric: Metric, value: Callable[[float], Value], *, database: bool = False, **labels: str) -> None:
        """Write a gauge by a function of the hour; nobody tells while nobody watches."""
        story = self._story
        gone = [*story.unwatched, *([(start + _STALE_HOURS, end) for start, end in story.unreachable] if database else [])]
        told = [None if during(hour, gone) else value(hour) for hour in self._hours]
        self._put(metric, [None if each is None else +each for each in told], **labels)  # + makes 1 of True

    def _constant(self, metric: Metric, value: float, *, database: bool = False, **labels: str) -> None:
        self._each(metric, lambda _: value, database=database, **labels)

    def _counter(self, metric: Metric, rate: Callable[[float], float], *, database: bool = False, step: int = 1, digits: int = 0, **labels: str) -> None:
        """Write a counter by what it gains a minute; it moves every `step` minutes."""
        total, shown, values = 0.0, 0.0, []
        minutes = (self._page.times[1] - self._page.times[0]) / 60
        for place, hour in enumerate(self._hours):
            total += rate(hour) * minutes
            if place % max(round(step / minutes), 1) == 0:
                shown = round(total, digits)
            values.append(shown)
        places = iter(values)
        self._each(metric, lambda _: next(places), database=database, **labels)

    # --- what is sent --------------------------------------------------------------------------------------------------------

    def _rate(self, hour: float) -> float:
        """Give the messages a minute: two waves a day over a low ground."""
        of_day = (hour + 12) % 24  # a scene ends at noon
        shape = 0.25 + math.exp(-((of_day - 9) ** 2) / 4) + 0.8 * math.exp(-((of_day - 17) ** 2) / 6)
        story = self._story
        hosts = [host for host in self._campaign.hosts]
        up = sum(not during(hour, story.down.get((host, "mta"), ())) for host in hosts) / len(hosts)
        still = during(hour, [*story.stalled, *story.blocked])
        return 0.0 if still else self._campaign.hourly / 60 * shape * up

    def _throughput(self) -> None:
        failing = lambda hour: 0.22 if during(hour, self._story.refused) else 0.03  # noqa: E731 - used four times below
        shares = {
            ("success", "first"): lambda hour: 0.94 * (1 - failing(hour)),
            ("error", "first"): failing,
            ("success", "retry"): lambda _: 0.04,
            ("error", "retry"): lambda _: 0.02,
        }
        for (result, pass_), share in shares.items():
            labels = {"result": result, "pass": pass_}
            self._counter(c.MESSAGES, lambda hour, share=share: self._rate(hour) * share(hour), database=True, step=10, **labels)
            self._constant(c.MESSAGES_CATCH_UP, 0, database=True, **labels)
        self._counter(c.MESSAGE_BYTES, lambda hour: self._rate(hour) * 48_000, database=True, step=10)
        self._constant(c.THROUGHPUT_SOURCE, 1, database=True, source="delivery_stat")

    def _deliveries(self) -> None:
        for channel in self._channels:
            for state in c.DELIVERIES.values["state"]:
                self._each(c.DELIVERIES, lambda hour, s=state, ch=channel: self._in_state(s, ch, hour), database=True, state=state, channel=channel)
                rate = {"in_progress": 0.1, "finished": 0.1, "start_pending": 0.1, "failed": 0.002}.get(state, 0) * (channel == "email")
                self._counter(c.DELIVERY_TRANSITIONS, lambda _, r=rate: r, database=True, state=state, channel=channel)
            weight = 1.0 if channel == "email" else 0.1 if channel == "sms" else 0.0
            self._each(c.MESSAGES_REMAINING, lambda hour, w=weight: int(w * (30 * self._rate(hour) + self._waiting(hour))), database=True, channel=channel)
            self._each(c.MESSAGES_DUE, lambda hour, w=weight: int(w * 12 * self._rate(hour)), database=True, channel=channel)
            self._start_delay(channel)
        for number, label in enumerate(("Morning news", "Loyalty points", "Retail weekly")):
            labels = {"delivery_id": str(900 + number), "label": label}
            still = 2400 if number == 2 and self._story.stuck else 90 * (number + 1)
            moment = lambda hour, still=still: self._page.times[0] + int(hour * 3600) - still  # noqa: E731 - once
            self._each(c.DELIVERY_PROGRESS, moment, database=True, **labels)
            self._constant(c.DELIVERY_MESSAGES_REMAINING, 4_000 * (number + 1), database=True, **labels)
        self._constant(c.DELIVERIES, 1, database=True, state="47", channel="email")

    def _in_state(self, state: str, channel: str, hour: float) -> int:
        if channel != "email":
            return {"finished": 40, "being_edited": 2}.get(state, 0) if channel == "sms" else 0
        wave = 1 + math.sin(hour / 3)
        waiting = sum(each.window[0] <= hour < each.window[1] for each in self._story.stuck)
        counts = {
            "being_edited": 14,
            "message_ready": int(2 * wave),
            "ready": 1,
            "start_pending": 5 + waiting,
            "in_progress": int(3 * wave) + 1,
            "retry_pending": 4,
            "paused": 1,
            "failed": 2 if during(hour, self._story.refused) else 0,
            "finished": 2_300 + int(6 * hour),
        }
        return counts.get(state, 0)

    def _start_delay(self, channel: str) -> None:
        bounds = (*c.DELIVERY_START_DELAY.buckets, math.inf)
        started = 6.0 if channel == "email" else 0.0
        counts = []
        for bound in bounds:
            values = []
            total = 0.0
            for hour in self._hours:
                late = self._waiting(hour) > 0
                typical = 1500 if late else 200
                total += started * (1 - math.exp(-bound / typical)) * (self._page.times[1] - self._page.times[0]) / 3600
                values.append(None if during(hour, [*self._story.unwatched, *self._story.unreachable]) else int(total))
            counts.append(values)
        sums = [None if count is None else count * 300 for count in counts[-1]]
        self._page.add_histogram(
            c.DELIVERY_START_DELAY, counts, sums, target=self._target, instance=self._campaign.name, channel=channel
        )

    # --- what waits ----------------------------------------------------------------------------------------------------------

    def _waiting(self, hour: float) -> int:
        return sum(each.messages for each in self._story.stuck if each.window[0] <= hour < each.window[1])

    def _pending(self) -> None:
        start = self._page.times[0]
        unseen = {"mid_sourcing_lag"} if self._campaign.role != "marketing" else set()
        for cause in (cause.name for cause in CAUSES):
            self._constant(c.PENDING_CAUSE_EVALUATED, cause not in unseen, database=True, cause=cause)
            if cause in unseen:
                continue
            stuck = [each for each in self._story.stuck if each.cause == cause]
            usual, messages = _IN_ORDER.get(cause, (0, 0))
            here = lambda hour, stuck=stuck: [each for each in stuck if each.window[0] <= hour < each.window[1]]  # noqa: E731 - used below
            self._each(c.DELIVERIES_PENDING, lambda hour, u=usual, h=here: u + len(h(hour)), database=True, cause=cause)
            self._each(c.PENDING_MESSAGES, lambda hour, m=messages, h=here: m + sum(each.messages for each in h(hour)), database=True, cause=cause)
            oldest = lambda hour, u=usual, h=here: self._oldest(hour, u, [each.window[0] for each in h(hour)])  # noqa: E731 - used below
            self._each(c.PENDING_OLDEST, oldest, database=True, cause=cause)
        for number, each in enumerate(self._story.stuck):
            within = lambda hour, each=each: start + int(each.window[0] * 3600) if each.window[0] <= hour < each.window[1] else None  # noqa: E731 - once
            self._each(c.DELIVERY_PENDING_SINCE, within, database=True, delivery_id=str(1200 + number), label=each.label, cause=each.cause)
        self._constant(c.PENDING_ALERT_DELAY, 1800, database=True)

    def _oldest(self, hour: float, usual: int, starts: Sequence[float]) -> Value:
        first = self._page.times[0]
        if starts:
            return first + int(min(starts) * 3600)
        return first + int(hour * 3600) - 240 if usual else None

    # --- hosts ---------------------------------------------------------------------------------------------------------------

    def _hosts(self) -> None:
        story = self._story
        for host in self._campaign.hosts:
            hidden = story.unlisted.get(host, ())
            for source in ("processes", "configuration", "directories"):
                seen = lambda hour, s=source, h=hidden: not (s == "processes" and during(hour, h))  # noqa: E731 - once
                self._each(c.HOST_UP, lambda hour, seen=seen: int(seen(hour)), host=host, source=source)
            for process in PROCESSES:
                down = story.down.get((host, process), ())
                labels = {"host": host, "process": process}
                self._each(c.PROCESS_UP, lambda hour, d=down, h=hidden: None if during(hour, h) else int(not during(hour, d)), **labels)
                self._constant(c.PROCESS_EXPECTED, 1, **labels)
                self._each(c.PROCESSES, lambda hour, d=down, h=hidden: None if during(hour, h) else int(not during(hour, d)), **labels)
                self._memory(host, process)
                ends = [end for _, end in down]
                self._each(c.PROCESS_RESTARTS, lambda hour, e=ends: 10 + int(hour / 24 + 0.85) + sum(hour >= end for end in e), **labels)

    def _memory(self, host: str, process: str) -> None:
        down, size = self._story.down.get((host, process), ()), 120 + 90 * PROCESSES.index(process)
        labels = {"host": host, "process": process}
        fat = (host, process) in self._story.fat
        grown = lambda hour: size * (1 + 0.1 * math.sin(hour)) + (35 * hour if fat else 0)  # noqa: E731 - once
        self._each(c.PROCESS_MEMORY, lambda hour: None if during(hour, down) else int(grown(hour) * _MIB), **labels)
        for level, limit in (("warning", 1024), ("alert", 1536), ("restart", 2048)):
            self._constant(c.PROCESS_MEMORY_LIMIT, limit * _MIB, **labels, level=level)

    def _affinities(self) -> None:
        story = self._story
        for host, names in self._campaign.hosts.items():
            self._constant(c.AFFINITIES, len(names), host=host)
            for affinity in names:
                self._constant(c.AFFINITY_INFO, 1, host=host, affinity=affinity)
            for kind in c.SERVER_CONFIGURATION_FAULT.values["kind"]:
                windows = story.faults.get((host, kind), ())
                self._each(c.SERVER_CONFIGURATION_FAULT, lambda hour, w=windows: int(during(hour, w)), host=host, kind=kind)
        for affinity in sorted({name for names in self._campaign.hosts.values() for name in names}):
            self._constant(c.AFFINITY_INCONSISTENT, int(affinity in story.uneven), affinity=affinity)
        for affinity in story.latent:
            self._constant(c.AFFINITY_LATENT, 2, database=True, affinity=affinity)
        for (affinity, kind), windows in story.mismatches.items():
            self._each(c.AFFINITY_MISMATCH, lambda hour, w=windows: 2 if during(hour, w) else None, database=True, affinity=affinity, kind=kind)

    # --- around it -----------------------------------------------------------------------------------------------------------

    def _endpoints(self) -> None:
        for number, (endpoint, kind) in enumerate(ENDPOINTS.items()):
            silent = self._story.silent_endpoints.get(endpoint, ())
            self._each(c.ENDPOINT_UP, lambda hour, s=silent: int(not during(hour, s)), endpoint=endpoint, kind=kind)
            self._each(c.ENDPOINT_DURATION, lambda hour, n=number: 0.04 + 0.03 * n + 0.01 * math.sin(hour), endpoint=endpoint, kind=kind)

    def _disks(self) -> None:
        for host in self._campaign.hosts:
            for directory, used in (("var", 0.62), ("tmp", 0.2)):
                share = 0.97 if host in self._story.full and directory == "var" else used
                labels = {"host": host, "directory": directory}
                self._constant(c.DIRECTORY_SIZE, 200 * 2**30, **labels)
                self._constant(c.DIRECTORY_AVAILABLE, int(200 * 2**30 * (1 - share)), **labels)
                self._constant(c.DIRECTORY_FILES, 13_000_000, **labels)
                self._constant(c.DIRECTORY_FILES_FREE, 12_400_000, **labels)

    def _database(self) -> None:
        blocked = self._story.blocked
        waited = lambda hour: max((3600 * (hour - start) for start, end in blocked if start <= hour < end), default=0)  # noqa: E731 - once
        for table in _TABLES:
            hit = table == _TABLES[0]
            self._each(c.DATABASE_BLOCKED, lambda hour, hit=hit: int(hit and during(hour, blocked)) * 4, database=True, table=table)
            self._each(c.DATABASE_LONGEST_WAIT, lambda hour, hit=hit: hit * waited(hour), database=True, table=table)
        self._each(c.DATABASE_CLOCK_OFFSET, lambda hour: round(0.02 * math.sin(hour), 4), database=True)
        if self._campaign.role == "mid-sourcing":
            self._each(c.DATABASE_REPLAY_LAG, lambda hour: round(1.5 + math.sin(hour), 2), database=True)

    # --- the exporter --------------------------------------------------------------------------------------------------------

    def _of_itself(self) -> None:
        story, unreachable = self._story, self._story.unreachable
        self._constant(c.INSTANCE_INFO, 1, role=self._campaign.role, build="9359")
        self._each(c.UP, lambda hour: int(not during(hour, unreachable)))
        self._each(c.DATABASE_BUDGET, lambda hour: 0 if during(hour, unreachable) else round(0.3 + 0.1 * math.sin(hour) + 0.05 * self._random.random(), 3))
        for number, collector in enumerate(c.COLLECTORS):
            bad = [*story.failing.get(collector, ()), *(unreachable if collector in _DATABASE else ())]
            self._rounds(collector, number, bad)
            for reason in c.COLLECTOR_ERRORS.values["reason"]:
                counts = reason == ("connect" if during(0, ()) or collector in _DATABASE else "http")
                self._counter(c.COLLECTOR_ERRORS, lambda hour, b=bad, counts=counts: 4.0 if counts and during(hour, b) else 0.0, collector=collector, reason=reason)
        for family in ("campaign_delivery_pending_since_timestamp_seconds",):
            self._constant(c.SERIES_DROPPED, 0, family=family)

    def _rounds(self, collector: str, number: int, bad: Sequence[tuple[float, float]]) -> None:
        first, labels = self._page.times[0], {"collector": collector}
        interval = (15, 15, 15, 60, 60, 30, 60, 15)[number]
        last_good = lambda hour: min([hour, *(start for start, end in bad if start <= hour < end)])  # noqa: E731 - once
        self._constant(c.COLLECTOR_AVAILABLE, 1, **labels)
        self._each(c.COLLECTOR_SUCCESS, lambda hour: int(not during(hour, bad)), **labels)
        self._each(c.COLLECTOR_DURATION, lambda _: round(0.004 * (1 + number) * (1 + 0.3 * self._random.random()), 5), **labels)
        self._constant(c.COLLECTOR_INTERVAL, interval, **labels)
        self._each(c.COLLECTOR_LAST_ROUND, lambda hour: int(first + hour * 3600) - interval // 2, **labels)
        self._each(c.COLLECTOR_LAST_SUCCESS, lambda hour: int(first + last_good(hour) * 3600) - interval // 2, **labels)
        self._each(c.COLLECTOR_SERIES, lambda hour: 0 if collector in _DATABASE and during(hour, bad) else 20 + 90 * (number < 2), **labels)
        self._counter(c.DATABASE_SECONDS, lambda _: 0.02 * (8 - number) if collector in _DATABASE else 0.0, digits=3, **labels)
