"""The layout's promise: boxes, lines and labels never lie on one another, whatever the network."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.views.diagram.boxes import Box
from sim.views.diagram.layout import Layout, Wire, arrange
from sim.views.diagram.place import settle
from sim.views.diagram.plan import Device, Link, Plan
from sim.views.diagram.rows import rows

KINDS = ("host", "hub", "switch", "router")
Cell = tuple[int, int]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Networks of up to 14 devices with any links, loops and parallel links included."""
    count = draw(st.integers(1, 14))
    devices = {f"n{i}": Device(f"n{i}", draw(st.sampled_from(KINDS))) for i in range(count)}
    links: list[Link] = []
    end = st.integers(0, count - 1)
    port = st.sampled_from(("1", "eth0", "outside-of-it"))
    for a, b in draw(st.lists(st.tuples(end, end), max_size=20)):
        if a != b:
            ends = ((f"n{a}", draw(port)), (f"n{b}", draw(port)))
            links.append(Link(len(links), ends, draw(st.sampled_from(("", "1Gbps", "10Mbps 20ms 1% loss")))))
            for name, _ in ends:
                devices[name].links.append(len(links) - 1)
    return Plan("", devices, links, [], "")


def arranged(plan: Plan, most_on_top: int, side: bool) -> Layout:
    boxes = [[Box(name, 9, 4, 4) for name in row] for row in rows(plan, list(plan.devices), most_on_top)]
    return arrange(boxes, plan.links, lambda link: link.text, side=side)


def line_cells(wire: Wire) -> set[Cell]:
    """The cells of a line, those on the borders of its boxes left out."""
    found: set[Cell] = set()
    for (x, y), (x_next, y_next) in pairwise(wire.points):
        assert x == x_next or y == y_next
        for column in range(min(x, x_next), max(x, x_next) + 1):
            found |= {(column, row) for row in range(min(y, y_next), max(y, y_next) + 1)}
    return found - {wire.points[0], wire.points[-1]}


def turns(wire: Wire) -> set[Cell]:
    return set(wire.points[1:-1])


def label_cells(wire: Wire) -> list[Cell]:
    found = []
    for label in wire.labels:
        back = {"start": 0, "middle": len(label.text) // 2, "end": len(label.text) - 1}[label.anchor]
        found += [(label.x - back + i, label.y) for i in range(len(label.text))]
    return found


def box_cells(layout: Layout) -> list[Cell]:
    return [
        (x, y)
        for box in layout.boxes
        for x in range(box.x, box.x + box.width)
        for y in range(box.y, box.y + box.height)
    ]


@pytest.mark.slow
@settings(max_examples=120, deadline=None, derandomize=True)
@given(plans(), st.sampled_from((6, 1)), st.booleans())
def test_nothing_lies_on_anything(plan: Plan, most_on_top: int, side: bool) -> None:
    layout = arranged(plan, most_on_top, side)
    boxes = box_cells(layout)
    assert len(set(boxes)) == len(boxes), "boxes overlap"
    assert len(layout.wires) == len(plan.links)
    lines = [line_cells(wire) for wire in layout.wires]
    labels = [cell for wire in layout.wires for cell in label_cells(wire)]
    assert len(set(labels)) == len(labels), "labels overlap"
    assert not set(labels) & set(boxes), "a label lies on a box"
    for wire, own in zip(layout.wires, lines, strict=True):
        assert not own & set(boxes), "a line runs through a box"
        others = set().union(*(line for line in lines if line is not own))
        assert not set(label_cells(wire)) & others, "a label lies on another link's line"
        assert not turns(wire) & others, "two lines touch where one turns"


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(plans())
def test_lines_cross_only_at_right_angles(plan: Plan) -> None:
    layout = arranged(plan, 6, True)
    level: dict[Cell, int] = {}
    for number, wire in enumerate(layout.wires):
        for (x, y), (x_next, y_next) in pairwise(wire.points):
            if y == y_next:
                for column in range(min(x, x_next), max(x, x_next) + 1):
                    assert level.setdefault((column, y), number) == number


@settings(max_examples=60, deadline=None, derandomize=True)
@given(plans(), st.sampled_from((6, 1)))
def test_a_link_joins_neighbouring_rows_at_most(plan: Plan, most_on_top: int) -> None:
    order = rows(plan, list(plan.devices), most_on_top)
    depth = {name: index for index, row in enumerate(order) for name in row}
    assert sorted(depth) == sorted(plan.devices)
    assert all(abs(depth[link.ends[0][0]] - depth[link.ends[1][0]]) <= 1 for link in plan.links)


def switched(pairs: list[tuple[str, str]]) -> Plan:
    """Links between `pairs`; devices named r... are routers, the others switches, in the order they are named."""
    names = dict.fromkeys(name for pair in pairs for name in pair)
    devices = {name: Device(name, "router" if name[0] == "r" else "switch") for name in names}
    links = [Link(i, ((a, "1"), (b, "2")), "") for i, (a, b) in enumerate(pairs)]
    return Plan("", devices, links, [], "")


def crossings(plan: Plan, order: list[list[str]]) -> int:
    """Pairs of links between neighbouring rows that cross, counted one by one."""
    at = {name: (y, x) for y, row in enumerate(order) for x, name in enumerate(row)}
    ends = [sorted((at[link.ends[0][0]], at[link.ends[1][0]])) for link in plan.links]
    found = 0
    for i, (a, b) in enumerate(ends):
        for c, d in ends[:i]:
            found += a[0] == c[0] != b[0] == d[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
    return found


def test_a_router_moves_beside_the_one_it_shares_a_switch_with() -> None:
    """Sweeps alone do not find this one: r4 has to pass the whole chain of routers."""
    chain = [("r1", "r2"), ("r2", "r3"), ("r1", "r3")]
    plan = switched([("r1", "s1"), ("r2", "s2"), ("r3", "s3"), *chain, ("r4", "s3")])
    order = rows(plan, list(plan.devices), 6)
    assert len(order) == 2
    assert crossings(plan, order) == 0


def test_most_crossings_of_a_large_network_are_avoided() -> None:
    """A ring of sixty switches under one, in an order that has nothing to do with the ring."""
    inner = [f"s{17 * i % 60}" for i in range(60)]
    below = [(near, f"t{i}") for i, near in enumerate(inner)] + [(inner[i - 1], f"t{i}") for i in range(60)]
    plan = switched([("c", f"s{i}") for i in range(60)] + below)
    order = rows(plan, list(plan.devices), 6)
    as_found = [["c"], [f"s{i}" for i in range(60)], [f"t{i}" for i in range(60)]]
    assert crossings(plan, order) * 4 < crossings(plan, as_found)


@pytest.mark.parametrize(
    ("wanted", "sizes", "expected"),
    [
        ([5.0], [2], [5]),
        ([3.0, 3.0], [2, 2], [2, 4]),  # both give way alike
        ([9.0, 0.0], [2, 2], [4, 6]),  # the order stays
        ([-4.0], [2], [0]),
        ([40.0], [2], [18]),
    ],
)
def test_settle_is_the_nearest_that_fits(wanted: list[float], sizes: list[int], expected: list[int]) -> None:
    assert settle(wanted, sizes, 0, 20) == expected


def test_settle_moves_what_weighs_less() -> None:
    assert settle([3.0, 3.0], [2, 2], 0, 20, [1, 100]) == [1, 3]
