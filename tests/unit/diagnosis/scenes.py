"""Deliveries that wait for one cause or several, and the platforms around them."""

import dataclasses
from collections.abc import Mapping

from campaign_exporter.diagnosis.facts import CampaignJobs, Delivery, Holder, Host, Parts, Platform
from campaign_exporter.domain.workflows import Workflow

NOW = 1_000_000.0
DAY = 86400.0
MTA = frozenset({"mta", "stat"})
UP = Host(
    MTA | {"sms", "wfserver"},
    {"mta": True, "stat": True, "sms": True, "wfserver": True},
    frozenset({"blue"}),
    frozenset({100}),
    lists_children=True,
)
WORKFLOWS = {name: Workflow(name, 11, failed=False) for name in ("operationMgt", "deliveryMgt", "defaultMidSourcingDlv")}
JOBS = CampaignJobs(limit=10, workflows=3, preparing=frozenset({7, 8}))
WELL = Platform(NOW, {"mta1": UP}, role="marketing", workflows=WORKFLOWS, campaign_jobs=JOBS, waits={"nmsdelivery": 0.0})
DUE = Delivery(
    1,
    51,
    mode=1,
    channel=0,
    contact=NOW - 60,
    account_active=True,
    parts=Parts(exist=True, next_pass=NOW - 60, holders=frozenset()),
)
PREPARED = Delivery(1, 45, mode=1, channel=0, contact=NOW - 60, of_campaign=True, validations=(), modified=NOW - 60)
DOWN = dataclasses.replace(UP, up={"mta": False, "stat": False, "sms": False})
FAILED = WORKFLOWS | {"operationMgt": Workflow("operationMgt", 13, failed=True)}
HELD = Parts(exist=True, next_pass=NOW - 60, holders=frozenset({Holder("mta1", 9)}))

# What makes each cause hold, when put on a delivery that nothing keeps from going on, and on a platform that is well: changes
# of the delivery, of its host, and of the platform.
Changes = tuple[dict[str, object], dict[str, object], dict[str, object]]
AFTER_LAUNCH: Mapping[str, Changes] = {
    "scheduled": ({"contact": NOW + 1}, {}, {}),
    "waiting_wave": ({"parts": Parts(exist=True, next_pass=NOW + 1)}, {}, {}),
    "waiting_retry": ({"parts": Parts(exist=True, next_pass=NOW + 1), "processed": 1}, {}, {}),
    "validity_expired": ({"validity": NOW - 1}, {}, {}),
    "account_inactive": ({"account_active": False}, {}, {}),
    "mta_down": ({}, {"up": {"mta": False, "stat": True, "sms": False, "wfserver": True}}, {}),
    "stat_server_down": ({}, {"up": {"mta": True, "stat": False, "sms": True, "wfserver": True}}, {}),
    "affinity_unconfigured": ({"affinity": "red"}, {}, {}),
    "affinity_host_down": ({"affinity": "blue"}, {"other": True}, {}),
    "database_blocked": ({}, {}, {"waits": {"nmsdelivery": 0.0, "nmsbroadlogrcp": 301.0}}),
    "parts_missing": ({"parts": Parts(exist=False, holders=frozenset())}, {}, {}),
    "parts_orphaned": ({"parts": HELD}, {}, {}),
    "mid_sourcing_lag": ({"mode": 4}, {}, {"workflows": {"defaultMidSourcingDlv": Workflow("", 20, failed=False)}}),
}
BEFORE_LAUNCH: Mapping[str, Changes] = {
    "concurrency_limit": ({}, {}, {"campaign_jobs": CampaignJobs(5, 3, frozenset({7, 8}))}),
    "workflow_engine_down": ({}, {}, {"workflows": FAILED}),
    "awaiting_approval": ({"validations": ("content",)}, {}, {}),
    "preparation_stuck": ({"state": 22, "modified": NOW - 3601}, {}, {}),
}
MAKES = {**AFTER_LAUNCH, **BEFORE_LAUNCH}


def scene(*names: str) -> tuple[Delivery, Platform]:
    """Put together what makes several causes hold at once."""
    base = PREPARED if names[0] in BEFORE_LAUNCH else DUE
    delivery: dict[str, object] = {}
    host: dict[str, object] = {}
    platform: dict[str, object] = {}
    for name in reversed(names):
        delivery |= MAKES[name][0]
        host |= MAKES[name][1]
        platform |= MAKES[name][2]
    other = host.pop("other", None)
    hosts = {"mta1": dataclasses.replace(UP, **host)}  # type: ignore[arg-type]
    if other:
        hosts["mta1"] = dataclasses.replace(hosts["mta1"], affinities=frozenset())
        up = {"mta": False, "stat": hosts["mta1"].up["stat"]}
        hosts["mta2"] = Host(MTA, up, frozenset({"blue"}), frozenset({200}))
    around = dataclasses.replace(WELL, hosts=hosts, **platform)  # type: ignore[arg-type]
    return dataclasses.replace(base, **delivery), around  # type: ignore[arg-type]
