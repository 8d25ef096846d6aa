"""What becomes of messages, what recipients do with them, and how either goes wrong."""

from collections import Counter
from collections.abc import Callable

import pytest

from campaign_simulator.clock import ManualClock
from campaign_simulator.faults import FaultBoard, World
from campaign_simulator.truth import Truth
from campaign_simulator.vocabulary import DOMAINS, Channel, FailureReason, FailureType, LogStatus, domain_of


@pytest.fixture
def advance(world: World) -> Callable[[float], None]:
    def go(seconds: float) -> None:
        assert isinstance(world.now, ManualClock)
        for _ in range(int(seconds / 5)):
            world.now.advance(5)
            world.engine.step(world.now())

    return go


def change(before: Truth, after: Truth) -> Counter[tuple[str, str]]:
    return Counter(after.message_domains) - Counter(before.message_domains)


def settled(before: Truth, after: Truth) -> int:
    counts = Counter(after.message_statuses) - Counter(before.message_statuses)
    return counts[LogStatus.SENT] + counts[LogStatus.FAILED]


def test_the_truth_adds_up_what_the_journal_was_told(world: World, truth: Callable[[], Truth]) -> None:
    logs = world.engine.ids.logs(10)
    world.engine.launch(world.engine.traffic.plain(world.now(), size=10))
    assert truth().message_statuses == {LogStatus.PENDING: 10}
    prepared = Counter({domain: count for (_, _, domain), count in world.engine.journal.fates.items()})
    assert prepared == Counter(domain_of(log) for log in range(logs.stop, logs.stop + 10))


def test_a_domain_that_refuses_takes_nothing_and_others_all(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    advance(30)
    board.set("domain-refusing", [])
    before = truth()
    advance(60)
    counts = change(before, truth())
    assert counts[DOMAINS[0], "sent"] == 0
    assert counts[DOMAINS[0], "postponed"] > 100
    assert all(counts[domain, "sent"] > 10 * counts[domain, "postponed"] for domain in DOMAINS[1:])
    board.clear("domain-refusing", [])
    advance(120)
    assert change(before, truth())[DOMAINS[0], "sent"] > 100


def test_a_tenth_of_the_users_is_unknown(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    board.set("users-unknown", [])
    before = truth()
    advance(90)
    failures = Counter(truth().message_failures) - Counter(before.message_failures)
    share = failures[LogStatus.FAILED, FailureType.HARD, FailureReason.USER_UNKNOWN] / settled(before, truth())
    assert 0.08 < share < 0.14


def test_full_mailboxes_are_given_up_at_once(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    board.set("mailboxes-full", [])
    before = truth()
    advance(90)
    failures = Counter(truth().message_failures) - Counter(before.message_failures)
    full = failures[LogStatus.FAILED, FailureType.SOFT, FailureReason.MAILBOX_FULL]
    assert 0.17 < full / settled(before, truth()) < 0.28
    assert failures[LogStatus.PENDING, FailureType.SOFT, FailureReason.MAILBOX_FULL] == 0
    board.clear("mailboxes-full", [])
    now = truth()
    advance(60)
    after = Counter(truth().message_failures) - Counter(now.message_failures)
    assert after[LogStatus.FAILED, FailureType.SOFT, FailureReason.MAILBOX_FULL] == 0


def test_recipients_complain_about_what_they_got(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    complaint = (LogStatus.FAILED, FailureType.HARD, FailureReason.DENYLISTED)
    board.set("complaints", [])
    before = truth()
    advance(90)
    complaints = Counter(truth().message_failures)[complaint]
    assert 0.005 < complaints / settled(before, truth()) < 0.02
    board.clear("complaints", [])
    advance(10)
    now = Counter(truth().message_failures)[complaint]
    advance(60)
    assert Counter(truth().message_failures)[complaint] == now


def test_mailboxes_of_one_domain_are_full(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    board.set("mailboxes-full", [DOMAINS[1]])
    before = truth()
    advance(90)
    after = change(before, truth())
    given_up = {domain: after[domain, "soft"] for domain in DOMAINS}
    assert given_up.pop(DOMAINS[1]) > 50
    assert max(given_up.values()) < 10


def test_what_nobody_fetches_waits(board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]) -> None:
    advance(120)
    assert truth().tracking["open"] > 100
    board.set("workflow-failed", ["tracking"])
    before = truth().tracking
    advance(120)
    assert truth().tracking == before
    board.clear("workflow-failed", [])
    advance(10)
    assert truth().tracking["open"] > 1.5 * before["open"]


def test_what_nobody_notes_is_lost(
    board: FaultBoard, world: World, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    advance(120)
    board.set("trackinglogd-down", [])
    before = truth().tracking
    advance(240)
    assert truth().tracking == before
    board.clear("trackinglogd-down", [])
    world.engine.step(world.now())
    assert truth().tracking == before
    advance(60)
    assert truth().tracking["open"] > before["open"]


def test_mails_have_links_unless_nobody_tracks_them(
    board: FaultBoard, truth: Callable[[], Truth], advance: Callable[[float], None]
) -> None:
    advance(120)
    before = truth().started
    assert before[Channel.EMAIL, True] > 0
    assert (Channel.EMAIL, False) not in before
    board.set("links-untracked", [])
    advance(240)
    after = truth().started
    assert after[Channel.EMAIL, True] == before[Channel.EMAIL, True]
    assert after[Channel.EMAIL, False] > 0
