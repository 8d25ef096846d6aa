"""Why a source of a host could not be read, and what to do about it."""

from collections.abc import Mapping

from campaign_exporter.config import Host
from campaign_exporter.doctor.check import Check, finding
from campaign_exporter.errors import (
    AuthenticationFailed,
    BadAnswer,
    CommandFailed,
    ConnectFailed,
    Missing,
    PermissionDenied,
    SourceError,
    Stale,
    TimedOut,
    TlsFailed,
    Unreadable,
)

_BY_HAND = "run the command by hand as the exporter's user"
_HERE: Mapping[type[SourceError], str] = {
    Missing: "name the right path or command in the configuration, or let it be put there",
    PermissionDenied: "let the user that runs the exporter read it, or run it",
    Stale: "see that its writer runs (a cron job?), and that the clocks agree; or raise processes.max_age",
    TimedOut: f"{_BY_HAND}: it must not ask anything; with ssh give -o BatchMode=yes -o ConnectTimeout=5",
    CommandFailed: f"{_BY_HAND}: it must print nlserver's listing",
    Unreadable: "see what stands there: copy the file, or run the command, anew",
}
_AT_THE_AGENT: Mapping[type[SourceError], str] = {
    ConnectFailed: "see that `campaign-exporter serve` runs there, and that its port is open to this machine",
    TimedOut: "see that `campaign-exporter serve` runs there, and that no firewall swallows what is sent to it",
    TlsFailed: "renew its certificate; if its authority is your own, name its certificate as agent.ca_file",
    AuthenticationFailed: "give agent.username and agent.password_file, or agent.cert_file, as its web configuration asks",
    BadAnswer: "give the address of its metrics as agent.url",
    Missing: "set agent.host and agent.instance to the names that the agent has for them",
}
_CAUSES_OF_PROCESSES = "mta_down, stat_server_down and affinity_host_down"


def subject_of(host: Host) -> str:
    """Write what a check is about."""
    return f"host {host.name}"


def unread(kind: str, host: Host, error: SourceError, why: str) -> Check:
    """Make a finding of a source that could not be read."""
    mends = _HERE if host.agent is None else _AT_THE_AGENT if kind == "agent" else {}
    otherwise = "see the exporter's log" if host.agent is None else "run doctor on the agent's machine, with its configuration"
    mend = next((mend for meaning, mend in mends.items() if isinstance(error, meaning)), otherwise)
    return finding(kind, subject_of(host), str(error), why=why, mend=mend)


def may_send(expected: frozenset[str] | None) -> bool:
    """Tell whether a module that sends is to run on a host, or might be."""
    return expected is None or bool(expected & {"mta", "sms"})


def no_processes(host: Host, expected: frozenset[str] | None) -> str:
    """Say what is lost where the processes of a host are not known."""
    lost = f'no campaign_process_up{{host="{host.name}"}}'
    return f"{lost}; no delivery is said to wait for {_CAUSES_OF_PROCESSES}" if may_send(expected) else lost


def at_its_agent(host: Host, mend: str) -> str:
    """Say where a mend is to be made."""
    return f"at the agent, {mend}" if host.agent is not None else mend
