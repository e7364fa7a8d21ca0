"""The steps of a scenario while they run: each starts something, tells when it is done, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sim.devices.node import IpNode
from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.build import impairments, link_properties
from sim.lab.crafting import FrameError, craft
from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.links.link import Link
from sim.links.port import Port
from sim.scenario import steps
from sim.scenario.cables import LinkProperties
from sim.services.datagrams import Listener, Sender
from sim.services.ping import Ping
from sim.services.traceroute import Traceroute
from sim.tracing import kinds
from sim.units import format_about, format_duration
from sim.wire.addresses import format_ip, is_multicast_ip

SETTLE_TIME: Final = 1_000_000_000
"""How long (ns) a `frame` step watches what its last frame set off."""

Done = Callable[[], None]
Cables = dict[Link, LinkProperties]


class Action:
    """One step in progress. `roots` are the journeys it began; `on_done` is called once, when it has ended."""

    title: str = ""

    def __init__(self, net: Network, on_done: Done) -> None:
        self.net = net
        self.roots: list[int] = []
        self.on_done = on_done

    def start(self) -> None:
        raise NotImplementedError

    def watched(self) -> int | None:
        """The journey whose path is the step's: that of its first packet. None when it sent none."""
        return self.roots[0] if self.roots else None

    def outcome(self) -> dict[str, Any]:
        """What came of it: counts, times in ns, lists of names. The keys are those that `expect` knows."""
        return {}

    def summary(self) -> str:
        """What came of it, in a few words."""
        return ""


def ip_node(net: Network, name: str) -> IpNode:
    """The host or router called `name`. Raises TopologyError."""
    node = net[name]
    if not isinstance(node, IpNode):
        raise TopologyError(f"{name} is a {node.kind}: it has no IP address to send from")
    return node


class PingAction(Action):
    def __init__(self, net: Network, step: steps.Ping, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"ping {step.source} -> {step.to}"
        self.ping = Ping(
            ip_node(net, step.source),
            net.resolve(str(step.to)),
            on_done,
            count=step.count,
            interval=step.interval,
            size=step.size,
            ttl=step.ttl or 64,
            dont_fragment=step.df,
            timeout=step.timeout,
        )
        self.roots = self.ping.roots

    def start(self) -> None:
        self.ping.start()

    def outcome(self) -> dict[str, Any]:
        times = [reply.rtt for reply in self.ping.replies]
        return {
            "sent": self.ping.sent,
            "received": self.ping.received,
            "lost": self.ping.lost,
            "min_rtt": min(times) if times else None,
            "avg_rtt": sum(times) // len(times) if times else None,
            "max_rtt": max(times) if times else None,
            "error": self.ping.errors[0].text if self.ping.errors else None,
        }

    def summary(self) -> str:
        result = self.outcome()
        text = f"{result['received']} of {result['sent']} answered"
        if result["avg_rtt"] is not None:
            text += f", {format_about(result['avg_rtt'])} on average"
        if self.ping.errors:
            error = self.ping.errors[0]
            text += f", {error.text} (says {error.reporter})"
        return text


class TracerouteAction(Action):
    def __init__(self, net: Network, step: steps.Traceroute, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"traceroute {step.source} -> {step.to}"
        node = ip_node(net, step.source)
        target = net.resolve(str(step.to))
        self.trace = Traceroute(node, target, on_done, max_hops=step.max_hops, timeout=step.timeout)
        self.roots = self.trace.roots

    def start(self) -> None:
        self.trace.start()

    def watched(self) -> int | None:
        return self.roots[-1] if self.roots else None  # the probe that came farthest

    def outcome(self) -> dict[str, Any]:
        failed = not self.trace.reached and self.trace.done
        return {
            "hops": [hop.address or "*" for hop in self.trace.hops],
            "reached": self.trace.reached,
            "error": self.trace.hops[-1].text if failed and self.trace.hops else None,
        }

    def summary(self) -> str:
        hops = ", ".join(hop.address or "*" for hop in self.trace.hops)
        return hops if self.trace.reached else f"{hops}: not reached"


class UdpAction(Action):
    def __init__(self, net: Network, step: steps.Udp, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"udp {step.source} -> {step.to} port {step.port}"
        self.step = step
        self.source = ip_node(net, step.source)
        self.destination = net.resolve(str(step.to))
        self.listeners: list[Listener] = []
        self.sender: Sender | None = None

    def start(self) -> None:
        step = self.step
        reply: bytes | bool = step.reply.encode() if isinstance(step.reply, str) else step.reply
        if step.listen:
            self.listeners = [Listener(node, step.port, reply) for node in self._listening_nodes()]
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
            return {"sent": 0, "received": 0, "replies": 0, "error": None}
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

    def _listening_nodes(self) -> list[IpNode]:
        """Whoever has the destination address; everybody else, for a broadcast or a group."""
        owner = self.net.address_owner(self.destination)
        if owner is not None:
            return [owner]
        stack = self.source.stack
        if is_multicast_ip(self.destination) or stack.is_broadcast(self.destination) or self._is_subnet_broadcast():
            return [node for node in self.net.nodes.values() if isinstance(node, IpNode) and node is not self.source]
        return []

    def _is_subnet_broadcast(self) -> bool:
        return any(
            isinstance(node, IpNode) and node.stack.is_broadcast(self.destination) for node in self.net.nodes.values()
        )

    def _finish(self) -> None:
        for listener in self.listeners:
            listener.close()
        self.on_done()


class FrameAction(Action):
    def __init__(self, net: Network, step: steps.Frame, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"frame from {step.source}"
        self.step = step
        self.port = self._port(str(step.source))
        try:
            self.frame = craft(step.data, self.port.mac, self._address())
        except FrameError as error:
            raise TopologyError(str(error)) from None
        self.sent = 0
        self._timer: Timer = net.engine.timer(self._send)

    def start(self) -> None:
        self._send()

    def outcome(self) -> dict[str, Any]:
        return {"sent": self.sent}

    def summary(self) -> str:
        return f"{self.sent} sent, {len(self.frame)} bytes each"

    def _send(self) -> None:
        net = self.net
        self.sent += 1
        engine = net.engine
        engine.cause = engine.number()
        self.roots.append(engine.cause)
        net.note(self.port, kinds.ORIGIN, f"hand-crafted frame of {len(self.frame)} bytes")
        self.port.send(self.frame)
        engine.cause = 0
        if self.sent < self.step.count:
            self._timer.set(engine.now + self.step.interval)
        else:
            engine.after(SETTLE_TIME, self.on_done)

    def _port(self, end: str) -> Port:
        name, _, port_name = end.partition(":")
        node = self.net[name]
        if port_name:
            return self.net.port(end)
        linked = [port for port in node.ports if port.channel is not None]
        if not linked:
            raise TopologyError(f"{name} has no link to send on")
        return linked[0]

    def _address(self) -> str:
        owner = self.port.owner
        if isinstance(owner, IpNode) and (addresses := owner.stack.interfaces[self.port.number].addresses):
            return format_ip(addresses[0][0])
        return "0.0.0.0"


class LinkAction(Action):
    def __init__(self, net: Network, step: steps.LinkChange, cables: Cables, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.cables = cables
        ends = [str(end) for end in step.endpoints]
        self.link = net.link_between(ends[0], ends[1])
        self.title = f"link {ends[0]} - {ends[1]}"

    def start(self) -> None:
        before = self.cables[self.link]
        after = self.cables[self.link] = self.step.merged(before)
        if after.state != before.state:
            self.net.set_link(self.link, not after.down)
        self.net.configure(self.link, link_properties(after), impairments(after))
        self.on_done()

    def summary(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.step.changes().items())


class NodeAction(Action):
    def __init__(self, net: Network, step: steps.NodeChange, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = f"node {step.name}"
        if isinstance(net[step.name], Probe):
            raise TopologyError(f"{step.name} is a probe: it has no power switch")

    def start(self) -> None:
        self.net.set_power(self.step.name, self.step.state == "up")
        self.on_done()

    def summary(self) -> str:
        return self.step.state


class WaitAction(Action):
    def __init__(self, net: Network, duration: int, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"wait {format_duration(duration)}"
        self._duration = duration

    def start(self) -> None:
        self.net.engine.after(self._duration, self.on_done)


def action_for(step: steps.BaseStep, net: Network, cables: Cables, on_done: Done) -> Action:
    """The action that a step of the scenario asks for. Raises TopologyError for what it cannot be done with."""
    match step:
        case steps.PingStep():
            return PingAction(net, step.ping, on_done)
        case steps.TracerouteStep():
            return TracerouteAction(net, step.traceroute, on_done)
        case steps.UdpStep():
            return UdpAction(net, step.udp, on_done)
        case steps.FrameStep():
            return FrameAction(net, step.frame, on_done)
        case steps.LinkStep():
            return LinkAction(net, step.link, cables, on_done)
        case steps.NodeStep():
            return NodeAction(net, step.node, on_done)
        case steps.WaitStep():
            return WaitAction(net, step.wait, on_done)
    raise AssertionError(f"a step that nothing runs: {step}")
