"""A network of probes around one device, and frames for it made by hand."""

from __future__ import annotations

import pytest

from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.tracing.recorder import Detail
from sim.wire import arp, ethernet, icmpv4, ipv4, udp
from sim.wire.addresses import MAC_BROADCAST, MAC_ZERO, parse_ip


class Bench:
    """A network, and its probes p1, p2, ... whose MAC addresses are 02:00:00:00:01:N."""

    def __init__(self) -> None:
        self.net = Network()
        self.probes: list[Probe] = []

    def probe(self, end: str, **link: int | str) -> Probe:
        """A new probe, linked to `end`."""
        probe = self.net.probe(f"p{len(self.probes) + 1}")
        self.net.link(probe, end, **link)  # type: ignore[arg-type]
        self.probes.append(probe)
        return probe

    def mac(self, number: int) -> bytes:
        return b"\x02\0\0\0\x01" + bytes([number])

    def frame(self, destination: bytes, source: bytes, payload: bytes = b"payload", kind: int = 0x88B5) -> bytes:
        """A frame of the local experimental type, which nobody answers."""
        return ethernet.emit(ethernet.Frame(destination, source, kind, payload))

    def send(self, probe: Probe, frame: bytes) -> list[list[bytes]]:
        """Inject a frame and let time pass; what each probe then heard."""
        for other in self.probes:
            other.frames.clear()
        probe.inject(frame)
        self.net.run(until=self.net.now + 1_000_000)
        return [[heard for _, heard in other.frames] for other in self.probes]

    def who_heard(self, probe: Probe, frame: bytes) -> list[str]:
        """The names of the probes that hear an injected frame, unchanged."""
        heard = self.send(probe, frame)
        assert all(frames == [frame] for frames in heard if frames)
        return [other.name for other, frames in zip(self.probes, heard, strict=True) if frames]

    def notes(self, kind: int) -> list[Detail]:
        """What was noted of one kind, by anybody."""
        recorder = self.net.recorder
        pairs = zip(recorder.note_kinds, recorder.note_details, strict=True)
        return [detail for noted, detail in pairs if noted == kind]

    # -- what a neighbour of a host or a router says

    def introduce(self, probe: Probe, address: str, to: str) -> None:
        """Let the node with the address `to` learn that `address` lives at the probe."""
        packet = arp.Packet(arp.REQUEST, probe.ports[0].mac, parse_ip(address), MAC_ZERO, parse_ip(to))
        self.send(probe, self.frame(MAC_BROADCAST, probe.ports[0].mac, arp.emit(packet), ethernet.ETHERTYPE_ARP))

    def ip_frame(self, probe: Probe, to: bytes, packet: ipv4.Packet | bytes, padding: int = 0) -> bytes:
        """The frame in which the probe sends a packet to a MAC address."""
        data = packet if isinstance(packet, bytes) else ipv4.emit(packet)
        return to + probe.ports[0].mac + b"\x08\x00" + data + bytes(padding)

    def udp(self, source: str, target: str, size: int = 4, sport: int = 4000, port: int = 7) -> ipv4.Packet:
        ends = parse_ip(source), parse_ip(target)
        datagram = udp.Datagram(sport, port, bytes(size))
        return ipv4.Packet(*ends, ipv4.PROTOCOL_UDP, udp.emit(datagram, *ends), identification=9)

    def echo(self, source: str, target: str, sequence: int = 1) -> ipv4.Packet:
        message = icmpv4.emit(icmpv4.echo_request(7, sequence, b"abcd"))
        return ipv4.Packet(parse_ip(source), parse_ip(target), ipv4.PROTOCOL_ICMP, message)

    def packets(self, frames: list[bytes]) -> list[ipv4.Packet]:
        """The IPv4 packets among the frames."""
        return [ipv4.parse(frame[14:]) for frame in frames if frame[12:14] == b"\x08\x00"]

    def errors(self, frames: list[bytes]) -> list[icmpv4.Message]:
        """The ICMP messages among the frames."""
        return [icmpv4.parse(packet.payload) for packet in self.packets(frames) if packet.protocol == 1]


@pytest.fixture
def bench() -> Bench:
    return Bench()
