"""A gateway: a router that translates addresses and ports, and lets pass what its firewall allows.

What happens to a packet, in the order of Linux:

1. A frame comes in. What is no IPv4 packet to our MAC address, or no sound one, is left to the router (router.py).
2. Fragments wait until the packet is whole: only the first of them has the ports. (Linux does the same.)
3. Which connection does it belong to? If to none, it may be the first of one. An ICMP error belongs to that of the
   packet which it quotes.
4. Its destination is translated: back to who is meant by the outside port, as port forwarding or a static pair says,
   or not at all. Who may not write to a mapping is filtered.
5. Is it now for us? The firewall decides; what it allows we take in as a host would.
6. If it is not: route and TTL, as in every router.
7. The firewall decides.
8. Its source is translated, if it goes out by the outside interface: to that of its mapping, or of a new one.
9. The connection is remembered, and the packet goes on its way; in fragments no larger than those it came in.

Whoever is told that his packet went no further hears of it as he had sent it, untranslated. A router with a firewall is
a gateway that translates nothing: steps 4 and 8 are left out.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import mypyc_attr

from sim.devices.node import PortOutside
from sim.devices.router import IPV4, Router, decrement_ttl, is_one_host
from sim.engine.engine import Engine
from sim.errors import WireError
from sim.links.port import Port
from sim.stack.interfaces import Interface
from sim.stack.neighbours import Path
from sim.stack.reassembly import Reassembly
from sim.stack.tcp.replies import reset_of, send_segment
from sim.stack.translation import firewall as firewalls
from sim.stack.translation import flows, tcp_states, translator
from sim.stack.translation.conntrack import DEFAULT_LIMIT, ConnectionTable, Timeouts
from sim.stack.translation.firewall import Firewall, Rule
from sim.stack.translation.flows import destination_of, format_end, inverse, source_of
from sim.stack.translation.passage import Passage
from sim.stack.translation.rewriting import rewrite
from sim.stack.translation.tracker import Tracker
from sim.stack.translation.translator import Translator
from sim.stack.translation.unsolicited import Unsolicited
from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.wire import icmpv4, ipv4, tcp
from sim.wire.checksum import remainder

HOST_BITS: Final = 32
SHORTEST: Final = 14 + ipv4.HEADER_LENGTH


@mypyc_attr(allow_interpreted_subclasses=True)
class Gateway(Router):
    """A router with a `translator`, a `firewall`, or both. `tracker` knows the connections, where they are tracked."""

    def __init__(self, engine: Engine, name: str, recorder: Recorder, record: bool, kind: str = "gateway") -> None:
        super().__init__(engine, name, recorder, record, kind)
        core = self.stack.core
        core.outside = TrackedOutside(self)
        self.firewall: Firewall | None = None
        self.translator: Translator | None = None
        self.tracker: Tracker | None = None
        self._passing: Passage | None = None
        self._fragments = Reassembly(core, forget)
        self._unsolicited = Unsolicited(core, self._refuse_syn)

    # -- configuration

    def set_firewall(self, firewall: Firewall) -> None:
        """Let a firewall decide what passes."""
        self.firewall = firewall
        self.inspects = True
        if firewall.asks_for_state() and self.tracker is None:
            self.track(Timeouts(), DEFAULT_LIMIT)

    def set_translator(self, translator: Translator, timeouts: Timeouts, limit: int = DEFAULT_LIMIT) -> None:
        """Translate, and remember up to `limit` connections for so long."""
        self.translator = translator
        self.inspects = True
        self.track(timeouts, limit)

    def track(self, timeouts: Timeouts, limit: int) -> None:
        """Keep track of up to `limit` connections."""
        on_end = None if self.translator is None else self.translator.release
        self.tracker = Tracker(ConnectionTable(timeouts, limit, on_end))
        self.stack.as_it_came = self.as_it_came

    def add_static(self, outside: bytes, inside: bytes) -> None:
        """Pair an outside address with an inside host, and answer for it (ARP)."""
        assert self.translator is not None
        self.translator.pair(outside, inside)
        if outside not in self.stack.own:
            self.stack.add_address(self.translator.outside, outside, HOST_BITS)

    def is_occupied(self, protocol: int, port: int) -> bool:
        """Whether a program of the gateway itself uses a port."""
        if protocol == ipv4.PROTOCOL_UDP:
            return self.stack.udp.uses(port)
        return protocol == ipv4.PROTOCOL_TCP and self.stack.tcp.ports.uses(port)

    # -- steps 1 to 5: arriving

    def receive(self, port: Port, frame: bytes) -> None:
        if not self.inspects or frame[12:14] != IPV4 or not frame.startswith(port.mac) or not self._is_sound(frame):
            super().receive(port, frame)
            return
        self.stack.enter(self.engine.now, self.engine.cause)
        passage = self._gather(self.stack.interfaces[port.number], frame)
        if passage is None or not self._recognise(passage):
            return
        if self.is_foreign(passage.packet[16:20]) or self._take_in(passage):
            self._passing = passage
            super().receive(port, frame[:14] + passage.packet)
            self._passing = None

    def _is_sound(self, frame: bytes) -> bool:
        """Whether the IP header is what it should be; if not, the router finds so as well, and says it."""
        if len(frame) < SHORTEST:
            return False
        end = 14 + (frame[16] << 8 | frame[17])
        header_end = 14 + (frame[14] & 0x0F) * 4
        if not 0x45 <= frame[14] <= 0x4F or not header_end <= end <= len(frame) or remainder(frame, 14, header_end):
            return False
        return frame[26:30] not in self.stack.own and is_one_host(frame[26])

    def _gather(self, interface: Interface, frame: bytes) -> Passage | None:
        """The packet of a frame, None while there are fragments to come."""
        packet = frame[14 : 14 + (frame[16] << 8 | frame[17])]
        if not packet[6] & 0x3F and not packet[7]:
            return Passage(interface, packet)
        try:
            whole = self._fragments.receive(ipv4.parse(packet))
        except WireError:
            self.drop("malformed IPv4")
            return None
        return None if whole is None else Passage(interface, ipv4.emit(whole), self._fragments.largest)

    def _recognise(self, passage: Passage) -> bool:
        """Steps 3 and 4; whether the packet goes on."""
        if self.tracker is None:
            return True
        self.tracker.recognise(passage, self.engine.now)
        if self.translator is None:
            return True
        before = passage.packet
        reason = self.translator.redirect(passage, self.tracker, self.engine.now)
        if reason == translator.FILTERED and self._is_unsolicited(passage):
            self._unsolicited.hold(passage.flow, passage.arrived)
        elif reason:
            self.drop(reason)
        elif passage.packet is not before:
            self._note_translation(passage, before)
        return not reason

    def _take_in(self, passage: Passage) -> bool:
        """Step 5: a packet for us. Whether it is taken in."""
        if not self._is_allowed(passage, ""):
            return False
        if self._is_unsolicited(passage) and not self.is_occupied(flows.TCP, int.from_bytes(passage.flow[11:], "big")):
            self._unsolicited.hold(passage.flow, passage.arrived)
            return False
        return self._remember(passage)

    def _is_unsolicited(self, passage: Passage) -> bool:
        """Whether it is a SYN from outside that nobody has asked for."""
        fresh = not passage.known and passage.connection is not None
        from_outside = self.translator is not None and passage.came_in is self.translator.outside
        return fresh and from_outside and passage.flags() & (tcp_states.SYN | tcp_states.ACK) == tcp_states.SYN

    def vouches(self) -> bool:
        """An inside host's ICMP error goes on in the gateway's name; what came in with that source is not sound."""
        return self._passing is not None

    # -- steps 7 to 9: leaving

    def inspect(self, frame: bytes, path: Path) -> bytes:
        passage = self._passing
        if passage is None:
            return frame
        if not self._is_allowed(passage, path.interface.name) or not self._disguise(passage, path.interface):
            return b""
        if not self._remember(passage):
            return b""
        self._unsolicited.crossed(inverse(passage.flow))
        frame = frame[:14] + passage.packet
        mtu = (frame[14] & 0x0F) * 4 + passage.largest
        if passage.largest and mtu < path.interface.mtu and len(passage.packet) > mtu:
            self.send_fragments(frame, decrement_ttl(b"", frame, len(frame)), path, mtu)
            return b""
        return frame

    def _disguise(self, passage: Passage, out: Interface) -> bool:
        """Step 8; whether the packet goes on."""
        if self.translator is None:
            return True
        before = passage.packet
        reason = self.translator.disguise(passage, out)
        if reason:
            self.drop(reason)
        elif passage.packet is not before:
            self._note_translation(passage, before)
        return not reason

    def _remember(self, passage: Passage) -> bool:
        """Step 9; whether there is room."""
        if self.tracker is None:
            return True
        reason = self.tracker.confirm(passage, self.engine.now)
        if reason:
            self.drop(reason)
        return not reason

    def report(self, frame: bytes, kind: int, code: int, rest: int = 0) -> None:
        packet = frame[14:] if self._passing is None else self._passing.arrived
        self.stack.enter(self.engine.now, self.engine.cause)
        self.stack.icmp.send_error(packet, kind, code, rest, self._speaker(packet))

    def _speaker(self, packet: bytes) -> bytes | None:
        """Who says that a packet went no further: for a static address, which is another's, the gateway itself."""
        paired = self.translator is not None and packet[16:20] in self.translator.static_in
        return self.translator.address() if paired and self.translator is not None else None

    def as_it_came(self, packet: bytes) -> bytes:
        """A packet that has left here, as its sender had sent it: that is whom an ICMP error about it goes to."""
        flow = flows.flow_of(packet)
        before = self.flow_as_it_came(flow) if flow else flow
        return packet if before == flow else rewrite(packet, before)

    def flow_as_it_came(self, flow: bytes) -> bytes:
        """The flow with which packets come that leave here with this one."""
        return flow if self.tracker is None else self.tracker.as_it_came(flow, self.engine.now)

    # -- the firewall

    def _is_allowed(self, passage: Passage, out: str) -> bool:
        """What the firewall says to a packet that goes out by an interface; by none, if it is for us."""
        firewall = self.firewall
        if firewall is None:
            return True
        seen = firewalls.Packet(passage.packet, passage.came_in.name, out, passage.flow, passage.state)
        name = firewall.judge(seen)
        rule = firewall.names[name]
        if rule.action == firewalls.ALLOW:
            if self.journal.recording:
                self.note(kinds.JUDGE, (name, rule.text))
            return True
        self.drop(firewall.reason(name))
        if rule.action == firewalls.REJECT:
            self._reject(passage.arrived, rule)
        return False

    def _reject(self, packet: bytes, rule: Rule) -> None:
        """Tell the sender that it is not wanted."""
        self.stack.enter(self.engine.now, self.engine.cause)
        answer = rule.answer
        if answer is None:
            answer = firewalls.RESET if packet[9] == flows.TCP else firewalls.PROHIBITED
        if answer != firewalls.RESET:
            speaker = self._speaker(packet)
            self.stack.icmp.send_error(packet, icmpv4.DESTINATION_UNREACHABLE, answer, 0, speaker)
        elif packet[9] == flows.TCP:
            self._reset(packet)

    def _reset(self, packet: bytes) -> None:
        """Refuse a TCP segment in the name of the one it was for."""
        source, destination = packet[12:16], packet[16:20]
        try:
            segment = tcp.parse(packet[(packet[0] & 0x0F) * 4 :], source, destination)
        except WireError:
            return
        if not segment.flags & tcp.RST:
            send_segment(self.stack, destination, source, reset_of(segment))

    def _refuse_syn(self, packet: bytes) -> None:
        self.stack.icmp.send_error(packet, icmpv4.DESTINATION_UNREACHABLE, icmpv4.PORT_UNREACHABLE)

    # -- what there is to see

    def counters(self) -> dict[str, int]:
        counted = super().counters()
        if self.tracker is not None:
            counted["connections"] = len(self.tracker.table.connections(self.engine.now))
        if self.translator is not None:
            counted["mappings"] = len(self.translator.mappings)
            counted["translated"] = self.translator.translated
        return counted

    def nat_table(self) -> list[tuple[str, str, str]]:
        """Protocol, inside end and outside end of each mapping, oldest first: `udp`, `10.0.0.2:5000`, ..."""
        if self.tracker is None or self.translator is None:
            return []
        self.tracker.table.expire(self.engine.now)
        return [
            (flows.protocol_name(mapping.inside[0]), format_end(mapping.inside), format_end(mapping.outside))
            for mapping in self.translator.mappings.mappings()
        ]

    def set_power(self, on: bool) -> None:
        super().set_power(on)
        if not on:
            self._fragments.clear()
            self._unsolicited.clear()
            if self.tracker is not None:
                self.tracker.table.clear()

    def _note_translation(self, passage: Passage, before: bytes) -> None:
        """Note what has become of the addresses and ports of a packet that was `before`."""
        if not self.journal.recording:
            return
        was, now = flows.flow_of(before), passage.flow
        if not was:  # an ICMP error: what it quotes tells more than its own addresses
            was, now = flows.quoted_flow(before), flows.quoted_flow(passage.packet)
        if source_of(was) != source_of(now):
            ends = format_end(source_of(was)), format_end(source_of(now))
            self.note(kinds.TRANSLATE, ("source", *ends, passage.why))
        if destination_of(was) != destination_of(now):
            ends = format_end(destination_of(was)), format_end(destination_of(now))
            self.note(kinds.TRANSLATE, ("destination", *ends, passage.why))


class TrackedOutside(PortOutside):
    """The way out for what the gateway itself sends: answers to it are known when they come."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._gateway = gateway

    def transmit(self, interface: Interface, frame: bytes, cause: int) -> None:
        tracker = self._gateway.tracker
        gateway = self._gateway
        own = frame[12:14] == IPV4 and not frame[0] & 1 and gateway.stack.is_local(frame[26:30])
        if tracker is not None and own and not interface.loopback:
            tracker.send(frame[14:], gateway.engine.now)
        super().transmit(interface, frame, cause)


def forget(first: ipv4.Packet) -> None:
    """Fragments that never became a packet: only the host they were for would tell their sender (RFC 792)."""
