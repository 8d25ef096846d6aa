from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
import yaml

from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.postgres import PostgresServer
from campaign_simulator.programs import embedded_bin_directory, find_bin_directory
from campaign_simulator.recipients import DENYLISTS
from campaign_simulator.tricky import TrickyRows

Rows = list[tuple[Any, ...]]
COUNTED = "iDeliveryId <> 0 AND iIsModel IS DISTINCT FROM 1 AND coalesce(iDeleteStatus, 0) = 0 AND iFCP IS DISTINCT FROM 1"


def advance(simulator: Simulator, seconds: int) -> None:
    assert isinstance(simulator.clock, ManualClock)
    for _ in range(0, seconds, 6):
        simulator.clock.advance(6)
        simulator.step()


def select(simulator: Simulator, query: str) -> Rows:
    with simulator.connect() as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture(scope="module", params=[("public", True), ("neolane", False)], ids=str)
def simulator(request: pytest.FixtureRequest, make_simulator: Callable[..., Simulator]) -> Simulator:
    schema, with_time_zone = request.param
    programs = find_bin_directory() if with_time_zone else embedded_bin_directory()
    made = make_simulator(
        schema=schema,
        with_time_zone=with_time_zone,
        messages_per_second=60.0,
        postgres=PostgresServer(bin_directory=programs),
    )
    made.backfill(hours=6, deliveries=20, rows=2_000)
    advance(made, 420)
    made.set_fault("delivery-in-wave")
    made.clear_fault("delivery-in-wave")  # leaves a large delivery, to be in the middle of
    advance(made, 12)
    return made


@pytest.fixture(scope="module")
def tricky(simulator: Simulator) -> TrickyRows:
    return simulator.insert_tricky_rows()


def test_deliveries_are_what_the_truth_says(simulator: Simulator, tricky: TrickyRows) -> None:
    found = select(simulator, f"SELECT iState, iMessageType, count(*) FROM NmsDelivery WHERE {COUNTED} GROUP BY 1, 2")
    assert {(state, channel): count for state, channel, count in found} == dict(simulator.truth().deliveries)
    assert len(tricky.rows) > 30


def test_messages_and_bytes_are_what_the_truth_says(simulator: Simulator) -> None:
    query = """
        SELECT sum(iFirstSuccess), sum(iRetriesSuccess), sum(iFirstError), sum(iRetriesError), sum(dVolume)
        FROM NmsDeliveryStat WHERE iVerifyMode = 0"""
    truth = simulator.truth()
    assert select(simulator, query) == [
        (
            truth.messages["success", "first"],
            truth.messages["success", "retry"],
            truth.messages["error", "first"],
            truth.messages["error", "retry"],
            truth.bytes,
        )
    ]
    assert min(truth.messages.values()) > 10


def test_simulated_attempts_are_kept_apart(simulator: Simulator) -> None:
    query = """
        SELECT coalesce(sum(iFirstSuccess + iRetriesSuccess + iFirstError + iRetriesError), 0)
        FROM NmsDeliveryStat WHERE iVerifyMode = 1"""
    assert select(simulator, query) == [(simulator.truth().simulated_attempts,)]


def test_remaining_messages_are_what_the_truth_says(simulator: Simulator, tricky: TrickyRows) -> None:
    query = f"""
        SELECT iState, iMessageType, sum(iToDeliver - iProcessed) FROM NmsDelivery
        WHERE {COUNTED} AND iState >= 51 AND iState < 85 GROUP BY 1, 2"""
    found = {(state, channel): total for state, channel, total in select(simulator, query)}
    assert {key: count for key, count in found.items() if count} == {
        key: count for key, count in simulator.truth().messages_remaining.items() if count
    }
    assert tricky.remaining


def test_counters_of_a_delivery_agree_with_its_logs(simulator: Simulator) -> None:
    query = """
        SELECT iState, iToDeliver, iSuccess, iError, iProcessed,
               count(*) FILTER (WHERE log.iStatus = 1), count(*) FILTER (WHERE log.iStatus = 2),
               count(*) FILTER (WHERE log.iStatus = 6)
        FROM NmsDelivery JOIN NmsBroadLogRcp AS log USING (iDeliveryId)
        WHERE iDeliveryId > 0 GROUP BY iDeliveryId, 1, 2, 3, 4, 5"""
    found = select(simulator, query)
    assert {row[0] for row in found} >= {55, 61, 95}
    for state, to_deliver, success, error, processed, sent, failed, pending in found:
        assert (success, error, success + error) == (sent, failed, processed)
        assert to_deliver - processed == pending
        assert state != 95 or pending == 0


def test_parts_hold_what_is_left(simulator: Simulator) -> None:
    query = """
        SELECT min(delivery.tsNextPass) = min(part.tsNextPass), max(part.iRcpCount),
               min(iErrorPending), min(iToDeliver - iProcessed), sum(part.iRcpCount)
        FROM NmsDelivery AS delivery JOIN NmsDeliveryPart AS part USING (iDeliveryId)
        WHERE iState = 61 GROUP BY iDeliveryId"""
    found = select(simulator, query)
    assert found
    for same_pass, size, waiting, left, in_parts in found:
        assert same_pass
        assert size <= 256
        assert waiting == left == in_parts
    orphans = """
        SELECT count(*) FROM NmsDeliveryPart
        WHERE iDeliveryPartId <> 0 AND iDeliveryId NOT IN (SELECT iDeliveryId FROM NmsDelivery)"""
    assert select(simulator, orphans) == [(0,)]


def test_errors_have_documented_reasons(simulator: Simulator) -> None:
    query = """
        SELECT message.iFailureType, message.iFailureReason, count(*)
        FROM NmsBroadLogRcp AS log JOIN NmsBroadLogMsg AS message ON log.iMsgId = message.iBroadLogMsgId
        WHERE log.iStatus = 2 GROUP BY 1, 2"""
    found = {(kind, reason) for kind, reason, _ in select(simulator, query)}
    assert {(2, 1), (2, 20)} <= found
    sums = "SELECT sum(iUnknownUser + iInvalidDomain + iUnreachable + iMailboxFull + iRefused), sum(iError) FROM NmsDelivery"
    assert len(set(select(simulator, sums)[0])) == 1


def test_only_documented_log_statuses_are_written(simulator: Simulator) -> None:
    found = {row[0] for row in select(simulator, "SELECT DISTINCT iStatus FROM NmsBroadLogRcp WHERE iBroadLogId <> 0")}
    assert found <= {1, 2, 6, 7}


def test_tracking_agrees_with_its_consolidation(simulator: Simulator) -> None:
    query = """
        SELECT (SELECT count(*) FROM NmsTrackingLogRcp WHERE iTrackingLogId <> 0),
               (SELECT sum(iTotalClicks) FROM NmsTrackingStats),
               (SELECT sum(iTotalRecipientOpen + iTotalRecipientClick + iMirrorPage + iOptOut) FROM NmsDelivery)"""
    logs, clicks, counters = select(simulator, query)[0]
    assert logs == clicks == counters > 100


def test_recipients_are_what_the_truth_says(simulator: Simulator) -> None:
    refused = select(simulator, f"SELECT {', '.join(f'sum({column})' for column in DENYLISTS.values())} FROM NmsRecipient")
    truth = simulator.truth()
    assert dict(zip(DENYLISTS, refused[0], strict=True)) == truth.recipients_denylisted
    query = """
        SELECT CASE WHEN tsCreated IS NULL THEN 'unknown' WHEN tsCreated > now() - interval '180 days' THEN 'new'
          WHEN iRecipientId IN (SELECT iRecipientId FROM NmsTrackingLogRcp) THEN 'active' ELSE 'inactive' END, count(*)
        FROM NmsRecipient WHERE iRecipientId <> 0 GROUP BY 1"""
    assert dict(select(simulator, query)) == dict(truth.recipients)


def test_times_are_those_of_the_clock(simulator: Simulator) -> None:
    """A database without time zones holds local times: compared with now() they are right in its own zone."""
    query = "SELECT max(extract(epoch FROM tsLastModified::timestamptz)) FROM NmsDelivery WHERE iDeliveryId > 0"
    assert float(select(simulator, query)[0][0]) == pytest.approx(simulator.engine.now.timestamp(), abs=2)


def test_options_and_workflows_are_there(simulator: Simulator) -> None:
    options: dict[str, int] = dict(select(simulator, "SELECT sName, iLongValue FROM XtkOption WHERE iOptionId <> 0"))
    assert options["NmsMTA_Alert_Delay"] == 30
    assert options["NmsOperation_LimitConcurrency"] == 10
    assert options["NmsOperation_DeliveryPreparationWindow"] == 7
    assert {"NmsTracking_Pointer", "NmsCleanup_LastCleanup", "WdbcTimeZone"} <= set(options)
    query = "SELECT sInternalName FROM XtkWorkflow WHERE iState = 11 AND iFailed = 0 AND tsNextProcessing > tsProcess"
    assert {"tracking", "cleanup", "operationMgt", "deliveryMgt"} <= {row[0] for row in select(simulator, query)}


def test_the_shared_sequence_is_ahead_of_the_keys(simulator: Simulator) -> None:
    query = "SELECT nextval('XtkNewId') > (SELECT max(iDeliveryId) FROM NmsDelivery)"
    assert select(simulator, query) == [(True,)]


def test_the_monitoring_role_may_read_and_nothing_else(simulator: Simulator) -> None:
    password = simulator.password_file.read_text()
    assert simulator.password_file.stat().st_mode & 0o077 == 0
    with psycopg.connect(simulator.dsn, password=password, autocommit=True) as connection:
        assert connection.execute("SELECT pg_has_role('pg_read_all_stats', 'USAGE')").fetchone() == (True,)
        connection.execute(f"SELECT count(*) FROM {simulator.schema}.NmsDelivery".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {simulator.schema}.NmsDelivery".encode())
        with ExitStack() as sessions:
            for _ in range(3):  # one is open
                sessions.enter_context(psycopg.connect(simulator.dsn, password=password))
            with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
                psycopg.connect(simulator.dsn, password=password)


def test_the_configuration_describes_everything(simulator: Simulator) -> None:
    content = yaml.safe_load(simulator.configuration_file.read_text())
    described = content["instances"][0]
    assert described["name"] == "prod"
    assert described["database"] == {
        "dsn": simulator.dsn,
        "password_file": str(simulator.password_file),
        "schema": simulator.schema,
    }
    assert [host["name"] for host in described["hosts"]] == ["mta1", "mta2"]
    assert {endpoint["kind"] for endpoint in described["endpoints"]} == {"redirection", "ping", "resource"}
    assert content["state_directory"].startswith(str(simulator.directory))


def test_a_marketing_instance_shows_what_it_knows_of_another_server(make_simulator: Callable[..., Simulator]) -> None:
    marketing = make_simulator(role="marketing", messages_per_second=10.0)
    for _ in range(170):
        assert isinstance(marketing.clock, ManualClock)
        marketing.clock.advance(30)
        marketing.step()
    assert yaml.safe_load(marketing.configuration_file.read_text())["instances"][0]["role"] == "marketing"
    query = """
        SELECT iState, count(*), bool_and(iMidRemoteId > 0), bool_and(a.iDeliveryMode = 4 AND a.iType = 3)
        FROM NmsDelivery AS d JOIN NmsExtAccount AS a ON a.iExtAccountId = d.iDeliveryProviderId
        WHERE d.iDeliveryMode = 4 AND iState >= 51 GROUP BY 1"""
    states = {state: rest for state, *rest in select(marketing, query)}
    assert {55, 95} <= set(states) <= {51, 55, 61, 62, 95}
    assert all(remote and routed for _, remote, routed in states.values())
    sent = """
        SELECT count(*) FROM NmsDeliveryStat JOIN NmsDelivery USING (iDeliveryId) WHERE iDeliveryMode = 4"""
    assert select(marketing, sent) == [(0,)]
    parts = "SELECT count(*) FROM NmsDeliveryPart JOIN NmsDelivery USING (iDeliveryId) WHERE iDeliveryMode = 4"
    assert select(marketing, parts) == [(0,)]
    pointer = """
        SELECT o.tsTimeStampValue = w.tsProcess FROM XtkOption AS o, XtkWorkflow AS w
        WHERE o.sName = 'NmsMidSourcing_LastDelivery_midEmail' AND w.sInternalName = 'defaultMidSourcingDlv'"""
    assert select(marketing, pointer) == [(True,)]
    counted = "SELECT iState, iMessageType, count(*) FROM NmsDelivery WHERE iDeliveryId <> 0 GROUP BY 1, 2"
    assert {(state, channel): count for state, channel, count in select(marketing, counted)} == dict(
        marketing.truth().deliveries
    )


def test_counted_deliveries_are_all_states(simulator: Simulator) -> None:
    states = Counter(state for state, _ in simulator.truth().deliveries)
    assert {0, 37, 55, 61, 75, 85, 87, 95} <= set(states)
