"""Frames and loads for the tests of queues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sim.engine.engine import Engine
from sim.engine.streams import Streams
from sim.links.channel import Channel, Properties
from sim.links.queues.discipline import Discipline
from sim.testing import Sink, linked
from sim.tracing.recorder import Recorder
from sim.wire.checksum import internet_checksum


def udp_frame(size: int = 1000, port: int = 1, ecn: int = 0, number: int = 0) -> bytes:
    """An Ethernet frame of `size` bytes with an IPv4 header, UDP ports and, last, a number of four bytes."""
    head = bytearray.fromhex("45000000000000004011000000000000") + bytes([10, 0, 0, 2])
    head[1] = ecn
    head[2:4] = (size - 14).to_bytes(2, "big")
    head[12:16] = bytes([10, 0, 0, 1])
    head[10:12] = internet_checksum(bytes(head)).to_bytes(2, "big")
    frame = bytes(12) + b"\x08\x00" + head + port.to_bytes(2, "big") + b"\x00\x09"
    return frame + bytes(size - len(frame) - 4) + number.to_bytes(4, "big")


@dataclass
class Bench:
    """A link from `a` to `b` with a queue discipline."""

    engine: Engine
    recorder: Recorder
    a: Sink
    b: Sink
    channel: Channel

    def flow(self, port: int, size: int, interval: int, until: int, ecn: int = 0, start: int = 0) -> None:
        """One frame of `size` bytes each `interval` ns, its number the time in us when it was sent."""

        def send() -> None:
            now = self.engine.now
            self.a.port.send(udp_frame(size, port, ecn, now // 1000))
            if now + interval < until:
                self.engine.after(interval, send)

        self.engine.at(start, send)

    def delays(self, port: int, since: int = 0) -> list[int]:
        """How long (ns) the frames of a flow were on their way, of those that arrived after `since`."""
        return [
            time - int.from_bytes(data[-4:], "big") * 1000
            for time, data in self.b.frames
            if int.from_bytes(data[34:36], "big") == port and time >= since
        ]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    def make(discipline: Discipline | None, seed: int = 1, **properties: int) -> Bench:
        engine, recorder = Engine(), Recorder()
        a, b, link = linked(engine, recorder, Properties(**properties, discipline=discipline))
        channel = link.channels[0]
        if discipline is not None:
            channel.set_queue(discipline.queue(Streams(seed), "link/a:eth0/queue"))
        return Bench(engine, recorder, a, b, channel)

    return make


@pytest.fixture
def udp() -> Callable[..., bytes]:
    return udp_frame
