"""Segments that no connection sends: a RST for what nobody awaits (RFC 9293 3.5.2)."""

from __future__ import annotations

from sim.stack.service import IpService
from sim.wire import ipv4, tcp


def send_segment(ip: IpService, source: bytes, destination: bytes, segment: tcp.Segment, ttl: int = 64) -> None:
    """Send a segment on its own; without a route it is dropped."""
    packet = ipv4.Packet(
        source,
        destination,
        ipv4.PROTOCOL_TCP,
        tcp.emit(segment, source, destination),
        ttl=ttl,
        identification=ip.next_identification(),
        dont_fragment=True,
    )
    try:
        ip.send(packet)
    except OSError:
        ip.core.drop("no route for the segment")


def send_reset(ip: IpService, packet: ipv4.Packet, segment: tcp.Segment) -> None:
    """Answer a segment with a RST that its sender will believe (RFC 9293 3.10.7.1); never a RST with a RST."""
    if segment.flags & tcp.RST or ip.core.to_many or not ip.is_local(packet.destination):
        return
    send_segment(ip, packet.destination, packet.source, reset_of(segment))


def reset_of(segment: tcp.Segment) -> tcp.Segment:
    """The RST that the sender of a segment will believe."""
    ports = (segment.destination_port, segment.source_port)
    if segment.flags & tcp.ACK:
        return tcp.Segment(*ports, segment.acknowledgment, 0, tcp.RST, 0)
    length = len(segment.payload) + (1 if segment.flags & tcp.SYN else 0) + (1 if segment.flags & tcp.FIN else 0)
    return tcp.Segment(*ports, 0, (segment.sequence + length) & 0xFFFFFFFF, tcp.RST | tcp.ACK, 0)
