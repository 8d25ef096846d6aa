"""Twenty hosts, several of which fail in ways of their own: each fails alone, and nothing unknown is said to be 0."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from campaign_exporter.config import Config, load_config
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import SystemClock
from campaign_exporter.snapshot import Exposition
from campaign_exporter.state import State
from integration.core.exporter_process import HEADER

ALL_UP = f"{HEADER}\nmta@prod (100) - 25.8 MB\nstat@prod (101) - 1.5 MB\n"
CONF = """<serverconf><shared>
<mta autoStart="true"><child><smtp>{affinities}</smtp></child></mta><stat autoStart="true"/></shared></serverconf>"""
NEWS = '<IPAffinity name="news"><IP address="192.0.2.1" publicId="1" heloHost="a.example"/></IPAffinity>'


@dataclasses.dataclass
class Clock(SystemClock):
    """Real seconds, and those that a test adds."""

    added: float = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.added


class Site:
    """Hosts in a directory, and one instance that is watched round by round."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.state = State()
        self.hosts: dict[str, dict[str, object]] = {}

    def host(self, name: str, listing: str | list[str] | None = ALL_UP, affinities: str | None = NEWS, **more: object) -> None:
        host: dict[str, object] = {"name": name, **more}
        if isinstance(listing, list):
            host["processes"] = {"command": listing, **dict(more.pop("processes", {}) or {})}  # type: ignore[call-overload] # a mapping
        elif listing is not None:
            self.write(name, "pdump.txt", listing)
            host["processes"] = {"command": ["cat", str(self.directory / name / "pdump.txt")]}
        if affinities is not None:
            self.write(name, "serverConf.xml", CONF.format(affinities=affinities))
            host["configuration"] = [f"{name}/serverConf.xml"]
        self.hosts[name] = {**host, **more}

    def write(self, host: str, file: str, text: str) -> None:
        (self.directory / host).mkdir(exist_ok=True)
        (self.directory / host / file).write_text(text)

    def config(self) -> Config:
        file = self.directory / "exporter.yml"
        collectors = {name: {"interval": 3} for name in ("processes", "affinity")}
        content = {"instances": [{"name": "prod", "hosts": list(self.hosts.values())}], "collectors": collectors}
        file.write_text(yaml.safe_dump(content))
        return load_config(file)

    def watch(self) -> "Watched":
        return Watched(self)


class Watched:
    def __init__(self, site: Site) -> None:
        config = site.config()
        self._exposition = Exposition()
        self._clock = site.clock
        self._watch = Watch(config, config.instances[0], clock=site.clock, state=site.state, exposition=self._exposition)

    def round(self, seconds: float = 3.0) -> Mapping[tuple[str, ...], float]:
        """Do a round of each job after so many seconds, and give the samples by name and label values."""
        self._clock.added += seconds
        for job in self._watch.jobs.values():
            job.run()
            job.withdraw_stale()
        return {
            (
                sample.name,
                *(value for name, value in sorted(sample.labels.items()) if name != "campaign_instance"),
            ): sample.value
            for family in text_string_to_metric_families(self._exposition.snapshot.plain.decode())
            for sample in family.samples
        }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_each_host_fails_alone(site: Site) -> None:
    for number in range(13):
        site.host(f"good{number}")
    site.host("hangs", ["sleep", "100"])
    site.host("fails", ["sh", "-c", "echo no such host >&2; exit 255"])
    site.host("lacks", ["no-such-command-here"])
    site.host("babbles", ["echo", "hello"])
    site.host("floods", ["sh", "-c", "yes | head -c 5000000"])
    site.host("down", f"{HEADER}\nstat@prod (101) - 1.5 MB\n")
    site.host("strange", f"{HEADER}\nmta@prod (100) - 25.8 MB\n?? what is this ??\n")
    seen = site.watch().round()
    for number in range(13):
        assert seen["campaign_host_up", f"good{number}", "processes"] == 1
        assert seen["campaign_process_up", f"good{number}", "mta"] == 1
    for host in ("hangs", "fails", "lacks", "babbles", "floods", "strange"):
        assert seen["campaign_host_up", host, "processes"] == 0, host
    for host in ("hangs", "fails", "lacks", "babbles", "floods"):
        assert ("campaign_process_up", host, "mta") not in seen, host
        assert seen["campaign_host_up", host, "configuration"] == 1
    assert seen["campaign_process_up", "down", "mta"] == 0
    assert seen["campaign_process_up", "strange", "mta"] == 1  # a listed process is 1 in any case
    assert ("campaign_process_up", "strange", "stat") not in seen  # and one that is not listed may be in the strange line
    errors = {
        reason: seen["campaign_exporter_collector_errors_total", "processes", reason]
        for reason in ("timeout", "exit", "missing", "parse")
    }
    assert errors == {"timeout": 1, "exit": 1, "missing": 1, "parse": 3}
    assert seen["campaign_exporter_collector_success", "processes"] == 0
    assert seen["campaign_exporter_collector_success", "affinity"] == 1


def test_a_host_that_falls_silent_keeps_its_values_for_three_intervals(site: Site) -> None:
    site.host("mta1")
    site.host("mta2")
    watched = site.watch()
    watched.round()
    (site.directory / "mta1/pdump.txt").unlink()
    for _ in range(2):
        seen = watched.round()
        assert seen["campaign_host_up", "mta1", "processes"] == 0
        assert seen["campaign_process_up", "mta1", "mta"] == 1
    seen = watched.round(9)
    assert ("campaign_process_up", "mta1", "mta") not in seen
    assert seen["campaign_process_up", "mta2", "mta"] == 1


def test_expected_processes_come_from_the_configuration_unless_named(site: Site) -> None:
    site.host("from-files", f"{HEADER}\n")
    site.host("named", f"{HEADER}\n", expected_processes=["inMail"])
    site.host("none", f"{HEADER}\nmta@prod (1) - 2 MB\n", affinities=None)
    seen = site.watch().round()
    up = {
        (host, process): value
        for (name, *labels), value in seen.items()
        if name == "campaign_process_up"
        for host, process in [labels]
    }
    assert up == {("from-files", "mta"): 0, ("from-files", "stat"): 0, ("named", "inMail"): 0}
    assert seen["campaign_processes", "none", "mta"] == 1


def test_the_form_missing(site: Site) -> None:
    site.host("mta1", ["echo", f"{HEADER}\nmta@prod"], expected_processes=["mta", "stat", "sms"])
    site.hosts["mta1"]["processes"]["form"] = "missing"  # type: ignore[index] # a mapping
    seen = site.watch().round()
    assert seen["campaign_process_up", "mta1", "mta"] == 0
    assert seen["campaign_process_up", "mta1", "stat"] == 1
    assert ("campaign_process_up", "mta1", "sms") not in seen


def test_restarts_are_counted_over_a_restart_of_the_exporter(site: Site) -> None:
    site.host("mta1")
    key = ("campaign_process_restarts_total", "mta1", "mta")
    watched = site.watch()
    assert watched.round()[key] == 0
    site.write("mta1", "pdump.txt", ALL_UP.replace("100", "200"))
    assert watched.round()[key] == 1
    site.write("mta1", "pdump.txt", ALL_UP.replace("100", "300"))
    assert site.watch().round()[key] == 2
    assert site.watch().round()[key] == 2


def test_a_configuration_half_written_keeps_the_last_good_one(site: Site) -> None:
    site.host("mta1")
    watched = site.watch()
    watched.round()
    site.write("mta1", "serverConf.xml", CONF.format(affinities=NEWS)[:100])
    for _ in range(2):
        seen = watched.round()
        assert seen["campaign_host_up", "mta1", "configuration"] == 0
        assert seen["campaign_ip_affinity_info", "news", "mta1"] == 1
        assert seen["campaign_process_up", "mta1", "mta"] == 1
    seen = watched.round(9)
    assert ("campaign_ip_affinity_info", "news", "mta1") not in seen
    assert ("campaign_process_up", "mta1", "mta") not in seen
    assert seen["campaign_processes", "mta1", "mta"] == 1
    site.host("mta1")
    assert watched.round()["campaign_ip_affinity_info", "news", "mta1"] == 1


def test_affinities_are_compared_as_far_as_they_are_known(site: Site) -> None:
    both = NEWS + NEWS.replace("news", "alerts")
    site.host("mta1", affinities=both)
    site.host("mta2", affinities=both)
    watched = site.watch()
    seen = watched.round()
    assert seen["campaign_ip_affinity_inconsistent", "news"] == 0
    assert seen["campaign_ip_affinity_inconsistent", "alerts"] == 0
    site.host("mta3", affinities=NEWS)
    site.host("mta4", affinities=NEWS)
    (site.directory / "mta4/serverConf.xml").write_text("<")
    seen = site.watch().round()
    assert seen["campaign_ip_affinity_inconsistent", "alerts"] == 1  # seen already, whatever mta4 declares
    assert ("campaign_ip_affinity_inconsistent", "news") not in seen  # mta4 could differ
    (site.directory / "mta4/serverConf.xml").write_text(CONF.format(affinities=both))
    assert site.watch().round()["campaign_ip_affinity_inconsistent", "news"] == 0


def test_a_listing_that_somebody_else_writes_is_withdrawn_when_it_is_old(site: Site) -> None:
    site.host("mta1", None, expected_processes=["mta"])
    site.write("mta1", "pdump.txt", ALL_UP)
    site.hosts["mta1"]["processes"] = {"file": "mta1/pdump.txt", "max_age": "100s"}
    watched = site.watch()
    assert watched.round()["campaign_process_up", "mta1", "mta"] == 1
    os.utime(site.directory / "mta1/pdump.txt", (0, 0))
    seen = watched.round()
    assert ("campaign_process_up", "mta1", "mta") not in seen
    assert seen["campaign_host_up", "mta1", "processes"] == 0
    assert seen["campaign_exporter_collector_errors_total", "processes", "stale"] == 1


def test_memory_limits_are_adobes_where_a_host_has_no_configuration_and_absent_where_it_cannot_be_read(site: Site) -> None:
    site.host("bare", affinities=None, expected_processes=["mta"])
    site.host("broken", affinities="<IPAffinity", expected_processes=["mta"])
    seen = site.watch().round()
    limits = {key[1:3]: value / 2**20 for key, value in seen.items() if key[0] == "campaign_process_memory_limit_bytes"}
    assert limits == {("bare", "warning"): 1600, ("bare", "alert"): 1800, ("bare", "restart"): 1024}
