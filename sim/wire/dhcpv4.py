"""DHCP for IPv4 (RFC 2131): BOOTP's message (RFC 951) whose tail is a list of options (RFC 2132).

Read RFC 2131 section 2 first. Options are kept as (code, data), in their order. Data longer than 255 bytes is written
as several options of one code, which a reader joins (RFC 3396); what does not fit behind the header may overflow into
the fields `file` and `sname` (option 52).
"""

from __future__ import annotations

import struct
from typing import Final

from sim.errors import WireError
from sim.wire.addresses import IPV4_ANY, format_ip, format_mac
from sim.wire.dhcpv4_options import OPTION_NAMES, describe
from sim.wire.layer import Layer, count_bytes, named

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68

BOOTREQUEST: Final = 1
BOOTREPLY: Final = 2
BROADCAST_FLAG: Final = 0x8000
ETHERNET: Final = 1
MAGIC: Final = b"\x63\x82\x53\x63"  # RFC 2131 3

DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
DECLINE: Final = 4
ACK: Final = 5
NAK: Final = 6
RELEASE: Final = 7
INFORM: Final = 8

PAD: Final = 0
SUBNET_MASK: Final = 1
ROUTER: Final = 3
DNS_SERVERS: Final = 6
HOST_NAME: Final = 12
DOMAIN_NAME: Final = 15
INTERFACE_MTU: Final = 26
REQUESTED_ADDRESS: Final = 50
LEASE_TIME: Final = 51
OVERLOAD: Final = 52
MESSAGE_TYPE: Final = 53
SERVER_ID: Final = 54
PARAMETER_LIST: Final = 55
MESSAGE: Final = 56
MAXIMUM_SIZE: Final = 57
RENEWAL_TIME: Final = 58
REBINDING_TIME: Final = 59
CLIENT_ID: Final = 61
RELAY_AGENT: Final = 82
DOMAIN_SEARCH: Final = 119
CLASSLESS_ROUTES: Final = 121
END: Final = 255

INFINITE: Final = 0xFFFFFFFF  # seconds of a lease that never ends (RFC 2131 3.3)
MINIMUM_LENGTH: Final = 300  # bytes; BOOTP's, below which old relays and clients drop it (RFC 1542 2.1)
USUAL_LENGTH: Final = 548  # bytes of message in the 576 of a packet that everybody takes (RFC 2131 2)

TYPE_NAMES: Final[dict[int, str]] = {
    DISCOVER: "discover",
    OFFER: "offer",
    REQUEST: "request",
    DECLINE: "decline",
    ACK: "ack",
    NAK: "nak",
    RELEASE: "release",
    INFORM: "inform",
}

_OPERATIONS: Final = {BOOTREQUEST: "request", BOOTREPLY: "reply"}
_HARDWARE: Final = {ETHERNET: "Ethernet"}
_HEADER: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
HEADER_LENGTH: Final = 236
_LONGEST_OPTION: Final = 255
_FILE_LENGTH: Final = 128
_SNAME_LENGTH: Final = 64
_IN_FILE: Final = 1
_IN_SNAME: Final = 2

Option = tuple[int, bytes]


class Message(Layer):
    """One message. `kind` is the DHCP message type, 0 for plain BOOTP; options hold it as well, and no overload."""

    __slots__ = (
        "chaddr",
        "ciaddr",
        "file",
        "flags",
        "giaddr",
        "hardware",
        "hops",
        "operation",
        "options",
        "secs",
        "siaddr",
        "sname",
        "xid",
        "yiaddr",
    )

    def __init__(
        self,
        operation: int,
        xid: int,
        chaddr: bytes,
        options: tuple[Option, ...] = (),
        *,
        hops: int = 0,
        secs: int = 0,
        flags: int = 0,
        ciaddr: bytes = IPV4_ANY,
        yiaddr: bytes = IPV4_ANY,
        siaddr: bytes = IPV4_ANY,
        giaddr: bytes = IPV4_ANY,
        sname: bytes = b"",
        file: bytes = b"",
        hardware: int = ETHERNET,
    ) -> None:
        self.operation = operation
        self.hardware = hardware
        self.hops = hops
        self.xid = xid
        self.secs = secs
        self.flags = flags
        self.ciaddr = ciaddr
        self.yiaddr = yiaddr
        self.siaddr = siaddr
        self.giaddr = giaddr
        self.chaddr = chaddr
        self.sname = sname
        self.file = file
        self.options = options

    # -- options

    def option(self, code: int) -> bytes | None:
        """The data of an option, None when it is not there. What was cut into several is one (RFC 3396 7)."""
        for own, data in self.options:
            if own == code:
                return data
        return None

    @property
    def kind(self) -> int:
        """The message type: DISCOVER to INFORM; 0 where it is missing or of no sense."""
        data = self.option(MESSAGE_TYPE)
        return data[0] if data is not None and len(data) == 1 and data[0] in TYPE_NAMES else 0

    @property
    def broadcast(self) -> bool:
        """Whether the client can hear nothing but broadcasts yet (RFC 2131 2, "flags")."""
        return self.flags & BROADCAST_FLAG != 0

    def address(self, code: int) -> bytes | None:
        """The address that an option holds; None where it is missing or not four bytes."""
        data = self.option(code)
        return data if data is not None and len(data) == 4 else None

    def addresses(self, code: int) -> list[bytes]:
        """The addresses that an option holds; none where it is missing or its length is no multiple of four."""
        data = self.option(code)
        if data is None or len(data) % 4:
            return []
        return [data[at : at + 4] for at in range(0, len(data), 4)]

    def seconds(self, code: int) -> int | None:
        """The time (s) that an option holds; None where it is missing or not four bytes."""
        data = self.option(code)
        return int.from_bytes(data, "big") if data is not None and len(data) == 4 else None

    def text(self, code: int) -> str | None:
        """The text that an option holds, without trailing zero bytes (RFC 2132 2); None where it is missing."""
        data = self.option(code)
        return None if data is None else data.rstrip(b"\0").decode("ascii", "replace")

    # -- for views

    def title(self) -> str:
        return "DHCP"

    def fields(self) -> tuple[tuple[str, object], ...]:
        return (
            ("operation", named(self.operation, _OPERATIONS)),
            ("hardware type", named(self.hardware, _HARDWARE)),
            ("hops", self.hops),
            ("transaction id", f"0x{self.xid:08x}"),
            ("seconds", self.secs),
            ("flags", f"0x{self.flags:04x}"),
            ("client address", format_ip(self.ciaddr)),
            ("your address", format_ip(self.yiaddr)),
            ("server address", format_ip(self.siaddr)),
            ("relay address", format_ip(self.giaddr)),
            ("client hardware", _station(self.chaddr)),
            ("server name", self.sname),
            ("boot file", self.file),
            *((named(code, OPTION_NAMES), describe(code, data)) for code, data in self.options),
        )

    def summary(self) -> str:
        """`DHCP discover from 02:00:00:00:00:01`; with the address that it is about."""
        kind = self.kind
        station = _station(self.chaddr)
        if not kind:
            return f"BOOTP {_OPERATIONS.get(self.operation, 'message')} of {station}"
        name = TYPE_NAMES[kind]
        if kind in (OFFER, ACK):
            address = self.yiaddr if self.yiaddr != IPV4_ANY else self.ciaddr
            return f"DHCP {name} of {format_ip(address)} to {station}"
        if kind == NAK:
            return f"DHCP {name} to {station}"
        wanted = self.address(REQUESTED_ADDRESS) or self.ciaddr
        about = "" if wanted == IPV4_ANY else f" for {format_ip(wanted)}"
        return f"DHCP {name} from {station}{about}"


def parse(data: bytes) -> Message:
    """A message of the payload of a datagram.

    WireError when it is cut short, its operation is none, its hardware address is longer than its field, there is no
    magic cookie, or its options run out of the fields they are in.
    """
    if len(data) < HEADER_LENGTH + len(MAGIC):
        raise WireError(f"cut short: {count_bytes(len(data))} of {HEADER_LENGTH + len(MAGIC)}")
    operation, hardware, length, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file = (
        _HEADER.unpack_from(data)
    )
    if operation not in _OPERATIONS:
        raise WireError(f"operation is {operation}, neither 1 (request) nor 2 (reply)")
    if length > len(chaddr):
        raise WireError(f"hardware address has {length} bytes, its field 16")
    if data[HEADER_LENGTH : HEADER_LENGTH + 4] != MAGIC:
        raise WireError(f"magic cookie is {data[HEADER_LENGTH : HEADER_LENGTH + 4].hex()}, not {MAGIC.hex()}")
    areas = [data[HEADER_LENGTH + 4 :]]
    overload = _overload(_walk(areas[0]))
    if overload & _IN_FILE:  # RFC 2131 4.1: file first, then sname
        areas.append(file)
        file = b""
    if overload & _IN_SNAME:
        areas.append(sname)
        sname = b""
    options = _joined([option for area in areas for option in _walk(area)])
    return Message(
        operation,
        xid,
        chaddr[:length],
        options,
        hops=hops,
        secs=secs,
        flags=flags,
        ciaddr=ciaddr,
        yiaddr=yiaddr,
        siaddr=siaddr,
        giaddr=giaddr,
        sname=sname.rstrip(b"\0"),
        file=file.rstrip(b"\0"),
        hardware=hardware,
    )


def emit(message: Message, limit: int = USUAL_LENGTH) -> bytes:
    """The bytes of a message, padded to 300. Options that do not fit into `limit` bytes go into `file` and `sname`,
    where those are empty.

    ValueError for a field that is out of range, and for options that do not fit.
    """
    if len(message.chaddr) > 16 or len(message.sname) > _SNAME_LENGTH or len(message.file) > _FILE_LENGTH:
        raise ValueError("chaddr, sname or file is longer than its field")
    pieces = [piece for code, data in message.options for piece in _pieces(code, data)]
    room = limit - HEADER_LENGTH - len(MAGIC) - 1
    file, sname, tail = message.file, message.sname, b"".join(pieces)
    if len(tail) > room:
        tail, in_file, in_sname = _spread(pieces, room, not file, not sname)
        file, sname = file or in_file, sname or in_sname
    try:
        header = _HEADER.pack(
            message.operation,
            message.hardware,
            len(message.chaddr),
            message.hops,
            message.xid,
            message.secs,
            message.flags,
            message.ciaddr,
            message.yiaddr,
            message.siaddr,
            message.giaddr,
            message.chaddr,
            sname,
            file,
        )
    except struct.error as error:
        raise ValueError(f"a field of a DHCP message is out of range: {error}") from None
    return (header + MAGIC + tail + bytes((END,))).ljust(MINIMUM_LENGTH, b"\0")


def _walk(area: bytes) -> list[Option]:
    """(code, data) of each option up to the end; pads are left out. A missing end is forgiven, as everybody does."""
    found: list[Option] = []
    at = 0
    while at < len(area):
        code = area[at]
        if code == END:
            break
        if code == PAD:
            at += 1
            continue
        if at + 1 == len(area):
            raise WireError(f"option {code} is cut short: its length is missing")
        length = area[at + 1]
        if at + 2 + length > len(area):
            raise WireError(f"option {code} has the length {length}, {count_bytes(len(area) - at - 2)} are there")
        found.append((code, area[at + 2 : at + 2 + length]))
        at += 2 + length
    return found


def _overload(options: list[Option]) -> int:
    for code, data in options:
        if code == OVERLOAD and len(data) == 1:
            return data[0] & (_IN_FILE | _IN_SNAME)
    return 0


def _joined(options: list[Option]) -> tuple[Option, ...]:
    """One option per code, in the order of their first pieces (RFC 3396 7); overload has done its duty."""
    pieces: dict[int, list[bytes]] = {}
    for code, data in options:
        if code != OVERLOAD:
            pieces.setdefault(code, []).append(data)
    return tuple([(code, b"".join(parts)) for code, parts in pieces.items()])


def _pieces(code: int, data: bytes) -> list[bytes]:
    """An option as it is written: several, where its data is longer than one can hold (RFC 3396 5)."""
    if not PAD < code < END:
        raise ValueError(f"{code} is no option's code: it is from 1 to 254")
    if not data:
        return [bytes((code, 0))]
    parts = [data[at : at + _LONGEST_OPTION] for at in range(0, len(data), _LONGEST_OPTION)]
    return [bytes((code, len(part))) + part for part in parts]


def _spread(pieces: list[bytes], room: int, file_free: bool, sname_free: bool) -> tuple[bytes, bytes, bytes]:
    """The options behind the header, with what says where the others are, those in `file`, and those in `sname`.

    Options stay in their order, but for the overload itself, so that pieces of one option are joined rightly.
    """
    rooms = [room - 3, _FILE_LENGTH - 1 if file_free else 0, _SNAME_LENGTH - 1 if sname_free else 0]
    areas = [b"", b"", b""]
    area = 0
    for piece in pieces:
        while area < 3 and len(areas[area]) + len(piece) > rooms[area]:
            area += 1
        if area == 3:
            raise ValueError("the options do not fit into the message")
        areas[area] += piece
    used = (_IN_FILE if areas[1] else 0) | (_IN_SNAME if areas[2] else 0)
    in_file, in_sname = [part + bytes((END,)) if part else b"" for part in areas[1:]]
    return bytes((OVERLOAD, 1, used)) + areas[0], in_file, in_sname


def _station(chaddr: bytes) -> str:
    return format_mac(chaddr) if len(chaddr) == 6 else chaddr.hex(":") or "nobody"
