"""Numbers that only grow, row by row: by how much they have grown, each growth once."""

from collections.abc import Mapping, Sequence

Figures = Sequence[int]


def growth(before: Mapping[str, Figures], now: Mapping[str, Figures]) -> tuple[list[int], dict[str, list[int]]]:
    """Add up by how much the figures of all rows have grown, and give what to remember.

    A row that is not known has grown from 0. One whose figures fall, since they are computed anew, has not grown until they are
    higher than ever; one that is gone is forgotten.
    """
    width = max((len(figures) for figures in now.values()), default=0)
    total = [0] * width
    highest: dict[str, list[int]] = {}
    for key, figures in now.items():
        known = before.get(key, [0] * width)
        highest[key] = [max(pair) for pair in zip(known, figures, strict=True)]
        total = [sum_ + new - old for sum_, new, old in zip(total, highest[key], known, strict=True)]
    return total, highest
