"""What recipients do, as the deliveries' own counters tell it."""

from integration.database.scene import Observer, Scene

EVENTS = "campaign_tracking_events_total"
CATCH_UP = "campaign_tracking_events_catch_up_total"


def events(seen: Observer, name: str = EVENTS) -> dict[str, float]:
    return {event: count for (event,), count in seen.counted(name).items()}


def test_growth_is_counted_once_whatever_becomes_of_a_delivery(scene: Scene) -> None:
    scene.delivery(1, 95, iTotalRecipientOpen=100, iTotalRecipientClick=10)
    seen = scene.watch().round("tracking")
    assert set(seen.samples(EVENTS).values()) == {0.0}
    assert len(seen.samples(EVENTS)) == 6
    scene.execute("UPDATE nmsdelivery SET itotalrecipientopen = 130, ioptout = 2 WHERE ideliveryid = 1")
    scene.delivery(-2, 95, iTotalRecipientOpen=7, iMirrorPage=1, iTotalWebPage=3, iTransaction=4)
    scene.delivery(3, 95, iTotalRecipientOpen=999, iFCP=1)
    scene.delivery(4, 0, iTotalRecipientOpen=999, iIsModel=1)
    scene.delivery(5, 95, iTotalRecipientOpen=None, iTotalRecipientClick=None, iOptOut=None)
    expected = {"open": 37, "opt_out": 2, "mirror_page": 1, "web_page": 3, "transaction": 4}
    assert events(seen.round("tracking", "tracking")) == expected
    # Computed anew, into the bin and out of it, purged.
    for change in (
        "itotalrecipientopen = 0, itotalrecipientclick = 0, ioptout = 0",
        "itotalrecipientopen = 130, itotalrecipientclick = 10, ioptout = 2",
        "ideletestatus = 1",
        "ideletestatus = 0",
    ):
        scene.execute(f"UPDATE nmsdelivery SET {change} WHERE ideliveryid = 1")
        assert events(seen.round("tracking")) == expected
    scene.execute("DELETE FROM nmsdelivery WHERE ideliveryid = 1")
    assert events(seen.round("tracking")) == expected
    assert events(seen, CATCH_UP) == {}


def test_a_restart_counts_what_was_missed_once_and_calls_it_catch_up(scene: Scene) -> None:
    state = scene.state()
    scene.delivery(1, 95, iTotalRecipientOpen=1)
    seen = scene.watch(state).round("tracking")
    scene.execute("UPDATE nmsdelivery SET itotalrecipientopen = 5")
    assert events(seen.round("tracking")) == {"open": 4}
    seen.close()
    state.close()
    scene.execute("UPDATE nmsdelivery SET itotalrecipientopen = 8")
    again = scene.watch(scene.state()).round("tracking")
    scene.execute("UPDATE nmsdelivery SET itotalrecipientopen = 9")
    again.round("tracking", "tracking")
    assert (events(again), events(again, CATCH_UP)) == ({"open": 8}, {"open": 3})


def test_the_newest_log_and_the_workflow_are_told_each_by_itself(scene: Scene) -> None:
    seen = scene.watch().round("tracking")
    assert seen.samples("campaign_tracking_last_log_timestamp_seconds") == {}
    assert seen.samples("campaign_tracking_workflow_up") == {}
    scene.execute("INSERT INTO nmstrackinglogrcp (itrackinglogid, tslog) VALUES (1, '2026-01-01Z'), (-2, '2026-02-01Z')")
    scene.execute(
        "INSERT INTO nmstrackinglogrcp (itrackinglogid, tslog) VALUES (3, now() + interval '3 days'), (4, 'infinity')"
    )
    scene.insert("XtkWorkflow", iWorkflowId=1, sInternalName="tracking", iState=11, tsNextProcessing="2026-03-01Z")
    seen.round("tracking")
    assert seen.value("campaign_tracking_last_log_timestamp_seconds") == 1769904000
    assert seen.value("campaign_tracking_workflow_up") == 1
    assert seen.value("campaign_tracking_workflow_next_run_timestamp_seconds") == 1772323200
    for change in ("ifailed = 1", "ifailed = 0, istate = 13", "istate = 20", "istate = 0"):
        scene.execute(f"UPDATE xtkworkflow SET {change} WHERE iworkflowid = 1")
        assert seen.round("tracking").value("campaign_tracking_workflow_up") == 0
    scene.execute("DROP INDEX nmstrackinglogrcp_log")
    scene.delivery(1, 95, iOptOut=1)
    scene.clock.ahead += 61
    seen.round("tracking")
    assert events(seen) == {"opt_out": 1}
    assert seen.failures("tracking") == {"missing": 1}
    assert "tslog" in seen.watched.jobs["tracking"].failures["log"]


STARTED = "campaign_deliveries_started_recently"


def started(scene: Scene, number: int, ago: str = "1 hour", **columns: int | None) -> None:
    """Insert a delivery whose sending began so long ago."""
    scene.delivery(number, 95, parts=(), **columns)
    scene.execute("UPDATE nmsdelivery SET tsbroadstart = now() - %s::interval WHERE ideliveryid = %s", ago, number)


def link(scene: Scene, number: int, delivery: int) -> None:
    scene.insert("NmsTrackingUrl", iTrackingUrlId=number, iDeliveryId=delivery, iType=1)


def test_deliveries_that_began_within_a_day_are_counted_by_their_tracked_links(scene: Scene) -> None:
    seen = scene.watch().round("tracking")
    assert set(seen.samples(STARTED).values()) == {0.0}
    assert len(seen.samples(STARTED)) == 24
    for number, delivery in ((20, 1), (-21, 1), (22, -2), (23, 7), (24, 9)):
        link(scene, number, delivery)
    started(scene, 1)
    started(scene, -2, "23 hours")
    started(scene, 3)
    scene.execute("UPDATE nmstrackingurl SET ideliveryid = 3 WHERE itrackingurlid IN (0, 1)")
    started(scene, 4, iMessageType=1)
    started(scene, 5, iMessageType=None, iIsModel=None, iFCP=None, iDeleteStatus=None)
    started(scene, 6, iMessageType=7)
    started(scene, 7, "25 hours")
    for number, aside in enumerate(("iIsModel", "iFCP", "iDeleteStatus"), start=8):
        started(scene, number, "1 hour", **{aside: 1})
    started(scene, 11, "-1 hours")
    scene.delivery(12, 51, tsBroadStart="infinity")
    scene.delivery(13, 51)
    scene.execute("UPDATE nmsdelivery SET tsbroadstart = now() WHERE ideliveryid = 0")
    expected = {("email", "yes"): 2, ("email", "no"): 1, ("sms", "no"): 1, ("null", "no"): 1, ("7", "no"): 1}
    assert seen.round("tracking").counted(STARTED) == expected
    assert seen.success("tracking") == 1


def test_without_an_index_of_the_links_they_alone_are_not_told(scene: Scene) -> None:
    scene.execute("DROP INDEX nmstrackingurl_deliveryid")
    started(scene, 1, iOptOut=1)
    seen = scene.watch().round("tracking")
    assert seen.samples(STARTED) == {}
    assert len(seen.samples(EVENTS)) == 6
    assert seen.value("campaign_exporter_collector_available", collector="tracking") == 0
    missing = "table nmstrackingurl lacks an index that begins with ideliveryid"
    assert seen.watched.jobs["tracking"].failures == {"links": missing}
    scene.collectors["tracking"] = {"links": False}
    unmissed = scene.watch().round("tracking")
    assert unmissed.watched.jobs["tracking"].failures == {}
    assert not unmissed.samples(STARTED)
    del scene.collectors["tracking"]
    scene.execute("CREATE INDEX ON nmstrackingurl (ideliveryid, itype)")
    scene.clock.ahead += 61
    assert seen.round("tracking").counted(STARTED) == {("email", "no"): 1}
    assert seen.success("tracking") == 1


def test_a_lock_on_the_links_spoils_no_count(scene: Scene) -> None:
    seen = scene.watch().round("tracking")
    scene.delivery(1, 95, iOptOut=3)
    locked = scene.connect()
    with locked.transaction():
        locked.execute("LOCK TABLE nmstrackingurl IN ACCESS EXCLUSIVE MODE")
        seen.round("tracking")
    assert events(seen) == {"opt_out": 3}
    assert seen.failures("tracking") == {"lock": 1}
