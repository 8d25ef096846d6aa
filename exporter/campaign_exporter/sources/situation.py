"""Everything that a diagnosis stands on, read at one moment: the deliveries that wait, and the platform around them."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from campaign_exporter.diagnosis.facts import (
    BLOCKED_SECONDS,
    COPY_SECONDS,
    LAUNCH_WINDOW_SECONDS,
    CampaignJobs,
    Delivery,
    Holder,
    Parts,
    Platform,
)
from campaign_exporter.diagnosis.flow import still_flowing
from campaign_exporter.domain.deliveries import IN_PREPARATION, PENDING_STATES, TARGET_READY
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY
from campaign_exporter.errors import SourceError
from campaign_exporter.sources import statements
from campaign_exporter.sources.campaign import Questions
from campaign_exporter.sources.hosts import Hosts
from campaign_exporter.sources.hygiene_statements import MOMENTS
from campaign_exporter.sources.upkeep import moments

#: Minutes after which Campaign itself calls a delivery delayed.
ALERT_DELAY = "NmsMTA_Alert_Delay"
_LIMIT = "NmsOperation_LimitConcurrency"
#: Days for which a delivery that is not launched counts.
_WINDOW = "NmsOperation_DeliveryPreparationWindow"
_DAY = 86400.0
#: What causes stand on, beside the deliveries themselves.
_FACTS = (
    statements.NEXT_PASSES,
    statements.HOLDERS,
    statements.INACTIVE_ACCOUNTS,
    statements.TYPOLOGY_AFFINITIES,
    statements.PREPARING_DELIVERIES,
    statements.WORKFLOWS,
    statements.CAMPAIGN_WORKFLOWS,
    statements.OPTIONS,
    statements.BLOCKED_SESSIONS,
)


@dataclass(frozen=True, slots=True)
class Site:
    """What the configuration knows of an instance, and its database does not."""

    role: str = "standalone"
    blocked_seconds: float = BLOCKED_SECONDS
    copy_seconds: float = COPY_SECONDS


@dataclass(frozen=True, slots=True)
class Situation:
    """The deliveries that are launched and do not send, or are not launched though it is time; and all around them.

    `oldest_preparation` is when the delivery was last modified that has been in preparation for longest, in seconds since the
    epoch, None where none is. `options` has the numeric ones by name; `obstacles` tells, by statement, which facts cannot be
    read: what stands on them is out of the running.
    """

    deliveries: Sequence[Delivery]
    platform: Platform
    oldest_preparation: float | None = None
    options: Mapping[str, float] = field(default_factory=dict)
    obstacles: Mapping[str, SourceError] = field(default_factory=dict)


def read_platform(ask: Questions, hosts: Hosts) -> Platform:
    """Put together what is known of the hosts, and of the affinities that messages go out under."""
    now, known = ask.now(), hosts.known()
    return Platform(
        now=now,
        hosts=known,
        flowing=still_flowing(ask.flowing_affinities(), hosts.affinities_gone_for(), now),
        accounts_seen=ask.can_ask(statements.INACTIVE_ACCOUNTS),
        typologies_seen=ask.can_ask(statements.TYPOLOGY_AFFINITIES),
    )


def read_situation(ask: Questions, hosts: Hosts, site: Site) -> Situation:
    """Read all of it in one round; raise SourceError where the deliveries themselves cannot be read."""
    pending = [delivery for delivery in ask.sending_deliveries() if delivery.state in PENDING_STATES]
    options = ask.options((ALERT_DELAY, _LIMIT, _WINDOW)) if ask.can_ask(statements.OPTIONS) else {}
    window = options[_WINDOW] * _DAY if _WINDOW in options else LAUNCH_WINDOW_SECONDS
    preparing_seen = ask.can_ask(statements.PREPARING_DELIVERIES)
    preparing = ask.preparing_deliveries(window) if preparing_seen else []
    base = read_platform(ask, hosts)
    platform = dataclasses.replace(
        base,
        role=site.role,
        workflows=ask.workflows((*LAUNCHERS, MID_SOURCING_COPY)) if ask.can_ask(statements.WORKFLOWS) else None,
        last_copy=_last_copy(ask) if site.role == "marketing" else None,
        copy_seconds=site.copy_seconds,
        campaign_jobs=_campaign_jobs(ask, options.get(_LIMIT), preparing, base.now - window),
        waits=ask.waits(),
        blocked_seconds=site.blocked_seconds,
        launch_window_seconds=window,
        parts_seen=ask.can_ask(statements.NEXT_PASSES),
        holders_seen=ask.can_ask(statements.HOLDERS),
        preparing_seen=preparing_seen,
    )
    due = [delivery for delivery in preparing if delivery.due_within(window, base.now)]
    obstacles = {each.name: obstacle for each in _FACTS if (obstacle := ask.obstacle(each)) is not None}
    return Situation([*with_parts(ask, pending), *due], platform, _oldest_preparation(preparing), options, obstacles)


def _oldest_preparation(preparing: Sequence[Delivery]) -> float | None:
    at_work = (each.modified for each in preparing if each.state in IN_PREPARATION and each.modified is not None)
    return min(at_work, default=None)


def with_parts(ask: Questions, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Add to deliveries what is prepared of them to be sent, as far as it can be seen."""
    if not ask.can_ask(statements.NEXT_PASSES):
        return list(deliveries)
    ids = [delivery.delivery_id for delivery in deliveries]
    parts = ask.parts(ids)
    if ask.can_ask(statements.HOLDERS):
        holders = ask.holders(ids)
        parts = {id_: _held(each, holders.get(id_, frozenset())) for id_, each in parts.items()}
    return [dataclasses.replace(delivery, parts=parts[delivery.delivery_id]) for delivery in deliveries]


def _held(parts: Parts, holders: frozenset[Holder]) -> Parts:
    return dataclasses.replace(parts, holders=holders)


def _last_copy(ask: Questions) -> float | None:
    """Tell up to when deliveries were copied, from the server that was heard last; without it, the workflow alone must do."""
    return max(moments(ask).copies.values(), default=None) if ask.can_ask(MOMENTS) else None


def _campaign_jobs(ask: Questions, limit: float | None, preparing: Sequence[Delivery], since: float) -> CampaignJobs | None:
    """Count what campaigns have under way; None where the limit is not known: Adobe names more than one default."""
    if limit is None or not ask.can_ask(statements.CAMPAIGN_WORKFLOWS, statements.PREPARING_DELIVERIES):
        return None
    at_work = (
        delivery.delivery_id
        for delivery in preparing
        if delivery.of_campaign
        and delivery.state in (*IN_PREPARATION, TARGET_READY)
        and delivery.modified is not None
        and delivery.modified > since
    )
    return CampaignJobs(int(limit), ask.campaign_workflows(), frozenset(at_work))
