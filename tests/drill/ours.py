"""Our stack as the host under test: a network of one host and a peer, in virtual time."""

from __future__ import annotations

import socket
from collections import deque
from typing import Any, Final

from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.links.port import Port
from tests.drill.calls import Program
from tests.drill.peer import HOST, PEER, PEER_MAC, Peer
from tests.drill.runner import Play
from tests.drill.script import Script

TOLERANCE: Final = 1_000_000  # ns
HOST_MAC: Final = bytes.fromhex("020000000001")
START: Final = 1_000_000_000  # the script's time zero, so that clocks do not start at zero with it


class Listener(Probe):
    """The peer's port: a frame ends the wait for it."""

    def __init__(self, net: Network) -> None:
        super().__init__(net.engine, "peer", PEER_MAC, net.recorder)
        self.arrived: deque[tuple[int, bytes]] = deque()
        self.waiting = False

    def receive(self, port: Port, frame: bytes) -> None:
        self.arrived.append((self.engine.now - START, frame))
        if self.waiting:
            self.engine.stop()


class OurStage:
    """One simulated host, and the peer at the other end of a link without delay."""

    def __init__(self, script: Script) -> None:
        self.net = Network(record=False)
        self.host = self.net.host("host", f"{socket.inet_ntoa(HOST)}/24", mac=HOST_MAC.hex(":"), mtu=script.mtu)
        self.cable = self.net.add(Listener(self.net))
        self.net.link(self.host, self.cable)
        self.host.stack.neighbours(self.host.stack.interfaces[-1]).set_permanent(PEER, PEER_MAC)
        self.arrived = self.cable.arrived
        self.peer = Peer(HOST_MAC, script.isn)
        self.program = Program(self._socket, _poll, lambda number: self.peer.side(number).forget(), 1000)
        for name, value in script.sysctls.items():
            self._configure(name, value)
        self.net.run(until=START)

    def _configure(self, name: str, value: str) -> None:
        tcp = self.host.stack.tcp
        match name:
            case "tcp_ecn":
                tcp.ecn = int(value)
            case "tcp_congestion_control":
                tcp.congestion = value
            case _:
                raise ValueError(f"our stack has no sysctl {name}")

    def _socket(self) -> Any:
        return self.host.socket(socket.AF_INET, socket.SOCK_STREAM)

    def now(self) -> int:
        return self.net.now - START

    def send(self, frame: bytes) -> None:
        self.cable.inject(frame)

    def settle(self) -> None:
        self.net.run(until=self.net.now)

    def early(self, after: int) -> int:
        return TOLERANCE

    def late(self, after: int) -> int:
        return TOLERANCE


def run(script: Script) -> list[str]:
    """Play a script on our stack; its log. Raises DepartureError."""
    stage = OurStage(script)
    play = Play(script, stage)
    perform(play, stage)
    return play.log


def perform(play: Play, stage: OurStage) -> None:
    """Let the play go on to its end. Raises DepartureError."""
    for wait in play.run():
        if wait.frames and stage.arrived:
            continue
        stage.cable.waiting = wait.frames
        stage.net.run(until=START + wait.until)
        stage.cable.waiting = False


def _poll(it: Any) -> int:
    return int(it.poll())
