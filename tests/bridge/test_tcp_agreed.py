"""What the kernel and ours agree on for a connection, and what each says of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from sim.units import MILLISECOND
from tests.bridge.ends import HOST, Ends, either, payload, transfer
from tests.bridge.info import ECN, SACK, TIMESTAMPS, WINDOW_SCALE, read_all

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

pytestmark = pytest.mark.root

MB = 1_000_000


def what_both_say(lab: Lab, side: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """TCP_INFO of the kernel's socket and of ours, once it has sent 200 kB, we 300 kB, and 100 ms have passed."""
    with Ends(lab) as ends:
        client, server = ends.connection(side)
        kernel, ours = (client, server) if side == "kernel" else (server, client)
        for writer, reader, size in ((kernel, ours, 200_000), (ours, kernel, 300_000)):
            transfer(ends, writer, reader, payload(size))
        lab.pass_time(100 * MILLISECOND)  # for the last acknowledgements
        return read_all(kernel.info()), read_all(ours.info())


@either
def test_both_say_the_same_of_the_connection(lab: Lab, side: str) -> None:
    theirs, own = what_both_say(lab, side)
    same = {"state": 1, "ca_state": 0, "options": TIMESTAMPS | SACK | WINDOW_SCALE, "pmtu": 1500, "reordering": 3}
    same |= {"snd_mss": 1448, "rcv_mss": 1448, "unacked": 0, "lost": 0, "notsent_bytes": 0}
    assert {name: theirs[name] for name in same} == same
    assert {name: own[name] for name in same} == same
    for name, counterpart in (("snd_wscale", "rcv_wscale"), ("data_segs_in", "data_segs_out"), ("segs_in", "segs_out")):
        assert theirs[name] == pytest.approx(own[counterpart], abs=name == "segs_in")  # a SYN counts or not
        assert theirs[counterpart] == pytest.approx(own[name], abs=name == "segs_in")
    assert (theirs["bytes_received"], own["bytes_received"]) == (300_000, 200_000)
    for one in (theirs, own):
        assert 200_000 <= one["rto"] <= 320_000
        assert 0 < one["min_rtt"] <= one["rtt"] < 50_000
        assert 100 <= one["last_data_sent"] <= 1000
        assert 100 <= one["last_data_recv"] <= 1000
        assert one["snd_cwnd"] >= 10


@either
def test_both_count_the_same(lab: Lab, side: str) -> None:
    """What is told of the SYN: its MSS option less the timestamps', and the client alone counts it as acknowledged."""
    theirs, own = what_both_say(lab, side)
    assert (theirs["advmss"], own["advmss"]) == (1448, 1448)
    assert theirs["bytes_acked"] == 200_000 + (side == "kernel")
    assert own["bytes_acked"] == 300_000 + (side == "ours")
    for one in (theirs, own):
        assert one["rttvar"] < 25_000  # not the least that the timeout reckons with
        assert one["snd_mss"] < one["pacing_rate"] < 1 << 40


@either
def test_ecn_when_one_asks(lab: Lab, side: str) -> None:
    """RFC 3168 6.1.1; both accept it by default, and neither asks for it."""
    if side == "kernel":
        lab.run("sysctl -q -w net.ipv4.tcp_ecn=1")
    else:
        lab.host(HOST).stack.tcp.ecn = 1
    with Ends(lab) as ends:
        client, server = ends.connection(side)
        assert transfer(ends, client, server, payload(MB)) == payload(MB)
        assert read_all(client.info())["options"] & ECN
        assert read_all(server.info())["options"] & ECN


@either
def test_path_mtu_discovery(lab: Lab, side: str) -> None:
    """A router says that 1500 bytes are too many, and the sender, whoever it is, sends smaller segments."""
    lab.build(middle_mtu=800)
    with Ends(lab) as ends:
        client, server = ends.connection(side)
        assert transfer(ends, client, server, payload(300_000)) == payload(300_000)
        assert read_all(client.info())["pmtu"] == 800
        assert read_all(client.info())["snd_mss"] == 800 - 40 - 12
