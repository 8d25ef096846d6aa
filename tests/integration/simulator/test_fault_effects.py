import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from campaign_simulator.clock import ManualClock
from campaign_simulator.fault_catalogue import FAULTS
from campaign_simulator.faults import FaultError
from campaign_simulator.instance import Simulator

ARGUMENTS = {
    "alert-delay": ["45"],
    "affinity-missing": ["news.de"],
    "affinity-undeclared": ["travel.it"],
    "configuration-broken": ["mta1"],
    "configuration-missing": ["mta1"],
    "nlserver-hang": ["mta1"],
    "nlserver-garbage": ["mta1"],
    "nlserver-error": ["mta1"],
    "endpoint-down": ["app"],
    "workflow-failed": ["cleanup"],
    "workflow-at-rest": ["cleanup", "paused"],
    "delivery-stuck": ["validity_expired", "parts_missing"],
    "job-log": ["quota"],
    "select-revoked": ["NmsDelivery"],
    "affinity-latent": ["travel.it"],
}


def advance(simulator: Simulator, steps: int) -> None:
    assert isinstance(simulator.clock, ManualClock)
    for _ in range(steps):
        simulator.clock.advance(4)
        simulator.step()


@pytest.fixture(scope="module")
def running(make_simulator: Callable[..., Simulator]) -> Simulator:
    simulator = make_simulator(role="marketing", messages_per_second=20.0)  # on which every fault can be set
    advance(simulator, 15)
    return simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    for name in running.truth().faults:
        running.clear_fault(name)
    agrees_with_database(running)


def agrees_with_database(simulator: Simulator) -> None:
    """Check that what the model says is what the tables hold."""
    query = """SELECT iState, iMessageType, count(*) FROM NmsDelivery WHERE iDeliveryId <> 0 GROUP BY 1, 2"""
    with simulator.connect() as connection:
        found = {(state, channel): count for state, channel, count in connection.execute(query)}
    assert found == dict(simulator.truth().deliveries)


def row(simulator: Simulator, query: str, *parameters: object) -> tuple[Any, ...]:
    with simulator.connect() as connection:
        found = connection.execute(query.encode(), parameters).fetchone()
    assert found is not None
    return found


def waiting(simulator: Simulator, cause: str) -> int:
    """Return the delivery that waits for a cause."""
    found = [delivery.delivery_id for delivery in simulator.truth().pending if delivery.cause == cause]
    assert found
    return found[-1]


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_each_fault_is_set_twice_and_cleared_twice(name: str, simulator: Simulator) -> None:
    arguments = ARGUMENTS.get(name, [])
    assert simulator.set_fault(name, *arguments)
    assert simulator.set_fault(name, *arguments) == []
    assert name in simulator.truth().faults
    simulator.step()
    assert simulator.clear_fault(name)
    assert simulator.clear_fault(name) == []
    assert simulator.truth().faults == {}
    simulator.step()


@pytest.mark.parametrize(
    ("name", "cause", "query"),
    [
        ("delivery-scheduled", "scheduled", "SELECT iState = 51 AND tsContact > %s FROM NmsDelivery d"),
        (
            "delivery-in-wave",
            "waiting_wave",
            "SELECT bool_and(p.tsNextPass > %s) FROM NmsDeliveryPart p JOIN NmsDelivery d USING (iDeliveryId)",
        ),
        (
            "delivery-in-retry",
            "waiting_retry",
            "SELECT iState = 61 AND iErrorPending > 0 AND iSuccess > 0 AND tsNextPass > %s FROM NmsDelivery d",
        ),
        ("validity-expired", "validity_expired", "SELECT iState = 51 AND tsValidity < %s FROM NmsDelivery d"),
        (
            "account-inactive",
            "account_inactive",
            (
                "SELECT a.iActive = 0 AND d.tsContact <= %s FROM NmsDelivery d "
                "JOIN NmsExtAccount a ON a.iExtAccountId = d.iDeliveryProviderId"
            ),
        ),
        (
            "parts-missing",
            "parts_missing",
            (
                "SELECT count(p) = 0 AND bool_and(d.tsContact <= %s) FROM NmsDelivery d "
                "LEFT JOIN NmsDeliveryPart p USING (iDeliveryId)"
            ),
        ),
        (
            "parts-orphaned",
            "parts_orphaned",
            (
                "SELECT bool_and(p.iProcessId = 999999 AND p.sHostname = 'mta1' AND p.tsNextPass <= %s) "
                "FROM NmsDeliveryPart p JOIN NmsDelivery d USING (iDeliveryId)"
            ),
        ),
        (
            "concurrency-limit",
            "concurrency_limit",
            (
                "SELECT d.iState = 45 AND d.iOperationId <> 0 AND d.tsContact <= %s AND (SELECT count(*) FROM XtkWorkflow "
                "WHERE iOperationId <> 0 AND iState = 11) >= 10 FROM NmsDelivery d"
            ),
        ),
        (
            "approval-awaited",
            "awaiting_approval",
            "SELECT iState = 45 AND iUseContentValidation = 1 AND tsContact <= %s FROM NmsDelivery d",
        ),
        (
            "preparation-stuck",
            "preparation_stuck",
            "SELECT iState = 22 AND tsLastModified < %s - interval '1 hour' FROM NmsDelivery d",
        ),
    ],
)
def test_a_waiting_delivery_shows_in_the_tables_and_is_sent_in_the_end(
    name: str, cause: str, query: str, simulator: Simulator
) -> None:
    simulator.set_fault(name)
    advance(simulator, 3)
    delivery = waiting(simulator, cause)
    assert row(simulator, f"{query} WHERE d.iDeliveryId = %s", simulator.clock(), delivery)[0] is True
    simulator.clear_fault(name)
    (before,) = row(simulator, "SELECT iProcessed FROM NmsDelivery WHERE iDeliveryId = %s", delivery)
    advance(simulator, 10)
    state, after = row(simulator, "SELECT iState, iProcessed FROM NmsDelivery WHERE iDeliveryId = %s", delivery)
    assert state in {55, 61, 62, 95}
    assert after > before


def test_locked_tables_show_a_holder_and_a_waiter(simulator: Simulator) -> None:
    simulator.set_fault("database-locked", "NmsDelivery", "nmsdeliverypart")
    deadline = time.monotonic() + 5
    query = """
        SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND relation IN ('nmsdelivery'::regclass, 'nmsdeliverypart'::regclass)
          AND application_name = 'mta' AND cardinality(pg_blocking_pids(pid)) = 1"""
    while row(simulator, query)[0] != 2:
        assert time.monotonic() < deadline
    before = simulator.truth().messages
    begun = time.monotonic()
    advance(simulator, 5)
    assert time.monotonic() - begun < 1
    assert simulator.truth().messages == before
    with simulator.connect() as connection:
        connection.execute("SET lock_timeout TO '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("SELECT 1 FROM NmsDelivery LIMIT 1")
    simulator.clear_fault("database-locked")
    advance(simulator, 5)
    assert simulator.truth().messages != before


def test_what_happens_while_the_database_is_down_is_written_later(simulator: Simulator) -> None:
    simulator.set_fault("database-down")
    with pytest.raises(psycopg.OperationalError):
        simulator.connect()
    simulator.set_fault("delivery-scheduled", "5m")
    advance(simulator, 3)
    delivery = waiting(simulator, "scheduled")
    simulator.clear_fault("database-down")
    assert row(simulator, "SELECT iState FROM NmsDelivery WHERE iDeliveryId = %s", delivery)[0] == 51
    advance(simulator, 3)


def test_a_frozen_database_does_not_freeze_the_simulator(simulator: Simulator) -> None:
    simulator.set_fault("database-frozen")
    begun = time.monotonic()
    advance(simulator, 5)
    assert simulator.truth().processes["mta1"]["mta"] == 1
    assert time.monotonic() - begun < 1
    simulator.clear_fault("database-frozen")
    advance(simulator, 2)


def test_a_slow_database_answers_in_the_end(simulator: Simulator) -> None:
    simulator.set_fault("database-slow")
    begun = time.monotonic()
    longest = 0.0
    while time.monotonic() - begun < 0.7:  # over two pauses
        asked = time.monotonic()
        row(simulator, "SELECT 1")
        longest = max(longest, time.monotonic() - asked)
    assert 0.1 < longest < 5
    simulator.clear_fault("database-slow")


def test_statements_of_monitoring_grow_slow_and_those_of_campaign_do_not(simulator: Simulator) -> None:
    query = "SELECT count(*) FROM NmsDelivery"
    password = simulator.password_file.read_text()
    with psycopg.connect(simulator.dsn, password=password, autocommit=True) as connection:
        before = connection.execute(query).fetchone()
        simulator.set_fault("statements-slow", "0.5")
        begun = time.monotonic()
        assert connection.execute(query).fetchone() == before
        assert 0.5 < time.monotonic() - begun < 5
        with pytest.raises(FaultError, match="slow already"):
            simulator.set_fault("statements-slow", "0.7")
        connection.execute("SET statement_timeout = 200")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(query)
        with simulator.connect() as superuser:
            assert "InitPlan" not in str(superuser.execute(f"EXPLAIN {query}".encode()).fetchall())
        simulator.clear_fault("statements-slow")
        assert connection.execute(query).fetchone() == before


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan", "61"])
def test_so_slow_is_no_statement(simulator: Simulator, seconds: str) -> None:
    with pytest.raises(FaultError, match="no number of seconds above 0, 60 at most; usage: statements-slow"):
        simulator.set_fault("statements-slow", seconds)


def test_a_table_may_be_closed_to_monitoring(simulator: Simulator) -> None:
    password = simulator.password_file.read_text()
    with psycopg.connect(simulator.dsn, password=password, autocommit=True) as connection:
        simulator.set_fault("select-revoked", "XtkWorkflow")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT 1 FROM XtkWorkflow")
        connection.execute("SELECT 1 FROM NmsDelivery")
        simulator.clear_fault("select-revoked")
        connection.execute("SELECT 1 FROM XtkWorkflow")


def test_the_password_may_change_and_come_back(simulator: Simulator) -> None:
    password = simulator.password_file.read_text()
    simulator.set_fault("password-changed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(simulator.dsn, password=password)
    simulator.clear_fault("password-changed")
    psycopg.connect(simulator.dsn, password=password).close()


def test_the_index_of_the_parts_goes_and_comes_back(simulator: Simulator) -> None:
    query = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%%(ideliveryid, tsnextpass)'"
    assert row(simulator, query) == (1,)
    simulator.set_fault("index-missing")
    assert row(simulator, query) == (0,)
    simulator.clear_fault("index-missing")
    assert row(simulator, query) == (1,)


def test_a_latent_affinity_stands_in_the_tables(simulator: Simulator) -> None:
    query = "SELECT count(*) FROM NmsTypology WHERE sIPAffinity = 'travel.it'"
    simulator.set_fault("affinity-latent", "travel.it")
    assert row(simulator, query) == (1,)
    simulator.clear_fault("affinity-latent")
    assert row(simulator, query) == (0,)


def test_an_unknown_table_is_told(simulator: Simulator) -> None:
    with pytest.raises(FaultError, match="there is no table 'nmslunch' in schema 'public'; usage: database-locked"):
        simulator.set_fault("database-locked", "NmsLunch")


def test_a_lock_of_somebody_elses_only_delays_the_writing(simulator: Simulator) -> None:
    with simulator.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE NmsDelivery IN ACCESS EXCLUSIVE MODE")
        simulator.set_fault("throughput-stalled")  # waits for the lock in vain
        assert simulator.engine.journal.deliveries
    advance(simulator, 1)
    assert not simulator.engine.journal.deliveries


@pytest.mark.parametrize("column", ["Content", "Target", "Extraction", "Budget", "FCP"])
def test_each_approval_has_its_column(column: str, simulator: Simulator) -> None:
    simulator.set_fault("approval-awaited", column.lower())
    delivery = waiting(simulator, "awaiting_approval")
    columns = [f"iUse{name}Validation" for name in ("Content", "Target", "Extraction", "Budget", "FCP")]
    found = row(simulator, f"SELECT {', '.join(columns)} FROM NmsDelivery WHERE iDeliveryId = %s", delivery)
    assert dict(zip(columns, found, strict=True)) == {name: int(column in name) for name in columns}


def test_the_journal_of_a_delivery_is_written(simulator: Simulator) -> None:
    simulator.set_fault("job-log", "temporary-file")
    (delivery,) = [one.delivery_id for one in simulator.truth().pending if one.clue == "job-log:temporary-file"]
    query = """
        SELECT count(*), string_agg(sMessage, E'\n' ORDER BY iJobLogId), bool_and(tsLog = %s)
        FROM XtkJobLog WHERE iJobId = %s"""
    count, text, right_time = row(simulator, query, simulator.clock(), delivery)
    assert count == 4
    assert f"Postponing DeliveryParts for broken delivery {delivery} " in text
    assert text.count("jane.doe@customer.example") == 4
    assert right_time


def test_priorities_are_written(simulator: Simulator) -> None:
    simulator.set_fault("priority-starved")
    advance(simulator, 3)
    (starved,) = [one.delivery_id for one in simulator.truth().pending if one.clue == "priority-starved"]
    query = "SELECT iState, iPriority, iMsgPriority FROM NmsDelivery WHERE iDeliveryId = %s"
    assert row(simulator, query, starved) == (51, 0, 0)
    higher = "SELECT count(*) FROM NmsDelivery WHERE iState = 55 AND iPriority = 20 AND iMsgPriority = 20"
    assert row(simulator, higher)[0] > 0
    normal = "SELECT count(*) FROM NmsDelivery WHERE iState = 0 AND iPriority = 10 AND iDeliveryId <> 0"
    assert row(simulator, normal)[0] > 0


def test_the_sequence_comes_near_its_end_and_back(simulator: Simulator) -> None:
    def last() -> int:
        return int(row(simulator, "SELECT last_value FROM XtkNewId")[0])

    before = last()
    simulator.set_fault("sequence-near-wrap")
    assert 0.999 * 2**31 < last() < 2**31
    simulator.set_fault("database-down")
    simulator.clear_fault("sequence-near-wrap")
    simulator.clear_fault("database-down")
    assert last() == before
    advance(simulator, 3)
    assert row(simulator, "SELECT max(iDeliveryId) <= %s + 1000 FROM NmsDelivery", before) == (True,)


def test_history_of_many_logs_is_quick(simulator: Simulator) -> None:
    query = "SELECT count(*) FILTER (WHERE iStatus IN (1, 2)), count(*) FROM NmsBroadLogRcp"
    settled, logs = row(simulator, query)
    before = simulator.truth()
    begun = time.monotonic()
    simulator.backfill_delivery_logs(200_000)
    assert time.monotonic() - begun < 10
    assert row(simulator, query) == (settled + 200_000, logs + 200_000)
    after = simulator.truth()
    assert after.deliveries[95, 0] - before.deliveries.get((95, 0), 0) == 50
    sent = sum(after.messages["success", attempt] - before.messages["success", attempt] for attempt in ("first", "retry"))
    assert row(simulator, "SELECT sum(iSuccess) FROM NmsDelivery WHERE iToDeliver = 4000 AND iState = 95") == (sent,)
