"""The layout of a network whose file says where each device stands: the drawing keeps their proportions.

Positions are points of any scale, x to the right and y down. They are the middles of the boxes, and as near to each
other as the boxes allow. Links are straight lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Final

from sim.views.diagram.boxes import Box
from sim.views.diagram.layout import Label, Layout, Wire
from sim.views.diagram.plan import Link, short_port

GAP: Final = 4
"""Free rows, and columns times `ROW`, between two boxes."""
ROW: Final = 2.25
"""Columns that are as wide as a row is high."""
LARGEST: Final = 2_000
"""Columns: a drawing that would be wider has two devices that all but stand in one place."""

Point = tuple[float, float]


def arrange_at(
    boxes: dict[str, Box], positions: dict[str, Point], links: Iterable[Link], mark: Callable[[Link], str]
) -> Layout | None:
    """The boxes at their positions; None if two of them stand in one place."""
    scale = _scale(boxes, positions)
    if scale is None:
        return None
    for name, box in boxes.items():
        x, y = positions[name]
        box.x, box.y = round(x * scale * ROW - box.width / 2), round(y * scale - box.height / 2)
    left, top = min(box.x for box in boxes.values()), min(box.y for box in boxes.values())
    for box in boxes.values():
        box.x, box.y = box.x - left, box.y - top
    wires = [_wire(link, mark(link), boxes) for link in links if link.ends[0][0] != link.ends[1][0]]
    width = max(box.x + box.width for box in boxes.values())
    height = max(box.y + box.height for box in boxes.values())
    return Layout(list(boxes.values()), wires, width, height)


def _scale(boxes: dict[str, Box], positions: dict[str, Point]) -> float | None:
    """Rows for one unit of the positions, so that no two boxes touch."""
    scale = 0.0
    for one, other in combinations(boxes, 2):
        across = abs(positions[one][0] - positions[other][0]) * ROW
        down = abs(positions[one][1] - positions[other][1])
        wide = (boxes[one].width + boxes[other].width) / 2 + GAP * ROW
        high = (boxes[one].height + boxes[other].height) / 2 + GAP
        needed = [room / distance for room, distance in ((wide, across), (high, down)) if distance > 0]
        if not needed:
            return None
        scale = max(scale, min(needed))
    xs = [x for x, _ in positions.values()]
    return scale if (max(xs) - min(xs)) * scale * ROW <= LARGEST else None


def _wire(link: Link, text: str, boxes: dict[str, Box]) -> Wire:
    first, second = (boxes[name] for name, _ in link.ends)
    start, end = _middle(first), _middle(second)
    wire = Wire(link, text, first, second)
    wire.points = [(round(start[0]), round(start[1])), (round(end[0]), round(end[1]))]
    for box, here, there in ((first, start, end), (second, end, start)):
        wire.labels.append(_port_label(box, here, there, short_port(box.name, link.port(box.name))))
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    wire.labels.append(Label(round(x), round(y), text, "link", "middle"))
    return wire


def _middle(box: Box) -> Point:
    return box.x + (box.width - 1) / 2, box.y + (box.height - 1) / 2


def _port_label(box: Box, here: Point, there: Point, text: str) -> Label:
    """A port's name where the line to `there` leaves the box, beside the line."""
    across, down = there[0] - here[0], there[1] - here[1]
    reach_x = (box.width / 2) / abs(across) if across else float("inf")
    reach_y = (box.height / 2) / abs(down) if down else float("inf")
    if reach_x < reach_y:  # it leaves by the side
        x, y = here[0] + across * reach_x, here[1] + down * reach_x
        right = across > 0
        return Label(
            round(x + (1 if right else -1)),
            round(y + (0.6 if down >= 0 else -0.6)),
            text,
            "port",
            "start" if right else "end",
        )
    x, y = here[0] + across * reach_y, here[1] + down * reach_y
    right = across >= 0
    beside = 1 + (abs(across / down) if down else 0)  # where the line is, a row further on
    return Label(
        round(x + (beside if right else -beside)),
        round(y + (1 if down > 0 else -1)),
        text,
        "port",
        "start" if right else "end",
    )
