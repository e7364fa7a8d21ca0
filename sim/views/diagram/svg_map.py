"""The map of a network as one self-contained SVG: no scripts, no fonts, no links to anywhere.

Kinds of devices differ in outline and icon, links take the colour of their segment (broadcast domain), and hovering
over a link tells its ends and properties. Light or dark follows the reader's setting. Groups carry `data-device` and
`data-link` for pages that want to animate them.
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sim.views.diagram.boxes import Box
from sim.views.diagram.hang import Hanging, hang, standing
from sim.views.diagram.layout import Layout, Wire, arrange
from sim.views.diagram.plan import Device, Link, Plan, short_port, summary
from sim.views.diagram.positioned import arrange_at
from sim.views.diagram.rows import rows
from sim.views.diagram.svg_style import CELL_HEIGHT, CELL_WIDTH, ICONS, outline, segment_class, style_sheet
from sim.views.text import clip, columns, printable

WIDEST: Final = 165  # cells: what a common screen shows without scrolling
MOST_ON_TOP: Final = 6
TALLEST_COMB: Final = 12  # hosts in one column under a switch
ICON: Final = 5  # cells left of the text of a box
LONGEST_NAME: Final = 32
MARGIN: Final = 24
NARROWEST: Final = 480
BEND: Final = 7
TUCK: Final = 9


def draw_svg(plan: Plan) -> str:
    """The whole document, the same bytes for the same plan."""
    layout, hanging = _layout(plan)
    top = MARGIN + 36
    width = max(layout.width * CELL_WIDTH + 2 * MARGIN, NARROWEST)
    legend, bottom = _legend(plan, width, top + layout.height * CELL_HEIGHT + 30)
    height = int(bottom) + MARGIN
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    label = quoteattr(f"Map of the network {plan.title}".strip())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={label}>',
        f"<style>{style_sheet()}</style>",
        "<defs>",
        *(f'<symbol id="icon-{kind}" viewBox="0 0 24 24"><path d="{path}"/></symbol>' for kind, path in ICONS.items()),
        "</defs>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        f'<text class="title" x="{MARGIN}" y="{MARGIN + 12}">{_text(plan.title)}</text>' if plan.title else "",
        f'<g transform="translate({MARGIN} {top})">',
        *(_wire(wire) for wire in layout.wires),
        *(_device(plan, box, hanging) for box in layout.boxes),
        *(_labels(wire) for wire in layout.wires),
        "</g>",
        *legend,
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _layout(plan: Plan) -> tuple[Layout, Hanging]:
    """The devices where the file wants them; else the first arrangement that is narrow enough for a screen, or else the
    narrowest."""
    positions = plan.positions()
    if positions:
        placed = arrange_at({name: _box(plan, name, {}) for name in positions}, positions, plan.links, plan.mark)
        if placed is not None:
            return placed, {}
    best: tuple[Layout, Hanging] | None = None
    for hanging in ({}, hang(plan)):
        names = standing(plan, hanging)
        for most_on_top in (MOST_ON_TOP, 1):
            boxes = [[_box(plan, name, hanging) for name in row] for row in rows(plan, names, most_on_top)]
            layout = arrange(boxes, plan.links, plan.mark, gap=3)
            if best is None or layout.width < best[0].width:
                best = layout, hanging
            if layout.width <= WIDEST:
                return layout, hanging
    assert best is not None
    return best


def _box(plan: Plan, name: str, hanging: Hanging) -> Box:
    device = plan.devices[name]
    lines = _lines(device)
    width = ICON + max([columns(_name(device)) + 2 + columns(device.kind), *(columns(text) for text, _ in lines)]) + 4
    body = max(len(lines) + 3, 4)
    hosts = hanging.get(name, [])
    comb = _comb_width(plan, name, hosts)
    rows_below = min(len(hosts), TALLEST_COMB)
    return Box(name, max(width, comb), body + rows_below, body, lanes=comb)


def _name(device: Device) -> str:
    return clip(printable(device.name), LONGEST_NAME)


def _lines(device: Device) -> list[tuple[str, str]]:
    """The lines below the name, each with its class."""
    many = len(device.addresses) > 1
    lines = [(clip(printable(device.label), LONGEST_NAME), "via")] if device.label else []
    for port, address in device.addresses:
        label = clip(short_port(device.name, port), 16)
        lines.append((f"{label} {address}" if many and label else address, "address"))
    if device.gateway:
        lines.append((f"via {device.gateway}", "via"))
    return lines


def _host_words(plan: Plan, link: Link, device: Device) -> tuple[str, str]:
    """The name of a host that hangs, and the rest of its line."""
    words = [address for _, address in device.addresses]
    words += [device.kind] if device.kind != "host" else []
    words += [plan.mark(link)] if plan.mark(link) else []
    return _name(device), " ".join(words)


def _comb_width(plan: Plan, name: str, hosts: list[tuple[Device, Link]]) -> int:
    """Cells for all the columns of hosts under a device."""
    return sum(_tooth_width(plan, name, hosts[at : at + TALLEST_COMB]) for at in range(0, len(hosts), TALLEST_COMB))


def _tooth_width(plan: Plan, name: str, hosts: list[tuple[Device, Link]]) -> int:
    ports, names, rests = _widths(plan, name, hosts)
    return ports + names + rests + 12


def _widths(plan: Plan, name: str, hosts: list[tuple[Device, Link]]) -> tuple[int, int, int]:
    """Cells for ports, names and the rest in a column of hosts."""
    words = [_host_words(plan, link, device) for device, link in hosts]
    ports = max(columns(clip(short_port(name, link.port(name)), 16)) for _, link in hosts)
    return ports, max(columns(text) for text, _ in words), max(columns(rest) for _, rest in words)


def _x(cell: float) -> float:
    return (cell + 0.5) * CELL_WIDTH


def _y(cell: float) -> float:
    return (cell + 0.5) * CELL_HEIGHT


def _text(text: str) -> str:
    return escape(printable(text))


def _wire(wire: Wire) -> str:
    points = [(_x(x), _y(y)) for x, y in wire.points]
    points[0] = _away(points[0], points[1])
    points[-1] = _away(points[-1], points[-2])
    return _link(wire.link, wire.first.name, _path(points), cased=True)


def _away(end: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """`end` pushed under its box, which is painted later: round corners leave no gap then."""
    (x, y), (x_other, y_other) = end, other
    if x == x_other:
        return x, y - TUCK if y < y_other else y + TUCK
    return (x - TUCK if x < x_other else x + TUCK), y


def _link(link: Link, start: str, path: str, *, cased: bool) -> str:
    """A link that tells about itself when pointed at; with a casing, lines it crosses seem to pass below it. Its path
    begins at the device `start`, which is the first or the second of its ends."""
    down = " down" if link.text.startswith("DOWN") else ""
    casing = f'<path class="casing" d="{path}"/>' if cased else ""
    return (
        f'<g class="link{down}" data-link="{link.index}" data-start="{0 if link.ends[0][0] == start else 1}">'
        f"<title>{_text(summary(link))}</title>{casing}"
        f'<path class="wire {segment_class(link.segment)}" d="{path}"/><path class="touch" d="{path}"/></g>'
    )


def _path(points: list[tuple[float, float]]) -> str:
    """A line through the points with rounded corners."""
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        (x_in, y_in), (x_out, y_out) = _towards(corner, before), _towards(corner, after)
        path += f"L{x_in:g} {y_in:g}Q{corner[0]:g} {corner[1]:g} {x_out:g} {y_out:g}"
    return path + f"L{points[-1][0]:g} {points[-1][1]:g}"


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point `BEND` px from a corner towards the next, or half way there when that is nearer."""
    (x, y), (x_other, y_other) = corner, other
    length = abs(x_other - x) + abs(y_other - y)  # lines are upright or level
    share = min(BEND, length / 2) / length if length else 0.0
    return x + (x_other - x) * share, y + (y_other - y) * share


def _labels(wire: Wire) -> str:
    parts = []
    for label in wire.labels:
        if not label.text:
            continue
        kind = "words" if label.kind == "link" else "port"
        lower = 0.75 if label.kind == "side" else 0.0
        shift = {"start": -1, "middle": 0, "end": 1}[label.anchor]
        parts.append(
            f'<text class="{kind}" data-words="{wire.link.index}" x="{_x(label.x) + shift:g}"'
            f' y="{_y(label.y + lower) + 4:g}" text-anchor="{label.anchor}">{_text(label.text)}</text>'
        )
    return "\n".join(parts)


def _device(plan: Plan, box: Box, hanging: Hanging) -> str:
    device = plan.devices[box.name]
    left, top = _x(box.x), _y(box.y)
    width, height = (box.width - 1) * CELL_WIDTH, (box.body - 1) * CELL_HEIGHT
    lines = _lines(device)
    icon = device.kind if device.kind in ICONS else "host"
    text_x = left + ICON * CELL_WIDTH + 6
    first = top + 25 + (0 if lines else 5)
    parts = _combs(plan, box, hanging.get(box.name, []))
    parts += [
        f'<g class="{escape(icon)}" data-device={quoteattr(printable(device.name))}>',
        f"<title>{_text(_about(device))}</title>",
        f'<path class="shape" d="{outline(icon, left, top, width, height)}"/>',
        _icon(icon, left + 10, top + height / 2 - 14, 28),
        f'<text class="name" x="{text_x:g}" y="{first:g}">{_text(_name(device))}</text>',
        f'<text class="kind" x="{left + width - 12:g}" y="{first:g}" text-anchor="end">{_text(device.kind)}</text>',
    ]
    for index, (text, kind) in enumerate(lines, 1):
        parts.append(f'<text class="{kind}" x="{text_x:g}" y="{first + index * CELL_HEIGHT:g}">{_text(text)}</text>')
    parts.append("</g>")
    return "\n".join(parts)


def _about(device: Device) -> str:
    """What is told of a device that is pointed at."""
    words = f"{device.name} ({device.kind})"
    return f"{words}: {device.description}" if device.description else words


def _icon(kind: str, x: float, y: float, size: int) -> str:
    return f'<use class="icon" href="#icon-{kind}" x="{x:g}" y="{y:g}" width="{size}" height="{size}"/>'


def _combs(plan: Plan, box: Box, hosts: list[tuple[Device, Link]]) -> list[str]:
    """The columns of hosts under a device."""
    parts: list[str] = []
    x = box.x
    for at in range(0, len(hosts), TALLEST_COMB):
        column = hosts[at : at + TALLEST_COMB]
        parts += _comb(plan, box, x, column)
        x += _tooth_width(plan, box.name, column)
    return parts


def _comb(plan: Plan, box: Box, column_x: int, hosts: list[tuple[Device, Link]]) -> list[str]:
    """One column of hosts under a device: a line down, a tooth for each."""
    ports, names, _ = _widths(plan, box.name, hosts)
    trunk, bottom = _x(column_x + 2), _y(box.y + box.body - 1)
    tooth = trunk + (ports + 4) * CELL_WIDTH
    parts = []
    for row in range(len(hosts) - 1, -1, -1):  # the longest line first, below the shorter ones
        device, link = hosts[row]
        y = _y(box.y + box.body + row) + 4
        name, rest = _host_words(plan, link, device)
        icon = device.kind if device.kind in ICONS else "host"
        name_x = tooth + 22
        port = clip(short_port(box.name, link.port(box.name)), 16)
        parts += [
            _link(link, box.name, _path([(trunk, bottom - TUCK), (trunk, y), (tooth, y)]), cased=False),
            f'<g class="{icon}" data-device={quoteattr(printable(device.name))}><title>{_text(summary(link))}</title>',
            _icon(icon, tooth + 1, y - 8, 16),
            f'<text class="port" x="{trunk + 8:g}" y="{y - 3:g}">{_text(port)}</text>',
            f'<text class="name" x="{name_x:g}" y="{y + 4:g}">{_text(name)}</text>',
            f'<text x="{name_x + (names + 1) * CELL_WIDTH:g}" y="{y + 4:g}">{_text(rest)}</text></g>',
        ]
    return parts


def _legend(plan: Plan, width: float, y: float) -> tuple[list[str], float]:
    """What stands under the drawing, and the y of its last line: the usual link, the networks and their colours."""
    parts: list[str] = []
    if plan.usual:
        where = " where nothing else is written" if any(plan.mark(link) for link in plan.links) else ""
        parts.append(f'<text class="note" x="{MARGIN}" y="{y:g}">{_text(f"Links: {plan.usual}{where}")}</text>')
        y += 22
    x = MARGIN
    for index, label in enumerate(plan.segments):
        if not label:
            continue
        wide = 30 + 7 * columns(label) + 24
        if x > MARGIN and x + wide > width:
            x, y = MARGIN, y + 20
        parts.append(f'<path class="{segment_class(index)}" stroke-width="4" d="M{x} {y - 4:g}h22"/>')
        parts.append(f'<text class="note" x="{x + 30}" y="{y:g}">{_text(label)}</text>')
        x += wide
    return parts, y
