"""Files and file systems of the servers."""

from collections.abc import Iterator, Mapping

from unit.alerts.cases import Case, Firing, Told
from unit.alerts.healthy import A, B, healthy
from unit.alerts.texts import told
from unit.alerts.timeline import (
    Line,
    Target,
    World,
    always,
    during,
    hours,
    minutes,
    only,
    scrapes_fail,
    steps,
    twice,
    withdrawn,
)
from unit.alerts.vanishing import vanishing

_DEVICE, _LOG, _CORE = "CampaignTemporaryFilesOnOtherDevice", "CampaignMtaLogErrors", "CampaignCoreDumped"
_DISK = "CampaignDiskFull"
_BEGINS, _ENDS, _KEEP = minutes(20), minutes(50), minutes(5)
_RESOLVED = _ENDS + _KEEP
_PAGE = "campaign-deliverability?var-instance=prod"
_DISK_PAGE = "campaign-mta?var-instance=prod&var-host=mta1"


def _labels(severity: str = "warning", **labels: str) -> Mapping[str, str]:
    return {"severity": severity, "team": "platform", "campaign_instance": "prod", "host": "mta1", **labels}


def _of_host(metric: str, line: Line, target: Target = A, **more: str) -> World:
    return {target(metric, host="mta1", **more): line}


# --- devices and core files -------------------------------------------------------------------------------------------------

_OTHER = "campaign_host_temporary_other_device"
_DEVICE_FIRING = Firing(_DEVICE, _labels(), _BEGINS + minutes(12), _RESOLVED)
_ON_OTHER = {**healthy(), **_of_host(_OTHER, during(_BEGINS, _ENDS, 1, 0))}
_DEVICE_TEXT = (
    "prod: on mta1, the folder of temporary files and var are on different devices. The MTA cannot rename what it has prepared"
    " (errno=18), and postpones deliveries."
)
_DEVICE_STORIES = (
    Case(
        None,
        "temporary files are on another device, and the log says so: told once",
        {
            **healthy(),
            **_of_host("campaign_mta_log_lines_total", steps(0, (minutes(35), 50)), kind="cross_device"),
            **_of_host(_OTHER, always(1)),
        },
        hours(1.2),
        (Firing(_DEVICE, _labels(), minutes(10)),),
        (
            Told(
                minutes(40),
                _DEVICE,
                [
                    (
                        _labels(),
                        told(
                            _DEVICE,
                            "Temporary files are on another device than var",
                            _DEVICE_TEXT,
                            "on mta1: df with both folders",
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case((_DEVICE,), "it comes and is mended", _ON_OTHER, hours(1.5), (_DEVICE_FIRING,)),
    Case(
        (_DEVICE,),
        "less than twelve minutes are nothing",
        {**healthy(), **_of_host(_OTHER, during(_BEGINS, _BEGINS + minutes(12), 1, 0))},
        hours(1.5),
    ),
    Case(
        (_DEVICE,),
        "failed scrapes do not resolve it, and two exporters tell it once",
        scrapes_fail(twice(_ON_OTHER, A, B), A, minutes(35), minutes(38)),
        hours(1.5),
        (_DEVICE_FIRING,),
    ),
    *vanishing(Firing(_DEVICE, _labels(), minutes(10)), _of_host(_OTHER, always(1)), _OTHER),
)
_CORES = "campaign_host_core_files"
_CORE_FIRING = Firing(_CORE, _labels(), _BEGINS + minutes(3), _RESOLVED)
_DUMPED = {**healthy(), **_of_host(_CORES, during(_BEGINS, _ENDS, 2, 0))}
_CORE_STORIES = (
    Case(
        None,
        "a process left core files, until they are moved away",
        _DUMPED,
        hours(1.2),
        (_CORE_FIRING,),
        (
            Told(
                minutes(40),
                _CORE,
                [
                    (
                        _labels(),
                        told(
                            _CORE,
                            "A process of Campaign died and left a core file",
                            "prod: 2 core files lie on mta1. Each is a process that crashed.",
                            "on mta1: ls -l the core files, then move them away",
                            _PAGE,
                        ),
                    )
                ],
            ),
        ),
    ),
    Case(
        (_CORE,), "one is enough", {**healthy(), **_of_host(_CORES, during(_BEGINS, _ENDS, 1, 0))}, hours(1.5), (_CORE_FIRING,)
    ),
    Case(
        (_CORE,),
        "less than three minutes are nothing",
        {**healthy(), **_of_host(_CORES, during(_BEGINS, _BEGINS + minutes(3), 1, 0))},
        hours(1.5),
    ),
    Case(
        (_CORE,),
        "failed scrapes do not resolve it, and two exporters tell it once",
        scrapes_fail(twice(_DUMPED, A, B), B, minutes(10), minutes(40)),
        hours(1.5),
        (_CORE_FIRING,),
    ),
    *vanishing(Firing(_CORE, _labels(), minutes(1)), _of_host(_CORES, always(1)), _CORES),
)

# --- the log ----------------------------------------------------------------------------------------------------------------

_LINES = "campaign_mta_log_lines_total"
_AT, _GONE = minutes(40), minutes(70)


def _lines(kind: str, number: float, target: Target = A) -> World:
    return _of_host(_LINES, steps(0, (_AT, number)), target, kind=kind)


def _log_firing(kind: str, end: float = _GONE) -> Firing:
    return Firing(_LOG, _labels(kind=kind), _AT, end)


def _log_told(kind: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    text = (
        f"prod: the log of the MTA on mta1 got 3 lines of the kind {kind} within 30m. Deliveries that it concerns wait, and are"
        " tried again."
    )
    next_step = "on mta1: grep -n -E 'Postponing|BAS-010015|errno=18' in the mta.log"
    return _labels(kind=kind), told(_LOG, "The MTA fails at its temporary files", text, next_step, _PAGE, anchor=kind)


_FAULTS = ("postponed_parts", "cannot_open_file", "cross_device")
_ALL_FAULTS = {name: line for kind in _FAULTS for name, line in _lines(kind, 3).items()}
_LOG_STORIES = (
    Case(
        None,
        "three lines of each kind",
        {**healthy(), **_ALL_FAULTS},
        hours(1.5),
        tuple(_log_firing(kind) for kind in _FAULTS),
        (Told(_AT, _LOG, [_log_told(kind) for kind in _FAULTS]),),
    ),
    *(
        Case((_LOG,), f"two lines are nothing: {kind}", {**healthy(), **_lines(kind, 2)}, hours(1.5))
        for kind in ("postponed_parts", "cross_device")
    ),
    Case(
        (_LOG,),
        "once the device is no longer told, the lines are",
        {**healthy(), **_lines("cross_device", 3), **_of_host(_OTHER, only(0, _AT + minutes(5), always(1)))},
        hours(1.5),
        (Firing(_LOG, _labels(kind="cross_device"), _AT + minutes(7), _GONE),),
    ),
    Case(
        (_LOG,),
        "that limits are kept alarms nobody",
        {**healthy(), **_lines("quota", 5000), **_lines("flow_control", 5000)},
        hours(1.5),
    ),
    Case(
        (_LOG,),
        "where the device is told, other kinds are still told",
        {**healthy(), **_ALL_FAULTS, **_of_host(_OTHER, always(1))},
        hours(1.5),
        tuple(_log_firing(kind) for kind in _FAULTS[:2]),
    ),
    Case(
        (_LOG,),
        "two exporters count it once each, and one may fail",
        scrapes_fail(twice({**healthy(), **_lines("cross_device", 3)}, A, B), B, minutes(45), hours(2)),
        hours(1.5),
        (_log_firing("cross_device"),),
    ),
)

# --- disks ------------------------------------------------------------------------------------------------------------------

_FULL_FIRES = _BEGINS + minutes(5)


def _disk(left: Line, what: str = "bytes", target: Target = A) -> World:
    """Let a file system of a thousand have so much left, in bytes or inodes."""
    free, whole = ("avail_bytes", "size_bytes") if what == "bytes" else ("files_free", "files")
    other_free, other_whole = ("files_free", "files") if what == "bytes" else ("avail_bytes", "size_bytes")
    lines = {free: left, whole: always(1000), other_free: always(900), other_whole: always(1000)}
    return {
        name: line
        for metric, line_ in lines.items()
        for name, line in _of_host(f"campaign_host_directory_{metric}", line_, target, directory="var").items()
    }


def _full(severity: str) -> Firing:
    return Firing(_DISK, _labels(severity, directory="var"), _FULL_FIRES, _RESOLVED)


def _while(left: float) -> Line:
    return during(_BEGINS, _ENDS, left, 900)


def _full_told(severity: str, share: str) -> Told:
    text = (
        f"prod: the file system of var on mta1 is {share} full, in bytes or in inodes. Once it is full, parts of deliveries are"
        " postponed and logs are lost."
    )
    summary = "A file system that Campaign writes to is all but full"
    anchor = "alert" if severity == "critical" else "warning"
    texts = told(_DISK, summary, text, "on mta1: df -h and df -i", _DISK_PAGE, anchor=anchor)
    return Told(minutes(40), _DISK, [(_labels(severity, directory="var"), texts)])


_METRICS = {"bytes": ("avail_bytes", "size_bytes"), "inodes": ("files_free", "files")}


def _no_longer_told(severity: str, left: float) -> Iterator[Case]:
    for what, metrics in _METRICS.items():
        firing = Firing(_DISK, _labels(severity, directory="var"), minutes(5))
        names = [f"campaign_host_directory_{metric}" for metric in metrics]
        yield from vanishing(firing, _disk(always(left), what), *names, scope=f"{severity}, {what}")


def _filling(what: str, metric: str) -> Case:
    """Let a ticket's file system become a page's, and what says so be gone before it is one: the ticket does not come back."""
    fuller = minutes(30)
    world = {**healthy(), **_disk(steps(150, (fuller, 50)), what)}
    return Case(
        (_DISK,),
        f"fuller, and then no longer told: {metric}",
        withdrawn(world, fuller + minutes(2), hours(9), f"campaign_host_directory_{metric}"),
        hours(1),
        (Firing(_DISK, _labels("warning", directory="var"), minutes(5), fuller + _KEEP),),
    )


_ALL_BUT_FULL = {**healthy(), **_disk(_while(50))}
_DISK_STORIES = (
    Case(None, "95 % full: a page", _ALL_BUT_FULL, hours(1.2), (_full("critical"),), (_full_told("critical", "95%"),)),
    Case(
        None,
        "85 % full: a ticket",
        {**healthy(), **_disk(_while(150))},
        hours(1.2),
        (_full("warning"),),
        (_full_told("warning", "85%"),),
    ),
    Case((_DISK,), "80 % are not more than 80 %", {**healthy(), **_disk(_while(200))}, hours(1.5)),
    Case((_DISK,), "nor are they of inodes", {**healthy(), **_disk(_while(200), "inodes")}, hours(1.5)),
    Case((_DISK,), "90 % are not more than 90 %", {**healthy(), **_disk(_while(100))}, hours(1.5), (_full("warning"),)),
    Case((_DISK,), "inodes count as well", {**healthy(), **_disk(_while(50), "inodes")}, hours(1.5), (_full("critical"),)),
    Case(
        (_DISK,), "inodes count for the ticket", {**healthy(), **_disk(_while(150), "inodes")}, hours(1.5), (_full("warning"),)
    ),
    Case(
        (_DISK,),
        "less than five minutes are nothing",
        {**healthy(), **_disk(during(_BEGINS, _FULL_FIRES, 50, 900))},
        hours(1.5),
    ),
    Case(
        (_DISK,),
        "failed scrapes do not resolve it, and two exporters tell it once",
        scrapes_fail(twice(_ALL_BUT_FULL, A, B), A, minutes(35), minutes(40)),
        hours(1.5),
        (_full("critical"),),
    ),
    *(case for severity, left in (("critical", 50), ("warning", 150)) for case in _no_longer_told(severity, left)),
    *(_filling(what, metric) for what, metrics in _METRICS.items() for metric in metrics),
)

STORIES = (*_DEVICE_STORIES, *_CORE_STORIES, *_LOG_STORIES, *_DISK_STORIES)
