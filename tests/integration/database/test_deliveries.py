import pytest

from campaign_exporter.sampling import sample_once
from campaign_simulator.tricky import insert_tricky_rows
from integration.database.scene import MakeScene, Scene, grant_option_texts

NAMES = {51: "start_pending", 95: "finished", None: "null", 0: "email"}


def test_an_empty_database_has_explicit_zeros(scene: Scene) -> None:
    seen = scene.watch().round("deliveries")
    assert len(seen.samples("campaign_deliveries")) == 21 * 12
    assert seen.counted("campaign_deliveries") == {}
    assert set(seen.samples("campaign_messages_remaining").values()) == {0.0}
    assert seen.success("deliveries") == 1


@pytest.mark.parametrize("schema", ["public", 'Neo "lane"; --'])
@pytest.mark.parametrize("zone", ["with", "without"])
def test_tricky_rows_are_counted_to_the_last(make_scene: MakeScene, schema: str, zone: str) -> None:
    scene = make_scene(schema=schema, with_time_zone=zone == "with")
    rows = insert_tricky_rows(scene.connect(), schema)
    seen = scene.watch().round()
    expected = {(name(channel, "email"), name(state)): count for (state, channel), count in rows.counted.items()}
    assert seen.counted("campaign_deliveries") == expected
    assert seen.value("campaign_messages_remaining", channel="email") == sum(rows.remaining.values())
    assert {seen.success(name) for name in seen.watched.jobs} == {1.0}
    pending = sum(count for (state, _), count in rows.counted.items() if state == 51)
    assert sum(seen.samples("campaign_deliveries_pending").values()) == pending


def name(number: int | None, zero: str = "being_edited") -> str:
    names = {51: "start_pending", 95: "finished", None: "null", 0: zero}
    return names.get(number, str(number))


def test_counters_beyond_their_type_harm_nobody(scene: Scene) -> None:
    scene.delivery(1, 55, iToDeliver=2**31 - 1, iProcessed=-(2**31))
    scene.delivery(2, 55, iToDeliver=1, iProcessed=2)
    seen = scene.watch().round("deliveries", "pending")
    assert seen.value("campaign_messages_remaining", channel="email") == 2**32 - 1
    assert seen.success("pending") == 1


def test_transitions_are_counted_once_over_restarts(scene: Scene) -> None:
    scene.delivery(1, 45)
    state = scene.state()
    seen = scene.watch(state).round("deliveries")
    assert seen.counted("campaign_delivery_transitions_total") == {}  # what is there is only remembered
    scene.execute("UPDATE nmsdelivery SET istate = 51 WHERE ideliveryid = 1")
    scene.delivery(2, 0, iMessageType=1)
    assert seen.round("deliveries", "deliveries").counted("campaign_delivery_transitions_total") == {
        ("email", "start_pending"): 1,
        ("sms", "being_edited"): 1,
    }
    seen.close()
    state.close()
    scene.execute("UPDATE nmsdelivery SET istate = 55 WHERE ideliveryid = 1")
    again = scene.watch(scene.state()).round("deliveries", "deliveries")
    assert again.counted("campaign_delivery_transitions_total") == {
        ("email", "start_pending"): 1,
        ("email", "in_progress"): 1,
        ("sms", "being_edited"): 1,
    }


def test_the_start_delay_is_observed_once(scene: Scene) -> None:
    for number in (1, 2, 3, 4):
        scene.delivery(number, 51, tsContact="2026-01-01 12:00Z")
    seen = scene.watch().round("deliveries")
    start = "UPDATE nmsdelivery SET istate = 55, tsbroadstart = tscontact + %s::interval WHERE ideliveryid = %s"
    for number, delay in ((1, "60 s"), (2, "61 s"), (3, "2 days"), (4, "-5 s")):
        scene.execute(start, delay, number)
    scene.execute("UPDATE nmsdelivery SET tscontact = 'infinity' WHERE ideliveryid = 0")
    seen.round("deliveries", "deliveries")
    scene.execute("UPDATE nmsdelivery SET ideletestatus = 1 WHERE ideliveryid = 1")
    seen.round("deliveries")
    scene.execute("UPDATE nmsdelivery SET ideletestatus = 0 WHERE ideliveryid = 1")
    seen.round("deliveries")
    name = "campaign_delivery_start_delay_seconds"
    assert seen.value(f"{name}_count", channel="email") == 4
    assert seen.value(f"{name}_sum", channel="email") == 60 + 61 + 2 * 86400
    buckets = seen.samples(f"{name}_bucket", channel="email")
    assert (buckets["60.0",], buckets["120.0",], buckets["86400.0",], buckets["+Inf",]) == (2, 3, 3, 4)
    assert seen.value("campaign_delivery_transitions_total", state="in_progress", channel="email") == 4


@pytest.mark.parametrize(
    ("contact", "start"), [("infinity", "now"), ("now", "infinity"), ("-infinity", "infinity"), (None, "now")]
)
def test_a_delay_that_cannot_be_told_is_not_observed(scene: Scene, contact: str | None, start: str) -> None:
    scene.delivery(1, 51, tsContact=contact)
    seen = scene.watch().round("deliveries")
    scene.execute("UPDATE nmsdelivery SET tsbroadstart = %s WHERE ideliveryid = 1", start)
    assert seen.round("deliveries").value("campaign_delivery_start_delay_seconds_count", channel="email") == 0
    assert seen.success("deliveries") == 1


def test_a_delay_across_the_change_to_summer_time_is_told_rightly(make_scene: MakeScene) -> None:
    scene = make_scene(with_time_zone=False)
    scene.insert("XtkOption", iOptionId=1, sName="WdbcTimeZone", sStringValue="Europe/Paris")
    grant_option_texts(scene)
    scene.delivery(1, 51, tsContact="2026-03-29 01:50")
    seen = scene.watch().round("deliveries")
    scene.execute("UPDATE nmsdelivery SET tsbroadstart = '2026-03-29 03:05' WHERE ideliveryid = 1")
    assert seen.round("deliveries").value("campaign_delivery_start_delay_seconds_sum", channel="email") == 15 * 60


def test_what_a_memoryless_sample_shows(scene: Scene) -> None:
    scene.delivery(1)
    body, failures = sample_once(scene.config(), scene.clock)
    assert failures == []
    assert b'campaign_deliveries{campaign_instance="prod",channel="email",state="start_pending"} 1.0' in body
    assert b"campaign_delivery_transitions_total{" not in body
    assert b"campaign_messages_total{" not in body
