"""A router: it forwards IP packets between its interfaces (RFC 1812 5.2.1).

1. A frame comes in. If it is not IPv4, not to our MAC address, or for an address of ours, it is handled as a host
   would: ARP questions are answered, pings too.
2. Check the IP header: version, lengths, checksum, and a source that can be one. What is unsound is dropped without a
   word.
3. Look up the route with the longest matching prefix. Without one: ICMP net unreachable.
4. TTL: a packet that has used up its last hop is dropped, and its source told (ICMP time exceeded).
5. If the packet is longer than the next link's MTU: fragment it, or, if it says don't fragment, ICMP
   fragmentation needed with the MTU that would fit (RFC 1191).
6. Decrement the TTL and mend the checksum (RFC 1624); nothing else in the IP packet changes.
7. Put a new Ethernet header before it: our MAC address to that of the next hop, which ARP finds out first.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from sim.devices.node import IpNode
from sim.engine.engine import Engine
from sim.links.port import Port
from sim.stack.equal_paths import choose, flow_of
from sim.stack.fragments import fragment
from sim.stack.neighbours import Path
from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.wire import icmpv4, ipv4
from sim.wire.checksum import remainder

IPV4: Final = b"\x08\x00"
DONT_FRAGMENT: Final = 0x40
BYTE: Final = [bytes((value,)) for value in range(256)]
LOOPBACK_NETWORK: Final = 127  # 127.0.0.0/8
MULTICAST_NETWORKS: Final = 224  # from here on no address is one host's


@mypyc_attr(allow_interpreted_subclasses=True)
class Router(IpNode):
    """Forwards what is not for itself. `forwarded` counts packets.

    One that `inspects` asks its `inspect` about each packet before it forwards it (see gateway.py).
    """

    def __init__(self, engine: Engine, name: str, recorder: Recorder, record: bool, kind: str = "router") -> None:
        super().__init__(engine, name, kind, recorder, record)
        self.forwarded: int = 0
        self.inspects: bool = False

    def receive(self, port: Port, frame: bytes) -> None:
        destination = frame[30:34]
        if frame[12:14] != IPV4 or not frame.startswith(port.mac):
            super().receive(port, frame)
            return
        paths = self.stack.paths.get(destination)  # if known, it was forwarded before, and no route has changed since
        if paths is not None and is_one_host(destination[0]):  # else only we may send there, and have
            forward(self, frame, paths)
        elif self.is_foreign(destination):
            forward(self, frame, self.stack.paths_to(destination))
        else:
            super().receive(port, frame)

    def is_foreign(self, destination: bytes) -> bool:
        """Whether an IP address is one host's, and not ours: what a router forwards."""
        return len(destination) == 4 and destination not in self.stack.own and is_one_host(destination[0])

    def inspect(self, frame: bytes, path: Path) -> bytes:
        """The frame as it is forwarded, of the same length; empty if it is not. For subclasses."""
        return frame

    def vouches(self) -> bool:
        """Whether the packet in hand may have a source of ours, though it comes from a link. For subclasses."""
        return False

    def counters(self) -> dict[str, int]:
        return super().counters() | {"forwarded": self.forwarded}

    def send_fragments(self, frame: bytes, packet: bytes, path: Path, mtu: int) -> None:
        """Send the packet in `frame`, by now `packet`, in pieces of at most `mtu` bytes, if it may be cut."""
        if frame[20] & DONT_FRAGMENT:
            self.drop("fragmentation needed")
            self.report(frame, icmpv4.DESTINATION_UNREACHABLE, icmpv4.FRAGMENTATION_NEEDED, mtu)
            return
        self.stack.enter(self.engine.now, self.engine.cause)
        try:
            pieces = fragment(ipv4.parse(packet), mtu)
        except ValueError:  # its options make no sense, or it is a fragment that ends beyond the longest packet
            self.drop("malformed IPv4")
            return
        self.forwarded += 1
        self.note(kinds.FRAGMENT, (len(pieces), mtu))
        for piece in pieces:
            path.table.send(path.neighbour, ipv4.emit(piece))

    def report(self, frame: bytes, kind: int, code: int, rest: int = 0) -> None:
        """Tell the source of the packet in `frame` why it goes no further."""
        self.stack.enter(self.engine.now, self.engine.cause)
        self.stack.icmp.send_error(frame[14:], kind, code, rest)


def is_one_host(first: int) -> bool:
    """Whether an address that begins with this byte can be one host's that is not this one itself."""
    return 0 < first < MULTICAST_NETWORKS and first != LOOPBACK_NETWORK


def forward(router: Router, frame: bytes, paths: list[Path]) -> None:
    """Steps 2 to 7 for a frame with an IPv4 packet that is not for us, and can go any of these ways."""
    end = 14 + (frame[16] << 8 | frame[17])
    header_end = 14 + (frame[14] & 0x0F) * 4
    if not 0x45 <= frame[14] <= 0x4F or not header_end <= end <= len(frame):
        router.drop("malformed IPv4")
        return
    if remainder(frame, 14, header_end):
        router.drop("bad IPv4 checksum")
        return
    if (frame[26:30] in router.stack.own and not router.vouches()) or not is_one_host(frame[26]):
        router.drop("martian address")  # RFC 1812 5.3.7
        return
    path = (
        paths[0]
        if len(paths) == 1
        else choose(paths, flow_of(ipv4.parse_truncated(frame[14:end])), router.journal.node)
    )
    if path is None:
        router.drop("no route")
        router.report(frame, icmpv4.DESTINATION_UNREACHABLE, icmpv4.NET_UNREACHABLE)
        return
    if frame[22] <= 1:
        router.drop("TTL expired")
        router.report(frame, icmpv4.TIME_EXCEEDED, icmpv4.TTL_EXCEEDED)
        return
    if router.journal.recording:
        router.note(kinds.ROUTE, path.route.text)
    if router.inspects:
        frame = router.inspect(frame[:end], path)
        if not frame:
            return
    neighbour = path.neighbour
    if end - 14 > path.interface.mtu:
        router.send_fragments(frame, decrement_ttl(b"", frame, end), path, path.interface.mtu)
        return
    router.forwarded += 1
    if neighbour.fresh_until >= router.engine.now:
        router.ports[path.interface.index].send(decrement_ttl(neighbour.header, frame, end))
    else:
        router.stack.enter(router.engine.now, router.engine.cause)
        path.table.send(neighbour, decrement_ttl(b"", frame, end))


def decrement_ttl(header: bytes, frame: bytes, end: int) -> bytes:
    """A new Ethernet `header` before the IPv4 packet that stands in `frame` up to `end`, with its TTL one lower.

    The TTL is the high byte of a 16-bit word, so one less there is 0x0100 more in the checksum, with the carry brought
    round (RFC 1624; 0xFFFF is never sent, the other zero is).
    """
    checksum = (frame[24] << 8 | frame[25]) + 0x0100
    if checksum >= 0xFFFF:
        checksum -= 0xFFFF
    return b"".join(
        (
            header,
            frame[14:22],
            BYTE[frame[22] - 1],
            frame[23:24],
            BYTE[checksum >> 8],
            BYTE[checksum & 0xFF],
            frame[26:end],
        )
    )
