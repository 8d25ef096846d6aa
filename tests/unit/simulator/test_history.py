import random
from datetime import datetime, timedelta

import pytest

from campaign_simulator.backfill import Backfill
from campaign_simulator.journal import Ids
from campaign_simulator.traffic import Traffic
from campaign_simulator.vocabulary import State


@pytest.mark.parametrize(("deliveries", "rows"), [(200, 20_000), (3, 10), (1, 1), (7, 0)])
def test_history_adds_up(deliveries: int, rows: int, now: datetime) -> None:
    ids = Ids()
    backfill = Backfill(Traffic(ids, random.Random(1), 40), ids, seed=1)
    history = backfill.plan(now, timedelta(hours=24), deliveries, rows)
    assert len(history.deliveries) == deliveries
    assert sum(delivery.size for delivery in history.deliveries) == rows
    assert sum(stat.first_success + stat.retries_success for stat in history.stats) == sum(
        delivery.success for delivery in history.deliveries
    )
    for delivery in history.deliveries:
        assert delivery.state == State.FINISHED
        assert delivery.success + delivery.error == delivery.to_deliver == delivery.size
        assert delivery.broad_start
        assert delivery.broad_end
        assert now - timedelta(hours=24) <= delivery.contact <= delivery.broad_start < delivery.broad_end < now
    keys = [(stat.date, stat.delivery_id) for stat in history.stats]
    assert len(set(keys)) == len(keys)


def test_even_a_short_history_is_over(now: datetime) -> None:
    ids = Ids()
    history = Backfill(Traffic(ids, random.Random(1), 40), ids, seed=1).plan(now, timedelta(minutes=1), 50, 500)
    assert all(delivery.broad_end and delivery.broad_end < now for delivery in history.deliveries)


def test_logs_of_different_deliveries_have_different_ids(now: datetime) -> None:
    ids = Ids()
    backfill = Backfill(Traffic(ids, random.Random(1), 40), ids, seed=1)
    history = backfill.plan(now, timedelta(hours=1), 5, 103)
    assert history.first_logs[-1] + history.deliveries[-1].size == ids.log
