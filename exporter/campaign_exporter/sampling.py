"""One round of everything, for people who want to see the metrics now."""

from concurrent.futures import ThreadPoolExecutor

from campaign_exporter.config import Config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import Clock
from campaign_exporter.snapshot import Exposition


def sample_once(config: Config, clock: Clock) -> tuple[bytes, list[str]]:
    """Run each collector of each instance once; give the exposition and what failed. No state is read or written."""
    exposition = Exposition()
    watches = [Watch(config, instance, clock=clock, state=None, exposition=exposition) for instance in config.instances]
    with ThreadPoolExecutor(max_workers=len(watches)) as pool:
        list(pool.map(_run, watches))
    failures = [
        f"{watch.instance.name}: {name}{f' ({part})' if part else ''}: {text}"
        for watch in watches
        for name, job in watch.jobs.items()
        for part, text in job.failures.items()
    ]
    body = exposition.snapshot.plain
    for watch in watches:
        watch.close()
    return body, failures


def _run(watch: Watch) -> None:
    watch.announce()
    for job in watch.jobs.values():
        job.run()
