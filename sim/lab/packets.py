"""One packet, sent to be watched."""

from __future__ import annotations

from sim.lab.actions import ip_node
from sim.lab.network import Network
from sim.services.datagrams import Listener, Sender
from sim.services.ping import Ping

TIMEOUT = 5_000_000_000
"""ns; longer than ARP takes to give up, so that its answer belongs to the journey."""


def send_one(net: Network, source: str, destination: str, udp_port: int | None = None) -> tuple[int, bool]:
    """Send one echo request, or one datagram to a program that listens on `udp_port`, and let time pass until it has
    been answered or has failed. Returns the journey's id, and whether the packet was delivered.

    Raises TopologyError for a name that does not exist or a node that cannot send.
    """
    node = ip_node(net, source)
    target = net.resolve(destination)
    if udp_port is None:
        ping = Ping(node, target, net.engine.stop, timeout=TIMEOUT)
        ping.start()
        net.run_until(lambda: ping.done)
        return ping.roots[0], ping.received > 0
    owner = net.address_owner(target)
    listener = None if owner is None else Listener(owner, udp_port)
    sender = Sender(node, target, udp_port, b"hello", net.engine.stop, timeout=TIMEOUT)
    sender.start()
    net.run_until(lambda: sender.done)
    return sender.roots[0], listener is not None and len(listener.received) > 0
