"""Files and file systems of the servers that run Campaign."""

from campaign_alerts.rule import Alert, Group
from campaign_alerts.text import HOST, INSTANCE
from campaign_alerts.values import Values

_DEVICE = "CampaignTemporaryFilesOnOtherDevice"
_LOG = "CampaignMtaLogErrors"
_CORE = "CampaignCoreDumped"
_DISK = "CampaignDiskFull"
_WHERE = "?var-instance={{ $labels.campaign_instance | urlquery }}"
#: Temporary files, core files and the MTA's log are on the one, disks on the other.
_PAGE = f"deliverability{_WHERE}"
_DISK_PAGE = f"hosts{_WHERE}&var-host={{{{ $labels.host | urlquery }}}}"
_OTHER_DEVICE = "max by (campaign_instance, host) (min_over_time(campaign_host_temporary_other_device[$window])) == 1"


def files(values: Values) -> Group:
    """Make the group."""
    rules = (_other_device(values), _log_errors(values), _core_dumped(values), *_disk_full(values))
    return Group("campaign-files", values.interval, rules)


def _other_device(values: Values) -> Alert:
    settings = values.of(_DEVICE)
    return Alert(
        _DEVICE,
        "warning",
        "platform",
        settings.fill(_OTHER_DEVICE),
        summary="Temporary files are on another device than var",
        description=(
            f"{INSTANCE}: on {HOST}, the folder of temporary files and var are on different devices. The MTA cannot rename what"
            " it has prepared (errno=18), and postpones deliveries."
        ),
        next_step=f"on {HOST}: df with both folders",
        dashboard=_PAGE,
        when="the folder of temporary files (TMPDIR) and var of a host are on different devices",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _log_errors(values: Values) -> Alert:
    settings = values.of(_LOG)
    lines = "max by (campaign_instance, host, kind) (increase(campaign_mta_log_lines_total{%s}[$range])) >= $lines"
    return Alert(
        _LOG,
        "warning",
        "platform",
        settings.fill(
            lines % 'kind=~"postponed_parts|cannot_open_file"'
            + "\nor\n"
            + lines % 'kind="cross_device"'
            + f"\nunless on (campaign_instance, host) {_OTHER_DEVICE}"
        ),
        summary="The MTA fails at its temporary files",
        description=(
            f'{INSTANCE}: the log of the MTA on {HOST} got {{{{ $value | printf "%.0f" }}}} lines of the kind'
            f" {{{{ $labels.kind }}}} within {settings['range']}. Deliveries that it concerns wait, and are tried again."
        ),
        next_step=f"on {HOST}: grep -n -E 'Postponing|BAS-010015|errno=18' in the mta.log",
        dashboard=_PAGE,
        when=(
            f"{settings['lines']} lines of mta.log within {settings['range']} say that parts are postponed, that a temporary"
            " file cannot be opened, or cannot be renamed"
        ),
        anchor="{{ $labels.kind }}",
    )


def _core_dumped(values: Values) -> Alert:
    settings = values.of(_CORE)
    return Alert(
        _CORE,
        "warning",
        "platform",
        settings.fill("max by (campaign_instance, host) (min_over_time(campaign_host_core_files[$window])) >= 1"),
        summary="A process of Campaign died and left a core file",
        description=f'{INSTANCE}: {{{{ $value | printf "%.0f" }}}} core files lie on {HOST}. Each is a process that crashed.',
        next_step=f"on {HOST}: ls -l the core files, then move them away",
        dashboard=_PAGE,
        when="a core file lies in one of the folders that are looked at (Adobe's monitoring alerts at one)",
        wait=settings["for"],
        keep=values.keep,
        confirmed=values.window,
    )


def _disk_full(values: Values) -> tuple[Alert, Alert]:
    settings = values.of(_DISK)
    full = _fuller_than(settings["alert"])
    return (
        _disk(values, "critical", full, f"fuller than {float(settings['alert']):.0%}", "alert"),
        _disk(
            values,
            "warning",
            f"({_fuller_than(settings['warning'])})\nunless on (campaign_instance, host, directory) ({full})",
            f"fuller than {float(settings['warning']):.0%}, and not yet {float(settings['alert']):.0%}",
            "warning",
        ),
    )


def _disk(values: Values, severity: str, expr: str, words: str, anchor: str) -> Alert:
    settings = values.of(_DISK)
    return Alert(
        _DISK,
        "critical" if severity == "critical" else "warning",
        "platform",
        settings.fill(expr),
        summary="A file system that Campaign writes to is all but full",
        description=(
            f"{INSTANCE}: the file system of {{{{ $labels.directory }}}} on {HOST} is {{{{ $value | humanizePercentage }}}}"
            " full, in bytes or in inodes. Once it is full, parts of deliveries are postponed and logs are lost."
        ),
        next_step=f"on {HOST}: df -h and df -i",
        dashboard=_DISK_PAGE,
        when=f"the file system of a directory is {words}, in bytes or in inodes",
        wait=settings["for"],
        keep=values.keep,
        anchor=anchor,
    )


def _fuller_than(share: str) -> str:
    return "\nor\n".join(
        "min by (campaign_instance, host, directory) (\n"
        f"  1 - last_over_time(campaign_host_directory_{left}[$window])"
        f" / last_over_time(campaign_host_directory_{whole}[$window])\n"
        f") > {share}"
        for left, whole in (("avail_bytes", "size_bytes"), ("files_free", "files"))
    )
