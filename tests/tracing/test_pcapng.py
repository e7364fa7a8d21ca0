"""Captures read back by two oracles: Scapy's readers and tshark."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.tracing.captures import Captured
from sim.wire.addresses import MAC_BROADCAST

if TYPE_CHECKING:
    from tests.tracing.conftest import Office

pytestmark = pytest.mark.slow  # Scapy takes its time to import


@pytest.fixture
def busy(office: Office) -> Office:
    """An office in which something of everything has happened, frames of odd lengths included."""
    office.pc1.ping("web", count=2, size=55)
    office.pc1.ping("pc2", size=3000)
    office.pc2.ping("8.8.8.8")
    office.pc2.ping("127.0.0.1")

    def harm(frame: bytes, time: int) -> Verdict:
        if frame[12:14] != b"\x08\x00":
            return PASS
        return Drop("test loss") if frame[41] == 1 else Deliver(frame=frame[:-1] + b"!", why="corrupted")

    office.net.link_between("pc1", "sw1").add_rule(harm)
    office.pc1.ping("web", count=2)
    return office


def events(office: Office) -> list[Captured]:
    found = office.net.trace.captured()
    assert len(found) > 60
    assert any(len(event.frame) % 4 for event in found)
    return found


def test_scapy_reads_the_pcapng_byte_for_byte(busy: Office, tmp_path: Path) -> None:
    from scapy.utils import RawPcapNgReader

    busy.net.trace.write_pcapng(tmp_path / "x.pcapng")
    with RawPcapNgReader(str(tmp_path / "x.pcapng")) as reader:
        read = list(reader)
        interfaces = reader.interfaces
    ports = busy.net.recorder
    assert [options["name"].decode() for _, _, options in interfaces] == [
        ports.port_name(port) for port in range(len(ports.ports))
    ]
    expected = events(busy)
    assert len(read) == len(expected)
    for (data, meta), event in zip(read, expected, strict=True):
        assert data == event.frame
        assert (meta.tshigh << 32 | meta.tslow, meta.tsresol) == (event.time, 1_000_000_000)
        assert meta.ifname == ports.port_name(event.port).encode()
        assert meta.direction == (2 if event.outbound else 1)
        assert [line.decode() for line in meta.comments or []] == [event.comment] * bool(event.comment)


def test_scapy_reads_each_ports_pcap_byte_for_byte(busy: Office, tmp_path: Path) -> None:
    from scapy.utils import RawPcapReader

    paths = busy.net.trace.write_pcaps(tmp_path)
    expected: dict[str, list[tuple[int, bytes]]] = {}
    for event in events(busy):
        name = busy.net.recorder.port_name(event.port).replace(":", "-")
        expected.setdefault(f"{name}.pcap", []).append((event.time, event.frame))
    assert sorted(path.name for path in paths) == sorted(expected) == sorted(path.name for path in tmp_path.iterdir())
    for path in paths:
        with RawPcapReader(str(path)) as reader:
            assert reader.nano
            read = [(meta.sec * 1_000_000_000 + meta.usec, data) for data, meta in reader]
        assert read == expected[path.name]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_same_frames_interfaces_and_comments(busy: Office, tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    busy.net.trace.write_pcapng(path)
    fields = ("frame.interface_name", "frame.time_epoch", "frame.len", "frame.comment", "frame.packet_flags_direction")
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    for field in fields:
        command += ["-e", field]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    expected = events(busy)
    assert len(lines) == len(expected)
    for line, event in zip(lines, expected, strict=True):
        name, time, length, comment, direction = line.split("|")
        assert name == busy.net.recorder.port_name(event.port)
        assert time == f"{event.time // 10**9}.{event.time % 10**9:09}"
        assert (int(length), comment) == (len(event.frame), event.comment)
        assert int(direction, 0) == (2 if event.outbound else 1)


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_finds_nothing_malformed_and_no_bad_checksum(office: Office, tmp_path: Path) -> None:
    office.pc1.ping("web", count=2, size=3000)
    office.pc1.ping("web", ttl=1)
    office.pc1.traceroute("web")
    office.pc2.ping("8.8.8.8")
    office.pc2.ping("127.0.0.1")
    path = tmp_path / "x.pcapng"
    office.net.trace.write_pcapng(path)
    command = ["tshark", "-n", "-r", str(path), "-T", "json", "-o", "ip.check_checksum:TRUE"]
    command += ["-o", "udp.check_checksum:TRUE", "-j", "frame ip icmp udp arp _ws.malformed"]
    frames = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert len(frames) > 50
    layers: Counter[str] = Counter()
    for frame in frames:
        found = frame["_source"]["layers"]
        layers.update(found.keys())
        text = json.dumps(found)
        assert "_ws.malformed" not in text
        for field in ("ip.checksum.status", "icmp.checksum.status", "udp.checksum.status"):
            assert f'"{field}": "0"' not in text  # 0 is bad, 1 good, 2 not looked at (quoted or cut short)
    assert layers["arp"]
    assert layers["icmp"]
    assert layers["udp"]


def test_port_names_that_are_no_file_names_are_made_ones(office: Office, tmp_path: Path) -> None:
    spy = office.net.probe("spy/2")
    office.net.link(spy, "sw1")
    spy.inject(MAC_BROADCAST + bytes(54))
    office.net.run()
    names = {path.name for path in office.net.trace.write_pcaps(tmp_path)}
    assert "spy_2-eth0.pcap" in names


def test_two_ports_never_share_a_file(office: Office, tmp_path: Path) -> None:
    for node, interface in (("a", "b-c"), ("a-b", "c")):
        office.net.host(node, interfaces={interface: "10.0.0.7/24"})
        office.net.link(f"{node}:{interface}", "sw1")
    office.pc1.ping("10.0.0.9", timeout="1ms")
    paths = office.net.trace.write_pcaps(tmp_path)
    assert len(set(paths)) == len(paths)


def test_more_ports_than_a_process_may_open_files(office: Office, tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for number in range(40):
        office.net.link(office.net.probe(f"p{number}"), "sw1")
    office.pc1.ping("10.0.0.9", timeout="1ms")
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, hard))
    try:
        assert len(office.net.trace.write_pcaps(tmp_path)) > 40
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
