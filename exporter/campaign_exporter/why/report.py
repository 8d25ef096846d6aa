"""What is told of a delivery: the cause, the checks with their evidence, what else holds, and what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from campaign_exporter.diagnosis.causes import CAUSES, Cause
from campaign_exporter.diagnosis.facts import Delivery, Platform
from campaign_exporter.diagnosis.waiting import Waiting
from campaign_exporter.sources.inspection import PartCounts
from campaign_exporter.why.advice import Case, Step, advise, make_checkable
from campaign_exporter.why.clues import Clue
from campaign_exporter.why.evidence import EVIDENCE


class Verdict(StrEnum):
    """How a check ended."""

    HOLDS = "holds"
    CLEAR = "clear"
    UNSEEN = "cannot tell"
    OUTSIDE = "not concerned"


@dataclass(frozen=True, slots=True)
class Check:
    """One cause, tested. `mend` says how to make it checkable where it cannot be told."""

    cause: Cause
    verdict: Verdict
    evidence: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of one delivery. `waiting` is None where it is not one that should be sending and is not."""

    instance: str
    case: Case
    waiting: Waiting | None
    checks: tuple[Check, ...]
    clues: tuple[Clue, ...] = ()
    parts: PartCounts | None = None
    notes: tuple[str, ...] = ()

    @property
    def cause(self) -> Cause | None:
        """For what it waits."""
        return self.waiting.cause if self.waiting else None

    @property
    def also(self) -> tuple[Cause, ...]:
        """What else would hold it if the cause were mended, but for what is mended with it."""
        if self.cause is None:
            return ()
        settled = {self.cause.name} | _MENDED_WITH.get(self.cause.name, frozenset())
        return tuple(each.cause for each in self.checks if each.verdict is Verdict.HOLDS and each.cause.name not in settled)

    @property
    def steps(self) -> tuple[Step, ...]:
        """What to do next; where the cause is not known, first what the signs advise."""
        if self.cause is None:
            return ()
        signs = tuple(Step(clue.advice) for clue in self.clues if clue.seen) if self.cause.name == "unknown" else ()
        return signs + advise(self.cause.name, self.case)


#: A scheduled delivery's parts wait for the same date; hosts that are down are down for every affinity.
_MENDED_WITH: Mapping[str, frozenset[str]] = {
    "scheduled": frozenset({"waiting_wave", "waiting_retry"}),
    "mta_down": frozenset({"affinity_host_down", "parts_orphaned"}),
    "affinity_host_down": frozenset({"parts_orphaned"}),
}


def check_all(delivery: Delivery, platform: Platform, troubles: Mapping[str, str]) -> Iterator[Check]:
    """Test every cause, in order of precedence; `troubles` says by host what keeps its facts from being read."""
    for cause in CAUSES[:-1]:
        verdict = _verdict(cause, delivery, platform)
        if verdict is Verdict.OUTSIDE:
            yield Check(cause, verdict)
        else:
            mend = make_checkable(cause.name, platform, troubles) if verdict is Verdict.UNSEEN else ""
            yield Check(cause, verdict, EVIDENCE[cause.name](delivery, platform), mend)


def _verdict(cause: Cause, delivery: Delivery, platform: Platform) -> Verdict:
    if not cause.concerns(delivery):
        return Verdict.OUTSIDE
    told = cause.test(delivery, platform)
    if told is False:  # by facts that are known, whatever else is not
        return Verdict.CLEAR
    return Verdict.HOLDS if told and cause.seen(platform) else Verdict.UNSEEN
