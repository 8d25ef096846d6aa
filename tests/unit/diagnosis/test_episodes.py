import dataclasses
import json
import math

from hypothesis import given
from hypothesis import strategies as st

from campaign_exporter.diagnosis.episodes import Episode, follow, waiting_since
from campaign_exporter.diagnosis.facts import Delivery, Parts

NOW = 1_000_000.0
WAITS = Delivery(1, 51, contact=NOW - 500, modified=NOW - 300, processed=0)


def since(delivery: Delivery, *, episodes: dict[int, Episode] | None = None, now: float = NOW) -> float:
    return waiting_since(delivery, follow(episodes or {}, [delivery], now)[delivery.delivery_id], now)


def test_the_latest_of_contact_and_modification_counts() -> None:
    assert since(WAITS) == NOW - 300
    assert since(dataclasses.replace(WAITS, contact=NOW - 100)) == NOW - 100


def test_a_next_pass_that_came_due_counts() -> None:
    assert since(dataclasses.replace(WAITS, parts=Parts(exist=True, next_pass=NOW - 50))) == NOW - 50
    assert since(dataclasses.replace(WAITS, parts=Parts(exist=True, next_pass=NOW + 50))) == NOW - 300


def test_a_scheduled_delivery_waits_since_its_contact_date() -> None:
    assert since(dataclasses.replace(WAITS, contact=NOW + 9)) == NOW + 9
    assert since(dataclasses.replace(WAITS, contact=math.inf)) == math.inf


def test_a_later_edit_does_not_make_an_old_wait_young() -> None:
    episodes = follow({}, [WAITS], NOW)
    edited = dataclasses.replace(WAITS, label="new", modified=NOW + 60, to_deliver=5)
    assert since(edited, episodes=episodes, now=NOW + 90) == NOW - 300


def test_an_episode_begins_anew_with_state_progress_or_next_pass() -> None:
    episodes = follow({}, [WAITS], NOW)
    later = dataclasses.replace(WAITS, modified=NOW + 60)
    for change in ({"state": 61}, {"processed": 1}, {"parts": Parts(exist=True, next_pass=NOW)}):
        assert since(dataclasses.replace(later, **change), episodes=episodes, now=NOW + 90) == NOW + 60


def test_one_that_was_sending_meanwhile_waits_anew() -> None:
    gone = follow(follow({}, [WAITS], NOW), [], NOW + 10)
    assert since(dataclasses.replace(WAITS, modified=NOW + 20), episodes=gone, now=NOW + 30) == NOW + 20


def test_without_any_date_it_waits_since_it_was_first_seen() -> None:
    undated = Delivery(1, 51)
    episodes = follow({}, [undated], NOW)
    assert since(undated, episodes=episodes, now=NOW + 3600) == NOW


def test_a_modification_to_come_ages_from_the_beginning() -> None:
    ahead = dataclasses.replace(WAITS, modified=NOW + 7200)
    episodes = follow({}, [ahead], NOW)
    assert since(ahead, episodes=episodes, now=NOW + 3600) == NOW


def test_a_delivery_without_modification_waits_since_its_contact_date() -> None:
    assert since(dataclasses.replace(WAITS, modified=None)) == NOW - 500


times = st.none() | st.floats(NOW - 10**6, NOW + 10**6) | st.just(math.inf)


@given(times, st.none() | st.floats(NOW - 10**6, NOW + 10**6), times, st.lists(st.floats(0, 10**5), max_size=5))
def test_a_wait_is_never_dated_to_come_unless_it_is_planned_and_only_grows(
    contact: float | None, modified: float | None, next_pass: float | None, steps: list[float]
) -> None:
    delivery = Delivery(1, 51, contact=contact, modified=modified, parts=Parts(exist=True, next_pass=next_pass))
    now, episodes, last = NOW, follow({}, [delivery], NOW), -math.inf
    for step in steps:
        now += step
        episodes = follow({1: Episode(*json.loads(json.dumps(list(episodes[1]))))}, [delivery], now)
        moment = waiting_since(delivery, episodes[1], now)
        assert moment <= now or moment == contact
        if contact is None or contact <= now:
            assert moment >= last or last == contact
            last = moment
