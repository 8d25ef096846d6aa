"""What the configuration of a host declares: how old its files are, and the faults that Adobe warns of."""

from collections.abc import Iterator, Mapping

from campaign_exporter.catalogue import AFFINITY_INFO, SERVER_CONFIGURATION_FAULT
from campaign_exporter.config import Host
from campaign_exporter.doctor.agents import lost
from campaign_exporter.doctor.check import Check, finding, listed, ok
from campaign_exporter.doctor.host_failures import at_its_agent, may_send, subject_of, unread
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.domain.host_facts import Declared
from campaign_exporter.why.words import counted, duration

_NAME = "configuration"
_ONE = "Adobe asks for one address, one heloHost, one publicId"
_AFFINITIES_LOST = f"no {AFFINITY_INFO.name}; no delivery is said to wait for affinity_unconfigured or affinity_host_down"
#: What Adobe says of IPAffinity and statServerAddress (docs: email-deliverability.md, configure-delivery-settings.md).
_FAULTS: Mapping[str, tuple[str, str, str]] = {
    "address_two_helo_hosts": (
        "one address has two heloHosts",
        _ONE,
        "give the address the same heloHost wherever it stands",
    ),
    "public_id_duplicate": (
        "one publicId stands for two addresses",
        f"{_ONE}: it is the address's key at the stat server",
        "give each address a publicId of its own",
    ),
    "no_address": (
        "an IP affinity has no address",
        "what is to be sent under it has no address to be sent from",
        "add an IP element with an address, or remove the affinity",
    ),
    "stat_server_missing": (
        "mta is to start, and statServerAddress is empty",
        "without it the mta does not start",
        "set statServerAddress of mta to host and port of the stat server",
    ),
}


def checks(reading: Reading, host: Host) -> Iterator[Check]:
    """Judge what is known of the configuration of a host."""
    if lost(reading, host):
        return
    expected = reading.known[host.name].expected
    seen = reading.declared.get(host.name)
    if seen is None or (seen.up is None and seen.error is None):
        yield not_configured(host, expected)
    elif seen.value is None or seen.error is not None:
        more = "" if expected is not None else "; which processes are to run is unknown"
        if seen.error is not None:
            yield unread(_NAME, host, seen.error, f"{_AFFINITIES_LOST}{more}")
    else:
        yield declared(host, seen.value, expected, _files(reading, host))
        yield from faults(host, seen.value)


def not_configured(host: Host, expected: frozenset[str] | None) -> Check:
    """Judge a host whose configuration nobody reads."""
    if expected is not None and not may_send(expected):
        what = f"{listed(sorted(expected))} expected" if expected else "nothing is expected to run"
        return ok(_NAME, subject_of(host), f"no files given, and none needed: {what}")
    unknown = "" if expected is not None else "; which processes are to run is unknown"
    files = "give configuration: [serverConf.xml, config-<instance>.xml]"
    return finding(
        _NAME,
        subject_of(host),
        "no files given",
        why=f"{_AFFINITIES_LOST}{unknown}",
        mend=at_its_agent(host, f"{files}; for a host that sends nothing, expected_processes do"),
    )


def declared(host: Host, seen: Declared, expected: frozenset[str] | None, files: str) -> Check:
    """Tell what the files say."""
    names = sorted(seen.affinities)
    affinities = f"{counted(len(names), 'affinity', 'affinities')} ({listed(names, 4)})" if names else "no affinities"
    if not expected and host.expected_processes is None:
        return finding(
            _NAME,
            subject_of(host),
            f'{files}: no module with autoStart="true"; {affinities}',
            why="no process is expected here: none is ever said to be down",
            mend=at_its_agent(host, "add config-<instance>.xml behind serverConf.xml, or name expected_processes"),
        )
    to_run = listed(sorted(expected or ())) or "nothing"
    return ok(_NAME, subject_of(host), f"{files}; to run: {to_run}; {affinities}")


def faults(host: Host, seen: Declared) -> Iterator[Check]:
    """Tell the faults in what the files declare."""
    for kind in sorted(kind for kind, there in seen.faults.items() if there):
        what, why, mend = _FAULTS[kind]
        metric = f'{SERVER_CONFIGURATION_FAULT.name}{{kind="{kind}"}} is 1'
        told = f"{mend} in the files of this host"
        yield finding(_NAME, subject_of(host), what, why=f"{why} ({metric})", mend=told)


def _files(reading: Reading, host: Host) -> str:
    ages = [reading.ages[file] for file in host.configuration if file in reading.ages]
    if not ages:
        return "told by its agent" if host.agent is not None else counted(len(host.configuration), "file")
    several = ", the newest" if len(ages) > 1 else ""
    return f"{counted(len(ages), 'file')}{several} {duration(min(ages))} old"
