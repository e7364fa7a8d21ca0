"""Sentences for what devices noted: each from the note alone, so that a stored trace can be explained as well."""

from __future__ import annotations

from sim.tracing import kinds
from sim.tracing.journeys import Note
from sim.tracing.recorder import Detail
from sim.wire.addresses import format_ip, format_mac

FLOOD_REASONS = {
    "broadcast": "the destination is everybody",
    "multicast": "the destination is a group",
    "unknown": "it has not learned where the destination lives",
}


def explain(note: Note) -> str:
    """What the device did and why, in one sentence without its name: "floods to 3 ports: ..."."""
    detail = note.detail
    if isinstance(detail, tuple):
        return _explain_tuple(note.kind, detail)
    text = str(detail)
    sentences = {
        kinds.REPEAT: f"repeats it to {_ports(detail)}: a hub knows no addresses",
        kinds.FORWARD: f"knows where the destination lives: forwards to {text} only",
        kinds.FILTER: f"drops it: the destination lives behind {text}, where it came from",
        kinds.ROUTE: f"chooses the route {text}",
        kinds.DELIVER: f"takes it in: {text}",
        kinds.IGNORE: f"ignores it: {text}",
        kinds.ICMP_ERROR: f"tells the sender: {text}",
        kinds.DROP: f"drops it: {text}",
        kinds.POWER: f"is switched {'on' if text == 'up' else 'off'}",
        kinds.ALTERED: f"(on the way: {text})",
        kinds.ORIGIN: f"wants to send: {text}",
    }
    return sentences.get(note.kind, f"{kinds.NAMES.get(note.kind, 'noted')} {text}")


def _explain_tuple(kind: int, detail: tuple[str | int | bytes, ...]) -> str:
    parts = [_show(part) for part in detail]
    if kind == kinds.LEARN:
        return f"learns that {parts[0]} lives behind {parts[1]}"
    if kind == kinds.MOVE:
        return f"sees that {parts[0]} has moved from {parts[1]} to {parts[2]}"
    if kind == kinds.TABLE_FULL:
        return f"cannot learn {parts[0]}: its table of {parts[1]} addresses is full"
    if kind == kinds.EXPIRE:
        return f"forgets {parts[0]} behind {parts[1]}: not heard for too long"
    if kind == kinds.FORGET:
        return f"forgets the {parts[1]} addresses behind {parts[0]}: the port went down"
    if kind == kinds.FLOOD:
        return f"floods it to {_ports(detail[1])}: {FLOOD_REASONS.get(parts[0], parts[0])}"
    if kind == kinds.ARP_ASK:
        return f"asks first who has {parts[0]} (ARP on {parts[1]})"
    if kind == kinds.ARP_LEARN:
        return f"learns that {parts[0]} is at {parts[1]}"
    if kind == kinds.ARP_FAIL:
        return f"gives up: nobody on {parts[1]} answers for {parts[0]}"
    if kind == kinds.FRAGMENT:
        return f"cuts it into {parts[0]} fragments for an MTU of {parts[1]}"
    if kind == kinds.REASSEMBLE:
        return f"puts {parts[0]} fragments together again: {parts[1]} bytes"
    if kind == kinds.LINK:
        return f"sees the link at {parts[0]} go {parts[1]}"
    if kind == kinds.CONFLICT:
        return f"sees {parts[1]} use its own address {parts[0]}"
    if kind == kinds.STEP:
        return f"step {parts[0]}: {parts[1]}"
    return f"{kinds.NAMES.get(kind, 'noted')} {' '.join(parts)}"


def _show(part: str | int | bytes) -> str:
    """An address as people write it; what is none already is as it stands."""
    if isinstance(part, bytes):
        return format_mac(part) if len(part) == 6 else format_ip(part)
    return str(part)


def _ports(count: Detail) -> str:
    return "1 port" if count == 1 else f"{count!s} ports"
