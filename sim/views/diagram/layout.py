"""Boxes and links on a grid of character cells: where each stands, bends and is labelled.

The text drawing and the SVG share this layout, so both have its promise: no label touches another label, a box or a
line that is not its own, whatever the names are. It holds because every link end owns a strip of columns as wide as
its labels, and every bend owns a stretch of a track (a row of cells kept for bends between two rows of boxes).

Steps: `_sort_links` tells links down, sideways and round apart; `_make_room` widens boxes for their link ends;
`place.place_rows` gives boxes their columns; `_place_ends` gives link ends theirs; `_place_heights` counts tracks and
gives everything its row; `_trace` writes the lines and labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sim.views.diagram.boxes import Box, End
from sim.views.diagram.place import place_rows, settle
from sim.views.diagram.plan import Link, short_port
from sim.views.text import columns

GRAIN = 2  # ends stand on even columns, so that an end in the way of another has the odd one beside it to move to
STRAIGHT = 100  # how much more an end weighs that can be straight above its other end than one that cannot


@dataclass(slots=True, eq=False)
class Label:
    """Text at a cell. `kind` is "port", "link" or, for a port beside a sideways line, "side"; `anchor` as in SVG."""

    x: int
    y: int
    text: str
    kind: str
    anchor: str = "start"


@dataclass(slots=True, eq=False)
class Wire:
    """A link drawn: its corner points in cells, from one box to the other. `around` says that both stand in one row
    and the link goes over what is between them."""

    link: Link
    text: str
    first: Box
    second: Box
    ends: tuple[End, End] | None = None
    around: bool = False
    text_at_first: bool = False
    points: list[tuple[int, int]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def span(self) -> tuple[int, int]:
        """The columns of its bend, first and last."""
        assert self.ends is not None
        a, b = self.ends[0].x, self.ends[1].x
        return min(a, b), max(a, b)


@dataclass(slots=True, eq=False)
class Layout:
    """The finished drawing, `width` by `height` cells."""

    boxes: list[Box]
    wires: list[Wire]
    width: int
    height: int


def arrange(
    rows: list[list[Box]], links: Iterable[Link], mark: Callable[[Link], str], *, gap: int = 2, side: bool = True
) -> Layout:
    """Place `rows` of boxes and the links between them (of the same or neighbouring rows: see `rows`).

    `mark` gives the words to write at a link. `gap` is the least number of free columns between boxes. With `side`,
    neighbours in a row are joined by a straight line between them, which takes more width than a line around.
    """
    wires, gaps = _sort_links(rows, links, mark, gap, side)
    for row in rows:
        for box in row:
            _make_room(box)
    place_rows(rows, gaps, [(wire.first, wire.second) for wire in wires])
    _place_ends(rows)
    for index in range(len(rows)):
        upper = [end for box in rows[index - 1] for end in box.below] if index else []
        _part(upper, [end for box in rows[index] for end in box.above])
    height = _place_heights(rows, wires)
    for wire in wires:
        _trace(wire)
    boxes = [box for row in rows for box in row]
    return Layout(boxes, wires, max((box.x + box.width for box in boxes), default=0), height)


def _sort_links(
    rows: list[list[Box]], links: Iterable[Link], mark: Callable[[Link], str], gap: int, side: bool
) -> tuple[list[Wire], list[list[int]]]:
    """A wire for each link between two boxes, its ends hung on them; and the gaps after each box of each row."""
    where = {box.name: (y, x, box) for y, row in enumerate(rows) for x, box in enumerate(row)}
    gaps = [[gap] * len(row) for row in rows]
    wires: list[Wire] = []
    taken: dict[tuple[int, int], bool] = {}
    for link in links:
        (a, _), (b, _) = link.ends
        if a == b or a not in where or b not in where:
            continue
        (row, column, first), (row_b, column_b, second) = sorted(
            (where[a], where[b]), key=lambda found: (found[0], found[1])
        )
        text = mark(link)
        wire = Wire(link, text, first, second)
        wires.append(wire)
        labels = [short_port(box.name, link.port(box.name)) for box in (first, second)]
        if side and row == row_b and column_b == column + 1 and not taken.get((row, column)):
            taken[row, column] = True
            needed = max(columns(text) + 2, columns(labels[0]) + columns(labels[1]) + 4)
            gaps[row][column] = max(gap, needed)
            continue
        wire.around = row == row_b
        wire.text_at_first = wire.around and _room(first) >= _room(second)
        texts = (text, "") if wire.text_at_first else ("", text)
        upper = End(labels[0], _slots(labels[0], texts[0]), second, wire.around)
        lower = End(labels[1], _slots(labels[1], texts[1]), first, wire.around, upper)
        upper.twin = lower
        (first.above if wire.around else first.below).append(upper)
        second.above.append(lower)
        wire.ends = upper, lower
    return wires, gaps


def _slots(*labels: str) -> int:
    """Pairs of columns for the line, its labels to the right of it, and a blank."""
    return (max(columns(label) for label in labels) + 2 + GRAIN - 1) // GRAIN


def _room(box: Box) -> int:
    """The columns of its upper border that are still free."""
    return box.width - GRAIN * sum(end.slots for end in box.above)


def _make_room(box: Box) -> None:
    for ends, start in ((box.above, 0), (box.below, box.lanes)):
        needed = GRAIN * sum(end.slots for end in ends) + start + 3  # the borders, and one for even columns
        spare = 2 * GRAIN if len(ends) > 2 else 0  # so that the one in the middle can be straight
        box.width = max(box.width, needed + spare if ends else 0)


def _place_ends(rows: list[list[Box]]) -> None:
    """Columns for all link ends, each as near to the other end as its box allows, so that lines run straight."""
    boxes = [box for row in rows for box in row]
    for turn in range(2):  # the second time the upper ends know where the lower ones could go
        for box in boxes:
            _spread(box, box.below, box.lanes, known=turn > 0)
        for box in boxes:
            _spread(box, box.above, 0, known=True)


def _spread(box: Box, ends: list[End], start: int, *, known: bool) -> None:
    """Columns for the ends on one border. An end wants to stand straight over its other end where that is `known`, or
    else over the middle of the other box; a link around wants to leave at the edge."""
    low = -(-(box.x + start + 1) // GRAIN)
    high = (box.x + box.width - 1) // GRAIN

    def aim(end: End) -> tuple[int, float, float]:
        if end.around:
            # among links around, the farthest leaves nearest to the middle: so they nest and do not cross
            right = end.towards.x > box.x
            return (1 if right else -1), -end.towards.middle, high if right else low
        column = (end.twin.x if known and end.twin else end.towards.middle) / GRAIN
        return 0, column, column

    order = sorted(ends, key=lambda end: aim(end)[:2])
    sizes = [end.slots for end in order]
    aims = [aim(end)[2] for end in order]
    straight = [not end.around and low <= aim <= high - end.slots for end, aim in zip(order, aims, strict=True)]
    if straight == [False]:
        aims = [box.middle / GRAIN]  # a bend there must be: then the middle looks best
    weights = [STRAIGHT if is_straight else 1 for is_straight in straight]
    for end, place in zip(order, settle(aims, sizes, low, high, weights), strict=True):
        end.x = place * GRAIN


def _part(upper: list[End], lower: list[End]) -> None:
    """Move lower ends off the columns of upper ends that are not theirs: lines that meet in a column could touch.

    The two ends of one link may share a column: that link is straight.
    """
    owners = {end.x: end for end in upper}
    for end in lower:
        if owners.get(end.x, end.twin) is not end.twin:
            end.x += 1


def _place_heights(rows: list[list[Box]], wires: list[Wire]) -> int:
    """Rows of cells for boxes and bends; a wire's bend is left in its points as (column, row) pairs."""
    lower_row = {id(box): index for index, row in enumerate(rows) for box in row}
    bent: list[list[Wire]] = [[] for _ in rows]
    for wire in wires:
        if wire.ends is not None:
            bent[lower_row[id(wire.second)]].append(wire)
    y = 0
    for row, channel in zip(rows, bent, strict=True):
        tracks = _tracks(channel)
        top = y + any(wire.ends[0].label for wire in channel if wire.ends and not wire.around)
        for wire, track in zip(channel, tracks, strict=True):
            (left, right), bend = wire.span(), top + track
            wire.points = [] if left == right else [(left, bend), (right, bend)]
        under = any(wire.text for wire in channel) + any(end.label for box in row for end in box.above)
        y = max(top + max(tracks, default=-1) + 1 + under, y + bool(channel))
        for box in row:
            box.y = y
        y += max(box.height for box in row)
    return y


def _tracks(channel: list[Wire]) -> list[int]:
    """A track for each bend, counted from the top, such that no two overlap and few lines cross.

    Among lines that fan out to the left the outermost bends first, and so to the right: then they do not cross. Lines
    around within the row below come last, the longest above the shorter ones.
    """
    found = [-1] * len(channel)
    spans = [wire.span() for wire in channel]

    def rank(index: int) -> tuple[int, int]:
        wire = channel[index]
        assert wire.ends is not None
        upper, lower = wire.ends[0].x, wire.ends[1].x
        if wire.around:
            return 1, spans[index][0] - spans[index][1]
        return 0, lower if lower < upper else -lower

    placed: list[int] = []
    for index in sorted(range(len(channel)), key=rank):
        left, right = spans[index]
        if left == right:
            continue
        overlapping = [found[i] for i in placed if spans[i][0] <= right and left <= spans[i][1]]
        found[index] = 1 + max(overlapping, default=-1)
        placed.append(index)
    return found


def _trace(wire: Wire) -> None:
    """Write the points and labels of a wire whose boxes and ends are placed."""
    first, second = wire.first, wire.second
    if wire.ends is None:
        _trace_side(wire)
        return
    upper, lower = wire.ends
    bend = wire.points
    if bend and bend[0][0] != upper.x:
        bend = bend[::-1]
    start = first.y if wire.around else first.y + first.body - 1
    wire.points = [(upper.x, start), *bend, (lower.x, second.y)]
    under = first.y - 1 if wire.around else start + 1
    wire.labels.append(Label(upper.x + 1, under, upper.label, "port"))
    wire.labels.append(Label(lower.x + 1, second.y - 1, lower.label, "port"))
    x, y = (upper.x, first.y) if wire.text_at_first else (lower.x, second.y)
    marked = any(end.label for box in (first, second) for end in box.above)
    wire.labels.append(Label(x + 1, y - 1 - marked, wire.text, "link"))


def _trace_side(wire: Wire) -> None:
    left, right = wire.first.x + wire.first.width - 1, wire.second.x
    y = wire.first.y + 1
    wire.points = [(left, y), (right, y)]
    near = short_port(wire.first.name, wire.link.port(wire.first.name))
    far = short_port(wire.second.name, wire.link.port(wire.second.name))
    wire.labels.append(Label(left + 1, y, near, "side"))
    wire.labels.append(Label(right - 1, y, far, "side", "end"))
    wire.labels.append(Label((left + right + 1) // 2, y - 1, wire.text, "link", "middle"))
