"""`ping` and `traceroute` at a console: each answer when it comes, and where a packet got lost without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sim.lab.console.jobs import Job, Machine, named
from sim.lab.console.why import losses
from sim.lab.console.words import UsageError, read, seconds, whole
from sim.lab.network import Network
from sim.services.ping import Ping
from sim.services.traceroute import TraceHop, Traceroute
from sim.units import SECOND, format_about

LARGEST: Final = 65_507
HEADERS: Final = 28


class PingJob(Job):
    """`ping [-c N] [-i SECONDS] [-s BYTES] [-t TTL] HOST`; without -c until it is interrupted."""

    def __init__(self, net: Network, node: Machine, words: Sequence[str]) -> None:
        super().__init__(net, node)
        bounds = {
            "-c": whole(1, 1_000_000),
            "-i": seconds(0.2, 3600),
            "-s": whole(0, LARGEST),
            "-t": whole(1, 255),
            "-W": seconds(0.001, 3600),
        }
        self._options, rest = read(words, bounds)
        if len(rest) != 1:
            raise UsageError("ping takes a host")
        self._name = rest[0]
        self._ping: Ping | None = None
        self._told: set[int] = set()
        self._replies = self._errors = 0  # how many of them have been told

    def start(self) -> None:
        self.find(self._name, self._begin)

    def _begin(self, address: bytes) -> None:
        options = self._options
        size = options.get("-s", 56)
        self.say(f"PING {named(self._name, address)} {size}({size + HEADERS}) bytes of data.")
        self._ping = Ping(
            self.node,
            address,
            self._end,
            count=options.get("-c"),
            interval=options.get("-i", SECOND),
            size=size,
            ttl=options.get("-t", 64),
            timeout=options.get("-W", SECOND),
            on_news=self._tell,
        )
        self._ping.start()

    def interrupt(self) -> None:
        if self._ping is None:
            super().interrupt()
        else:
            self._ping.stop()

    def _tell(self) -> None:
        """Whatever has not been told yet."""
        ping = self._ping
        if ping is None:  # the first request has failed already
            return
        for reply in ping.replies[self._replies :]:
            again = " (again)" if reply.sequence in self._told else ""
            self._told.add(reply.sequence)
            self.say(
                f"{len(ping.payload) + 8} bytes from {reply.source}: icmp_seq={reply.sequence} ttl={reply.ttl} "
                f"time={format_about(reply.rtt)}{again}"
            )
        self._replies = len(ping.replies)
        for error in ping.errors[self._errors :]:
            self._told.add(error.sequence)
            who = "" if error.reporter == self.node.name else f"From {error.reporter} "
            self.say(f"{who}icmp_seq={error.sequence} {error.text}{self._why(error.sequence, error.text)}")
        self._errors = len(ping.errors)
        for sequence in ping.overdue():
            if sequence not in self._told:
                self._told.add(sequence)
                self.say(f"icmp_seq={sequence} no answer{self._why(sequence)}")

    def _why(self, sequence: int, known: str = "") -> str:
        """Where the packet, or its answer, got lost, unless that is known: of the last request with that number."""
        ping = self._ping
        assert ping is not None
        if not self.net.recording:
            return ""
        back = (ping.sent - sequence) & 0xFFFF  # numbers come again after 65,536 requests
        lost = losses(self.net, ping.roots[-1 - back])
        return "".join(f"; {node}: {reason}" for node, reason in lost[-2:] if reason != known)

    def _end(self) -> None:
        ping = self._ping
        assert ping is not None
        self._tell()
        received, sent = ping.received, ping.sent
        self.say(f"--- {self._name} ping statistics ---")
        self.say(f"{sent} sent, {received} received, {round(100 * (sent - received) / sent)}% lost")
        times = [reply.rtt for reply in ping.replies]
        if times:
            words = (format_about(time) for time in (min(times), sum(times) // len(times), max(times)))
            self.say("rtt min/avg/max = " + " / ".join(words))
        self.finish()


class TracerouteJob(Job):
    """`traceroute [-m HOPS] [-w SECONDS] HOST`."""

    def __init__(self, net: Network, node: Machine, words: Sequence[str]) -> None:
        super().__init__(net, node)
        self._options, rest = read(words, {"-m": whole(1, 255), "-w": seconds(0.01, 3600)})
        if len(rest) != 1:
            raise UsageError("traceroute takes a host")
        self._name = rest[0]
        self._trace: Traceroute | None = None
        self._told = 0

    def start(self) -> None:
        self.find(self._name, self._begin)

    def _begin(self, address: bytes) -> None:
        hops = self._options.get("-m", 30)
        self.say(f"traceroute to {named(self._name, address)}, {hops} hops at most")
        wait = self._options.get("-w", SECOND)
        self._trace = Traceroute(self.node, address, self._end, max_hops=hops, timeout=wait, on_news=self._tell)
        self._trace.start()

    def interrupt(self) -> None:
        if self._trace is None:
            super().interrupt()
        else:
            self._trace.stop()

    def _tell(self) -> None:
        trace = self._trace
        if trace is None:
            return
        for hop in trace.hops[self._told :]:
            self.say(self._line(trace, hop))
        self._told = len(trace.hops)

    def _line(self, trace: Traceroute, hop: TraceHop) -> str:
        if hop.address is None or hop.rtt is None:
            lost = losses(self.net, trace.roots[hop.ttl - 1]) if self.net.recording else []
            return f"{hop.ttl:2}  *  {hop.text}" + "".join(f"; {node}: {reason}" for node, reason in lost[-2:])
        name = self.net.name_of(hop.address)
        who = hop.address if name is None else f"{name} ({hop.address})"
        return f"{hop.ttl:2}  {who}  {format_about(hop.rtt)}  {hop.text}"

    def _end(self) -> None:
        if self._trace is None:  # it could not even send its first probe
            self.net.engine.soon(self._end)
            return
        self._tell()
        self.finish()
