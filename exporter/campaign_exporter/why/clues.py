"""What else speaks of a delivery: signs that prove nothing by themselves, and never change the cause.

They stand for those reasons in Adobe's documents that leave no trace which could be tested: what the delivery's log says, who
is before it in the queue, what the sender's domain is allowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from campaign_exporter.diagnosis.facts import Platform
from campaign_exporter.domain.deliveries import EMAIL, SMS
from campaign_exporter.errors import PermissionDenied, SourceError
from campaign_exporter.sources.campaign import DeliveryDetail
from campaign_exporter.sources.inspection import Clues, LogLines, Priorities
from campaign_exporter.why.words import counted, listed

_LAST_ID = 2_147_483_647
#: A share of the ids at which somebody should know.
_MUCH = 0.8
_PUSH = (40, 41, 42)


@dataclass(frozen=True, slots=True)
class Clue:
    """One sign. `seen` is True where it is there, False where it is not, None where that cannot be told."""

    name: str
    evidence: str
    advice: str
    source: str
    seen: bool | None = None


@dataclass(frozen=True, slots=True)
class _Phrase:
    """What a line of a delivery's log means."""

    name: str
    meaning: str
    advice: str
    source: str


#: By the field of LogLines that counts them.
_PHRASES = {
    "capacity": _Phrase(
        "capacity",
        "that a capacity rule leaves it no resources (DLV-490037)",
        "look at the capacity rules of its typology",
        "kb KA-15314",
    ),
    "temporary_file": _Phrase(
        "temporary_file",
        "that a temporary file could not be opened, and its parts are postponed",
        "look at space, inodes and rights of TMPDIR on the servers that run the mta",
        "kb KA-16998",
    ),
    "cross_device": _Phrase(
        "cross_device",
        "errno=18, that TMPDIR and var are on different devices",
        "put TMPDIR on the device of var",
        "temporary-files.md",
    ),
    "mid_timeout": _Phrase(
        "mid_timeout",
        "that AppendDeliveryPart timed out (HTTP 408)",
        "the marketing database is slow, often for want of vacuum or reindex",
        "kb KA-14724; delivery-performance-troubleshooting.md",
    ),
    "throttled": _Phrase(
        "throttled",
        "that messages are queued (connection quotas, dynamic flow control)",
        "the receiving side is throttled: look at the MX rules and at the stat server",
        "kb KA-22154, KA-21165",
    ),
    "affinity_not_on_mid": _Phrase(
        "affinity_not_on_mid",
        "that its affinity is not found on the mid server",
        "add the affinity to the mid-sourcing servers' IPAffinity, in its full name operator.affinity.group",
        "rn/using/release-2021.md (NEO-37514)",
    ),
}


def follow_up(detail: DeliveryDetail, platform: Platform, found: Clues) -> Iterator[Clue]:
    """Tell what was found."""
    yield from _log(found.log)
    yield _priority(found.priorities)
    yield _sequence(found.last_id)
    if detail.delivery.channel == SMS:
        yield _sms_containers(detail, platform)
    if detail.delivery.channel in _PUSH:
        yield Clue(
            "child_slots",
            "whether stuck child processes of the mta hold all slots cannot be seen",
            "look at the mtachild processes with ps, and restart the mta if they hang",
            "rn/using/release-2025.md (NEO-82351, NEO-84553, NEO-85150)",
        )
    if detail.delivery.channel == EMAIL:
        yield Clue(
            "sender_domain",
            "whether the Enhanced MTA may send for the sender's domain cannot be seen",
            "if only deliveries of one sender wait, ask Adobe whether its domain is authorised",
            "kb KA-22901",
        )


def _unread(name: str, what: str, error: SourceError, source: str) -> Clue:
    # The error of a right that is missing names the command that prints it.
    advice = "let the role read it, if it may" if isinstance(error, PermissionDenied) else ""
    return Clue(name, f"{what} cannot be read: {error}", advice, source)


def _log(log: LogLines | SourceError) -> Iterator[Clue]:
    if isinstance(log, SourceError):
        yield _unread("log", "the delivery's log (XtkJobLog)", log, "delivery-performance-troubleshooting.md")
        return
    if not any(log[1:]):
        evidence = (
            f"none of the last {counted(log.lines, 'line')} of its log is a known sign" if log.lines else "its log is empty"
        )
        yield Clue("log", evidence, "", "kb KA-16998 and others", seen=False)
    for name, phrase in _PHRASES.items():
        count: int = getattr(log, name)
        if count:
            evidence = f"{counted(count, 'line')} of its log {'says' if count == 1 else 'say'} {phrase.meaning}"
            yield Clue(name, evidence, phrase.advice, phrase.source, seen=True)


def _priority(found: Priorities | SourceError) -> Clue:
    """Tell of other priorities among what is being sent; which number goes first is not documented."""
    source = "steps-sending-the-delivery.md"
    if isinstance(found, SourceError):
        return _unread("priority", "the priorities (NmsDelivery.iPriority, iMsgPriority)", found, source)
    if not found.others:
        return Clue("priority", "no delivery that is being sent has another priority number", "", source, seen=False)
    what = f"{counted(found.others, 'delivery', 'deliveries')} in sending {'has' if found.others == 1 else 'have'}"
    numbers = f"{listed(found.theirs)}; its own are {found.number}/{found.message_number}"
    advice = "compare the priorities in the client: if others are to go first, wait, or raise its own"
    return Clue("priority", f"{what} other priority numbers (iPriority/iMsgPriority {numbers})", advice, source, seen=True)


def _sequence(last: int | SourceError | None) -> Clue:
    source = "kb KA-24179; application-objects.md"
    if last is None or isinstance(last, SourceError):
        mend = "let the role read sequence xtknewid: see `campaign-exporter grants`"
        return Clue("sequence", "how many ids are used up cannot be seen", mend, source)
    share = last / _LAST_ID
    evidence = f"{share:.0%} of the ids of xtknewid are used up"
    advice = "ask Adobe what to do before sequence xtknewid wraps" if share >= _MUCH else ""
    return Clue("sequence", evidence, advice, source, seen=share >= _MUCH)


def _sms_containers(detail: DeliveryDetail, platform: Platform) -> Clue:
    name = detail.delivery.affinity
    hosts = [host for host, facts in platform.hosts.items() if name and name in (facts.affinities or ())]
    several = len(hosts) > 1
    evidence = f"its affinity {name} is declared on {listed(hosts)}" if name else "it uses no affinity"
    advice = "an affinity for SMS belongs on exactly one container: remove it from the others" if several else ""
    return Clue("sms_containers", evidence, advice, "sms-set-up.md", seen=several)
