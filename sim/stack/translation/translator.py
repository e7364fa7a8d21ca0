"""Translation of addresses and ports (RFC 3022, with the behaviours of RFC 4787, RFC 5382 and RFC 5508).

`redirect` gives the destination of a packet, as soon as it has come in; `disguise` gives its source, when it is about
to go out. The first packet of a connection decides, and all others do as it did. An ICMP error is translated at once,
with the packet that it quotes.
"""

from __future__ import annotations

from typing import Final

from sim.stack.interfaces import Interface
from sim.stack.translation import flows
from sim.stack.translation.conntrack import Connection
from sim.stack.translation.firewall import RELATED
from sim.stack.translation.flows import ICMP, destination_of, inverse, make, source_of
from sim.stack.translation.mappings import ADDRESS_AND_PORT_DEPENDENT, DEPENDENCE, MappingTable
from sim.stack.translation.passage import Passage
from sim.stack.translation.rewriting import rewrite, rewrite_error
from sim.stack.translation.tracker import Tracker
from sim.wire.addresses import IPV4_ANY

FILTERED: Final = "NAT filtering"
EXHAUSTED: Final = "NAT ports exhausted"
NO_HAIRPIN: Final = "NAT hairpin off"
NOT_TRACKED: Final = "NAT: belongs to no connection"

HAIRPIN_OFF: Final = 0
HAIRPIN: Final = 1  # with the outside source address and port (RFC 4787 REQ-9)
HAIRPIN_INTERNAL_SOURCE: Final = 2


class Translator:
    """The translation of one gateway, whose interface to the outside is `outside`.

    `forwards` leads from outside ends to inside ones (address and port, six bytes); an end at 0.0.0.0 stands for the
    outside address. `static_in` and `static_out` pair addresses one to one. `translated` counts packets.
    """

    def __init__(self, outside: Interface, mappings: MappingTable, hairpin: int = HAIRPIN) -> None:
        self.outside = outside
        self.mappings = mappings
        self.hairpin = hairpin
        self.forwards: dict[bytes, bytes] = {}
        self.static_in: dict[bytes, bytes] = {}
        self.static_out: dict[bytes, bytes] = {}
        self.translated: int = 0

    def address(self) -> bytes:
        """The outside address that inside hosts share; empty while there is none."""
        return self.outside.addresses[0][0] if self.outside.addresses else b""

    def forward(self, protocol: int, port: int, to: bytes, to_port: int) -> None:
        """Let a port of the outside address lead to an inside address and port. No mapping gets that port."""
        if self.address():
            self.mappings.reserve(bytes((protocol,)) + self.address() + port.to_bytes(2, "big"))
        self.forwards[make(protocol, IPV4_ANY, b"", b"", port.to_bytes(2, "big"))] = to + to_port.to_bytes(2, "big")

    def pair(self, outside: bytes, inside: bytes) -> None:
        """Let an outside address be that of one inside host, with all its ports (RFC 2663 4.1.1)."""
        self.static_in[outside] = inside
        self.static_out[inside] = outside

    def target(self, protocol: int, address: bytes, port: int) -> tuple[bytes, int]:
        """The inside address and port that a written rule leads an outside end to; an empty address for none."""
        inside = self.static_in.get(address)
        if inside is not None:
            return inside, port
        end = make(protocol, IPV4_ANY, b"", b"", port.to_bytes(2, "big"))
        to = self.forwards.get(end, b"") if address == self.address() else b""
        return to[:4], int.from_bytes(to[4:6], "big")

    def release(self, connection: Connection) -> None:
        """A connection has ended: its mapping has one user less."""
        if connection.mapping is not None:
            self.mappings.release(connection.mapping, peer_of(connection))

    # -- arriving

    def redirect(self, passage: Passage, tracker: Tracker, now: int) -> str:
        """Give a packet that has come in its destination. Why it goes no further, if so; empty otherwise."""
        connection = passage.connection
        if passage.state == RELATED:
            self._redirect_error(passage)
        elif connection is None:
            pass
        elif passage.known:
            passage.why = "known connection" if passage.from_original else "answer of a known connection"
            onward = connection.expected(passage.from_original)
            self._aim(passage, onward[5:9], onward[11:13])
        else:
            return self._redirect_first(passage, connection, tracker, now)
        return ""

    def _redirect_first(self, passage: Passage, connection: Connection, tracker: Tracker, now: int) -> str:
        flow, from_inside = passage.flow, passage.came_in is not self.outside
        to = self._fixed_target(passage)
        if not to:
            mapping = self.mappings.at(destination_of(flow)) if flow[0] != ICMP else None
            if mapping is None:
                return ""
            if from_inside and self.hairpin == HAIRPIN_OFF:
                return NO_HAIRPIN
            if from_inside and not self._admits_neighbour(passage, connection, tracker, now):
                return FILTERED
            if not from_inside and not self.mappings.admits(mapping, flow[1:5]):
                return FILTERED
            if not from_inside:
                connection.mapping = mapping
            to = mapping.inside[1:]
            passage.why = f"its mapping, {DEPENDENCE[self.mappings.filtering]} filtering"
        elif from_inside and self.hairpin == HAIRPIN_OFF:
            return NO_HAIRPIN
        if from_inside:
            passage.why += ", hairpin"
        passage.redirected = True
        self._aim(passage, to[:4], to[4:6])
        connection.reply = inverse(passage.flow)
        return ""

    def _fixed_target(self, passage: Passage) -> bytes:
        """Where a written rule leads a new connection: an address and a port, empty for nowhere."""
        flow = passage.flow
        inside = self.static_in.get(flow[5:9])
        if inside is not None:
            passage.why = "static"
            return inside + flow[11:13]
        to = self.forwards.get(flow[:1] + IPV4_ANY + flow[11:13]) if flow[5:9] == self.address() else None
        if to is None:
            return b""
        passage.why = "port forwarding"
        return to

    def _admits_neighbour(self, passage: Passage, connection: Connection, tracker: Tracker, now: int) -> bool:
        """Whether one inside host may write to another's mapping: what counts is its own outside address.

        If it may not, it has written to that mapping nevertheless, and the answer may pass: as two gateways would have
        it, one of which lets the packet out, and the other not in.
        """
        flow = passage.flow
        target, source = self.mappings.at(destination_of(flow)), self.mappings.find(flow)
        assert target is not None
        if self.mappings.admits(target, self.address()):
            return True
        if source is not None and self.mappings.filtering == ADDRESS_AND_PORT_DEPENDENT:
            seen = make(flow[0], source.outside[1:5], source.outside[5:7], flow[5:9], flow[11:13])
            if tracker.table.find(seen, now) is not None:
                return True
        own = self.mappings.obtain(flow, self.address())
        if own is not None:
            connection.half = True
            connection.mapping = own
            connection.reply = make(flow[0], flow[5:9], flow[11:13], own.outside[1:5], own.outside[5:7])
            self.mappings.use(own, peer_of(connection))
            if not tracker.table.add(connection, now):
                self.mappings.release(own, peer_of(connection))
        return False

    def _redirect_error(self, passage: Passage) -> None:
        """An ICMP error: what it quotes becomes what its reader has sent, and it goes to that reader.

        Its source stays, so that traceroute shows who has spoken, unless that one is hidden (RFC 5508 4.2).
        """
        connection = passage.connection
        assert connection is not None
        quoted = flows.quoted_flow(passage.packet)
        sent = connection.reply if passage.from_original else connection.original
        if sent == quoted:
            return
        source = sent[5:9] if sent[5:9] != quoted[5:9] else passage.packet[12:16]
        passage.packet = rewrite_error(passage.packet, sent, source, sent[1:5])
        passage.why = "an error about a packet of a known connection"
        self.translated += 1

    # -- leaving

    def disguise(self, passage: Passage, out: Interface) -> str:
        """Give a packet that is about to leave its source. Why it goes no further, if so; empty otherwise."""
        connection = passage.connection
        if passage.state == RELATED:
            return ""
        if passage.known and connection is not None:
            onward = connection.expected(passage.from_original)
            self._appear(passage, onward[1:5], onward[9:11])
            return ""
        from_inside = passage.came_in is not self.outside
        hairpin = passage.redirected and self.hairpin == HAIRPIN
        if not from_inside or not (out is self.outside or hairpin):
            if connection is not None and connection.mapping is not None:
                self.mappings.use(connection.mapping, peer_of(connection))
            return ""
        if connection is None:
            return NOT_TRACKED
        return self._disguise_first(passage, connection)

    def _disguise_first(self, passage: Passage, connection: Connection) -> str:
        public = self.static_out.get(passage.flow[1:5])
        if public is not None:
            passage.why = "static"
            self._appear(passage, public, passage.flow[9:11])
        else:
            asked = connection.original  # whom it meant to reach, as the outside knows it
            known = self.mappings.find(asked) is not None
            mapping = self.mappings.obtain(asked, self.address()) if self.address() else None
            if mapping is None:
                return EXHAUSTED
            connection.mapping = mapping
            self.mappings.use(mapping, peer_of(connection))
            passage.why = (
                f"known mapping, {DEPENDENCE[self.mappings.mapping]}" if known else f"new mapping, {mapping.origin()}"
            )
            self._appear(passage, mapping.outside[1:5], mapping.outside[5:7])
        connection.reply = inverse(passage.flow)
        return ""

    # -- both

    def _aim(self, passage: Passage, address: bytes, port: bytes) -> None:
        """Change the destination."""
        flow = passage.flow
        self._become(passage, flow[:5] + address + flow[9:11] + port)

    def _appear(self, passage: Passage, address: bytes, port: bytes) -> None:
        """Change the source."""
        flow = passage.flow
        self._become(passage, flow[:1] + address + flow[5:9] + port + flow[11:13])

    def _become(self, passage: Passage, flow: bytes) -> None:
        if flow != passage.flow:
            passage.packet = rewrite(passage.packet, flow)
            passage.flow = flow
            self.translated += 1


def peer_of(connection: Connection) -> bytes:
    """The outside address that a connection with a mapping is with."""
    mapping = connection.mapping
    from_inside = mapping is not None and source_of(connection.original) == mapping.inside
    return connection.original[5:9] if from_inside else connection.original[1:5]
