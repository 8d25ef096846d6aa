"""Messages by what became of them, read from the delivery logs as they grow."""

from collections import Counter
from dataclasses import dataclass

from campaign_exporter import message_metrics
from campaign_exporter.collectors.message_counters import MessageCounters, fate_of
from campaign_exporter.config import MessagesSettings
from campaign_exporter.domain.log_window import LogWindow
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.delivery_logs import (
    logs_to_follow,
    read_answers,
    read_crowd,
    read_domains,
    read_pages,
    tells_domains,
)
from campaign_exporter.sources.log_statements import ANSWERS, BroadLog
from campaign_exporter.state import Memory

#: Rounds after which rows are no longer looked for in each round, but once more when the overlap is over.
_RECENT_ROUNDS = 3


@dataclass(slots=True)
class _Followed:
    """A log that is read: how far, when that went well last, and since when without a gap (by the database's clock)."""

    window: LogWindow
    last_success: float | None = None
    watched_since: float = 0.0


class MessagesCollector:
    """Counts what becomes of messages. Without memory it only looks whether that could be read."""

    name = "messages"

    def __init__(
        self,
        database: CampaignDatabase,
        settings: MessagesSettings,
        *,
        clock: Clock,
        memory: Memory | None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._memory = memory
        self._logs: dict[str, _Followed] = {}
        kept = (memory.read() if memory else None) or {"windows": {}, "counters": None}
        for table, section in kept["windows"].items():
            self._followed(table).window.load(section, clock.monotonic())
        self._counters = MessageCounters(settings.domains)
        if kept["counters"] is not None:
            self._counters.load(kept["counters"])

    def collect(self, current: Round) -> None:
        """Count what is new in each log; one that cannot be read fails alone."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                now = ask.now()
                with current.part("answers"):
                    ask.require(ANSWERS)
                logs = logs_to_follow(ask)
                for log in logs:
                    with current.part(log.table) as lags:
                        self._follow(ask, log, now, current.life, lags)
                    if log.table in current.failures and ask.can_ask(log.rows, log.crowd, ANSWERS):
                        break  # it failed while it was asked, and broke the transaction: what is left of it would only say so
                by_domain = tells_domains(ask, logs)
            if self._memory is not None:
                windows = {table: followed.window.dump() for table, followed in self._logs.items()}
                self._memory.keep({"windows": windows, "counters": self._counters.dump()})
                self._counters.add_to(samples, by_domain=by_domain)

    def _follow(self, ask: Questions, log: BroadLog, now: float, life: float, samples: Samples) -> None:
        """Read what a log has to tell, and count it once all of it has been read."""
        followed = self._followed(log.table)
        window, monotonic = followed.window, self._clock.monotonic()
        if followed.last_success is None or monotonic - followed.last_success > life:
            followed.watched_since = now
        ask.require(log.rows, log.crowd)
        plan = window.plan(now, monotonic)
        pages = read_pages(ask, log, plan, self._settings.max_rows)
        crowd = pages.fresh.crowd
        together = read_crowd(ask, log, crowd) if crowd is not None else []
        news = window.news(pages)
        answers = read_answers(ask, {row.note for row in news} | {group.answer_id for group in together})
        domains = read_domains(ask, log, [row.row_id for row in news])
        # Only now: whatever fails before is read again, and counted then.
        window.take(plan, pages, monotonic)
        followed.last_success = monotonic
        fates = Counter(
            fate_of(row.state, row.note, answers, domain=domains.get(row.row_id), late=row.moment < followed.watched_since)
            for row in news
        )
        for group in together:
            late = crowd is not None and crowd < followed.watched_since
            fates[fate_of(group.status, group.answer_id, answers, domain=None, late=late)] += group.rows
        self._counters.count(fates)
        samples.add(message_metrics.MESSAGE_LOG_LAG, window.lag(now), log=log.table)

    def _followed(self, table: str) -> _Followed:
        if table not in self._logs:
            recent = _RECENT_ROUNDS * self._settings.interval
            self._logs[table] = _Followed(LogWindow(self._settings.overlap, min(recent, self._settings.overlap)))
        return self._logs[table]
