"""The map of a network as text: boxes in rows, lines between them, as wide as a terminal.

Several arrangements are tried, the roomiest first; the first that fits the width is drawn. A network that fits none
becomes an indented tree (`tree_map`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sim.views.diagram.canvas import Canvas
from sim.views.diagram.hang import Hanging, hang, standing
from sim.views.diagram.layout import Box, Layout, arrange
from sim.views.diagram.plan import Device, Plan, short_port
from sim.views.diagram.rows import rows
from sim.views.diagram.tree_map import draw_tree
from sim.views.text import Line, clip, columns, printable

BORDERS: Final = {"router": "heavy", "gateway": "heavy", "switch": "square", "hub": "square"}
LONGEST_NAME: Final = 24
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
    if len(standing(plan, hang(plan))) > MOST_BOXES:
        return
    for hanging in ({}, hang(plan)):
        names = standing(plan, hanging)
        if len(names) > MOST_BOXES:
            continue
        for most_on_top in (MOST_ON_TOP, 1):
            order = rows(plan, names, most_on_top)
            for side in (True, False):
                boxes = [[_box(plan, name, hanging) for name in row] for row in order]
                layout = arrange(boxes, plan.links, plan.mark, side=side)
                if layout.width <= width and layout.height <= MOST_ROWS:
                    yield _paint(plan, layout, hanging)


def _head(device: Device) -> list[Line]:
    """The lines in a device's box: name and kind, then its addresses."""
    lines: list[Line] = [[(clip(printable(device.name), LONGEST_NAME), "name"), (device.kind, "kind")]]
    for port, address in device.addresses:
        label = short_port(device.name, port)
        lines.append([(f"{clip(label, 15)} " if label and len(device.addresses) > 1 else "", "port"), (address, "address")])
    if device.gateway:
        lines.append([("via ", "port"), (device.gateway, "gateway")])
    return lines


def _hosts(plan: Plan, name: str, hanging: Hanging) -> list[Line]:
    """One line for each host that hangs on a device: its port here, its name, address and kind."""
    found = hanging.get(name, [])
    names = [clip(printable(device.name), LONGEST_NAME) for device, _ in found]
    ports = [clip(short_port(name, link.port(name)), 15) for _, link in found]
    wide_port, wide_name = _widest(ports), _widest(names)
    lines: list[Line] = []
    for (device, link), text, port in zip(found, names, ports, strict=True):
        line = [(_padded(port, wide_port), "port"), (" ── ", f"net{link.segment}"), (_padded(text, wide_name), "name")]
        line += [(f" {address}", "address") for _, address in device.addresses]
        line += [(f" {device.kind}", "kind")] if device.kind != "host" else []
        line += [(f" {plan.mark(link)}", "link")] if plan.mark(link) else []
        lines.append(line)
    return lines


def _widest(texts: list[str]) -> int:
    return max(map(columns, texts), default=0)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def _columns_of(line: Line) -> int:
    return sum(columns(text) for text, _ in line)


def _box(plan: Plan, name: str, hanging: Hanging) -> Box:
    head, hosts = _head(plan.devices[name]), _hosts(plan, name, hanging)
    widest = max([_columns_of(head[0]) + 2, *map(_columns_of, head[1:] + hosts)])
    height = len(head) + 2 + (len(hosts) + 1 if hosts else 0)
    return Box(name, widest + 4, height, height)


def _paint(plan: Plan, layout: Layout, hanging: Hanging) -> list[Line]:
    canvas = Canvas(layout.width, layout.height)
    for box in layout.boxes:
        _paint_box(canvas, plan, box, hanging)
    for wire in layout.wires:
        canvas.line(wire.points, f"net{wire.link.segment}")
    for wire in layout.wires:
        for label in wire.labels:
            x = label.x
            if label.anchor == "middle":
                x -= columns(label.text) // 2
            elif label.anchor == "end":
                x -= columns(label.text) - 1
            canvas.put(x, label.y, label.text, "link" if label.kind == "link" else "port")
    return canvas.lines()


def _paint_box(canvas: Canvas, plan: Plan, box: Box, hanging: Hanging) -> None:
    device = plan.devices[box.name]
    border, style = BORDERS.get(device.kind, "round"), f"kind-{device.kind}"
    canvas.box(box.x, box.y, box.width, box.height, border, style)
    head, hosts = _head(device), _hosts(plan, box.name, hanging)
    (name, _), (kind, _) = head[0]
    canvas.put(box.x + 2, box.y + 1, name, "name")
    canvas.put(box.x + box.width - 2 - columns(kind), box.y + 1, kind, style)
    y = box.y + 2
    for line in head[1:]:
        _write(canvas, box.x + 2, y, line)
        y += 1
    if hosts:
        canvas.rule(box.x, y, box.width, border, style)
    for line in hosts:
        y += 1
        _write(canvas, box.x + 2, y, line)


def _write(canvas: Canvas, x: int, y: int, line: Line) -> None:
    for text, style in line:
        canvas.put(x, y, text, style)
        x += columns(text)


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
        lines.append([("links: ", "kind"), (plan.usual, "link"), (" where nothing else is written" if marked else "", "")])
    named = [(label, index) for index, label in enumerate(plan.segments) if label]
    line: Line = [("networks: ", "kind")]
    for label, index in named:
        if _columns_of(line) + columns(label) > width and len(line) > 1:
            lines.append(line)
            line = [("          ", "")]
        line += [("━ ", f"net{index}"), (f"{label}  ", "address")]
    return [*lines, line] if named else lines if len(lines) > 1 else []
