"""What is under way and to come: counters, deliveries one by one with their expected end, and what is scheduled."""

from collections import Counter
from collections.abc import Iterable, Sequence

from campaign_exporter import catalogue_outlook as catalogue
from campaign_exporter.catalogue import SERIES_DROPPED
from campaign_exporter.collectors.delivery_logs import LineCounts
from campaign_exporter.collectors.forecasts import Ahead, Forecasts, add_table
from campaign_exporter.config import OutlookSettings
from campaign_exporter.diagnosis.facts import Delivery
from campaign_exporter.domain.deliveries import PREPARED, SENDING_STATES, START_PENDING, channel_name, state_name
from campaign_exporter.domain.schedule import Load, loads_of, together, upcoming
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import outlook_statements as statements
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.outlook import Counted, log_ends, log_findings, log_types, outlook_deliveries, waves
from campaign_exporter.sources.statements import NEXT_PASSES
from campaign_exporter.state import Memory

_EMAIL = "email"
#: Deliveries whose logs are read in one round.
_LOGS = 200
_CUT = (catalogue.DELIVERY_MESSAGES.name, catalogue.UPCOMING_LARGE.name)


class OutlookCollector:
    """Looks ahead for an instance. Without memory, what only grows is left out."""

    name = "outlook"

    def __init__(self, database: CampaignDatabase, settings: OutlookSettings, *, memory: Memory | None) -> None:
        self._database = database
        self._settings = settings
        self._memory = memory
        kept = (memory.read() if memory else None) or {}
        self._forecasts = Forecasts(settings.rate_window)
        self._forecasts.load(kept.get("points", {}))
        self._types = LineCounts.load(kept.get("types"))
        self._findings = LineCounts.load(kept.get("findings"))
        self._dropped = Counter(dict.fromkeys(_CUT, 0) | kept.get("dropped", {}))
        #: How far the logs were read the last time, by delivery: the last words of what is over now are still to be read.
        self._logged: dict[int, tuple[int, int] | None] = dict.fromkeys(kept.get("logged", ()))

    def collect(self, current: Round) -> None:
        """Read the deliveries in one statement; what stands on parts, and the logs, may fail apart."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                counted = outlook_deliveries(ask)
                under_way = [each for each in counted if (each.delivery.state or 0) >= START_PENDING]
                with current.part("ahead") as ahead:
                    self._look_ahead(ahead, counted, under_way, _ahead(ask, counted))
                with current.part("log") as log:
                    self._read_logs(log, ask, counted)
            _add_under_way(samples, under_way)
            if self._memory is not None:
                self._keep(self._memory)
                for family, dropped in self._dropped.items():
                    samples.add(SERIES_DROPPED, dropped, family=family)

    def _look_ahead(self, samples: Samples, counted: Sequence[Counted], under_way: Sequence[Counted], ahead: Ahead) -> None:
        self._forecasts.follow((each.delivery for each in under_way), ahead)
        known = {each.delivery.delivery_id: self._forecasts.of(each.delivery, ahead) for each in under_way}
        self._dropped[_CUT[0]] += add_table(samples, under_way, known, self._settings.table_size)
        self._dropped[_CUT[1]] += _add_upcoming(samples, _loads(counted, ahead), ahead.now, self._settings)

    def _read_logs(self, samples: Samples, ask: Questions, counted: Iterable[Counted]) -> None:
        if self._memory is None:
            return
        ask.require(statements.LOG_ENDS, statements.LOG_TYPES)
        now = _latest(each.delivery for each in counted)
        ends = log_ends(ask, sorted(now))
        changed = {id_ for id_, of_log in ends.items() if of_log != self._logged.get(id_)}
        wanted = sorted(changed | (self._logged.keys() - now))
        self._types.count(log_types(ask, wanted))
        if ask.can_ask(statements.LOG_FINDINGS):
            self._findings.count(log_findings(ask, wanted if self._findings.begun else sorted(now)))
            for finding in statements.FINDINGS:
                samples.add(catalogue.LOG_FINDINGS, self._findings.totals[finding], finding=finding)
        for log_type, lines in self._types.totals.items():
            samples.add(catalogue.LOG_LINES, lines, log_type=log_type)
        self._logged = {id_: ends.get(id_) for id_ in now}

    def _keep(self, memory: Memory) -> None:
        memory.keep(
            {
                "points": self._forecasts.dump(),
                "types": self._types.dump(),
                "findings": self._findings.dump(),
                "dropped": dict(self._dropped),
                "logged": sorted(self._logged),
            }
        )


def _latest(deliveries: Iterable[Delivery]) -> frozenset[int]:
    """Choose whose logs are read: a bounded number, those that were modified last."""
    newest = sorted(deliveries, key=lambda delivery: (-(delivery.modified or 0.0), delivery.delivery_id))
    return frozenset(delivery.delivery_id for delivery in newest[:_LOGS])


def _ahead(ask: Questions, counted: Iterable[Counted]) -> Ahead:
    """Read what is prepared of the deliveries that this instance sends."""
    ask.require(NEXT_PASSES, statements.WAVES)
    ours = [
        delivery
        for delivery, *_ in counted
        if delivery.state in SENDING_STATES and delivery.sent_here and delivery.messages_waiting
    ]
    return Ahead(ask.parts(delivery.delivery_id for delivery in ours), waves(ask, ours), ask.now())


def _loads(counted: Iterable[Counted], ahead: Ahead) -> list[Load]:
    return [
        Load(wave.moment, each.delivery_id, wave.messages, each.state in SENDING_STATES, each.label)
        for each in (one.delivery for one in counted)
        if each.state in (*SENDING_STATES, *PREPARED) and each.sent_here
        for wave in loads_of(each.messages_waiting, each.contact, ahead.waves.get(each.delivery_id, ()), ahead.now)
    ]


def _add_upcoming(samples: Samples, loads: Sequence[Load], now: float, settings: OutlookSettings) -> int:
    """Show what is to come, and the large ones of it one by one; give how many found no place."""
    for (stage, horizon), messages in upcoming(loads, now).items():
        samples.add(catalogue.UPCOMING, messages, stage=stage, horizon=horizon)
    groups = together(loads, large=settings.large_delivery, now=now)
    # Those that come together before those that come alone, then the next ones.
    rows = sorted((len(group) == 1, load, group[0].delivery_id) for group in groups for load in group)
    for _, load, first in rows[: settings.table_size]:
        labels = {"delivery_id": str(load.delivery_id), "label": load.label, "group": str(first)}
        samples.add(catalogue.UPCOMING_LARGE, load.messages, **labels)
        samples.add(catalogue.UPCOMING_LARGE_START, load.moment, **labels)
    return max(len(rows) - settings.table_size, 0)


def _add_under_way(samples: Samples, counted: Iterable[Counted]) -> None:
    """Sum the counters by state and channel."""
    sums: dict[tuple[str, str], list[int]] = {
        (state, _EMAIL): [0] * len(catalogue.KINDS) for state in catalogue.UNDER_WAY_STATES.values()
    }
    for each in counted:
        delivery = each.delivery
        numbers = (delivery.to_deliver or 0, delivery.processed or 0, each.success, each.error, each.rejected, each.quarantined)
        key = state_name(delivery.state), channel_name(delivery.channel)
        sums[key] = [old + new for old, new in zip(sums.get(key, [0] * len(numbers)), numbers, strict=True)]
    for (state, channel), totals in sums.items():
        for kind, number in zip(catalogue.KINDS, totals, strict=True):
            samples.add(catalogue.UNDER_WAY, number, state=state, channel=channel, kind=kind)
