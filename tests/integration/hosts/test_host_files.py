"""Listings, configuration files and directories of a host: real files and commands."""

import os
import time
from pathlib import Path

import pytest

from campaign_exporter.domain.processes import Listing, MissingListing
from campaign_exporter.errors import CommandFailed, Missing, PermissionDenied, SourceError, Stale, TimedOut, Unreadable
from campaign_exporter.sources.configuration_files import ConfigurationFiles
from campaign_exporter.sources.directories import usage
from campaign_exporter.sources.files import MAXIMAL_BYTES, failure, read_file
from campaign_exporter.sources.listings import CommandProcesses, FileProcesses, Form, ProcessSource

HEADER = "12:09:54 >   Application server for Adobe Campaign Classic (7.3.4 build 9364@8f3ef8e of 09/04/2023)\n"
PDUMP = HEADER + "mta@prod (12) - 9.6 MB\n"
NOW = 1_700_000_000.0


@pytest.fixture
def listing_file(tmp_path: Path) -> Path:
    path = tmp_path / "pdump.txt"
    path.write_text(PDUMP)
    os.utime(path, (NOW, NOW))
    return path


def file_source(path: Path, age: float = 0.0) -> FileProcesses:
    return FileProcesses(path, max_age=120, clock=lambda: NOW + age)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read(listing_file: Path, encoding: str) -> None:
    listing_file.write_text(PDUMP, encoding=encoding)
    os.utime(listing_file, (NOW, NOW))
    source: ProcessSource = file_source(listing_file, age=119)
    listing = source.read(1)
    assert isinstance(listing, Listing)
    assert (listing.complete, listing.up("mta", "prod"), listing.up("stat", "prod")) == (True, True, False)


def test_the_real_clock_is_the_default(listing_file: Path) -> None:
    with pytest.raises(Stale):
        FileProcesses(listing_file, max_age=120).read(1)
    listing_file.touch()
    assert FileProcesses(listing_file, max_age=120).read(1).complete


@pytest.mark.parametrize(
    ("age", "complaint"), [(121, "written 121 s ago, more than 120 s"), (-121, "written 121 s in the future")]
)
def test_a_file_of_another_time_is_stale(listing_file: Path, age: float, complaint: str) -> None:
    with pytest.raises(Stale, match=complaint):
        file_source(listing_file, age).read(1)


def test_a_file_that_is_just_being_written_proves_nothing(listing_file: Path) -> None:
    listing_file.write_text("")
    os.utime(listing_file, (NOW, NOW))
    listing = file_source(listing_file).read(1)
    assert not listing.complete


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path / "no" / "no"):
        with pytest.raises(Missing, match="is not there"):
            file_source(path).read(1)


def test_a_path_below_a_file_is_missing(listing_file: Path) -> None:
    with pytest.raises(Missing):
        file_source(listing_file / "x").read(1)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(Unreadable):
            read_file(path)


def test_a_large_file_is_refused(listing_file: Path) -> None:
    listing_file.write_bytes(b"x" * MAXIMAL_BYTES)
    assert len(read_file(listing_file)[0]) == MAXIMAL_BYTES
    listing_file.write_bytes(b"x" * (MAXIMAL_BYTES + 1))
    with pytest.raises(Unreadable, match="larger than 4194304 bytes"):
        read_file(listing_file)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError(13, "Permission denied"), PermissionDenied),
        (FileNotFoundError(2, "No such file or directory"), Missing),
        (OSError(5, "Input/output error"), Unreadable),
        (OSError("no number"), Unreadable),
    ],
)
def test_the_errors_of_the_system_have_our_names(error: OSError, kind: type[SourceError]) -> None:
    assert type(failure(Path("/x"), error)) is kind


def test_a_command_is_read_in_both_forms() -> None:
    pdump = CommandProcesses(("printf", "%s", PDUMP)).read(5)
    missing = CommandProcesses(("printf", "%s", HEADER + "mta@prod\n"), form="missing").read(5)
    assert isinstance(pdump, Listing)
    assert isinstance(missing, MissingListing)
    assert pdump.up("mta", "prod") is True
    assert missing.up("mta", "prod", autostart=True) is False


@pytest.mark.parametrize(
    "script",
    [
        f"echo 'Warning: known hosts' >&2; printf '%s' '{PDUMP}'",
        f"printf '%s' '{HEADER}' >&2; echo 'mta@prod (12) - 9.6 MB'",
    ],
)
def test_it_does_not_matter_which_output_the_header_is_on(script: str) -> None:
    listing = CommandProcesses(("sh", "-c", script)).read(5)
    assert isinstance(listing, Listing)
    assert (listing.up("mta", "prod"), listing.up("stat", "prod")) == (True, False)


@pytest.mark.parametrize("status", [1, 2, 123])
def test_a_whole_listing_is_taken_in_spite_of_nlservers_exit_status(status: int) -> None:
    listing = CommandProcesses(("sh", "-c", f"printf '%s\\n' '{PDUMP.strip()}'; exit {status}")).read(5)
    assert isinstance(listing, Listing)
    assert listing.up("stat", "prod") is False


WHOLE = f"printf '%s\\n' '{PDUMP.strip()}'"


@pytest.mark.parametrize(
    "script", [f"{WHOLE}; exit {status}" for status in (124, 127, 137, 255)] + ["echo oops; exit 1", "exit 1"]
)
def test_a_listing_that_a_failure_may_have_cut_off_is_not(script: str) -> None:
    with pytest.raises(CommandFailed):
        CommandProcesses(("sh", "-c", script)).read(5)


@pytest.mark.parametrize("form", ["pdump", "missing"])
def test_a_failure_behind_the_header_is_no_listing(form: Form) -> None:
    script = f"printf '%s' '{HEADER}'; echo 'Cannot connect to the watchdog (errno=111, Connection refused)' >&2; exit 1"
    with pytest.raises(CommandFailed, match="ended with exit status 1: Cannot connect to the watchdog"):
        CommandProcesses(("sh", "-c", script), form).read(5)


@pytest.mark.parametrize("text", ["No tasks\n", HEADER + "No tasks\n", HEADER.rstrip() + " No tasks\n"])
def test_that_nothing_runs_is_taken_in_spite_of_the_exit_status(text: str) -> None:
    listing = CommandProcesses(("sh", "-c", f"printf '%s' '{text}'; exit 2")).read(5)
    assert isinstance(listing, Listing)
    assert listing.up("mta", "prod") is False


def test_missing_modules_are_taken_in_spite_of_the_exit_status() -> None:
    listing = CommandProcesses(("sh", "-c", f"printf '%s' '{HEADER}'; echo mta@prod; exit 1"), "missing").read(5)
    assert isinstance(listing, MissingListing)
    assert (listing.up("mta", "prod", autostart=True), listing.up("stat", "prod", autostart=True)) == (False, True)


def test_a_listing_of_a_killed_command_is_not_taken() -> None:
    with pytest.raises(CommandFailed):
        CommandProcesses(("sh", "-c", f"printf '%s\\n' '{PDUMP.strip()}'; kill -9 $$")).read(5)


def test_a_hanging_command_times_out() -> None:
    with pytest.raises(TimedOut):
        CommandProcesses(("sleep", "1000")).read(0.2)


@pytest.fixture
def configuration(tmp_path: Path) -> tuple[Path, Path]:
    server, instance = tmp_path / "serverConf.xml", tmp_path / "config-prod.xml"
    server.write_text("<serverconf><mta><IPAffinity name='a'><IP address='1'/></IPAffinity></mta></serverconf>")
    instance.write_text("<serverconf><mta autoStart='true' statServerAddress='localhost'/></serverconf>")
    return server, instance


def test_configuration_files_are_read_together_and_once(configuration: tuple[Path, Path]) -> None:
    files = ConfigurationFiles(configuration)
    first = files.read()
    assert (first.autostart, set(first.affinities)) == (frozenset({"mta"}), {"a"})
    assert not first.faults
    assert files.read() is first


def test_a_change_is_seen_and_nothing_of_a_bad_file_is_kept(configuration: tuple[Path, Path]) -> None:
    files = ConfigurationFiles(configuration)
    first = files.read()
    good = configuration[1].read_text()
    configuration[1].write_text("<serverconf>")
    for _ in range(2):
        with pytest.raises(Unreadable, match=r"config-prod.xml, line 1"):
            files.read()
    configuration[1].write_text(good.replace("mta", "sms"))
    assert files.read().autostart == {"sms"}
    configuration[1].write_text(good)
    assert files.read() == first


def test_a_replaced_file_of_the_same_size_and_time_is_seen(configuration: tuple[Path, Path]) -> None:
    files = ConfigurationFiles(configuration)
    files.read()
    before = configuration[1].stat()
    other = configuration[1].with_suffix(".new")
    other.write_text(configuration[1].read_text().replace("mta", "sms"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(configuration[1])
    assert files.read().autostart == {"sms"}


def test_a_configuration_file_that_vanishes_is_missing(configuration: tuple[Path, Path]) -> None:
    files = ConfigurationFiles(configuration)
    files.read()
    configuration[0].unlink()
    with pytest.raises(Missing, match=r"serverConf.xml is not there"):
        files.read()


def test_a_large_configuration_file_is_refused(configuration: tuple[Path, Path]) -> None:
    configuration[0].write_bytes(b" " * (MAXIMAL_BYTES + 1))
    with pytest.raises(Unreadable):
        ConfigurationFiles(configuration).read()


def test_a_directory_tells_its_file_systems_use(tmp_path: Path) -> None:
    found = usage(tmp_path)
    assert 0 < found.available_bytes <= found.size_bytes
    assert 0 <= found.files_free <= found.files


def test_a_directory_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Missing):
        usage(tmp_path / "no")


def test_an_unchanged_configuration_costs_little(configuration: tuple[Path, Path]) -> None:
    files = ConfigurationFiles(configuration)
    files.read()
    start = time.monotonic()
    for _ in range(1_000):
        files.read()
    assert time.monotonic() - start < 1
