"""What keeps deliveries from being launched, and who holds their parts: from rows of a real database."""

import threading
from typing import Any

import pytest

from campaign_exporter.sources.statements import HOLDERS
from integration.database.scene import MakeScene, Observer, Scene, until
from integration.database.test_pending import add_host

PENDING = "campaign_deliveries_pending"


def causes(seen: Observer) -> dict[str, float]:
    return {cause: count for (cause,), count in seen.counted(PENDING).items()}


def hours(scene: Scene, number: float) -> object:
    moment: object = scene.execute(f"SELECT now() + interval '{number} hours'")[0][0]
    return moment


def workflow(scene: Scene, number: int, name: str, **columns: object) -> None:
    scene.insert("XtkWorkflow", **{"iWorkflowId": number, "sInternalName": name, "iState": 11, **columns})


def option(scene: Scene, name: str, value: int) -> None:
    number = scene.execute("SELECT count(*) FROM XtkOption")[0][0]
    scene.insert("XtkOption", iOptionId=number + 1, sName=name, iLongValue=value)


@pytest.fixture(params=[True, False], ids=["timestamptz", "timestamp"])
def prepared(request: pytest.FixtureRequest, make_scene: MakeScene) -> Scene:
    """Give an instance that can launch deliveries, with timestamps of either kind."""
    scene = make_scene(with_time_zone=request.param)
    add_host(scene, running="mta stat", affinities="blue")
    for number, name in enumerate(("operationMgt", "deliveryMgt"), 1):
        workflow(scene, number, name)
    option(scene, "NmsOperation_LimitConcurrency", 3)
    return scene


def test_as_many_campaign_jobs_run_as_may(prepared: Scene) -> None:
    scene = prepared
    scene.delivery(1, 45, iOperationId=5, iToDeliver=70, parts=())
    workflow(scene, 10, "WKF10", iOperationId=5)
    workflow(scene, 11, "WKF11", iOperationId=6)
    # None of these counts: a technical workflow, one at rest, a model, one without an operation.
    workflow(scene, 12, "WKF12", iOperationId=5, iState=13)
    workflow(scene, 13, "WKF13", iOperationId=5, iIsModel=1)
    workflow(scene, 14, "WKF14")
    # Nor these: no campaign's, modified too long ago, a proof, deleted, not begun, prepared.
    scene.delivery(20, 12, tsLastModified=hours(scene, 0), parts=())
    scene.delivery(21, 12, iOperationId=5, tsLastModified=hours(scene, -24 * 8), tsContact=hours(scene, -24 * 9), parts=())
    scene.delivery(22, 12, iOperationId=5, iFCP=1, parts=())
    scene.delivery(23, 12, iOperationId=5, iDeleteStatus=1, parts=())
    scene.delivery(24, 0, iOperationId=5, parts=())
    # One of a workflow outside campaigns, be it a job or one that waits.
    scene.delivery(26, 21, iWorkflowId=14, tsContact=hours(scene, 9), tsLastModified=hours(scene, 0), parts=())
    scene.delivery(27, 45, iWorkflowId=14, iToDeliver=700, parts=())
    seen = scene.watch().round("processes", "affinity", "pending")
    assert causes(seen) == {}
    scene.delivery(25, 21, iOperationId=5, iWorkflowId=10, tsContact=hours(scene, 9), tsLastModified=hours(scene, 0), parts=())
    assert causes(seen.round("pending")) == {"concurrency_limit": 1}
    assert seen.value("campaign_pending_messages", cause="concurrency_limit") == 70
    scene.execute("UPDATE xtkoption SET ilongvalue = 4")
    assert causes(seen.round("pending")) == {}
    assert seen.success("pending") == 1


def test_what_launches_campaigns_is_in_error_or_at_rest(prepared: Scene) -> None:
    scene = prepared
    scene.delivery(1, 45, iOperationId=5, parts=())
    scene.delivery(2, 25, iWorkflowId=5, parts=())
    scene.delivery(3, 45, parts=())
    seen = scene.watch().round("processes", "affinity", "pending")
    assert causes(seen) == {}
    for change in ("ifailed = 1, istate = 13", "istate = 20", "istate = 0", "istate = 13"):
        scene.execute(f"UPDATE xtkworkflow SET {change} WHERE sinternalname = 'deliveryMgt'")
        assert causes(seen.round("pending")) == {"workflow_engine_down": 2}, change
        scene.execute("UPDATE xtkworkflow SET ifailed = 0, istate = 11")
        assert causes(seen.round("pending")) == {}
    scene.execute("UPDATE xtkworkflow SET istate = NULL, ifailed = NULL")
    assert causes(seen.round("pending")) == {}


def test_approvals_and_preparations(prepared: Scene) -> None:
    scene = prepared
    kinds = ("Content", "Target", "Extraction", "Budget", "FCP")
    for number, kind in enumerate(kinds, 1):
        scene.delivery(number, 25 if number % 2 else 45, parts=(), **{f"iUse{kind}Validation": 1})
    for number, state in enumerate((11, 12, 13, 15, 21, 22), 20):
        scene.delivery(number, state, tsLastModified=hours(scene, -1.1), tsContact=hours(scene, -2), parts=())
    scene.delivery(30, 22, tsLastModified=hours(scene, -0.9), tsContact=hours(scene, -2), parts=())
    scene.delivery(31, 22, tsLastModified=None, parts=())
    scene.delivery(32, 45, iUseBudgetValidation=1, tsContact=hours(scene, 1), parts=())
    scene.delivery(33, 45, iUseBudgetValidation=1, tsContact=hours(scene, -24 * 7.1), parts=())
    scene.delivery(34, 45, iUseBudgetValidation=1, tsContact=None, parts=())
    scene.delivery(35, 45, iUseBudgetValidation=1, tsContact="infinity", parts=())
    seen = scene.watch().round("processes", "affinity", "pending")
    assert causes(seen) == {"awaiting_approval": 5, "preparation_stuck": 5}
    option(scene, "NmsOperation_DeliveryPreparationWindow", 8)
    assert causes(seen.round("pending")) == {"awaiting_approval": 6, "preparation_stuck": 5}
    configuration = scene.directory / "mta1.xml"
    text = configuration.read_text().replace("<serverconf>", '<serverconf><monitoring maxPreparationJobsSec="3000"/>')
    configuration.write_text(text)
    scene.clock.ahead += 15
    assert causes(seen.round("affinity", "pending")) == {"awaiting_approval": 6, "preparation_stuck": 6}


def test_a_preparation_that_hangs_is_seen_before_its_contact_date(prepared: Scene) -> None:
    scene = prepared
    oldest = "campaign_preparation_oldest_start_timestamp_seconds"
    seen = scene.watch().round("processes", "affinity", "pending")
    assert seen.samples(oldest) == {}
    # None of these is in preparation: at a halt, prepared, launched, a proof, a template, deleted.
    for number, (state, more) in enumerate(
        [(15, {}), (25, {}), (45, {}), (51, {}), (22, {"iFCP": 1}), (22, {"iIsModel": 1}), (22, {"iDeleteStatus": 1})], 1
    ):
        scene.delivery(number, state, tsLastModified=hours(scene, -9), tsContact=hours(scene, 5), parts=(), **more)
    # Nor is this one still waited for.
    scene.delivery(10, 22, tsLastModified=hours(scene, -24 * 8), tsContact=hours(scene, 5), parts=())
    assert seen.round("pending").samples(oldest) == {}
    scene.delivery(11, 22, tsLastModified=hours(scene, -2), tsContact=hours(scene, 5), parts=())
    scene.delivery(12, 12, tsLastModified=hours(scene, -1), tsContact=None, parts=())
    scene.delivery(13, 21, tsLastModified=None, tsContact=hours(scene, -1), parts=())
    assert seen.round("pending").value(oldest) == pytest.approx(hours(scene, -2).timestamp(), abs=60)  # type: ignore[attr-defined]
    assert "preparation_stuck" not in causes(seen)
    scene.delivery(14, 11, tsLastModified=hours(scene, -3), tsContact=hours(scene, -3), parts=())
    assert seen.round("pending").value(oldest) == pytest.approx(hours(scene, -3).timestamp(), abs=60)  # type: ignore[attr-defined]
    assert causes(seen)["preparation_stuck"] == 1


def test_parts_that_dead_processes_hold(prepared: Scene) -> None:
    scene = prepared  # mta is process 100, stat 101, mtachild 102
    past, later = hours(scene, -1), hours(scene, 1)

    def hold(number: int, *holders: tuple[str | None, int | None]) -> None:
        scene.delivery(number, 61, parts=())
        for place, (hostname, process_id) in enumerate(holders):
            scene.insert(
                "NmsDeliveryPart",
                iDeliveryPartId=1000 * number + place,
                iDeliveryId=number,
                tsNextPass=later if hostname == "later" else past,
                sHostname=hostname,
                iProcessId=process_id,
            )

    hold(1, ("mta1", 999), ("mta1", 998))
    hold(2, ("mta1", 999), ("mta1", 100))
    hold(3, ("mta1", 999), ("mta1", 0))
    hold(4, ("elsewhere", 999))
    hold(5, (None, 999))
    hold(6, ("mta1.example.com", 999), ("later", 0))
    hold(7, ("mta1", None))
    seen = scene.watch().round("processes", "affinity", "pending")
    assert causes(seen) == {"unknown": 7}  # no child is listed: the holders may be some
    assert seen.value("campaign_pending_cause_evaluated", cause="parts_orphaned") == 0
    with (scene.directory / "mta1.txt").open("a") as listing:
        listing.write("mtachild@prod (102) - 20 MB\n")
    scene.clock.ahead += 15
    assert causes(seen.round("processes", "affinity", "pending")) == {"parts_orphaned": 2, "unknown": 5}
    assert seen.value("campaign_pending_cause_evaluated", cause="parts_orphaned") == 1
    (scene.directory / "mta1.txt").write_text("HH:MM:SS >   Application server for Adobe Campaign Classic\nstrange\n")
    scene.clock.ahead += 60
    seen.round("processes", "affinity", "pending")
    assert seen.value("campaign_pending_cause_evaluated", cause="parts_orphaned") == 0


def test_the_number_of_parts_that_are_looked_at_is_bounded(scene: Scene) -> None:
    scene.execute(
        "INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid, tsnextpass, iprocessid, shostname)"
        " SELECT n, 1, now() - n * interval '1 second', n, 'a' FROM generate_series(1, 100000) n; ANALYZE"
    )
    rows = scene.execute("EXPLAIN (ANALYZE, FORMAT json) " + HOLDERS.text.replace("%(deliveries)s", "'{1}'"))
    plan = rows[0][0][0]["Plan"]
    assert plan["Actual Rows"] <= 200
    assert max(_read_rows(plan)) <= 200


def _read_rows(plan: dict[str, Any]) -> list[float]:
    return [plan["Actual Rows"], *(rows for child in plan.get("Plans", ()) for rows in _read_rows(child))]


def test_the_copy_of_a_mid_sourcing_server(scene: Scene) -> None:
    scene.instance["role"] = "marketing"
    workflow(scene, 1, "defaultMidSourcingDlv", tsNextProcessing=hours(scene, 0.1))
    scene.delivery(1, 51, iDeliveryMode=4)
    scene.delivery(2, 61, iDeliveryMode=1)
    seen = scene.watch().round("pending")
    assert causes(seen) == {"unknown": 2}
    for change in ("tsnextprocessing = now() - interval '11 minutes'", "ifailed = 1", "istate = 20"):
        scene.execute(f"UPDATE xtkworkflow SET {change} WHERE iworkflowid = 1")
        assert causes(seen.round("pending")) == {"mid_sourcing_lag": 1, "unknown": 1}, change
        scene.execute("UPDATE xtkworkflow SET istate = 11, ifailed = 0, tsnextprocessing = now()")
        assert causes(seen.round("pending")) == {"unknown": 2}
    for number, (account, age) in enumerate({"mid1": -9, "mid2": -1, "mid3": 0}.items(), 30):
        name = f"NmsMidSourcing_LastDelivery_{account}"
        moment = hours(scene, age) if age else None
        scene.insert("XtkOption", iOptionId=number, sName=name, tsTimeStampValue=moment)
    assert causes(seen.round("pending")) == {"unknown": 2}
    scene.execute("UPDATE xtkoption SET tstimestampvalue = now() - interval '121 minutes' WHERE ioptionid = 31")
    assert causes(seen.round("pending")) == {"mid_sourcing_lag": 1, "unknown": 1}
    scene.execute("DELETE FROM xtkworkflow WHERE iworkflowid = 1")
    assert seen.round("pending").value("campaign_pending_cause_evaluated", cause="mid_sourcing_lag") == 0


def test_sessions_that_wait_for_long_block_the_sending(scene: Scene) -> None:
    scene.collectors["pending"] = {"database_blocked_after": "200ms"}
    scene.delivery(1, 51, parts=("now",))
    seen = scene.watch().round("pending")
    assert causes(seen) == {"unknown": 1}
    holder, waiter = scene.connect(), scene.connect()
    holder.execute("BEGIN; UPDATE nmsdelivery SET slabel = 'held' WHERE ideliveryid = 1")
    thread = threading.Thread(target=lambda: waiter.execute("UPDATE nmsdelivery SET slabel = 'wanted' WHERE ideliveryid = 1"))
    thread.start()
    try:
        until(lambda: causes(seen.round("pending")) == {"database_blocked": 1})
    finally:
        holder.execute("ROLLBACK")
        thread.join()
    assert causes(seen.round("pending")) == {"unknown": 1}
    scene.execute("REVOKE pg_read_all_stats FROM campaign_monitor")
    try:
        seen.round("pending")
        assert seen.success("pending") == 1, "the collector `database` says so"
        assert seen.value("campaign_pending_cause_evaluated", cause="database_blocked") == 0
    finally:
        scene.execute("GRANT pg_read_all_stats TO campaign_monitor")
