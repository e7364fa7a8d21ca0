"""`tcp`: connections, one or several side by side, and what is sent over them."""

from __future__ import annotations

from typing import Any, Final

from sim.devices.node import IpNode
from sim.engine.engine import Timer
from sim.errors import TopologyError
from sim.lab.actions.base import Action, Done, foresee, ip_node
from sim.lab.actions.flow import Flow, rate, server_manners
from sim.lab.gateways import behind, first_sender
from sim.lab.naming import unknown
from sim.lab.network import Network
from sim.scenario import steps
from sim.services.streams import Stream, StreamServer
from sim.units import SECOND, format_about, format_bitrate_about, format_duration, format_size
from sim.userland.machine import TcpSocket
from sim.wire import ipv4

WORTH_A_RATE: Final = 10_000
"""Bytes; the rate of less says how long the way is, and nothing else."""
BYTES_PER_EVENT: Final = 50
"""Far less than what an event of a transfer moves: a segment of 1448 bytes, its acknowledgment and both timers on a way
of ten links are 40 events."""
EVENTS_PER_SECOND: Final = 5_000_000


class TcpAction(Action):
    def __init__(self, net: Network, step: steps.Tcp, on_done: Done) -> None:
        super().__init__(net, on_done)
        self.title = f"tcp {step.source} -> {step.to} port {step.port}"
        self.step = step
        self.source: IpNode = ip_node(net, step.source)
        self.destination = foresee(net, step.to)
        self.server: StreamServer | None = None
        self.flows: list[Flow] = []
        self._by_end: dict[tuple[bytes, int], Flow] = {}
        self._path: list[str] | None = None
        self._done = 0  # so many of the first flows are
        self._ended = False
        self._watch: Timer = net.engine.timer(self._look)
        if step.congestion is not None and step.congestion not in (known := self.source.stack.tcp.controls):
            raise unknown("congestion control", step.congestion, known)

    def start(self) -> None:
        step = self.step
        destination = self.find(step.to)
        if destination is None:
            return
        self.destination = destination
        owner, port = behind(self.net, self.destination, ipv4.PROTOCOL_TCP, step.port)
        if step.listen and owner is not None:
            try:
                self.server = StreamServer(owner, port, self._welcome, backlog=max(128, step.flows))
            except OSError as error:
                raise TopologyError(f"{owner.name} cannot listen on port {port}: {error.strerror}") from None
        self.flows = [
            Flow(self.source, self.destination, step, self._note_path, self._flow_done) for _ in range(step.flows)
        ]
        self._watch.set(self.net.now + step.timeout)
        for flow in self.flows:
            flow.start()
            self._by_end[flow.client.local] = flow
            if flow.client.root is not None:
                self.roots.append(flow.client.root)
        self._finish_if_done()

    def allowance(self) -> int:
        step = self.step
        events = (step.amount or 0) // BYTES_PER_EVENT + (step.duration or 0) * EVENTS_PER_SECOND // SECOND
        return events * step.flows

    def path(self) -> list[str]:
        return super().path() if self._path is None else self._path

    def _note_path(self, flow: Flow) -> None:
        """The way of the first SYN, looked up while the journey is still short: all that follows belongs to it too."""
        if self._path is None and flow is self.flows[0] and flow.client.root is not None:
            self._path = self.net.trace.journey(flow.client.root).path()

    def _flow_done(self, flow: Flow) -> None:
        """A flow's client has ended."""
        self._note_path(flow)
        self._finish_if_done()

    def outcome(self) -> dict[str, Any]:
        step, flows = self.step, self.flows
        handshakes = [time for time in (flow.handshake() for flow in flows) if time is not None]
        moves = [flow.transfer() for flow in flows if flow.client.connected_at is not None]
        rates = [rate(*flow.transfer()) or 0 for flow in flows]
        ends = [flow.client.ended_at for flow in flows if flow.client.ended_at is not None]
        data = [flow.as_dict() for flow in flows]
        errors = [flow["error"] for flow in data if flow["error"]]
        return {
            "connected": bool(flows) and len(handshakes) == len(flows),
            "sent": sum(flow["sent"] for flow in data),
            "received": sum(flow["received"] for flow in data),
            "intact": bool(flows) and all(flow["intact"] for flow in data),
            "reply": _text(flows[0].client.incoming.head) if flows and step.reply is not False else None,
            "error": errors[0] if errors else self.unaddressed,
            "throughput": together(moves),
            "fairness": jain(rates),
            "retransmissions": sum(flow["retransmissions"] for flow in data),
            "handshake": max(handshakes) if handshakes else None,
            "duration": max(ends) - flows[0].client.started_at if ends else None,
            "flows": data,
        }

    def summary(self) -> str:
        result = self.outcome()
        words = []
        if result["error"]:
            words.append(f"{result['error']} after {format_about(result['duration'] or 0)}")
        if len(self.flows) > 1:
            there = sum(flow["connected"] for flow in result["flows"])
            words.append(f"{there} of {len(self.flows)} connected")
        elif result["connected"]:
            words.append(f"connected in {format_about(result['handshake'])}")
        if result["sent"]:
            words.append(f"{format_size(result['sent'])} sent, {format_size(result['received'])} received")
        if result["sent"] and result["received"] == result["sent"] and not result["intact"]:
            words.append("not the same bytes")
        if result["throughput"] is not None and result["received"] >= WORTH_A_RATE * len(self.flows):
            words.append(format_bitrate_about(result["throughput"]))
            if len(self.flows) > 1:
                words.append(f"fairness {result['fairness']:.3f}")
        if result["reply"] is not None:
            words.append(f'reply "{_clip(result["reply"])}"')
        if result["retransmissions"]:
            words.append(f"{result['retransmissions']:,} retransmitted")
        return ", ".join(words)

    def _welcome(self, socket: TcpSocket) -> Stream:
        """The server's end of a connection that has come in."""
        assert self.server is not None
        owner, _ = behind(self.net, self.destination, ipv4.PROTOCOL_TCP, self.step.port)
        assert owner is not None
        stream = Stream(owner, socket, server_manners(self.step), self._finish_if_done)
        seen = socket.remote()
        flow = self._by_end.get(seen) or self._by_end.get(first_sender(self.net, seen, socket.local()))
        if flow is not None and flow.server is None:
            flow.server = stream
        return stream

    def _look(self) -> None:
        """Give up the flows on which nothing has moved for too long, and look again when the next may be so far."""
        timeout, now = self.step.timeout, self.net.now
        for flow in self.flows:
            if not flow.done and flow.moved_at() + timeout <= now:
                flow.abort(f"nothing came for {format_duration(timeout)}")
        left = [flow.moved_at() for flow in self.flows if not flow.done]
        if left:
            self._watch.set(min(left) + timeout)

    def _finish_if_done(self) -> None:
        while self._done < len(self.flows) and self.flows[self._done].done:
            self._done += 1
        if not self._ended and len(self.roots) == self.step.flows == self._done:
            self._ended = True
            self._watch.cancel()
            if self.server is not None:
                self.server.close()
            self.on_done()


def together(moves: list[tuple[int, int, int]]) -> int | None:
    """Bit/s of several flows: all their bytes, from the first's beginning to the last's end."""
    if not moves:
        return None
    return rate(sum(move[0] for move in moves), min(move[1] for move in moves), max(move[2] for move in moves))


def jain(rates: list[int]) -> float | None:
    """Jain's fairness index: 1 when all are equal, 1/n when one has everything (DEC-TR-301, 1984)."""
    squares = sum(one * one for one in rates)
    return None if squares == 0 else sum(rates) ** 2 / (len(rates) * squares)


def _text(data: bytes) -> str | None:
    return data.decode("utf-8", "replace") if data else None


def _clip(text: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= 40 else line[:39] + "…"
