from campaign_simulator.tricky import HOSTILE_LABELS, tricky_rows


def test_what_monitoring_leaves_out_is_not_counted() -> None:
    rows = tricky_rows()
    left_out = {row.kind for row in rows.rows if not row.counted}
    assert left_out == {"template", "deleted", "recycled", "proof"}
    assert sum(rows.counted.values()) == len(rows.rows) - 4


def test_unknown_numbers_and_nothing_are_counted() -> None:
    counted = tricky_rows().counted
    for key in ((33, 0), (999, 0), (-1, 0), (95, 7), (95, 130), (None, 0), (95, None)):
        assert counted[key] == 1


def test_ids_are_negative_and_different() -> None:
    numbers = [row.delivery_id for row in tricky_rows().rows]
    assert max(numbers) == -1
    assert len(set(numbers)) == len(numbers)


def test_labels_fit_the_column() -> None:
    assert max(len(label) for label in HOSTILE_LABELS) == 128
