"""Captures read as Scapy and Wireshark's tools write them, and refused when they are not whole."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgWriter, RawPcapNgReader, RawPcapWriter

import sim
from sim.errors import TopologyError, WireError
from sim.scenario import capture_files
from sim.scenario.capture_files import Capture, parse
from sim.scenario.load import loads

FRAMES = [bytes.fromhex("ffffffffffff02000000000108060001") + bytes([n]) * 50 for n in range(4)]
TIMES = [1_700_000_000_000_001_000, 1_700_000_000_500_000_000, 1_700_000_001_000_007_000, 1_700_000_004_294_967_000]
RELATIVE = [time - TIMES[0] for time in TIMES]
needs_editcap = pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap (Wireshark) is not installed")


def pcap(path: Path, **options: Any) -> bytes:
    """A file of Scapy's, with these frames."""
    writer = RawPcapWriter(str(path), linktype=1, sync=True, **options)
    writer.write_header(None)
    divisor = 1 if options.get("nano") else 1000
    for time, frame in zip(TIMES, FRAMES, strict=True):
        seconds, rest = divmod(time, 1_000_000_000)
        writer.write_packet(frame, sec=seconds, usec=rest // divisor)
    writer.close()
    return path.read_bytes()


@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_pcap_of_scapy(tmp_path: Path, endianness: str, nano: bool) -> None:
    data = pcap(tmp_path / "a.pcap", endianness=endianness, nano=nano)
    assert data[:4] == struct.pack(endianness + "I", 0xA1B23C4D if nano else 0xA1B2C3D4)
    assert parse(data).frames() == list(zip(RELATIVE, FRAMES, strict=True))


def test_pcapng_of_scapy(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    writer = PcapNgWriter(str(path))
    for time, frame in zip(TIMES, FRAMES, strict=True):
        packet = Ether(frame)
        packet.time = time / 1e9
        writer.write(packet)
    writer.close()
    found = parse(path.read_bytes()).frames()
    assert [frame for _, frame in found] == FRAMES
    assert all(abs(time - wanted) < 2_000 for (time, _), wanted in zip(found, RELATIVE, strict=True))  # floats of s


@needs_editcap
@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
def test_what_editcap_makes_of_it(tmp_path: Path, form: str) -> None:
    pcap(tmp_path / "a.pcap", nano=True)
    subprocess.run(["editcap", "-F", form, tmp_path / "a.pcap", tmp_path / "b"], check=True, capture_output=True)
    assert parse((tmp_path / "b").read_bytes()).frames() == list(zip(RELATIVE, FRAMES, strict=True))


@needs_editcap
def test_packets_that_are_not_in_the_order_of_time(tmp_path: Path) -> None:
    """mergecap -a puts one file behind the other."""
    pcap(tmp_path / "a.pcap")
    subprocess.run(
        ["mergecap", "-a", "-w", tmp_path / "b", tmp_path / "a.pcap", tmp_path / "a.pcap"],
        check=True,
        capture_output=True,
    )
    doubled = [entry for entry in zip(RELATIVE, FRAMES, strict=True) for _ in range(2)]
    assert parse((tmp_path / "b").read_bytes()).frames() == doubled


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of a run: two interfaces, frames in both directions."""
    net = sim.Network(seed=3)
    a, b = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24")
    net.link(a, b, delay="1ms", bandwidth="10Mbps")
    a.ping("10.0.0.2", count=3)
    path = tmp_path_factory.mktemp("captures") / "ours.pcapng"
    net.trace.write_pcapng(path)
    return path


def test_our_own_read_as_scapy_reads_it(ours: Path) -> None:
    with RawPcapNgReader(str(ours)) as reader:
        theirs = [
            ((meta.tshigh << 32 | meta.tslow) * 1_000_000_000 // meta.tsresol, meta.ifname.decode(), data)
            for data, meta in reader
        ]
    capture = parse(ours.read_bytes())
    read = [(packet.time, capture.interfaces[packet.interface].name, packet.frame) for packet in capture.packets]
    assert read == theirs
    assert len(read) == 16


def test_one_interface_and_one_direction(ours: Path) -> None:
    capture = parse(ours.read_bytes())
    out, came_in = capture.frames("a:eth0", "out"), capture.frames("a:eth0", "in")
    assert len(out) == len(came_in) == 4  # ARP and three pings, each way
    assert {frame[6:12] for _, frame in out} == {frame[:6] for _, frame in came_in}
    assert sorted(frame for _, frame in out + came_in) == sorted(frame for _, frame in capture.frames("a:eth0"))
    assert [frame for _, frame in capture.frames("b:eth0", "in")] == [frame for _, frame in out]
    with pytest.raises(KeyError):
        capture.frames("c:eth0")


@pytest.mark.parametrize("kind", ["<", ">", "nano", "pcapng"])
def test_no_file_that_breaks_off_is_used(tmp_path: Path, ours: Path, kind: str) -> None:
    """Cut at every byte: either it ends between two packets, as a shorter capture does, or it is refused."""
    whole = ours.read_bytes() if kind == "pcapng" else b""
    if kind != "pcapng":
        whole = pcap(tmp_path / "a", endianness=">" if kind == ">" else "<", nano=kind == "nano")
    packets = parse(whole).packets
    ends = set()
    for length in range(len(whole)):
        try:
            capture = parse(whole[:length])
        except WireError:
            continue
        ends.add(length)
        assert capture.packets == packets[: len(capture.packets)]
        assert len(capture.packets) < len(packets)
    blocks = 1 + 2 + len(packets)  # the section, its interfaces, the packets
    assert len(ends) == (blocks - 1 if kind == "pcapng" else len(packets))


def test_other_bytes_are_refused_with_a_reason(ours: Path) -> None:
    stream = random.Random(5)
    whole = ours.read_bytes()
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(stream.randrange(1, 4)):
            data[stream.randrange(len(data))] = stream.choice((0, 1, 0x7F, 0x80, 0xFF, stream.randrange(256)))
        with suppress(WireError):  # and nothing else
            parse(bytes(data)).frames()


# pcapng by hand: what those tools do not write -------------------------------------------------------------------


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def options(order: str, *found: tuple[int, bytes]) -> bytes:
    written = b"".join(
        struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4) for code, value in found
    )
    return written + bytes(4)


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, *found: tuple[int, bytes], link: int = 1) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options(order, *found))


def packet(order: str, number: int, time: int, frame: bytes) -> bytes:
    head = struct.pack(order + "IIIII", number, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
    return block(order, 6, head + frame)


def frames(*blocks: bytes) -> list[tuple[int, bytes]]:
    return parse(b"".join(blocks)).frames()


@pytest.mark.parametrize("order", ["<", ">"])
def test_each_interface_has_its_own_unit_of_time(order: str) -> None:
    found = frames(
        section(order),
        interface(order),  # microseconds, where nothing else is said
        interface(order, (9, b"\x09")),
        interface(order, (9, b"\x03")),
        interface(order, (9, b"\x8a")),  # 2^-10 s
        interface(order, (9, b"\x00"), (14, struct.pack(order + "q", 90))),  # seconds, 90 of them late
        packet(order, 0, 100_000_000, b"micro"),
        packet(order, 1, 100_000_000_001, b"nano"),
        packet(order, 2, 100_002, b"milli"),
        packet(order, 3, 100 * 1024 + 512, b"binary"),
        packet(order, 4, 11, b"offset"),
    )
    assert found == [(0, b"micro"), (1, b"nano"), (2_000_000, b"milli"), (500_000_000, b"binary"), (10**9, b"offset")]


def test_sections_have_their_own_interfaces_and_order_of_bytes() -> None:
    found = frames(
        *(section("<"), interface("<", (9, b"\x09")), packet("<", 0, 5, b"one")),
        *(section(">"), interface(">"), packet(">", 0, 1, b"two")),
    )
    assert found == [(0, b"one"), (995, b"two")]


def test_blocks_that_are_no_packets_are_passed_over() -> None:
    found = frames(
        section("<"), block("<", 4, bytes(8)), interface("<"), block("<", 0xBAD, b"x"), packet("<", 0, 1, b"f")
    )
    assert found == [(0, b"f")]


def test_obsolete_packet_blocks() -> None:
    body = struct.pack("<HHIIII", 0, 0xFFFF, 0, 7, 3, 3) + b"old"
    assert frames(section("<"), interface("<"), block("<", 2, body)) == [(0, b"old")]


def test_frames_of_another_link_type_do_not_matter_where_they_are_not_meant() -> None:
    data = b"".join(
        (
            *(section("<"), interface("<", (2, b"wlan0"), link=105), interface("<", (2, b"eth0"))),
            *(packet("<", 0, 1, b"radio"), packet("<", 1, 2, b"wire")),
        )
    )
    assert parse(data).frames("eth0") == [(0, b"wire")]
    with pytest.raises(WireError, match=r"^it has no Ethernet frames, but link type 105 \(IEEE 802.11\), at .* wlan0$"):
        parse(data).frames()


WHOLE = section("<") + interface("<") + packet("<", 0, 1, b"frame")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", "it is empty"),
        (b"nodes: {}\n", "it is neither a pcap nor a pcapng file"),
        (b"\x1f\x8b\x08\x00", "it is compressed: unpack it with gunzip"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 3, 0, 0, 0, 1), "its version is 2.3, which is not 2.4"),
        (struct.pack("<IHH", 0xA1B2C3D4, 2, 4), "it is cut short: 8 bytes of a header of 24"),
        (WHOLE[:-2], r"it is cut short: 38 of 40 bytes of a block at byte 52"),
        (WHOLE[:-1] + b"\x01", "the block at byte 52 says 40 at its beginning and 16777256 at its end"),
        (WHOLE + struct.pack("<III", 6, 2, 0), "the block at byte 92 has an impossible length of 2"),
        (section("<") + packet("<", 0, 1, b"f"), r"packet 1 at byte 56 is of an interface 0, which there is not"),
        (section("<") + interface("<") + block("<", 6, bytes(8)), "the block at byte 52 is too short for what it is"),
        (WHOLE + packet("<", 0, 1, b""), r"packet 2 at byte 120 has no bytes"),
        (section("<") + interface("<") + block("<", 3, bytes(8)), "the packet at byte 60 has no time"),
        (struct.pack("<IIIHHq", 0x0A0D0D0A, 28, 0x1A2B3C4D, 9, 0, -1) + bytes((28, 0, 0, 0)), "of no known version"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, error: str) -> None:
    with pytest.raises(WireError, match=error):
        parse(data)


def test_a_capture_with_frame_check_sequences() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0, 0x2400_0001)
    with pytest.raises(WireError, match="frame check sequences"):
        parse(head + struct.pack("<IIII", 0, 0, 3, 3) + b"abc").frames()


def test_a_capture_without_packets() -> None:
    with pytest.raises(WireError, match="there is no packet in it"):
        Capture([], []).frames()


def test_what_might_never_end_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="/dev/zero is no file"):
        loads("nodes:\n  rp: {kind: replay, file: /dev/zero}\n")


def test_a_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_files, "LARGEST", len(WHOLE) - 1)
    (tmp_path / "a.pcapng").write_bytes(WHOLE)
    with pytest.raises(TopologyError, match=r"a\.pcapng is larger than 0 MiB"):
        loads(f"nodes:\n  rp: {{kind: replay, file: {tmp_path}/a.pcapng}}\n")
