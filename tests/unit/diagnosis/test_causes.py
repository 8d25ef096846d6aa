import dataclasses
import itertools
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.diagnosis.causes import CAUSES, decide, evaluated
from campaign_exporter.diagnosis.facts import Delivery, Host, Parts, Platform

NOW = 1_000_000.0
MTA = frozenset({"mta", "stat"})
UP = Host(MTA | {"sms"}, {"mta": True, "stat": True, "sms": True}, frozenset({"blue"}))
WELL = Platform(NOW, {"mta1": UP})
DUE = Delivery(1, 51, mode=1, channel=0, contact=NOW - 60, account_active=True, parts=Parts(exist=True, next_pass=NOW - 60))
DOWN = dataclasses.replace(UP, up={"mta": False, "stat": False, "sms": False})

# What makes each cause hold, when put on a delivery that nothing keeps from being sent, and on a platform that is well.
MAKES: Mapping[str, tuple[dict[str, object], dict[str, object]]] = {
    "scheduled": ({"contact": NOW + 1}, {}),
    "waiting_wave": ({"parts": Parts(exist=True, next_pass=NOW + 1)}, {}),
    "waiting_retry": ({"parts": Parts(exist=True, next_pass=NOW + 1), "processed": 1}, {}),
    "validity_expired": ({"validity": NOW - 1}, {}),
    "account_inactive": ({"account_active": False}, {}),
    "mta_down": ({}, {"up": {"mta": False, "stat": True, "sms": False}}),
    "stat_server_down": ({}, {"up": {"mta": True, "stat": False, "sms": True}}),
    "affinity_unconfigured": ({"affinity": "red"}, {}),
    "affinity_host_down": ({"affinity": "blue"}, {"other": True}),
    "parts_missing": ({"parts": Parts(exist=False)}, {}),
    "unknown": ({}, {}),
}


def scene(*names: str) -> tuple[Delivery, Platform]:
    """Put together what makes several causes hold at once."""
    delivery: dict[str, object] = {}
    host: dict[str, object] = {}
    for name in reversed(names):
        delivery |= MAKES[name][0]
        host |= MAKES[name][1]
    other = host.pop("other", None)
    hosts = {"mta1": dataclasses.replace(UP, **host)}  # type: ignore[arg-type]
    if other:
        hosts["mta1"] = dataclasses.replace(hosts["mta1"], affinities=frozenset())
        hosts["mta2"] = Host(MTA, {"mta": False, "stat": hosts["mta1"].up["stat"]}, frozenset({"blue"}))
    return dataclasses.replace(DUE, **delivery), Platform(NOW, hosts)  # type: ignore[arg-type]


def test_the_table_has_every_cause() -> None:
    assert [cause.name for cause in CAUSES] == list(MAKES)


@pytest.mark.parametrize("name", MAKES)
def test_each_cause_alone(name: str) -> None:
    assert decide(*scene(name)).name == name


# Pairs whose conditions exclude one another have no precedence.
EXCLUSIVE = (
    {"waiting_wave", "waiting_retry"},
    {"waiting_wave", "parts_missing"},
    {"waiting_retry", "parts_missing"},
    {"mta_down", "stat_server_down"},
    {"affinity_unconfigured", "affinity_host_down"},
)


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(MAKES, 2)))
def test_the_earlier_of_two_causes_is_named(first: str, second: str) -> None:
    if {first, second} in EXCLUSIVE:
        assert not all(cause.holds(*scene(first, second)) for cause in CAUSES if cause.name in {first, second})
    else:
        assert all(cause.holds(*scene(first, second)) for cause in CAUSES if cause.name in {first, second})
        assert decide(*scene(first, second)).name == first


def test_an_affinity_is_not_blamed_where_no_mta_runs_at_all() -> None:
    delivery = dataclasses.replace(DUE, affinity="blue")
    assert decide(delivery, Platform(NOW, {"mta1": DOWN})).name == "mta_down"


@pytest.mark.parametrize("name", MAKES)
def test_which_causes_a_retry_can_have(name: str) -> None:
    delivery, platform = scene(name)
    expected = {"scheduled": "unknown", "waiting_wave": "waiting_retry", "parts_missing": "unknown"}.get(name, name)
    assert decide(dataclasses.replace(delivery, state=61), platform).name == expected


ON_THE_MTA = ("mta_down", "stat_server_down", "affinity_unconfigured", "affinity_host_down", "parts_missing")


@pytest.mark.parametrize("name", MAKES)
@pytest.mark.parametrize("other", [{"mode": 0}, {"mode": 2}, {"mode": 4}, {"mode": None}, {"channel": None}]
                         + [{"channel": channel} for channel in (2, 3, 4, 5)])  # fmt: skip
def test_what_others_send_is_not_blamed_on_our_processes(name: str, other: dict[str, int | None]) -> None:
    delivery, platform = scene(name)
    expected = "unknown" if name in ON_THE_MTA else name
    assert decide(dataclasses.replace(delivery, **other), platform).name == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", [0, 20, 25, 40, 41, 42, 120, 7, -5])
def test_the_mta_sends_most_channels(channel: int) -> None:
    delivery = dataclasses.replace(DUE, channel=channel)
    host = dataclasses.replace(UP, up={"mta": False, "stat": True, "sms": True})
    assert decide(delivery, Platform(NOW, {"mta1": host})).name == "mta_down"


def test_a_module_of_its_own_sends_sms() -> None:
    sms = dataclasses.replace(DUE, channel=1)
    without_mta = dataclasses.replace(UP, up={"mta": False, "stat": False, "sms": True})
    without_sms = dataclasses.replace(UP, up={"mta": True, "stat": False, "sms": False})
    assert decide(sms, Platform(NOW, {"one": without_mta})).name == "unknown"
    assert decide(sms, Platform(NOW, {"one": without_sms})).name == "mta_down"


def test_only_mail_needs_the_stat_server() -> None:
    _, platform = scene("stat_server_down")
    assert decide(dataclasses.replace(DUE, channel=41), platform).name == "unknown"


@pytest.mark.parametrize("unknown", [Host(), Host(expected=MTA), Host(expected=MTA, affinities=frozenset())])
@pytest.mark.parametrize("name", ["mta_down", "affinity_host_down"])
def test_one_host_that_cannot_be_seen_takes_causes_out(name: str, unknown: Host) -> None:
    delivery, platform = scene(name)
    blind = dataclasses.replace(platform, hosts={**platform.hosts, "dark": unknown})
    assert decide(delivery, blind).name == "unknown"
    assert not evaluated(blind)[name]


def test_one_configuration_that_cannot_be_seen_takes_the_affinity_out() -> None:
    delivery, platform = scene("affinity_unconfigured")
    dark = Host(expected=MTA, up={"mta": True, "stat": True})
    blind = dataclasses.replace(platform, hosts={**platform.hosts, "dark": dark})
    assert decide(delivery, blind).name == "unknown"
    assert not evaluated(blind)["affinity_unconfigured"]


def test_a_host_without_mta_need_not_be_seen() -> None:
    delivery, platform = scene("affinity_unconfigured")
    web = dataclasses.replace(platform, hosts={**platform.hosts, "web": Host(expected=frozenset({"web"}))})
    assert decide(delivery, web).name == "affinity_unconfigured"


@pytest.mark.parametrize(
    ("names", "blind"),
    [
        (("waiting_wave", "waiting_retry", "parts_missing"), {"parts_seen": False}),
        (("account_inactive",), {"accounts_seen": False}),
        (("affinity_unconfigured", "affinity_host_down"), {"typologies_seen": False}),
        (("mta_down", "stat_server_down", "affinity_unconfigured", "affinity_host_down"), {"hosts": {}}),
    ],
)
def test_what_cannot_be_seen_is_not_named(names: tuple[str, ...], blind: dict[str, object]) -> None:
    for name in names:
        delivery, platform = scene(name)
        platform = dataclasses.replace(platform, **blind)  # type: ignore[arg-type]
        assert decide(delivery, platform).name == "unknown"
        assert {cause for cause, seen in evaluated(platform).items() if not seen} == set(names)


def test_mail_that_flows_refutes_that_its_affinity_is_unconfigured() -> None:
    delivery, platform = scene("affinity_unconfigured")
    assert decide(delivery, dataclasses.replace(platform, flowing=frozenset({"red"}))).name == "unknown"
    assert decide(delivery, dataclasses.replace(platform, flowing=frozenset({"Red"}))).name == "affinity_unconfigured"


def test_the_moment_itself_is_due() -> None:
    assert decide(dataclasses.replace(DUE, contact=NOW), WELL).name == "unknown"
    assert decide(dataclasses.replace(DUE, contact=math.nextafter(NOW, math.inf)), WELL).name == "scheduled"
    assert decide(dataclasses.replace(DUE, parts=Parts(exist=True, next_pass=NOW)), WELL).name == "unknown"
    assert decide(dataclasses.replace(DUE, parts=Parts(exist=True)), WELL).name == "unknown"
    assert decide(dataclasses.replace(DUE, validity=NOW), WELL).name == "validity_expired"
    assert decide(dataclasses.replace(DUE, validity=math.nextafter(NOW, math.inf)), WELL).name == "unknown"
    assert decide(dataclasses.replace(DUE, contact=math.inf), WELL).name == "scheduled"


maybe_time = st.none() | st.sampled_from([NOW - 1, NOW, NOW + 1, math.inf])
modules = st.frozensets(st.sampled_from(["mta", "stat", "sms", "web"]))
names = st.sampled_from(["blue", "red", ""])
hosts = st.builds(
    Host,
    expected=st.none() | modules,
    up=st.dictionaries(st.sampled_from(["mta", "stat", "sms"]), st.booleans()),
    affinities=st.none() | st.frozensets(names),
)
deliveries = st.builds(
    Delivery,
    delivery_id=st.integers(),
    state=st.sampled_from([51, 61]),
    mode=st.none() | st.integers(-1, 5),
    channel=st.none() | st.sampled_from([-5, 0, 1, 2, 3, 4, 5, 41, 120]),
    contact=maybe_time,
    validity=maybe_time,
    modified=maybe_time,
    to_deliver=st.none() | st.integers(),
    processed=st.none() | st.integers(),
    affinity=st.none() | names,
    account_active=st.none() | st.booleans(),
    parts=st.none() | st.builds(Parts, exist=st.booleans(), next_pass=maybe_time),
)
platforms = st.builds(
    Platform,
    now=st.just(NOW),
    hosts=st.dictionaries(st.sampled_from("abc"), hosts),
    flowing=st.frozensets(names),
    accounts_seen=st.booleans(),
    typologies_seen=st.booleans(),
    parts_seen=st.booleans(),
)


@given(deliveries, platforms)
def test_any_facts_have_one_cause_that_can_be_seen(delivery: Delivery, platform: Platform) -> None:
    assert evaluated(platform)[decide(delivery, platform).name]


@given(deliveries, platforms)
def test_never_more_is_said_with_less_seen(delivery: Delivery, platform: Platform) -> None:
    """Lose sight of one host after the other: what is named of processes and affinities then was so before."""
    dark = dataclasses.replace(platform, hosts={**platform.hosts, "dark": Host()})
    named = decide(delivery, dark).name
    assert named not in {"mta_down", "affinity_unconfigured", "affinity_host_down"}
