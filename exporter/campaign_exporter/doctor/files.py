"""The files of Campaign's processes on a host: can they be looked at, and are temporary files where they should be."""

from collections.abc import Iterator

from campaign_exporter.catalogue_surroundings import CORE_FILES, MTA_LOG_LINES, TEMPORARY_OTHER_DEVICE, WORKING_FILES
from campaign_exporter.config import Host
from campaign_exporter.doctor.agents import lost
from campaign_exporter.doctor.check import Check, finding, ok
from campaign_exporter.doctor.host_failures import subject_of, unread
from campaign_exporter.doctor.host_reading import Reading
from campaign_exporter.domain.host_facts import Files

_METRICS = {
    "temporary": TEMPORARY_OTHER_DEVICE.name,
    "working": WORKING_FILES.name,
    "cores": CORE_FILES.name,
    "log": MTA_LOG_LINES.name,
}


def checks(reading: Reading, host: Host) -> Iterator[Check]:
    """Judge the files of a host; none are needed."""
    if lost(reading, host):
        return
    for key, seen in reading.files.items():
        if seen.host != host.name:
            continue
        kind = key.rpartition("/")[2] if "/" in key else "files"
        if seen.error is not None:
            metric = _METRICS.get(kind)
            yield unread(f"files {kind}", host, seen.error, f"no {metric} of it" if metric else "nothing of its files is told")
        elif seen.value is not None:
            yield from _judged(kind, host, seen.value)


def _judged(kind: str, host: Host, files: Files) -> Iterator[Check]:
    name, subject = f"files {kind}", subject_of(host)
    if files.other_device:
        why = "the MTA cannot rename what it has prepared, and postpones deliveries (errno=18)"
        yield finding(name, subject, "temporary files and var are on different devices", why=why, mend="move TMPDIR beside var")
    elif files.other_device is not None:
        yield ok(name, subject, "temporary files and var are on one device")
    if files.cores is not None and files.cores.number:
        why = "each is a process that crashed"
        text = f"{files.cores.number:.0f} core file{'' if files.cores.number == 1 else 's'}"
        yield finding(name, subject, text, why=why, mend="move them away, and ask why")
    if files.working is not None and files.working.cut:
        text = f"more than {files.working.files:.0f} files, so that not all are looked at"
        yield finding(name, subject, text, why="the numbers are too small", mend="raise files.most_files")
