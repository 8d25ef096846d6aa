"""Deliverability: error statistics, replies, retries and the last error of an address, on a real database."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaign_exporter.config import load_config
from campaign_simulator.clock import ManualClock
from campaign_simulator.instance import Simulator
from campaign_simulator.mail_servers import NAMES
from integration.database.scene import MakeScene, Observer, Scene, observe

COLLECTOR = "deliverability"
AN_HOUR = 3600.0


def statistic(scene: Scene, mx: int, public_id: int, *, ago: float = 60, **counts: int) -> None:
    moment = scene.execute("SELECT now() - make_interval(secs => %s)", ago)[0][0]
    scene.insert("NmsEmailErrorStat", tsDate=moment, iMXIP=mx, iPublicId=public_id, **counts)


def seen(scene: Scene) -> Observer:
    return scene.watch().round(COLLECTOR)


def test_no_statistics_are_none_and_no_failure(scene: Scene) -> None:
    found = seen(scene)
    assert found.success(COLLECTOR) == 1
    assert found.value("campaign_smtp_paths") == 0
    assert found.value("campaign_smtp_window_seconds") == AN_HOUR
    assert found.samples("campaign_smtp_path_connections") == {}
    assert found.value("campaign_address_error_last_timestamp_seconds") is None
    assert found.value("campaign_messages_in_recovery", channel="email") == 0


def test_paths_are_summed_over_the_window(scene: Scene) -> None:
    statistic(scene, 1, 11, iTotalConnections=100, iTotalErrors=9, iRefusedConnections=4, iMessageErrors=5, iSentMessages=90)
    statistic(scene, 1, 11, ago=1800, iTotalConnections=50, iTotalErrors=1, iTimeoutConnections=1)
    statistic(scene, 1, 12, iTotalConnections=10, iAbortedConnections=2, iFailedConnections=3)
    statistic(scene, 1, 11, ago=3700, iTotalConnections=9999, iTotalErrors=9999)
    found = seen(scene)
    path = {"mx": "0.0.0.1", "public_id": "11"}
    assert found.value("campaign_smtp_path_connections", **path) == 150
    assert found.value("campaign_smtp_path_errors", **path) == 10
    assert found.value("campaign_smtp_path_messages", **path) == 90
    assert found.counted("campaign_smtp_path_errors_by_kind", **path) == {("message",): 5, ("refused",): 4, ("timeout",): 1}
    assert found.samples("campaign_smtp_server_connections") == {("0.0.0.1", ""): 160}
    assert found.samples("campaign_smtp_server_connection_errors") == {("0.0.0.1", ""): 10}
    assert found.samples("campaign_smtp_address_connections") == {("11",): 150, ("12",): 10}
    assert found.samples("campaign_smtp_address_connection_errors") == {("11",): 5, ("12",): 5}


def test_what_was_coalesced_is_not_read(scene: Scene) -> None:
    statistic(scene, 1, 11, ago=600, iTotalConnections=100)
    statistic(scene, 1, 11, ago=60, iTotalConnections=7)
    moment = scene.execute("SELECT now() - interval '5 minutes'")[0][0]
    scene.insert("XtkOption", iOptionId=1, sName="NmsLastErrorStatCoalesce", tsTimeStampValue=moment)
    assert seen(scene).value("campaign_smtp_path_connections", mx="0.0.0.1", public_id="11") == 7


def test_the_table_is_bounded_and_holds_the_worst(scene: Scene) -> None:
    scene.collectors = {COLLECTOR: {"table_size": 2}}
    scene.execute(
        "INSERT INTO nmsemailerrorstat (tsdate, imxip, ipublicid, itotalconnections, irefusedconnections)"
        " SELECT now() - interval '1 minute', id, 1, 10 + id, id FROM generate_series(1, 299) id"
    )
    found = seen(scene)
    assert set(found.samples("campaign_smtp_path_connections")) == {("0.0.1.43", "1"), ("0.0.1.42", "1")}
    assert len(found.samples("campaign_smtp_server_connections")) == 200
    assert found.value("campaign_smtp_paths") == 299


def test_hostile_replies_and_owners_are_cut(scene: Scene) -> None:
    statistic(scene, 1, 11, iTotalConnections=100, iRefusedConnections=4)
    evil = '450 4.2.1 <jane@x.example>\n\u202e"}} 1\nup 0 ' + "x" * 400
    scene.insert("NmsEmailError", iMXIP=1, iPublicId=11, iLastReplyCode=450, sLastReplyMessage=evil)
    scene.insert("NmsMxOwner", iMXIP=1, sOwner='evil"\n owner')
    found = seen(scene)
    ((code, mx, public_id, reply),) = found.samples("campaign_smtp_last_reply_info")
    assert (code, mx, public_id) == ("450", "0.0.0.1", "11")
    assert len(reply) == 80
    assert "jane" not in reply
    assert "\n" not in reply
    assert [owner for _, owner in found.samples("campaign_smtp_server_connections")] == ['evil"\n owner']


def test_an_owner_is_a_domain_where_none_is_named(scene: Scene) -> None:
    for number in (1, 2, 3):
        statistic(scene, number, 11, iTotalConnections=100)
    scene.insert("NmsMxOwner", iMXIP=1, sOwner="Big Mail")
    scene.insert("NmsMxDomain", iMXIP=1, sDomain="one.example")
    scene.insert("NmsMxDomain", iMXIP=2, sDomain="two.example")
    owners = {key[0]: key[1] for key in seen(scene).samples("campaign_smtp_server_connections")}
    assert owners == {"0.0.0.1": "Big Mail", "0.0.0.2": "two.example", "0.0.0.3": ""}


def test_recovery_and_the_last_error(scene: Scene) -> None:
    scene.delivery(1, 61, iToDeliver=100, iProcessed=70)
    scene.delivery(2, 62, iToDeliver=10, iProcessed=0, iMessageType=1)
    scene.delivery(3, 55, iToDeliver=1000)
    scene.delivery(4, 61, iToDeliver=1000, iIsModel=1)
    scene.execute(
        "INSERT INTO nmsaddress (iaddressid, saddress, tslasterror, tslastmodified) VALUES"
        " (1, 'a', now() - interval '1 hour', now() - interval '1 hour'), (2, 'b', NULL, now()), (3, 'c', now(), NULL)"
    )
    found = seen(scene)
    assert found.counted("campaign_messages_in_recovery") == {("email",): 30, ("sms",): 10}
    last = found.value("campaign_address_error_last_timestamp_seconds")
    assert last == pytest.approx(time.time() - AN_HOUR, abs=60)


@pytest.mark.parametrize(
    ("table", "failing"), [("nmsemailerror", ["replies"]), ("nmsmxdomain", ["owners"]), ("nmsmxowner", [])]
)
def test_paths_are_told_without_replies_and_owners(scene: Scene, table: str, failing: list[str]) -> None:
    statistic(scene, 1, 11, iTotalConnections=100)
    scene.execute(f"DROP TABLE {table}")
    found = seen(scene)
    assert list(found.watched.jobs[COLLECTOR].failures) == failing
    assert found.value("campaign_smtp_path_connections", mx="0.0.0.1", public_id="11") == 100


@pytest.mark.parametrize(("table", "part"), [("nmsemailerrorstat", "paths"), ("nmsaddress", "addresses")])
def test_parts_fail_apart(scene: Scene, table: str, part: str) -> None:
    statistic(scene, 1, 11, iTotalConnections=100)
    scene.execute(f"DROP INDEX {table}_{'date' if part == 'paths' else 'lastmodified'}")
    found = seen(scene)
    assert found.value("campaign_exporter_collector_available", collector=COLLECTOR) == 0
    assert list(found.watched.jobs[COLLECTOR].failures) == [part]
    assert (found.value("campaign_smtp_paths") is None) == (part == "paths")
    assert found.value("campaign_messages_in_recovery", channel="email") == 0


def test_timestamps_without_time_zone(make_scene: MakeScene) -> None:
    scene = make_scene(schema="neolane", with_time_zone=False)
    scene.database_settings = {"timezone": "Europe/Paris"}
    for ago, connections in ((60, 5), (3700, 100)):
        local = scene.execute("SELECT (now() - make_interval(secs => %s)) AT TIME ZONE 'Europe/Paris'", ago)[0][0]
        scene.insert("NmsEmailErrorStat", tsDate=local, iMXIP=1, iPublicId=1, iTotalConnections=connections)
    assert seen(scene).value("campaign_smtp_path_connections", mx="0.0.0.1", public_id="1") == 5


def test_a_round_is_cheap_with_many_rows(scene: Scene) -> None:
    scene.execute(
        "INSERT INTO nmsemailerrorstat (tsdate, imxip, ipublicid, itotalconnections, irefusedconnections)"
        " SELECT now() - (id % 12) * interval '5 minutes' + interval '1 second', id % 400, id % 37, 100, id % 3"
        " FROM generate_series(1, 100000) id"
    )
    scene.execute("ANALYZE")
    found = seen(scene)
    assert found.success(COLLECTOR) == 1
    seconds = found.value("campaign_exporter_database_seconds_total", collector=COLLECTOR)
    assert seconds is not None
    assert seconds < 0.9, "within the statement's timeout"


def check_files(simulator: Simulator, found: Observer) -> None:
    """Hold what is told of files against what was done to them."""
    simulator.set_fault("parts-postponed", "mta1")
    simulator.set_fault("core-dumped", "mta2")
    simulator.step()
    found.round("files")
    assert found.failures("files") == {}
    counted = found.counted("campaign_mta_log_lines_total")
    assert counted == {(host, "postponed_parts"): count for host, count in simulator.truth().postponed_parts.items() if count}
    assert found.counted("campaign_host_core_files") == {("mta2",): 1}
    assert found.value("campaign_mta_working_files", host="mta1") == 5
    assert found.samples("campaign_host_temporary_other_device") == {("mta1",): 0, ("mta2",): 0}
    simulator.clear_fault("core-dumped")
    assert found.round("files").counted("campaign_host_core_files") == {}


def test_affinities_and_mail_servers_are_those_of_the_simulator(tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC) - timedelta(minutes=4))
    with Simulator(tmp_path, clock=clock, messages_per_second=200.0) as simulator:
        simulator.set_fault("connections-refused", NAMES[2])
        for _ in range(12):
            clock.advance(20)
            simulator.step()
        found = observe(load_config(simulator.configuration_file)).round("affinity", COLLECTOR, "files")
        truth = simulator.truth().mail_servers
        check_files(simulator, found)
    assert truth[NAMES[2]][1] > truth[NAMES[2]][0] / 2
    expected = {(f"203.0.113.{NAMES.index(name) + 1}", name): counts for name, counts in truth.items()}
    assert found.samples("campaign_smtp_server_connections") == {key: counts[0] for key, counts in expected.items()}
    assert found.samples("campaign_smtp_server_connection_errors") == {key: counts[1] for key, counts in expected.items()}
    affinities = found.samples("campaign_smtp_affinity_connections")
    assert set(affinities) >= {("default",), ("retail.fr",)}
    assert sum(affinities.values()) == sum(counts[0] for counts in truth.values())
    assert found.value("campaign_ip_affinity_addresses", host="mta1", affinity="default") == 2
    found.close()
