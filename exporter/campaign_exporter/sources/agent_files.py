"""What an agent's exposition says about Campaign's files on a host."""

from campaign_exporter import catalogue_surroundings as catalogue
from campaign_exporter.domain.host_facts import Cores, Files, Folder
from campaign_exporter.domain.mta_log import PHRASES
from campaign_exporter.sources.agent_texts import AgentText


def read_files(told: AgentText, host: str) -> Files:
    """Take what is told of a host's files."""
    other_device = told.value(catalogue.TEMPORARY_OTHER_DEVICE, host)
    totals = {kind: count for kind, count in told.by_name(catalogue.MTA_LOG_LINES, host).items() if kind in PHRASES}
    return Files(
        other_device=None if other_device is None else bool(other_device),
        working=_working(told, host),
        cores=_cores(told, host),
        log_totals=totals or None,
        log_unread=told.value(catalogue.MTA_LOG_UNREAD, host),
    )


def _working(told: AgentText, host: str) -> Folder | None:
    files, size = told.value(catalogue.WORKING_FILES, host), told.value(catalogue.WORKING_BYTES, host)
    if files is None or size is None:
        return None
    return Folder(files, size, told.value(catalogue.WORKING_OLDEST, host), _cut(told, host, "working"))


def _cores(told: AgentText, host: str) -> Cores | None:
    number = told.value(catalogue.CORE_FILES, host)
    newest = told.value(catalogue.CORE_NEWEST, host)
    return None if number is None else Cores(number, newest, _cut(told, host, "cores"))


def _cut(told: AgentText, host: str, what: str) -> bool:
    return bool(told.by_name(catalogue.FILES_CUT, host).get(what))
