"""The peer of a drill: turns the script's relative numbers into frames, and the host's frames into relative numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.drill.frames import ETHERNET_HEADER, Packet, emit, icmp_error, parse
from tests.drill.segments import (
    ANY,
    ICMP_ERRORS,
    IcmpError,
    Option,
    Segment,
    emit_option,
    read_options,
)

HOST: Final = bytes([192, 0, 2, 1])
PEER: Final = bytes([192, 0, 2, 2])
PEER_MAC: Final = bytes.fromhex("020000000002")
HOST_PORT: Final = 8080
PEER_PORT: Final = 5000  # plus the number of the connection
WINDOW: Final = 65535
TABLE: Final = 1 << 16


class DepartureError(AssertionError):
    """The host did what it should not."""


def _table(salt: int) -> bytes:
    return bytes((i * 7 + (i >> 8) * 13 + salt) & 0xFF for i in range(TABLE))


PATTERNS: Final = {"host": _table(1), "peer": _table(101)}


def pattern(who: str, start: int, length: int) -> bytes:
    """The bytes at `start` of the stream that the host or the peer sends: every byte says where it belongs."""
    table = PATTERNS[who]
    first = start % TABLE
    return (table[first:] + table * (length // TABLE + 1))[:length]


class Side:
    """What the peer knows of one connection."""

    def __init__(self, number: int, isn: int) -> None:
        self.port = PEER_PORT + number
        self.host_port = HOST_PORT
        self.isn = isn
        self.host_isn: int | None = None
        self.host_clock: int | None = None  # the first timestamp of the host
        self.latest_clock = 0
        self.last = b""  # IPv4 packet
        self.sent: dict[int, bytes] = {}  # by sequence number, the host's latest packet

    def learn(self, packet: Packet) -> None:
        """Take the numbers that all others are relative to from the host's first segment."""
        if "S" in packet.flags and self.host_isn is None:
            self.host_isn = packet.sequence
            self.host_port = packet.source_port
        for option in read_options(packet.options):
            if option.name == "TS":
                if self.host_clock is None:
                    self.host_clock = option.numbers[0]
                self.latest_clock = option.numbers[0]

    def forget(self) -> None:
        """A new incarnation of the connection begins: learn the host's numbers anew."""
        self.host_isn = None
        self.host_clock = None


class Peer:
    """The other end of all connections of a script. `isn` is its initial sequence number."""

    def __init__(self, host_mac: bytes, isn: int) -> None:
        self._ethernet = host_mac + PEER_MAC + b"\x08\x00"
        self._isn = isn
        self._sides: dict[int, Side] = {}

    def side(self, number: int) -> Side:
        return self._sides.setdefault(number, Side(number, self._isn))

    # -- the script's segments out

    def frame(self, segment: Segment) -> bytes:
        side = self.side(segment.connection)
        start = segment.first - (0 if "S" in segment.flags else 1)
        packet = Packet(
            side.port,
            side.host_port,
            segment.flags,
            side.isn + segment.first,
            (side.host_isn or 0) + segment.ack if "." in segment.flags else 0,
            WINDOW if segment.window == ANY else segment.window,
            segment.urgent,
            b"".join(emit_option(self._absolute(side, option)) for option in segment.options or ()),
            pattern("peer", start, segment.length),
            segment.ecn,
            segment.ttl,
        )
        data_offset, bad = segment.data_offset, segment.bad_checksum
        return self._ethernet + emit(packet, PEER, HOST, data_offset=data_offset, bad=bad)

    def _absolute(self, side: Side, option: Option) -> Option:
        if option.name == "sack":
            return replace(option, numbers=tuple(edge + (side.host_isn or 0) for edge in option.numbers))
        if option.name == "TS":
            value, echo = option.numbers
            echoed = side.latest_clock if echo == ANY else (side.host_clock or 0) + echo
            return replace(option, numbers=(value, echoed))
        return option

    def error_frame(self, error: IcmpError) -> bytes:
        side = self.side(error.connection)
        quoted = side.last
        if error.sequence is not None:
            sequence = ((side.host_isn or 0) + error.sequence) % 2**32
            quoted = side.sent.get(sequence, quoted)
            quoted = quoted[:24] + sequence.to_bytes(4) + quoted[28:]
        kind, code = ICMP_ERRORS[error.name]
        return self._ethernet + icmp_error(kind, code, error.mtu, quoted, PEER, HOST)

    # -- the host's segments in

    def read(self, frame: bytes) -> Segment | None:
        """The segment in a frame, None when it holds none. Raises FrameError, DepartureError."""
        packet = parse(frame)
        if packet is None:
            return None
        number = packet.destination_port - PEER_PORT
        if not 0 < number < 10:
            raise DepartureError(f"a segment to port {packet.destination_port}")
        side = self.side(number)
        side.learn(packet)
        side.last = frame[ETHERNET_HEADER:]
        side.sent[packet.sequence] = side.last
        if packet.source_port != side.host_port:
            raise DepartureError(f"a segment from port {packet.source_port}, not {side.host_port}")
        return self._relative(side, number, packet)

    def _relative(self, side: Side, number: int, packet: Packet) -> Segment:
        first = _signed(packet.sequence - (side.host_isn or 0))
        if "R" in packet.flags and packet.sequence == 0:  # the answer to a segment without an ACK: RFC 9293 3.10.7.1
            first = 0
        start = first - (0 if "S" in packet.flags else 1)
        if packet.payload and packet.payload != pattern("host", start, len(packet.payload)):
            raise DepartureError(f"wrong bytes at {first}:{first + len(packet.payload)}")
        ack = packet.acknowledgement
        if "." in packet.flags:
            ack = _signed(ack - side.isn)
        elif ack:
            raise DepartureError(f"ack field {ack} without the flag")
        return Segment(
            packet.flags,
            first,
            len(packet.payload),
            ack,
            packet.window,
            packet.urgent,
            [self._relative_option(side, option) for option in read_options(packet.options)],
            number,
            packet.ecn,
            dont_fragment=packet.dont_fragment,
        )

    def _relative_option(self, side: Side, option: Option) -> Option:
        if option.name == "sack":
            return replace(option, numbers=tuple(_signed(edge - side.isn) for edge in option.numbers))
        if option.name == "TS":
            value, echo = option.numbers
            return replace(option, numbers=(_signed(value - (side.host_clock or 0)), echo))
        return option


def differences(expected: Segment, got: Segment, clock_slack: int) -> list[str]:
    """What in `got` is not as expected, by name; timestamps of the host may differ by `clock_slack` ms."""
    found = [
        name
        for name, a, b in (
            ("connection", expected.connection, got.connection),
            ("flags", _flags(expected, got), sorted(got.flags)),
            ("seq", expected.first, got.first),
            ("length", expected.length, got.length),
            ("ack", expected.ack, got.ack),
            ("win", got.window if expected.window == ANY else expected.window, got.window),
            ("urg", expected.urgent, got.urgent),
            ("ecn", expected.ecn, got.ecn),
            ("df", expected.dont_fragment, got.dont_fragment),
        )
        if a != b
    ]
    if expected.options is not None and not _same_options(expected.options, got.options or [], clock_slack):
        found.append("options")
    return found


def _flags(expected: Segment, got: Segment) -> list[str]:
    """The flags that are expected; `P?` leaves PSH to the host."""
    flags = expected.flags
    if "P?" in flags:
        flags = flags.replace("P?", "P" if "P" in got.flags else "")
    return sorted(flags)


def _same_options(expected: list[Option], got: list[Option], clock_slack: int) -> bool:
    return len(expected) == len(got) and all(
        _same_option(a, b, clock_slack) for a, b in zip(expected, got, strict=True)
    )


def _same_option(expected: Option, got: Option, clock_slack: int) -> bool:
    if expected.name != "TS" or got.name != "TS":
        return expected == got
    value, echo = expected.numbers
    return (value == ANY or abs(value - got.numbers[0]) <= clock_slack) and echo in (ANY, got.numbers[1])


def _signed(number: int) -> int:
    """A difference of sequence numbers, between -2**31 and 2**31."""
    return (number + 2**31) % 2**32 - 2**31
