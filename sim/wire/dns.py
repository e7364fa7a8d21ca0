"""DNS messages (RFC 1035 4) as far as a list of packets shows them: the header, the questions, and the records.

It reads what is there: a message that is cut short, as the first segment of a long one over TCP is, has the records
that are whole. Who wants more of a record than its text takes a library for DNS.
"""

from __future__ import annotations

from typing import Final

from sim.errors import WireError
from sim.wire.layer import Layer

PORT: Final = 53
HEADER_LENGTH: Final = 12
MOST_RECORDS: Final = 200
"""Records that are read of one message."""
MOST_SHOWN: Final = 3

_RESPONSE: Final = 0x8000
_AUTHORITATIVE: Final = 0x0400
_TRUNCATED: Final = 0x0200
_RECURSION_DESIRED: Final = 0x0100
_RECURSION_AVAILABLE: Final = 0x0080
_MOST_POINTERS: Final = 64
_TYPES: Final = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    13: "HINFO",
    15: "MX",
    16: "TXT",
    28: "AAAA",
    33: "SRV",
    41: "OPT",
    43: "DS",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    257: "CAA",
}
_OPCODES: Final = {0: "query", 1: "inverse query", 2: "status", 4: "notify", 5: "update"}
_RCODES: Final = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_OPT: Final = 41


class Question:
    """One question: a name without the dot at its end (the root is "."), and a type as text."""

    __slots__ = ("kind", "name")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Record:
    """One record: `data` is text for addresses and names, "" for what is not read."""

    __slots__ = ("data", "kind", "name", "ttl")

    def __init__(self, name: str, kind: str, ttl: int, data: str) -> None:
        self.name = name
        self.kind = kind
        self.ttl = ttl
        self.data = data

    def __str__(self) -> str:
        return f"{self.kind} {self.data}" if self.data else self.kind


class Message(Layer):
    """One message. `counts` are the records of each section as the header gives them."""

    __slots__ = ("additional", "answers", "authority", "counts", "flags", "identifier", "questions")

    def __init__(self, identifier: int, flags: int, counts: list[int]) -> None:
        self.identifier = identifier
        self.flags = flags
        self.counts = counts
        self.questions: list[Question] = []
        self.answers: list[Record] = []
        self.authority: list[Record] = []
        self.additional: list[Record] = []

    def title(self) -> str:
        return "DNS"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("id", self.identifier),
            ("flags", f"0x{self.flags:04x}"),
            ("questions", ", ".join([str(question) for question in self.questions])),
            ("answers", ", ".join([f"{record.name} {record}" for record in self.answers])),
            ("authority", ", ".join([f"{record.name} {record}" for record in self.authority])),
            ("additional", ", ".join([f"{record.name} {record}" for record in self.additional])),
        )

    def is_response(self) -> bool:
        return self.flags & _RESPONSE != 0

    def is_authoritative(self) -> bool:
        return self.flags & _AUTHORITATIVE != 0

    def is_truncated(self) -> bool:
        return self.flags & _TRUNCATED != 0

    def recursion_desired(self) -> bool:
        return self.flags & _RECURSION_DESIRED != 0

    def recursion_available(self) -> bool:
        return self.flags & _RECURSION_AVAILABLE != 0

    def opcode(self) -> int:
        return self.flags >> 11 & 0xF

    def rcode(self) -> str:
        """The response code by its name: `NXDOMAIN`."""
        return _RCODES.get(self.flags & 0xF) or f"RCODE {self.flags & 0xF}"

    def is_referral(self) -> bool:
        """Whether it says nothing but whom to ask: NS records of a zone further down."""
        named = [record.kind for record in self.authority]
        return self.rcode() == "NOERROR" and self.counts[1] == 0 and "NS" in named and "SOA" not in named

    def summary(self) -> str:
        what = _OPCODES.get(self.opcode()) or f"opcode {self.opcode()}"
        asked = ", ".join([str(question) for question in self.questions]) or "nothing"
        if not self.is_response():
            return f"DNS {what} {self.identifier} {asked}?"
        return f"DNS response {self.identifier} {asked}: {self.outcome()}"

    def outcome(self) -> str:
        """What a response says: `CNAME web.corp.test, A 10.0.0.1`, `NXDOMAIN`, `see ns.test for test`."""
        if self.rcode() != "NOERROR":
            return self.rcode()
        if self.is_truncated():
            return "truncated"
        if self.is_referral():
            servers = [record for record in self.authority if record.kind == "NS"]
            return f"see {_some([record.data for record in servers])} for {servers[0].name}"
        if self.counts[1] == 0:
            return "no such records"
        shown = _some([str(record) for record in self.answers]) if self.answers else f"{self.counts[1]} records"
        left = self.counts[1] - len(self.answers)
        return f"{shown}, {left} more" if left > 0 and self.answers else shown


def parse(data: bytes) -> Message:
    """A message, read as far as it is whole. WireError when its header or a question is not."""
    if len(data) < HEADER_LENGTH:
        raise WireError(f"cut short: {len(data)} bytes of a header of {HEADER_LENGTH}")
    words = [int.from_bytes(data[place : place + 2], "big") for place in range(0, HEADER_LENGTH, 2)]
    message = Message(words[0], words[1], words[2:])
    if words[2] > 1 + len(data) // 5:
        raise WireError(f"{words[2]} questions do not fit into {len(data)} bytes")
    place = HEADER_LENGTH
    for _ in range(words[2]):
        name, place = _name(data, place)
        if place + 4 > len(data):
            raise WireError("a question is cut short")
        message.questions.append(Question(name, type_name(int.from_bytes(data[place : place + 2], "big"))))
        place += 4
    left = MOST_RECORDS
    sections = [message.answers, message.authority, message.additional]
    for number in range(3):
        for _ in range(min(words[3 + number], left)):
            left -= 1
            place = _record(data, place, sections[number])
            if place < 0 or left == 0:
                return message
    return message


def type_name(number: int) -> str:
    """`A` for 1, `TYPE99` for one without a name here (RFC 3597 5)."""
    return _TYPES.get(number) or f"TYPE{number}"


def _record(data: bytes, place: int, into: list[Record]) -> int:
    """Read one record; where the next begins, -1 when this one is not whole."""
    try:
        name, place = _name(data, place)
        end = place + 10 + int.from_bytes(data[place + 8 : place + 10], "big")
        if place + 10 > len(data) or end > len(data):
            return -1
        number = int.from_bytes(data[place : place + 2], "big")
        if number != _OPT:  # RFC 6891: no record, but what the sender can do
            ttl = int.from_bytes(data[place + 4 : place + 8], "big")
            into.append(Record(name, type_name(number), ttl, _data(data, place + 10, end, number)))
    except WireError:
        return -1
    return end


def _data(data: bytes, start: int, end: int, number: int) -> str:
    length = end - start
    if number == 1 and length == 4:
        return ".".join([str(octet) for octet in data[start:end]])
    if number == 28 and length == 16:
        return _ipv6(data[start:end])
    if number in (2, 5, 12):
        return _name(data, start)[0]
    if number == 15 and length > 2:
        return f"{int.from_bytes(data[start : start + 2], 'big')} {_name(data, start + 2)[0]}"
    return ""


def _ipv6(data: bytes) -> str:
    from ipaddress import IPv6Address

    return str(IPv6Address(data))


def _name(data: bytes, place: int) -> tuple[str, int]:
    """The name that begins at a place, and where it ends. RFC 1035 4.1.4; WireError."""
    labels: list[str] = []
    end = -1
    pointers = 0
    while True:
        if place >= len(data):
            raise WireError("a name is cut short")
        length = data[place]
        if length >= 0xC0:
            if place + 1 >= len(data):
                raise WireError("a name is cut short")
            end = place + 2 if end < 0 else end
            place = (length & 0x3F) << 8 | data[place + 1]
            pointers += 1
            if pointers > _MOST_POINTERS:
                raise WireError("a name that leads in circles")
        elif length > 63:
            raise WireError(f"a label of type {length >> 6}")
        elif length == 0:
            break
        else:
            label = data[place + 1 : place + 1 + length]
            if len(label) < length:
                raise WireError("a name is cut short")
            labels.append(_label(label))
            if len(labels) > 127:
                raise WireError("a name of more than 127 labels")
            place += 1 + length
    return ".".join(labels) or ".", (place + 1 if end < 0 else end)


def _label(data: bytes) -> str:
    """A label as a master file has it (RFC 1035 5.1)."""
    return "".join([chr(byte) if 33 <= byte < 127 and chr(byte) not in ".\\" else f"\\{byte:03d}" for byte in data])


def _some(texts: list[str]) -> str:
    shown = ", ".join(texts[:MOST_SHOWN])
    return f"{shown}, {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else shown
