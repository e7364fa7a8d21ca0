"""Packets, and the parts of a gateway put together without one."""

from __future__ import annotations

import pytest

from sim.stack.interfaces import Interface
from sim.stack.translation.conntrack import ConnectionTable, Timeouts
from sim.stack.translation.mappings import BEHAVIOURS, MappingTable
from sim.stack.translation.passage import Passage
from sim.stack.translation.tracker import Tracker
from sim.stack.translation.translator import HAIRPIN, Translator
from sim.wire import icmpv4, ipv4, tcp, udp
from sim.wire.addresses import parse_ip

INSIDE, OUTSIDE, SERVER = "192.168.1.10", "203.0.113.2", "198.51.100.80"


def end(text: str) -> tuple[bytes, int]:
    """An address and a port of `10.0.0.1:80`."""
    address, _, port = text.partition(":")
    return parse_ip(address), int(port)


def udp_packet(source: str, destination: str, data: bytes = b"hello", ttl: int = 64) -> bytes:
    (a, a_port), (b, b_port) = end(source), end(destination)
    return ipv4.emit(ipv4.Packet(a, b, 17, udp.emit(udp.Datagram(a_port, b_port, data), a, b), ttl=ttl))


def tcp_packet(source: str, destination: str, flags: int = tcp.SYN, data: bytes = b"") -> bytes:
    (a, a_port), (b, b_port) = end(source), end(destination)
    segment = tcp.Segment(a_port, b_port, 1000, 2000 if flags & tcp.ACK else 0, flags, 1000, payload=data)
    return ipv4.emit(ipv4.Packet(a, b, 6, tcp.emit(segment, a, b)))


def echo_packet(source: str, destination: str, identifier: int = 7, reply: bool = False) -> bytes:
    make = icmpv4.echo_reply if reply else icmpv4.echo_request
    message = icmpv4.emit(make(identifier, 1, b"abcd"))
    return ipv4.emit(ipv4.Packet(parse_ip(source), parse_ip(destination), 1, message))


def error_packet(source: str, destination: str, about: bytes, kind: int = 11, code: int = 0) -> bytes:
    message = icmpv4.emit(icmpv4.Message(kind, code, 0, about))
    return ipv4.emit(ipv4.Packet(parse_ip(source), parse_ip(destination), 1, message))


class Box:
    """A gateway's steps without routing: `out` for what comes from inside, `back` for what comes from outside."""

    def __init__(
        self,
        behaviour: str = "port-restricted",
        hairpin: int = HAIRPIN,
        timeouts: Timeouts | None = None,
        limit: int = 1000,
        ports: tuple[int, int] = (1024, 65535),
    ) -> None:
        self.inside = Interface("inside", 0, bytes(6))
        self.outside = Interface("outside", 1, bytes(6))
        self.inside.add_address(parse_ip("192.168.1.1"), 24)
        self.outside.add_address(parse_ip(OUTSIDE), 24)
        self.mappings = MappingTable(*BEHAVIOURS[behaviour], *ports)
        self.translator = Translator(self.outside, self.mappings, hairpin)
        self.tracker = Tracker(ConnectionTable(timeouts or Timeouts(), limit, self.translator.release))
        self.now = 0
        self.passage: Passage | None = None

    def out(self, packet: bytes, to: str = "outside") -> bytes | str:
        """What leaves by an interface, or why nothing does."""
        return self._pass(self.inside, packet, self.outside if to == "outside" else self.inside)

    def back(self, packet: bytes) -> bytes | str:
        return self._pass(self.outside, packet, self.inside)

    def _pass(self, came_in: Interface, packet: bytes, out: Interface) -> bytes | str:
        passage = self.passage = Passage(came_in, packet)
        self.tracker.recognise(passage, self.now)
        reason = (
            self.translator.redirect(passage, self.tracker, self.now)
            or self.translator.disguise(passage, out)
            or self.tracker.confirm(passage, self.now)
        )
        return reason or passage.packet


@pytest.fixture
def box() -> Box:
    return Box()
