"""Laps over all recipients: what is counted on the way, step by step."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

#: Denylists, in the order of the counts: of all channels, and of each.
DENYLISTS = ("all", "email", "fax", "mobile", "phone", "postal_mail")
#: What a recipient did of late, in the order of the counts. Who was created of late is new, whatever he did.
ACTIVITIES = ("active", "inactive", "new", "unknown")
#: Below every id: those of Campaign wrap, and may be negative.
BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True)
class Step:
    """The next recipients by id: the last id among them, how many they are, and how many of them are what.

    `last` is None where there were none left, `activity` where tracking logs could not be asked.
    """

    last: int | None
    rows: int
    denylisted: tuple[int, ...]
    activity: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Lap:
    """A lap under way, or one that has ended: moments in seconds since the epoch, by the database's clock.

    `inactive_after` is in seconds. `activity` is None once it was not known of some recipient what he did.
    """

    began: float
    inactive_after: float
    after: int = BEFORE_ALL
    rows: int = 0
    denylisted: tuple[int, ...] = (0,) * len(DENYLISTS)
    activity: tuple[int, ...] | None = (0,) * len(ACTIVITIES)
    ended: float | None = None

    def advanced(self, step: Step) -> "Lap":
        """Give the lap after one more step."""
        known = self.activity is not None and step.activity is not None
        return replace(
            self,
            after=self.after if step.last is None else step.last,
            rows=self.rows + step.rows,
            denylisted=_sums(self.denylisted, step.denylisted),
            activity=_sums(self.activity or (), step.activity or ()) if known else None,
        )

    def over(self, ended: float) -> "Lap":
        """Give the lap as it is now that it has ended."""
        return replace(self, ended=ended)

    def dump(self) -> Mapping[str, Any]:
        """Write it down for a restart."""
        return asdict(self)

    @classmethod
    def load(cls, section: Mapping[str, Any] | None) -> "Lap | None":
        """Read what `dump` wrote."""
        if section is None:
            return None
        activity = section["activity"]
        return cls(
            **{
                **section,
                "denylisted": tuple(section["denylisted"]),
                "activity": None if activity is None else tuple(activity),
            }
        )


def _sums(counts: tuple[int, ...], more: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sum(pair) for pair in zip(counts, more, strict=True))
