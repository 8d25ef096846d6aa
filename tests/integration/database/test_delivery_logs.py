"""Delivery logs as a real PostgreSQL keeps them: late rows, restarts, purges, crowds, missing indexes and rights."""

import psycopg
import pytest

from campaign_exporter.sources.campaign import Questions
from campaign_exporter.sources.log_statements import BROAD_LOGS, LOG_STATEMENTS
from integration.database.scene import MakeScene, Observer, Scene

TRANSITIONS = "campaign_message_transitions_total"
CATCH_UP = "campaign_message_transitions_catch_up_total"
FAILURES = "campaign_message_failures_total"
RESULTS = "campaign_message_domain_results_total"
REFUSALS = "campaign_message_domain_refusals_total"
ANSWERS = "(1, 2, 1), (2, 2, 20), (3, 1, 5), (4, 1, 3), (5, 3, 25), (6, 9, 99)"


@pytest.fixture(autouse=True)
def answers(scene: Scene) -> None:
    scene.execute(
        "INSERT INTO nmsbroadlogmsg (ibroadlogmsgid, ifailuretype, ifailurereason, smd5)"
        f" SELECT a, b, c, a::text FROM (VALUES {ANSWERS}) v(a, b, c)"
    )


def put(  # noqa: PLR0913 - each has a default that suits
    scene: Scene | psycopg.Connection,
    row_id: int,
    status: int | None,
    answer: int = 0,
    *,
    ago: str = "0 s",
    event: str = "0 s",
    address: str = "a@mail.example",
    table: str = "nmsbroadlogrcp",
) -> None:
    """Write a delivery log, or write it anew; `event` is how long before its modification something happened to it."""
    values = (row_id, status, answer, ago, event, ago, address)
    statement = f"""
        INSERT INTO {table} (ibroadlogid, istatus, imsgid, tsevent, tslastmodified, saddress)
        VALUES (%s, %s, %s, clock_timestamp() - %s::interval - %s::interval, clock_timestamp() - %s::interval, %s)
        ON CONFLICT (ibroadlogid) DO UPDATE SET (istatus, imsgid, tsevent, tslastmodified)
          = (excluded.istatus, excluded.imsgid, excluded.tsevent, excluded.tslastmodified)"""
    if isinstance(scene, Scene):
        scene.execute(statement, *values)
    else:
        scene.execute(statement, values)


def statuses(seen: Observer, name: str = TRANSITIONS) -> dict[str, float]:
    return {status: count for (status,), count in seen.counted(name).items()}


def test_what_is_there_at_first_is_the_baseline_and_transitions_are_counted(scene: Scene) -> None:
    put(scene, 1, 6)
    put(scene, 2, 1)
    seen = scene.watch().round("messages")
    assert set(seen.samples(TRANSITIONS).values()) == {0.0}
    assert len(seen.samples(TRANSITIONS)) == 5
    put(scene, 1, 1)
    put(scene, -3, 6)
    put(scene, 4, 8)
    put(scene, 5, None)
    for _ in range(3):
        seen.round("messages")
    assert statuses(seen) == {"sent": 1, "pending": 1, "8": 1, "null": 1}
    put(scene, -3, 1)
    put(scene, 4, 1)
    put(scene, 2, 1)  # it was sent before we came, and is touched: nobody can tell
    put(scene, 4, 1)
    assert statuses(seen.round("messages", "messages")) == {"sent": 4, "pending": 1, "8": 1, "null": 1}
    put(scene, 4, 1)
    assert statuses(seen.round("messages"))["sent"] == 4
    assert statuses(seen, CATCH_UP) == {}
    assert seen.samples("campaign_message_log_lag_seconds") == {("nmsbroadlogmid",): 0, ("nmsbroadlogrcp",): 0}
    assert seen.success("messages") == 1


def test_failures_have_a_kind_and_a_reason(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    assert set(seen.samples(FAILURES).values()) == {0.0}
    assert seen.value(FAILURES, outcome="failed", kind="hard", reason="user_unknown") == 0
    for row_id, (status, answer) in enumerate(
        [(2, 1), (2, 2), (2, 3), (6, 4), (2, 5), (2, 6), (2, 777), (2, 0), (6, 0), (1, 3)]
    ):
        put(scene, row_id + 1, status, answer)
    seen.round("messages", "messages")
    assert seen.counted(FAILURES) == {
        ("hard", "failed", "user_unknown"): 1,
        ("hard", "failed", "refused"): 1,
        ("soft", "failed", "mailbox_full"): 1,
        ("soft", "postponed", "unreachable"): 1,
        ("ignored", "failed", "error_ignored"): 1,
        ("9", "failed", "99"): 1,
        ("unknown", "failed", "unknown"): 1,
        ("not_defined", "failed", "not_defined"): 1,
    }
    # Refused again at the next attempt, in the end for good; and a row whose message of failure a cleanup merges.
    put(scene, 4, 6, 4)
    seen.round("messages", "messages")
    put(scene, 4, 2, 4)
    scene.execute("UPDATE nmsbroadlogrcp SET imsgid = 2 WHERE ibroadlogid = 1")
    seen.round("messages", "messages")
    assert seen.value(FAILURES, outcome="postponed", kind="soft", reason="unreachable") == 2
    assert seen.value(FAILURES, outcome="failed", kind="soft", reason="unreachable") == 1
    assert seen.value(FAILURES, outcome="failed", kind="hard", reason="refused") == 1


def test_rows_that_a_long_transaction_commits_late_are_counted_once(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    scene.execute("SELECT pg_sleep(0.3)")  # what lies before the first round is the baseline
    with scene.connect() as slow:
        slow.autocommit = False
        put(slow, 1, 1)
        put(slow, 2, 1, ago="0.2 s")
        put(scene, 3, 1)
        assert statuses(seen.round("messages", "messages")) == {"sent": 1}
        slow.commit()
    put(scene, 4, 1)
    assert statuses(seen.round("messages", "messages", "messages")) == {"sent": 4}


def test_rows_that_come_later_still_are_counted_when_the_overlap_is_over(scene: Scene) -> None:
    scene.collectors = {"messages": {"interval": "1s", "overlap": "60s"}}
    seen = scene.watch().round("messages")
    scene.execute("SELECT pg_sleep(0.01)")
    early = scene.execute("SELECT clock_timestamp()")[0][0]
    seen.round("messages")
    with pytest.MonkeyPatch.context() as later:
        _ahead(later, 30)
        seen.round("messages")
        scene.execute(
            "INSERT INTO nmsbroadlogrcp (ibroadlogid, istatus, tsevent, tslastmodified) VALUES (1, 1, %s, %s)", early, early
        )
        assert statuses(seen.round("messages")) == {}
        _ahead(later, 70)
        scene.clock.ahead += 70
        assert statuses(seen.round("messages", "messages")) == {"sent": 1}


def _ahead(patch: pytest.MonkeyPatch, seconds: float) -> None:
    real = Questions.now.__wrapped__ if hasattr(Questions.now, "__wrapped__") else Questions.now

    def now(ask: Questions) -> float:
        return float(real(ask)) + seconds

    now.__wrapped__ = real  # type: ignore[attr-defined] # so that the next call finds the real one
    patch.setattr(Questions, "now", now)


def test_a_restart_counts_what_was_missed_once_and_calls_it_catch_up(scene: Scene) -> None:
    state = scene.state()
    seen = scene.watch(state).round("messages")
    put(scene, 1, 1)
    assert statuses(seen.round("messages")) == {"sent": 1}
    seen.close()
    state.close()
    put(scene, 1, 2, 1)
    put(scene, 2, 1)
    again = scene.watch(scene.state()).round("messages", "messages")
    assert statuses(again) == {"sent": 2, "failed": 1}
    assert statuses(again, CATCH_UP) == {"sent": 1, "failed": 1}
    put(scene, 3, 1)
    assert statuses(again.round("messages")) == {"sent": 3, "failed": 1}
    assert statuses(again, CATCH_UP) == {"sent": 1, "failed": 1}


def test_purges_and_a_midnight_cleanup_change_no_counter(scene: Scene) -> None:
    put(scene, 1, 1, ago="100 days")
    put(scene, 2, 2, 1, ago="100 days")
    seen = scene.watch().round("messages")
    put(scene, 3, 1)
    put(scene, 4, 2, 1)
    before = statuses(seen.round("messages"))
    assert before == {"sent": 1, "failed": 1}
    # The cleanup deletes what is old, merges messages of failure, and touches logs whose event is long past.
    scene.execute("DELETE FROM nmsbroadlogrcp WHERE ibroadlogid IN (1, 3)")
    put(scene, 2, 2, 2, event="100 days")
    scene.execute("UPDATE nmsbroadlogrcp SET imsgid = 2 WHERE imsgid = 1")
    scene.execute("DELETE FROM nmsbroadlogmsg WHERE ibroadlogmsgid = 1")
    assert statuses(seen.round("messages", "messages")) == before
    scene.execute("TRUNCATE nmsbroadlogrcp")
    assert statuses(seen.round("messages", "messages")) == before


def test_after_an_absence_a_round_reads_a_page_and_the_lag_tells_how_much_is_left(scene: Scene) -> None:
    scene.collectors = {"messages": {"max_rows": 100}}
    state = scene.state()
    scene.watch(state).round("messages").close()
    scene.execute(
        "INSERT INTO nmsbroadlogrcp (ibroadlogid, istatus, tslastmodified)"
        " SELECT id, 1, clock_timestamp() + id * interval '1 ms' FROM generate_series(1, 450) id; SELECT pg_sleep(0.5)"
    )
    again = scene.watch(state)
    counts, lags = [], []
    for _ in range(6):
        again.round("messages")
        counts.append(statuses(again).get("sent", 0))
        lags.append(again.value("campaign_message_log_lag_seconds", log="nmsbroadlogrcp") or 0)
    assert counts[:2] == [99, 198]
    assert counts[-1] == 450 == statuses(again, CATCH_UP)["sent"]
    assert lags[0] > lags[2] > lags[-1] == 0


def test_a_crowd_of_one_moment_is_counted_as_a_whole(scene: Scene) -> None:
    scene.collectors = {"messages": {"max_rows": 100}}
    seen = scene.watch().round("messages")
    scene.execute(
        "INSERT INTO nmsbroadlogrcp (ibroadlogid, istatus, imsgid, tslastmodified)"
        " SELECT id, CASE WHEN id % 2 = 0 THEN 6 ELSE 2 END, id % 2, now() FROM generate_series(1, 1000) id"
    )
    put(scene, 2000, 1)
    for _ in range(4):
        seen.round("messages")
    assert statuses(seen) == {"sent": 1, "pending": 500, "failed": 500}
    assert seen.value(FAILURES, outcome="failed", kind="hard", reason="user_unknown") == 500
    put(scene, 2, 1)
    assert statuses(seen.round("messages"))["sent"] == 2


@pytest.mark.parametrize("ahead", [2.0, 250.0, 3600.0, 86400.0])
def test_a_clock_that_was_ahead_counts_nothing_twice(scene: Scene, ahead: float) -> None:
    seen = scene.watch().round("messages")
    put(scene, 1, 1)
    assert statuses(seen.round("messages")) == {"sent": 1}
    with pytest.MonkeyPatch.context() as wrong:
        _ahead(wrong, ahead)
        scene.execute(
            "INSERT INTO nmsbroadlogrcp (ibroadlogid, istatus, tslastmodified)"
            " VALUES (2, 1, clock_timestamp() + %s * interval '1 s')",
            ahead,
        )
        assert statuses(seen.round("messages", "messages")) == {"sent": 2}
    seen.round("messages")
    put(scene, 3, 1)
    assert statuses(seen.round("messages", "messages")) == {"sent": 3}
    with pytest.MonkeyPatch.context() as then:
        for part in (0.2, 0.4, 0.6, 0.8, 1.0, 1.2):
            _ahead(then, ahead * part + 1)
            seen.round("messages")
    assert statuses(seen) == {"sent": 3}


def test_without_index_or_right_or_table_a_log_is_switched_off_alone(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    scene.execute("DROP INDEX nmsbroadlogmid_lastmodified")
    scene.clock.ahead += 61
    put(scene, 1, 1)
    seen.round("messages")
    assert statuses(seen) == {"sent": 1}
    assert seen.failures("messages") == {"missing": 1}
    assert seen.value("campaign_exporter_collector_available", collector="messages") == 0
    assert "tslastmodified" in seen.watched.jobs["messages"].failures["nmsbroadlogmid"]
    scene.execute("DROP TABLE nmsbroadlogmid; REVOKE SELECT (istatus) ON nmsbroadlogrcp FROM campaign_monitor")
    scene.clock.ahead += 61
    seen.round("messages")
    assert seen.failures("messages") == {"missing": 1, "permission": 1}
    scene.execute("GRANT SELECT (istatus) ON nmsbroadlogrcp TO campaign_monitor")
    scene.clock.ahead += 61
    put(scene, 2, 1)
    seen.round("messages", "messages")
    assert statuses(seen) == {"sent": 2}
    assert seen.success("messages") == 1
    scene.execute("DROP TABLE nmsbroadlogrcp")
    scene.clock.ahead += 61
    assert seen.round("messages").failures("messages") == {"missing": 2, "permission": 1}


def test_a_log_that_is_locked_fails_alone_and_is_caught_up(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    put(scene, 1, 1)
    with scene.connect() as blocker:
        blocker.autocommit = False
        blocker.execute("LOCK TABLE nmsbroadlogrcp IN ACCESS EXCLUSIVE MODE")
        assert seen.round("messages").failures("messages") == {"lock": 1}
        blocker.rollback()
    assert statuses(seen.round("messages")) == {"sent": 1}
    assert statuses(seen, CATCH_UP) == {}
    put(scene, 2, 1)
    scene.clock.ahead += 400
    assert statuses(seen.round("messages", "messages")) == {"sent": 2}
    assert statuses(seen, CATCH_UP) == {"sent": 1}


def test_several_logs_are_added_up_and_each_is_followed_by_itself(scene: Scene) -> None:
    scene.execute(
        "CREATE TABLE nmsbroadlogrtevent (LIKE nmsbroadlogrcp INCLUDING ALL); "
        "GRANT SELECT (ibroadlogid, istatus, imsgid, tsevent, tslastmodified) ON nmsbroadlogrtevent TO campaign_monitor"
    )
    seen = scene.watch().round("messages")
    for table in ("nmsbroadlogrcp", "nmsbroadlogmid", "nmsbroadlogrtevent"):
        put(scene, 7, 1, table=table)
    assert statuses(seen.round("messages", "messages")) == {"sent": 3}


def test_timestamps_without_time_zone_are_read_in_the_one_that_is_set(make_scene: MakeScene) -> None:
    scene = make_scene(with_time_zone=False)
    scene.database_settings = {"timezone": "Pacific/Auckland"}
    with scene.connect() as local:
        local.execute("SET timezone = 'Pacific/Auckland'")
        seen = scene.watch().round("messages")
        put(local, 1, 1)
        assert statuses(seen.round("messages", "messages")) == {"sent": 1}
        local.execute("INSERT INTO nmsbroadlogrcp VALUES (2, 1, 1, 0, 0, 1, 0, '', now(), 'infinity')")
        assert statuses(seen.round("messages")) == {"sent": 1}


def test_domains_are_counted_where_addresses_may_be_read(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    put(scene, 1, 1)
    assert seen.round("messages").samples(RESULTS) == {}
    scene.execute("GRANT SELECT (saddress) ON nmsbroadlogrcp TO campaign_monitor")
    scene.clock.ahead += 61
    for row_id in range(100, 140):
        put(scene, row_id, 1, address=f"user{row_id}@Mail.EXAMPLE")
    put(scene, 200, 2, 1, address="a@mail.example")
    put(scene, 201, 2, 5, address="b@mail.example")
    put(scene, 202, 6, 4, address="c@mail.example")
    put(scene, 203, 2, 2, address="d@mail.example")
    put(scene, 204, 6, 0, address="e@mail.example")
    for row_id, address in enumerate(
        ['"}\n1@x', "a@b@\x01evil", "@", "a@", "x@" + "d" * 400 + ".com", "a@small.example", "33600000"]
    ):
        put(scene, 300 + row_id, 1, address=address)
    seen.round("messages", "messages")
    assert seen.counted(RESULTS) == {
        ("mail.example", "sent"): 40,
        ("mail.example", "hard"): 2,
        ("mail.example", "other"): 1,
        ("mail.example", "postponed"): 1,
        ("other", "sent"): 4,
    }
    assert seen.counted(REFUSALS) == {("mail.example", "refused"): 1, ("mail.example", "unreachable"): 1}


def test_domains_are_told_only_as_long_as_addresses_may_be_read(scene: Scene) -> None:
    scene.execute("GRANT SELECT (saddress) ON nmsbroadlogrcp TO campaign_monitor")
    state = scene.state()
    seen = scene.watch(state).round("messages")
    put(scene, 1, 1, address="a@mail.example")
    assert seen.round("messages", "messages").counted(RESULTS)
    scene.execute("REVOKE SELECT (saddress) ON nmsbroadlogrcp FROM campaign_monitor")
    scene.clock.ahead += 61
    assert seen.round("messages").samples(RESULTS) == seen.samples(REFUSALS) == {}
    seen.close()
    assert scene.watch(state).round("messages").samples(RESULTS) == {}
    scene.execute("GRANT SELECT (saddress) ON nmsbroadlogrcp TO campaign_monitor")
    again = scene.watch(state).round("messages")
    assert set(again.counted(RESULTS).values()) == {1}


def test_a_right_that_is_lost_within_the_minute_is_told_once_and_as_that(scene: Scene) -> None:
    seen = scene.watch().round("messages")
    scene.execute("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM campaign_monitor")
    scene.execute("REVOKE SELECT (tslastmodified) ON nmsbroadlogrcp, nmsbroadlogmid FROM campaign_monitor")
    assert seen.round("messages").failures("messages") == {"permission": 1}
    scene.clock.ahead += 61
    seen.round("messages")
    assert seen.failures("messages").keys() == {"permission"}


FILL = """
DROP INDEX nmsbroadlogrcp_deliveryid, nmsbroadlogrcp_recipientid;
INSERT INTO nmsbroadlogrcp (ibroadlogid, ideliveryid, istatus, imsgid, saddress, tsevent, tslastmodified)
  SELECT id, 1 + id % 1000, 1, 0, 'user' || id || '@mail.example', t, t
  FROM generate_series(1, 1000000) id, LATERAL (SELECT now() - id * interval '2 s' AS t) x;
INSERT INTO nmsbroadlogmsg (ibroadlogmsgid, smd5) SELECT id, md5(id::text) FROM generate_series(1000, 30000) id;
ANALYZE nmsbroadlogrcp, nmsbroadlogmsg
"""


def test_a_million_rows_are_read_by_their_indexes(scene: Scene) -> None:
    scene.execute(FILL)
    moments = [scene.execute("SELECT date_part('epoch', now()) - %s", back)[0][0] for back in (86400, 3600, 60, 0)]
    parameters = {"starts": moments[:3], "ends": moments[1:], "rows": 10_000, "moment": moments[0], "ids": [*range(1, 5000)]}
    for statement in (*BROAD_LOGS[0][1:], *LOG_STATEMENTS):
        rows = scene.connect().execute(f"EXPLAIN (ANALYZE, FORMAT json) {statement.text}", parameters).fetchone()
        assert rows is not None
        plan = str(rows[0])
        assert "Seq Scan" not in plan, statement.name
        assert "Index" in plan, statement.name
        assert rows[0][0]["Execution Time"] < 1000, statement.name
