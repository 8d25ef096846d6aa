"""How each cause is made true, alone and with others: the pairs are generated, what excludes each other says why."""

from dataclasses import dataclass
from itertools import combinations

from campaign_simulator.vocabulary import Cause

Step = tuple[str, ...]  # a fault and its arguments


@dataclass(frozen=True)
class Recipe:
    """What one delivery has to be stuck in, and the faults of the platform beside it."""

    stuck: tuple[str, ...] = ()
    faults: tuple[Step, ...] = ()

    def __add__(self, other: "Recipe") -> "Recipe":
        return Recipe((*self.stuck, *other.stuck), (*self.faults, *other.faults))

    @property
    def steps(self) -> tuple[Step, ...]:
        return ((("delivery-stuck", *self.stuck),) if self.stuck else ()) + self.faults


RECIPES = {
    Cause.SCHEDULED: Recipe(("scheduled",)),
    Cause.WAITING_WAVE: Recipe(("waiting_wave",)),
    Cause.WAITING_RETRY: Recipe(("waiting_retry",)),
    Cause.VALIDITY_EXPIRED: Recipe(("validity_expired",)),
    Cause.ACCOUNT_INACTIVE: Recipe(("account_inactive",)),
    Cause.MTA_DOWN: Recipe(faults=(("mta-down",),)),
    Cause.STAT_SERVER_DOWN: Recipe(faults=(("stat-down",),)),
    Cause.AFFINITY_UNCONFIGURED: Recipe(("affinity_unconfigured",)),
    Cause.AFFINITY_HOST_DOWN: Recipe(
        ("affinity:retail.fr",), (("affinity-missing", "retail.fr", "mta2"), ("mta-down", "mta1"))
    ),
    Cause.CONCURRENCY_LIMIT: Recipe(("campaign",), (("concurrency-limit",),)),
    Cause.WORKFLOW_ENGINE_DOWN: Recipe(("campaign",), (("wfserver-down",),)),
    Cause.AWAITING_APPROVAL: Recipe(("awaiting_approval",)),
    Cause.PREPARATION_STUCK: Recipe(("preparation_stuck",)),
    Cause.DATABASE_BLOCKED: Recipe(faults=(("database-blocked",),)),
    Cause.PARTS_MISSING: Recipe(("parts_missing",)),
    Cause.PARTS_ORPHANED: Recipe(("parts_orphaned",)),
    Cause.MID_SOURCING_LAG: Recipe(("mid_sourcing",), (("mid-sourcing-lag",),)),
}
MARKETING_ONLY = {Cause.MID_SOURCING_LAG}

_BEFORE_LAUNCH = {
    Cause.CONCURRENCY_LIMIT,
    Cause.WORKFLOW_ENGINE_DOWN,
    Cause.AWAITING_APPROVAL,
    Cause.PREPARATION_STUCK,
}
_AFTER_LAUNCH = set(RECIPES) - _BEFORE_LAUNCH
_LATER = {Cause.WAITING_WAVE, Cause.WAITING_RETRY}
_SENT_HERE = {
    *_LATER,
    Cause.MTA_DOWN,
    Cause.STAT_SERVER_DOWN,
    Cause.AFFINITY_UNCONFIGURED,
    Cause.AFFINITY_HOST_DOWN,
    Cause.PARTS_MISSING,
    Cause.PARTS_ORPHANED,
}
_EXCLUSIVE: tuple[tuple[set[Cause], set[Cause], str], ...] = (
    (_BEFORE_LAUNCH, _AFTER_LAUNCH, "they apply to different states"),
    ({Cause.AWAITING_APPROVAL}, {Cause.PREPARATION_STUCK}, "they apply to different states"),
    ({Cause.WAITING_WAVE}, {Cause.WAITING_RETRY}, "something was tried, or nothing was"),
    (_LATER, {Cause.PARTS_MISSING}, "all parts are to come, or there are none"),
    (_LATER, {Cause.PARTS_ORPHANED}, "no part is due, or all that are due are held"),
    ({Cause.PARTS_MISSING}, {Cause.PARTS_ORPHANED}, "parts are held, or there are none"),
    ({Cause.SCHEDULED}, {Cause.WAITING_RETRY}, "nothing is tried before its contact date"),
    ({Cause.MTA_DOWN}, {Cause.STAT_SERVER_DOWN}, "the stat server matters while an mta runs"),
    ({Cause.AFFINITY_UNCONFIGURED}, {Cause.AFFINITY_HOST_DOWN}, "a host declares the affinity, or none does"),
    ({Cause.MID_SOURCING_LAG}, _SENT_HERE, "it is sent by another server, or by this one"),
)


def exclusion(one: Cause, other: Cause) -> str | None:
    """Return why two causes cannot hold for one delivery; none if they can."""
    for ones, others, reason in _EXCLUSIVE:
        if (one in ones and other in others) or (other in ones and one in others):
            return reason
    return None


def pairs(*, exclusive: bool) -> list[tuple[Cause, Cause]]:
    """Generate the pairs of causes that exclude each other, or those that do not, in order of precedence."""
    return [pair for pair in combinations(RECIPES, 2) if bool(exclusion(*pair)) == exclusive]


def needs_marketing(*causes: Cause) -> bool:
    return bool(MARKETING_ONLY & set(causes))
