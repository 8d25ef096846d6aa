"""What the doctor makes of what it is told, by hand-made facts: what real servers here do not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.config import Config, Endpoint, Host
from campaign_exporter.config import Database as Settings
from campaign_exporter.doctor import clocks, connection, cost, directories, endpoints, prometheus, timeouts, writes
from campaign_exporter.doctor.check import Result
from campaign_exporter.domain.answers import Statement
from campaign_exporter.domain.host_facts import Usage
from campaign_exporter.errors import AuthenticationFailed, Locked, NotInDatabase, SourceError, TimedOut, WriteRefused
from campaign_exporter.sources.checkup import Attempts, Server
from campaign_exporter.sources.database import Link
from campaign_exporter.sources.endpoints import Answer
from campaign_exporter.sources.prometheus import Alertmanagers, Rule, Target

SERVER = Server(
    version_number=150008,
    version="15.8",
    role="campaign_monitor",
    database="campaign",
    replica=False,
    backend=4711,
    tls_version=None,
    sessions=1,
    connection_limit=2,
    attributes=(),
    memberships=("pg_read_all_stats",),
)
LINK = Link("db.example", "192.0.2.7", 5432, tls=True, backend=4711)
SETTINGS = Settings(dsn="postgresql://campaign_monitor@db.example/campaign")
CONFIG = Config.model_validate({"instances": [{"name": "prod", "hosts": [{"name": "mta1"}]}]})


@pytest.mark.parametrize(
    ("number", "result"),
    [
        (110022, Result.FINDING),
        (120000, Result.OK),
        (180006, Result.OK),
        (190000, Result.CANNOT_TELL),
    ],
)
def test_versions(number: int, result: Result) -> None:
    assert connection.version(SERVER._replace(version_number=number)).result is result


@pytest.mark.parametrize(
    ("link", "result"),
    [
        (LINK, Result.OK),
        (LINK._replace(tls=False), Result.FINDING),
        (LINK._replace(tls=False, address="127.0.0.2"), Result.OK),
        (LINK._replace(tls=False, address="::1"), Result.OK),
        (LINK._replace(tls=False, host="/run/postgresql", address=""), Result.OK),
        (LINK._replace(tls=False, address="what?"), Result.FINDING),
    ],
)
def test_tls_is_needed_once_the_way_leaves_the_machine(link: Link, result: Result) -> None:
    assert connection.tls(link, SERVER).result is result


def test_the_tls_of_a_server_behind_a_pooler_is_not_ours() -> None:
    server = SERVER._replace(tls_version="TLSv1.3")
    assert connection.tls(LINK, server).what == "in use, TLSv1.3"
    assert connection.tls(LINK._replace(backend=1), server).what == "in use"
    assert connection.reached(server, LINK._replace(backend=1)).what.endswith("through a pooler")


@pytest.mark.parametrize(("limit", "result"), [(-1, Result.OK), (0, Result.FINDING), (1, Result.FINDING), (2, Result.OK)])
def test_room(limit: int, result: Result) -> None:
    (check,) = connection.room(SERVER._replace(connection_limit=limit))
    assert check.result is result


@pytest.mark.parametrize(("lag", "result"), [(None, Result.CANNOT_TELL), (45.0, Result.OK), (45.1, Result.FINDING)])
def test_a_replica(lag: float | None, result: Result) -> None:
    assert connection.replica(lag, 45.0).result is result


def test_a_mend_of_a_login_names_the_role_also_where_none_is_given() -> None:
    anonymous = Settings(dsn="postgresql://db.example/campaign")
    assert "put the role's password" in connection.not_reached(AuthenticationFailed("no"), anonymous).mend
    full = connection.not_reached(AuthenticationFailed('too many connections for role "campaign_monitor"'), anonymous)
    assert "CONNECTION LIMIT 5" in full.mend


REFUSED = {"UPDATE": WriteRefused("read-only"), "CREATE TABLE": WriteRefused("read-only")}


def attempts(**others: SourceError | None) -> Attempts:
    return Attempts(read_only=True, guarded={**REFUSED, **others}, planned=None)


def test_attempts_in_a_round() -> None:
    assert writes.guarded(attempts()).result is Result.OK
    assert writes.guarded(Attempts(read_only=False, guarded={}, planned=None)).result is Result.FINDING
    assert writes.guarded(attempts(UPDATE=None)).result is Result.FINDING
    unclear = writes.guarded(attempts(UPDATE=Locked("busy")))
    assert (unclear.result, unclear.what) == (Result.CANNOT_TELL, "UPDATE: busy")


def test_an_attempt_without_the_guard_that_ends_otherwise() -> None:
    assert writes.unguarded(attempts()._replace(planned=NotInDatabase("no table")), SERVER).result is Result.CANNOT_TELL
    assert writes.unguarded(attempts(), SERVER).result is Result.FINDING


def test_timeouts_that_do_not_come_into_force() -> None:
    asked = {"statement_timeout": "1000", "lock_timeout": "200", "idle_in_transaction_session_timeout": "5000"}
    assert timeouts.effective(asked, SETTINGS).result is Result.OK
    for name in asked:
        for other in ("0", "99999"):
            check = timeouts.effective({**asked, name: other}, SETTINGS)
            assert check.result is Result.FINDING
            assert f"asked for: {name} " in check.what
    assert timeouts.effective({}, SETTINGS).result is Result.FINDING


@given(st.floats(-1e6, 1e6))
def test_clocks_may_differ_by_two_seconds(offset: float) -> None:
    check = clocks.clock(offset)
    assert (check.result is Result.OK) == (abs(offset) <= 2)
    assert ("ahead of" in check.what) == (offset > 0)


@pytest.mark.parametrize(("days", "result"), [(-1, Result.FINDING), (13.9, Result.FINDING), (14, Result.OK), (90, Result.OK)])
def test_certificates(days: float, result: Result) -> None:
    endpoint = Endpoint(name="app", kind="resource", url="https://app.example/")
    assert endpoints.certificate(endpoint, days).result is result
    assert "plain" not in endpoints.answered(endpoint, Answer(0.1, Statement())).what


@pytest.mark.parametrize(
    ("size", "available", "result", "what"),
    [
        (100 << 30, 50 << 30, Result.OK, "50 GiB of 100 GiB left (50%)"),
        (100 << 30, 4 << 30, Result.FINDING, "4 GiB of 100 GiB left (4%)"),
        (0, 0, Result.OK, "0 B of 0 B left (0%)"),
        (5 << 50, 1 << 50, Result.OK, "1.02e+03 TiB of 5.12e+03 TiB left (20%)"),
    ],
)
def test_directories(size: int, available: int, result: Result, what: str) -> None:
    check = directories.room("directory var", Host(name="mta1"), Usage(size, available, 0, 0))
    assert (check.result, check.what) == (result, what)


def costs(*seconds: float) -> list[cost.Cost]:
    return [cost.Cost(f"collector{number}", each, 15) for number, each in enumerate(seconds)]


def test_a_cost_within_the_budget() -> None:
    check = cost.total(costs(0.01, 0.02), 0.6, {"options": 0.001, "deliveries": 0.0123}, whole=True)
    assert check.result is Result.OK
    assert check.what == ("0.120 s a minute, 20% of the budget of 0.6 s; dearest statement: deliveries, 12.3 ms a round")
    assert cost.total(costs(0.01), 0.6, {}, whole=False).result is Result.CANNOT_TELL


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6), st.floats(0.01, 60))
def test_the_interval_that_is_offered_brings_the_cost_into_the_budget(seconds: list[float], budget: float) -> None:
    given_ = costs(*seconds)
    check = cost.total(given_, budget, {}, whole=True)
    if sum(each.per_minute for each in given_) <= budget:
        assert check.result is Result.OK
        return
    if check.mend.startswith("make the intervals"):
        factor = float(check.mend.split(" times")[0].rpartition(" ")[2])
        changed = [each._replace(interval=each.interval * factor) for each in given_]
    else:
        name, _, interval = check.mend.removeprefix("set collectors: {").partition(": {interval: ")
        longer = float(interval.partition("s}}")[0])
        changed = [each._replace(interval=longer) if each.collector == name else each for each in given_]
        assert all(new.interval >= old.interval for new, old in zip(changed, given_, strict=True))
    assert sum(each.per_minute for each in changed) <= budget * 1.000001


def test_rounds_that_fail() -> None:
    assert cost.failed("pending", [NotInDatabase("no table")], "public").result is Result.CANNOT_TELL
    check = cost.failed("pending", [NotInDatabase("no table"), TimedOut("slow")], "public")
    assert (check.result, check.what) == (Result.FINDING, "no table; slow")


SEEN = 'campaign_pending_cause_evaluated{{campaign_instance="prod",cause="{}"}} {}\n'


def test_causes_that_another_role_has_are_not_missed() -> None:
    exposition = SEEN.format("scheduled", 1) + SEEN.format("mid_sourcing_lag", 0)
    assert cost.causes(exposition, "standalone").result is Result.OK
    assert cost.causes(exposition, "marketing").result is Result.CANNOT_TELL
    assert cost.causes("", "standalone").result is Result.CANNOT_TELL
    unseen = cost.causes(exposition + SEEN.format("mta_down", 0), "standalone")
    assert unseen.what.endswith(": mta_down")


TARGET = Target({"job": "c", "instance": "x:1"}, "c", "http://x:1/metrics", "up", "", "2026-11-25T08:00:00.123456789Z", "15s")
KEY = prometheus.Key("c", "x:1")
WATCHED = prometheus.Seen(frozenset({KEY}), {KEY: frozenset({"prod"})})
NOW = 1795593609.0


def names(*targets: Target, seen: prometheus.Seen = WATCHED) -> list[tuple[str, Result]]:
    return [(check.name, check.result) for check in prometheus.scrapes(targets, seen, CONFIG, NOW)]


@pytest.mark.parametrize(
    ("target", "results"),
    [
        (TARGET, [("scrape", Result.OK), ("scrape interval", Result.OK)]),
        (TARGET._replace(interval="1m"), [("scrape", Result.OK), ("scrape interval", Result.FINDING)]),
        (TARGET._replace(interval=""), [("scrape", Result.OK)]),
        (TARGET._replace(health="down"), [("scrape", Result.FINDING), ("scrape interval", Result.OK)]),
        (TARGET._replace(health="unknown"), [("scrape", Result.CANNOT_TELL), ("scrape interval", Result.OK)]),
        (TARGET._replace(labels={"job": "other"}), [("scrape", Result.CANNOT_TELL)]),
    ],
)
def test_targets(target: Target, results: list[tuple[str, Result]]) -> None:
    assert names(target) == results


def test_what_is_meant_for_us_and_never_answered() -> None:
    nothing = prometheus.Seen(frozenset(), {})
    assert names(seen=nothing) == [("scrape", Result.FINDING)]
    (check,) = prometheus.scrapes([TARGET._replace(url="http://y:11951/metrics", health="down")], nothing, CONFIG, NOW)
    assert check.what.startswith("http://y:11951/metrics")


@pytest.mark.parametrize(
    ("moment", "ago"),
    [
        ("2026-11-25T08:00:01.123456789Z", "8 s ago"),
        ("2026-11-25T10:00:00+02:00", "9 s ago"),
        ("2026-11-25T08:00:30Z", "0 s ago"),
        ("", "at a time that cannot be read"),
    ],
)
def test_when_a_target_was_scraped(moment: str, ago: str) -> None:
    (check, _) = prometheus.scrapes([TARGET._replace(last_scrape=moment)], WATCHED, CONFIG, NOW)
    assert check.what == f"http://x:1/metrics (job c): up, scraped {ago}, each 15s"


def rule(name: str, health: str = "ok", *, alerting: bool = True) -> Rule:
    return Rule("g", name, alerting, health, "boom" if health == "err" else "")


def test_rules_are_ours_by_their_names() -> None:
    (check,) = prometheus.rules([rule("Other"), rule("campaign:x", alerting=False)])
    assert (check.result, "no alert is loaded" in check.what) == (Result.FINDING, True)
    (check,) = prometheus.rules([rule("CampaignA"), rule("CampaignB", "unknown"), rule("Other", "err")])
    assert check.what == "2 alert rules in 1 group, all healthy, 1 not evaluated yet"
    bad = [rule(f"CampaignX{number}", "err") for number in range(7)]
    assert len(list(prometheus.rules(bad))) == 6
    checks = list(prometheus.rules([rule("CampaignA"), rule("campaign:x", "err", alerting=False)]))
    assert [check.why for check in checks] == ["alerts and dashboards that stand on it are empty"]


def test_alertmanagers() -> None:
    (check,) = prometheus.alertmanagers(Alertmanagers(("http://a:9093/api/v2/alerts",), ("http://b:9093/api/v2/alerts",)))
    assert check.what == "http://a:9093/api/v2/alerts; left out by relabelling: http://b:9093/api/v2/alerts"
    (check,) = prometheus.alertmanagers(Alertmanagers((), ()))
    assert (check.result, check.what) == (Result.FINDING, "none is connected")
