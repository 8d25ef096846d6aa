"""A central exporter and real agents: what they see shows as if it were seen from here, and who is lost is unknown."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaign_simulator.instance import Simulator
from campaign_simulator.postgres import PostgresServer
from integration.core.exporter_process import LISTING, Exporter, exporter, wait_until
from integration.core.test_sampling import sample
from integration.hosts.sites import Behaviour, answer, raw, self_signed, serving

_COLLECTORS = {name: {"interval": "1s"} for name in ("processes", "affinity", "disks", "pending", "deliveries")}
#: Seconds in which something shows: a round of the agent, one of the central exporter, and a busy machine.
_PATIENCE = 20.0
#: Seconds after which what is lost is unknown: three intervals, a look of the watchdog, and a busy machine.
_LIFE = 3.0 + 1.0 + 2.0
Seen = Mapping[tuple[str, frozenset[str]], float]
_OF_HOSTS = (
    "campaign_process",
    "campaign_ip_affinit",
    "campaign_server_configuration",
    "campaign_host_directory",
    "campaign_prep",
)


def write(file: Path, instances: list[dict[str, Any]]) -> Path:
    file.write_text(yaml.safe_dump({"instances": instances, "collectors": _COLLECTORS, "state_directory": "none"}))
    return file


class Site:
    """Agents that run, and the directory with their files."""

    def __init__(self, directory: Path, exits: ExitStack) -> None:
        self.directory = directory
        self._exits = exits

    def agent(self, name: str, hosts: list[dict[str, Any]], *instances: str) -> Exporter:
        """Start an agent for hosts, and wait for its first rounds."""
        file = write(
            self.directory / f"{name}.yml", [{"name": instance, "hosts": hosts} for instance in instances or ("prod",)]
        )
        running = self._exits.enter_context(exporter(file))
        running.wait_ready()
        return running

    def central(self, hosts: Mapping[str, Mapping[str, Any]], **instance: object) -> Exporter:
        """Start an exporter that sees hosts by agents."""
        seen = [{"name": name, "agent": dict(agent)} for name, agent in hosts.items()]
        running = self._exits.enter_context(
            exporter(write(self.directory / "central.yml", [{"name": "prod", "hosts": seen, **instance}]))
        )
        running.wait_ready()
        return running

    def host(self, name: str, listing: str = LISTING) -> dict[str, Any]:
        """Write the files of a host, and describe it."""
        (self.directory / name).mkdir(exist_ok=True)
        (self.directory / name / "pdump.txt").write_text(listing)
        (self.directory / name / "serverConf.xml").write_text(
            "<serverconf><mta autoStart='true' statServerAddress='s'><IPAffinity name='news'><IP address='192.0.2.1'/>"
            "</IPAffinity></mta><stat autoStart='true'/><monitoring maxPreparationJobsSec='7200'/></serverconf>"
        )
        return {
            "name": name,
            "processes": {"command": ["cat", str(self.directory / name / "pdump.txt")]},
            "configuration": [str(self.directory / name / "serverConf.xml")],
            "directories": {"var": str(self.directory)},
        }


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as exits:
        yield Site(tmp_path, exits)


def url(running: Exporter) -> dict[str, str]:
    return {"url": f"http://127.0.0.1:{running.port}"}


def of_host(running: Exporter, host: str) -> dict[tuple[str, frozenset[str]], float]:
    """Give what is told of a host, without what changes by itself and without the name."""
    return {
        (name, labels - {host}): value
        for (name, labels), value in running.metrics().items()
        if host in labels and name.startswith(_OF_HOSTS) and "avail" not in name and "free" not in name
    }


def lose(central: Exporter, agent: Exporter, host: str, never: Callable[[Seen], object]) -> None:
    """Kill an agent, and wait until its host is unknown; meanwhile, and a while after, something must never be seen."""
    agent.process.kill()
    end, known = time.monotonic() + _LIFE, True
    while time.monotonic() < end:
        seen = central.metrics()
        assert not never(seen), never(seen)
        known = ("campaign_process_up", frozenset({host, "mta"})) in seen
        time.sleep(0.05)
    assert not known, "it is known still"


def test_what_an_agent_sees_is_exposed_as_if_it_were_seen_from_here(site: Site) -> None:
    agent = site.agent("agent", [site.host("mta1")])
    central = site.central({"mta1": url(agent)})
    told = of_host(agent, "mta1")
    assert len(told) > 20
    wait_until(lambda: of_host(central, "mta1") == told)
    assert central.value("campaign_preparation_limit_seconds", "mta1") == 7200
    for source in ("processes", "configuration", "directories", "agent"):
        assert central.value("campaign_host_up", "mta1", source) == 1
    for collector in ("processes", "affinity", "disks"):
        assert central.value("campaign_exporter_collector_success", collector) == 1
    assert 'campaign_instance_info{build="XXX",' in central.ask().text


def test_changes_on_a_host_show_through_its_agent(site: Site) -> None:
    agent = site.agent("agent", [site.host("mta1")])
    central = site.central({"mta1": url(agent)})
    site.host("mta1", LISTING.replace("1234", "4321"))
    wait_until(lambda: central.value("campaign_process_restarts_total", "mta1", "mta") == 1, _PATIENCE)
    site.host("mta1", LISTING.replace("mta@prod", "stat@prod"))
    wait_until(lambda: central.value("campaign_process_up", "mta1", "mta") == 0, _PATIENCE)
    assert central.value("campaign_process_up", "mta1", "stat") == 1
    (site.directory / "mta1" / "serverConf.xml").write_text("<serverconf><mta autoStart='true'/></serverconf>")
    wait_until(lambda: central.value("campaign_ip_affinities", "mta1") == 0, _PATIENCE)
    assert central.value("campaign_ip_affinity_info", "mta1", "news") is None
    assert central.value("campaign_server_configuration_fault", "mta1", "stat_server_missing") == 1


def test_what_the_agent_no_longer_sees_is_unknown_here(site: Site) -> None:
    agent = site.agent("agent", [site.host("mta1"), site.host("mta2")])
    central = site.central({"mta1": url(agent), "mta2": url(agent)})
    (site.directory / "mta1" / "pdump.txt").unlink()
    (site.directory / "mta1" / "serverConf.xml").write_text("<")
    wait_until(lambda: central.value("campaign_process_up", "mta1", "mta") is None, _PATIENCE)
    wait_until(lambda: central.value("campaign_ip_affinities", "mta1") is None, _PATIENCE)
    assert central.value("campaign_host_up", "mta1", "agent") == 1
    assert central.value("campaign_host_up", "mta1", "processes") == 0
    assert central.value("campaign_host_up", "mta1", "configuration") == 0
    # The other host of the same agent is as well as before, for as long as one likes.
    time.sleep(_LIFE)
    assert central.value("campaign_process_up", "mta2", "mta") == 1
    assert central.value("campaign_ip_affinity_info", "mta2", "news") == 1
    assert central.value("campaign_host_up", "mta2", "processes") == 1


def test_one_agent_serves_several_instances_and_hosts_under_other_names(site: Site) -> None:
    down = site.host("web", LISTING.replace("mta@prod", "mta@test"))
    agent = site.agent("agent", [site.host("mta1"), down], "prod", "test")
    central = site.central({"eins": {**url(agent), "host": "mta1"}, "zwei": {**url(agent), "host": "web", "instance": "test"}})
    assert central.value("campaign_process_up", "eins", "mta") == 1
    assert central.value("campaign_process_up", "zwei", "mta") == 1
    assert central.value("campaign_process_up", "zwei", "stat") == 0
    assert "mta1" not in central.ask().text


def test_sample_sees_agents(site: Site) -> None:
    agent = site.agent("agent", [site.host("mta1")])
    hosts = [{"name": "mta1", "agent": url(agent)}, {"name": "mta2", "agent": url(agent)}]
    good = sample(write(site.directory / "good.yml", [{"name": "prod", "hosts": hosts[:1]}]))
    assert (good.returncode, good.stderr) == (0, "")
    assert 'campaign_process_up{campaign_instance="prod",host="mta1",process="mta"} 1.0' in good.stdout
    assert "campaign_host_directory_size_bytes" in good.stdout
    bad = sample(write(site.directory / "bad.yml", [{"name": "prod", "hosts": hosts}]))
    assert bad.returncode == 1
    message = "the agent knows no host mta2, only mta1: name it in agent.host"
    collectors = ("processes", "affinity", "disks", "files")
    assert bad.stderr.splitlines() == [f"prod: {name} (mta2): {message}" for name in collectors]


def trickling(body: bytes) -> Behaviour:
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *(body[at : at + 1] for at in range(9999)), pause=0.05)


def test_agents_that_fail_harm_no_other(site: Site) -> None:
    agent, lost = site.agent("agent", [site.host("mta1")]), site.agent("lost", [site.host("lost")])
    body = agent.ask().body
    certificate, other = self_signed(site.directory, "agent"), self_signed(site.directory, "other")
    ill = {"lost": "connect", "forged": "tls", "slow": "timeout", "shut": "authentication"}

    def never(seen: Seen) -> object:
        downs = [host for host in ill if seen.get(("campaign_process_up", frozenset({host, "mta"}))) == 0]
        return downs or seen["campaign_process_up", frozenset({"mta1", "mta"})] != 1

    with ExitStack() as servers:
        forged = servers.enter_context(serving(answer(body), certificate=certificate))
        addresses = {
            "mta1": url(agent),
            "lost": url(lost),
            "forged": {"url": forged.url, "ca_file": str(other), "host": "mta1"},
            "slow": {"url": servers.enter_context(serving(trickling(body))).url},
            "shut": {"url": servers.enter_context(serving(answer(b"", 401))).url},
        }
        central = site.central(addresses)
        wait_until(lambda: central.value("campaign_process_up", "lost", "mta") == 1, _PATIENCE)
        lose(central, lost, "lost", never)
        seen = central.metrics()
        for host, reason in ill.items():
            assert seen["campaign_exporter_collector_errors_total", frozenset({"processes", reason})] > 0
            assert seen["campaign_host_up", frozenset({host, "agent"})] == 0
            assert ("campaign_host_up", frozenset({host, "processes"})) not in seen
            assert ("campaign_process_up", frozenset({host, "mta"})) not in seen
        assert forged.seen == []
    assert "Traceback" not in central.log.read_text()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with PostgresServer() as server, Simulator(tmp_path / "simulated", postgres=server) as simulated:
        yield simulated


def pending(running: Exporter, cause: str) -> float | None:
    return running.value("campaign_deliveries_pending", cause)


def test_deliveries_wait_for_an_mta_that_is_down_and_never_for_an_agent_that_is_gone(site: Site, simulator: Simulator) -> None:
    (instance,) = yaml.safe_load(simulator.configuration_file.read_text())["instances"]
    agents = {host["name"]: site.agent(host["name"], [host]) for host in instance["hosts"]}
    central = site.central({name: url(agent) for name, agent in agents.items()}, database=instance["database"])
    simulator.step()
    wait_until(lambda: central.value("campaign_pending_cause_evaluated", "mta_down") == 1, _PATIENCE)
    simulator.set_fault("mta-down")
    simulator.step()
    wait_until(lambda: (pending(central, "mta_down") or 0) > 0, _PATIENCE)
    wait_until(lambda: central.value("campaign_process_up", "mta2", "mta") == 0, _PATIENCE)
    simulator.clear_fault("mta-down")
    simulator.step()
    wait_until(lambda: pending(central, "mta_down") == 0, _PATIENCE)
    wait_until(lambda: central.value("campaign_process_up", "mta2", "mta") == 1, _PATIENCE)

    def never(seen: Seen) -> object:
        down = seen.get(("campaign_process_up", frozenset({"mta2", "mta"}))) == 0
        return down or (seen.get(("campaign_deliveries_pending", frozenset({"mta_down"}))) or 0) > 0

    for name in ("mta2", "mta1"):
        lose(central, agents[name], name, never)
        assert central.value("campaign_pending_cause_evaluated", "mta_down") == 0
        assert pending(central, "mta_down") is None
    assert central.value("campaign_exporter_collector_success", "pending") == 1
