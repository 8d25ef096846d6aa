import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from campaign_simulator.hosts import DEFAULT_HOSTS, HostPlan, Hosts

HEADER = re.compile(
    r"\d\d:\d\d:\d\d >   Application server for Adobe Campaign Classic \(7\.3\.4 build 9364@8f3ef8e of 09/04/2023\)"
)
PROCESS = re.compile(r"^([A-Za-z_]+\*?)(?:@(\S+))? \((\d+)\) - ([\d.,]+) (\S+)$")


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    made = Hosts(DEFAULT_HOSTS, tmp_path / "hosts", "prod")
    made.create()
    return made


def nlserver(hosts: Hosts, *arguments: str, host: str = "mta1") -> list[str]:
    command = [str(hosts.by_name[host].nlserver), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.splitlines()


def test_pdump_lists_processes_in_the_documented_format(hosts: Hosts) -> None:
    header, *lines = nlserver(hosts, "pdump")
    assert HEADER.fullmatch(header)
    found = [PROCESS.fullmatch(line) for line in lines]
    named = [f"{match[1]}@{match[2]}" if match and match[2] else match and match[1] for match in found]
    assert named == [
        "mta@prod",
        "mtachild@prod",
        "stat@prod",
        "inMail@prod",
        "wfserver@prod",
        "sms@prod",
        "web@default",
        "syslogd@default",
        "trackinglogd@default",
        "watchdog",
    ]
    assert all(match and match[5] == "MB" for match in found)


def test_pdump_who_adds_the_documented_sections(hosts: Hosts) -> None:
    lines = nlserver(hosts, "pdump", "-who")
    assert "Connections ---" in lines
    assert "Connection pool ---" in lines
    assert lines[1:11] == nlserver(hosts, "pdump")[1:]


def test_missing_lists_what_is_down(hosts: Hosts) -> None:
    assert len(nlserver(hosts, "monitor", "-missing")) == 1
    hosts.stop("mta", "mta1")
    hosts.stop("watchdog", "mta1")
    hosts.refresh()
    assert nlserver(hosts, "monitor", "-missing")[1:] == ["mta@prod", "watchdog"]


def test_without_processes_there_are_no_tasks(hosts: Hosts) -> None:
    for module in DEFAULT_HOSTS[1].modules:
        hosts.stop(module, "mta2")
    hosts.refresh()
    assert nlserver(hosts, "pdump", host="mta2")[1:] == ["No tasks"]


def test_monitor_prints_indicators(hosts: Hosts) -> None:
    _, *lines = nlserver(hosts, "monitor")
    assert [ET.fromstring(line).get("name") for line in lines] == ["Zombie Processes", "Core Files"]


def test_an_unknown_command_fails(hosts: Hosts) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        nlserver(hosts, "destroy")


def test_a_restart_changes_the_process_id(hosts: Hosts) -> None:
    before = hosts.process_id("mta1", "mta")
    hosts.start("mta", "mta1")
    assert hosts.process_id("mta1", "mta") == before
    hosts.stop("mta", "mta1")
    assert hosts.running_on("mta") == ["mta2"]
    hosts.start("mta", "mta1")
    assert hosts.process_id("mta1", "mta") != before


def test_a_module_starts_only_where_it_belongs(hosts: Hosts) -> None:
    hosts.start("stat", "mta2")
    assert hosts.running_on("stat") == hosts.expected_on("stat") == ["mta1"]


def test_memory_varies(hosts: Hosts) -> None:
    before = nlserver(hosts, "pdump")[1:]
    hosts.refresh()
    assert nlserver(hosts, "pdump")[1:] != before


def test_configuration_is_well_formed_and_says_what_runs(hosts: Hosts) -> None:
    product, default, instance = (ET.parse(path).getroot() for path in hosts.by_name["mta1"].configuration)
    assert not [module for module in product if module.get("autoStart") == "true"]
    assert [module.tag for module in default if module.get("autoStart") == "true"] == [
        "web",
        "syslogd",
        "trackinglogd",
        "watchdog",
    ]
    started = {module.tag for module in instance if module.get("autoStart") == "true"}
    assert started == {"mta", "stat", "inMail", "wfserver", "sms"}
    assert [mta.get("statServerAddress") for mta in instance.findall("mta")] == ["mta1:7777"]


def test_limits_are_adobes_defaults(hosts: Hosts) -> None:
    mta = ET.parse(hosts.by_name["mta1"].configuration[0]).getroot().find("mta")
    assert mta is not None
    assert mta.get("maxMemoryMb") == "1024"
    assert mta.get("maxProcessMemoryWarningMb") == "1600"
    assert mta.get("maxProcessMemoryAlertMb") == "1800"


def test_affinities_stand_where_adobe_puts_them(hosts: Hosts) -> None:
    root = ET.parse(hosts.by_name["mta2"].configuration[2]).getroot()
    found = root.findall("mta/child/smtp/IPAffinity")
    assert [affinity.get("name") for affinity in found] == ["default", "retail.fr", "news.de"]
    addresses = root.findall("mta/child/smtp/IPAffinity/IP")
    assert len({address.get("publicId") for address in addresses}) == 6
    assert len({address.get("heloHost") for address in addresses}) == 6


def test_several_names_share_one_affinity(tmp_path: Path) -> None:
    hosts = Hosts([HostPlan("only", ("mta",), (("a", "b&c"),))], tmp_path, "x")
    hosts.create()
    root = ET.parse(hosts.by_name["only"].configuration[2]).getroot()
    assert [affinity.get("name") for affinity in root.iter("IPAffinity")] == ["a;b&c"]
    assert hosts.declaring("b&c") == ["only"]


def test_a_missing_affinity_leaves_its_siblings(tmp_path: Path) -> None:
    hosts = Hosts([HostPlan("only", ("mta",), (("a", "b"), ("c",)))], tmp_path, "x")
    hosts.create()
    host = hosts.by_name["only"]
    host.missing_affinities |= {"a", "c"}
    host.write_configuration()
    names = [affinity.get("name") for affinity in ET.parse(host.configuration[2]).getroot().iter("IPAffinity")]
    assert names == ["b"]
    assert host.affinities == {"b"}
