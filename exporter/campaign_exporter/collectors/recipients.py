"""Recipients, counted one by one: a few each round in the order of their ids, so that a lap over all of them takes days."""

from campaign_exporter import catalogue_hygiene as catalogue
from campaign_exporter.config import RecipientsSettings
from campaign_exporter.domain.recipient_laps import ACTIVITIES, DENYLISTS, Lap
from campaign_exporter.errors import ConnectFailed, Resting, TimedOut
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.recipient_statements import RECIPIENT_ACTIVITY, RECIPIENT_STEP
from campaign_exporter.sources.recipients import read_step
from campaign_exporter.state import Memory

#: A step that took too long is halved, and grows by this share of the configured one with each that did not.
_GROWTH = 0.1


class RecipientsCollector:
    """Goes round and round. Without memory the lap begins anew with each start."""

    name = "recipients"

    def __init__(self, database: CampaignDatabase, settings: RecipientsSettings, *, memory: Memory | None) -> None:
        self._database = database
        self._settings = settings
        self._memory = memory
        self._rows = settings.rows
        kept = (memory.read() if memory else None) or {"lap": None, "last": None}
        self._lap = Lap.load(kept["lap"])
        self._last = Lap.load(kept["last"])
        if self._lap is not None and self._lap.inactive_after != settings.inactive_after:
            self._lap = None

    def collect(self, current: Round) -> None:
        """Do one step; one that takes too long takes nothing away from what the last lap has found."""
        with current.part() as samples:
            with self._database.round(self.name, current, life=current.life) as ask:
                try:
                    self._step(ask, current)
                except Resting as error:
                    current.failures["step"] = error
            if self._memory is not None:
                dumps = {"lap": self._lap, "last": self._last}
                self._memory.keep({name: lap and lap.dump() for name, lap in dumps.items()})
            self._add_to(samples)

    def _step(self, ask: Questions, current: Round) -> None:
        ask.require(RECIPIENT_STEP)
        with current.part("activity"):
            ask.require(RECIPIENT_ACTIVITY)
        lap = self._lap or Lap(ask.now(), self._settings.inactive_after)
        try:
            step = read_step(ask, lap, self._rows, tracked="activity" not in current.failures)
        except (TimedOut, ConnectFailed):
            self._rows = max(self._rows // 2, 1)
            raise
        lap = lap.advanced(step)
        if step.rows < self._rows:
            self._last, self._lap = lap.over(ask.now()), None
        else:
            self._lap = lap
        self._rows = min(self._rows + max(int(_GROWTH * self._settings.rows), 1), self._settings.rows)

    def _add_to(self, samples: Samples) -> None:
        samples.add(catalogue.RECIPIENTS_LAP_ROWS, self._lap.rows if self._lap else 0)
        last = self._last
        if last is None or last.ended is None:
            return
        samples.add(catalogue.RECIPIENTS_LAP_END, last.ended)
        samples.add(catalogue.RECIPIENTS_LAP_DURATION, last.ended - last.began)
        samples.add(catalogue.RECIPIENTS_COUNTED, last.rows)
        for channel, count in zip(DENYLISTS, last.denylisted, strict=True):
            samples.add(catalogue.RECIPIENTS_COUNTED_DENYLISTED, count, channel=channel)
        if last.activity is not None:
            samples.add(catalogue.RECIPIENTS_INACTIVE_AFTER, last.inactive_after)
            for activity, count in zip(ACTIVITIES, last.activity, strict=True):
                samples.add(catalogue.RECIPIENTS_COUNTED_BY_ACTIVITY, count, activity=activity)
