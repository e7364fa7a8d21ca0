"""Captures as files that Wireshark opens: one pcapng with an interface per port, and a classic pcap per port.

pcapng is described in draft-ietf-opsawg-pcapng, the classic format in draft-ietf-opsawg-pcap. All times are ns.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

from sim.tracing.captures import Captured, captured
from sim.tracing.recorder import Recorder

LINKTYPE_ETHERNET: Final = 1
SECTION_HEADER: Final = 0x0A0D0D0A
INTERFACE_DESCRIPTION: Final = 1
ENHANCED_PACKET: Final = 6
OPT_COMMENT: Final = 1
IF_NAME: Final = 2
IF_TSRESOL: Final = 9
EPB_FLAGS: Final = 2
INBOUND: Final = 1
OUTBOUND: Final = 2
PCAP_NANOSECONDS: Final = 0xA1B23C4D
SNAP_LENGTH: Final = 262_144


def write_pcapng(recorder: Recorder, path: str | Path) -> None:
    """Write one file with all ports; drops and floods stand in packet comments. Raises OSError."""
    with open(path, "wb") as file:
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
        file.write(_block(SECTION_HEADER, section + _options([(4, b"packetsim")])))
        for port in range(len(recorder.ports)):
            named = _options([(IF_NAME, recorder.port_name(port).encode()), (IF_TSRESOL, b"\x09")])
            file.write(_block(INTERFACE_DESCRIPTION, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, 0) + named))
        for event in captured(recorder):
            size = len(event.frame)
            head = struct.pack("<IIIII", event.port, event.time >> 32, event.time & 0xFFFFFFFF, size, size)
            options = [(EPB_FLAGS, struct.pack("<I", OUTBOUND if event.outbound else INBOUND))]
            if event.comment:
                options.append((OPT_COMMENT, event.comment.encode()))
            file.write(_block(ENHANCED_PACKET, head + _padded(event.frame) + _options(options)))


def write_pcaps(recorder: Recorder, folder: Path) -> list[Path]:
    """Write `NODE-PORT.pcap` into `folder` for each port that saw a frame; return the paths. Raises OSError."""
    by_port: dict[int, list[Captured]] = {}
    for event in captured(recorder):
        by_port.setdefault(event.port, []).append(event)
    paths: list[Path] = []
    for port, events in by_port.items():
        path = _free_path(folder, recorder.port_name(port).replace(":", "-").replace("/", "_"), paths)
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", PCAP_NANOSECONDS, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET))
            for event in events:
                seconds, rest = divmod(event.time, 1_000_000_000)
                file.write(struct.pack("<IIII", seconds, rest, len(event.frame), len(event.frame)) + event.frame)
        paths.append(path)
    return paths


def _free_path(folder: Path, name: str, taken: list[Path]) -> Path:
    """`NAME.pcap`, or with a number where two ports come to the same name (`a-b:c` and `a:b-c`)."""
    path, number = folder / f"{name}.pcap", 1
    while path in taken:
        number += 1
        path = folder / f"{name}-{number}.pcap"
    return path


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(options: list[tuple[int, bytes]]) -> bytes:
    packed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return packed + struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
