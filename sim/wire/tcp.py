"""The TCP header (read RFC 9293 3.1 first) and its options; the state machine lives in the stack."""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.checksum import complement, pseudo_sum, remainder, transport_checksum
from sim.wire.layer import Layer, count_bytes
from sim.wire.options import NO_OPERATION, walk_options

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80

OPTION_MSS: Final = 2
OPTION_WINDOW_SCALE: Final = 3
OPTION_SACK_PERMITTED: Final = 4
OPTION_SACK: Final = 5
OPTION_TIMESTAMPS: Final = 8

HEADER_LENGTH: Final = 20
"""Of a header without options."""
MAXIMUM_OPTIONS: Final = 40
"""The data offset counts up to 15 words of 4 bytes."""

_HEADER: Final = struct.Struct("!HHIIHHHH")
_FLAG_BITS: Final = 0x0FFF
_PROTOCOL: Final = 6
_FLAG_NAMES: Final = (
    (FIN, "FIN"),
    (SYN, "SYN"),
    (RST, "RST"),
    (PSH, "PSH"),
    (ACK, "ACK"),
    (URG, "URG"),
    (ECE, "ECE"),
    (CWR, "CWR"),
)


class Segment(Layer):
    """One segment. `flags` are the twelve bits below the data offset: the upper four are reserved, mask what you read.

    `window` is the field as sent, not scaled.
    """

    __slots__ = (
        "acknowledgment",
        "destination_port",
        "flags",
        "options",
        "payload",
        "sequence",
        "source_port",
        "urgent",
        "window",
    )

    def __init__(
        self,
        source_port: int,
        destination_port: int,
        sequence: int,
        acknowledgment: int,
        flags: int,
        window: int,
        urgent: int = 0,
        options: bytes = b"",
        payload: bytes = b"",
    ) -> None:
        self.source_port = source_port
        self.destination_port = destination_port
        self.sequence = sequence
        self.acknowledgment = acknowledgment
        self.flags = flags
        self.window = window
        self.urgent = urgent
        self.options = options
        self.payload = payload

    def title(self) -> str:
        return "TCP"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("source port", self.source_port),
            ("destination port", self.destination_port),
            ("sequence number", self.sequence),
            ("acknowledgment number", self.acknowledgment),
            ("flags", f"0x{self.flags:03x} ({flag_names(self.flags)})"),
            ("window", self.window),
            ("urgent pointer", self.urgent),
            ("options", self.options),
            ("payload", self.payload),
        )

    def summary(self) -> str:
        words = [f"TCP {self.source_port} > {self.destination_port} [{flag_names(self.flags)}] Seq={self.sequence}"]
        if self.flags & ACK:
            words.append(f"Ack={self.acknowledgment}")
        words.append(f"Win={self.window} Len={len(self.payload)}")
        if self.options:
            words += _option_words(self.options)
        return " ".join(words)


def flag_names(flags: int) -> str:
    """`SYN, ACK`, in the order Wireshark gives them; `none` when no flag is set."""
    return ", ".join([name for bit, name in _FLAG_NAMES if flags & bit]) or "none"


def parse(data: bytes, source_ip: bytes, destination_ip: bytes) -> Segment:
    """A segment of the payload of an IP packet.

    WireError when it is cut short, its data offset is out of bounds, or its checksum is bad. Options are left as they
    are: `parse_options` reads them, and says when they are wrong.
    """
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    header_length = (data[12] >> 4) << 2
    if header_length < HEADER_LENGTH:
        raise WireError(f"data offset is {header_length}, less than {HEADER_LENGTH}")
    if header_length > len(data):
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {header_length}")
    if transport_checksum(source_ip, destination_ip, _PROTOCOL, data) != 0:
        raise WireError("bad checksum")
    source_port, destination_port, sequence, acknowledgment, offset_and_flags, window, _, urgent = _HEADER.unpack_from(
        data
    )
    return Segment(
        source_port,
        destination_port,
        sequence,
        acknowledgment,
        offset_and_flags & _FLAG_BITS,
        window,
        urgent,
        data[HEADER_LENGTH:header_length],
        data[header_length:],
    )


def emit(segment: Segment, source_ip: bytes, destination_ip: bytes) -> bytes:
    """The bytes of a segment with its checksum; options are padded to whole words with zeros.

    ValueError for more than 40 bytes of options and numbers out of range. The length is IP's matter.
    """
    options = segment.options
    if options:
        options += b"\x00" * (-len(options) % 4)
        if len(options) > MAXIMUM_OPTIONS:
            raise ValueError(f"TCP options may have {MAXIMUM_OPTIONS} bytes, not {len(options)}")
    if not 0 <= segment.flags <= _FLAG_BITS:
        raise ValueError(f"TCP flags are 12 bits, not 0x{segment.flags:x}")
    payload = segment.payload
    offset_and_flags = (HEADER_LENGTH + len(options)) << 10 | segment.flags
    sequence, acknowledgment = segment.sequence, segment.acknowledgment
    # The words of the header are summed as numbers, so that nothing has to be copied for the checksum.
    words = segment.source_port + segment.destination_port + offset_and_flags + segment.window + segment.urgent
    words += (sequence >> 16) + (sequence & 0xFFFF) + (acknowledgment >> 16) + (acknowledgment & 0xFFFF)
    words += remainder(options, 0, len(options)) + remainder(payload, 0, len(payload))
    words += pseudo_sum(source_ip, destination_ip, _PROTOCOL, HEADER_LENGTH + len(options) + len(payload))
    try:
        header = _HEADER.pack(
            segment.source_port,
            segment.destination_port,
            sequence,
            acknowledgment,
            offset_and_flags,
            segment.window,
            complement(words),
            segment.urgent,
        )
    except struct.error as error:
        raise ValueError(f"a TCP header field is out of range: {error}") from None
    return header + options + payload if options else header + payload


def parse_options(options: bytes) -> list[tuple[int, bytes]]:
    """(kind, data) of each option up to the end of the list, no-operations included; data is without kind and length.

    WireError where a length runs out of the header or is below 2 (RFC 9293 3.2).
    """
    return walk_options(options)


def _option_words(options: bytes) -> list[str]:
    """The options as Wireshark writes them in a line."""
    try:
        found = parse_options(options)
    except WireError:
        return ["[bad options]"]
    return [_option_word(kind, data) for kind, data in found if kind != NO_OPERATION]


def _option_word(kind: int, data: bytes) -> str:
    if kind == OPTION_MSS and len(data) == 2:
        return f"MSS={int.from_bytes(data, 'big')}"
    if kind == OPTION_WINDOW_SCALE and len(data) == 1:
        return f"WS={1 << min(data[0], 14)}"  # RFC 7323 2.3: a shift above 14 counts as 14
    if kind == OPTION_SACK_PERMITTED and not data:
        return "SACK_PERM"
    if kind == OPTION_TIMESTAMPS and len(data) == 8:
        return f"TSval={int.from_bytes(data[:4], 'big')} TSecr={int.from_bytes(data[4:], 'big')}"
    if kind == OPTION_SACK and data and len(data) % 8 == 0:
        return " ".join(
            [
                f"SLE={int.from_bytes(data[at : at + 4], 'big')} SRE={int.from_bytes(data[at + 4 : at + 8], 'big')}"
                for at in range(0, len(data), 8)
            ]
        )
    return f"option-{kind}"
