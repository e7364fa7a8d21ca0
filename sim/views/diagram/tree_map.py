"""The map as an indented tree, for networks too wide to draw; many like hosts become one line."""

from __future__ import annotations

from typing import Final

from sim.views.diagram.hang import Hanging, hang, standing
from sim.views.diagram.plan import Device, Link, Plan, short_port
from sim.views.diagram.rows import neighbours, rows
from sim.views.text import Line, clip, columns, printable

LONGEST_NAME: Final = 32
MOST_LISTED: Final = 24  # hosts of a network that are listed one by one; more would scroll the boxes away
FEWEST_JOINED: Final = 4


def draw_tree(plan: Plan, width: int) -> list[Line]:
    """Every device below the one it is reached through; links that close a loop come after the tree."""
    hanging = hang(plan)
    names = standing(plan, hanging)
    joined = neighbours(plan, names)
    short = len(plan.devices) - len(names) > MOST_LISTED
    seen: dict[str, None] = {}
    used: dict[int, None] = {}
    lines: list[Line] = []
    order = [name for row in rows(plan, names, 1) for name in row]
    for top in order:
        if top in seen:
            continue
        seen[top] = None
        # an explicit stack: a chain of devices may be longer than Python's recursion allows
        stack: list[tuple[str, Link | None, str, str]] = [(top, None, "", "")]
        while stack:
            name, link, lead, branch = stack.pop()
            inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
            children = _children(plan, name, joined, seen)
            used.update((child.index, None) for _, child in children)
            hosts = _host_lines(plan, name, hanging, short)
            below = "│  " if hosts or children else "   "
            lines += _folded(_device_line(plan, name, link, lead + branch), inner + below, width)
            for index, line in enumerate(hosts):
                last = index == len(hosts) - 1 and not children
                lines.append([(inner + ("└─ " if last else "├─ "), "line"), *line])
            for index in range(len(children) - 1, -1, -1):
                child, down = children[index]
                stack.append((child, down, inner, "└─ " if index == len(children) - 1 else "├─ "))
    lines += _loops(plan, names, used)
    return [_clipped(line, width) for line in lines]


def _children(plan: Plan, name: str, joined: dict[str, list[str]], seen: dict[str, None]) -> list[tuple[str, Link]]:
    found = []
    for index in plan.devices[name].links:
        other = plan.links[index].other(name)
        if other in joined and other not in seen:
            seen[other] = None
            found.append((other, plan.links[index]))
    return found


def _device_line(plan: Plan, name: str, link: Link | None, lead: str) -> Line:
    device = plan.devices[name]
    line: Line = [(lead, "line")]
    if link is not None:
        above = link.other(name)
        line += [(f"{short_port(above, link.port(above))} ── ", "port")]
    line += [(clip(printable(name), LONGEST_NAME), "name"), (f" {device.kind}", f"kind-{device.kind}")]
    if link is not None and plan.mark(link):
        line.append((f"  {plan.mark(link)}", "link"))
    line += [(f"  {_address(device, port, text)}", "address") for port, text in device.addresses]
    return line


def _folded(line: Line, lead: str, width: int) -> list[Line]:
    """`line`, its addresses on lines of their own when it is too wide."""
    addresses = [span for span in line if span[1] == "address"]
    if sum(columns(text) for text, _ in line) <= width or len(addresses) < 2:
        return [line]
    rest: Line = [span for span in line if span[1] != "address"]
    return [rest, *([(lead + "  ", "line"), (text.strip(), style)] for text, style in addresses)]


def _address(device: Device, port: str, text: str) -> str:
    return f"{short_port(device.name, port)} {text}" if port and len(device.addresses) > 1 else text


def _host_lines(plan: Plan, name: str, hanging: Hanging, short: bool) -> list[Line]:
    found = hanging.get(name, [])
    if not short:
        return [_device_line(plan, device.name, link, "")[1:] for device, link in found]
    groups: dict[tuple[str, str], list[tuple[Device, Link]]] = {}
    for device, link in found:
        groups.setdefault((device.kind, plan.mark(link)), []).append((device, link))
    lines: list[Line] = []
    for (kind, mark), members in groups.items():
        if len(members) < FEWEST_JOINED:
            lines += [_device_line(plan, device.name, link, "")[1:] for device, link in members]
            continue
        first, last = members[0], members[-1]
        ports = [short_port(name, link.port(name)) for _, link in (first, last)]
        names = [clip(printable(device.name), LONGEST_NAME) for device, _ in (first, last)]
        line: Line = [(f"{ports[0]} … {ports[1]} ── ", "port"), (f"{names[0]} … {names[1]}", "name")]
        line.append((f" {len(members)} {kind}s", f"kind-{kind}"))
        addresses = [device.addresses[0][1] for device, _ in (first, last) if device.addresses]
        if len(addresses) == 2:
            line.append((f"  {addresses[0].split('/')[0]} … {addresses[1]}", "address"))
        lines.append([*line, (f"  {mark}" if mark else "", "link")])
    return lines


def _loops(plan: Plan, names: list[str], used: dict[int, None]) -> list[Line]:
    shown = dict.fromkeys(names)
    lines: list[Line] = []
    for link in plan.links:
        (a, port_a), (b, port_b) = link.ends
        if link.index in used or a not in shown or b not in shown:
            continue
        ends = f"{printable(a)}:{short_port(a, port_a)} ── {printable(b)}:{short_port(b, port_b)}"
        lines.append([("  ", ""), (ends, "name"), (f"  {plan.mark(link)}", "link")])
    return [[], [("and across the tree:", "kind")], *lines] if lines else []


def _clipped(line: Line, width: int) -> Line:
    result: Line = []
    for text, style in line:
        result.append((clip(text, width) if columns(text) > width else text, style))
        width -= columns(text)
        if width <= 0:
            break
    return result
