"""Which of several equal paths a packet takes (ECMP, RFC 2992): the same for all packets of one flow."""

from __future__ import annotations

from zlib import crc32

from sim.stack.neighbours import Path
from sim.stack.scatter import scatter
from sim.wire import ipv4


def choose(paths: list[Path], flow: bytes, salt: int) -> Path | None:
    """One of several equal paths (RFC 2992): the same for all packets that share the bytes `flow`.

    Each node has a `salt` of its own, or the second stage of routers would send on only one way what the first sent it.
    A CRC alone will not do: it is linear, so the choices of two nodes would differ by a constant for all flows.
    """
    return paths[scatter(crc32(flow) + salt) % len(paths)] if paths else None


def flow_of(packet: ipv4.Packet) -> bytes:
    """What all packets of one flow share: protocol and addresses, and the ports, which fragments do not all have."""
    has_ports = packet.protocol in (ipv4.PROTOCOL_UDP, ipv4.PROTOCOL_TCP) and not packet.is_fragment()
    ports = packet.payload[:4] if has_ports else b""
    return bytes((packet.protocol,)) + packet.source + packet.destination + ports
