"""Recipients are counted to the last one, whatever happens to them, to the exporter and to the database on the way."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from campaign_exporter.domain.recipient_laps import ACTIVITIES, DENYLISTS
from integration.database.scene import MakeScene, Observer, Scene

COUNTED, DENYLISTED = "campaign_recipients_counted", "campaign_recipients_counted_denylisted"
BY_ACTIVITY, ROWS = "campaign_recipients_counted_by_activity", "campaign_recipients_lap_rows"
END = "campaign_recipients_lap_end_timestamp_seconds"
COLUMNS = {"all": "iBlackList", **{name: f"iBlackList{name.title().replace('_', '')}" for name in DENYLISTS[1:]}}
DAY = 86400
INACTIVE_AFTER = 90 * DAY
#: The smallest and the largest id, those around the zero record, and some between.
IDS = (-(2**31), -500, -17, -1, 1, 2, 900, 2**31 - 1)
#: Days ago, or what a date may be instead; each with what it says of a recipient without tracking logs.
CREATED = {
    400.0: "inactive",
    91.0: "inactive",
    89.0: "new",
    -3.0: "new",
    None: "unknown",
    "infinity": "new",
    "-infinity": "inactive",
}
#: Days ago of each tracking log of an old recipient, with what they make of him.
LOGS: dict[tuple[float | None, ...], str] = {
    (): "inactive",
    (200.0, 91.0): "inactive",
    (200.0, 89.0): "active",
    (1.0,): "active",
    (None, 200.0): "inactive",
    (None, 3.0, 200.0): "active",
    (-1.0,): "active",
    tuple(200.0 for _ in range(100)): "inactive",
    tuple(200.0 for _ in range(101)): "unknown",
}


class Recipient(NamedTuple):
    """A recipient, and what he is to be counted as."""

    id: int
    denylists: frozenset[str]
    activity: str


class Crowd:
    """The recipients of a scene, as they are to be counted."""

    def __init__(self, scene: Scene) -> None:
        self._connection = scene.connect()
        self._chance = random.Random(7)
        self._logs = 0
        self.by_id: dict[int, Recipient] = {}

    def add(self, id_: int) -> None:
        """Add one who may be anything."""
        created = self._chance.choice([*CREATED, 400.0, 400.0, 400.0])
        logs = self._chance.choice([*LOGS])
        values = {name: self._chance.choice((None, 0, 0, 1, 2)) for name in DENYLISTS}
        old = CREATED[created] == "inactive"
        found = LOGS[logs] if old else CREATED[created]
        self.by_id[id_] = Recipient(id_, frozenset(name for name, value in values.items() if value), found)
        date = created if isinstance(created, str) else self._ago(created)
        columns = ", ".join(COLUMNS[name] for name in values)
        self._connection.execute(
            f"INSERT INTO nmsrecipient (irecipientid, tscreated, {columns}) VALUES (%s, %s, {', '.join(['%s'] * len(values))})",
            (id_, date, *values.values()),
        )
        moments = [self._ago(days) for days in logs]
        self._connection.execute(
            "INSERT INTO nmstrackinglogrcp (itrackinglogid, irecipientid, tslog)"
            " SELECT %s + n, %s, l FROM unnest(%s::timestamptz[]) WITH ORDINALITY AS g(l, n)",
            (self._logs, id_, moments),
        )
        self._logs += len(logs)

    def remove(self, id_: int) -> None:
        """Delete one; his tracking logs may stay."""
        self._connection.execute("DELETE FROM nmsrecipient WHERE irecipientid = %s", (id_,))
        del self.by_id[id_]

    def _ago(self, days: float | None) -> datetime | None:
        return None if days is None else datetime.now(UTC) - timedelta(days=days)


def switched_on(scene: Scene, **settings: object) -> Scene:
    scene.collectors["recipients"] = {"enabled": True, "inactive_after": INACTIVE_AFTER, **settings}
    return scene


@pytest.fixture
def crowd(scene: Scene) -> Crowd:
    switched_on(scene, rows=7)
    # Logs that are nobody's, and one of the zero record.
    scene.execute(
        "INSERT INTO nmstrackinglogrcp (itrackinglogid, irecipientid, tslog) VALUES (-1, NULL, now()), (-2, 77, now())"
    )
    crowd = Crowd(scene)
    for id_ in (*IDS, *range(3, 33)):
        crowd.add(id_)
    return crowd


def step(seen: Observer) -> int:
    """Run one round; tell how many recipients the lap has looked at."""
    seen.clock.ahead += 60
    return int(seen.round("recipients").value(ROWS) or 0)


def lap(seen: Observer) -> None:
    """Run rounds up to the end of the lap."""
    before = seen.value(END)
    while step(seen) or seen.value(END) == before:
        assert seen.success("recipients") == 1, seen.watched.jobs["recipients"].failures


def agrees(seen: Observer, recipients: Iterable[Recipient], *, activity: bool = True) -> None:
    counted = list(recipients)
    assert seen.value(COUNTED) == len(counted)
    denylists = Counter(name for each in counted for name in each.denylists)
    assert seen.samples(DENYLISTED) == {(name,): denylists[name] for name in DENYLISTS}
    activities = Counter(each.activity for each in counted)
    assert seen.samples(BY_ACTIVITY) == ({(name,): activities[name] for name in ACTIVITIES} if activity else {})


def test_all_are_counted_but_the_zero_record(scene: Scene, crowd: Crowd) -> None:
    assert {each.activity for each in crowd.by_id.values()} == set(ACTIVITIES)
    seen = scene.watch()
    seen_so_far = [step(seen) for _ in range(6)]
    assert seen_so_far == [7, 14, 21, 28, 35, 0]
    agrees(seen, crowd.by_id.values())
    assert seen.value("campaign_recipients_inactive_after_seconds") == INACTIVE_AFTER
    assert seen.value(END) == pytest.approx(scene.execute("SELECT date_part('epoch', now())")[0][0], abs=20)
    assert 0 < (seen.value("campaign_recipients_lap_duration_seconds") or 0) < 20
    lap(seen)
    agrees(seen, crowd.by_id.values())


@pytest.mark.parametrize("rows", [1, 19, 38, 39, 1000])
def test_steps_of_any_length_count_the_same(scene: Scene, crowd: Crowd, rows: int) -> None:
    seen = switched_on(scene, rows=rows).watch()
    lap(seen)
    agrees(seen, crowd.by_id.values())


def test_timestamps_without_time_zone(make_scene: MakeScene) -> None:
    scene = switched_on(make_scene(with_time_zone=False), rows=10)
    scene.execute("GRANT SELECT ON nmsrecipient, nmstrackinglogrcp TO campaign_monitor")
    scene.database_settings["timezone"] = "UTC"
    crowd = Crowd(scene)
    for id_ in range(-10, 0):
        crowd.add(id_)
    seen = scene.watch()
    lap(seen)
    agrees(seen, crowd.by_id.values())


def test_an_empty_table_is_a_lap_of_nobody(scene: Scene) -> None:
    seen = switched_on(scene).watch()
    assert step(seen) == 0
    agrees(seen, [])


def test_who_comes_or_goes_behind_the_lap_waits_for_the_next_one(scene: Scene, crowd: Crowd) -> None:
    seen = scene.watch()
    assert [step(seen), step(seen)] == [7, 14]
    passed = sorted(crowd.by_id)[:14]
    expected = [crowd.by_id[id_] for id_ in passed]
    for id_ in (passed[-1], *passed[:3]):
        crowd.remove(id_)
    crowd.add(-100_000)
    crowd.add(-18)
    for id_ in sorted(crowd.by_id)[-3:]:
        crowd.remove(id_)
    for id_ in range(2000, 2010):
        crowd.add(id_)
    expected += [each for id_, each in crowd.by_id.items() if id_ > passed[-1]]
    lap(seen)
    agrees(seen, expected)
    lap(seen)
    agrees(seen, crowd.by_id.values())


def test_a_restart_goes_on_where_the_lap_was(scene: Scene, crowd: Crowd) -> None:
    state = scene.state()
    seen = scene.watch(state)
    lap(seen)
    first = list(crowd.by_id.values())
    ended = seen.value(END)
    assert [step(seen), step(seen)] == [7, 14]
    seen.close()
    state.close()
    # Nobody counts who is passed once more, also not if he has changed meanwhile.
    passed = [crowd.by_id[id_] for id_ in sorted(crowd.by_id)[:14]]
    scene.execute("UPDATE nmsrecipient SET iblacklist = 1 - coalesce(iblacklist, 0) WHERE irecipientid = %s", passed[0].id)
    again = scene.watch(scene.state())
    assert step(again) == 21
    assert again.value(END) == ended
    agrees(again, first)
    lap(again)
    agrees(again, first)


def test_without_state_the_lap_begins_anew(scene: Scene, crowd: Crowd) -> None:
    seen = scene.watch()
    assert [step(seen), step(seen)] == [7, 14]
    seen.close()
    again = scene.watch()
    assert step(again) == 7
    lap(again)
    agrees(again, crowd.by_id.values())


def test_another_time_begins_a_lap_of_its_own(scene: Scene, crowd: Crowd) -> None:
    state = scene.state()
    seen = scene.watch(state)
    lap(seen)
    assert step(seen) == 7
    seen.close()
    later = switched_on(scene, rows=7, inactive_after=365 * DAY).watch(state)
    assert step(later) == 7
    assert later.value("campaign_recipients_inactive_after_seconds") == INACTIVE_AFTER
    agrees(later, crowd.by_id.values())
    lap(later)
    assert later.value("campaign_recipients_inactive_after_seconds") == 365 * DAY
    assert later.value(COUNTED) == len(crowd.by_id)
    assert (later.value(BY_ACTIVITY, activity="inactive") or 0) < sum(
        each.activity == "inactive" for each in crowd.by_id.values()
    )


INDEX = "CREATE INDEX nmstrackinglogrcp_recipientid ON nmstrackinglogrcp (irecipientid)"


@pytest.mark.parametrize(
    ("away", "back", "reason"),
    [
        ("ALTER TABLE nmstrackinglogrcp RENAME TO gone", "ALTER TABLE gone RENAME TO nmstrackinglogrcp", "missing"),
        ("DROP INDEX nmstrackinglogrcp_recipientid", INDEX, "missing"),
        (
            "REVOKE SELECT (irecipientid) ON nmstrackinglogrcp FROM campaign_monitor",
            "GRANT SELECT (irecipientid) ON nmstrackinglogrcp TO campaign_monitor",
            "permission",
        ),
    ],
)
def test_without_tracking_logs_only_activity_is_off(scene: Scene, crowd: Crowd, away: str, back: str, reason: str) -> None:
    seen = scene.watch()
    assert [step(seen), step(seen)] == [7, 14]
    scene.execute(away)
    assert [step(seen), step(seen)] == [21, 28]
    assert seen.failures("recipients").keys() == {reason}
    assert seen.watched.jobs["recipients"].failures.keys() == {"activity"}
    scene.execute(back)
    seen.clock.ahead += 61
    lap(seen)
    # Of those that were passed without, nobody knows what they did.
    agrees(seen, crowd.by_id.values(), activity=False)
    assert seen.samples("campaign_recipients_inactive_after_seconds") == {}
    lap(seen)
    agrees(seen, crowd.by_id.values())


def test_without_recipients_there_is_nothing_to_count(scene: Scene) -> None:
    scene.execute("DROP INDEX nmsrecipient_id")
    seen = switched_on(scene).watch().round("recipients")
    assert seen.failures("recipients") == {"missing": 1}
    assert seen.samples(ROWS) == seen.samples(COUNTED) == {}


def test_a_step_that_takes_too_long_is_halved_and_grows_back(scene: Scene) -> None:
    switched_on(scene, rows=400)
    scene.database_settings["statement_timeout"] = 0.3
    scene.execute("INSERT INTO nmsrecipient (irecipientid, tscreated) SELECT n, now() FROM generate_series(1, 600) n")
    scene.execute("ANALYZE nmsrecipient")
    seen = scene.watch()
    assert [step(seen), step(seen)] == [400, 0]
    scene.slow("nmsrecipient", 2, each_row=True)
    assert step(seen) == step(seen) == 0
    assert seen.failures("recipients") == {"timeout": 2}
    assert seen.watched.jobs["recipients"].failures.keys() == {"step"}
    # What the last lap has found stays.
    assert seen.value(COUNTED) == 600
    assert step(seen) == 100
    assert seen.success("recipients") == 1
    scene.quick("nmsrecipient")
    assert [step(seen), step(seen)] == [240, 420]
    lap(seen)
    assert seen.value(COUNTED) == 600


def test_tracking_logs_that_take_too_long_lose_nobody(scene: Scene, crowd: Crowd) -> None:
    scene.database_settings["statement_timeout"] = 0.3
    seen = scene.watch()
    assert step(seen) == 7
    scene.slow("nmstrackinglogrcp", 400)
    assert step(seen) == step(seen) == 7
    assert seen.failures("recipients").keys() == {"timeout"}
    scene.quick("nmstrackinglogrcp")
    lap(seen)
    agrees(seen, crowd.by_id.values())


def test_what_was_counted_is_withdrawn_when_the_database_is_not_heard(scene: Scene, crowd: Crowd) -> None:
    seen = scene.watch()
    lap(seen)
    agrees(seen, crowd.by_id.values())
    scene.execute("ALTER ROLE campaign_monitor NOLOGIN")
    scene.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'campaign-exporter'")
    try:
        for _ in range(6):
            seen.clock.ahead += 60
            seen.round("recipients").watched.jobs["recipients"].withdraw_stale()
        assert seen.samples(COUNTED) == seen.samples(ROWS) == {}
    finally:
        scene.execute("ALTER ROLE campaign_monitor LOGIN")
    seen.clock.ahead += 60
    seen.round("recipients")
    agrees(seen, crowd.by_id.values())


def test_it_is_off_unless_it_is_switched_on(scene: Scene) -> None:
    seen = scene.watch().round()
    assert "recipients" not in seen.watched.jobs
    assert seen.samples("campaign_exporter_database_seconds_total", collector="recipients") == {}
