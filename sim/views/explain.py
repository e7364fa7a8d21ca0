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
        kinds.WAIT: f"keeps it and waits for {text}",
        kinds.RETRANSMIT: f"sends it again ({text})",
        kinds.ORIGIN: f"wants to send: {text}",
        kinds.DHCP: text,
    }
    return sentences.get(note.kind, f"{kinds.NAMES.get(note.kind, 'noted')} {text}")


TEMPLATES = {
    kinds.LEARN: "learns that {0} lives behind {1}",
    kinds.MOVE: "sees that {0} has moved from {1} to {2}",
    kinds.TABLE_FULL: "cannot learn {0}: its table of {1} addresses is full",
    kinds.EXPIRE: "forgets {0} behind {1}: not heard for too long",
    kinds.FORGET: "forgets the {1} addresses behind {0}: the port went down",
    kinds.ARP_ASK: "asks first who has {0} (ARP on {1})",
    kinds.ARP_LEARN: "learns that {0} is at {1}",
    kinds.ARP_FAIL: "gives up: nobody on {1} answers for {0}",
    kinds.FRAGMENT: "cuts it into {0} fragments for an MTU of {1}",
    kinds.REASSEMBLE: "puts {0} fragments together again: {1} bytes",
    kinds.LINK: "sees the link at {0} go {1}",
    kinds.CONFLICT: "sees {1} use its own address {0}",
    kinds.TCP_STATE: "TCP port {0}: {2} becomes {3}",
    kinds.TRANSLATE: "maps {1} to {2}: {3}",
    kinds.JUDGE: "lets it pass: firewall {0} ({1})",
    kinds.STEP: "step {0}: {1}",
}


def _explain_tuple(kind: int, detail: tuple[str | int | bytes, ...]) -> str:
    parts = [_show(part) for part in detail]
    if kind == kinds.FLOOD:
        return f"floods it to {_ports(detail[1])}: {FLOOD_REASONS.get(parts[0], parts[0])}"
    template = TEMPLATES.get(kind)
    return template.format(*parts) if template else f"{kinds.NAMES.get(kind, 'noted')} {' '.join(parts)}"


def _show(part: str | int | bytes) -> str:
    """An address as people write it; what is none already is as it stands."""
    if isinstance(part, bytes):
        return format_mac(part) if len(part) == 6 else format_ip(part)
    return str(part)


def _ports(count: Detail) -> str:
    return "1 port" if count == 1 else f"{count!s} ports"
