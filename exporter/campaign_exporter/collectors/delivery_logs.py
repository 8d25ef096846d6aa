"""Lines of delivery logs, as counters that a purge cannot shrink."""

from collections import Counter
from collections.abc import Mapping

from campaign_exporter.state import Section

#: Deliveries whose lines are remembered: one that is started again must not be counted again.
_REMEMBERED = 1000

Figures = Mapping[int, Mapping[str, int]]


class LineCounts:
    """What was counted by kind of line, and the figures that it was counted from, by delivery."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._figures: dict[int, dict[str, int]] | None = None

    @property
    def begun(self) -> bool:
        """Whether anything was counted or remembered yet."""
        return self._figures is not None

    def count(self, figures: Figures) -> None:
        """Count what has been added since the last time; what is there the very first time is only remembered."""
        known = self._figures
        remembered = dict(known or {})
        for id_, now in figures.items():
            before = remembered.pop(id_, {})
            grown = {kind: max(lines, before.get(kind, 0)) for kind, lines in now.items()}
            watched = known is not None
            self.totals.update({kind: lines - before.get(kind, 0) if watched else 0 for kind, lines in grown.items()})
            remembered[id_] = {**before, **grown}
        for id_ in list(remembered)[:-_REMEMBERED]:
            del remembered[id_]
        self._figures = remembered

    def dump(self) -> Section:
        """Write it down for a restart."""
        figures = self._figures
        return {
            "totals": dict(self.totals),
            "figures": None if figures is None else {str(id_): lines for id_, lines in figures.items()},
        }

    @classmethod
    def load(cls, section: Section | None) -> "LineCounts":
        """Read what `dump` wrote."""
        counts = cls()
        if section is not None:
            counts.totals = Counter(section["totals"])
            figures = section["figures"]
            counts._figures = None if figures is None else {int(id_): dict(lines) for id_, lines in figures.items()}
        return counts
