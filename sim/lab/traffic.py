"""What went over the wires, for the assertions of tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim.devices.node import IpNode
from sim.lab.naming import unknown
from sim.lab.network import Network
from sim.wire.addresses import format_ip
from sim.wire.decode import summary

PROTOCOLS: Final = {"icmp": 1, "tcp": 6, "udp": 17}
_IPV4: Final = b"\x08\x00"
_ARP: Final = b"\x08\x06"


@dataclass(frozen=True)
class Packet:
    """A frame as it left the node that wanted to send it: `time` is ns, `protocol` a word of `Traffic.packets`,
    `source` and `destination` are IP addresses ("" where there are none), `lost` says why it did not get over the
    first link, if it did not."""

    time: int
    node: str
    protocol: str
    source: str
    destination: str
    frame: bytes
    lost: str | None = None

    def __str__(self) -> str:
        return summary(self.frame)


class Traffic:
    """The packets of a network's trace so far, each counted once: where it was sent, not where it was passed on."""

    def __init__(self, net: Network) -> None:
        self.net = net

    def packets(self, a: str | None = None, b: str | None = None, protocol: str | None = None) -> list[Packet]:
        """Those that nodes `a` and `b` have sent each other, or `a` alone has sent or got; of one `protocol`: "arp",
        "icmp", "tcp", "udp", "ip" (all of IPv4) or "other". Raises TopologyError for a name that does not exist."""
        known = [*PROTOCOLS, "arp", "ip", "other"]
        if protocol is not None and protocol not in known:
            raise unknown("protocol", protocol, known)
        ends = [self._addresses(name) for name in (a, b) if name is not None]
        found = []
        for packet in self._sent():
            kind = packet.protocol
            wanted = protocol in (None, kind) or (protocol == "ip" and kind not in ("arp", "other"))
            if wanted and all({packet.source, packet.destination} & end for end in ends):
                found.append(packet)
        return found

    def count(self, a: str | None = None, b: str | None = None, protocol: str | None = None) -> int:
        """How many `packets`."""
        return len(self.packets(a, b, protocol))

    def paths(self, a: str, b: str) -> list[list[str]]:
        """The ways of all that node `a` wanted to send and that ended at `b`: the nodes, both included."""
        self._addresses(a)
        self._addresses(b)
        paths = [journey.path() for journey in self.net.trace.journeys() if journey.node == a]
        return [path for path in paths if path[-1] == b]

    def assert_path(self, *nodes: str) -> None:
        """Something went this way, from the first node to the last. Raises AssertionError with the ways there were."""
        paths = self.paths(nodes[0], nodes[-1])
        if list(nodes) not in paths:
            ways = sorted({" > ".join(path) for path in paths})
            found = "; ".join(ways) or f"nothing from {nodes[0]} reached {nodes[-1]}"
            raise AssertionError(f"nothing went {' > '.join(nodes)}, but: {found}")

    def _addresses(self, name: str) -> set[str]:
        node = self.net[name]
        if not isinstance(node, IpNode):
            return set()
        return {format_ip(address) for interface in node.stack.interfaces for address, _ in interface.addresses}

    def _sent(self) -> list[Packet]:
        """What left the node whose address it has as its source; of others than IPv4 and ARP, everything."""
        recorder = self.net.trace.recorder
        own = {
            name: self._addresses(name) if isinstance(node, IpNode) else None for name, node in self.net.nodes.items()
        }
        found = []
        for row, frame in enumerate(recorder.frames):
            node = recorder.nodes[recorder.port_nodes[recorder.senders[row]]]
            protocol, source, destination = _ends(frame)
            addresses = own[node]
            if recorder.ids[row] not in recorder.copies and addresses is not None and source in {*addresses, ""}:
                lost = recorder.lost.get(recorder.ids[row])
                found.append(Packet(recorder.starts[row], node, protocol, source, destination, frame, lost))
        return found


def _ends(frame: bytes) -> tuple[str, str, str]:
    """Protocol, source and destination of a frame."""
    kind = frame[12:14]
    if kind == _ARP and len(frame) >= 42:
        return "arp", format_ip(frame[28:32]), format_ip(frame[38:42])
    if kind == _IPV4 and len(frame) >= 34:
        name = next((name for name, number in PROTOCOLS.items() if number == frame[23]), "ip")
        return name, format_ip(frame[26:30]), format_ip(frame[30:34])
    return "other", "", ""
