"""The third column of a drill script when the second is `<` or `>`: segments and ICMP errors in text.

    [ect0] P. 1:1001(1000) ack 1 win 501 urg 5 <nop,nop,TS val 700 ecr 300>

Flags: letters of F S R P . U E W, in any order (`.` is ACK, E is ECE, W is CWR; `P?` in `>` is PSH or not). Then
`first:end(length)`, relative to the initial sequence number of its sender, and `ack`, relative to the other's (so data
starts at 1). An ACK flag needs an ack; the rest may be left out:

    R           a RST of the absolute sequence number 0 (an answer to a segment without an ACK) reads 0:0(0), too
    win N       as on the wire, not scaled. `<`: 65535. `>`: not looked at when left out
    urg N       the urgent pointer, with the flag U
    <...>       options in their order, `nop` and `eol` included: `mss 1460`, `wscale 7`, `sackOK`, `TS val 1 ecr 2`,
                `sack 1:1001 2001:3001`, `raw 1e02` (hex of any bytes), padded with zeros. Left out: there are none.
                `<*>` in `>`: not looked at
    TS          `val` of the peer and `ecr` of the host are plain numbers; `val` of the host counts from the first one
                that it sent, as `ecr` of the peer does. `*`: in `>` not looked at, in `<` ecr: the host's latest
    [...]       before the flags. ect0, ect1, ce: the ECN field (RFC 3168), else zero. Only in `<`: badsum, doff N,
                ttl N. In `>`, nodf: it may be fragmented, else it may not
    #2          first of all: the second connection (else #1), which differs by the peer's port

An ICMP error reads `icmp port-unreachable`, `icmp frag-needed mtu 1200`, and quotes the last segment of the host; with
`seq 5001` at its end, one of that sequence number.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Final

ANY: Final = -1
ECN_FIELD: Final = {"ect1": 1, "ect0": 2, "ce": 3}
ICMP_ERRORS: Final = {
    "net-unreachable": (3, 0),
    "host-unreachable": (3, 1),
    "protocol-unreachable": (3, 2),
    "port-unreachable": (3, 3),
    "frag-needed": (3, 4),
    "source-route-failed": (3, 5),
    "host-unknown": (3, 7),
    "admin-prohibited": (3, 13),
    "source-quench": (4, 0),
    "ttl-exceeded": (11, 0),
    "parameter-problem": (12, 0),
}
SEGMENT: Final = re.compile(
    r"(?:#(?P<connection>\d)\s+)?"
    r"(?P<marks>(?:\[[^]]*\]\s*)*)"
    r"(?P<flags>[FSRP.UEWA?]+|-)\s+"
    r"(?P<first>-?\d+):(?P<end>-?\d+)\((?P<length>\d+)\)"
    r"(?:\s+ack (?P<ack>-?\d+))?"
    r"(?:\s+win (?P<win>\d+|\*))?"
    r"(?:\s+urg (?P<urg>\d+))?"
    r"(?:\s+<(?P<options>[^>]*)>)?"
)
ERROR: Final = re.compile(
    r"(?:#(?P<connection>\d)\s+)?icmp (?P<name>[\w-]+)(?: mtu (?P<mtu>\d+))?(?: seq (?P<seq>-?\d+))?"
)


class NotationError(ValueError):
    """A segment is not written as it should be."""


@dataclass
class Option:
    """One TCP option: `name` as in the notation, its numbers (ANY for `*`), for `raw` its bytes."""

    name: str
    numbers: tuple[int, ...] = ()
    data: bytes = b""


@dataclass
class Segment:
    """A segment as the script writes it; all numbers are relative. None for options: they are not looked at."""

    flags: str
    first: int
    length: int
    ack: int
    window: int = ANY
    urgent: int = 0
    options: list[Option] | None = field(default_factory=list)
    connection: int = 1
    ecn: int = 0
    bad_checksum: bool = False
    data_offset: int | None = None
    ttl: int = 64
    dont_fragment: bool = True


@dataclass
class IcmpError:
    """An ICMP error from the peer. `sequence` is what the quoted header should say, None: the truth."""

    name: str
    mtu: int = 0
    sequence: int | None = None
    connection: int = 1


def parse_segment(text: str) -> Segment:
    """Read a segment. Raises NotationError."""
    match = SEGMENT.fullmatch(text)
    if match is None:
        raise NotationError(f"{text!r} is not a segment: write FLAGS first:end(length) ack N win N <options>")
    first, length = int(match["first"]), int(match["length"])
    if first + length != int(match["end"]):
        raise NotationError(f"{match['first']}:{match['end']} is not {length} bytes long")
    flags = match["flags"].replace("-", "")
    if ("." in flags) != (match["ack"] is not None):
        raise NotationError("an ACK flag (.) and an ack number belong together")
    options = match["options"]
    window = match["win"]
    segment = Segment(
        flags,
        first,
        length,
        int(match["ack"] or 0),
        ANY if window in (None, "*") else int(window),
        int(match["urg"] or 0),
        None if options == "*" else [parse_option(part.strip()) for part in (options or "").split(",") if part],
        int(match["connection"] or 1),
    )
    for mark in re.findall(r"\[([^]]*)\]", match["marks"]):
        _mark(segment, mark)
    return segment


def _mark(segment: Segment, mark: str) -> None:
    name, _, value = mark.partition(" ")
    if name in ECN_FIELD:
        segment.ecn = ECN_FIELD[name]
    elif name == "badsum":
        segment.bad_checksum = True
    elif name == "doff":
        segment.data_offset = int(value)
    elif name == "ttl":
        segment.ttl = int(value)
    elif name == "nodf":
        segment.dont_fragment = False
    else:
        raise NotationError(f"[{mark}] means nothing: ect0, ect1, ce, nodf, badsum, doff N, ttl N")


def parse_error(text: str) -> IcmpError:
    """Read an ICMP error. Raises NotationError."""
    match = ERROR.fullmatch(text)
    if match is None or match["name"] not in ICMP_ERRORS:
        raise NotationError(f"{text!r} is not an ICMP error: icmp {' | '.join(ICMP_ERRORS)} [mtu N] [seq N]")
    sequence = None if match["seq"] is None else int(match["seq"])
    return IcmpError(match["name"], int(match["mtu"] or 0), sequence, int(match["connection"] or 1))


def parse_option(text: str) -> Option:
    """Read one option. Raises NotationError."""
    words = text.split()
    match words:
        case ["nop" | "eol" | "sackOK"]:
            return Option(words[0])
        case ["mss" | "wscale", value]:
            return Option(words[0], (int(value),))
        case ["TS", "val", value, "ecr", echo]:
            return Option("TS", tuple(ANY if word == "*" else int(word) for word in (value, echo)))
        case ["sack", _, *_]:
            return Option("sack", tuple(int(edge) for block in words[1:] for edge in block.split(":")))
        case ["raw", data]:
            return Option("raw", (), bytes.fromhex(data))
        case _:
            raise NotationError(f"{text!r} is not an option: nop eol sackOK mss wscale TS sack raw")


def emit_option(option: Option) -> bytes:
    """The bytes of an option with absolute numbers."""
    match option.name:
        case "nop":
            return b"\x01"
        case "eol":
            return b"\x00"
        case "sackOK":
            return b"\x04\x02"
        case "mss":
            return struct.pack("!BBH", 2, 4, *option.numbers)
        case "wscale":
            return struct.pack("!BBB", 3, 3, *option.numbers)
        case "TS":
            return struct.pack("!BBII", 8, 10, *(number % 2**32 for number in option.numbers))
        case "sack":
            edges = [edge % 2**32 for edge in option.numbers]
            return struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)
        case _:
            return option.data


def read_options(data: bytes) -> list[Option]:
    """The options in a header, with absolute numbers; what makes no sense is `raw`. Zeros at the end are padding."""
    options: list[Option] = []
    position = 0
    while position < len(data):
        kind = data[position]
        if kind <= 1:
            if kind == 0 and not any(data[position:]):
                break
            options.append(Option("nop" if kind else "eol"))
            position += 1
            continue
        size = data[position + 1] if position + 1 < len(data) else 0
        if size < 2 or position + size > len(data):
            options.append(Option("raw", (), data[position:]))
            break
        options.append(_read_option(data[position : position + size]))
        position += size
    return options


def _read_option(data: bytes) -> Option:
    match data[0], len(data):
        case 2, 4:
            return Option("mss", (int.from_bytes(data[2:]),))
        case 3, 3:
            return Option("wscale", (data[2],))
        case 4, 2:
            return Option("sackOK")
        case 8, 10:
            return Option("TS", struct.unpack("!II", data[2:]))
        case 5, size if size in (10, 18, 26, 34):
            return Option("sack", struct.unpack(f"!{(size - 2) // 4}I", data[2:]))
        case _:
            return Option("raw", (), data)


def option_text(option: Option) -> str:
    numbers = ["*" if number == ANY else str(number) for number in option.numbers]
    match option.name:
        case "TS":
            return f"TS val {numbers[0]} ecr {numbers[1]}"
        case "sack":
            return "sack " + " ".join(f"{a}:{b}" for a, b in zip(numbers[::2], numbers[1::2], strict=True))
        case "raw":
            return f"raw {option.data.hex()}"
        case _:
            return " ".join([option.name, *numbers])


def text(segment: Segment) -> str:
    """A segment in the notation."""
    parts = [f"#{segment.connection}"] if segment.connection != 1 else []
    parts += [f"[{name}]" for name, value in ECN_FIELD.items() if value == segment.ecn]
    parts += [] if segment.dont_fragment else ["[nodf]"]
    parts += [segment.flags or "-", f"{segment.first}:{segment.first + segment.length}({segment.length})"]
    if "." in segment.flags:
        parts.append(f"ack {segment.ack}")
    if segment.window != ANY:
        parts.append(f"win {segment.window}")
    if segment.urgent:
        parts.append(f"urg {segment.urgent}")
    if segment.options is None:
        parts.append("<*>")
    elif segment.options:
        parts.append(f"<{','.join(map(option_text, segment.options))}>")
    return " ".join(parts)
