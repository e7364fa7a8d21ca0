"""Captures that a topology names: the frames in them and their times, or what is wrong with them.

1. pcap (draft-ietf-opsawg-pcap): a header of 24 bytes, then records; the magic number tells the order of bytes, and
   whether times are in microseconds or nanoseconds.
2. pcapng (draft-ietf-opsawg-pcapng): blocks, of which those with interfaces and packets count; each section has its own
   order of bytes and its own interfaces, each interface its own unit of time.

A capture is whole, or it is none: of one that breaks off nothing is used.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from sim.errors import WireError
from sim.scenario.model import Replay, Topology
from sim.scenario.ports import similar
from sim.scenario.problems import Problem

LARGEST: Final = 256 << 20
"""Bytes of a file that is read."""
LINKTYPE_ETHERNET: Final = 1
LINK_TYPES: Final = {
    0: "BSD loopback", 6: "Token Ring", 9: "PPP", 101: "raw IP", 105: "IEEE 802.11", 108: "OpenBSD loopback",
    113: "Linux cooked v1", 127: "IEEE 802.11 with radiotap", 147: "private use", 189: "USB", 192: "PPI",
    228: "raw IPv4", 229: "raw IPv6", 249: "USBPcap", 276: "Linux cooked v2",
}  # fmt: skip
"""Those that people capture by mistake, from tcpdump's list; `-i any` gives cooked ones."""

NANOSECONDS: Final = 1_000_000_000
PCAP_MAGIC: Final = {0xA1B2C3D4: 1_000, 0xA1B23C4D: 1}  # and ns in a unit of its fractions
PCAP_HEADER: Final = 24
RECORD_HEADER: Final = 16
SECTION_HEADER: Final = 0x0A0D0D0A
BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
INTERFACE_DESCRIPTION: Final = 1
OBSOLETE_PACKET: Final = 2
SIMPLE_PACKET: Final = 3
ENHANCED_PACKET: Final = 6
IF_NAME: Final = 2
IF_TSRESOL: Final = 9
IF_FCSLEN: Final = 13
IF_TSOFFSET: Final = 14
EPB_FLAGS: Final = 2
DIRECTIONS: Final = ("", "in", "out", "")  # the two lowest bits of epb_flags
MICROSECONDS: Final = 6  # if_tsresol of an interface that has none: units of 10^-6 s


class Packet(NamedTuple):
    """A frame, when it was captured (ns since 1970), at which interface (its index) and on its way where, if that is
    known: in or out."""

    time: int
    interface: int
    frame: bytes
    direction: str = ""


@dataclass(frozen=True)
class Interface:
    """What a capture says of an interface: `unit` is how many of its time's units are a second."""

    name: str
    link_type: int
    unit: int = 1_000_000
    offset: int = 0  # s
    checked: bool = False  # whether its frames end with their check sequence


@dataclass(frozen=True)
class Capture:
    """The packets of a file, in its order, and its interfaces."""

    packets: list[Packet]
    interfaces: list[Interface]

    def frames(self, interface: str | None = None, direction: str = "both") -> list[tuple[int, bytes]]:
        """(ns after the first, frame) in the order of time; those of one interface, if it is named, and of one
        direction, "in" or "out".

        Raises KeyError for an interface that is not there, WireError when there is nothing that can be sent.
        """
        wanted = set(range(len(self.interfaces)))
        if interface is not None:
            wanted = {number for number, own in enumerate(self.interfaces) if own.name == interface}
            if not wanted:
                raise KeyError(interface)
        chosen = sorted((packet for packet in self.packets if packet.interface in wanted), key=lambda found: found.time)
        for number in dict.fromkeys(packet.interface for packet in chosen):
            _check(self.interfaces[number])
        if direction != "both":
            if any(not packet.direction for packet in chosen):
                raise WireError("it does not say of all packets whether they went in or out")
            chosen = [packet for packet in chosen if packet.direction == direction]
        if not chosen:
            where = "" if interface is None else f" of interface {interface}"
            which = "" if direction == "both" else f" that went {direction}"
            raise WireError(f"there is no packet{which}{where} in it")
        return [(packet.time - chosen[0].time, packet.frame) for packet in chosen]


def _check(interface: Interface) -> None:
    """Raise WireError for an interface whose frames no port here can send."""
    if interface.link_type != LINKTYPE_ETHERNET:
        named = LINK_TYPES.get(interface.link_type)
        what = f"link type {interface.link_type}" + (f" ({named})" if named else "")
        at = f", at interface {interface.name}" if interface.name else ""
        raise WireError(f"it has no Ethernet frames, but {what}{at}")
    if interface.checked:
        raise WireError("its frames end with frame check sequences, which nothing here has")


def parse(data: bytes) -> Capture:
    """The capture in a file's bytes. WireError says where it breaks off, or why it is none."""
    if len(data) >= 4:
        for order in "<>":
            (magic,) = struct.unpack_from(order + "I", data)
            if magic in PCAP_MAGIC:
                return _Pcap(data, order, PCAP_MAGIC[magic]).read()
        if magic == SECTION_HEADER:
            return _Pcapng(data).read()
    if data[:2] == b"\x1f\x8b":
        raise WireError("it is compressed: unpack it with gunzip")
    raise WireError("it is neither a pcap nor a pcapng file" if data else "it is empty")


def _whole(data: bytes, number: int, at: int, size: int, original: int, room: int) -> bytes:
    """The frame of packet `number` at a place in a file, if all of it is there."""
    where = f"packet {number} at byte {at}"
    if size > room:
        raise WireError(f"it is cut short: {where} has {room} of {size} bytes")
    if size < original:
        raise WireError(f"{where} was captured only in part, {size} of {original} bytes: capture with -s 0")
    if size == 0:
        raise WireError(f"{where} has no bytes")
    return data[at : at + size]


class _Pcap:
    """Reads a classic file; a unit of its times' fractions is so many ns."""

    def __init__(self, data: bytes, order: str, unit: int) -> None:
        self._data = data
        self._order = order
        self._unit = unit

    def read(self) -> Capture:
        data = self._data
        if len(data) < PCAP_HEADER:
            raise WireError(f"it is cut short: {len(data)} bytes of a header of {PCAP_HEADER}")
        major, minor, link = struct.unpack_from(self._order + "HH12xI", data, 4)
        if (major, minor) != (2, 4):
            raise WireError(f"its version is {major}.{minor}, which is not 2.4")
        interface = Interface("", link & 0xFFFF, checked=bool(link & 0x0400_0000) and link >> 28 > 0)
        return Capture(list(self._packets()), [interface])

    def _packets(self) -> Iterator[Packet]:
        data, at, number = self._data, PCAP_HEADER, 0
        while at < len(data):
            number += 1
            left = len(data) - at
            if left < RECORD_HEADER:
                raise WireError(f"it is cut short: {left} bytes of the {RECORD_HEADER} before packet {number}")
            seconds, fraction, size, original = struct.unpack_from(self._order + "IIII", data, at)
            at += RECORD_HEADER
            frame = _whole(data, number, at, size, original, len(data) - at)
            yield Packet(seconds * NANOSECONDS + fraction * self._unit, 0, frame)
            at += size


class _Pcapng:
    """Reads a file of blocks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = "<"
        self._first = 0  # of this section's interfaces
        self._interfaces: list[Interface] = []
        self._packets: list[Packet] = []

    def read(self) -> Capture:
        data, at = self._data, 0
        while at < len(data):
            at += self._block(at)
        return Capture(self._packets, self._interfaces)

    def _block(self, at: int) -> int:
        """Read the block at a place; return its length."""
        data = self._data
        left = len(data) - at
        if left < 12:
            raise WireError(f"it is cut short: {left} bytes of a block at byte {at}")
        if data[at : at + 4] == SECTION_HEADER.to_bytes(4, "big"):  # reads the same from both ends
            self._order = "<" if data[at + 8 : at + 12] == BYTE_ORDER_MAGIC.to_bytes(4, "little") else ">"
            self._first = len(self._interfaces)
        kind, length = self._unpack("II", at, at + 8)
        if length < 12 or length % 4:
            raise WireError(f"the block at byte {at} has an impossible length of {length}")
        if length > left:
            raise WireError(f"it is cut short: {left} of {length} bytes of a block at byte {at}")
        (again,) = self._unpack("I", at + length - 4, at + length)
        if again != length:
            raise WireError(f"the block at byte {at} says {length} at its beginning and {again} at its end")
        try:
            self._body(kind, at + 8, at + length - 4)
        except struct.error:
            raise WireError(f"the block at byte {at} is too short for what it is") from None
        return length

    def _body(self, kind: int, at: int, end: int) -> None:
        if kind == SECTION_HEADER:
            magic, major = self._unpack("IH", at, end)
            if magic != BYTE_ORDER_MAGIC or major != 1:
                raise WireError(f"the section at byte {at - 8} is of no known version")
        elif kind == INTERFACE_DESCRIPTION:
            (link,) = self._unpack("H2xI", at, end)[:1]
            self._interfaces.append(_interface(link, dict(self._options(at + 8, end)), self._order))
        elif kind in (ENHANCED_PACKET, OBSOLETE_PACKET):
            heads = "IIIII" if kind == ENHANCED_PACKET else "H2xIIII"
            interface, high, low, size, original = self._unpack(heads, at, end)
            self._packet(interface, high << 32 | low, at + 20, size, original, end)
            if kind == ENHANCED_PACKET:
                self._direct(at + 20 + size + -size % 4, end)
        elif kind == SIMPLE_PACKET:
            raise WireError(f"the packet at byte {at} has no time: it is in a simple packet block")

    def _unpack(self, form: str, at: int, end: int) -> tuple[int, ...]:
        return self._unpack_from(form, self._data[at : min(end, at + 20)])

    def _unpack_from(self, form: str, data: bytes) -> tuple[int, ...]:
        return struct.unpack_from(self._order + form, data)

    def _packet(self, interface: int, time: int, at: int, size: int, original: int, end: int) -> None:
        number = len(self._packets) + 1
        place = self._first + interface
        if place >= len(self._interfaces):
            raise WireError(f"packet {number} at byte {at} is of an interface {interface}, which there is not")
        own = self._interfaces[place]
        frame = _whole(self._data, number, at, size, original, end - at)
        self._packets.append(Packet(own.offset * NANOSECONDS + time * NANOSECONDS // own.unit, place, frame))

    def _direct(self, at: int, end: int) -> None:
        """Read the options of the packet that was read last: where it went."""
        flags = dict(self._options(at, end)).get(EPB_FLAGS, b"")
        if len(flags) == 4:
            (bits,) = self._unpack_from("I", flags)
            self._packets[-1] = self._packets[-1]._replace(direction=DIRECTIONS[bits & 3])

    def _options(self, at: int, end: int) -> Iterator[tuple[int, bytes]]:
        while end - at >= 4:
            code, length = self._unpack("HH", at, end)
            if code == 0:
                return
            if at + 4 + length > end:
                raise WireError(f"an option at byte {at} is longer than its block")
            yield code, self._data[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4


def _interface(link: int, options: dict[int, bytes], order: str) -> Interface:
    resolution = options.get(IF_TSRESOL, bytes((MICROSECONDS,)))
    if len(resolution) != 1:
        raise WireError("an interface's resolution of time (if_tsresol) is not one byte")
    exponent = resolution[0] & 0x7F
    offset = options.get(IF_TSOFFSET, bytes(8))
    (seconds,) = struct.unpack(order + "q", offset)
    return Interface(
        options.get(IF_NAME, b"").decode("utf-8", "replace"),
        link,
        2**exponent if resolution[0] & 0x80 else 10**exponent,
        seconds,
        options.get(IF_FCSLEN, b"\0") != b"\0",
    )


class CaptureError(Exception):
    """What is wrong with a node's capture; `key` is the node's key to blame."""

    def __init__(self, key: str, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.key = key
        self.code = code
        self.hint = hint


def frames_of(node: Replay, folder: str) -> list[tuple[int, bytes]]:
    """(ns after the first, frame) of what a node replays; the file's path leads on from `folder`.

    Raises CaptureError.
    """
    path = os.path.join(folder, node.file)
    if not os.path.exists(path):
        raise CaptureError("file", "no-file", f"there is no file {node.file!r}", _near(path))
    if not os.path.isfile(path):  # reading a device or a pipe might never end
        raise CaptureError("file", "bad-capture", f"{node.file} is no file")
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CaptureError("file", "bad-capture", f"{node.file} cannot be read: {why}") from None
    if len(data) > LARGEST:
        hint = "cut it up: editcap -c"
        raise CaptureError("file", "bad-capture", f"{node.file} is larger than {LARGEST >> 20} MiB", hint)
    try:
        capture = parse(data)
        return capture.frames(node.interface, node.direction)
    except WireError as error:
        hint = "none of it is replayed; tshark -r shows what it holds"
        raise CaptureError("file", "bad-capture", f"{node.file} cannot be replayed: {error}", hint) from None
    except KeyError:
        known = [own.name for own in capture.interfaces if own.name]
        hint = similar(node.interface or "", known) or "its interfaces have no names: remove it"
        message = f"there is no interface {node.interface!r} in {node.file}"
        raise CaptureError("interface", "bad-capture", message, hint) from None


def _near(path: str) -> str:
    folder = os.path.dirname(path) or "."
    readable = os.path.isdir(folder) and os.access(folder, os.R_OK)
    there = [name for name in os.listdir(folder) if ".pcap" in name] if readable else []
    close = similar(os.path.basename(path), sorted(there))
    return close or "the path leads on from where this file is"


def capture_problems(topology: Topology) -> list[Problem]:
    """One problem at most for each node that replays."""
    found: list[Problem] = []
    for name, node in topology.written_nodes.items():
        if isinstance(node, Replay):
            try:
                frames_of(node, topology.folder)
            except CaptureError as error:
                found.append(topology.problem("error", error.code, ("nodes", name, error.key), str(error), error.hint))
    return found
