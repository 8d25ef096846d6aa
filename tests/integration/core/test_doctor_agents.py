"""What the doctor says of hosts that are seen by a real agent."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from campaign_exporter.config import Config
from campaign_exporter.doctor.check import Result
from integration.core.exporter_process import LISTING, Exporter, exporter, free_port, wait_until
from integration.examined import Examined, examined

CONF = """<serverconf><shared><mta autoStart="true" statServerAddress="localhost:7777"><child><smtp>
<IPAffinity name="news"><IP address="192.0.2.1" publicId="1" heloHost="a.example"/>{more}</IPAffinity>
</smtp></child></mta></shared></serverconf>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "pdump.txt").write_text(LISTING)
    (tmp_path / "serverConf.xml").write_text(CONF.format(more=""))
    return tmp_path


@pytest.fixture
def agent(site: Path) -> Iterator[Exporter]:
    """Run an exporter beside a host."""
    host = {
        "name": "mta1",
        "processes": {"file": "pdump.txt", "max_age": "1d"},
        "configuration": ["serverConf.xml"],
        "directories": {"var": "."},
    }
    bare = {"name": "bare", "expected_processes": ["mta"]}
    collectors = {name: {"interval": "1s"} for name in ("processes", "affinity", "disks")}
    content = {"instances": [{"name": "prod", "hosts": [host, bare]}], "collectors": collectors, "state_directory": "none"}
    (site / "agent.yml").write_text(json.dumps(content))
    with exporter(site / "agent.yml") as running:
        running.wait_ready()
        yield running


def look(port: int, **settings: Any) -> Examined:  # noqa: ANN401 - any setting of an agent
    host = {"name": "mta1", "agent": {"url": f"http://127.0.0.1:{port}", **settings}}
    return examined(Config.model_validate({"instances": [{"name": "prod", "hosts": [host]}], "state_directory": "none"}))


def test_a_host_that_its_agent_tells_all_about(agent: Exporter) -> None:
    seen = look(agent.port)
    assert seen.findings == []
    assert seen.the("agent").what == f"http://127.0.0.1:{agent.port}/metrics answered 0 s ago"
    assert seen.the("processes").what == "told by its agent; build XXX; of 1 expected processes 1 run"
    assert seen.the("configuration").what == "told by its agent; to run: mta; 1 affinity (news)"
    assert seen.the("directory var").result is Result.OK


def test_an_agent_that_is_gone_is_one_finding() -> None:
    seen = look(free_port())
    assert seen.found == {"agent"}
    assert 'source="agent"} is 0' in seen.the("agent").why
    assert "`campaign-exporter serve` runs there" in seen.the("agent").mend
    assert [check.name for check in seen.checks if check.subject == "host mta1"] == ["agent"]


def test_a_host_that_the_agent_calls_otherwise(agent: Exporter) -> None:
    seen = look(agent.port, host="mta-1")
    assert "the agent knows no host mta-1, only bare, mta1" in seen.the("agent").what
    assert "agent.host" in seen.the("agent").mend


def test_what_the_agent_does_not_look_at_is_to_be_given_there(agent: Exporter) -> None:
    seen = look(agent.port, host="bare")
    assert seen.found == {"processes", "configuration"}
    assert all(check.mend.startswith("at the agent, ") for check in seen.findings)


def test_what_fails_at_the_agent_is_told(agent: Exporter, site: Path) -> None:
    (site / "serverConf.xml").write_text(CONF.format(more='<IP address="192.0.2.1" publicId="2" heloHost="b.example"/>'))
    (site / "pdump.txt").write_text("Segmentation fault\n")
    wait_until(lambda: len(look(agent.port).found) == 2)
    seen = look(agent.port)
    assert seen.found == {"processes", "configuration"}
    assert "doctor on the agent's machine" in seen.the("processes").mend
    assert "one address has two heloHosts" in {check.what for check in seen.of("configuration")}
