"""What can go wrong with a TAP device, and what it does to the thread, the frames and the trace."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sim.bridge import tap as tap_module
from sim.bridge.tap import BATCH, Tap, TapError, run_in_namespace
from sim.errors import SimError
from sim.lab.outlets import NOT_OPEN
from sim.services.datagrams import Listener
from sim.services.ping import Ping
from sim.tracing import kinds
from sim.units import SECOND
from sim.wire import ethernet, ipv4, udp

if TYPE_CHECKING:
    from tests.bridge.conftest import Lab

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="TAP devices are a matter of Linux")


def test_elsewhere_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(TapError, match="Linux, this is darwin"):
        Tap.open("tap0")
    with pytest.raises(TapError, match="Linux, this is darwin"):
        run_in_namespace("lab", lambda: None)
    assert issubclass(TapError, SimError)


@linux_only
@pytest.mark.parametrize("name", ["", "sixteen-bytes-xx", "a/b", "a b", "éééééééé"])
def test_a_name_that_is_none_for_an_interface(name: str) -> None:
    with pytest.raises(TapError, match="no name for an interface"):
        Tap.open(name)


@linux_only
def test_a_namespace_that_does_not_exist() -> None:
    with pytest.raises(TapError, match="there is no network namespace 'nowhere': `ip netns add nowhere` makes it"):
        Tap.open("tap0", "nowhere")


@linux_only
def test_without_the_tun_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "TUN_DEVICE", "/dev/net/nothing")
    with pytest.raises(TapError, match="cannot make the TAP device tap0: there is no /dev/net/nothing; `modprobe tun`"):
        Tap.open("tap0")


@linux_only
def test_without_the_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(TapError, match=r"cannot make the TAP device tap0: it takes root \(CAP_NET_ADMIN\)"):
        Tap.open("tap0")


@pytest.mark.root
def test_a_name_that_is_taken(netns: str) -> None:
    tap = Tap.open("tap0", netns)
    with pytest.raises(TapError, match="cannot make the TAP device tap0: the name is taken"):
        Tap.open("tap0", netns)
    tap.close()
    Tap.open("tap0", netns).close()


@pytest.mark.root
def test_the_device_is_in_the_namespace_and_we_are_not(netns: str) -> None:
    ours = os.readlink("/proc/thread-self/ns/net")
    threads = threading.active_count()
    tap = Tap.open("tap%d", netns)
    assert os.readlink("/proc/thread-self/ns/net") == ours
    assert run_in_namespace(netns, lambda: os.readlink("/proc/thread-self/ns/net")) != ours
    assert threading.active_count() == threads
    assert tap.name == "tap0"
    assert tap.name in [name for _, name in run_in_namespace(f"/run/netns/{netns}", socket.if_nameindex)]
    tap.close()
    tap.close()
    assert [name for _, name in run_in_namespace(netns, socket.if_nameindex)] == ["lo"]


@pytest.mark.root
def test_what_fails_inside_a_namespace_fails_outside(netns: str) -> None:
    with pytest.raises(ZeroDivisionError):
        run_in_namespace(netns, lambda: 1 // 0)


@pytest.mark.root
def test_the_port_has_the_mac_address_of_the_device(lab: Lab) -> None:
    assert lab.mac("kernel") in lab.configure("link show tap0")


@pytest.mark.root
def test_it_never_blocks(netns: str) -> None:
    tap = Tap.open("tap0", netns)
    assert tap.read() is None
    tap.close()


@pytest.mark.root
def test_the_kernel_fills_in_checksums_and_segments_by_itself(lab: Lab) -> None:
    """No virtio header, no offloads: no half checksum, no frame longer than the MTU."""
    frames: list[bytes] = []
    lab.kernel.node.attach(lambda time, port, frame: frames.append(frame))
    listener = Listener(lab.host("h1"), 7777)
    with lab.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        sender.sendto(b"x" * 1000, ("10.0.1.10", 7777))
        sender.sendto(b"y" * 5000, ("10.0.1.10", 7777))
        lab.until(lambda: len(listener.received) == 2)
    assert [data for data, _, _ in listener.received] == [b"x" * 1000, b"y" * 5000]
    mac = lab.kernel.tap.mac
    sent = [ethernet.parse(frame) for frame in frames if frame[6:12] == mac and frame[12:14] == b"\x08\x00"]
    assert max(len(frame.payload) for frame in sent) == 1500
    whole = ipv4.parse(sent[0].payload)
    assert not whole.more_fragments
    udp.parse(whole.payload, whole.source, whole.destination)  # raises for a checksum that is not right


@pytest.mark.root
def test_more_frames_than_one_batch(lab: Lab) -> None:
    listener = Listener(lab.host("h1"), 7777)
    lab.ping_from("h1")
    with lab.inside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        for number in range(3 * BATCH):
            sender.sendto(bytes([number]), ("10.0.1.10", 7777))
        lab.until(lambda: len(listener.received) == 3 * BATCH)
    assert [data[0] for data, _, _ in listener.received] == list(range(3 * BATCH))


@pytest.mark.root
def test_what_the_kernel_sends_has_no_cause(lab: Lab) -> None:
    lab.run("ping -c 1 10.0.2.10")
    recorder = lab.net.recorder
    port = lab.kernel.node.ports[0].index
    causes = [cause for sender, cause in zip(recorder.senders, recorder.causes, strict=True) if sender == port]
    assert causes
    assert not any(causes)


@pytest.mark.root
def test_an_interface_that_is_down_drops_with_a_reason(lab: Lab) -> None:
    lab.configure("link set tap0 down")
    host = lab.host("h1")
    Ping(host, lab.net.resolve("10.0.1.1"), lambda: None).start()
    lab.until(lambda: lab.kernel.node.refused)
    reason = "TAP interface down"
    assert (
        lab.kernel.node.drops()[reason] == lab.kernel.node.refused[reason] == lab.kernel.node.counters()["refused"] > 0
    )
    recorder = lab.net.recorder
    notes = zip(recorder.note_nodes, recorder.note_kinds, recorder.note_details, strict=True)
    assert (lab.kernel.node.node, kinds.DROP, reason) in notes


@pytest.mark.root
def test_a_pulled_cable_is_one_that_the_kernel_sees(lab: Lab) -> None:
    link = lab.net.link_between("kernel", "sw1")
    lab.run("ping -c 1 10.0.1.10")
    lab.net.set_link(link, False)
    assert "NO-CARRIER" in lab.configure("link show tap0")
    lab.net.set_link(link, True)
    assert "NO-CARRIER" not in lab.configure("link show tap0")
    assert "1 received" in lab.run("ping -c 1 10.0.1.10")


@pytest.mark.root
def test_a_device_that_somebody_removes(lab: Lab) -> None:
    lab.configure("link delete tap0")
    with pytest.raises(TapError, match="the TAP device tap0 is gone"):
        lab.pass_time(SECOND)


@pytest.mark.root
def test_a_closed_device_refuses_and_does_not_fail(lab: Lab) -> None:
    lab.kernel.close()
    lab.host("h1").ping("10.0.1.1")
    assert set(lab.kernel.node.refused) == {NOT_OPEN}
    lab.net.set_link(lab.net.link_between("kernel", "sw1"), False)
