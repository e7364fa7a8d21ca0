"""struct tcp_info of <linux/tcp.h>: where each field lies, what it says, and a kernel that says the same."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from random import randrange

import pytest

from sim.stack.tcp.sockets import TcpSocket
from sim.units import MILLISECOND
from tests.stack.tcp.pair import Pair, drain

SIZE = 232
LAYOUT = {  # name without tcpi_: (offset, format)
    "state": (0, "B"),
    "ca_state": (1, "B"),
    "retransmits": (2, "B"),
    "probes": (3, "B"),
    "backoff": (4, "B"),
    "options": (5, "B"),
    "wscales": (6, "B"),
    "app_limited": (7, "B"),
    "rto": (8, "I"),
    "ato": (12, "I"),
    "snd_mss": (16, "I"),
    "rcv_mss": (20, "I"),
    "unacked": (24, "I"),
    "sacked": (28, "I"),
    "lost": (32, "I"),
    "retrans": (36, "I"),
    "fackets": (40, "I"),
    "last_data_sent": (44, "I"),
    "last_ack_sent": (48, "I"),
    "last_data_recv": (52, "I"),
    "last_ack_recv": (56, "I"),
    "pmtu": (60, "I"),
    "rcv_ssthresh": (64, "I"),
    "rtt": (68, "I"),
    "rttvar": (72, "I"),
    "snd_ssthresh": (76, "I"),
    "snd_cwnd": (80, "I"),
    "advmss": (84, "I"),
    "reordering": (88, "I"),
    "rcv_rtt": (92, "I"),
    "rcv_space": (96, "I"),
    "total_retrans": (100, "I"),
    "pacing_rate": (104, "Q"),
    "max_pacing_rate": (112, "Q"),
    "bytes_acked": (120, "Q"),
    "bytes_received": (128, "Q"),
    "segs_out": (136, "I"),
    "segs_in": (140, "I"),
    "notsent_bytes": (144, "I"),
    "min_rtt": (148, "I"),
    "data_segs_in": (152, "I"),
    "data_segs_out": (156, "I"),
    "delivery_rate": (160, "Q"),
    "busy_time": (168, "Q"),
    "rwnd_limited": (176, "Q"),
    "sndbuf_limited": (184, "Q"),
    "delivered": (192, "I"),
    "delivered_ce": (196, "I"),
    "bytes_sent": (200, "Q"),
    "bytes_retrans": (208, "Q"),
    "dsack_dups": (216, "I"),
    "reord_seen": (220, "I"),
    "rcv_ooopack": (224, "I"),
    "snd_wnd": (228, "I"),
}
STATES = {"ESTABLISHED": 1, "SYN-SENT": 2, "FIN-WAIT-2": 5, "CLOSED": 7, "CLOSE-WAIT": 8, "LISTEN": 10}
UNLIMITED = (1 << 64) - 1
COUNTED = (
    *("state", "ca_state", "retransmits", "probes", "options", "lost", "retrans", "snd_cwnd", "snd_ssthresh"),
    *("bytes_acked", "bytes_received", "data_segs_in", "data_segs_out", "bytes_sent", "bytes_retrans"),
    *("notsent_bytes", "total_retrans", "reordering", "dsack_dups", "reord_seen", "delivered", "delivered_ce"),
)
"""What does not depend on how fast the path is and how large its segments."""


def fields(info: bytes) -> dict[str, int]:
    return {name: int(struct.unpack_from(f"={kind}", info, at)[0]) for name, (at, kind) in LAYOUT.items()}


def of(one: TcpSocket) -> dict[str, int]:
    return fields(one.info())


def test_the_fields_lie_one_after_the_other() -> None:
    at = 0
    for offset, kind in LAYOUT.values():
        assert offset == at
        at += struct.calcsize(f"={kind}")
    assert at == SIZE


def test_each_field_lies_where_linux_has_it() -> None:
    """Every value of a control block is different, and found at its own offset and nowhere else."""
    pair = Pair()
    client, _ = pair.joined()
    tcb = client.connection
    assert tcb is not None
    pair.net.run(until=10_000 * MILLISECOND)
    pair.act(pair.a)
    tcb.phase, tcb.retransmits, tcb.probes_out = 3, 4, 5
    tcb.snd_scale, tcb.rcv_scale = 6, 9
    tcb.rtt.timeout, tcb.ato = 1001_000, 1002_000
    tcb.mss, tcb.received_mss = 1003, 1004
    tcb.sacked_out, tcb.lost_out, tcb.retransmitted_out = 1005, 1006, 1007
    tcb.last_sent_at, tcb.last_data_at = tcb.core.now - 1008 * MILLISECOND, tcb.core.now - 1009 * MILLISECOND
    tcb.last_heard_at = tcb.core.now - 1010 * MILLISECOND
    tcb.path_mtu, tcb.window_threshold = 1011, 1012
    tcb.rtt.srtt, tcb.rtt._mean = 1013_000, 4 * 1014_000
    tcb.flow.ssthresh, tcb.flow.cwnd = 1015, 1016
    tcb.advertised_mss, tcb.reordering, tcb.rcv_rtt, tcb.space = 1017, 1018, 1019_000, 1020
    tcb.total_retransmits, tcb.flow.pacing_rate = 1021, 1022
    tcb.bytes_acked, tcb.bytes_received, tcb.segments_out, tcb.segments_in = 1023, 1024, 1025, 1026
    tcb.unsent.append(bytes(1027))
    tcb.rtt.min_rtt, tcb.data_segments_in, tcb.data_segments_out = 1028_000, 1029, 1030
    tcb.flow.delivered, tcb.delivered_ce, tcb.bytes_sent, tcb.bytes_retransmitted = 1031, 1032, 1033, 1034
    tcb.dsack_duplicates, tcb.reorderings, tcb.snd_wnd = 1035, 1036, 1037
    found = of(client)
    expected = {
        "state": 1,
        "ca_state": 3,
        "retransmits": 4,
        "probes": 5,
        "wscales": 6 | 9 << 4,
        "rto": 1001,
        "ato": 1002,
        "snd_mss": 1003,
        "rcv_mss": 1004,
        "unacked": 0,
        "sacked": 1005,
        "lost": 1006,
        "retrans": 1007,
        "last_data_sent": 1008,
        "last_data_recv": 1009,
        "last_ack_recv": 1010,
        "pmtu": 1011,
        "rcv_ssthresh": 1012,
        "rtt": 1013,
        "rttvar": 1014,
        "snd_ssthresh": 1015,
        "snd_cwnd": 1016,
        "advmss": 1017,
        "reordering": 1018,
        "rcv_rtt": 1019,
        "rcv_space": 1020,
        "total_retrans": 1021,
        "pacing_rate": 1022,
        "max_pacing_rate": UNLIMITED,
        "bytes_acked": 1023,
        "bytes_received": 1024,
        "segs_out": 1025,
        "segs_in": 1026,
        "notsent_bytes": 1027,
        "min_rtt": 1028,
        "data_segs_in": 1029,
        "data_segs_out": 1030,
        "delivered": 1031,
        "delivered_ce": 1032,
        "bytes_sent": 1033,
        "bytes_retrans": 1034,
        "dsack_dups": 1035,
        "reord_seen": 1036,
        "snd_wnd": 1037,
    }
    assert {name: found[name] for name in expected} == expected


def test_states_are_numbered_as_in_linux() -> None:
    pair = Pair()
    fresh = pair.socket(pair.a)
    listener = pair.listen()
    assert of(fresh)["state"] == STATES["CLOSED"]
    assert of(listener)["state"] == STATES["LISTEN"]
    client = pair.connect()
    assert of(client)["state"] == STATES["SYN-SENT"]
    pair.run(1)
    server = listener.accept()
    assert of(client)["state"] == of(server)["state"] == STATES["ESTABLISHED"]
    pair.act(pair.a)
    client.shutdown(1)
    pair.run(1)
    assert of(client)["state"] == STATES["FIN-WAIT-2"]
    assert of(server)["state"] == STATES["CLOSE-WAIT"]
    pair.act(pair.b)
    server.shutdown(1)
    pair.run(0.01)
    assert of(client)["state"] == STATES["CLOSED"]  # TIME-WAIT is not the socket's any more


def test_after_a_transfer_the_books_agree() -> None:
    """What one end has sent the other has received, and all that left has been acknowledged."""
    pair = Pair(delay="10ms")
    client, server = pair.joined()
    pair.act(pair.a)
    assert client.send(bytes(50_000)) == 50_000
    pair.run(1)
    assert len(drain(server)) == 50_000
    sent, got = of(client), of(server)
    assert sent["bytes_sent"] == got["bytes_received"] == 50_000
    assert sent["bytes_acked"] in (50_000, 50_001)  # Linux counts the SYN in
    assert sent["data_segs_out"] == got["data_segs_in"] == -(-50_000 // 1448)
    assert sent["segs_out"] == got["segs_in"]
    assert sent["segs_in"] == got["segs_out"] + 1  # the SYN,ACK is not counted by who sends it
    assert sent["unacked"] == sent["notsent_bytes"] == sent["total_retrans"] == 0
    assert sent["min_rtt"] == 20_000
    assert 20_000 <= sent["rtt"] < 30_000  # a delayed ACK at the end counts
    assert sent["rto"] == pytest.approx(200_000 + sent["rtt"], rel=0.02)
    assert sent["pmtu"] == 1500
    assert (sent["snd_mss"], sent["advmss"]) == (1448, 1448)
    assert sent["options"] == 1 | 2 | 4  # timestamps, SACK, window scale


# -- a kernel as the oracle


def of_kernel(one: socket.socket) -> dict[str, int]:
    info = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if len(info) < SIZE:
        pytest.skip("this kernel's tcp_info is shorter")
    return fields(info)


@pytest.fixture
def kernel() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection on this machine's loopback: who connected, who accepted.

    Both have an address that nobody else uses: a kernel remembers of an address what it saw in earlier connections.
    """
    if sys.platform != "linux":
        pytest.skip("the oracle is a Linux kernel")
    with socket.socket() as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        address = ".".join(["127", *(str(randrange(1, 255)) for _ in range(3))])
        listener.bind((address, 0))
        listener.listen(1)
        with socket.socket() as client:
            client.settimeout(5)
            client.bind((address, 0))
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
            client.connect(listener.getsockname())
            server, _ = listener.accept()
            with server:
                yield client, server


def assert_same(ours: TcpSocket, theirs: socket.socket, names: Sequence[str]) -> None:
    found, expected = of(ours), of_kernel(theirs)
    assert {name: found[name] for name in names} == {name: expected[name] for name in names}


def test_segments_of_the_handshake_are_counted_as_by_a_kernel(kernel: tuple[socket.socket, socket.socket]) -> None:
    """The SYN,ACK is a minisocket's, which Linux does not count; `bytes_acked` has the SYN of who connected."""
    pair = Pair()
    client, server = pair.joined()
    pair.run(0.1)
    for ours, theirs in zip((client, server), kernel, strict=True):
        assert_same(ours, theirs, ("segs_out", "segs_in", "bytes_acked", "rcv_mss", "delivered"))


def test_a_kernel_counts_the_same(kernel: tuple[socket.socket, socket.socket]) -> None:
    """1000 bytes one way and 300 back."""
    kernel[0].sendall(bytes(1000))
    assert len(kernel[1].recv(4096)) == 1000
    kernel[1].sendall(bytes(300))
    assert len(kernel[0].recv(4096)) == 300
    pair = Pair()
    client, server = pair.joined(lambda one: one.set_congestion("reno"))
    pair.act(pair.a)
    client.send(bytes(1000))
    pair.run(0.015)
    pair.act(pair.b)
    drain(server)
    server.send(bytes(300))
    pair.run(0.015)
    pair.act(pair.a)
    drain(client)
    pair.run(0.1)
    for ours, theirs in zip((client, server), kernel, strict=True):
        assert_same(ours, theirs, COUNTED)
