"""What the doctor says of hosts and of the state directory: real commands, files and locks."""

import os
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campaign_exporter.config import Config
from campaign_exporter.doctor.check import Result
from campaign_exporter.rounds import SystemClock
from campaign_exporter.sources.locks import is_held
from campaign_exporter.state import State
from integration.examined import Examined, examined

HEADER = "12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)\n"
PDUMP = HEADER + "mta@prod (12) - 9.6 MB\nstat@prod (13) - 1.5 MB\n"
CONF = """<serverconf><shared><mta autoStart="true" statServerAddress="localhost:7777"><child><smtp>
<IPAffinity name="news"><IP address="192.0.2.1" publicId="1" heloHost="a.example"/>{more}</IPAffinity>
</smtp></child></mta><stat autoStart="true"/></shared></serverconf>"""


class Clock(SystemClock):
    """The machine's clocks, the first of which can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class Site:
    """One host in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.collectors: dict[str, Any] = {name: {"timeout": 1.5} for name in ("processes", "affinity", "disks", "endpoints")}
        self.write("serverConf.xml", CONF.format(more=""))
        self.write("pdump.txt", PDUMP)
        self.host: dict[str, Any] = {
            "name": "mta1",
            "processes": {"file": directory / "pdump.txt"},
            "configuration": [directory / "serverConf.xml"],
            "directories": {"var": directory},
        }
        self.instance: dict[str, Any] = {"name": "prod"}
        self.state: Path | str = "none"

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        return path

    def look(self) -> Examined:
        instance = {**self.instance, "hosts": [self.host] if self.host else []}
        config = Config.model_validate({"instances": [instance], "collectors": self.collectors, "state_directory": self.state})
        return examined(config, self.clock)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_host_that_is_well(site: Site) -> None:
    seen = site.look()
    assert seen.findings == []
    assert "build 9364; of 2 expected processes 2 run" in seen.the("processes").what
    assert "(0 s old, at most 120 s)" in seen.the("processes").what
    assert seen.the("configuration").what.endswith("1 file 0 s old; to run: mta, stat; 1 affinity (news)")
    assert "left" in seen.the("directory var").what
    assert seen.seconds < 5


def test_processes_that_are_down_are_told_and_are_no_finding_of_the_doctor(site: Site) -> None:
    site.write("pdump.txt", HEADER + "mta@prod (12) - 9.6 MB\n")
    assert site.look().the("processes").what.endswith("of 2 expected processes 1 run, down: stat")


@pytest.mark.parametrize(
    ("command", "what"),
    [
        (["sleep", "60"], "within"),
        (["nlserver-is-not-there"], "is not there"),
        (["false"], "ended with exit status 1"),
        (["echo", "What is your password?"], "not understood"),
        (["sh", "-c", "trap '' TERM; sleep 60"], "within"),
    ],
)
def test_a_command_that_fails_or_hangs(site: Site, command: list[str], what: str) -> None:
    site.host["processes"] = {"command": command}
    seen = site.look()
    assert seen.found == {"processes"}
    assert what in seen.findings[0].what
    assert "mta_down" in seen.findings[0].why
    assert seen.seconds < 5


def test_a_file_that_is_stale_missing_shut_or_a_pipe(site: Site) -> None:
    file = site.directory / "pdump.txt"
    os.utime(file, (time.time() - 3600, time.time() - 3600))
    assert "more than 120 s" in site.look().the("processes").what
    file.unlink()
    assert "is not there" in site.look().the("processes").what
    os.mkfifo(file)
    seen = site.look()
    assert "is not a regular file" in seen.the("processes").what
    assert seen.found == {"processes"}


def test_a_listing_of_another_instance(site: Site) -> None:
    site.write("pdump.txt", HEADER + "mta@neolane (12) - 9.6 MB\nweb@default (14) - 9 MB\n")
    seen = site.look()
    assert seen.the("processes").what == "no process of instance prod is listed, but of neolane"
    site.instance["nlserver_instance"] = "neolane"
    assert site.look().findings == []


def test_broken_and_empty_configuration(site: Site) -> None:
    site.write("serverConf.xml", '<serverconf><mta password="hunter2" autoStart="true"')
    seen = site.look()
    assert seen.found == {"configuration"}
    assert f"{site.directory}/serverConf.xml" in seen.findings[0].what
    assert "which processes are to run is unknown" in seen.findings[0].why
    assert "hunter2" not in seen.text
    site.write("serverConf.xml", "<serverconf/>")
    assert 'no module with autoStart="true"' in site.look().the("configuration").what
    (site.directory / "serverConf.xml").unlink()
    assert "is not there" in site.look().the("configuration").what


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('<IP address="192.0.2.1" publicId="1" heloHost="b.example"/>', "one address has two heloHosts"),
        ('<IP address="192.0.2.2" publicId="1" heloHost="b.example"/>', "one publicId stands for two addresses"),
        ('</IPAffinity><IPAffinity name="empty">', "an IP affinity has no address"),
    ],
)
def test_faults_that_adobe_warns_of(site: Site, more: str, what: str) -> None:
    site.write("serverConf.xml", CONF.format(more=more))
    seen = site.look()
    assert [check.what for check in seen.findings] == [what]
    assert "campaign_server_configuration_fault" in seen.findings[0].why


def test_an_mta_without_its_stat_server(site: Site) -> None:
    site.write("serverConf.xml", CONF.format(more="").replace("localhost:7777", ""))
    (check,) = site.look().findings
    assert check.what == "mta is to start, and statServerAddress is empty"


def test_sources_that_are_not_configured(site: Site) -> None:
    del site.host["processes"], site.host["configuration"], site.host["directories"]
    seen = site.look()
    assert seen.found == {"processes", "configuration"}
    site.host["expected_processes"] = []
    assert site.look().findings == []
    site.host["expected_processes"] = ["web"]
    seen = site.look()
    assert seen.found == {"processes"}
    assert "mta_down" not in seen.findings[0].why


def test_directories_that_are_away(site: Site) -> None:
    site.host["directories"] = {"gone": site.directory / "gone", "var": site.directory}
    seen = site.look()
    assert [check.name for check in seen.findings] == ["directory gone"]


def test_one_hanging_host_takes_its_time_once_and_harms_no_other(site: Site) -> None:
    hanging = {"name": "mta2", "processes": {"command": ["sleep", "60"]}, "expected_processes": ["mta"]}
    config = Config.model_validate(
        {
            "instances": [{"name": "prod", "hosts": [site.host, hanging, {**hanging, "name": "mta3"}]}],
            "collectors": site.collectors,
            "state_directory": "none",
        }
    )
    seen = examined(config)
    assert seen.the("processes", "host mta1").result is Result.OK
    assert [check.subject for check in seen.findings if check.name == "processes"] == ["host mta2", "host mta3"]
    assert seen.seconds < 5


def test_instances_are_examined_side_by_side_and_told_in_order(site: Site) -> None:
    hanging = {"name": "mta", "processes": {"command": ["sleep", "60"]}, "expected_processes": []}
    instances = [{"name": f"prod{number}", "hosts": [hanging]} for number in range(6)]
    config = Config.model_validate({"instances": instances, "collectors": site.collectors, "state_directory": "none"})
    seen = examined(config)
    assert [check.instance for check in seen.of("processes")] == [f"prod{number}" for number in range(6)]
    assert seen.seconds < 6


def test_the_state_directory(site: Site, tmp_path: Path) -> None:
    assert site.look().the("state directory").what.startswith("none")
    site.state = tmp_path / "state"
    assert site.look().the("state directory").what.endswith("is not there yet, and can be made")
    assert not site.state.exists()
    state = State.open(site.state)
    held = site.look().the("state directory")
    assert (held.result, "held by a running exporter, written 0 s ago" in held.what) == (Result.OK, True)
    state.put("prod/processes", {"still": "ours"})
    state.close()
    assert "no exporter holds it now" in site.look().the("state directory").what
    State.open(site.state).close()  # nothing is in the way


def test_a_state_directory_that_cannot_be_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    file = site.write("file", "")
    site.state = file
    assert "is no directory" in site.look().the("state directory").what
    site.state = file / "below"
    assert site.look().found == {"state directory"}
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    site.state = site.directory / "none" / "state"
    assert f"cannot be made in {site.directory}" in site.look().the("state directory").what
    site.state = site.directory
    assert "is not writable for this user" in site.look().the("state directory").what
    with closing(State.open(site.directory)):
        assert site.look().the("state directory").result is Result.OK


def test_a_lock_is_seen_without_taking_one(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert is_held(file) is None
    file.touch()
    assert is_held(file) is False
    with subprocess.Popen(["flock", str(file), "cat"], stdin=subprocess.PIPE) as holder:
        while not is_held(file):
            assert holder.poll() is None
        holder.terminate()
