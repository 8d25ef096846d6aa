"""What slows the sending or ends it one day: long transactions, ids that run out, transactional events that wait."""

from campaign_exporter import catalogue_hygiene as catalogue
from campaign_exporter.config import MaintenanceSettings
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import upkeep
from campaign_exporter.sources.campaign import CampaignDatabase, Questions


class MaintenanceCollector:
    """Reads PostgreSQL's own views, and a bounded sample of NmsRtEvent where there is one."""

    name = "maintenance"

    def __init__(self, database: CampaignDatabase, settings: MaintenanceSettings) -> None:
        self._database = database
        self._settings = settings

    def collect(self, current: Round) -> None:
        """Ask for transactions, sequences and events; each fails alone."""
        with self._database.round(self.name, current, life=current.life) as ask:
            with current.part("transactions") as samples:
                _add_transactions(samples, ask)
            with current.part("sequences") as samples:
                for sequence, value in upkeep.sequences(ask).items():
                    samples.add(catalogue.SEQUENCE_LAST_VALUE, value, sequence=sequence)
            # Instances without Message Center have no events.
            if ask.has_table("nmsrtevent"):
                with current.part("events") as samples:
                    _add_events(samples, upkeep.events(ask, self._settings.events_stuck_after))


def _add_transactions(samples: Samples, ask: Questions) -> None:
    found = {each.state: each for each in upkeep.transactions(ask)}
    for state in catalogue.TRANSACTIONS.values["state"]:
        samples.add(catalogue.TRANSACTIONS, found[state].number if state in found else 0, state=state)
        oldest = found[state].oldest if state in found else None
        if oldest is not None:
            samples.add(catalogue.OLDEST_TRANSACTION, oldest, state=state)


def _add_events(samples: Samples, events: list[upkeep.Events]) -> None:
    for each in events:
        status = "null" if each.status is None else str(each.status)
        samples.add(catalogue.RT_EVENTS_SAMPLED, each.sampled, status=status)
        samples.add(catalogue.RT_EVENTS_UNPROCESSED, each.waiting, status=status)
    oldest = [each.oldest for each in events if each.oldest is not None]
    if oldest:
        samples.add(catalogue.RT_EVENTS_OLDEST, min(oldest))
