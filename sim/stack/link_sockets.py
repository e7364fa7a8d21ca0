"""Packet sockets (Linux: AF_PACKET with a filter for one UDP port): datagrams below IP's rules about addresses.

DHCP needs them on both sides. A client has to send before it has an address, and to hear what is sent to the one that
it does not have yet; a server has to answer it by its MAC address, since it answers no ARP question. dhclient, udhcpc
and dhcpd do it in the same way. What a packet socket takes in goes no further.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.errors import WireError
from sim.stack.core import Core
from sim.stack.interfaces import Interface
from sim.tracing import kinds
from sim.wire import ipv4, udp

OnDatagram = Callable[[Interface, ipv4.Packet, udp.Datagram], None]


class LinkSocket:
    """Hears the datagrams to `port` that come in on an interface, whomever they are addressed to, if their MAC address
    is ours or broadcast; `on_datagram` gets them."""

    def __init__(self, interface: Interface, port: int, on_datagram: OnDatagram) -> None:
        self.interface = interface
        self.port = port
        self.on_datagram = on_datagram


class LinkSockets:
    """All of one stack."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sockets: dict[tuple[int, int], list[LinkSocket]] = {}  # by interface and port

    def open(self, interface: Interface, port: int, on_datagram: OnDatagram) -> LinkSocket:
        """One more. Several may hear the same port, as they may on Linux: each gets what comes."""
        socket = LinkSocket(interface, port, on_datagram)
        self._sockets.setdefault((interface.index, port), []).append(socket)
        return socket

    def close(self, socket: LinkSocket) -> None:
        """Let it hear nothing any more; one that is closed does not mind."""
        key = (socket.interface.index, socket.port)
        same = [other for other in self._sockets.get(key, []) if other is not socket]
        if same:
            self._sockets[key] = same
        else:
            self._sockets.pop(key, None)

    def close_all(self) -> None:
        """Close every socket, as a power cut does."""
        self._sockets.clear()

    def takes(self, interface: Interface, packet: ipv4.Packet) -> bool:
        """Whether a socket has taken a packet that came in."""
        if not self._sockets or packet.protocol != ipv4.PROTOCOL_UDP or packet.is_fragment():
            return False
        port = int.from_bytes(packet.payload[2:4], "big")
        sockets = self._sockets.get((interface.index, port))
        if sockets is None:
            return False
        try:
            datagram = udp.parse(packet.payload, packet.source, packet.destination)
        except WireError:
            self._core.drop("malformed UDP")
            return True
        self._core.note(kinds.DELIVER, f"UDP port {port}")
        for socket in sockets:
            socket.on_datagram(interface, packet, datagram)
        return True
