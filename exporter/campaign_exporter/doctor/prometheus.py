"""Prometheus's side: does it scrape this exporter often enough, are the rules loaded, is an Alertmanager connected."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from campaign_exporter.catalogue import BUILD_INFO, COLLECTORS, INSTANCE_INFO
from campaign_exporter.config import Config, parse_duration
from campaign_exporter.doctor.check import Check, cannot_tell, finding, listed, ok
from campaign_exporter.errors import AuthenticationFailed, SourceError, TlsFailed
from campaign_exporter.metric import INSTANCE_LABEL
from campaign_exporter.rounds import Clock
from campaign_exporter.sources.prometheus import Alertmanagers, PrometheusServer, Rule, Target
from campaign_exporter.why.words import counted, duration

SUBJECT = "prometheus"
_EXPOSING = f"max_over_time({BUILD_INFO.name}[1h])"
_INSTANCES = f"max_over_time({INSTANCE_INFO.name}[5m])"
#: Prometheus knows this of itself, where it scrapes itself.
_UNDELIVERED = "sum by (alertmanager) (increase(prometheus_notifications_errors_total[15m])) > 0"
_ALERTS = "Campaign"
_RECORDED = "campaign"
#: By the port that is ours unless told otherwise, or by name: what may be meant for us, and never answered.
_MEANT_FOR_US = re.compile(r"campaign|:11951/", re.IGNORECASE)
_MOST = 5


class Key(NamedTuple):
    """What a target and its series have in common."""

    job: str
    instance: str

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Key":
        """Take it from labels."""
        return cls(labels.get("job", ""), labels.get("instance", ""))


class Seen(NamedTuple):
    """What Prometheus has of us: the targets that exposed our build, and which instances each of them watches."""

    exposing: frozenset[Key]
    watching: Mapping[Key, frozenset[str]]

    @property
    def instances(self) -> frozenset[str]:
        """All instances that are watched."""
        return frozenset().union(*self.watching.values())


def examine(server: PrometheusServer, config: Config, clock: Clock) -> Iterator[Check]:
    """Ask for series, targets, rules and Alertmanagers; each may fail alone."""
    try:
        seen = _seen(server)
    except SourceError as error:
        yield not_asked(error)
        return
    yield ok("server", SUBJECT, f"{server.url} answers")
    yield from _alone("scrape", lambda: scrapes(server.targets(), seen, config, clock.time()))
    if seen.exposing:
        yield from instances(seen, config)
    yield from _alone("rules", lambda: rules(server.rules()))
    yield from _alone("alertmanager", lambda: alertmanagers(server.alertmanagers()))
    yield from _alone("notifications", lambda: undelivered(server.query(_UNDELIVERED)))


def _seen(server: PrometheusServer) -> Seen:
    watching: dict[Key, set[str]] = {}
    exposing = frozenset(Key.of(labels) for labels, _ in server.query(_EXPOSING))
    for labels, _ in server.query(_INSTANCES):
        watching.setdefault(Key.of(labels), set()).add(labels.get(INSTANCE_LABEL, ""))
    return Seen(exposing, {key: frozenset(names) for key, names in watching.items()})


def _alone(name: str, judge: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """Judge one piece; servers that only speak Prometheus's query language lack the others."""
    try:
        yield from judge()
    except SourceError as error:
        yield cannot_tell(name, SUBJECT, str(error))


def not_asked(error: SourceError) -> Check:
    """Judge a server that does not answer as a Prometheus does."""
    mend = "give the address of a Prometheus as --prometheus, with the path prefix of its --web.external-url if it has one"
    if isinstance(error, AuthenticationFailed):
        mend = "give --prometheus.username and --prometheus.password-file"
    elif isinstance(error, TlsFailed):
        mend = "if its authority is your own, give --prometheus.ca-file"
    return finding("server", SUBJECT, str(error), why="whether anybody is paged cannot be seen", mend=mend)


def scrapes(targets: Sequence[Target], seen: Seen, config: Config, now: float) -> Iterator[Check]:
    """Judge the targets that expose our build; where none does, those that may be meant to."""
    ours = [target for target in targets if Key.of(target.labels) in seen.exposing]
    for target in ours:
        yield scraped(target, now)
        if seen.watching.get(Key.of(target.labels), frozenset()) & {instance.name for instance in config.instances}:
            yield from often_enough(target, config)
    if ours:
        return
    if seen.exposing:
        yield cannot_tell("scrape", SUBJECT, f"{BUILD_INFO.name} is there, but no target of this server exposes it now")
        return
    meant = [target for target in targets if _MEANT_FOR_US.search(f"{target.pool} {target.url}")]
    for target in meant:
        yield scraped(target, now)
    if not meant:
        yield finding(
            "scrape",
            SUBJECT,
            f"no target exposes {BUILD_INFO.name}: this exporter is not scraped",
            why="no metric of Campaign is stored, no alert can fire",
            mend="add to scrape_configs: {job_name: campaign, static_configs: [{targets: ['HOST:11951']}]}, and reload",
        )


def scraped(target: Target, now: float) -> Check:
    """Judge one target."""
    place = f"{target.url} (job {target.pool})"
    if target.health == "up":
        return ok("scrape", SUBJECT, f"{place}: up, scraped {_ago(target.last_scrape, now)}, each {target.interval}")
    if target.health == "unknown":
        return cannot_tell("scrape", SUBJECT, f"{place}: not scraped yet")
    return finding(
        "scrape",
        SUBJECT,
        f"{place}: {target.health}: {target.last_error}",
        why="its metrics are gone from Prometheus: no alert on Campaign can fire",
        mend="open the address from the machine that Prometheus runs on; see that `campaign-exporter serve` runs there",
    )


def often_enough(target: Target, config: Config) -> Iterator[Check]:
    """Compare a scrape interval with those of the collectors."""
    try:
        interval = float(str(parse_duration(target.interval)))
    except ValueError:
        return
    intervals = {name: config.collectors.of(name).interval for name in COLLECTORS if config.collectors.of(name).enabled}
    shorter = [name for name, each in intervals.items() if each < interval]
    if not shorter:
        yield ok("scrape interval", SUBJECT, f"{target.interval}: no longer than that of any collector")
        return
    shortest = min(intervals[name] for name in shorter)
    yield finding(
        "scrape interval",
        SUBJECT,
        f"{target.interval}, and collectors run more often: {listed([f'{name} {intervals[name]:g}s' for name in shorter], 8)}",
        why="rounds that nobody scrapes cost the database for nothing, and alerts come later than they could",
        mend=f"set scrape_interval: {shortest:g}s in job {target.pool}, or intervals of {interval:g}s under collectors",
    )


def instances(seen: Seen, config: Config) -> Iterator[Check]:
    """Tell whether each instance of this configuration is watched by what is scraped."""
    missing = [instance.name for instance in config.instances if instance.name not in seen.instances]
    if not missing:
        yield ok("instances", SUBJECT, f"{listed(sorted(seen.instances))}: all of this configuration are watched")
        return
    yield finding(
        "instances",
        SUBJECT,
        f"{listed(missing)}: no exporter that is scraped watches it now",
        why="nothing of it is stored, and no alert on it can fire",
        mend="start `campaign-exporter serve` with this configuration, or let it read it anew (SIGHUP), and make it a target",
    )


def rules(every: Sequence[Rule]) -> Iterator[Check]:
    """Judge the rules that are ours by their names."""
    alerts = [rule for rule in every if rule.alerting and rule.name.startswith(_ALERTS)]
    ours = alerts + [rule for rule in every if not rule.alerting and rule.name.startswith(_RECORDED)]
    if not alerts:
        yield finding(
            "rules",
            SUBJECT,
            f"no alert is loaded whose name begins with {_ALERTS}",
            why="nobody is told of a delivery that hangs",
            mend="add the files of alerts/rules to rule_files, and reload; `promtool check config` tells if they are found",
        )
        return
    bad = [rule for rule in ours if rule.health == "err"]
    for rule in bad[:_MOST]:
        yield finding(
            "rules",
            SUBJECT,
            f"{rule.name} (group {rule.group}) cannot be evaluated: {rule.last_error}",
            why="this alert never fires" if rule.alerting else "alerts and dashboards that stand on it are empty",
            mend="load the rules that belong to this version; look for two targets that expose the same instance",
        )
    if len(bad) > _MOST:
        yield cannot_tell("rules", SUBJECT, f"{len(bad) - _MOST} more cannot be evaluated")
    groups = {rule.group for rule in alerts}
    waiting = sum(rule.health == "unknown" for rule in ours)
    more = f", {waiting} not evaluated yet" if waiting else ""
    if not bad:
        yield ok(
            "rules", SUBJECT, f"{counted(len(alerts), 'alert rule')} in {counted(len(groups), 'group')}, all healthy{more}"
        )


def alertmanagers(found: Alertmanagers) -> Iterator[Check]:
    """Judge the Alertmanagers; that one is active says that it is configured, not that it answers."""
    dropped = f"; left out by relabelling: {listed(found.dropped)}" if found.dropped else ""
    if found.active:
        yield ok("alertmanager", SUBJECT, f"{listed(found.active)}{dropped}")
        return
    yield finding(
        "alertmanager",
        SUBJECT,
        f"none is connected{dropped}",
        why="alerts fire, and nobody is told",
        mend="add to alerting in prometheus.yml: {alertmanagers: [{static_configs: [{targets: ['HOST:9093']}]}]}, and reload",
    )


def undelivered(errors: Sequence[tuple[Mapping[str, str], float]]) -> Iterator[Check]:
    """Judge the notifications that did not arrive within the last quarter of an hour; told only where there are some."""
    for labels, _ in errors:
        yield finding(
            "notifications",
            SUBJECT,
            f"some did not reach {labels.get('alertmanager', 'an Alertmanager')} within the last 15 minutes",
            why="alerts fire, and nobody is told",
            mend="see that Alertmanager runs, and that Prometheus's machine reaches it",
        )


def _ago(moment: str, now: float) -> str:
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return "at a time that cannot be read"
    return f"{duration(max(now - then.astimezone(UTC).timestamp(), 0.0))} ago"
