from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from campaign_simulator.engine import Engine
from campaign_simulator.hosts import Hosts
from campaign_simulator.journal import Journal
from campaign_simulator.model import PART_SIZE, Delivery
from campaign_simulator.obstacles import causes
from campaign_simulator.vocabulary import Cause, Channel, LogStatus, State

MakeEngine = Callable[..., Engine]


def run(engine: Engine, seconds: int, each: Callable[[], object] = lambda: None) -> None:
    for _ in range(seconds):
        engine.step(engine.now + timedelta(seconds=1))
        each()


def state(delivery: Delivery) -> State:
    return delivery.state  # a type checker takes an attribute for constant between two assertions


def launch(engine: Engine, size: int = 1_000) -> Delivery:
    delivery = engine.traffic.plain(engine.now, size=size)
    engine.launch(delivery)
    return delivery


def test_a_delivery_goes_through_the_documented_states(make_engine: MakeEngine) -> None:
    engine = make_engine()
    delivery = engine.traffic.plain(engine.now, size=300)
    engine.add(delivery)
    seen = [delivery.state]

    def look() -> None:
        if delivery.state != seen[-1]:
            seen.append(delivery.state)

    run(engine, 900, look)
    expected = [0, 11, 12, 13, 15, 21, 22, 25, 45, 51, 55]
    assert seen[: len(expected)] == expected
    assert seen[-1] == State.FINISHED
    assert set(seen[len(expected) : -1]) <= {State.RETRY_PENDING, State.RETRY_IN_PROGRESS}
    assert delivery.delivery_id not in engine.active


def test_every_message_is_delivered_or_refused_or_left(make_engine: MakeEngine) -> None:
    engine = make_engine()
    deliveries: dict[int, Delivery] = {}

    def check() -> None:
        deliveries.update(engine.active)
        for delivery in deliveries.values():
            if delivery.automatic and delivery.parts:
                left = sum(len(part.logs) - part.sent for part in delivery.parts.values())
                assert delivery.remaining == left + len(delivery.softly_bounced)

    run(engine, 600, check)
    finished = [delivery for delivery in deliveries.values() if delivery.state == State.FINISHED]
    assert finished
    assert all(delivery.remaining == 0 and not delivery.parts for delivery in finished)


def test_outcomes_add_up_to_the_counters(make_engine: MakeEngine) -> None:
    engine = make_engine(messages_per_second=100)
    delivery = launch(engine, size=2_000)
    run(engine, 1_200)
    last = {outcome.log_id: outcome.status for outcome in engine.journal.outcomes}
    made = next(r for r in engine.journal.log_ranges if r.delivery_id == delivery.delivery_id)
    statuses = Counter(last[log] for log in range(made.first, made.first + made.count))
    assert delivery.state == State.FINISHED
    assert statuses == {LogStatus.SENT: delivery.success, LogStatus.FAILED: delivery.error}
    assert sum(delivery.reasons.values()) == delivery.error > 0


def test_statistics_are_the_truth_about_throughput(make_engine: MakeEngine) -> None:
    engine = make_engine(messages_per_second=100)
    run(engine, 900)
    stats = [stat for stat in engine.journal.stats.values() if stat.verify_mode == 0]
    assert sum(stat.first_success for stat in stats) == engine.sender.messages["success", "first"]
    assert sum(stat.first_error for stat in stats) == engine.sender.messages["error", "first"]
    assert sum(stat.retries_success for stat in stats) == engine.sender.messages["success", "retry"] > 0
    assert sum(stat.retries_error for stat in stats) == engine.sender.messages["error", "retry"] > 0
    assert sum(stat.volume for stat in stats) == engine.sender.bytes
    assert engine.sender.simulated == sum(
        stat.first_success + stat.first_error + stat.retries_success + stat.retries_error
        for stat in engine.journal.stats.values()
        if stat.verify_mode
    )
    assert all(stat.date.minute % 10 == 0 and stat.date.second == 0 for stat in stats)


def test_the_rate_is_kept(make_engine: MakeEngine) -> None:
    engine = make_engine(messages_per_second=50)
    launch(engine, size=100_000)
    run(engine, 100)
    attempts = sum(engine.sender.messages.values()) + engine.sender.simulated
    assert 4_500 <= attempts <= 5_100


def test_the_same_seed_gives_the_same_deliveries(make_engine: MakeEngine) -> None:
    def deliveries(seed: int) -> list[tuple[str, int, str | None]]:
        engine = make_engine(seed)
        run(engine, 120)
        return [(d.label, d.success, d.affinity) for d in engine.journal.deliveries.values()]

    assert deliveries(3) == deliveries(3)
    assert deliveries(3) != deliveries(4)


def test_deliveries_wait_for_an_mta_and_go_on_with_it(make_engine: MakeEngine, servers: Hosts) -> None:
    engine = make_engine()
    servers.stop("mta", "mta1")
    servers.stop("mta", "mta2")
    delivery = launch(engine)
    run(engine, 30)
    assert state(delivery) == State.START_PENDING
    assert causes(delivery, engine.site, engine.now) == (Cause.MTA_DOWN,)
    assert engine.sender.messages == Counter()
    servers.start("mta", "mta2")
    run(engine, 5)
    assert state(delivery) == State.IN_PROGRESS
    assert {part.hostname for part in delivery.parts.values()} <= {None, "mta2"}


def test_a_delivery_is_sent_only_where_its_affinity_is_declared(make_engine: MakeEngine, servers: Hosts) -> None:
    engine = make_engine()
    servers.by_name["mta1"].missing_affinities.add("news.de")
    delivery = engine.traffic.plain(engine.now, size=5_000)
    delivery.affinity = "news.de"
    engine.launch(delivery)
    hosts: set[str | None] = set()
    run(engine, 60, lambda: hosts.update(part.hostname for part in delivery.parts.values() if part.process_id))
    assert hosts == {"mta2"}


def test_a_scheduled_delivery_starts_at_its_contact_date(make_engine: MakeEngine) -> None:
    engine = make_engine()
    delivery = engine.traffic.plain(engine.now, size=100)
    delivery.contact += timedelta(minutes=2)
    engine.launch(delivery)
    run(engine, 119)
    assert delivery.state == State.START_PENDING
    run(engine, 5)
    assert delivery.broad_start is not None
    assert delivery.broad_start >= delivery.contact


def test_parts_hold_at_most_256_messages(make_engine: MakeEngine) -> None:
    engine = make_engine()
    delivery = launch(engine, size=1_000)
    assert [len(part.logs) for part in delivery.parts.values()] == [PART_SIZE, PART_SIZE, PART_SIZE, 232]


def test_sent_parts_are_removed(make_engine: MakeEngine) -> None:
    engine = make_engine()
    launch(engine, size=1_000)
    engine.journal.parts.clear()
    run(engine, 120)
    assert engine.journal.removed_parts
    assert not engine.journal.removed_parts & set(engine.journal.parts)


def test_direct_mail_leaves_without_statistics(make_engine: MakeEngine) -> None:
    engine = make_engine()
    delivery = engine.traffic.plain(engine.now, size=100, channel=Channel.DIRECT_MAIL)
    engine.launch(delivery)
    run(engine, 60)
    assert delivery.state == State.FINISHED
    assert delivery.success == delivery.to_deliver == 100
    assert all(stat.delivery_id != delivery.delivery_id for stat in engine.journal.stats.values())


def test_a_clock_that_goes_back_or_jumps_breaks_nothing(make_engine: MakeEngine, now: datetime) -> None:
    engine = make_engine()
    run(engine, 30)
    engine.step(now - timedelta(hours=1))
    assert engine.now == now + timedelta(seconds=30)
    engine.step(now + timedelta(days=1))
    attempts = sum(engine.sender.messages.values())
    assert attempts <= 40 * 100


def test_recipients_react_after_they_received(make_engine: MakeEngine) -> None:
    engine = make_engine(messages_per_second=100)
    delivery = launch(engine, size=3_000)
    run(engine, 300)
    sent = {o.log_id: o.when for o in engine.journal.outcomes if o.status == LogStatus.SENT}
    logs = engine.journal.tracking_logs
    assert delivery.tracking.openers > delivery.tracking.clickers > delivery.tracking.opt_outs
    assert delivery.tracking.opens >= delivery.tracking.openers
    assert all(log.when > sent[log.log_id] for log in logs)
    assert sum(stat.clicks for stat in engine.journal.tracking_stats.values()) == len(logs)


def test_workflows_run_while_their_engine_does(make_engine: MakeEngine, servers: Hosts) -> None:
    engine = make_engine()
    servers.stop("wfserver", "mta1")
    before = {w.name: w.last_run for w in engine.journal.workflows.values()}
    run(engine, 120)
    assert {w.name: w.last_run for w in engine.journal.workflows.values()} == before
    servers.start("wfserver", "mta1")
    run(engine, 1)
    moved = [w.name for w in engine.journal.workflows.values() if w.last_run != before[w.name]]
    assert {"operationMgt", "deliveryMgt"} <= set(moved)


def test_an_idle_instance_orders_no_more_than_it_can_hold(make_engine: MakeEngine, servers: Hosts) -> None:
    engine = make_engine()
    for module, host in (("mta", "mta1"), ("mta", "mta2"), ("sms", "mta1"), ("wfserver", "mta1")):
        servers.stop(module, host)
    run(engine, 6_000)
    assert len(engine.active) == 100


def test_a_new_journal_is_empty() -> None:
    assert not any(vars(Journal()).values())
