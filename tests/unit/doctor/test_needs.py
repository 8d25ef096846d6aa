"""What each statement is for."""

import pytest

from campaign_exporter.catalogue import COLLECTORS
from campaign_exporter.diagnosis.causes import CAUSES
from campaign_exporter.doctor.needs import NEEDS, WHY, Scope
from campaign_exporter.sources.log_statements import OTHER_LOG_STATEMENTS, OTHER_LOGS
from campaign_exporter.sources.statement import Statement
from campaign_exporter.sources.statements import NEXT_PASSES, SENDING_DELIVERIES, STATEMENTS, columns_read
from campaign_exporter.sources.tracking_statements import TRACKED_DELIVERIES

ALL = frozenset(COLLECTORS)
LOGS = frozenset(log.table for log in OTHER_LOGS)
ASKED = [each for each in (*STATEMENTS, *OTHER_LOG_STATEMENTS) if each.reads and each.name in NEEDS]


def scope(*collectors: str, throughput: str = "auto") -> Scope:
    return Scope("public", "campaign_monitor", frozenset(collectors) or ALL, throughput)


def test_each_statement_that_reads_tables_says_what_it_is_for() -> None:
    every = (*STATEMENTS, *OTHER_LOG_STATEMENTS)
    missing = [each.name for each in every if each.reads and each.granted and each.name not in NEEDS]
    assert not missing, f"add to NEEDS in doctor/needs.py what is lost without: {missing}"
    assert NEEDS.keys() <= {statement.name for statement in every}


def test_needs_name_what_there_is() -> None:
    causes = {cause.name for cause in CAUSES}
    for need in NEEDS.values():
        assert set(need.asked_by) <= ALL | {WHY}
        assert set(need.fails) <= set(need.asked_by)
        assert set(need.causes) <= causes
        assert need.fails or need.causes or need.words


@pytest.mark.parametrize("statement", ASKED, ids=lambda statement: statement.name)
def test_whatever_is_missing_something_is_lost(statement: Statement) -> None:
    assert scope().loss([statement])


def test_with_all_collectors_all_that_is_granted_is_needed() -> None:
    assert scope().tables == columns_read()


def test_delivery_logs_that_not_every_instance_has_are_needed_where_they_are_there() -> None:
    everywhere = Scope("public", "campaign_monitor", ALL, logs=LOGS)
    assert everywhere.tables == columns_read((*STATEMENTS, *OTHER_LOG_STATEMENTS))
    assert everywhere.tables.keys() - scope().tables.keys() == LOGS
    assert not LOGS & Scope("public", "campaign_monitor", ALL - {"messages"}, logs=LOGS).tables.keys()


def test_what_nobody_asks_is_not_needed() -> None:
    assert "nmsdeliverystat" not in scope("deliveries").tables
    assert "dvolume" not in scope(throughput="delivery_counters").tables["nmsdeliverystat"]
    assert "isuccess" in scope(throughput="delivery_counters").tables["nmsdelivery"]


def test_causes_are_lost_only_where_they_would_be_told() -> None:
    assert "waiting_wave" in scope("pending").loss([NEXT_PASSES])
    assert "waiting_wave" not in scope("deliveries").loss([NEXT_PASSES])


def test_tracked_links_are_asked_for_unless_nobody_misses_them() -> None:
    everything = scope()
    assert "nmstrackingurl" in everything.tables
    assert "nmstrackingurl" not in everything._replace(unasked=frozenset({TRACKED_DELIVERIES.name})).tables


def test_what_serves_instead_serves_for_all_that_is_lost() -> None:
    everything = scope()
    assert (
        everything.instead(everything.reading("nmsdeliverystat")) == "throughput: {source: delivery_counters} for this instance"
    )
    assert everything.instead([TRACKED_DELIVERIES]) == "collectors: {tracking: {links: false}}"
    assert everything.instead([TRACKED_DELIVERIES, SENDING_DELIVERIES]) == ""
    assert everything.instead([SENDING_DELIVERIES]) == ""


def test_what_hosts_tell_is_not_said_to_be_lost_with_the_database() -> None:
    lost = scope().loss([SENDING_DELIVERIES])
    assert "no campaign_ip_affinity_mismatch, campaign_ip_affinity_latent_definitions; collector pending" in lost
