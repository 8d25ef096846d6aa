import dataclasses
import itertools
import math

import pytest
from hypothesis import given

from campaign_exporter.diagnosis.causes import CAUSES, decide, evaluated
from campaign_exporter.diagnosis.facts import CampaignJobs, Delivery, Holder, Host, Parts, Platform
from campaign_exporter.domain.workflows import Workflow
from unit.diagnosis.any_facts import deliveries, platforms
from unit.diagnosis.scenes import (
    AFTER_LAUNCH,
    BEFORE_LAUNCH,
    DAY,
    DOWN,
    DUE,
    HELD,
    MAKES,
    MTA,
    NOW,
    PREPARED,
    UP,
    WELL,
    WORKFLOWS,
    scene,
)

ORDER = [cause.name for cause in CAUSES]


def cause_of(delivery: Delivery, platform: Platform) -> str | None:
    cause = decide(delivery, platform)
    return cause.name if cause else None


def test_the_table_has_every_cause_of_the_design_in_its_order() -> None:
    assert ORDER == [
        "scheduled", "waiting_wave", "waiting_retry", "validity_expired", "account_inactive", "mta_down", "stat_server_down",
        "affinity_unconfigured", "affinity_host_down", "concurrency_limit", "workflow_engine_down", "awaiting_approval",
        "preparation_stuck", "database_blocked", "parts_missing", "parts_orphaned", "mid_sourcing_lag", "unknown",
    ]  # fmt: skip
    assert set(ORDER) == {*MAKES, "unknown"}


def test_severities() -> None:
    by_severity: dict[str, set[str]] = {}
    for cause in CAUSES:
        by_severity.setdefault(cause.severity, set()).add(cause.name)
    assert by_severity["never"] == {"scheduled", "waiting_wave", "waiting_retry"}
    assert by_severity["info"] == {"awaiting_approval"}
    assert by_severity["warning"] == {"validity_expired", "concurrency_limit", "preparation_stuck", "mid_sourcing_lag"}


@pytest.mark.parametrize("name", MAKES)
def test_each_cause_alone(name: str) -> None:
    delivery, platform = scene(name)
    assert cause_of(delivery, platform) == name
    assert [cause.name for cause in CAUSES if cause.holds(delivery, platform) and cause.name != "unknown"] == [name]
    assert all(evaluated(platform).values())


def test_with_nothing_wrong_only_what_is_launched_waits() -> None:
    assert cause_of(DUE, WELL) == "unknown"
    assert cause_of(PREPARED, WELL) is None
    assert all(evaluated(WELL).values())


# Pairs whose conditions exclude one another have no precedence.
EXCLUSIVE = (
    {"waiting_wave", "waiting_retry"},
    {"waiting_wave", "parts_missing"},
    {"waiting_wave", "parts_orphaned"},
    {"waiting_retry", "parts_missing"},
    {"waiting_retry", "parts_orphaned"},
    {"parts_missing", "parts_orphaned"},
    {"mta_down", "stat_server_down"},
    {"affinity_unconfigured", "affinity_host_down"},
    {"awaiting_approval", "preparation_stuck"},
    # Another server sends what is on mid-sourcing.
    *({name, "mid_sourcing_lag"} for name in ("mta_down", "stat_server_down", "affinity_unconfigured", "affinity_host_down",
                                              "parts_missing")),
)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"), [*itertools.combinations(AFTER_LAUNCH, 2), *itertools.combinations(BEFORE_LAUNCH, 2)]
)
def test_the_earlier_of_two_causes_is_named(first: str, second: str) -> None:
    first, second = sorted((first, second), key=ORDER.index)
    holding = {cause.name for cause in CAUSES if cause.holds(*scene(first, second))}
    if {first, second} in EXCLUSIVE:
        assert not {first, second} <= holding
    else:
        assert {first, second} <= holding
        assert cause_of(*scene(first, second)) == first


@pytest.mark.parametrize("name", BEFORE_LAUNCH)
@pytest.mark.parametrize(
    ("contact", "counts"),
    [
        (None, False),
        (NOW + 1, False),
        (NOW, True),
        (NOW - 7 * DAY, True),
        (NOW - 7 * DAY - 1, False),
        (-math.inf, False),
        (math.inf, False),
    ],
)
def test_what_is_not_launched_waits_once_its_contact_date_has_passed_and_for_a_week(
    name: str,
    contact: float | None,
    counts: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    delivery, platform = scene(name)
    assert cause_of(dataclasses.replace(delivery, contact=contact), platform) == (name if counts else None)


@pytest.mark.parametrize("state", [11, 12, 13, 15, 21, 22, 25, 45])
def test_which_states_before_the_launch_wait_for_what(state: int) -> None:
    expected = {
        "concurrency_limit": True,
        "workflow_engine_down": True,
        "awaiting_approval": state in {25, 45},
        "preparation_stuck": state in {11, 12, 13, 21, 22},
    }
    for name, waits in expected.items():
        delivery, platform = scene(name)
        assert cause_of(dataclasses.replace(delivery, state=state), platform) == (name if waits else None)


@pytest.mark.parametrize("state", [None, -1, 0, 33, 37, 55, 62, 71, 75, 85, 87, 95, 100, 999])
@pytest.mark.parametrize("name", MAKES)
def test_no_other_state_waits(name: str, state: int | None) -> None:
    delivery, platform = scene(name)
    assert cause_of(dataclasses.replace(delivery, state=state), platform) is None


@pytest.mark.parametrize("name", ["concurrency_limit", "workflow_engine_down"])
@pytest.mark.parametrize("of_campaign", [False, None])
def test_campaigns_launch_only_what_is_theirs(name: str, of_campaign: bool | None) -> None:  # noqa: FBT001 - a parameter
    delivery, platform = scene(name)
    assert cause_of(dataclasses.replace(delivery, of_campaign=of_campaign), platform) is None


def test_the_limit_is_for_campaigns_and_hides_nothing_from_other_workflows() -> None:
    """The limit counts jobs of campaigns only (kb KA-16442); wfserver launches what any workflow made."""
    delivery = dataclasses.replace(PREPARED, of_campaign=False, of_workflow=True)
    full = dataclasses.replace(WELL, campaign_jobs=CampaignJobs(3, 3))
    assert cause_of(delivery, full) is None
    assert cause_of(PREPARED, full) == "concurrency_limit"
    without = dataclasses.replace(full, hosts={"app": dataclasses.replace(UP, up={**UP.up, "wfserver": False})})
    assert cause_of(delivery, without) == "workflow_engine_down"


def test_a_delivery_does_not_count_against_itself() -> None:
    platform = dataclasses.replace(WELL, campaign_jobs=CampaignJobs(5, 3, frozenset({7, 8})))
    assert cause_of(PREPARED, platform) == "concurrency_limit"
    assert cause_of(dataclasses.replace(PREPARED, delivery_id=7), platform) is None


@pytest.mark.parametrize("state", [0, 13, 20])
@pytest.mark.parametrize("name", ["operationMgt", "deliveryMgt"])
def test_a_launcher_at_rest_launches_nothing(name: str, state: int) -> None:
    workflows = WORKFLOWS | {name: Workflow(name, state, failed=False)}
    assert cause_of(PREPARED, dataclasses.replace(WELL, workflows=workflows)) == "workflow_engine_down"


@pytest.mark.parametrize("state", [None, 11, 12, 14])
def test_a_workflow_state_that_is_not_documented_blames_nobody(state: int | None) -> None:
    workflows = {name: Workflow(name, state, failed=False) for name in WORKFLOWS}
    assert cause_of(PREPARED, dataclasses.replace(WELL, workflows=workflows)) is None


def test_without_wfserver_nothing_is_launched_and_no_copy_renewed() -> None:
    platform = dataclasses.replace(WELL, hosts={"app": dataclasses.replace(UP, up={**UP.up, "wfserver": False})})
    assert cause_of(PREPARED, platform) == "workflow_engine_down"
    assert cause_of(dataclasses.replace(DUE, mode=4), platform) == "mid_sourcing_lag"


@pytest.mark.parametrize(("overdue", "late"), [(-60.0, False), (600.0, False), (600.1, True), (math.inf, True)])
def test_a_copy_is_late_by_more_than_its_period(overdue: float, late: bool) -> None:  # noqa: FBT001 - a parameter
    workflows = WORKFLOWS | {"defaultMidSourcingDlv": Workflow("", 11, failed=False, next_run=NOW - overdue)}
    platform = dataclasses.replace(WELL, workflows=workflows)
    assert cause_of(dataclasses.replace(DUE, mode=4), platform) == ("mid_sourcing_lag" if late else "unknown")


@pytest.mark.parametrize(("age", "late"), [(None, False), (-60.0, False), (7200.0, False), (7200.1, True)])
def test_a_copy_is_stale_though_its_workflow_runs_on_time(
    age: float | None,
    late: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    platform = dataclasses.replace(WELL, last_copy=None if age is None else NOW - age)
    assert cause_of(dataclasses.replace(DUE, mode=4), platform) == ("mid_sourcing_lag" if late else "unknown")
    assert cause_of(ELSEWHERE, platform) == ("mid_sourcing_lag" if late else "waiting_retry")
    patient = dataclasses.replace(platform, copy_seconds=86400.0)
    assert cause_of(ELSEWHERE, patient) == "waiting_retry"


ELSEWHERE = dataclasses.replace(DUE, state=61, mode=4, processed=900, parts=Parts(exist=False, holders=frozenset()))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, "waiting_retry"),
        ({"state": 51, "processed": 0}, "unknown"),
        ({"mode": 1}, "unknown"),
        ({"validity": NOW}, "validity_expired"),
        ({"account_active": False}, "account_inactive"),
        ({"account_active": None}, "waiting_retry"),
        ({"parts": None}, "unknown"),
        ({"parts": Parts(exist=True, next_pass=NOW - 60)}, "unknown"),
        ({"parts": HELD}, "parts_orphaned"),
    ],
)
def test_a_mid_sourcing_server_retries_at_its_own_time(changes: dict[str, object], cause: str) -> None:
    """Retries of the first day are at least an hour apart, and here are no parts that would tell of the next one."""
    assert cause_of(dataclasses.replace(ELSEWHERE, **changes), WELL) == cause  # type: ignore[arg-type]


def test_a_retry_elsewhere_is_believed_of_a_fresh_copy_only() -> None:
    delivery, stopped = scene("mid_sourcing_lag")
    assert cause_of(dataclasses.replace(delivery, state=61, parts=ELSEWHERE.parts), stopped) == "mid_sourcing_lag"
    blind = (
        dataclasses.replace(WELL, workflows=None),
        dataclasses.replace(WELL, workflows={}),
        dataclasses.replace(WELL, hosts={"app": Host()}),
    )
    assert {cause_of(ELSEWHERE, platform) for platform in blind} == {"unknown"}


@pytest.mark.parametrize("role", ["standalone", "mid-sourcing", "execution"])
def test_only_a_marketing_instance_has_copies(role: str) -> None:
    delivery, platform = scene("mid_sourcing_lag")
    elsewhere = dataclasses.replace(platform, role=role)
    assert cause_of(delivery, elsewhere) == "unknown"
    assert not evaluated(elsewhere)["mid_sourcing_lag"]


@pytest.mark.parametrize(("wait", "blocked"), [(0.0, False), (300.0, False), (300.1, True)])
def test_sessions_may_wait_for_five_minutes(wait: float, blocked: bool) -> None:  # noqa: FBT001 - a parameter
    platform = dataclasses.replace(WELL, waits={"nmsdelivery": wait})
    assert cause_of(DUE, platform) == ("database_blocked" if blocked else "unknown")


@pytest.mark.parametrize(
    ("holders", "cause"),
    [
        ([Holder("mta1", 100)], "unknown"),
        ([Holder("mta1", 9)], "parts_orphaned"),
        ([Holder("MTA1.example.com", 9)], "parts_orphaned"),
        ([Holder("mta1", 9), Holder("mta1", 8)], "parts_orphaned"),
        ([Holder("mta1", 9), Holder("mta1", 100)], "unknown"),
        ([Holder("elsewhere", 9)], "unknown"),
        ([Holder("mta1", 9), Holder("elsewhere", 9)], "unknown"),
        ([Holder("", 9)], "unknown"),
        ([Holder("mta1.a.example", 9)], "parts_orphaned"),
        ([], "unknown"),
    ],
)
def test_parts_are_orphaned_if_every_holder_is_known_to_be_dead(holders: list[Holder], cause: str) -> None:
    parts = dataclasses.replace(HELD, holders=frozenset(holders))
    assert cause_of(dataclasses.replace(DUE, parts=parts), WELL) == cause


def test_on_a_host_without_its_module_every_holder_is_dead() -> None:
    other = dataclasses.replace(UP, up={**UP.up, "mta": False}, pids=frozenset({9}))
    platform = dataclasses.replace(WELL, hosts={"mta1": other, "mta2": UP})
    assert cause_of(dataclasses.replace(DUE, parts=HELD), platform) == "parts_orphaned"


def test_a_process_that_is_not_listed_may_live_where_no_child_of_the_mta_is_listed() -> None:
    """Whether pdump lists mtachild is not documented, nor whether it is a child that holds the parts."""
    parts = dataclasses.replace(HELD, holders=frozenset({Holder("mta1", 10042)}))
    silent = dataclasses.replace(UP, pids=frozenset({25708, 9376, 9977, 9986}), lists_children=False)
    alone = dataclasses.replace(WELL, hosts={"mta1": silent})
    assert cause_of(dataclasses.replace(DUE, state=61, parts=parts), alone) == "unknown"
    assert not evaluated(alone)["parts_orphaned"]
    telling = dataclasses.replace(WELL, hosts={"mta1": silent, "mta2": UP})
    assert cause_of(dataclasses.replace(DUE, parts=parts), telling) == "unknown"
    assert evaluated(telling)["parts_orphaned"]
    without = dataclasses.replace(silent, up={**UP.up, "mta": False})
    down = dataclasses.replace(WELL, hosts={"mta1": without, "mta2": UP})
    assert cause_of(dataclasses.replace(DUE, parts=parts), down) == "parts_orphaned"


ONE, OTHER = (dataclasses.replace(UP, pids=frozenset({pid})) for pid in (10, 20))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("names", "holder", "cause"),
    [
        (("mta1.dc1.example", "mta1"), Holder("mta1", 20), "unknown"),
        (("mta1.dc1.example", "mta1"), Holder("mta1", 10), "parts_orphaned"),
        (("mta1.dc1.example", "mta1"), Holder("mta1.dc1.example", 10), "unknown"),
        (("mta1.dc1.example", "mta1"), Holder("mta1.dc1.example", 20), "parts_orphaned"),
        (("mta1.dc1.example", "mta1.dc2.example"), Holder("mta1", 99), "unknown"),
        (("mta1.dc1.example", "mta1.dc2.example"), Holder("mta1.dc1.example", 99), "parts_orphaned"),
        (("mta1.dc1.example", "mta2"), Holder("mta1", 99), "parts_orphaned"),
        (("10", "mta2"), Holder("10.0.0.2", 99), "unknown"),
        (("10.0.0.2", "mta2"), Holder("10", 99), "unknown"),
        (("10.0.0.2", "mta2"), Holder("10.0.0.2", 99), "parts_orphaned"),
        (("mta", "mta2"), Holder("mta1", 99), "unknown"),
    ],
)
def test_a_holder_is_looked_for_on_its_own_host_whatever_the_order_of_the_configuration(
    names: tuple[str, str],
    holder: Holder,
    cause: str,
    turned: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    hosts = dict(zip(names, (ONE, OTHER), strict=True))
    platform = dataclasses.replace(WELL, hosts=dict(reversed(hosts.items())) if turned else hosts)
    parts = dataclasses.replace(HELD, holders=frozenset({holder}))
    assert cause_of(dataclasses.replace(DUE, parts=parts), platform) == cause


def test_full_names_of_hosts_are_not_mixed_up() -> None:
    hosts = {"mta.a.example": UP, "mta.b.example": dataclasses.replace(UP, pids=frozenset({9}))}
    platform = dataclasses.replace(WELL, hosts=hosts)
    for hostname, cause in (("mta.b.example", "unknown"), ("mta.a.example", "parts_orphaned"), ("mta.c.example", "unknown")):
        parts = dataclasses.replace(HELD, holders=frozenset({Holder(hostname, 9)}))
        assert cause_of(dataclasses.replace(DUE, parts=parts), platform) == cause


def test_an_affinity_is_not_blamed_where_no_mta_runs_at_all() -> None:
    delivery = dataclasses.replace(DUE, affinity="blue")
    assert cause_of(delivery, Platform(NOW, {"mta1": DOWN})) == "mta_down"


@pytest.mark.parametrize("name", AFTER_LAUNCH)
def test_which_causes_a_retry_can_have(name: str) -> None:
    delivery, platform = scene(name)
    expected = {"scheduled": "unknown", "waiting_wave": "waiting_retry", "parts_missing": "unknown"}.get(name, name)
    assert cause_of(dataclasses.replace(delivery, state=61), platform) == expected


ON_THE_MTA = ("mta_down", "stat_server_down", "affinity_unconfigured", "affinity_host_down", "parts_missing")


@pytest.mark.parametrize("name", AFTER_LAUNCH)
@pytest.mark.parametrize("other", [{"mode": 0}, {"mode": 2}, {"mode": 4}, {"mode": None}, {"channel": None}]
                         + [{"channel": channel} for channel in (2, 3, 4, 5)])  # fmt: skip
def test_what_others_send_is_not_blamed_on_our_processes(name: str, other: dict[str, int | None]) -> None:
    delivery, platform = scene(name)
    lag = name == "mid_sourcing_lag" and other.get("mode", 4) != 4
    expected = "unknown" if name in ON_THE_MTA or lag else name
    assert cause_of(dataclasses.replace(delivery, **other), platform) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", [0, 20, 25, 40, 41, 42, 120, 7, -5])
def test_the_mta_sends_most_channels(channel: int) -> None:
    delivery = dataclasses.replace(DUE, channel=channel)
    host = dataclasses.replace(UP, up={"mta": False, "stat": True, "sms": True})
    assert cause_of(delivery, Platform(NOW, {"mta1": host})) == "mta_down"


def test_a_module_of_its_own_sends_sms() -> None:
    sms = dataclasses.replace(DUE, channel=1)
    without_mta = dataclasses.replace(UP, up={"mta": False, "stat": False, "sms": True})
    without_sms = dataclasses.replace(UP, up={"mta": True, "stat": False, "sms": False})
    assert cause_of(sms, Platform(NOW, {"one": without_mta})) == "unknown"
    assert cause_of(sms, Platform(NOW, {"one": without_sms})) == "mta_down"


def test_only_mail_needs_the_stat_server() -> None:
    _, platform = scene("stat_server_down")
    assert cause_of(dataclasses.replace(DUE, channel=41), platform) == "unknown"


@pytest.mark.parametrize("unknown", [Host(), Host(expected=MTA), Host(expected=MTA, affinities=frozenset())])
@pytest.mark.parametrize("name", ["mta_down", "affinity_host_down"])
def test_one_host_that_cannot_be_seen_takes_causes_out(name: str, unknown: Host) -> None:
    delivery, platform = scene(name)
    blind = dataclasses.replace(platform, hosts={**platform.hosts, "dark": unknown})
    assert cause_of(delivery, blind) == "unknown"
    assert not evaluated(blind)[name]


def test_one_configuration_that_cannot_be_seen_takes_the_affinity_out() -> None:
    delivery, platform = scene("affinity_unconfigured")
    dark = Host(expected=MTA, up={"mta": True, "stat": True})
    blind = dataclasses.replace(platform, hosts={**platform.hosts, "dark": dark})
    assert cause_of(delivery, blind) == "unknown"
    assert not evaluated(blind)["affinity_unconfigured"]


def test_a_host_without_mta_need_not_be_seen() -> None:
    delivery, platform = scene("affinity_unconfigured")
    web = dataclasses.replace(platform, hosts={**platform.hosts, "web": Host(expected=frozenset({"web"}))})
    assert cause_of(delivery, web) == "affinity_unconfigured"


@pytest.mark.parametrize(
    ("names", "blind"),
    [
        (("waiting_wave", "waiting_retry", "parts_missing", "parts_orphaned"), {"parts_seen": False}),
        (("parts_orphaned",), {"holders_seen": False}),
        (("database_blocked",), {"waits": None}),
        (("account_inactive",), {"accounts_seen": False}),
        (("affinity_unconfigured", "affinity_host_down"), {"typologies_seen": False}),
        (("mta_down", "stat_server_down", "affinity_unconfigured", "affinity_host_down", "parts_orphaned"), {"hosts": {}}),
        (("concurrency_limit",), {"campaign_jobs": None}),
        (("workflow_engine_down", "mid_sourcing_lag"), {"workflows": None}),
        (("concurrency_limit", "workflow_engine_down", "awaiting_approval", "preparation_stuck"), {"preparing_seen": False}),
    ],
)
def test_what_cannot_be_seen_is_not_named(names: tuple[str, ...], blind: dict[str, object]) -> None:
    for name in names:
        delivery, platform = scene(name)
        platform = dataclasses.replace(platform, **blind)  # type: ignore[arg-type]
        assert cause_of(delivery, platform) == (None if name in BEFORE_LAUNCH else "unknown")
        assert {cause for cause, seen in evaluated(platform).items() if not seen} == set(names)


def test_mail_that_flows_refutes_that_its_affinity_is_unconfigured() -> None:
    delivery, platform = scene("affinity_unconfigured")
    assert cause_of(delivery, dataclasses.replace(platform, flowing=frozenset({"red"}))) == "unknown"
    assert cause_of(delivery, dataclasses.replace(platform, flowing=frozenset({"Red"}))) == "affinity_unconfigured"


def test_the_moment_itself_is_due() -> None:
    assert cause_of(dataclasses.replace(DUE, contact=NOW), WELL) == "unknown"
    assert cause_of(dataclasses.replace(DUE, contact=math.nextafter(NOW, math.inf)), WELL) == "scheduled"
    assert cause_of(dataclasses.replace(DUE, parts=Parts(exist=True, next_pass=NOW)), WELL) == "unknown"
    assert cause_of(dataclasses.replace(DUE, parts=Parts(exist=True)), WELL) == "unknown"
    assert cause_of(dataclasses.replace(DUE, validity=NOW), WELL) == "validity_expired"
    assert cause_of(dataclasses.replace(DUE, validity=math.nextafter(NOW, math.inf)), WELL) == "unknown"
    assert cause_of(dataclasses.replace(DUE, contact=math.inf), WELL) == "scheduled"


def blinded(platform: Platform) -> Platform:
    return dataclasses.replace(platform, hosts={**platform.hosts, "dark": Host()})


@given(deliveries, platforms)
def test_any_facts_have_one_cause_that_can_be_seen(delivery: Delivery, platform: Platform) -> None:
    cause = cause_of(delivery, platform)
    if delivery.state in {51, 61}:
        assert cause is not None
    if cause is not None:
        assert evaluated(platform)[cause]


@given(deliveries, platforms)
def test_the_first_in_order_that_holds_is_named(delivery: Delivery, platform: Platform) -> None:
    holding = [cause.name for cause in CAUSES if cause.holds(delivery, platform)]
    cause = cause_of(delivery, platform)
    assert cause is None or cause == holding[0]


@given(deliveries, platforms)
def test_never_more_is_said_with_less_seen(delivery: Delivery, platform: Platform) -> None:
    """With a host of which nothing is known, nothing is said that it could refute."""
    assert cause_of(delivery, blinded(platform)) not in {
        "mta_down", "affinity_unconfigured", "affinity_host_down", "stat_server_down", "workflow_engine_down",
        "parts_orphaned", "mid_sourcing_lag",
    }  # fmt: skip
