"""Which domains of recipients have series of their own: the largest ones, and never more than a few."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

#: Where the others are counted.
OTHER = "other"
#: Messages by which a domain shows that it is worth a series.
_WORTH = 20
#: Candidates that are remembered for each series.
_CANDIDATES = 10
#: Messages after which what was counted so far weighs half.
_MEMORY = 1_000_000
#: How much larger than the smallest a newcomer must be to take its place: else two of a size would take turns.
_LEAD = 2.0


class TopDomains:
    """The domains that have series, at most `limit`, and how large others have grown."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weights: Counter[str] = Counter()
        self._chosen: set[str] = set()

    def welcome(self, volumes: Mapping[str, int]) -> set[str]:
        """Take note of messages by domain; give the domains whose series a larger one has taken."""
        self._weights.update(volumes)
        self._age()
        gone: set[str] = set()
        for domain, weight in self._newcomers():
            if len(self._chosen) >= self._limit:
                smallest = min(self._chosen, key=lambda each: self._weights[each], default=None)
                if smallest is None or weight < _LEAD * self._weights[smallest]:
                    break
                self._chosen.discard(smallest)
                gone.add(smallest)
            self._chosen.add(domain)
        self._forget_small_ones()
        return gone - self._chosen

    @property
    def chosen(self) -> list[str]:
        """The domains that have series."""
        return sorted(self._chosen)

    def label(self, domain: str | None) -> str:
        """Give the label under which a domain is counted."""
        return domain if domain is not None and domain in self._chosen else OTHER

    def _newcomers(self) -> list[tuple[str, int]]:
        new = [(domain, weight) for domain, weight in self._weights.items() if domain not in self._chosen and weight >= _WORTH]
        return sorted(new, key=lambda each: (-each[1], each[0]))

    def _age(self) -> None:
        if self._weights.total() > _MEMORY:
            self._weights = Counter({domain: weight // 2 for domain, weight in self._weights.items()})

    def _forget_small_ones(self) -> None:
        most = _CANDIDATES * (self._limit + 1)
        if len(self._weights) > 2 * most:
            kept = dict(self._weights.most_common(most)) | {domain: self._weights[domain] for domain in self._chosen}
            self._weights = Counter(kept)

    def dump(self) -> dict[str, Any]:
        """Write it down for a restart."""
        return {"weights": dict(self._weights), "chosen": sorted(self._chosen)}

    def load(self, section: Mapping[str, Any]) -> None:
        """Take over what `dump` wrote, as far as there is room for it now."""
        self._weights = Counter(section["weights"])
        largest = sorted(section["chosen"], key=lambda domain: -self._weights[domain])
        self._chosen = set(largest[: self._limit])
