"""ICMP for IPv4 (RFC 792): echo, and the errors by which routers and hosts say why a packet went no further.

Every message is type, code, checksum, one 32-bit word whose meaning hangs on the type, and a payload: the data of an
echo, or the packet an error is about, as much of it as the sender quoted.
"""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire import ipv4
from sim.wire.addresses import format_ip
from sim.wire.checksum import internet_checksum, verify
from sim.wire.layer import Layer, count_bytes, named

ECHO_REPLY: Final = 0
DESTINATION_UNREACHABLE: Final = 3
SOURCE_QUENCH: Final = 4
"""Deprecated by RFC 6633; received, never sent."""
REDIRECT: Final = 5
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12

NET_UNREACHABLE: Final = 0
HOST_UNREACHABLE: Final = 1
PROTOCOL_UNREACHABLE: Final = 2
PORT_UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4
SOURCE_ROUTE_FAILED: Final = 5
NET_UNKNOWN: Final = 6
HOST_UNKNOWN: Final = 7
NET_PROHIBITED: Final = 9
HOST_PROHIBITED: Final = 10
COMMUNICATION_PROHIBITED: Final = 13
"""RFC 1812 5.2.7.1: filtered by the administrator of a router."""

TTL_EXCEEDED: Final = 0
REASSEMBLY_TIME_EXCEEDED: Final = 1

HEADER_LENGTH: Final = 8

_HEADER: Final = struct.Struct("!BBHI")
_KINDS: Final = {
    ECHO_REPLY: "echo reply",
    DESTINATION_UNREACHABLE: "destination unreachable",
    SOURCE_QUENCH: "source quench",
    REDIRECT: "redirect",
    ECHO_REQUEST: "echo request",
    9: "router advertisement",
    10: "router solicitation",
    TIME_EXCEEDED: "time exceeded",
    PARAMETER_PROBLEM: "parameter problem",
    13: "timestamp request",
    14: "timestamp reply",
}
_UNREACHABLE: Final = {
    NET_UNREACHABLE: "network unreachable",
    HOST_UNREACHABLE: "host unreachable",
    PROTOCOL_UNREACHABLE: "protocol unreachable",
    PORT_UNREACHABLE: "port unreachable",
    FRAGMENTATION_NEEDED: "fragmentation needed",
    SOURCE_ROUTE_FAILED: "source route failed",
    NET_UNKNOWN: "network unknown",
    HOST_UNKNOWN: "host unknown",
    NET_PROHIBITED: "network prohibited",
    HOST_PROHIBITED: "host prohibited",
    COMMUNICATION_PROHIBITED: "communication prohibited",
}
_EXCEEDED: Final = {
    TTL_EXCEEDED: "time to live exceeded",
    REASSEMBLY_TIME_EXCEEDED: "reassembly time exceeded",
}
_ECHOES: Final = frozenset({ECHO_REQUEST, ECHO_REPLY})
_ERRORS: Final = frozenset({DESTINATION_UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM})


class Message(Layer):
    """One message: `kind` is the type, `rest` the 32-bit word after the checksum."""

    __slots__ = ("code", "kind", "payload", "rest")

    def __init__(self, kind: int, code: int, rest: int = 0, payload: bytes = b"") -> None:
        self.kind = kind
        self.code = code
        self.rest = rest
        self.payload = payload

    def identifier(self) -> int:
        """Of an echo: whose it is."""
        return self.rest >> 16

    def sequence(self) -> int:
        """Of an echo: which one it is."""
        return self.rest & 0xFFFF

    def mtu(self) -> int:
        """Of fragmentation needed: the MTU of the next hop in bytes, 0 from a router older than RFC 1191."""
        return self.rest & 0xFFFF

    def is_echo(self) -> bool:
        """Whether this is an echo request or an echo reply."""
        return self.kind in _ECHOES

    def is_error(self) -> bool:
        """Whether the payload quotes the packet that this message is about (RFC 1122 3.2.2)."""
        return self.kind in _ERRORS

    def title(self) -> str:
        return "ICMP"

    def fields(self) -> tuple[tuple[str, object], ...]:
        rest: tuple[tuple[str, object], ...] = (("rest of header", self.rest),)
        if self.is_echo():
            rest = (("identifier", self.identifier()), ("sequence", self.sequence()))
        return (("type", named(self.kind, _KINDS)), ("code", self.code), *rest, ("payload", self.payload))

    def summary(self) -> str:
        words = describe(self.kind, self.code)
        if self.is_echo():
            return f"ICMP {words} id={self.identifier()} seq={self.sequence()}"
        if self.kind == DESTINATION_UNREACHABLE and self.code == FRAGMENTATION_NEEDED:
            words += f" mtu={self.mtu()}"
        if not self.is_error():
            return f"ICMP {words}"
        try:
            packet = quoted(self)
        except WireError:
            return f"ICMP {words}"
        ends = f"{format_ip(packet.source)} > {format_ip(packet.destination)}"
        return f"ICMP {words} (about {ends} {ipv4.protocol_name(packet.protocol)})"


def describe(kind: int, code: int) -> str:
    """Type and code in words: `echo request`, `port unreachable`, `type 42 code 1`."""
    words: str | None
    if kind == DESTINATION_UNREACHABLE:
        words = _UNREACHABLE.get(code)
    elif kind == TIME_EXCEEDED:
        words = _EXCEEDED.get(code)
    else:
        words = _KINDS.get(kind)
    if words is None:
        name = _KINDS.get(kind)
        return f"type {kind} code {code}" if name is None else f"{name} code {code}"
    return words


def echo_request(identifier: int, sequence: int, data: bytes) -> Message:
    """The question of ping. `identifier` and `sequence` are 16 bits."""
    return Message(ECHO_REQUEST, 0, _echo_word(identifier, sequence), data)


def echo_reply(identifier: int, sequence: int, data: bytes) -> Message:
    """The answer to it, with the same three."""
    return Message(ECHO_REPLY, 0, _echo_word(identifier, sequence), data)


def parse(data: bytes) -> Message:
    """A message of the payload of an IPv4 packet; WireError when it is cut short or its checksum is bad."""
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {count_bytes(len(data))} of a header of {HEADER_LENGTH}")
    if not verify(data):
        raise WireError("bad checksum")
    kind, code, _, rest = _HEADER.unpack_from(data)
    return Message(kind, code, rest, data[HEADER_LENGTH:])


def emit(message: Message) -> bytes:
    """The bytes of a message with its checksum; ValueError for numbers out of range."""
    try:
        header = _HEADER.pack(message.kind, message.code, 0, message.rest)
    except struct.error as error:
        raise ValueError(f"an ICMP header field is out of range: {error}") from None
    checksum = internet_checksum(header + message.payload)
    return _HEADER.pack(message.kind, message.code, checksum, message.rest) + message.payload


def quoted(message: Message) -> ipv4.Packet:
    """The packet an error is about; WireError when the message is no error or quotes less than an IPv4 header."""
    if not message.is_error():
        raise WireError(f"ICMP {describe(message.kind, message.code)} quotes no packet")
    return parse_quoted(message.payload)


def parse_quoted(payload: bytes) -> ipv4.Packet:
    """The start of a packet as an error quotes it: the header must be whole, the rest may be cut short."""
    return ipv4.parse_truncated(payload)


def _echo_word(identifier: int, sequence: int) -> int:
    if not 0 <= identifier <= 0xFFFF or not 0 <= sequence <= 0xFFFF:
        raise ValueError(f"identifier and sequence of an echo are 16 bits, not {identifier} and {sequence}")
    return identifier << 16 | sequence
