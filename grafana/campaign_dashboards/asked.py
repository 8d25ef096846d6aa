"""What several dashboards ask, asked the same way."""

from campaign_dashboards.meaning import ALARMING, causes_of
from campaign_dashboards.query import INSTANCES, earliest, largest, merged, one_of, selector
from campaign_exporter import catalogue as c
from campaign_exporter.diagnosis.causes import Severity
from campaign_exporter.metric import Metric

#: Counters of messages move in steps of up to ten minutes; three of them make a rate that can be read.
STEADY = "30m"

#: Recorded by the rules: the average of those half hours of the last seven days in which there was work throughout.
USUAL_PER_SECOND = f"campaign_instance:campaign_messages_busy_rate30m:avg_over_time7d{{{INSTANCES}}}"

#: The alert that always fires: where it is there, the rules are loaded and looked at.
WATCHDOG = 'ALERTS{alertname="CampaignWatchdog", alertstate="firing"}'

#: What was watched within the time shown, whether it is there now or not.
KNOWN = f"group by (campaign_instance) (last_over_time({selector(c.INSTANCE_INFO)}[$__range]))"

_ALARMING = (one_of("cause", ALARMING),)
WAITING = largest(c.DELIVERIES_PENDING, "cause", matching=_ALARMING)
WAITING_MESSAGES = largest(c.PENDING_MESSAGES, "cause", matching=_ALARMING)
WAITED = f"time() - {earliest(c.PENDING_OLDEST, 'cause', matching=_ALARMING)}"

#: A file system by its directory.
DIRECTORY = ("host", "directory")


def space_used(*matching: str) -> str:
    """Ask what share of its bytes a file system has given away."""
    left, whole = (largest(metric, *DIRECTORY, matching=matching) for metric in (c.DIRECTORY_AVAILABLE, c.DIRECTORY_SIZE))
    return f"1 - {left} / {whole}"


def inodes_used(*matching: str) -> str:
    """Ask what share of its inodes a file system has given away; nothing where it does not limit them."""
    left, whole = (largest(metric, *DIRECTORY, matching=matching) for metric in (c.DIRECTORY_FILES_FREE, c.DIRECTORY_FILES))
    return f"1 - {left} / {whole}"


def disk_used(*matching: str) -> str:
    """Ask how full a file system is, in bytes or in inodes, whichever it has less of."""
    space, inodes = space_used(*matching), inodes_used(*matching)
    return f"(({space}) > ({inodes})) or ({inodes}) or ({space})"


MTAS = largest(c.PROCESS_UP, "host", matching=('process="mta"',))


def pending(metric: Metric, *severities: Severity) -> str:
    """Ask what waits for causes of these severities, by instance and cause."""
    return largest(metric, "cause", matching=(one_of("cause", causes_of(*severities)),))


def processed(*by: str, matching: tuple[str, ...] = (), window: str = STEADY) -> str:
    """Ask what was processed within a window."""
    return counted(c.MESSAGES, c.MESSAGES_CATCH_UP, window, *by, matching=matching)


def counted(metric: Metric, catch_up: Metric, window: str, *by: str, matching: tuple[str, ...] = ()) -> str:
    """Ask what was counted within a window, without what an exporter counted at once for a time that it did not watch."""
    grown, caught_up = (f"increase({selector(each, *matching)}[{window}])" for each in (metric, catch_up))
    return f"clamp_min({merged(metric, f'{grown} - {caught_up}', *by)}, 0)"


def per_hour(expr: str) -> str:
    """Make an hourly figure of what was counted within STEADY."""
    return f"2 * {expr}"


def ranked(expr: str) -> str:
    """Give each cause of an expression by cause the rank of its severity, as a value to sort by."""
    return expr
