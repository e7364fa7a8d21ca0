"""What a device did to a packet: the header fields that differ between the frame that came and the frame that left."""

from __future__ import annotations

from typing import Final

from sim.wire import icmpv4, ipv4, tcp, udp
from sim.wire.decode import decode
from sim.wire.layer import Layer

IPV4: Final = b"\x08\x00"
CHECKSUMS: Final[dict[type, int]] = {ipv4.Packet: 10, icmpv4.Message: 2, tcp.Segment: 16, udp.Datagram: 6}
"""Where in its header each protocol has its checksum."""

Change = tuple[str, str, str]
"""A field's name, and its value before and after."""


def changes(before: bytes, after: bytes) -> list[Change]:
    """The fields that differ, layer by layer, in header order; payloads are not compared."""
    found: list[Change] = []
    for old, new in zip(decode(before), decode(after), strict=False):
        if type(old) is not type(new):
            break
        was, now = dict(old.fields()), dict(new.fields())
        found += [
            (f"{old.title()} {name}", str(was[name]), str(now[name]))
            for name in was
            if not isinstance(was[name], bytes) and was[name] != now[name]
        ]
        was_sum, now_sum = _checksum(before, old), _checksum(after, new)
        if was_sum != now_sum:
            name = "header checksum" if isinstance(old, ipv4.Packet) else "checksum"
            found.append((f"{old.title()} {name}", f"0x{was_sum:04x}", f"0x{now_sum:04x}"))
    return found


def is_same_packet(before: bytes, after: bytes) -> bool:
    """Whether the second frame carries the IPv4 packet of the first: what a router forwards, whole or in fragments.

    A gateway may have given it other addresses. An answer has others too, those of the question exchanged, and a life
    of its own.
    """
    old, new = _packet(before), _packet(after)
    if old is None or new is None:
        return False
    if (old.protocol, old.identification) != (new.protocol, new.identification):
        return False
    if (old.source, old.destination) == (new.source, new.destination):
        return True
    exchanged = (old.destination, old.source) == (new.source, new.destination)
    return not exchanged and new.ttl == old.ttl - 1 and len(new.payload) == len(old.payload)


def _packet(frame: bytes) -> ipv4.Packet | None:
    return next((layer for layer in decode(frame) if isinstance(layer, ipv4.Packet)), None)


def _checksum(frame: bytes, layer: Layer) -> int:
    """The checksum of a layer as it stands in an untagged frame; layers do not keep it."""
    if frame[12:14] != IPV4 or type(layer) not in CHECKSUMS:
        return 0
    start = 14 if isinstance(layer, ipv4.Packet) else 14 + (frame[14] & 0x0F) * 4
    at = start + CHECKSUMS[type(layer)]
    return int.from_bytes(frame[at : at + 2], "big")
