"""The map of a network as text: boxes in rows, lines between them, as wide as a terminal.

Several arrangements are tried, the roomiest first; the first that fits the width is drawn. A network that fits none
becomes an indented tree (`tree_map`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from sim.views.diagram.boxes import Box
from sim.views.diagram.canvas import Canvas
from sim.views.diagram.hang import Hanging, hang, standing
from sim.views.diagram.layout import Layout, arrange
from sim.views.diagram.plan import Plan, short_port
from sim.views.diagram.rows import rows
from sim.views.diagram.tree_map import draw_tree
from sim.views.text import Line, clip, columns, printable

BORDERS: Final = {"router": "heavy", "gateway": "heavy", "switch": "square", "hub": "square"}
LONGEST_NAME: Final = 24
LONGEST_PORT: Final = 15
MOST_ON_TOP: Final = 6  # routers side by side; more make a row that no terminal is wide enough for
MOST_BOXES: Final = 60  # beyond this, no arrangement can be read in a terminal, and trying them takes long
MOST_ROWS: Final = 60  # lines: about what can be taken in without losing the top


def draw(plan: Plan, width: int = 80) -> list[Line]:
    """The drawing, at most `width` columns where that is possible at all, with a title and a legend."""
    body = next(_drawings(plan, width), None)
    if body is None:
        body = draw_tree(plan, width)
    return [*_title(plan), *body, *_legend(plan, width)]


def _drawings(plan: Plan, width: int) -> Iterator[list[Line]]:
    hung = hang(plan)
    ways = [({}, True), (hung, True), (hung, False)]
    for most_on_top, (hanging, ports) in product((MOST_ON_TOP, 1), ways):
        names = standing(plan, hanging)
        if len(names) > MOST_BOXES:
            continue
        sketch, order = _Sketch(plan, hanging, ports), rows(plan, names, most_on_top)
        for side in (True, False):
            boxes = [[sketch.box(name) for name in row] for row in order]
            layout = arrange(boxes, plan.links, plan.mark, gap=2 if ports else 1, side=side)
            if layout.width <= width and layout.height <= MOST_ROWS:
                yield sketch.paint(layout)


@dataclass(slots=True)
class _Sketch:
    """How one arrangement shows devices: which hosts hang on others, and whether their ports are written."""

    plan: Plan
    hanging: Hanging
    ports: bool

    def box(self, name: str) -> Box:
        """The size of a device's box."""
        head, hosts = self._head(name), self._hosts(name)
        widest = max([_columns_of(head[0]) + 2, *map(_columns_of, head[1:] + hosts)])
        height = len(head) + 2 + (len(hosts) + 1 if hosts else 0)
        return Box(name, widest + 4, height, height)

    def paint(self, layout: Layout) -> list[Line]:
        """The drawing: boxes first, for lines to join their borders."""
        canvas = Canvas(layout.width, layout.height)
        for box in layout.boxes:
            self._paint_box(canvas, box)
        for wire in layout.wires:
            canvas.line(wire.points, f"net{wire.link.segment}")
        for wire in layout.wires:
            for label in wire.labels:
                back = {"start": 0, "middle": columns(label.text) // 2, "end": columns(label.text) - 1}[label.anchor]
                canvas.put(label.x - back, label.y, label.text, "link" if label.kind == "link" else "port")
        return canvas.lines()

    def _head(self, name: str) -> list[Line]:
        """Name and kind, then the addresses."""
        device = self.plan.devices[name]
        lines: list[Line] = [[(clip(printable(name), LONGEST_NAME), "name"), (device.kind, f"kind-{device.kind}")]]
        if device.label:
            lines.append([(clip(printable(device.label), LONGEST_NAME), "port")])
        for port, address in device.addresses:
            label = clip(short_port(name, port), LONGEST_PORT) if len(device.addresses) > 1 else ""
            lines.append([(f"{label} " if label else "", "port"), (address, "address")])
        if device.gateway:
            lines.append([("via ", "port"), (device.gateway, "gateway")])
        return lines

    def _hosts(self, name: str) -> list[Line]:
        """One line for each host that hangs on a device: its port here, its name, address and kind."""
        found = self.hanging.get(name, [])
        names = [clip(printable(device.name), LONGEST_NAME) for device, _ in found]
        ports = [clip(short_port(name, link.port(name)), LONGEST_PORT) for _, link in found]
        wide_port, wide_name = _widest(ports), _widest(names)
        lines: list[Line] = []
        for (device, link), text, port in zip(found, names, ports, strict=True):
            line: Line = []
            if self.ports:
                line += [(_padded(port, wide_port), "port"), (" ── ", f"net{link.segment}")]
            line.append((_padded(text, wide_name), "name"))
            line += [(f" {address}", "address") for _, address in device.addresses]
            line += [(f" {device.kind}", f"kind-{device.kind}")] if device.kind != "host" else []
            line += [(f" {self.plan.mark(link)}", "link")] if self.plan.mark(link) else []
            lines.append(line)
        return lines

    def _paint_box(self, canvas: Canvas, box: Box) -> None:
        kind = self.plan.devices[box.name].kind
        border, style = BORDERS.get(kind, "round"), f"kind-{kind}"
        canvas.box(box.x, box.y, box.width, box.height, border, style)
        head, hosts = self._head(box.name), self._hosts(box.name)
        canvas.write(box.x + 2, box.y + 1, head[0][:1])
        canvas.put(box.x + box.width - 2 - columns(kind), box.y + 1, kind, style)
        for y, line in enumerate(head[1:], box.y + 2):
            canvas.write(box.x + 2, y, line)
        below = box.y + 1 + len(head)
        if hosts:
            canvas.rule(box.x, below, box.width, border, style)
        for y, line in enumerate(hosts, below + 1):
            canvas.write(box.x + 2, y, line)


def _widest(texts: list[str]) -> int:
    return max(map(columns, texts), default=0)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def _columns_of(line: Line) -> int:
    return sum(columns(text) for text, _ in line)


def _title(plan: Plan) -> list[Line]:
    counts = f"{_count(len(plan.devices), 'device')}, {_count(len(plan.links), 'link')}"
    return [[(plan.title, "title"), (": " if plan.title else "", ""), (counts, "")], []]


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _legend(plan: Plan, width: int) -> list[Line]:
    """What the drawing leaves out because it is the same everywhere, and the networks by colour."""
    lines: list[Line] = [[]]
    if plan.usual:
        marked = any(plan.mark(link) for link in plan.links)
        lines.append(
            [("links: ", "kind"), (plan.usual, "link"), (" where nothing else is written" if marked else "", "")]
        )
    named = [(label, index) for index, label in enumerate(plan.segments) if label]
    line: Line = [("networks: ", "kind")]
    for label, index in named:
        if _columns_of(line) + columns(label) > width and len(line) > 1:
            lines.append(line)
            line = [("          ", "")]
        line += [("━ ", f"net{index}"), (f"{label}  ", "address")]
    return [*lines, line] if named else lines if len(lines) > 1 else []
