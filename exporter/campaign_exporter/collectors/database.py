"""Who waits for a lock on Campaign's sending tables, and whether the clocks agree."""

from campaign_exporter import catalogue
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Clock, Round
from campaign_exporter.sources.campaign import CampaignDatabase, Questions


class DatabaseCollector:
    """Looks at the database server of an instance. Clock and waits fail apart: only waits need pg_read_all_stats."""

    name = "database"

    def __init__(self, database: CampaignDatabase, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def collect(self, current: Round) -> None:
        """Ask for the clock, the replay lag, and the waits."""
        with self._database.round(self.name, current, life=current.life) as ask:
            with current.part("clock") as samples:
                self._add_clock(samples, ask)
            with current.part("locks") as samples:
                for blocked in ask.blocked_sessions():
                    samples.add(catalogue.DATABASE_BLOCKED, blocked.sessions, table=blocked.table)
                    samples.add(catalogue.DATABASE_LONGEST_WAIT, blocked.longest_wait, table=blocked.table)

    def _add_clock(self, samples: Samples, ask: Questions) -> None:
        before = self._clock.time()
        theirs = ask.now()
        samples.add(catalogue.DATABASE_CLOCK_OFFSET, theirs - (before + self._clock.time()) / 2)
        lag = ask.replay_lag()
        if lag is not None:
            samples.add(catalogue.DATABASE_REPLAY_LAG, lag)
