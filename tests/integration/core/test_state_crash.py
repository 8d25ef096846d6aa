"""The state file of a process that is killed at any instant, and of a disk that fills up."""

import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from campaign_exporter.state import State
from integration.core.exporter_process import LISTING, exporter, wait_until

# Counts, keeps, and only then says what it counted: as a collector does that publishes.
_COUNTER = """
import sys, itertools
from pathlib import Path
from campaign_exporter.state import Memory, State
state = State.open(Path(sys.argv[1]))
memory = Memory(state, "prod/x")
start = (memory.read() or {"n": 0})["n"]
for n in itertools.count(start + 1):
    memory.keep({"n": n, "ballast": "x" * 20_000})
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
"""


def test_what_was_published_survives_a_kill_at_any_instant(tmp_path: Path) -> None:
    dice = random.Random(1)
    seen = 0
    for _ in range(25):
        process = subprocess.Popen([sys.executable, "-c", _COUNTER, tmp_path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        first = int(process.stdout.readline())
        assert first > seen, "a counter that somebody has seen went back"
        time.sleep(dice.uniform(0, 0.03))
        process.kill()
        lines = [line for line in process.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
        seen = int(lines[-1]) if lines else first
        state = State.open(tmp_path)
        kept = state.section("prod/x")
        assert kept is not None
        assert kept["n"] in {seen, seen + 1}
        state.close()
    assert not (tmp_path / "state.unreadable").exists()


CONFIGURATION = """
instances:
  - name: prod
    hosts: [{name: mta1, expected_processes: [mta], processes: {file: pdump.txt, max_age: 1d}}]
collectors: {processes: {interval: 1s}, affinity: {enabled: false}}
state_directory: state
"""
RESTARTS = ("campaign_process_restarts_total", "mta1", "mta")


def list_process(directory: Path, pid: int) -> None:
    draft = directory / "pdump.new"
    draft.write_text(LISTING.replace("1234", str(pid)))
    draft.replace(directory / "pdump.txt")


def test_counters_go_on_after_a_kill_and_a_restart_in_between_is_counted(tmp_path: Path) -> None:
    (tmp_path / "exporter.yml").write_text(CONFIGURATION)
    list_process(tmp_path, 1)
    with exporter(tmp_path / "exporter.yml") as running:
        running.wait_ready()
        assert running.value(*RESTARTS) == 0
        list_process(tmp_path, 2)
        wait_until(lambda: running.value(*RESTARTS) == 1)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    list_process(tmp_path, 3)
    with exporter(tmp_path / "exporter.yml") as running:
        running.wait_ready()
        assert running.value(*RESTARTS) == 2


def test_a_disk_that_fills_up_is_said_and_memory_serves_on(tmp_path: Path) -> None:
    (tmp_path / "exporter.yml").write_text(CONFIGURATION)
    list_process(tmp_path, 1)
    with exporter(tmp_path / "exporter.yml") as running:
        running.wait_ready()
        assert running.value("campaign_exporter_state_write_success") == 1
        _, hard = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (10, hard))
        list_process(tmp_path, 2)
        wait_until(lambda: running.value("campaign_exporter_state_write_success") == 0)
        assert running.value(*RESTARTS) == 1
        list_process(tmp_path, 3)
        wait_until(lambda: running.value(*RESTARTS) == 2)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: running.value("campaign_exporter_state_write_success") == 1)
    (section,) = json.loads((tmp_path / "state/state.json").read_text()).values()
    assert section["prod/processes"]["counts"] == [["mta1", "mta", 2]]


def test_a_second_exporter_on_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "exporter.yml").write_text(CONFIGURATION)
    list_process(tmp_path, 1)
    with exporter(tmp_path / "exporter.yml"), exporter(tmp_path / "exporter.yml") as second:
        assert second.process.wait(10) == 1
        lines = second.log.read_text().splitlines()
        refused = [line for line in lines if not line.startswith("ts=")]
        held = f"the state directory {tmp_path / 'state'} belongs to another running exporter"
        assert refused == [f"{held}: stop it, or give each its own state_directory in the configuration"]


def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code = """
import os, sys
from pathlib import Path
from campaign_exporter.state import State, StateRefused
if os.geteuid() == 0:  # whom no mode keeps out
    os.setuid(65534)
try:
    State.open(Path(sys.argv[1]))
except StateRefused as error:
    print(error)
"""
    for folder in [tmp_path, *list(tmp_path.parents)[:2]]:
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, locked], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        f"the state directory {locked} cannot be used: Permission denied: make it writable for this user"
    )


def test_a_corrupt_file_is_kept_aside_and_the_exporter_starts(tmp_path: Path) -> None:
    (tmp_path / "exporter.yml").write_text(CONFIGURATION)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/state.json").write_text('{"sections of format 1":{"prod/processes":{"pids":[["mta1"')
    list_process(tmp_path, 1)
    with exporter(tmp_path / "exporter.yml") as running:
        running.wait_ready()
        assert running.value(*RESTARTS) == 0
        assert "kept as state.unreadable" in running.log.read_text()
    (tmp_path / "state/state.json").write_text('{"sections of format 1":{"prod/processes":{"pids":3}}}')
    with exporter(tmp_path / "exporter.yml") as running:
        running.wait_ready()
        assert running.value(*RESTARTS) == 0
        assert "state not understood collector=prod/processes" in running.log.read_text()
