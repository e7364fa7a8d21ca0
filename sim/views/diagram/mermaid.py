"""The map of a network as a Mermaid flowchart, for Markdown pages that draw it themselves.

A segment with several devices becomes a subgraph named after its networks. Names are data: nodes are numbered, and
every text is quoted, with the characters that Mermaid or HTML could take for their own written as entity codes.
"""

from __future__ import annotations

from typing import Final

from sim.views.diagram.plan import FORWARDS_PACKETS, Device, Link, Plan, short_port
from sim.views.text import printable

SHAPES: Final = {
    "host": ('("', '")'),
    "dns": ('[("', '")]'),
    "hub": ('{{"', '"}}'),
    "switch": ('["', '"]'),
    "router": ('(["', '"])'),
    "gateway": ('[["', '"]]'),
    "replay": ('>"', '"]'),
    "tap": ('[/"', '"/]'),
    "vxlan": ('[/"', '"/]'),
}
_PLAIN: Final = frozenset(" .,:/%+-_±…")


def draw_mermaid(plan: Plan) -> str:
    """The flowchart as text; it is the same for the same plan."""
    numbers = {name: index for index, name in enumerate(plan.devices)}
    lines = ["flowchart TB"]
    home = {name: _segment(plan, device) for name, device in plan.devices.items()}
    for segment, label in enumerate(plan.segments):
        members = [name for name in plan.devices if home[name] == segment]
        if len(members) < 2:
            for name in members:
                home[name] = None
            continue
        lines.append(f'  subgraph net{segment}["{quoted(label or "no addresses")}"]')
        lines += [f"    {_node(numbers[name], plan.devices[name])}" for name in members]
        lines.append("  end")
    lines += [f"  {_node(numbers[name], plan.devices[name])}" for name in plan.devices if home[name] is None]
    lines += [f"  {_link(plan, link, numbers)}" for link in plan.links]
    return "\n".join(lines) + "\n"


def _segment(plan: Plan, device: Device) -> int | None:
    """The segment a device belongs to; none for what stands between segments."""
    segments = {plan.links[index].segment for index in device.links}
    return segments.pop() if len(segments) == 1 and device.kind not in FORWARDS_PACKETS else None


def _node(number: int, device: Device) -> str:
    left, right = SHAPES.get(device.kind, SHAPES["host"])
    many = len(device.addresses) > 1
    rest = [f"{short_port(device.name, port)} {text}" if many and port else text for port, text in device.addresses]
    texts = [device.name, device.label, device.kind if device.kind != "host" else "", *rest]
    return f"n{number}{left}{'<br/>'.join(quoted(text) for text in texts if text)}{right}"


def _link(plan: Plan, link: Link, numbers: dict[str, int]) -> str:
    (a, port_a), (b, port_b) = link.ends
    words = quoted(f"{short_port(a, port_a)} - {short_port(b, port_b)}")
    if plan.mark(link):
        words += f"<br/>{quoted(plan.mark(link))}"
    return f'n{numbers[a]} ---|"{words}"| n{numbers[b]}'


def quoted(text: str) -> str:
    """`text` for a quoted label: whatever is not a letter, a digit or plain punctuation as an entity code."""
    return "".join(
        character if character.isalnum() or character in _PLAIN else f"#{ord(character)};"
        for character in printable(text)
    )
