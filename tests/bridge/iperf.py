"""iperf3 over TCP, as much of it as the real one on the other side asks for, in the order in which it asks.

One control connection carries states of one byte, and JSON behind its length in four bytes; the data flow on
connections of their own. Every connection begins with the same cookie.

    client              server
    cookie        ->
                  <-    PARAM_EXCHANGE
    parameters    ->
                  <-    CREATE_STREAMS
    cookie of each stream  ->
                  <-    TEST_START, TEST_RUNNING
                                                  data, from the client, or in reverse
    TEST_END      ->
                        closes the streams
                  <-    EXCHANGE_RESULTS
    results       ->
                  <-    results
                  <-    DISPLAY_RESULTS
    IPERF_DONE    ->
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sim.lab.nodes import LabHost
from sim.stack.tcp.sockets import TcpSocket
from sim.units import SECOND
from tests.bridge.programs import Program, Steps, accept, connect, receive_exactly, send_all

TEST_START = 1
TEST_RUNNING = 2
TEST_END = 4
PARAM_EXCHANGE = 9
CREATE_STREAMS = 10
EXCHANGE_RESULTS = 13
DISPLAY_RESULTS = 14
IPERF_DONE = 16

COOKIE = 36 + 1  # bytes, the zero at its end included
PORT = 5201
BLOCK = bytes(range(256)) * 512  # 128 KiB, as the real one's
READ = 131_072


@dataclass
class Result:
    """What came of a test: bytes over all streams that we counted, and what the other side says."""

    reverse: bool
    streams: int
    bytes: int = 0
    other: dict[str, Any] = field(default_factory=dict)

    def other_bytes(self) -> int:
        """Bytes that the other side counted."""
        return sum(stream["bytes"] for stream in self.other["streams"])


class Flow(Program[None]):
    """A program that sends as fast as it can, or takes all that comes."""

    def __init__(self, host: LabHost, socket: TcpSocket, sends: bool) -> None:
        self.stream = socket
        self.sends = sends
        self.bytes = 0
        self.stopped = False
        self.started = self.ended = host.engine.now
        super().__init__(host, lambda _: self._run())
        self.hold(socket)

    def _run(self) -> Steps[None]:
        while not self.stopped:
            try:
                if self.sends:
                    self.bytes += self.stream.send(BLOCK)
                else:
                    data = self.stream.receive(READ)
                    if not data:
                        return
                    self.bytes += len(data)
            except BlockingIOError:
                yield


def serve(host: LabHost, port: int = PORT) -> Program[Result]:
    """A server for one test."""

    def main(program: Program[Result]) -> Steps[Result]:
        listener = program.listener(port)
        control = program.hold((yield from accept(listener)))
        cookie = yield from receive_exactly(control, COOKIE)
        yield from _send_state(control, PARAM_EXCHANGE)
        parameters = yield from _receive_json(control)
        result = Result(bool(parameters.get("reverse")), int(parameters.get("parallel", 1)))
        yield from _send_state(control, CREATE_STREAMS)
        sockets = []
        for _ in range(result.streams):
            socket = program.hold((yield from accept(listener)))
            assert (yield from receive_exactly(socket, COOKIE)) == cookie
            sockets.append(socket)
        yield from _send_state(control, TEST_START)
        yield from _send_state(control, TEST_RUNNING)
        flows = [Flow(host, socket, result.reverse) for socket in sockets]
        yield from _expect_state(control, TEST_END)
        _stop(flows, result)
        for socket in sockets:  # a client that receives reads whole blocks, or to the end
            socket.close()
        yield from _send_state(control, EXCHANGE_RESULTS)
        result.other = yield from _receive_json(control)
        yield from _send_json(control, _report(flows))
        yield from _send_state(control, DISPLAY_RESULTS)
        yield from _expect_state(control, IPERF_DONE)
        control.close()
        listener.close()
        return result

    return Program(host, main)


def measure(
    host: LabHost, address: bytes, *, streams: int = 1, reverse: bool = False, duration: int = SECOND, port: int = PORT
) -> Program[Result]:
    """A client whose test takes `duration` ns."""

    def main(program: Program[Result]) -> Steps[Result]:
        result = Result(reverse, streams)
        cookie = b"packetsim".ljust(COOKIE - 1, b"x") + b"\0"
        control = program.socket()
        yield from connect(control, address, port)
        yield from send_all(control, cookie)
        yield from _expect_state(control, PARAM_EXCHANGE)
        parameters = {"tcp": True, "omit": 0, "time": duration // SECOND, "parallel": streams, "len": len(BLOCK)}
        yield from _send_json(control, parameters | ({"reverse": True} if reverse else {}))
        yield from _expect_state(control, CREATE_STREAMS)
        sockets = []
        for _ in range(streams):
            socket = program.socket()
            yield from connect(socket, address, port)
            yield from send_all(socket, cookie)
            sockets.append(socket)
        yield from _expect_state(control, TEST_START)
        yield from _expect_state(control, TEST_RUNNING)
        flows = [Flow(host, socket, not reverse) for socket in sockets]
        yield from _wait(program, duration)
        if not reverse:
            _stop(flows, result)
        yield from _send_state(control, TEST_END)
        yield from _expect_state(control, EXCHANGE_RESULTS)
        if reverse:
            _stop(flows, result)
        yield from _send_json(control, _report(flows))
        result.other = yield from _receive_json(control)
        yield from _expect_state(control, DISPLAY_RESULTS)
        yield from _send_state(control, IPERF_DONE)
        for socket in (*sockets, control):
            socket.close()
        return result

    return Program(host, main)


def _stop(flows: list[Flow], result: Result) -> None:
    for flow in flows:
        flow.stopped = True
        flow.ended = flow.host.engine.now
        result.bytes += flow.bytes


def _wait(program: Program[Result], duration: int) -> Steps[None]:
    """Let time pass (ns)."""
    engine = program.host.engine
    end = engine.now + duration
    engine.at(end, lambda: program.poke("time is up"))
    while engine.now < end:
        yield


def _report(flows: list[Flow]) -> dict[str, Any]:
    streams = [
        {
            "id": number,
            "bytes": flow.bytes,
            "retransmits": 0,
            "jitter": 0,
            "errors": 0,
            "packets": 0,
            "start_time": 0,
            "end_time": (flow.ended - flow.started) / SECOND,
        }
        for number, flow in zip(_numbers(), flows, strict=False)
    ]
    return {
        "cpu_util_total": 0,
        "cpu_util_user": 0,
        "cpu_util_system": 0,
        "sender_has_retransmits": -1,
        "streams": streams,
    }


def _numbers() -> Iterator[int]:
    """The real one's streams are 1, 3, 4, 5 and so on."""
    yield 1
    yield from count(3)


def _send_state(socket: TcpSocket, state: int) -> Steps[None]:
    yield from send_all(socket, bytes((state,)))


def _expect_state(socket: TcpSocket, state: int) -> Steps[None]:
    (got,) = yield from receive_exactly(socket, 1)
    assert got == state, f"the other side says {got}, not {state}"


def _send_json(socket: TcpSocket, value: dict[str, Any]) -> Steps[None]:
    data = json.dumps(value).encode()
    yield from send_all(socket, len(data).to_bytes(4, "big") + data)


def _receive_json(socket: TcpSocket) -> Steps[dict[str, Any]]:
    size = int.from_bytes((yield from receive_exactly(socket, 4)), "big")
    value = json.loads((yield from receive_exactly(socket, size)))
    assert isinstance(value, dict)
    return value
