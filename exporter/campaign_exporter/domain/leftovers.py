"""Deliveries that nobody needs any more, and how long that has been so."""

from dataclasses import dataclass

from campaign_exporter.domain.deliveries import PREPARED

_DAY = 86400.0
_YEAR = 365 * _DAY
_UNKNOWN = "unknown"
_FAILED, _PREPARATION_FAILED = 87, 37
LEFT_KINDS = ("failed", "preparation_failed", "prepared")
_AGES = (("under_1d", _DAY), ("1d_to_7d", 7 * _DAY), ("7d_to_30d", 30 * _DAY), ("over_30d", float("inf")))
AGES = (*(name for name, _ in _AGES), _UNKNOWN)
# Adobe advises to purge after two years (docs: production/using/application-objects.md).
_KEPT_AGES = (
    ("under_1d", _DAY),
    ("1d_to_30d", 30 * _DAY),
    ("30d_to_1y", _YEAR),
    ("1y_to_2y", 2 * _YEAR),
    ("over_2y", float("inf")),
)
KEPT_AGES = (*(name for name, _ in _KEPT_AGES), _UNKNOWN)
RECYCLED = ("kept", "due", "overdue", _UNKNOWN)


@dataclass(frozen=True, slots=True)
class Remnant:
    """A delivery as an upkeeper sees it. Moments are in seconds since the epoch.

    `aside` holds for templates and proofs; `deleted` is when it was put into the bin, if `recycled`.
    """

    delivery_id: int
    state: int | None
    aside: bool
    recycled: bool
    started: bool
    created: float | None
    modified: float | None
    contact: float | None
    deleted: float | None


def kind_left(remnant: Remnant, now: float) -> str | None:
    """Say in which way a delivery came to nothing; None where it did not, or may still be sent."""
    if remnant.aside or remnant.recycled:
        return None
    if remnant.state == _FAILED:
        return "failed"
    if remnant.state == _PREPARATION_FAILED:
        return "preparation_failed"
    is_past = remnant.contact is not None and remnant.contact <= now
    return "prepared" if remnant.state in PREPARED and is_past and not remnant.started else None


def age_left(remnant: Remnant, now: float) -> str:
    """Say for how long a delivery has not been touched."""
    return _class(remnant.modified, now, _AGES)


def age_kept(remnant: Remnant, now: float) -> str:
    """Say how old a delivery is."""
    return _class(remnant.created, now, _KEPT_AGES)


def _class(moment: float | None, now: float, classes: tuple[tuple[str, float], ...]) -> str:
    if moment is None:
        return _UNKNOWN
    return next((name for name, bound in classes if now - moment < bound), classes[-1][0])


def recycled_standing(deleted: float | None, delay: float | None, last_cleanup: float | None, now: float) -> str:
    """Say whether cleanup should have purged a delivery that was deleted.

    It purges those whose date lies further back than NmsCleanup_RecycledDeliveryPurgeDelay
    (docs: production/using/database-cleanup-workflow.md).
    """
    if deleted is None or delay is None:
        return _UNKNOWN
    purge = deleted + delay
    if purge > now:
        return "kept"
    return "overdue" if last_cleanup is not None and purge < last_cleanup else "due"
