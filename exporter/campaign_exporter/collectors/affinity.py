"""IP affinities: what the hosts declare, what the deliveries use, and where the two do not fit."""

from collections import Counter
from collections.abc import Iterable, Mapping

from campaign_exporter import catalogue, catalogue_surroundings
from campaign_exporter.collectors.findings import tell
from campaign_exporter.diagnosis.conditions import affinity_host_down, affinity_unconfigured
from campaign_exporter.diagnosis.facts import Delivery, Host, Platform
from campaign_exporter.domain.host_facts import Declared
from campaign_exporter.metric import Samples
from campaign_exporter.rounds import Round
from campaign_exporter.sources import statements
from campaign_exporter.sources.campaign import CampaignDatabase, Questions
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.sources.situation import read_platform


class AffinityCollector:
    """Reads the server configuration of each host, and compares it with the database where there is one."""

    name = "affinity"

    def __init__(self, hosts: Hosts, database: CampaignDatabase | None, *, single_host: frozenset[str]) -> None:
        self._hosts = hosts
        self._database = database
        self._single_host = single_host

    def collect(self, current: Round) -> None:
        """Read all hosts side by side, each failing alone, then the database."""
        tell(current, "configuration", self._hosts.declarations(current.remaining() / 2), _add_host)
        known = self._hosts.known()
        _add_consistency(current.samples, known, self._single_host)
        if self._database is not None:
            with current.part("deliveries") as samples:
                with self._database.round(self.name, current, life=current.life) as ask:
                    deliveries = ask.sending_deliveries()
                    platform = read_platform(ask, self._hosts)
                    typologies = ask.typology_affinities()
                    enumerated = self._enumerated(current, ask)
                _add_mismatches(samples, deliveries, platform)
                _add_latent(samples, deliveries, platform, Counter([*typologies.values(), *enumerated]))

    def _enumerated(self, current: Round, ask: Questions) -> list[str]:
        """List what users choose from; where that is shut the round fails, and goes on without."""
        obstacle = ask.obstacle(statements.ENUMERATED_AFFINITIES)
        if obstacle is not None:
            current.failures["enumeration"] = obstacle
            return []
        return ask.enumerated_affinities()


def _add_host(samples: Samples, host: str, declared: Declared) -> None:
    samples.add(catalogue.AFFINITIES, len(declared.affinities), host=host)
    for affinity in sorted(declared.affinities):
        samples.add(catalogue.AFFINITY_INFO, 1, host=host, affinity=affinity)
    for affinity, count in sorted(declared.addresses.items()):
        samples.add(catalogue_surroundings.AFFINITY_ADDRESSES, count, host=host, affinity=affinity)
    for affinity, ids in sorted(declared.public_ids.items()):
        for public_id in sorted(ids):
            samples.add(catalogue_surroundings.AFFINITY_PUBLIC_ID, 1, host=host, affinity=affinity, public_id=str(public_id))
    if declared.preparation_seconds is not None:
        samples.add(catalogue.PREPARATION_LIMIT, declared.preparation_seconds, host=host)
    for kind, has_it in declared.faults.items():
        samples.add(catalogue.SERVER_CONFIGURATION_FAULT, has_it, host=host, kind=kind)


def _add_consistency(samples: Samples, hosts: Mapping[str, Host], single_host: frozenset[str]) -> None:
    """Compare the hosts that are to run an MTA; with one of them unknown, only a difference that is seen is told."""
    mtas = [host for host in hosts.values() if host.may_run("mta")]
    declared = [host.affinities for host in mtas if host.affinities is not None]
    all_known = len(declared) == len(mtas) and all(host.expected is not None for host in mtas)
    certain = [host.affinities for host in mtas if host.affinities is not None and host.expected is not None]
    for affinity in sorted(frozenset().union(*declared) - single_host):
        differs = any(affinity in names for names in certain) and any(affinity not in names for names in certain)
        if differs or all_known:
            samples.add(catalogue.AFFINITY_INCONSISTENT, differs, affinity=affinity)


def _add_mismatches(samples: Samples, deliveries: Iterable[Delivery], platform: Platform) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for delivery in deliveries:
        if delivery.affinity is None:
            continue
        if affinity_unconfigured(delivery, platform):
            counts[delivery.affinity, "unconfigured"] += 1
        elif affinity_host_down(delivery, platform):
            counts[delivery.affinity, "host_down"] += 1
    for (affinity, kind), count in sorted(counts.items()):
        samples.add(catalogue.AFFINITY_MISMATCH, count, affinity=affinity, kind=kind)


def _add_latent(samples: Samples, deliveries: Iterable[Delivery], platform: Platform, definitions: Mapping[str, int]) -> None:
    """Tell of affinities that typologies and enumeration values name, and no host declares."""
    if not platform.configurations_known("mta"):
        return
    used = {delivery.affinity for delivery in deliveries}
    for affinity, count in sorted(definitions.items()):
        if affinity not in used and not platform.declaring(affinity):
            samples.add(catalogue.AFFINITY_LATENT, count, affinity=affinity)
