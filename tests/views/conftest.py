"""A recording of a TCP conversation made by hand: two hosts with a switch between them, and segments as told."""

from __future__ import annotations

import pytest

from sim.tracing import kinds
from sim.tracing.recorder import Recorder
from sim.views.exchange import Flow
from sim.wire import ethernet, ipv4, tcp

CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
CLIENT_PORT, SERVER_PORT = 49152, 80
CLIENT_START, SERVER_START = 0xFFFF_FF00, 1_000_000  # the client's numbers pass through zero
DELAY = 1_000_000  # ns of each of the two links
FLOW = Flow(CLIENT, CLIENT_PORT, SERVER, SERVER_PORT)

SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a0000000100000000 01 030307")
FLAGS = {"S": tcp.SYN, "F": tcp.FIN, "R": tcp.RST, "P": tcp.PSH, ".": tcp.ACK, "E": tcp.ECE, "W": tcp.CWR}


def packet(forward: bool, segment: tcp.Segment, tos: int = 0) -> bytes:
    """The frame of a segment."""
    source, destination = (CLIENT, SERVER) if forward else (SERVER, CLIENT)
    payload = tcp.emit(segment, source, destination)
    whole = ipv4.emit(ipv4.Packet(source, destination, ipv4.PROTOCOL_TCP, payload, tos=tos))
    return ethernet.emit(ethernet.Frame(b"\2" + bytes(5), b"\2" + bytes(4) + b"\1", 0x0800, whole))


class Conversation:
    """`say(...)` sends a segment; numbers are relative to the first, as in the ladder."""

    flow = FLOW
    delay = DELAY
    client_start = CLIENT_START

    def __init__(self) -> None:
        recorder = self.recorder = Recorder()
        nodes = [recorder.add_node("pc1", "host"), recorder.add_node("sw1", "switch"), recorder.add_node("web", "host")]
        self.pc1 = recorder.add_port(nodes[0], "eth0")
        self.left = recorder.add_port(nodes[1], "eth1")
        self.right = recorder.add_port(nodes[1], "eth2")
        self.web = recorder.add_port(nodes[2], "eth0")
        recorder.connect(self.pc1, self.left)
        recorder.connect(self.right, self.web)
        self.number = 0
        self.cause = 0

    def say(
        self,
        time: int,
        forward: bool,
        flags: str,
        seq: int,
        ack: int = 0,
        length: int = 0,
        *,
        window: int = 502,
        options: bytes = b"",
        lost: str = "",
        refused: str = "",
        late: int = 0,
        twice: bool = False,
        marked: bool = False,
    ) -> None:
        """A segment is sent at `time` (ns). `lost`: at the first link. `refused`: the receiver drops it, for that
        reason. It needs `late` ns more than usual."""
        bits = sum(FLAGS[flag] for flag in flags)
        here, there = (CLIENT_START, SERVER_START) if forward else (SERVER_START, CLIENT_START)
        ports = (CLIENT_PORT, SERVER_PORT) if forward else (SERVER_PORT, CLIENT_PORT)
        segment = tcp.Segment(
            *ports,
            (here + seq) % 2**32,
            (there + ack) % 2**32 if bits & tcp.ACK else 0,
            bits,
            window,
            options=options or (SYN_OPTIONS if bits & tcp.SYN else b""),
            payload=bytes(length),
        )
        self.send(time, forward, packet(forward, segment), lost, refused, late, twice, marked)

    def send(
        self, time: int, forward: bool, frame: bytes, lost: str, refused: str, late: int, twice: bool, marked: bool
    ) -> None:
        """A frame is sent, by way of the switch."""
        recorder = self.recorder
        ports = (self.pc1, self.right) if forward else (self.web, self.left)
        self.number += 1
        first = self.number
        recorder.transmission(first, time, time + DELAY, ports[0], self.cause, frame)
        arrival = time + 2 * DELAY + late
        recorder.end = max(recorder.end, arrival)
        if lost:
            recorder.lose(time, first, recorder.port_nodes[ports[0]], lost)
            return
        for _ in range(1 + twice):
            self.number += 1
            recorder.transmission(self.number, time + DELAY, arrival, ports[1], first, frame)
        if marked:
            recorder.altered[self.number] = frame[:15] + bytes([frame[15] | 3]) + frame[16:]
        if refused:
            node = recorder.port_nodes[recorder.port_peers[ports[1]]]
            recorder.note(arrival, self.number, node, kinds.DROP, refused)
        self.cause = self.number

    def handshake(self) -> None:
        """Three segments, from 0 to 4 ms."""
        self.say(0, True, "S", 0, window=64240)
        self.say(2 * DELAY, False, "S.", 0, 1, window=65160)
        self.say(4 * DELAY, True, ".", 1, 1)

    def close(self, time: int, seq: int, ack: int) -> None:
        """The client closes, then the server."""
        self.say(time, True, "F.", seq, ack)
        self.say(time + 2 * DELAY, False, "F.", ack, seq + 1)
        self.say(time + 4 * DELAY, True, ".", seq + 1, ack + 1)


@pytest.fixture
def said() -> Conversation:
    return Conversation()
