"""`ping` and `traceroute`."""

from __future__ import annotations

from typing import Any

from sim.lab.actions.base import Action, Done, foresee, ip_node
from sim.lab.network import Network
from sim.scenario import steps
from sim.services.ping import Ping
from sim.services.traceroute import Traceroute
from sim.units import format_about


class PingAction(Action):
    def __init__(self, net: Network, step: steps.Ping, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.step = step
        self.title = f"ping {step.source} -> {step.to}"
        self.ping = Ping(
            ip_node(net, step.source),
            foresee(net, step.to),
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
        destination = self.find(self.step.to)
        if destination is not None:
            self.ping.destination = destination
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
            "error": self.ping.errors[0].text if self.ping.errors else self.unaddressed,
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
        self.step = step
        self.trace = Traceroute(node, foresee(net, step.to), on_done, max_hops=step.max_hops, timeout=step.timeout)
        self.roots = self.trace.roots

    def start(self) -> None:
        destination = self.find(self.step.to)
        if destination is not None:
            self.trace.destination = destination
            self.trace.start()

    def watched(self) -> int | None:
        return self.roots[-1] if self.roots else None  # the probe that came farthest

    def outcome(self) -> dict[str, Any]:
        failed = not self.trace.reached and self.trace.done
        return {
            "hops": [hop.address or "*" for hop in self.trace.hops],
            "reached": self.trace.reached,
            "error": self.trace.hops[-1].text if failed and self.trace.hops else self.unaddressed,
        }

    def summary(self) -> str:
        hops = ", ".join(hop.address or "*" for hop in self.trace.hops)
        return hops if self.trace.reached else f"{hops}: not reached"
