"""Fifty agents, some of them ill: each is asked once an interval, each fails alone, and threads are bounded."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from campaign_exporter.config import Config, load_config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import SystemClock
from campaign_exporter.sampling import sample_once
from campaign_exporter.snapshot import Exposition
from campaign_exporter.state import State
from integration.core.exporter_process import HEADER
from integration.core.test_many_hosts import Clock
from integration.hosts.sites import Behaviour, answer, raw, serving

MODULES = ("mta", "stat", "inMail", "wfserver", "sms", "web", "syslogd", "trackinglogd")
WELL = [f"mta{number}" for number in range(44)]
ILL = ["trickles0", "trickles1", "hangs0", "hangs1", "babbles", "refuses"]
INTERVAL = 8
#: How many tasks of a fan-out start together.
PLACES = 16


def exposition(directory: Path) -> bytes:
    """Take what a real agent exposes of a host called HOST."""
    listing = [HEADER, *(f"{module}@prod ({number}) - 100.0 MB" for number, module in enumerate(MODULES, 100))]
    (directory / "pdump.txt").write_text("\n".join([*listing, ""]))
    affinities = "".join(f"<IPAffinity name='a{number}'><IP address='192.0.2.{number}'/></IPAffinity>" for number in range(5))
    modules = "".join(f"<{module} autoStart='true'/>" for module in MODULES[1:])
    (directory / "serverConf.xml").write_text(f"<serverconf><mta autoStart='true'>{affinities}</mta>{modules}</serverconf>")
    host = {"processes": {"file": "pdump.txt"}, "configuration": ["serverConf.xml"], "directories": {"var": ".", "tmp": "/"}}
    file = directory / "agent.yml"
    file.write_text(json.dumps({"instances": [{"name": "prod", "hosts": [{"name": "HOST", **host}]}]}))
    body, failures = sample_once(load_config(file), SystemClock())
    assert failures == []
    return body


def silence(request: BaseHTTPRequestHandler) -> None:
    """Say nothing until the other side goes away."""
    request.rfile.read(1)


class Agents:
    """All agents, on one server: what was asked of each, and how many questions stood open at a time."""

    def __init__(self, body: bytes) -> None:
        self.asked: Counter[str] = Counter()
        self.open: Counter[str] = Counter()
        self.most_of_one = self.most = 0
        self.ill = True
        self._body = body
        self._lock = threading.Lock()

    def behave(self, request: BaseHTTPRequestHandler) -> None:
        host = request.path.split("/")[1]
        with self._lock:
            self.asked[host] += 1
            self.open[host] += 1
            self.most_of_one = max(self.most_of_one, self.open[host])
            self.most = max(self.most, self.open.total())
        try:
            self._answer(host)(request)
        finally:
            with self._lock:
                self.open[host] -= 1

    def _answer(self, host: str) -> Behaviour:
        good = answer(self._body.replace(b"HOST", host.encode()))
        ways: Mapping[str, Behaviour] = {
            "trickles": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *[b"x"] * 200, pause=0.05),
            "hangs": silence,
            "babbles": answer(b"hello\n"),
            "refuses": answer(b"", 403),
        }
        return ways.get(host.rstrip("0123456789"), good) if self.ill else good


@pytest.fixture
def agents(tmp_path: Path) -> Agents:
    return Agents(exposition(tmp_path))


@pytest.fixture
def site(agents: Agents) -> Iterator[str]:
    with serving(agents.behave) as served:
        yield served.url


def central(directory: Path, url: str, hosts: list[str]) -> Config:
    file = directory / "central.yml"
    described = [{"name": host, "agent": {"url": f"{url}/{host}/metrics"}} for host in hosts]
    collectors = {name: {"interval": INTERVAL} for name in ("processes", "affinity", "disks")}
    file.write_text(json.dumps({"instances": [{"name": "prod", "hosts": described}], "collectors": collectors}))
    return load_config(file)


class Watched:
    """A central exporter whose rounds are run by hand, an interval apart, all its collectors at once."""

    def __init__(self, config: Config) -> None:
        self._exposition = Exposition()
        self._clock = Clock()
        self._watch = Watch(config, config.instances[0], clock=self._clock, state=State(), exposition=self._exposition)
        self.seconds = 0.0

    def round(self) -> Mapping[tuple[str, ...], float]:
        self._clock.added += INTERVAL
        began = time.monotonic()
        threads = [threading.Thread(target=job.run) for job in self._watch.jobs.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.seconds = time.monotonic() - began
        for job in self._watch.jobs.values():
            job.withdraw_stale()
        return {
            (
                sample.name,
                *(value for name, value in sorted(sample.labels.items()) if name != "campaign_instance"),
            ): sample.value
            for family in text_string_to_metric_families(self._exposition.snapshot.plain.decode())
            for sample in family.samples
        }


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def fanned_out() -> int:
    return len([thread for thread in threading.enumerate() if thread.name.startswith("fanout ")])


def check_well(seen: Mapping[tuple[str, ...], float], hosts: list[str]) -> None:
    for host in hosts:
        assert seen["campaign_host_up", host, "agent"] == 1
        assert [seen["campaign_process_up", host, module] for module in MODULES] == [1] * len(MODULES)
        assert seen["campaign_ip_affinities", host] == 5
        assert ("campaign_host_directory_size_bytes", "var", host) in seen


def test_each_agent_is_asked_once_for_all_collectors_of_a_round(agents: Agents, site: str, tmp_path: Path) -> None:
    watched = Watched(central(tmp_path, site, WELL))
    for number in range(1, 4):
        check_well(watched.round(), WELL)
        assert agents.asked == dict.fromkeys(WELL, number)
    assert agents.most_of_one == 1
    assert agents.most <= 2 * PLACES


@pytest.mark.alone
def test_agents_that_are_ill_harm_no_other_and_threads_are_bounded(agents: Agents, site: str, tmp_path: Path) -> None:
    watched = Watched(central(tmp_path, site, [*WELL, *ILL]))
    for number in range(1, 3):
        seen = watched.round()
        check_well(seen, WELL)
        assert watched.seconds < INTERVAL
        assert fanned_out() <= 3 * 4  # those that neither answer nor refuse, for three collectors
        for host in ILL:
            assert seen["campaign_host_up", host, "agent"] == 0
            assert not [key for key in seen if host in key and key[0] != "campaign_host_up"]
        reasons = ("timeout", "parse", "authentication")
        errors = [seen["campaign_exporter_collector_errors_total", "processes", reason] for reason in reasons]
        assert errors == [4 * number, number, number]
    assert agents.most_of_one == 1
    wait(lambda: fanned_out() == 0)
    agents.ill = False
    check_well(watched.round(), [*WELL, *ILL])
