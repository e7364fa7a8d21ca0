"""A stack on a bench: what it sends is kept, its clock is turned by hand, and a peer's frames are made for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sim.stack.interfaces import DEFAULT_MTU, Interface
from sim.stack.ip import IpStack
from sim.testing import FakeOutside
from sim.tracing.journal import Journal
from sim.tracing.recorder import Detail, Recorder
from sim.units import SECOND
from sim.wire import arp, ethernet, icmpv4, ipv4, udp
from sim.wire.addresses import MAC_BROADCAST, MAC_ZERO, parse_interface, parse_ip


class Bench:
    """A stack with eth0, 10.0.0.1/24. The peer with an address 10.0.0.N has the MAC address 02:00:00:00:00:N."""

    def __init__(self) -> None:
        self.outside = FakeOutside()
        self.recorder = Recorder()
        self.journal = Journal(self.recorder, self.recorder.add_node("h1", "host"))
        self.stack = IpStack(self.outside, self.journal)
        self.now = 0
        self.cause = 100
        self.eth0 = self.interface("eth0", "10.0.0.1/24")
        self.table = self.stack.neighbours(self.eth0)

    def interface(self, name: str, *texts: str, mtu: int = DEFAULT_MTU) -> Interface:
        """One more interface, with its addresses."""
        interface = self.stack.add_interface(name, b"\x02\xaa\0\0\0" + bytes([len(self.stack.interfaces) + 1]), mtu)
        for text in texts:
            self.stack.add_address(interface, *parse_interface(text))
        return interface

    def know(self, *texts: str) -> None:
        """Enter neighbours by hand, so that nothing has to be asked."""
        for text in texts:
            for interface in self.stack.interfaces:
                self.stack.neighbours(interface).set_permanent(parse_ip(text), self.mac(text))

    def mac(self, text: str) -> bytes:
        return b"\x02\0\0\0\0" + parse_ip(text)[3:]

    # -- time

    def at(self, seconds: float) -> None:
        """Let time pass until then; what is due on the way is done."""
        end = round(seconds * SECOND)
        while self.outside.wake is not None and self.outside.wake <= end:
            self.now, self.outside.wake = self.outside.wake, None
            self.stack.handle_timers(self.now)
        self.now = end
        self.enter()

    def enter(self, cause: int | None = None) -> None:
        """Act as a program would, or as what `cause` caused."""
        self.stack.enter(self.now, self.cause if cause is None else cause)

    # -- in

    def hear(self, frame: bytes, interface: Interface | None = None, cause: int | None = None) -> list[bytes]:
        """Let a frame arrive; return what the stack sent thereupon."""
        self.outside.take()
        self.cause += 1
        arrived = self.cause if cause is None else cause
        self.stack.receive(interface or self.eth0, frame, self.now, arrived)
        return self.outside.take()

    def hear_ip(self, packet: ipv4.Packet, *, to: bytes | None = None, padding: bytes = b"") -> list[bytes]:
        """Let an IPv4 packet arrive on eth0."""
        return self.hear(self.frame(ipv4.emit(packet) + padding, to=to))

    def hear_arp(
        self,
        operation: int,
        sender: str,
        target: str,
        *,
        mac: bytes | None = None,
        cause: int | None = None,
    ) -> list[bytes]:
        """Let an ARP packet arrive on eth0, from the peer with the address `sender`."""
        sender_mac = mac or self.mac(sender)
        packet = arp.Packet(operation, sender_mac, parse_ip(sender), MAC_ZERO, parse_ip(target))
        frame = ethernet.Frame(MAC_BROADCAST, sender_mac, ethernet.ETHERTYPE_ARP, arp.emit(packet))
        return self.hear(ethernet.emit(frame), cause=cause)

    def answer(self, sender: str, *, mac: bytes | None = None, cause: int | None = None) -> list[bytes]:
        """The peer answers our question for its MAC address."""
        return self.hear_arp(arp.REPLY, sender, "10.0.0.1", mac=mac, cause=cause)

    def frame(self, packet: bytes, *, to: bytes | None = None) -> bytes:
        return (to or self.eth0.mac) + b"\x02\0\0\0\0\x99\x08\x00" + packet

    # -- packets

    def udp(self, source: str, target: str, port: int = 7, data: bytes = b"hi", sport: int = 4000) -> ipv4.Packet:
        """A UDP datagram from a peer."""
        ends = parse_ip(source), parse_ip(target)
        return ipv4.Packet(*ends, ipv4.PROTOCOL_UDP, udp.emit(udp.Datagram(sport, port, data), *ends))

    def echo(self, source: str, target: str, data: bytes = b"abcd") -> ipv4.Packet:
        """An echo request from a peer."""
        message = icmpv4.emit(icmpv4.echo_request(7, 1, data))
        return ipv4.Packet(parse_ip(source), parse_ip(target), ipv4.PROTOCOL_ICMP, message)

    # -- out

    def parsed(self, frames: list[bytes]) -> list[ipv4.Packet]:
        """The IPv4 packets among the frames."""
        return [ipv4.parse(frame[14:]) for frame in frames if frame[12:14] == b"\x08\x00"]

    def asked(self, frames: list[bytes]) -> list[tuple[bytes, arp.Packet]]:
        """The ARP packets among the frames, each with the MAC address that it was sent to."""
        return [(frame[:6], arp.parse(frame[14:])) for frame in frames if frame[12:14] == b"\x08\x06"]

    def errors(self, frames: list[bytes]) -> list[icmpv4.Message]:
        """The ICMP messages among the frames."""
        return [
            icmpv4.parse(packet.payload)
            for packet in self.parsed(frames)
            if packet.protocol == ipv4.PROTOCOL_ICMP and not packet.is_fragment()
        ]

    @contextmanager
    def refuses(self, number: int) -> Iterator[None]:
        """Asserts that what is done inside fails with this errno, and its text."""
        with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
            yield
        assert caught.value.errno == number

    def notes(self, kind: int) -> list[Detail]:
        """What was noted of one kind."""
        kinds = self.recorder.note_kinds
        return [detail for noted, detail in zip(kinds, self.recorder.note_details, strict=True) if noted == kind]


@pytest.fixture
def bench() -> Bench:
    return Bench()
