"""Files of Campaign's processes: real folders, a real log, restarts, and the way through an agent."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from campaign_exporter.collectors.files import FilesCollector
from campaign_exporter.config import Config
from campaign_exporter.doctor.files import checks
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.domain.host_facts import Cores, Files, Folder
from campaign_exporter.errors import Missing, PermissionDenied
from campaign_exporter.plan import Watch
from campaign_exporter.rounds import Round, SystemClock
from campaign_exporter.snapshot import Exposition
from campaign_exporter.sources.agent_reports import read_report
from campaign_exporter.sources.folders import cores, folder, on_other_device
from campaign_exporter.state import State
from integration.database.scene import MovableClock, Observer

CANNOT = "12:00:00 >  BAS-010015 Cannot open file '/tmp/tmp1.tmp'\n"
OTHER_DEVICE = Path("/dev/shm")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("tmp", "var/prod/mta", "var/prod/log"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "var/prod/log/mta.log").write_text(CANNOT * 9)
    return tmp_path


def settings(place: Path, **more: object) -> dict[str, Any]:
    var = place / "var"
    given = {"var": var, "temporary": place / "tmp", "working": var / "prod/mta", "log": var / "prod/log/mta.log"}
    return given | {"cores": [var]} | more


@contextmanager
def watching(place: Path, **more: object) -> Iterator[Observer]:
    hosts = [{"name": "mta1", "files": settings(place, **more)}]
    config = Config.model_validate({"instances": [{"name": "prod", "hosts": hosts}], "state_directory": "none"})
    exposition, clock = Exposition(), MovableClock()
    with closing(State.open(place / "state")) as state:
        watch = Watch(config, config.instances[0], clock=clock, state=state, exposition=exposition)
        watch.announce()
        yield Observer(watch, exposition, clock)
        watch.close()


def log(place: Path, text: str) -> None:
    with (place / "var/prod/log/mta.log").open("a") as file:
        file.write(text)


def lines(found: Observer, kind: str = "cannot_open_file") -> float | None:
    return found.value("campaign_mta_log_lines_total", host="mta1", kind=kind)


def test_what_lies_there_is_told(place: Path) -> None:
    for number in range(3):
        file = place / f"var/prod/mta/{number}.xml"
        file.write_text("x" * 100)
        os.utime(file, (1_700_000_000 + number,) * 2)
    for name in ("core", "core.123", "core.py", "score"):
        (place / "var" / name).write_text("")
    (place / "var/core.7").mkdir()
    with watching(place) as found:
        found.round("files")
        assert found.success("files") == 1
        assert found.value("campaign_host_up", host="mta1", source="files") == 1
        assert found.value("campaign_host_temporary_other_device", host="mta1") == 0
        assert found.value("campaign_mta_working_files", host="mta1") == 3
        assert found.value("campaign_mta_working_bytes", host="mta1") == 300
        assert found.value("campaign_mta_working_oldest_timestamp_seconds", host="mta1") == 1_700_000_000
        assert found.samples("campaign_host_files_cut", host="mta1") == {("working",): 0, ("cores",): 0}
        assert found.value("campaign_host_core_files", host="mta1") == 2
        assert found.value("campaign_host_core_newest_timestamp_seconds", host="mta1") == pytest.approx(time.time(), abs=60)


def test_lines_are_counted_once_over_restart_and_rotation(place: Path) -> None:
    with watching(place) as found:
        assert lines(found.round("files")) == 0, "what was there before is not news"
        log(place, CANNOT * 2 + "all is well\n")
        assert lines(found.round("files").round("files")) == 2
    log(place, CANNOT)
    current = place / "var/prod/log/mta.log"
    current.rename(current.with_name("mta_1.log"))
    log(place, CANNOT + "errno=18\n")
    with watching(place) as found:
        assert lines(found.round("files")) == 4
        assert lines(found, "cross_device") == 1
        assert found.value("campaign_mta_log_unread_bytes", host="mta1") == 0
        os.truncate(current, 0)
        log(place, CANNOT)
        assert lines(found.round("files")) == 5
        current.unlink()
        assert found.round("files").failures("files") == {"missing": 1}
        assert found.value("campaign_host_up", host="mta1", source="files") == 0
        assert lines(found) == 5, "what it said stays for a while"
        # Another beginning: the new file may get the inode of the old one.
        log(place, "all is well\n" + CANNOT)
        assert lines(found.round("files")) == 6


def test_each_kind_fails_alone(place: Path) -> None:
    with watching(place, working=place / "nowhere") as found:
        found.round("files")
        assert list(found.watched.jobs["files"].failures) == ["mta1/working"]
        assert found.value("campaign_host_temporary_other_device", host="mta1") == 0
        assert lines(found) == 0
        assert found.value("campaign_mta_working_files", host="mta1") is None


@pytest.mark.skipif(not OTHER_DEVICE.exists(), reason="this machine has no second file system at hand")
def test_another_device_is_told(place: Path) -> None:
    with watching(place, temporary=OTHER_DEVICE) as found:
        assert found.round("files").value("campaign_host_temporary_other_device", host="mta1") == 1
    assert on_other_device(OTHER_DEVICE, place)


def test_a_walk_is_bounded(place: Path) -> None:
    for number in range(30):
        (place / f"tmp/core.{number}").write_text("x")
    assert folder(place / "tmp", 30, 5).cut is False
    cut = folder(place / "tmp", 10, 5)
    assert (cut.files, cut.size_bytes, cut.cut) == (10, 10, True)
    assert cores((place / "tmp", place / "var"), 29, 5).cut is True
    assert folder(place / "tmp", 512, 0.0).cut is True, "the time is over before it begins"
    assert folder(place / "var/prod/mta", 10, 5) == Folder(0, 0, None, cut=False)


def test_what_cannot_be_looked_at_has_a_meaning(place: Path) -> None:
    with pytest.raises(Missing):
        folder(place / "nowhere", 10, 5)
    with pytest.raises(Missing):
        on_other_device(place, place / "nowhere")
    if os.geteuid():
        (place / "tmp").chmod(0)
        with pytest.raises(PermissionDenied):
            folder(place / "tmp", 10, 5)


def test_an_agent_tells_the_same(place: Path) -> None:
    (place / "var/prod/mta/1.xml").write_text("x" * 10)
    with watching(place) as found:
        found.round()
        log(place, CANNOT * 3)
        text = found.round("files").exposition.snapshot.plain.decode()
    files = read_report(text, "prod", time.time()).host("mta1").files
    assert files.up is True
    assert files.error is None
    seen = files.value
    assert isinstance(seen, Files)
    assert seen.log_totals is not None
    assert {kind: count for kind, count in seen.log_totals.items() if count} == {"cannot_open_file": 3}
    assert seen.other_device is False
    assert seen.working is not None
    assert (seen.working.files, seen.working.size_bytes, seen.working.cut) == (1, 10, False)
    assert seen.cores == Cores(0, None, cut=False)
    assert seen.log_unread == 0


def test_a_large_folder_and_a_busy_log_are_cheap(place: Path) -> None:
    """Ten thousand files and four megabytes of log: what one round takes at most."""
    for number in range(10_000):
        (place / f"var/prod/mta/{number}.xml").touch()
    with watching(place) as found:
        found.round("files")
        log(place, ("12:00:00 >  a line of the log that says nothing of note\n" * 76_000)[: 4 << 20] + "\n")
        start = time.monotonic()
        found.round("files")
        assert time.monotonic() - start < 5
        assert found.success("files") == 1
        assert found.value("campaign_mta_working_files", host="mta1") == 10_000
        unread = found.value("campaign_mta_log_unread_bytes", host="mta1")
        assert unread is not None
        assert unread < 200


def test_without_memory_no_lines_are_counted(place: Path) -> None:
    config = Config.model_validate({"instances": [{"name": "prod", "hosts": [{"name": "mta1", "files": settings(place)}]}]})
    exposition, clock = Exposition(), SystemClock()
    watch = Watch(config, config.instances[0], clock=clock, state=None, exposition=exposition)
    current = Round(clock, clock.monotonic() + 5)
    FilesCollector(watch.hosts, memory=None).collect(current)
    told = {sample.metric.name for part in current.parts.values() for sample in part}
    assert "campaign_mta_log_unread_bytes" in told
    assert "campaign_mta_log_lines_total" not in told


def test_doctor_says_what_is_wrong_with_files(place: Path) -> None:
    (place / "var/core.1").write_text("")
    given = settings(place, working=place / "nowhere")
    if OTHER_DEVICE.exists():
        given["temporary"] = OTHER_DEVICE
    config = Config.model_validate({"instances": [{"name": "prod", "hosts": [{"name": "mta1", "files": given}]}]})
    watch = Watch(config, config.instances[0], clock=SystemClock(), state=None, exposition=Exposition())
    reading = Reading("prod", 0.0, files=watch.hosts.files(5, {}))
    told = {check.name: (check.result.value, check.what) for check in checks(reading, config.instances[0].hosts[0])}
    assert told["files working"][0] == "finding"
    assert "nowhere is not there" in told["files working"][1]
    assert told["files cores"] == ("finding", "1 core file")
    assert told["files temporary"][0] == ("finding" if OTHER_DEVICE.exists() else "ok")
    assert "files log" not in told
