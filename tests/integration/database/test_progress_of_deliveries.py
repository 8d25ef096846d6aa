import pytest

from integration.database.scene import Scene

SINCE, LEFT, DUE = (
    "campaign_delivery_progress_timestamp_seconds",
    "campaign_delivery_messages_remaining",
    "campaign_messages_due",
)


def moment(scene: Scene, expression: str) -> object:
    return scene.execute(f"SELECT {expression}")[0][0]


def test_an_empty_database_has_nothing_due(scene: Scene) -> None:
    seen = scene.watch().round("deliveries")
    assert len(seen.samples(DUE)) == 12
    assert set(seen.samples(DUE).values()) == {0.0}
    assert seen.samples(SINCE) == {}


def test_a_delivery_in_progress_is_followed_message_by_message(scene: Scene) -> None:
    scene.delivery(1, 55, iToDeliver=100, iProcessed=10)
    scene.delivery(2, 62, iToDeliver=50, iProcessed=10, iMessageType=1)
    an_hour_ago = scene.execute("SELECT date_part('epoch', tslastmodified) FROM nmsdelivery WHERE ideliveryid = 1")[0][0]
    seen = scene.watch().round("deliveries")
    assert seen.value(SINCE, delivery_id="1", label="Delivery 1") == pytest.approx(an_hour_ago, abs=0.01)
    assert seen.value(LEFT, delivery_id="1", label="Delivery 1") == 90
    assert seen.counted(DUE) == {("email",): 90, ("sms",): 40}
    scene.execute("UPDATE nmsdelivery SET iprocessed = 11 WHERE ideliveryid = 1")
    before = seen.clock.time()
    seen.round("deliveries")
    assert seen.value(SINCE, delivery_id="1", label="Delivery 1") == pytest.approx(before, abs=5)
    assert seen.counted(DUE) == {("email",): 89, ("sms",): 40}


@pytest.mark.parametrize(
    "columns",
    [
        {"iState": 51},
        {"iState": 75},
        {"iProcessed": 100},
        {"iToDeliver": None},
        {"iDeliveryMode": 4},
        {"iDeliveryMode": None},
        {"iMessageType": 3},
        {"iIsModel": 1},
        {"iDeleteStatus": 1},
        {"iFCP": 1},
    ],
)
def test_what_has_no_progress_to_be_missed_is_left_out(scene: Scene, columns: dict[str, object]) -> None:
    scene.delivery(1, **{"state": 55, "iToDeliver": 100, "iProcessed": 10, **columns})  # type: ignore[arg-type] # by name
    assert scene.watch().round("deliveries").samples(SINCE) == {}


def test_waves_and_retries_to_come_are_not_due(scene: Scene) -> None:
    ago, ahead = moment(scene, "now() - interval '5 min'"), moment(scene, "now() + interval '5 min'")
    scene.delivery(1, 55, parts=(ahead, ahead), iToDeliver=100)
    scene.delivery(2, 55, parts=(), iToDeliver=100)
    scene.delivery(3, 55, parts=(ahead, ago), iToDeliver=100)
    scene.delivery(4, 55, parts=(ahead, None), iToDeliver=100)
    seen = scene.watch().round("deliveries")
    assert seen.counted(DUE) == {("email",): 200}
    assert {number for number, _ in seen.samples(SINCE)} == {"3", "4"}
    became_due = scene.execute("SELECT date_part('epoch', %s::timestamptz)", ago)[0][0]
    assert seen.value(SINCE, delivery_id="3", label="Delivery 3") == pytest.approx(became_due, abs=0.01)


def test_progress_is_remembered_over_a_restart(scene: Scene) -> None:
    scene.delivery(1, 55, iToDeliver=100, iProcessed=10)
    state = scene.state()
    seen = scene.watch(state).round("deliveries")
    scene.execute("UPDATE nmsdelivery SET iprocessed = 20 WHERE ideliveryid = 1")
    before = seen.round("deliveries").samples(SINCE)
    seen.close()
    state.close()
    assert scene.watch(scene.state()).round("deliveries").samples(SINCE) == before


def test_without_the_right_to_read_parts_the_rest_goes_on(scene: Scene) -> None:
    scene.delivery(1, 55, iToDeliver=100)
    scene.execute("REVOKE SELECT (tsnextpass) ON nmsdeliverypart FROM campaign_monitor")
    seen = scene.watch().round("deliveries")
    assert seen.samples(DUE) == {}
    assert seen.counted("campaign_deliveries") == {("email", "in_progress"): 1}
    assert seen.failures("deliveries") == {"permission": 1}
