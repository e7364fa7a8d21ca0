"""Which device stands in which row of a drawing, and in which order.

Routers stand on top (or, when there are many, the most central device alone), everything else as many rows below as
it is links away. Rows found by breadth-first search have a property the layout relies on: a link joins the same row
or two neighbouring ones, so no line ever has to pass a row. The order within rows starts from a walk along the links
and is improved by barycentre sweeps (Sugiyama, Tagawa and Toda, 1981); the best order seen is kept.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

from sim.views.diagram.plan import FORWARDS_PACKETS, Plan

Rows = list[list[str]]

SWEEPS: Final = 16  # rings of some sixty devices still untangle after that; most networks are done after four
MOST_MOVED: Final = 20_000  # devices times orders tried one by one: enough for what fits a screen, a tenth of a second


def neighbours(plan: Plan, names: list[str]) -> dict[str, list[str]]:
    """For each of `names`, the devices among `names` it is linked to, once per link, in file order."""
    wanted = set(names)
    found: dict[str, list[str]] = {name: [] for name in names}
    for link in plan.links:
        (a, _), (b, _) = link.ends
        if a in wanted and b in wanted and a != b:
            found[a].append(b)
            found[b].append(a)
    return found


def rows(plan: Plan, names: list[str], most_on_top: int) -> Rows:
    """The devices `names` in rows from the top; at most `most_on_top` routers of one component share the top row."""
    joined = neighbours(plan, names)
    depth: dict[str, int] = {}
    order: list[str] = []
    for component in _components(names, joined):
        tops = [name for name in component if plan.devices[name].kind in FORWARDS_PACKETS]
        if not 0 < len(tops) <= most_on_top:
            tops = [_centre(plan, component, joined)]
        order += _search(_walk(tops, joined), joined, depth)
    result: Rows = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in order:
        result[depth[name]].append(name)
    return _untangled(result, joined)


def _components(names: list[str], joined: dict[str, list[str]]) -> Rows:
    seen: dict[str, int] = {}
    return [_search([name], joined, seen) for name in names if name not in seen]


def _search(starts: list[str], joined: dict[str, list[str]], depth: dict[str, int]) -> list[str]:
    """Breadth first from `starts`; `depth` gains the distance of each device found."""
    depth.update(dict.fromkeys(starts, 0))
    found = list(starts)
    for name in found:  # grows while it is read: a queue
        for other in joined[name]:
            if other not in depth:
                depth[other] = depth[name] + 1
                found.append(other)
    return found


def _centre(plan: Plan, component: list[str], joined: dict[str, list[str]]) -> str:
    """The forwarding device with the shortest way to the farthest one; then the one with most links, then the first.

    The middle of a longest shortest path is tried instead of every device: exact for trees, near enough for the rest,
    and linear.
    """
    boxes = [name for name in component if not plan.devices[name].is_end] or component
    start = _search([boxes[0]], joined, {})[-1]
    far: dict[str, int] = {}
    end = _search([start], joined, far)[-1]
    back: dict[str, int] = {}
    _search([end], joined, back)
    return min(boxes, key=lambda name: (max(far[name], back[name]), far[name] + back[name], -len(joined[name])))


def _walk(tops: list[str], joined: dict[str, list[str]]) -> list[str]:
    """`tops` in an order that puts linked ones side by side: a walk that starts at an end of the chain."""
    wanted = dict.fromkeys(tops)
    inner = {name: [other for other in dict.fromkeys(joined[name]) if other in wanted] for name in tops}
    result: dict[str, None] = {}
    for start in sorted(tops, key=lambda name: len(inner[name])):
        stack = [start]
        while stack:
            name = stack.pop()
            if name not in result:
                result[name] = None
                stack += [other for other in reversed(inner[name]) if other not in result]
    return list(result)


def _untangled(result: Rows, joined: dict[str, list[str]]) -> Rows:
    best, least = result, _tangle(result, joined)
    for sweep in range(SWEEPS):
        if not least:
            break
        current = [list(row) for row in result]
        steps = range(1, len(current)) if sweep % 2 == 0 else range(len(current) - 2, -1, -1)
        for row in steps:
            reference = current[row - 1 if sweep % 2 == 0 else row + 1]
            current[row] = _by_barycentre(current[row], reference, joined)
        result = current
        tangle = _tangle(current, joined)
        if tangle < least:
            best, least = current, tangle
    return _retried(best, least, joined)


def _retried(best: Rows, least: int, joined: dict[str, list[str]]) -> Rows:
    """Moves single devices within their row, the rows below following, as long as that untangles anything."""
    left, improved = MOST_MOVED // max(1, len(joined)), True
    while improved and least:
        improved = False
        for number, row in enumerate(best):
            for name in list(row):
                for place in range(len(row)):
                    left -= 1
                    if left < 0:
                        return best
                    current = _moved(best, number, name, place, joined)
                    tangle = _tangle(current, joined)
                    if tangle < least:
                        best, least, improved = current, tangle, True
    return best


def _moved(order: Rows, number: int, name: str, place: int, joined: dict[str, list[str]]) -> Rows:
    row = [other for other in order[number] if other != name]
    row.insert(place, name)
    result = [*order[:number], row]
    for below in order[number + 1 :]:
        result.append(_by_barycentre(below, result[-1], joined))
    return result


def _by_barycentre(row: list[str], reference: list[str], joined: dict[str, list[str]]) -> list[str]:
    place = {name: index for index, name in enumerate(reference)}
    keys: dict[str, float] = {}
    for index, name in enumerate(row):
        found = [place[other] for other in joined[name] if other in place]
        # whoever has no neighbour there keeps its share of the row
        keys[name] = sum(found) / len(found) if found else index * len(reference) / len(row)
    return sorted(row, key=keys.__getitem__)


def _tangle(result: Rows, joined: dict[str, list[str]]) -> int:
    """Crossings between rows, plus how far links within a row must reach over others."""
    total = 0
    for row, below in zip(result, [*result[1:], []], strict=False):
        place = {name: index for index, name in enumerate(row)}
        under = {name: index for index, name in enumerate(below)}
        seen: list[int] = []
        for index, name in enumerate(row):
            targets = sorted(under[other] for other in joined[name] if other in under)
            total += sum(len(seen) - bisect_left(seen, target + 1) for target in targets)
            for target in targets:
                insort(seen, target)
            total += sum(max(0, place[other] - index - 1) for other in joined[name] if other in place)
    return total
