"""Recipients, some at a time."""

from campaign_exporter.domain.recipient_laps import Lap, Step
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.sources.recipient_statements import RECIPIENT_ACTIVITY, RECIPIENT_STEP


def read_step(ask: Questions, lap: Lap, rows: int, *, tracked: bool) -> Step:
    """Count the next recipients of a lap, at most so many; `tracked` says whether to look for their tracking logs."""
    since = {"inactive_after": lap.inactive_after}
    ((last, found, *counts),) = ask.rows(RECIPIENT_STEP, {"after": lap.after, "rows": rows, **since})
    *denylisted, undated, old = counts
    activity = _activity(ask, found, undated, old or [], since) if tracked else None
    return Step(last, found, tuple(denylisted), activity)


def _activity(ask: Questions, found: int, undated: int, old: list[int], since: dict[str, float]) -> tuple[int, ...]:
    """Tell how many of the recipients found are what, in the order of ACTIVITIES."""
    active, inactive, untold = ask.rows(RECIPIENT_ACTIVITY, {"ids": old, **since})[0] if old else (0, 0, 0)
    return active, inactive, found - undated - len(old), undated + untold
