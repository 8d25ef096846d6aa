"""What is left behind, upkeep, and technical workflows, as a real PostgreSQL tells it."""

import time
from collections.abc import Callable

import pytest

from campaign_exporter.domain.technical_workflows import TROUBLES
from campaign_exporter.grants import grants_sql
from campaign_simulator.tricky import insert_tricky_rows
from integration.database.scene import MakeScene, Observer, Scene

TABLES, BYTES = "campaign_work_tables", "campaign_work_table_bytes"
LEFT, KEPT, RECYCLED = "campaign_deliveries_left", "campaign_deliveries_kept", "campaign_deliveries_recycled"
DAY = 86400
UPKEEP = ("workflows", "maintenance", "hygiene")


def ago(scene: Scene, seconds: float) -> object:
    return scene.execute("SELECT now() - make_interval(secs => %s)", seconds)[0][0]


def workflow(scene: Scene, number: int, name: str, state: int | None = 11, **columns: object) -> None:
    scene.insert("XtkWorkflow", iWorkflowId=number, sInternalName=name, iState=state, **columns)


def cleaned(scene: Scene, seconds: float) -> None:
    """Let cleanup have run so long ago."""
    scene.insert("XtkOption", iOptionId=1, sName="NmsCleanup_LastCleanup", tsTimeStampValue=ago(scene, seconds))


def test_an_empty_database_has_nothing_left(scene: Scene) -> None:
    seen = scene.watch().round(*UPKEEP)
    for metric, series in ((TABLES, 20), (BYTES, 20), (LEFT, 15), (KEPT, 6), (RECYCLED, 4), ("campaign_workflows", 15)):
        assert len(seen.samples(metric)) == series, metric
        assert seen.counted(metric) == {}, metric
    for metric in (
        "campaign_cleanup_last_run_timestamp_seconds",
        "campaign_technical_workflow_trouble",
        "campaign_rt_events_sampled",
    ):
        assert seen.samples(metric) == {}
    assert seen.value("campaign_cleanup_log_errors") == 0
    assert [name for name in UPKEEP if seen.success(name) != 1] == []


# --- work tables ------------------------------------------------------------------------------------------------------------


def test_work_tables_are_told_by_owner(scene: Scene) -> None:
    cleaned(scene, DAY)
    scene.delivery(1, 51)
    scene.delivery(2, 85, tsLastModified=ago(scene, 2 * DAY))
    scene.delivery(3, 85, tsLastModified=ago(scene, 60))
    scene.delivery(4, 51, iIsModel=1)
    scene.delivery(-5, 95)
    scene.delivery(6, None)  # type: ignore[arg-type] # no state
    workflow(scene, 1, "WKF1", 13)
    workflow(scene, 2, "WKF2", 20, tsLastModified=ago(scene, 2 * DAY))
    for name in (
        *("wkdlv_1_1", "wkdlv_2_1", "wkdlv_3_1", "wkdlv_4_1", "wkdlv_4294967291_1", "wkdlv_6_1", "wkdlv_99_1"),
        *("wkf1_1", "wkf1_2", "wkf2_1", "wkf99_1", "wkfhisto2_query", "grp7", "wksimu_1_x", "wkfolder", "xwkf1_1"),
    ):
        scene.execute(f'CREATE TABLE "{name}" (id int PRIMARY KEY)')
    scene.execute("CREATE VIEW wkf1_3 AS SELECT 1 AS id")
    scene.execute("CREATE SCHEMA other; CREATE TABLE other.wkf2_1 (id int)")
    seen = scene.watch().round("hygiene")
    assert seen.counted(TABLES) == {
        ("wkdlv", "in_use"): 3,
        ("wkdlv", "to_drop"): 1,
        ("wkdlv", "orphaned"): 2,
        ("wkdlv", "unknown"): 1,
        ("wkf", "in_use"): 3,
        ("wkf", "orphaned"): 2,
        ("wkfhisto", "orphaned"): 1,
        ("grp", "unknown"): 1,
        ("wksimu", "unknown"): 1,
    }


def test_sizes_are_of_the_last_analyze_and_what_has_none_is_counted(scene: Scene) -> None:
    scene.execute("CREATE TABLE wkdlv_1_1 (id int PRIMARY KEY, s text)")
    scene.execute("INSERT INTO wkdlv_1_1 SELECT id, repeat(md5(id::text), 100) FROM generate_series(1, 5000) id")
    seen = scene.watch().round("hygiene")
    assert seen.value("campaign_work_tables_unmeasured", prefix="wkdlv") == 1
    assert seen.counted(BYTES).keys() <= {("wkdlv", "orphaned")}
    scene.execute("VACUUM ANALYZE wkdlv_1_1")
    seen.round("hygiene")
    size = scene.execute("SELECT pg_total_relation_size('wkdlv_1_1')")[0][0]
    assert seen.counted("campaign_work_tables_unmeasured") == {}
    assert seen.counted(BYTES)["wkdlv", "orphaned"] == pytest.approx(size, rel=0.1)  # without maps


def test_locked_work_tables_are_counted_without_waiting(scene: Scene) -> None:
    scene.execute("CREATE TABLE wkf1_1 (id int)")
    blocker = scene.connect()
    blocker.autocommit = False
    blocker.execute("LOCK TABLE wkf1_1, nmsaddress, nmsrecipient, xtkjoblog IN ACCESS EXCLUSIVE MODE")
    seen = scene.watch().round("hygiene")
    assert seen.counted(TABLES) == {("wkf", "orphaned"): 1}
    assert len(seen.samples("campaign_table_bytes")) == 15
    assert set(seen.failures("hygiene")) == {"lock"}  # the addresses of the hour alone


# --- deliveries -------------------------------------------------------------------------------------------------------------


def test_deliveries_that_came_to_nothing_are_told_by_age(scene: Scene) -> None:
    scene.delivery(1, 87)
    scene.delivery(2, 87, tsLastModified=ago(scene, 40 * DAY))
    scene.delivery(3, 37, tsLastModified=ago(scene, 2 * DAY))
    scene.delivery(4, 45, tsLastModified=ago(scene, 8 * DAY))
    scene.delivery(5, 45, tsContact=ago(scene, -DAY))
    scene.delivery(6, 25, tsBroadStart=ago(scene, 60))
    scene.delivery(7, 87, iFCP=1)
    scene.delivery(8, 87, iIsModel=1)
    scene.delivery(9, 87, iDeleteStatus=1)
    scene.delivery(10, 87, tsLastModified=None)
    assert scene.watch().round("hygiene").counted(LEFT) == {
        ("under_1d", "failed"): 1,
        ("over_30d", "failed"): 1,
        ("unknown", "failed"): 1,
        ("1d_to_7d", "preparation_failed"): 1,
        ("7d_to_30d", "prepared"): 1,
    }


def test_deleted_deliveries_are_told_by_their_purge_date(scene: Scene) -> None:
    cleaned(scene, DAY)
    for number, days in ((1, 1), (2, 7.5), (3, 20)):
        scene.delivery(number, 95, iDeleteStatus=2, tsDelete=ago(scene, days * DAY))
    scene.delivery(4, 95, iDeleteStatus=1)
    scene.delivery(5, 95, tsDelete=ago(scene, 20 * DAY))
    seen = scene.watch().round("hygiene")
    assert seen.counted(RECYCLED) == {("unknown",): 4}
    assert seen.samples("campaign_cleanup_delay_seconds") == {}
    name = "NmsCleanup_RecycledDeliveryPurgeDelay"
    scene.insert("XtkOption", iOptionId=2, sName=name, iLongValue=7 * DAY)
    seen.round("hygiene")
    assert seen.counted(RECYCLED) == {("kept",): 1, ("due",): 1, ("overdue",): 1, ("unknown",): 1}
    assert seen.samples("campaign_cleanup_delay_seconds") == {(name,): 7 * DAY}


def test_old_deliveries_are_counted(scene: Scene) -> None:
    for number, days in ((1, 0.5), (2, 20), (3, 100), (4, 400), (5, 800)):
        scene.delivery(number, 95, tsCreated=ago(scene, days * DAY))
    scene.delivery(6, 95, tsCreated=None)
    scene.delivery(7, 95, tsCreated=ago(scene, 800 * DAY), iIsModel=1)
    scene.delivery(8, 95, tsCreated=ago(scene, 800 * DAY), iDeleteStatus=1)
    ages = ("under_1d", "1d_to_30d", "30d_to_1y", "1y_to_2y", "over_2y", "unknown")
    assert scene.watch().round("hygiene").counted(KEPT) == {(age,): 1 for age in ages}


# --- addresses and recipients -----------------------------------------------------------------------------------------------


def test_addresses_of_the_hour_are_counted_and_all_are_estimated(scene: Scene) -> None:
    scene.execute(
        """
      INSERT INTO nmsaddress (iaddressid, saddress, itype, istatus, iquarantinereason, tslastmodified)
      SELECT id, 'user' || id, CASE WHEN id % 10 = 0 THEN 1 ELSE 0 END, CASE WHEN id % 4 = 0 THEN 3 ELSE 2 END,
        CASE WHEN id % 4 = 0 THEN 5 ELSE 0 END, now() - id * interval '1 minute' FROM generate_series(1, 20000) id"""
    )
    seen = scene.watch().round("hygiene")
    changed = seen.counted("campaign_addresses_changed")
    assert sum(changed.values()) in {59, 60}
    assert changed["email", "mailbox_full", "3"] == 12
    assert changed["sms", "not_defined", "valid"] == 3
    assert seen.samples("campaign_addresses_by_status") == {}  # nobody has looked yet
    scene.execute("ANALYZE nmsaddress")
    seen.round("hygiene")
    status = seen.samples("campaign_addresses_by_status")
    assert status == pytest.approx({("valid",): 15000, ("3",): 5000}, rel=0.05)
    assert seen.samples("campaign_addresses_by_channel")["sms",] == pytest.approx(2000, rel=0.2)
    assert seen.samples("campaign_addresses_by_reason")["mailbox_full",] == pytest.approx(5000, rel=0.05)
    assert seen.value("campaign_table_rows", table="nmsaddress") == pytest.approx(20001, rel=0.01)


def test_denylists_are_estimated_by_channel(scene: Scene) -> None:
    scene.execute("""
      INSERT INTO nmsrecipient (irecipientid, iblacklist, iblacklistemail)
      SELECT id, CASE WHEN id % 50 = 0 THEN 1 ELSE 0 END, CASE WHEN id % 10 = 0 THEN 1 END FROM generate_series(1, 10000) id""")
    scene.execute("ANALYZE nmsrecipient")
    found = scene.watch().round("hygiene").samples("campaign_recipients_denylisted")
    assert found.pop(("all",)) == pytest.approx(200, rel=0.1)
    assert found.pop(("email",)) == pytest.approx(1000, rel=0.1)
    assert found == {(channel,): 0 for channel in ("fax", "mobile", "phone", "postal_mail")}


def test_upkeep_of_tables_is_that_of_postgresql(scene: Scene) -> None:
    scene.execute("INSERT INTO nmsdeliverypart (ideliverypartid, ideliveryid) SELECT id, id FROM generate_series(1, 20000) id")
    scene.execute("VACUUM ANALYZE nmsdeliverypart")
    scene.execute("DELETE FROM nmsdeliverypart WHERE ideliverypartid > 5000")
    seen = scene.watch()

    def dead() -> bool:
        return (seen.round("hygiene").value("campaign_table_dead_rows", table="nmsdeliverypart") or 0) >= 15000

    deadline = time.monotonic() + 15
    while not dead():
        assert time.monotonic() < deadline
        time.sleep(0.3)
    table, index = (
        scene.execute(f"SELECT {size}('nmsdeliverypart')")[0][0] for size in ("pg_relation_size", "pg_indexes_size")
    )
    assert seen.value("campaign_table_bytes", table="nmsdeliverypart") == pytest.approx(table, rel=0.05)
    assert seen.value("campaign_table_index_bytes", table="nmsdeliverypart") == pytest.approx(index, rel=0.05)
    for metric in ("campaign_table_last_vacuum_timestamp_seconds", "campaign_table_last_analyze_timestamp_seconds"):
        assert seen.value(metric, table="nmsdeliverypart") == pytest.approx(time.time(), abs=60)
    assert seen.value("campaign_table_last_vacuum_timestamp_seconds", table="nmsaddress") is None


# --- workflows --------------------------------------------------------------------------------------------------------------


def test_technical_workflows_are_told_one_by_one(scene: Scene) -> None:
    scene.collectors = {"workflows": {"also": ["ourExport"]}}
    workflow(scene, 1, "cleanup", 13, iFailed=1, tsProcess=ago(scene, 60), tsNextProcessing=ago(scene, 30))
    workflow(scene, 2, "tracking", 11, tsProcess=ago(scene, 7200), tsNextProcessing=ago(scene, 3600))
    workflow(scene, 3, "mcSynch_rt1", 20)
    workflow(scene, 4, "ourExport", 12)
    workflow(scene, 5, "billing", 0, iIsModel=1)
    workflow(scene, 6, "WKF6", 11, iOperationId=7)
    workflow(scene, 7, "WKF7", None, iFailed=None)
    workflow(scene, 8, "mcsynchX", 13, iFailed=0)
    seen = scene.watch().round("workflows")
    assert seen.counted("campaign_technical_workflow_trouble") == {("failed", "cleanup"): 1, ("stopped", "mcSynch_rt1"): 1}
    assert len(seen.samples("campaign_technical_workflow_trouble")) == 4 * len(TROUBLES)
    assert seen.samples("campaign_technical_workflow_next_run_timestamp_seconds").keys() == {("tracking",)}
    late = seen.value("campaign_technical_workflow_next_run_timestamp_seconds", workflow="tracking")
    assert late == pytest.approx(time.time() - 3600, abs=5)
    assert seen.samples("campaign_technical_workflow_last_run_timestamp_seconds").keys() == {("cleanup",), ("tracking",)}
    assert seen.counted("campaign_workflows") == {
        ("technical", "failed"): 1,
        ("technical", "started"): 1,
        ("technical", "stopped"): 1,
        ("technical", "12"): 1,
        ("campaign", "started"): 1,
        ("other", "null"): 1,
        ("other", "paused"): 1,
    }


def test_errors_in_the_journal_of_cleanup_are_counted(scene: Scene) -> None:
    workflow(scene, 1, "cleanup")
    for number, (owner, error, seconds) in enumerate(
        ((1, 1, 60), (1, 1, 120), (1, 0, 60), (2, 1, 60), (1, 1, 2 * DAY)), start=1
    ):
        scene.insert(
            "XtkWorkflowLog", iWorkflowLogId=number, iWorkflowId=owner, iError=error, tsLog=ago(scene, seconds), sMessage="x"
        )
    assert scene.watch().round("workflows").value("campaign_cleanup_log_errors") == 2


@pytest.mark.parametrize("with_time_zone", [True, False])
def test_dates_that_workflows_note_are_moments(make_scene: MakeScene, with_time_zone: bool) -> None:  # noqa: FBT001 - pytest's way
    scene = make_scene(with_time_zone=with_time_zone)
    scene.database_settings = {} if with_time_zone else {"timezone": "Europe/Paris"}
    paris = "date_trunc('second', now() AT TIME ZONE 'Europe/Paris') - interval '5 hours'"
    moment = paris if not with_time_zone else f"({paris}) AT TIME ZONE 'Europe/Paris'"
    names = ("NmsCleanup_LastCleanup", "NmsMidSourcing_LastDelivery_mid1", "NmsTracking_Pointer")
    for number, name in enumerate(names, start=1):
        scene.execute(f"INSERT INTO xtkoption (ioptionid, sname, tstimestampvalue) VALUES ({number}, '{name}', {moment})")
    scene.insert("XtkOption", iOptionId=4, sName="NmsMidSourcing_LastDelivery_mid2")
    workflow(scene, 1, "tracking")
    scene.execute(f"UPDATE xtkworkflow SET tsprocess = {moment} WHERE iworkflowid = 1")
    seen = scene.watch().round("workflows")
    five_hours_ago = pytest.approx(time.time() - 5 * 3600, abs=10)
    assert seen.value("campaign_cleanup_last_run_timestamp_seconds") == five_hours_ago
    assert seen.value("campaign_tracking_pointer_timestamp_seconds") == five_hours_ago
    assert seen.samples("campaign_mid_sourcing_last_copy_timestamp_seconds") == {("mid1",): five_hours_ago}
    assert seen.value("campaign_technical_workflow_last_run_timestamp_seconds", workflow="tracking") == five_hours_ago


def test_a_pointer_of_tracking_that_is_a_text_is_unknown(scene: Scene) -> None:
    scene.insert("XtkOption", iOptionId=1, sName="NmsTracking_Pointer", sStringValue="2026/01/01 00:00:00; 17")
    seen = scene.watch().round("workflows")
    assert seen.samples("campaign_tracking_pointer_timestamp_seconds") == {}
    assert seen.success("workflows") == 1


# --- transactions, sequences, events ----------------------------------------------------------------------------------------


def test_open_transactions_are_those_of_others_in_this_database(scene: Scene, make_scene: MakeScene) -> None:
    other = make_scene().connect()
    other.autocommit = False
    other.execute("SELECT 1")
    ours = scene.connect()
    ours.autocommit = False
    ours.execute("SELECT 1")
    began = ours.execute("SELECT date_part('epoch', xact_start) FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
    seen = scene.watch().round("maintenance")
    assert seen.samples("campaign_database_transactions") == {("active",): 0, ("idle_in_transaction",): 1, ("prepared",): 0}
    assert began is not None
    oldest = "campaign_database_oldest_transaction_timestamp_seconds"
    assert seen.samples(oldest) == {("idle_in_transaction",): pytest.approx(began[0], abs=0.01)}
    ours.rollback()
    assert seen.round("maintenance").samples(oldest) == {}


def test_sequences_are_told_as_far_as_they_may_be_read(scene: Scene) -> None:
    scene.execute("SELECT setval('xtknewid', 2000000000)")
    scene.execute("CREATE SEQUENCE broadlogs; CREATE SEQUENCE unused")
    scene.execute("GRANT SELECT ON broadlogs, unused TO campaign_monitor")
    scene.execute("SELECT nextval('broadlogs')")
    seen = scene.watch().round("maintenance")
    assert seen.samples("campaign_sequence_last_value") == {("xtknewid",): 2e9, ("broadlogs",): 1}
    scene.execute("REVOKE SELECT ON xtknewid, broadlogs, unused FROM campaign_monitor")
    seen.round("maintenance")
    assert seen.failures("maintenance") == {"permission": 1}


def event(scene: Scene, number: int, status: int | None, age: float, **columns: object) -> None:
    row = {"tsCreated": ago(scene, age), "tsLastModified": ago(scene, age), **columns}
    scene.insert("NmsRtEvent", iRtEventId=number, iStatus=status, **row)


def test_events_that_had_time_to_be_processed_are_sampled(scene: Scene) -> None:
    event(scene, 1, 0, 60)
    event(scene, 2, 0, 1200)
    event(scene, 3, 0, 3600)
    event(scene, 4, 0, 1200, tsScheduled=ago(scene, -60))
    event(scene, 5, 0, 1200, tsExpiration=ago(scene, 60))
    event(scene, 6, 2, 1200, tsProcessed=ago(scene, 600))
    event(scene, 7, None, 1200)
    event(scene, 8, 0, 3 * 3600)
    seen = scene.watch().round("maintenance")
    assert seen.samples("campaign_rt_events_sampled") == {("0",): 4, ("2",): 1, ("null",): 1}
    assert seen.samples("campaign_rt_events_unprocessed") == {("0",): 2, ("2",): 0, ("null",): 1}
    oldest = seen.value("campaign_rt_events_unprocessed_oldest_timestamp_seconds")
    assert oldest == pytest.approx(time.time() - 3600, abs=5)


# --- what is missing --------------------------------------------------------------------------------------------------------


def test_tables_that_an_instance_can_do_without_are_not_missed(scene: Scene) -> None:
    scene.execute("DROP TABLE nmsrtevent, nmsaddress, nmsrecipient, xtkworkflowlog")
    seen = scene.watch().round(*UPKEEP)
    assert [name for name in UPKEEP if seen.success(name) != 1] == []
    assert seen.samples("campaign_cleanup_log_errors") == seen.samples("campaign_recipients_denylisted") == {}
    assert len(seen.samples("campaign_work_tables")) == 20


def test_grants_can_be_run_where_there_are_no_events(scene: Scene) -> None:
    scene.execute("DROP TABLE nmsrtevent")
    scene.execute(grants_sql(scene.config()))
    assert scene.watch().round("maintenance").success("maintenance") == 1


def _without_workflows(scene: Scene) -> None:
    scene.execute("DROP TABLE xtkworkflow")


def _without_index(scene: Scene) -> None:
    scene.execute("DROP INDEX nmsaddress_lastmodified")


def _without_right(scene: Scene) -> None:
    scene.execute("REVOKE SELECT (istatus) ON nmsaddress FROM campaign_monitor")


@pytest.mark.parametrize(
    ("spoil", "collector", "failures", "available"),
    [
        (_without_workflows, "workflows", {"missing": 2}, 0),
        (_without_workflows, "hygiene", {"missing": 1}, 0),
        (_without_index, "hygiene", {"missing": 1}, 0),
        (_without_right, "hygiene", {"permission": 1}, 1),
    ],
)
def test_what_is_needed_and_missing_fails_alone(
    scene: Scene, spoil: Callable[[Scene], None], collector: str, failures: dict[str, int], available: int
) -> None:
    spoil(scene)
    seen: Observer = scene.watch().round(*UPKEEP)
    assert seen.failures(collector) == failures
    assert seen.value("campaign_exporter_collector_available", collector=collector) == available
    assert len(seen.samples("campaign_table_bytes")) >= 13


def test_tricky_rows_spoil_nothing(scene: Scene) -> None:
    insert_tricky_rows(scene.connect())
    seen = scene.watch().round(*UPKEEP)
    assert [name for name in UPKEEP if seen.success(name) != 1] == []
    assert seen.counted(RECYCLED) == {("unknown",): 2}
