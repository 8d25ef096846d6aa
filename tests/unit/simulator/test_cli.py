import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from campaign_simulator import control
from campaign_simulator.cli import main
from campaign_simulator.directory import DirectoryInUseError, SimulatorDirectory, running_status
from campaign_simulator.instance import Simulator


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """Serve a simulator that was never started: enough for what needs no database."""
    simulator = Simulator(tmp_path)
    simulator.hosts.create()
    directory = SimulatorDirectory(tmp_path)
    directory.take()
    simulator.hosts.create()
    server = control.ControlServer(simulator)
    server.start()
    directory.announce({"control": server.url})
    yield tmp_path
    server.stop()
    directory.release()


@pytest.mark.parametrize("arguments", [["faults"], ["truth"], ["fault", "mta-down"], ["clear", "mta-down"]])
def test_without_a_simulator_the_mend_is_told(arguments: list[str], tmp_path: Path) -> None:
    result = invoke(*arguments, "--directory", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == (
        f"campaign-simulator: no simulator runs in {tmp_path}: start one with `campaign-simulator run --directory {tmp_path}`\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["fault"],
        ["nonsense"],
        ["run", "--messages-per-second", "fast"],
        ["run", "--messages-per-second", "0"],
        ["run", "--backfill-rows", "-1"],
        ["run", "--role", "lunch"],
        ["run", "--postgres-port", "0"],
        ["run", "--endpoints-port", "65536"],
    ],
)
def test_bad_usage_is_exit_2(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_a_status_without_a_living_simulator_is_stale(tmp_path: Path) -> None:
    (tmp_path / "simulator.lock").touch()
    (tmp_path / "simulator.json").write_text(json.dumps({"ready": True, "pid": 1}))
    assert running_status(tmp_path) is None
    assert invoke("faults", "--directory", str(tmp_path)).exit_code == 1


def test_two_simulators_do_not_share_a_directory(tmp_path: Path) -> None:
    first, second = SimulatorDirectory(tmp_path), SimulatorDirectory(tmp_path)
    first.take()
    with pytest.raises(DirectoryInUseError, match="stop it, or choose another directory"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_the_exporters_configuration_is_there_only_while_a_simulator_is(tmp_path: Path) -> None:
    directory = SimulatorDirectory(tmp_path)
    assert directory.configuration == Simulator(tmp_path).configuration_file
    directory.configuration.write_text("of a simulator that was killed")
    directory.take()
    assert not directory.configuration.exists()
    directory.configuration.write_text("of this one")
    with pytest.raises(DirectoryInUseError):
        SimulatorDirectory(tmp_path).take()
    assert directory.configuration.exists()
    directory.release()
    assert not directory.configuration.exists()


def test_an_unknown_fault_is_exit_2_with_one_line(served: Path) -> None:
    result = invoke("fault", "mta-up", "--directory", str(served))
    assert result.exit_code == 2
    assert result.stderr.startswith("campaign-simulator: there is no fault 'mta-up'; there are: mta-down")
    assert result.stderr.count("\n") == 1


def test_faults_are_listed_with_their_state(served: Path) -> None:
    lines = invoke("faults", "--directory", str(served)).output.splitlines()
    assert lines[0] == "    mta-down [HOST...]"
    assert lines[1].startswith("      mta is not running")


def test_what_was_done_is_told(served: Path) -> None:
    at = ("--directory", str(served))
    assert invoke("fault", "stat-down", *at).output == "stat-down set: mta1\n"
    assert invoke("fault", "stat-down", *at).output == "stat-down was set already\n"
    assert "SET stat-down [HOST...]\n      stat is not running: mails wait (set: mta1)\n" in invoke("faults", *at).output
    assert invoke("clear", "stat-down", *at).output == "stat-down cleared: mta1\n"
    assert invoke("clear", "stat-down", *at).output == "stat-down was not set\n"
    assert invoke("fault", "throughput-stalled", *at).output == "throughput-stalled set\n"


def test_the_truth_tells_all_causes_of_a_delivery(served: Path) -> None:
    at = ("--directory", str(served))
    result = invoke("fault", "delivery-stuck", "parts_missing", "validity_expired", *at)
    assert result.output == "delivery-stuck set: validity_expired+parts_missing\n"
    invoke("fault", "mta-down", *at)
    truth = json.loads(invoke("truth", *at).output)
    assert ["validity_expired", "mta_down", "parts_missing"] in [delivery["causes"] for delivery in truth["pending"]]
    assert truth["causes"] == {"validity_expired": 1, "mta_down": 1}
    assert truth["database_blocked_since"] is None
    result = invoke("fault", "delivery-stuck", "parts_missing", "parts_orphaned", *at)
    assert result.exit_code == 2
    assert result.stderr == (
        "campaign-simulator: parts_missing and parts_orphaned exclude each other: no process holds parts that are not there; "
        "usage: delivery-stuck CAUSE...\n"
    )


def test_help_lists_the_faults_without_a_simulator() -> None:
    result = invoke("fault", "--help")
    assert result.exit_code == 0
    assert "  affinity-missing NAME [HOST...]\n" in result.output


def test_the_directory_comes_from_the_environment(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMPAIGN_SIMULATOR_DIRECTORY", str(served))
    truth = json.loads(invoke("truth").output)
    assert truth["processes"]["mta1"]["mta"] == 1
    assert truth["affinities"]["mta2"] == ["default", "news.de", "retail.fr"]


def test_commands_are_checked(served: Path) -> None:
    with pytest.raises(control.RefusedError, match="there is no command 'dance'"):
        control.ask(served, "dance")
    with pytest.raises(control.RefusedError, match="name is missing"):
        control.ask(served, "fault")
    with pytest.raises(control.RefusedError, match="arguments is no list of texts"):
        control.ask(served, "fault", name="mta-down", arguments=[1])
