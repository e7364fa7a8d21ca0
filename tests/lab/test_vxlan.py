"""The end of a tunnel without its socket: to whom frames go, what is learned, what is refused and why."""

from __future__ import annotations

import pytest

from sim.errors import TopologyError
from sim.lab.bare_ports import refuse_virtual_time
from sim.lab.build import build
from sim.lab.network import Network
from sim.lab.nodes import Probe
from sim.lab.outlets import NOT_OPEN
from sim.lab.runner import Run
from sim.lab.vxlan import AGEING, TABLE_SIZE, Address, VxlanOutlet
from sim.scenario.load import loads
from sim.tracing import kinds
from sim.wire import vxlan

ONE, TWO, THREE = ("127.0.0.1", 4790), ("127.0.0.1", 4791), ("127.0.0.3", 4789)
NEAR, FAR, OTHER = (bytes((2, 0, 0, 0, 0, last)) for last in (1, 2, 3))
EVERYBODY = b"\xff" * 6


def frame(destination: bytes, source: bytes) -> bytes:
    return destination + source + b"\x88\xb5" + bytes(46)


class Tunnel:
    """A network of a probe and the end of a tunnel; `sent` are its datagrams and to whom."""

    def __init__(self) -> None:
        self.net = Network()
        self.end = self.net.add(VxlanOutlet(self.net, "v", 42, ("127.0.0.1", 4789), [ONE, TWO, THREE]))
        self.probe = self.net.probe("p")
        self.net.link(self.end, self.probe)
        self.sent: list[tuple[bytes, Address]] = []
        self.trouble: dict[Address, str] = {}
        self.end.send = self._send

    def _send(self, datagram: bytes, to: Address) -> str | None:
        self.sent.append((datagram, to))
        return self.trouble.get(to)

    def out(self, destination: bytes, source: bytes = NEAR) -> list[Address]:
        """Let a frame go out; to whom it went."""
        self.sent.clear()
        self.probe.inject(frame(destination, source))
        self.net.run()
        assert {vxlan.parse(datagram) for datagram, _ in self.sent} <= {vxlan.Packet(42, frame(destination, source))}
        return [to for _, to in self.sent]

    def came(self, source: bytes, sender: Address, destination: bytes = NEAR) -> None:
        self.end.take(vxlan.emit(vxlan.Packet(42, frame(destination, source))), sender)
        self.net.run()


def test_what_is_not_known_goes_to_all() -> None:
    tunnel = Tunnel()
    assert tunnel.out(FAR) == [ONE, TWO, THREE]
    assert tunnel.out(EVERYBODY) == [ONE, TWO, THREE]
    assert tunnel.end.counters() == {"sent": 0, "received": 2, "refused": 0}


def test_an_address_is_learned_from_whom_it_comes() -> None:
    tunnel = Tunnel()
    tunnel.came(FAR, TWO)
    assert [data for _, data in tunnel.probe.frames] == [frame(NEAR, FAR)]
    assert tunnel.out(FAR) == [TWO]
    assert tunnel.out(OTHER) == [ONE, TWO, THREE]
    tunnel.came(FAR, ONE)  # it has moved
    assert tunnel.out(FAR) == [ONE]
    assert tunnel.sent == [(vxlan.emit(vxlan.Packet(42, frame(FAR, NEAR))), ONE)]
    assert tunnel.out(OTHER, FAR) == [ONE, TWO, THREE]  # and now it is on this side
    assert tunnel.out(FAR) == [ONE, TWO, THREE]


def test_a_sender_is_known_by_its_address_if_only_one_remote_has_that() -> None:
    """RFC 7348 5: the source port is a hash of the flow."""
    tunnel = Tunnel()
    tunnel.came(FAR, ("127.0.0.3", 55555))
    assert tunnel.end.table() == {FAR: THREE}
    tunnel.came(OTHER, ("127.0.0.1", 55555))  # one or two, who knows: taken in, not learned
    assert tunnel.end.table() == {FAR: THREE}
    assert len(tunnel.probe.frames) == 2


def test_what_is_not_heard_of_is_forgotten() -> None:
    tunnel = Tunnel()
    tunnel.came(FAR, TWO)
    tunnel.net.run(until=AGEING)
    assert tunnel.out(FAR) == [TWO]
    tunnel.net.run(until=AGEING + 1)
    assert tunnel.out(FAR) == [ONE, TWO, THREE]
    assert tunnel.end.table() == {}
    tunnel.came(FAR, TWO)
    tunnel.net.set_power(tunnel.end, False)
    assert tunnel.end.table() == {}


def test_no_group_is_learned() -> None:
    tunnel = Tunnel()
    tunnel.came(EVERYBODY, TWO)
    assert tunnel.end.table() == {}


def test_the_table_is_bounded_and_makes_room_by_age() -> None:
    tunnel = Tunnel()
    datagrams = [
        vxlan.emit(vxlan.Packet(42, frame(NEAR, b"\x02" + n.to_bytes(5, "big")))) for n in range(TABLE_SIZE + 1)
    ]
    for datagram in datagrams:
        tunnel.end.take(datagram, TWO)
    assert len(tunnel.end.table()) == TABLE_SIZE
    tunnel.net.run(until=AGEING + 1_000_000)
    tunnel.end.take(datagrams[-1], TWO)
    assert list(tunnel.end.table()) == [b"\x02" + TABLE_SIZE.to_bytes(5, "big")]


@pytest.mark.parametrize(
    ("datagram", "sender", "reason"),
    [
        (vxlan.emit(vxlan.Packet(42, frame(NEAR, FAR))), ("127.0.0.9", 4789), "VXLAN: from no remote"),
        (vxlan.emit(vxlan.Packet(43, frame(NEAR, FAR))), TWO, "VXLAN: another VNI"),
        (vxlan.emit(vxlan.Packet(42, frame(NEAR, FAR)[:13])), TWO, "VXLAN: no frame in it"),
        (vxlan.emit(vxlan.Packet(42, b"")), TWO, "VXLAN: no frame in it"),
        (b"", TWO, "VXLAN: bad header"),
        (b"\x08\0\0\0\0\0\x2a", TWO, "VXLAN: bad header"),
        (b"\0\0\0\0\0\0\x2a\0" + frame(NEAR, FAR), TWO, "VXLAN: bad header"),
    ],
)
def test_datagrams_that_are_refused(datagram: bytes, sender: Address, reason: str) -> None:
    tunnel = Tunnel()
    tunnel.end.take(datagram, sender)
    tunnel.net.run()
    assert tunnel.probe.frames == []
    assert tunnel.end.drops() == {reason: 1}
    assert tunnel.end.counters() == {"sent": 0, "received": 0, "refused": 1}
    assert tunnel.end.table() == {}


def test_what_cannot_be_sent_is_a_drop_with_its_reason() -> None:
    tunnel = Tunnel()
    tunnel.trouble[ONE] = "VXLAN: socket full"
    assert tunnel.out(FAR) == [ONE, TWO, THREE]  # the others get it all the same
    assert tunnel.end.drops() == {"VXLAN: socket full": 1}
    recorder = tunnel.net.recorder
    assert (kinds.DROP, "VXLAN: socket full") in zip(recorder.note_kinds, recorder.note_details, strict=True)
    assert tunnel.end.counters() == {"sent": 0, "received": 0, "refused": 1}


def test_without_a_socket_frames_end_there() -> None:
    tunnel = Tunnel()
    tunnel.end.send = None
    assert tunnel.out(FAR) == []
    assert tunnel.end.drops() == {NOT_OPEN: 1}


def test_a_vni_has_24_bits() -> None:
    with pytest.raises(TopologyError, match="v: a VNI is 0 to 16777215, not 16777216"):
        VxlanOutlet(Network(), "v", 1 << 24, ONE, [TWO])


# From a file -----------------------------------------------------------------------------------------------------

TEXT = """
nodes:
  v: {kind: vxlan, vni: 42, local: LOCAL, remote: [127.0.0.2, "127.0.0.3:4790"], netns: lab}
  t: {kind: tap, device: tap7}
  h: {kind: host, ip: 10.0.0.1/24, gateway: 10.0.0.9}
  s: {kind: switch}
links: [[v, s], [t, s], [h, s]]
scenario: [{ping: {from: h, to: 10.0.0.9}}]
"""


def test_it_is_built_as_it_is_written() -> None:
    end = build(loads(TEXT.replace("LOCAL", "127.0.0.1")))["v"]
    assert isinstance(end, VxlanOutlet)
    assert (end.vni, end.local, end.netns) == (42, ("127.0.0.1", 4789), "lab")
    assert end.remotes == [("127.0.0.2", 4789), ("127.0.0.3", 4790)]


def test_two_networks_on_one_segment_make_different_mac_addresses() -> None:
    one, same, other = (build(loads(TEXT.replace("LOCAL", local))) for local in ("127.0.0.1", "127.0.0.1", "127.0.0.9"))
    assert one.port("h").mac == same.port("h").mac
    assert one.port("h").mac != other.port("h").mac
    assert one.port("h").mac[0] == 2


def test_a_run_in_virtual_time_is_refused_at_the_place_and_says_what_runs_it() -> None:
    topology = loads(TEXT.replace("LOCAL", "127.0.0.1"))
    with pytest.raises(TopologyError) as caught:
        Run(topology).run()
    assert str(caught.value) == (
        "<text>:3:13: error: vxlan 'v' leads out of the simulation, where time cannot leap as it does in a run\n"
        '      v: {kind: vxlan, vni: 42, local: 127.0.0.1, remote: [127.0.0.2, "127.0.0.3:4790"], netns: lab}\n'
        "                ^\n"
        "hint: `sim bridge FILE` runs it in real time"
    )
    with pytest.raises(TopologyError, match="tap 't' leads out"):
        refuse_virtual_time(loads("nodes:\n  t: {kind: tap, device: tap7}\n"))
    refuse_virtual_time(loads("nodes:\n  t: {kind: hub}\n"))


def test_what_reaches_a_tap_in_virtual_time_is_dropped_by_name() -> None:
    net = build(loads(TEXT.replace("LOCAL", "127.0.0.1")))
    probe = net.probe("p")
    net.link(probe, "s")
    probe.inject(frame(EVERYBODY, NEAR))
    net.run()
    tap = net["t"]
    assert isinstance(tap, Probe)
    assert tap.drops() == {NOT_OPEN: 1}
    assert tap.frames == []
