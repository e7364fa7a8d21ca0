"""Devices that stand where the file wants them."""

from __future__ import annotations

import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from sim.scenario.graph import graph
from sim.scenario.load import loads
from sim.views.diagram.boxes import Box
from sim.views.diagram.plan import Plan, plan
from sim.views.diagram.positioned import arrange_at
from sim.views.diagram.svg_map import draw_svg

TRIANGLE = """
nodes:
  left: {kind: host, ip: 10.0.0.1/24, position: [0, 10]}
  right: {kind: host, ip: 10.0.0.2/24, position: [20, 10]}
  top: {kind: switch, position: [10, 0]}
links:
  - [left, top]
  - {endpoints: [top, right], delay: 5ms}
"""


def planned(text: str) -> Plan:
    return plan(graph(loads(text)))


def places(svg: str) -> dict[str, tuple[float, float]]:
    """Where the outline of each device begins."""
    found = re.findall(r'data-device="([^"]+)">.*?<path class="shape" d="M([\d.]+) ([\d.]+)', svg, re.DOTALL)
    return {name: (float(x), float(y)) for name, x, y in found}


def test_the_drawing_keeps_the_proportions() -> None:
    at = places(draw_svg(planned(TRIANGLE)))
    assert at["left"][1] == at["right"][1] > at["top"][1]
    assert at["left"][0] < at["top"][0] < at["right"][0]


def test_it_is_laid_out_as_ever_unless_all_have_a_position() -> None:
    some = TRIANGLE.replace(", position: [10, 0]", "")
    none = re.sub(r", position: \[[\d, ]+\]", "", TRIANGLE)
    assert draw_svg(planned(some)) == draw_svg(planned(none)) != draw_svg(planned(TRIANGLE))


def test_two_in_one_place_are_laid_out_as_ever() -> None:
    same = TRIANGLE.replace("[20, 10]", "[0, 10]")
    none = re.sub(r", position: \[[\d, ]+\]", "", TRIANGLE)
    assert draw_svg(planned(same)) == draw_svg(planned(none))


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12, unique=True))
def test_boxes_never_touch(points: list[tuple[int, int]]) -> None:
    boxes = {str(number): Box(str(number), 12 + number, 4, 4) for number in range(len(points))}
    positions = {str(number): (float(x), float(y)) for number, (x, y) in enumerate(points)}
    layout = arrange_at(boxes, positions, [], lambda link: link.text)
    for one, other in combinations(layout.boxes if layout else [], 2):
        beside = one.x + one.width < other.x or other.x + other.width < one.x
        below = one.y + one.height < other.y or other.y + other.height < one.y
        assert beside or below
    if layout:
        assert min(box.x for box in layout.boxes) == min(box.y for box in layout.boxes) == 0
        assert layout.width == max(box.x + box.width for box in layout.boxes)
