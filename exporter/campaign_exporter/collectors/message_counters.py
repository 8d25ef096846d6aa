"""What became of messages, added up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from campaign_exporter.domain.messages import (
    FAILED,
    FAILURE_REASONS,
    FAILURE_TYPES,
    HARD,
    LOG_STATUSES,
    PENDING,
    REFUSED,
    SENT,
    SOFT,
    TYPES_OF_REASON,
    UNKNOWN,
    UNREACHABLE,
    domain_name,
    failure_reason_name,
    failure_type_name,
    status_name,
)
from campaign_exporter.domain.top_domains import OTHER, TopDomains
from campaign_exporter.message_metrics import (
    DOMAIN_REFUSALS,
    DOMAIN_RESULTS,
    MESSAGE_DOMAIN_REFUSALS,
    MESSAGE_DOMAIN_RESULTS,
    MESSAGE_FAILURES,
    MESSAGE_TRANSITIONS,
    MESSAGE_TRANSITIONS_CATCH_UP,
    OUTCOMES,
)
from campaign_exporter.metric import Samples
from campaign_exporter.sources.delivery_logs import Answer

_REFUSALS = {FAILURE_REASONS[REFUSED], FAILURE_REASONS[UNREACHABLE]}
_DOCUMENTED = {
    (outcome, FAILURE_TYPES[kind], FAILURE_REASONS[reason])
    for outcome in OUTCOMES
    for reason, kinds in TYPES_OF_REASON.items()
    for kind in kinds
}


class Fate(NamedTuple):
    """What became of a message, in the words of the metrics.

    `outcome`, `kind` and `reason` are empty unless it failed or was postponed, `domain` unless its address is one of mail and
    may be read. `late` says that it was written while nobody watched.
    """

    status: str
    outcome: str = ""
    kind: str = ""
    reason: str = ""
    domain: str = ""
    late: bool = False

    @property
    def result(self) -> str:
        """The word for it among the results of a domain; empty for what is none."""
        if self.outcome == "failed":
            return self.kind if self.kind in {FAILURE_TYPES[HARD], FAILURE_TYPES[SOFT]} else OTHER
        return self.outcome or (self.status if self.status == LOG_STATUSES[SENT] else "")


def fate_of(status: int | None, answer_id: int, answers: Mapping[int, Answer], *, domain: str | None, late: bool) -> Fate:
    """Put a row of a delivery log into words."""
    name, mail = status_name(status), domain if domain is None else domain_name(domain) or OTHER
    failed = status == FAILED or (status == PENDING and answer_id != 0)
    if not failed:
        return Fate(name, domain=mail or "", late=late)
    kind = reason = UNKNOWN
    if answer := answers.get(answer_id, Answer(0, 0) if answer_id == 0 else None):
        kind, reason = failure_type_name(answer.kind), failure_reason_name(answer.reason)
    return Fate(name, "failed" if status == FAILED else "postponed", kind, reason, mail or "", late)


class MessageCounters:
    """All counters of messages, and which domains have their own."""

    def __init__(self, domains: int) -> None:
        self._statuses: Counter[str] = Counter()
        self._late: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str, str]] = Counter()
        self._top = TopDomains(domains)
        self._results: Counter[tuple[str, str]] = Counter()
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._mails = False

    def count(self, fates: Counter[Fate]) -> None:
        """Add what became of so many messages each."""
        for fate, messages in fates.items():
            self._statuses[fate.status] += messages
            self._late[fate.status] += messages if fate.late else 0
            if fate.outcome:
                self._failures[fate.outcome, fate.kind, fate.reason] += messages
        self._count_by_domain(Counter({fate: messages for fate, messages in fates.items() if fate.domain and fate.result}))

    def _count_by_domain(self, fates: Counter[Fate]) -> None:
        volumes: Counter[str] = Counter()
        for fate, messages in fates.items():
            volumes[fate.domain] += messages
        del volumes[OTHER]
        self._mails = self._mails or bool(fates)
        gone = self._top.welcome(volumes)
        for counts in (self._results, self._refusals):
            for key in [key for key in counts if key[0] in gone]:
                del counts[key]
        for fate, messages in fates.items():
            label = self._top.label(fate.domain)
            self._results[label, fate.result] += messages
            if fate.reason in _REFUSALS:
                self._refusals[label, fate.reason] += messages

    def add_to(self, samples: Samples, *, by_domain: bool) -> None:
        """Add the counters, each documented one also where it is 0; those of domains only where addresses can be read now."""
        for status in dict.fromkeys((*LOG_STATUSES.values(), *self._statuses)):
            samples.add(MESSAGE_TRANSITIONS, self._statuses[status], status=status)
            samples.add(MESSAGE_TRANSITIONS_CATCH_UP, self._late[status], status=status)
        for outcome, kind, reason in sorted(_DOCUMENTED | self._failures.keys()):
            value = self._failures[outcome, kind, reason]
            samples.add(MESSAGE_FAILURES, value, outcome=outcome, kind=kind, reason=reason)
        for domain in (*self._top.chosen, OTHER) if self._mails and by_domain else ():
            for result in DOMAIN_RESULTS:
                samples.add(MESSAGE_DOMAIN_RESULTS, self._results[domain, result], domain=domain, result=result)
            for reason in DOMAIN_REFUSALS:
                samples.add(MESSAGE_DOMAIN_REFUSALS, self._refusals[domain, reason], domain=domain, reason=reason)

    def dump(self) -> dict[str, Any]:
        """Write it down for a restart."""
        return {
            "statuses": dict(self._statuses),
            "late": dict(self._late),
            "failures": _dumped(self._failures.items()),
            "top": self._top.dump(),
            "results": _dumped(self._results.items()),
            "refusals": _dumped(self._refusals.items()),
            "mails": self._mails,
        }

    def load(self, section: Mapping[str, Any]) -> None:
        """Take over what `dump` wrote."""
        self._statuses, self._late = Counter(section["statuses"]), Counter(section["late"])
        self._failures = Counter({(outcome, kind, reason): count for outcome, kind, reason, count in section["failures"]})
        self._top.load(section["top"])
        self._results, self._refusals = (
            Counter({(domain, word): count for domain, word, count in section[name]}) for name in ("results", "refusals")
        )
        self._mails = section["mails"]


def _dumped(counts: Iterable[tuple[tuple[str, ...], int]]) -> list[list[Any]]:
    return [[*key, count] for key, count in sorted(counts)]
