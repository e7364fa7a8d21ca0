#!/usr/bin/env python3
"""The chain: host - switch - router - router - router - switch - host, and how many frame-hops a CPU second carries.

    python scripts/bench.py [--datagrams 200000] [--runs 5] [--record]

UDP datagrams of 512 bytes, one each 40 us, over links of 1 Gbit/s and 10 us. A frame-hop is a frame put on a link. The
calibration, a loop of bare heap operations in the same run, tells a slow machine from slow code.
"""

from __future__ import annotations

import argparse
import heapq
import statistics
import time

import sim
from sim.lab.nodes import LabHost

HOPS = 6
INTERVAL = 40_000  # ns


def chain(record: bool) -> tuple[sim.Network, LabHost, LabHost]:
    """The network, ARP already answered."""
    net = sim.Network(seed=1, record=record)
    h1 = net.host("h1", ip="10.0.0.1/24", gateway="10.0.0.254")
    h2 = net.host("h2", ip="10.0.3.1/24", gateway="10.0.3.254")
    net.router("r1", {"a": "10.0.0.254/24", "b": "10.1.0.1/30"}, routes={"10.0.3.0/24": "10.1.0.2"})
    net.router(
        "r2",
        {"a": "10.1.0.2/30", "b": "10.1.1.1/30"},
        routes={"10.0.3.0/24": "10.1.1.2", "10.0.0.0/24": "10.1.0.1"},
    )
    net.router("r3", {"a": "10.1.1.2/30", "b": "10.0.3.254/24"}, routes={"10.0.0.0/24": "10.1.1.1"})
    net.switch("s1")
    net.switch("s2")
    for a, b in [("h1", "s1"), ("s1", "r1:a"), ("r1:b", "r2:a"), ("r2:b", "r3:a"), ("r3:b", "s2"), ("s2", "h2")]:
        net.link(a, b, bandwidth="1Gbps", delay="10us")
    assert h1.ping("h2").received == 1
    return net, h1, h2


def run(datagrams: int, record: bool) -> float:
    """Frame-hops per CPU second of one run."""
    net, h1, h2 = chain(record)
    engine = net.engine
    sender, receiver = h1.stack.udp.open(), h2.stack.udp.open(port=9)
    destination, data = net.resolve("h2"), bytes(512)
    left, arrived = datagrams, 0

    def take() -> None:
        nonlocal arrived
        while receiver.receive() is not None:
            arrived += 1

    def send() -> None:
        nonlocal left
        left -= 1
        h1.stack.enter(engine.now, engine.number())
        sender.send_to(data, destination, 9)
        if left:
            timer.set(engine.now + INTERVAL)

    receiver.on_event = take
    timer = engine.timer(send)
    timer.set(engine.now + INTERVAL)
    started = time.process_time()
    net.run()
    used = time.process_time() - started
    assert arrived == datagrams
    return datagrams * HOPS / used


def calibrate(operations: int = 300_000) -> float:
    """Heap push-and-pop pairs per CPU second, with 50 entries in the heap."""
    heap: list[tuple[int, int]] = []
    started = time.process_time()
    for number in range(operations):
        heapq.heappush(heap, (number * 7919 % 100_003, number))
        if len(heap) > 50:
            heapq.heappop(heap)
    return operations / (time.process_time() - started)


def main() -> None:
    """Print the median of the runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datagrams", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="with the trace recorded")
    options = parser.parse_args()
    rates, calibrations = [], []
    for number in range(options.runs):
        calibrations.append(calibrate())
        rates.append(run(options.datagrams, options.record))
        print(f"run {number + 1}: {rates[-1] / 1000:6.0f} k frame-hops/s   heap {calibrations[-1] / 1000:6.0f} k/s")
    rate, heap = statistics.median(rates), statistics.median(calibrations)
    print(f"median {rate / 1000:6.0f} k frame-hops/s   {rate / heap:.3f} hops for a heap push and pop")


if __name__ == "__main__":
    main()
