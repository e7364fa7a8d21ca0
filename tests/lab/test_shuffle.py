"""Races of programs that another order of what is simultaneous brings out."""

from __future__ import annotations

import socket
import time

import sim


def racing(seed: int, shuffled: bool) -> str:
    """A datagram reaches a program at the very instant at which its patience ends."""
    net = sim.Network(seed)
    a, b = net.host("a", "10.0.0.1/24"), net.host("b", "10.0.0.2/24")
    net.link(a, b, delay="1ms")
    if shuffled:
        net.shuffle()

    def receive() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.bind(("", 7))
            own.settimeout(1)
            try:
                print(own.recv(100).decode(), end="")
            except TimeoutError:
                print("late", end="")

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
            own.sendto(b"x", ("10.0.0.2", 9))  # so that ARP is done
            time.sleep(1 - 0.001)  # and the way takes 1 ms
            own.sendto(b"in time", ("10.0.0.2", 7))

    process = b.spawn(receive)
    a.spawn(send)
    net.run()
    return process.stdout


def test_a_timeout_and_a_frame_at_one_instant_come_in_either_order() -> None:
    assert {racing(seed, shuffled=False) for seed in range(10)} == {"in time"}
    assert {racing(seed, shuffled=True) for seed in range(10)} == {"late", "in time"}


def test_the_order_of_two_frames_that_meet_at_a_switch() -> None:
    first = set()
    for seed in range(20):
        net = sim.Network(seed)
        switch = net.switch("sw")
        probes = [net.probe(name) for name in ("a", "b", "c")]
        for probe in probes:
            net.link(probe, switch, bandwidth="1Gbps", delay="1us")
        net.shuffle()
        for probe in probes[:2]:
            probe.inject(b"\xff" * 6 + probe.ports[0].mac + b"\x88\xb5" + probe.name.encode() * 46, at="1ms")
        net.run()
        first.add("".join(frame[14:15].decode() for _, frame in probes[2].frames))
    assert first == {"ab", "ba"}
