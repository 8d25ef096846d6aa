"""Facts of any kind, for properties that must hold of all of them."""

import math

from hypothesis import strategies as st

from campaign_exporter.diagnosis.facts import CampaignJobs, Delivery, Holder, Host, Parts, Platform
from campaign_exporter.domain.workflows import LAUNCHERS, MID_SOURCING_COPY, Workflow

NOW = 1_000_000.0

maybe_time = st.none() | st.sampled_from([NOW - 8 * 86400, NOW - 3601, NOW - 1, NOW, NOW + 1, math.inf, -math.inf])
modules = st.frozensets(st.sampled_from(["mta", "stat", "sms", "web", "wfserver"]))
names = st.sampled_from(["blue", "red", ""])
pids = st.integers(0, 4)
hosts = st.builds(
    Host,
    expected=st.none() | modules,
    up=st.dictionaries(st.sampled_from(["mta", "stat", "sms", "wfserver"]), st.booleans()),
    affinities=st.none() | st.frozensets(names),
    pids=st.none() | st.frozensets(pids),
    lists_children=st.booleans(),
)
holders = st.builds(Holder, hostname=st.sampled_from(["a", "A.example", "z", ""]), process_id=pids)
deliveries = st.builds(
    Delivery,
    delivery_id=st.integers(-3, 3),
    state=st.none() | st.sampled_from([11, 12, 13, 15, 21, 22, 25, 37, 45, 51, 51, 51, 55, 61, 61, 62, 95, 999]),
    label=st.text(max_size=3),
    mode=st.none() | st.integers(-1, 5),
    channel=st.none() | st.sampled_from([-5, 0, 1, 2, 3, 4, 5, 41, 120]),
    contact=maybe_time,
    validity=maybe_time,
    modified=st.none() | st.sampled_from([NOW - 3601, NOW - 1, NOW, NOW + 1]),
    to_deliver=st.none() | st.integers(-2, 10**9),
    processed=st.none() | st.integers(-2, 10**9),
    affinity=st.none() | names,
    account_active=st.none() | st.booleans(),
    parts=st.none()
    | st.builds(Parts, exist=st.booleans(), next_pass=maybe_time, holders=st.none() | st.frozensets(holders, max_size=3)),
    of_campaign=st.none() | st.booleans(),
    of_workflow=st.none() | st.booleans(),
    validations=st.none() | st.sampled_from([(), ("content",), ("content", "budget")]),
)
workflow = st.builds(
    Workflow,
    name=st.sampled_from([*LAUNCHERS, MID_SOURCING_COPY]),
    state=st.none() | st.sampled_from([0, 11, 13, 20, 99]),
    failed=st.booleans(),
    next_run=maybe_time,
)
platforms = st.builds(
    Platform,
    now=st.just(NOW),
    hosts=st.dictionaries(st.sampled_from("abc"), hosts),
    flowing=st.frozensets(names),
    role=st.sampled_from(["standalone", "marketing", "mid-sourcing", "execution"]),
    workflows=st.none() | st.lists(workflow, max_size=3).map(lambda found: {each.name: each for each in found}),
    last_copy=maybe_time,
    campaign_jobs=st.none()
    | st.builds(
        CampaignJobs, limit=st.integers(1, 5), workflows=st.integers(0, 5), preparing=st.frozensets(st.integers(-3, 3))
    ),
    waits=st.none() | st.dictionaries(st.sampled_from(["nmsdelivery", "nmsbroadlogrcp"]), st.sampled_from([0.0, 299.0, 900.0])),
    accounts_seen=st.booleans(),
    typologies_seen=st.booleans(),
    parts_seen=st.booleans(),
    holders_seen=st.booleans(),
    preparing_seen=st.booleans(),
)
