"""Captures as files that Wireshark opens: one pcapng with an interface per port, and a classic pcap per port.

pcapng is described in draft-ietf-opsawg-pcapng, the classic format in draft-ietf-opsawg-pcap. All times are ns.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO, Final

from sim.tracing.captures import captured
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
    files: dict[int, BinaryIO] = {}
    try:
        for event in captured(recorder):
            file = files.get(event.port)
            if file is None:
                name = recorder.port_name(event.port).replace(":", "-").replace("/", "_")
                file = files[event.port] = open(folder / f"{name}.pcap", "wb")  # noqa: SIM115 - closed below
                file.write(struct.pack("<IHHiIII", PCAP_NANOSECONDS, 2, 4, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET))
            seconds, rest = divmod(event.time, 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, rest, len(event.frame), len(event.frame)) + event.frame)
    finally:
        for file in files.values():
            file.close()
    return [Path(file.name) for file in files.values()]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(options: list[tuple[int, bytes]]) -> bytes:
    packed = b"".join(struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return packed + struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)
