"""Columns for boxes: every box as near to the middle of its neighbours as the boxes beside it allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from sim.views.diagram.boxes import Box

PASSES: Final = 8  # positions stop moving after four to six in networks of some hundred devices


def settle(
    wanted: Sequence[float], sizes: Sequence[int], low: int, high: int, weights: Sequence[int] = ()
) -> list[int]:
    """Places in the order given, `sizes` apart, within `low` to `high`, as near to `wanted` as can be.

    The least-squares answer: isotonic regression by pooling neighbours that are out of order (Ayer et al., 1955).
    When there is not room enough, what does not fit runs over `high`. All weigh the same without `weights`.
    """
    offsets = list(accumulate(sizes, initial=0))[:-1]
    pools: list[tuple[float, int, int]] = []  # weighted sum of places less their offsets, weight, how many
    for want, offset, weight in zip(wanted, offsets, weights or [1] * len(sizes), strict=True):
        pool = ((want - offset) * weight, weight, 1)
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    highest = high - sum(sizes)
    shifts = [total / weight for total, weight, count in pools for _ in range(count)]
    return [max(low, round(min(shift, highest))) + offset for shift, offset in zip(shifts, offsets, strict=True)]


def place_rows(rows: list[list[Box]], gaps: list[list[int]], joins: Sequence[tuple[Box, Box]]) -> None:
    """Set `x` of every box. `gaps` are the free columns after each box, `joins` the pairs that are linked.

    The drawing is as wide as its widest row, whatever the links want.
    """
    sizes = [
        [box.width + gap for box, gap in zip(row, after, strict=True)] for row, after in zip(rows, gaps, strict=True)
    ]
    totals = [sum(row) - after[-1] if row else 0 for row, after in zip(sizes, gaps, strict=True)]
    widest = max(totals, default=0)
    for row, size, total in zip(rows, sizes, totals, strict=True):
        x = (widest - total) // 2
        for box, step in zip(row, size, strict=True):
            box.x, x = x, x + step
    over, under = _neighbours(rows, joins)
    for index in range(PASSES):
        upwards = index % 2 == 1  # the last pass centres each box over those below it
        for number in range(len(rows) - 2, -1, -1) if upwards else range(1, len(rows)):
            wanted = [_wanted(box, under if upwards else over, upwards) for box in rows[number]]
            bound = widest + gaps[number][-1]
            for box, x in zip(rows[number], settle(wanted, sizes[number], 0, bound), strict=True):
                box.x = x
    left = min((box.x for row in rows for box in row), default=0)
    for row in rows:
        for box in row:
            box.x -= left


Near = dict[str, list[Box]]


def _neighbours(rows: list[list[Box]], joins: Sequence[tuple[Box, Box]]) -> tuple[Near, Near]:
    """For each box the boxes it is linked to in the row above and in the row below."""
    number = {box.name: index for index, row in enumerate(rows) for box in row}
    over: Near = {name: [] for name in number}
    under: Near = {name: [] for name in number}
    for first, second in joins:
        if number[first.name] < number[second.name]:
            over[second.name].append(first)
            under[first.name].append(second)
    return over, under


def _wanted(box: Box, near: Near, upwards: bool) -> float:
    """The left edge that puts `box` in the middle of its neighbours; where it is, when it has none."""
    others = near[box.name]
    if not others:
        return box.x
    if upwards:
        own, target = box.lanes_middle - box.x, sum(other.middle for other in others) / len(others)
    else:
        own, target = box.middle - box.x, sum(other.lanes_middle for other in others) / len(others)
    return target - own
