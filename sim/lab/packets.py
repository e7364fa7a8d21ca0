"""One packet, sent to be watched."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sim.devices.node import IpNode
from sim.lab.actions.base import ip_node
from sim.lab.dhcp import settle
from sim.lab.dns_walk import walk
from sim.lab.gateways import behind
from sim.lab.network import Network
from sim.lab.nodes import Tools
from sim.services.datagrams import Listener, Sender
from sim.services.ping import Ping
from sim.services.streams import Manners, Stream, StreamServer
from sim.units import format_about
from sim.userland.machine import TcpSocket
from sim.wire import ipv4

TIMEOUT: Final = 5_000_000_000
"""ns; longer than ARP takes to give up, so that its answer belongs to the journey."""


@dataclass(frozen=True)
class Sent:
    """The journey's id, whether the packet got there (for TCP: whether it connected), what came of it, and the
    connection's two ends, `10.0.0.1:49152`, when it was one."""

    root: int
    delivered: bool
    outcome: str = ""
    ends: tuple[str, str] | None = None
    dns: list[dict[str, Any]] = field(default_factory=list)
    """Who was asked for the destination's name before, see `dns_walk.Exchange`."""


def send_one(
    net: Network,
    source: str,
    destination: str,
    *,
    udp_port: int | None = None,
    tcp_port: int | None = None,
    listen: bool = True,
) -> Sent:
    """Send one echo request, one datagram to `udp_port`, or a SYN to `tcp_port`, and let time pass until it has been
    answered or has failed; DHCP clients get their leases before. With `listen` a program listens on that port at the
    destination.

    A name that is no node's is looked up by the node first, in DNS. Raises TopologyError for a name that does not exist
    or a node that cannot send.
    """
    node = ip_node(net, source)
    settle(net)
    first = len(net.recorder.frames)
    target = node.find(destination) if isinstance(node, Tools) else net.resolve(destination)
    asked = [exchange.as_dict() for exchange in walk(net, source, first)]
    return replace(_send(net, node, target, udp_port, tcp_port, listen), dns=asked)


def _send(net: Network, node: IpNode, target: bytes, udp_port: int | None, tcp_port: int | None, listen: bool) -> Sent:
    if tcp_port is not None:
        return _connect(net, node, target, tcp_port, listen)
    if udp_port is not None:
        return _datagram(net, node, target, udp_port, listen)
    ping = Ping(node, target, net.engine.stop, timeout=TIMEOUT)
    ping.start()
    net.run_until(lambda: ping.done)
    return Sent(ping.roots[0], ping.received > 0)


def _datagram(net: Network, node: IpNode, target: bytes, port: int, listen: bool) -> Sent:
    owner, own_port = behind(net, target, ipv4.PROTOCOL_UDP, port)
    listener = Listener(owner, own_port) if listen and owner is not None else None
    sender = Sender(node, target, port, b"hello", net.engine.stop, timeout=TIMEOUT)
    sender.start()
    net.run_until(lambda: sender.done)
    error = sender.errors[0] if sender.errors else ""
    return Sent(sender.roots[0], listener is not None and len(listener.received) > 0, error)


def _connect(net: Network, node: IpNode, target: bytes, port: int, listen: bool) -> Sent:
    """A real connection, watched until both ends have it. It stays open: what follows is another story."""
    accepted: list[Stream] = []
    stays_open = Manners(close_after=None)
    owner, own_port = behind(net, target, ipv4.PROTOCOL_TCP, port)

    def listen_at(machine: IpNode) -> bool:
        def welcome(socket: TcpSocket) -> Stream:
            accepted.append(Stream(machine, socket, Manners(close_after=None)))
            net.engine.stop()
            return accepted[-1]

        try:
            StreamServer(machine, own_port, welcome)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False  # somebody listens there already
        return True

    listening = listen and owner is not None and listen_at(owner)
    stop = net.engine.stop
    client = Stream(node, node.stack.tcp.socket(), stays_open, stop, stop)
    client.connect(target, port)
    net.run_until(lambda: client.done or (client.connected_at is not None and (bool(accepted) or not listening)))
    assert client.root is not None
    if client.connected_at is None:
        ended = client.ended_at or net.now
        return Sent(
            client.root,
            False,
            f"{client.error or 'no answer'} after {format_about(ended - client.started_at)}",
            client.ends(),
        )
    took = format_about(client.connected_at - client.started_at)
    return Sent(client.root, True, f"connected in {took}", client.ends())
