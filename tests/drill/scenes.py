"""What goes wrong in the drill, and who must hear of it in which words."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drill.scene import Act, Scene, faults
from drill.scenes_exporter import EXPORTER
from drill.scenes_surroundings import SURROUNDINGS
from drill.scenes_upkeep import UPKEEP
from drill.site import Site
from integration.core.exporter_process import wait_until

_STUCK = "CampaignDeliveryStuckPending"
_MINUTE = 60.0
#: Seconds until an instance that is new has opens and clicks.
_FIRST_TRACKED = 10 * _MINUTE
#: Adobe's default of maxPreparationJobsSec.
_PREPARATION = 60 * _MINUTE


@contextmanager
def _undeclared(site: Site) -> Iterator[None]:
    """Use an affinity that is new each time: what has sent within the hour counts as declared somewhere."""
    with faults(f"affinity-undeclared nowhere-{time.time():.0f}.fr")(site):
        yield


@contextmanager
def _killed(site: Site) -> Iterator[None]:
    site.fault_at = time.time()
    site.kill_exporter()
    try:
        yield
    finally:
        site.start_exporter()


@contextmanager
def _tracking_stopped(site: Site) -> Iterator[None]:
    """Let opens and clicks arrive first: without any, none is the newest."""
    wait_until(site.tracks, seconds=_FIRST_TRACKED)
    with faults("workflow-failed tracking")(site):
        yield


def _stuck(cause: str, severity: str, team: str, act: Act, text: str, **more: Any) -> Scene:  # noqa: ANN401 - fields of a Scene
    return Scene(f"{_STUCK} {cause}", _STUCK, severity, team, act, text, {"cause": cause}, delay=True, **more)


_GRAVEST = (
    _stuck(
        "account_inactive",
        "critical",
        "campaign",
        faults("account-inactive"),
        r"1 delivery waits with 50 messages.*their routing account is inactive",
    ),
    Scene(
        "CampaignAllMtasDown",
        "CampaignAllMtasDown",
        "critical",
        "platform",
        faults("mta-down"),
        r"mta runs on no server\. Servers that are to run it: 2\.",
        {"process": "mta"},
        muted=((_STUCK, "mta_down"),),
        delay=True,
    ),
    Scene(
        "CampaignIpAffinityUnconfigured",
        "CampaignIpAffinityUnconfigured",
        "critical",
        "platform",
        _undeclared,
        r"no server declares the IP affinity nowhere-\d+\.fr",
        free=frozenset({"affinity"}),
        muted=((_STUCK, "affinity_unconfigured"),),
        delay=True,
    ),
    Scene(
        "CampaignDatabaseUnreachable",
        "CampaignDatabaseUnreachable",
        "critical",
        "platform",
        faults("database-down"),
        r"database",
        sampling=15.0,
    ),
    Scene(
        "CampaignExporterDown unwatched",
        "CampaignExporterDown",
        "critical",
        "platform",
        _killed,
        r"watch",
        {"scope": "unwatched"},
        free=frozenset({"instance", "job"}),
        sampling=0.0,
    ),
    Scene(
        "CampaignProcessMissing stat",
        "CampaignProcessMissing",
        "critical",
        "platform",
        faults("stat-down"),
        r"stat does not run on mta1",
        {"host": "mta1", "process": "stat", "cause": "stat_server_down"},
        muted=((_STUCK, "stat_server_down"),),
        beside=("CampaignDeliveryStalled",),
        delay=True,
    ),
    Scene(
        "CampaignProcessMissing wfserver",
        "CampaignProcessMissing",
        "critical",
        "platform",
        faults("wfserver-down"),
        r"wfserver does not run on mta1",
        {"host": "mta1", "process": "wfserver", "cause": "workflow_engine_down"},
        muted=((_STUCK, "workflow_engine_down"),),
        delay=True,
    ),
    Scene(
        "CampaignIpAffinityHostDown",
        "CampaignIpAffinityHostDown",
        "critical",
        "platform",
        faults("affinity-missing news.de mta2", "mta-down mta1"),
        r"IP affinity news\.de",
        {"affinity": "news.de"},
        muted=((_STUCK, "affinity_host_down"),),
        beside=("CampaignMtaDown", "CampaignDeliveryStalled", "CampaignIpAffinityInconsistent"),
        delay=True,
    ),
    Scene(
        "CampaignDatabaseBlocked",
        "CampaignDatabaseBlocked",
        "critical",
        "platform",
        faults("database-blocked"),
        # A delivery counts as blocked after five minutes of the exporter's own, which are not compressed: what waits is not
        # called stuck here, and that it is muted is proven by alerts/alertmanager/inhibition-cases.yml alone.
        r"a session has waited for",
    ),
    Scene(
        "CampaignEndpointDown redirection",
        "CampaignEndpointDown",
        "critical",
        "platform",
        faults("endpoint-down tracking"),
        r"tracking does not answer",
        {"endpoint": "tracking", "kind": "redirection"},
        sampling=30.0,
    ),
    Scene(
        "CampaignThroughputStalled",
        "CampaignThroughputStalled",
        "critical",
        "platform",
        faults("throughput-stalled"),
        r"no message was processed",
        {"cause": "unknown"},
        muted=((_STUCK, "unknown"),),
        delay=True,
        sampling=30.0,
    ),
)

_OTHERS = (
    _stuck("validity_expired", "warning", "campaign", faults("validity-expired"), r"their validity is over"),
    _stuck("awaiting_approval", "info", "campaign", faults("approval-awaited"), r"somebody must approve them"),
    Scene(
        "CampaignPreparationStuck",
        "CampaignPreparationStuck",
        "warning",
        "platform",
        faults("preparation-hangs"),
        r"a delivery has been in preparation for 2h",
        needed=_PREPARATION,
        confirmed=0.0,
    ),
    # Begun too long ago by the simulator: nothing has to be waited for.
    _stuck(
        "preparation_stuck",
        "warning",
        "platform",
        faults("preparation-stuck"),
        r"their preparation does not end",
        needed=_PREPARATION,
        confirmed=0.0,
    ),
    _stuck("parts_orphaned", "critical", "platform", faults("parts-orphaned"), r"a process that is dead holds their parts"),
    Scene(
        "CampaignMtaDown",
        "CampaignMtaDown",
        "warning",
        "platform",
        faults("mta-down mta2"),
        r"mta does not run on mta2",
        {"host": "mta2", "process": "mta"},
    ),
    Scene(
        "CampaignProcessMissing other",
        "CampaignProcessMissing",
        "warning",
        "platform",
        faults("inmail-down mta2"),
        r"inMail does not run on mta2",
        {"host": "mta2", "process": "inMail"},
    ),
    Scene(
        "CampaignHostUnobserved",
        "CampaignHostUnobserved",
        "warning",
        "platform",
        faults("nlserver-hang mta2"),
        r"the processes of mta2 cannot be read",
        {"host": "mta2", "source": "processes"},
    ),
    Scene(
        "CampaignProcessMemoryHigh",
        "CampaignProcessMemoryHigh",
        "warning",
        "platform",
        faults("mta-memory-high mta1"),
        r"mta on mta1 takes 1\.\d+GiB",
        {"host": "mta1", "process": "mta"},
    ),
    Scene(
        "CampaignServerConfigurationFault",
        "CampaignServerConfigurationFault",
        "warning",
        "platform",
        faults("stat-server-missing mta2"),
        r"mta2",
        {"host": "mta2", "kind": "stat_server_missing"},
    ),
    Scene(
        "CampaignIpAffinityInconsistent",
        "CampaignIpAffinityInconsistent",
        "warning",
        "platform",
        faults("affinity-missing retail.fr mta2"),
        r"retail\.fr",
        {"affinity": "retail.fr"},
    ),
    Scene(
        "CampaignIpAffinityLatent",
        "CampaignIpAffinityLatent",
        "warning",
        "campaign",
        faults("affinity-latent travel.it"),
        r"travel\.it",
        {"affinity": "travel.it"},
    ),
    Scene(
        "CampaignEndpointDown other",
        "CampaignEndpointDown",
        "warning",
        "platform",
        faults("endpoint-down app"),
        r"app \(ping\) does not answer",
        {"endpoint": "app", "kind": "ping"},
        sampling=60.0,
    ),
    *EXPORTER,
    Scene(
        "CampaignDeliveryFailed",
        "CampaignDeliveryFailed",
        "warning",
        "campaign",
        faults("delivery-failed"),
        r"entered the state failed",
        {"state": "failed"},
    ),
    Scene(
        "CampaignDeliveryStalled",
        "CampaignDeliveryStalled",
        "warning",
        "platform",
        faults("delivery-halted"),
        r"has processed nothing for",
        free=frozenset({"delivery_id"}),
    ),
    Scene(
        "CampaignDeliveryErrorsHigh",
        "CampaignDeliveryErrorsHigh",
        "warning",
        "deliverability",
        faults("mails-refused"),
        r"failed at their first attempt",
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignHardBouncesHigh",
        "CampaignHardBouncesHigh",
        "warning",
        "deliverability",
        faults("users-unknown"),
        r"bounced hard",
        beside=("CampaignDeliveryErrorsHigh",),
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignDomainRefusing",
        "CampaignDomainRefusing",
        "warning",
        "deliverability",
        faults("domain-refusing mail.example"),
        r"mail\.example refused",
        {"domain": "mail.example"},
        beside=("CampaignDeliveryErrorsHigh",),
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignSoftBouncesHigh",
        "CampaignSoftBouncesHigh",
        "warning",
        "deliverability",
        faults("mailboxes-full mail.example"),
        r"given up after soft bounces[\s\S]* at mail\.example",
        beside=("CampaignDeliveryErrorsHigh",),
        sampling=30.0,
        limit=1800.0,
    ),
    Scene(
        "CampaignComplaintsHigh",
        "CampaignComplaintsHigh",
        "warning",
        "deliverability",
        faults("complaints"),
        r"as spam",
        sampling=30.0,
        limit=1800.0,
    ),
    Scene(
        "CampaignTrackingStalled",
        "CampaignTrackingStalled",
        "warning",
        "platform",
        _tracking_stopped,
        r"workflow tracking is in error",
        beside=("CampaignWorkflowFailed",),
        sampling=60.0,
        limit=700.0,
    ),
    Scene(
        "CampaignProcessRestarting",
        "CampaignProcessRestarting",
        "warning",
        "platform",
        faults("mta-restarting mta1"),
        r"mta on mta1 was restarted",
        {"host": "mta1", "process": "mta"},
        limit=300.0,
    ),
    Scene(
        "CampaignDeliveryStartsLate",
        "CampaignDeliveryStartsLate",
        "warning",
        "campaign",
        faults("deliveries-late"),
        r"of the deliveries that started lately did so later",
        limit=500.0,
        seeded=True,
    ),
    Scene(
        "CampaignDeliveryWillMissValidity",
        "CampaignDeliveryWillMissValidity",
        "critical",
        "campaign",
        # Four hours are eight minutes here.
        faults("delivery-too-slow 7m"),
        r"at the present rate [\d.]+k? messages will be lost.*in \dm",
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignDeliveryWillMissValidity later",
        "CampaignDeliveryWillMissValidity",
        "warning",
        "campaign",
        faults("delivery-too-slow 20m"),
        r"at the present rate [\d.]+k? messages will be lost.*in 1\dm",
        sampling=30.0,
        limit=400.0,
    ),
    Scene(
        "CampaignLargeDeliveriesTogether",
        "CampaignLargeDeliveriesTogether",
        "warning",
        "campaign",
        faults("large-deliveries-together 2h"),
        r"Together they take \d+m.*messages an hour that are usual.*in 1h 5\dm.*takes 1\dm",
        free=frozenset({"group"}),
        sampling=30.0,
        limit=400.0,
        seeded=True,
    ),
    Scene(
        "CampaignThroughputLow",
        "CampaignThroughputLow",
        "warning",
        "platform",
        faults("throughput-low"),
        r"messages an hour",
        sampling=30.0,
        limit=600.0,
        seeded=True,
    ),
    *SURROUNDINGS,
    *UPKEEP,
)

SCENES = _GRAVEST + _OTHERS
#: Those that `make test` runs.
MOST_IMPORTANT = _GRAVEST[:5]
