"""What client and server of a measurement say to each other, and what a receiver counts."""

from __future__ import annotations

import json
import struct
from asyncio import StreamReader, StreamWriter
from dataclasses import asdict, dataclass
from typing import Any, Final

SECOND: Final = 1_000_000_000
LONGEST: Final = 3_600 * SECOND
MOST_STREAMS: Final = 128
LARGEST: Final = 1_000_000
LARGEST_DATAGRAM: Final = 65_507
DATAGRAM: Final = struct.Struct("!8sIQQ")
"""Header of a datagram: cookie, stream, sequence number from 0, the sender's clock in ns."""
HELLO: Final = 2**64 - 1
"""The sequence number of a datagram that only shows the server where to send to."""
DEFAULT_LENGTH: Final = {"tcp": 65_536, "udp": 1_400}
DEFAULT_UDP_RATE: Final = 1_000_000
JITTER_GAIN: Final = 16
"""RFC 3550 6.4.1: the estimate moves by a sixteenth of what is new."""


class ProtocolError(ValueError):
    """The other end says what this protocol does not know, or refuses."""


@dataclass(frozen=True)
class Plan:
    """What is to be measured: `duration` in ns, `rate` in bit/s of each stream (None: all it can), `length` in
    bytes."""

    protocol: str = "tcp"
    duration: int = SECOND
    rate: int | None = None
    reverse: bool = False
    parallel: int = 1
    length: int = 65_536

    def message(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def of(cls, message: dict[str, Any]) -> Plan:
        """The plan that plain data say. Raises ProtocolError for what nobody should be asked to do."""
        try:
            plan = cls(**message)
        except TypeError:
            raise ProtocolError("not a plan") from None
        numbers = (plan.duration, plan.parallel, plan.length, 1 if plan.rate is None else plan.rate)
        if plan.protocol not in DEFAULT_LENGTH or any(type(number) is not int or number < 1 for number in numbers):
            raise ProtocolError("not a plan")
        most = LARGEST_DATAGRAM if plan.protocol == "udp" else LARGEST
        if plan.duration > LONGEST or plan.parallel > MOST_STREAMS or plan.length > most:
            raise ProtocolError("that is too much")
        if plan.protocol == "udp" and plan.length < DATAGRAM.size:
            raise ProtocolError(f"a datagram has at least {DATAGRAM.size} bytes")
        return plan


@dataclass
class Count:
    """What came by one stream: bytes, datagrams, when the first and the last (ns), and how evenly."""

    size: int = 0
    datagrams: int = 0
    first: int = 0
    last: int = 0
    out_of_order: int = 0
    jitter: float = 0.0
    _highest: int = -1
    _transit: int | None = None

    def take(self, size: int, now: int) -> None:
        """Bytes of a TCP stream."""
        self.first = self.first or now
        self.last = now
        self.size += size

    def take_datagram(self, size: int, sequence: int, sent: int, now: int) -> None:
        """A datagram; the difference of the two clocks does not matter to its jitter (RFC 3550 6.4.1)."""
        self.take(size, now)
        self.datagrams += 1
        if sequence < self._highest:
            self.out_of_order += 1
        self._highest = max(self._highest, sequence)
        transit = now - sent
        if self._transit is not None:
            self.jitter += (abs(transit - self._transit) - self.jitter) / JITTER_GAIN
        self._transit = transit

    def message(self) -> dict[str, int]:
        """As plain data; the jitter in ns."""
        numbers = {name: getattr(self, name) for name in ("size", "datagrams", "first", "last", "out_of_order")}
        return {**numbers, "jitter": round(self.jitter)}


async def say(writer: StreamWriter, message: dict[str, Any]) -> None:
    """A message over the control connection."""
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()


async def hear(reader: StreamReader) -> dict[str, Any]:
    """The next message. Raises ProtocolError for what is none, and for a refusal."""
    try:
        return read(await reader.readline())
    except ProtocolError:
        raise
    except ValueError:
        raise ProtocolError("a line without an end") from None


def read(line: bytes) -> dict[str, Any]:
    """The message in a line. Raises ProtocolError for what is none, and for a refusal."""
    try:
        message = json.loads(line)
    except ValueError:
        raise ProtocolError("the other end has hung up" if not line else "not a message") from None
    if not isinstance(message, dict):
        raise ProtocolError("not a message")
    if "error" in message:
        raise ProtocolError(str(message["error"])[:200])
    return message
