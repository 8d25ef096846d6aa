"""The exporter at work: everything wired together, started, reloaded and stopped."""

import logging
import platform
import threading
from pathlib import Path

from campaign_exporter import __version__, catalogue
from campaign_exporter.budget import importance
from campaign_exporter.config import Config, Instance, load_config
from campaign_exporter.document import ConfigurationError
from campaign_exporter.metric import Samples
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import Clock
from campaign_exporter.scheduler import Scheduler
from campaign_exporter.snapshot import Exposition, Owner, Snapshot
from campaign_exporter.state import State

_LOG = logging.getLogger(__name__)
_SELF = Owner("", "")


class Exporter:
    """Watches the instances of a configuration file."""

    def __init__(self, file: Path, config: Config, *, clock: Clock, state: State) -> None:
        self._file = file
        self._config = config
        self._clock = clock
        self._state = state
        self._exposition = Exposition()
        self._scheduler = Scheduler(clock)
        self._watches: dict[str, Watch] = {}
        self._reloading = threading.Lock()
        self._reload_good = True
        self._reloaded_at = clock.time()

    @property
    def snapshot(self) -> Snapshot:
        """The exposition as it is now."""
        return self._exposition.snapshot

    @property
    def healthy(self) -> bool:
        """Whether rounds are being run."""
        return self._scheduler.healthy

    @property
    def ready(self) -> bool:
        """Whether each collector has ended a round."""
        return self._scheduler.ready

    def start(self) -> None:
        """Begin to watch."""
        self._about_self()
        self._adopt(self._config)
        self._scheduler.start(self._about_self)

    def reload(self) -> str | None:
        """Read the configuration file anew; if it is bad, go on with the one in force, and tell what is wrong."""
        with self._reloading:
            try:
                config = load_config(self._file)
            except ConfigurationError as error:
                self._reload_good = False
                for problem in error.problems:
                    _LOG.error("configuration not reloaded: %s", problem)
                self._about_self()
                return str(error)
            if config.state_directory != self._config.state_directory:
                _LOG.warning("state_directory changed: this takes a restart")
            self._adopt(config)
            self._reload_good, self._reloaded_at = True, self._clock.time()
            self._about_self()
            _LOG.info("configuration reloaded file=%s instances=%d", self._file, len(config.instances))
            return None

    def stop(self) -> None:
        """End; what is counted has been kept already."""
        self._scheduler.stop()
        for watch in self._watches.values():
            watch.close()
        self._state.close()

    def _adopt(self, config: Config) -> None:
        """Watch what a configuration names; what it does not change goes on undisturbed.

        Old connections are closed before new ones open, so that there are never more than allowed.
        """
        same = config.collectors == self._config.collectors and config.budget == self._config.budget
        stay = {name: watch for name, watch in self._watches.items() if same and watch.instance in config.instances}
        for name, watch in self._watches.items():
            if name not in stay:
                watch.close()
        others = [instance for instance in config.instances if instance.name not in stay]
        self._state.keep_only(tuple(f"{instance.name}/" for instance in config.instances))
        new = {instance.name: self._watch(config, instance) for instance in others}
        self._config, self._watches = config, stay | new
        for watch in new.values():
            watch.announce()
        jobs = [(f"{name}/{job.name}", job) for name, watch in self._watches.items() for job in watch.jobs.values()]
        # What matters most, of all instances, is read first.
        self._scheduler.plan(dict(sorted(jobs, key=lambda each: importance(each[1].name))))

    def _watch(self, config: Config, instance: Instance) -> Watch:
        return Watch(config, instance, clock=self._clock, state=self._state, exposition=self._exposition)

    def _about_self(self) -> None:
        samples = Samples()
        samples.add(catalogue.BUILD_INFO, 1, version=__version__, python=platform.python_version())
        samples.add(catalogue.CONFIG_RELOAD_SUCCESS, self._reload_good)
        samples.add(catalogue.CONFIG_RELOAD_TIMESTAMP, self._reloaded_at)
        if self._state.written is not None:
            samples.add(catalogue.STATE_WRITE_SUCCESS, self._state.written)
        self._exposition.publish({_SELF: samples})
