"""A packet socket (Linux: AF_PACKET with a filter for one UDP port): datagrams below IP's rules about addresses.

DHCP needs one on both sides. A client has to send before it has an address, and to hear what is sent to the one that it
does not have yet; a server has to answer it by its MAC address, since it answers no ARP question. dhclient, udhcpc and
dhcpd do it in the same way. What a link socket takes in goes no further.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.wire import ipv4, udp

if TYPE_CHECKING:
    from sim.stack.interfaces import Interface

OnDatagram = Callable[["Interface", ipv4.Packet, udp.Datagram], None]


class LinkSocket:
    """Hears the datagrams to `port` that come in on an interface, whomever they are addressed to, if their MAC address
    is ours or broadcast; `on_datagram` gets them."""

    def __init__(self, interface: Interface, port: int, on_datagram: OnDatagram) -> None:
        self.interface = interface
        self.port = port
        self.on_datagram = on_datagram

    def close(self) -> None:
        """Hear nothing any more."""
        sockets = self.interface.link_sockets
        same = [other for other in sockets.get(self.port, []) if other is not self]
        if same:
            sockets[self.port] = same
        else:
            sockets.pop(self.port, None)
