"""TCP against the Linux kernel: curl, http.server, iperf3 and sockets of the kernel on one side, our stack on the
other, both ways round, over clean links and over bad ones."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.lab.network import Network
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import parse_ip
from tests.bridge import iperf, web
from tests.bridge.ends import HOST, HOST_ADDRESS, KERNEL_ADDRESS, SIDES, Ends, either, other, payload, transfer
from tests.bridge.programs import Program

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab, Process

pytestmark = [pytest.mark.root, pytest.mark.slow]

MB = 1_000_000
PATIENCE = 60 * SECOND
STALL = 3 * SECOND
"""No connection may be silent for so long: three retransmission timeouts in a row make 1.4 s."""
BAD: dict[str, Any] = {
    "bandwidth": "100Mbps",
    "delay": "2ms",
    "loss": "2%",
    "reorder": "2%",
    "duplicate": "1%",
    "corrupt": "1%",
}
NARROW: dict[str, Any] = {"bandwidth": "50Mbps", "delay": "5ms", "queue": 100}
KERNEL = parse_ip(KERNEL_ADDRESS)


@contextmanager
def kernel_server(lab: Lab, command: str, port: int) -> Iterator[Process]:
    """A server in the namespace that listens on a port."""
    process = lab.start(command)
    try:
        lab.until(lambda: listens(lab, port))
        yield process
    finally:
        process.close()


def listens(lab: Lab, port: int) -> bool:
    """Whether somebody in the namespace listens on a port: state 0A in /proc/net/tcp."""

    def read() -> str:
        return "".join(Path(f"/proc/thread-self/net/{name}").read_text() for name in ("tcp", "tcp6"))

    lines = [line.split() for line in lab.inside(read).splitlines()]
    return any(fields[1].endswith(f":{port:04X}") and fields[3] == "0A" for fields in lines)


def finish(lab: Lab, program: Program[Any], patience: int = PATIENCE) -> None:
    """Let real time pass until a program is done."""
    deadline = lab.net.now + patience
    while not program.done:
        assert lab.net.now < deadline, "the program still waits"
        lab.pass_time(5 * MILLISECOND)


def download(lab: Lab, folder: Path, body: bytes, host: str = HOST) -> None:
    """curl gets `body` from a simulated host, and has it as it was."""
    server = web.serve(lab.host(host), 80, body)
    address = lab.host(host).stack.interfaces[0].addresses[0][0]
    target = folder / "downloaded"
    lab.run(f"curl -sSf -o {target} http://{'.'.join(map(str, address))}/x", PATIENCE)
    server.check()
    assert digest(target.read_bytes()) == digest(body)


def fetch(lab: Lab, folder: Path, body: bytes, host: str = HOST) -> None:
    """A simulated host gets `body` from Python's web server on the kernel, and has it as it was."""
    (folder / "body").write_bytes(body)
    command = f"{sys.executable} -m http.server --directory {folder} --bind {KERNEL_ADDRESS} 8000"
    with kernel_server(lab, command, 8000):
        client = web.fetch(lab.host(host), KERNEL, 8000, "/body")
        finish(lab, client)
    assert digest(client.result()) == digest(body)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def longest_silence(net: Network, port: str) -> int:
    """The longest time (ns) between two frames at a port."""
    index = net.port(port).index
    times = [seen.time for seen in net.trace.captured() if seen.port == index]
    return max(b - a for a, b in itertools.pairwise(times))


# -- curl and http.server


@pytest.mark.parametrize("host", ["h1", "h2"])
def test_curl_gets_50_megabytes(lab: Lab, tmp_path: Path, host: str) -> None:
    download(lab, tmp_path, payload(50 * MB), host)


@pytest.mark.parametrize("host", ["h1", "h2"])
def test_50_megabytes_from_the_kernel(lab: Lab, tmp_path: Path, host: str) -> None:
    fetch(lab, tmp_path, payload(50 * MB), host)


def test_curl_sends_and_gets(lab: Lab, tmp_path: Path) -> None:
    """Up and down over the same connection."""
    server = web.serve(lab.host(HOST), 80, b"")
    body = payload(5 * MB)
    (tmp_path / "body").write_bytes(body)
    lab.run(f"curl -sSf -H Expect: -T {tmp_path}/body -o {tmp_path}/echo http://{HOST_ADDRESS}/x", PATIENCE)
    server.check()
    assert digest((tmp_path / "echo").read_bytes()) == digest(body)


def test_curl_connects_200_times(lab: Lab) -> None:
    server = web.serve(lab.host(HOST), 80, b"short")
    output = lab.run(f"curl -sSf http://{HOST_ADDRESS}/[1-200]", PATIENCE)
    assert output == "short" * 200
    assert len(server.sessions) == 200
    server.check()


def test_the_kernel_is_connected_to_200_times(lab: Lab, tmp_path: Path) -> None:
    """Five connections at a time, as many as that server keeps waiting, forty times."""
    (tmp_path / "body").write_bytes(b"short")
    command = f"{sys.executable} -m http.server --directory {tmp_path} --bind {KERNEL_ADDRESS} 8000"
    with kernel_server(lab, command, 8000):
        for _ in range(40):
            clients = [web.fetch(lab.host(HOST), KERNEL, 8000, "/body") for _ in range(5)]
            for client in clients:
                finish(lab, client)
                assert client.result() == b"short"


# -- iperf3


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("streams", [1, 4])
def test_iperf3_measures_us(lab: Lab, streams: int, reverse: bool) -> None:
    server = iperf.serve(lab.host(HOST))
    output = lab.run(f"iperf3 -c {HOST_ADDRESS} -t 1 -P {streams} -J {'-R' * reverse}", PATIENCE)
    finish(lab, server)
    result = server.result()
    check_iperf(result, json.loads(output), streams, reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("streams", [1, 4])
def test_we_measure_iperf3(lab: Lab, streams: int, reverse: bool) -> None:
    with kernel_server(lab, "iperf3 -s -1 -J", iperf.PORT) as process:
        client = iperf.measure(lab.host(HOST), KERNEL, streams=streams, reverse=reverse)
        lab.pace(process, PATIENCE)
        finish(lab, client)
        check_iperf(client.result(), json.loads(process.output()), streams, reverse)


def check_iperf(result: iperf.Result, document: dict[str, Any], streams: int, reverse: bool) -> None:
    """Both sides have counted about the same, and it is more than a megabyte in a second."""
    assert "error" not in document
    assert result.streams == streams == len(document["end"]["streams"]) == len(result.other["streams"])
    assert result.reverse == reverse
    assert result.other_bytes() > MB
    assert result.bytes == pytest.approx(result.other_bytes(), abs=streams * 8 * MB)  # what was on its way at the end
    assert min(stream["bytes"] for stream in result.other["streams"]) > 0


# -- links that lose, reorder, duplicate and corrupt


def test_curl_over_a_bad_link(lab: Lab, tmp_path: Path) -> None:
    lab.build(middle=BAD)
    download(lab, tmp_path, payload(8 * MB))
    assert longest_silence(lab.net, "h2:eth0") < STALL


def test_from_the_kernel_over_a_bad_link(lab: Lab, tmp_path: Path) -> None:
    lab.build(middle=BAD)
    fetch(lab, tmp_path, payload(8 * MB))
    assert longest_silence(lab.net, "h2:eth0") < STALL


@pytest.mark.parametrize("reverse", [False, True])
def test_iperf3_over_a_bad_link(lab: Lab, reverse: bool) -> None:
    lab.build(middle=BAD)
    server = iperf.serve(lab.host(HOST))
    output = lab.run(f"iperf3 -c {HOST_ADDRESS} -t 2 -P 4 -J {'-R' * reverse}", PATIENCE)
    finish(lab, server)
    check_iperf(server.result(), json.loads(output), 4, reverse)
    assert longest_silence(lab.net, "h2:eth0") < STALL


@either
def test_half_close_over_a_bad_link(lab: Lab, side: str) -> None:
    """Every segment matters here: the SYN, the FINs, and the little that is said."""
    lab.build(middle=BAD)
    for number in range(5):
        with Ends(lab) as ends:
            talker, listener = ends.connection(side, listener=ends.listener(other(side), 80 + number))
            listener.shutdown()
            assert ends.soon(talker.receive) == b""
            data = payload(20_000)
            assert transfer(ends, talker, listener, data) == data
            talker.shutdown()
            assert ends.soon(listener.receive) == b""
            ends.reach(talker, "CLOSED")


# -- congestion controls


@pytest.mark.parametrize("control", ["cubic", "reno", "bbr"])
@pytest.mark.parametrize("reverse", [False, True])
def test_congestion_controls(lab: Lab, control: str, reverse: bool) -> None:
    """4 MB through a bottleneck of 50 Mbit/s and 10 ms take 0.64 s, and little more."""
    known = Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()
    if not reverse and control not in known:
        pytest.skip(f"this kernel has no {control}")
    lab.build(middle=NARROW)
    lab.host(HOST).stack.tcp.congestion = control
    server = iperf.serve(lab.host(HOST))
    flags = "-R" if reverse else f"-C {control}"
    output = lab.run(f"iperf3 -c {HOST_ADDRESS} -n 4000000 -J {flags}", PATIENCE)
    finish(lab, server)
    result = server.result()
    end = json.loads(output)["end"]
    assert max(result.bytes, result.other_bytes()) >= 4 * MB
    assert end["sum_received"]["bits_per_second"] > 20 * MB
    assert longest_silence(lab.net, "h2:eth0") < STALL


# -- captures

BROKEN = "_ws.malformed || ip.checksum.status == Bad || tcp.checksum.status == Bad"
TROUBLE = " || ".join(
    f"tcp.analysis.{name}"
    for name in (
        "retransmission",
        "fast_retransmission",
        "spurious_retransmission",
        "out_of_order",
        "lost_segment",
        "ack_lost_segment",
        "zero_window",
        "keep_alive",
    )
)


def capture(lab: Lab, folder: Path) -> Path:
    """All that was seen at the port of h2."""
    paths = lab.net.trace.write_pcaps(folder)
    return next(path for path in paths if path.name == "h2-eth0.pcap")


def tshark(path: Path, wanted: str) -> str:
    """The frames of a capture that tshark finds fitting, every checksum checked, every segment looked at by itself."""
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    options = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "tcp.desegment_tcp_streams:FALSE")
    command = ["tshark", "-r", str(path), *[word for option in options for word in ("-o", option)], "-Y", wanted]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_tshark_finds_no_fault_on_clean_links(lab: Lab, tmp_path: Path) -> None:
    """No malformed segment, no bad checksum, nothing that we retransmit, or acknowledge before it came.

    The way is so long that no timer of ours goes off when this machine does something else for a while; the kernel's
    may, and then we answer what we have already.
    """
    lab.build(middle={"delay": "30ms"})
    download(lab, tmp_path, payload(5 * MB))
    fetch(lab, tmp_path, payload(5 * MB))
    for side in SIDES:
        with Ends(lab) as ends:
            first, second = ends.connection(side, listener=ends.listener(other(side), 81))
            first.shutdown()
            ends.reach(second, "CLOSE-WAIT")
            second.abort()
            ends.reach(first, "CLOSED")
    seen = capture(lab, tmp_path)
    assert tshark(seen, BROKEN) == ""
    assert tshark(seen, f"eth.src == {lab.mac('h2')} && ({TROUBLE})") == ""
    assert tshark(seen, "tcp").count("\n") > 7000


@pytest.mark.parametrize("way", [download, fetch])
def test_tshark_finds_no_fault_in_what_we_send_over_a_bad_link(
    lab: Lab, tmp_path: Path, way: Callable[[Lab, Path, bytes], None]
) -> None:
    """What is broken there was broken on its way."""
    lab.build(middle=BAD)
    way(lab, tmp_path, payload(2 * MB))
    seen = capture(lab, tmp_path)
    ours = f"eth.src == {lab.mac('h2')}"
    assert tshark(seen, f"{ours} && ({BROKEN})") == ""
    assert tshark(seen, f"{ours} && tcp.options.sack_le" if way is fetch else f"{ours} && ({TROUBLE})")
    assert tshark(seen, f"{ours} && tcp").count("\n") > 500
