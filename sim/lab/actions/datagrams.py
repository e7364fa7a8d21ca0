"""`udp`: datagrams to one host, or to many."""

from __future__ import annotations

from typing import Any

from sim.devices.node import IpNode
from sim.lab.actions.base import Action, Done, foresee, ip_node
from sim.lab.gateways import behind
from sim.lab.network import Network
from sim.scenario import steps
from sim.services.datagrams import Listener, Sender
from sim.wire import ipv4
from sim.wire.addresses import is_multicast_ip


class UdpAction(Action):
    def __init__(self, net: Network, step: steps.Udp, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"udp {step.source} -> {step.to} port {step.port}"
        self.step = step
        self.source = ip_node(net, step.source)
        self.destination = foresee(net, step.to)
        self.listeners: list[Listener] = []
        self.sender: Sender | None = None

    def start(self) -> None:
        step = self.step
        destination = self.find(step.to)
        if destination is None:
            return
        self.destination = destination
        reply: bytes | bool = step.reply.encode() if isinstance(step.reply, str) else step.reply
        if step.listen:
            self.listeners = [Listener(node, port, reply) for node, port in self._listening_nodes()]
        self.sender = Sender(
            self.source,
            self.destination,
            step.port,
            step.payload,
            self._finish,
            source_port=step.source_port or 0,
            count=step.count,
            interval=step.interval,
            ttl=step.ttl,
            dont_fragment=step.df,
            timeout=step.timeout,
        )
        self.roots = self.sender.roots
        self.sender.start()

    def outcome(self) -> dict[str, Any]:
        sender = self.sender
        if sender is None:
            return {"sent": 0, "received": 0, "replies": 0, "error": self.unaddressed}
        return {
            "sent": sender.sent,
            "received": sum(len(listener.received) for listener in self.listeners),
            "replies": len(sender.replies),
            "error": sender.errors[0] if sender.errors else None,
        }

    def summary(self) -> str:
        result = self.outcome()
        text = f"{result['sent']} sent, {result['received']} received"
        if self.step.reply is not False:
            text += f", {result['replies']} replies"
        return f"{text}, {result['error']}" if result["error"] else text

    def _listening_nodes(self) -> list[tuple[IpNode, int]]:
        """Whoever has the destination address, and the port there; everybody else, for a broadcast or a group."""
        port = self.step.port
        owner, own_port = behind(self.net, self.destination, ipv4.PROTOCOL_UDP, port)
        if owner is not None:
            return [(owner, own_port)]
        stack = self.source.stack
        if is_multicast_ip(self.destination) or stack.is_broadcast(self.destination) or self._is_subnet_broadcast():
            others = [node for node in self.net.nodes.values() if isinstance(node, IpNode) and node is not self.source]
            return [(node, port) for node in others]
        return []

    def _is_subnet_broadcast(self) -> bool:
        return any(
            isinstance(node, IpNode) and node.stack.is_broadcast(self.destination) for node in self.net.nodes.values()
        )

    def _finish(self) -> None:
        for listener in self.listeners:
            listener.close()
        self.on_done()
