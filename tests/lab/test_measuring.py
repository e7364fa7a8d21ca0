"""Series of queues: what leaves after the last frame has come is told as well."""

from __future__ import annotations

import sim
from sim.lab.measuring import record_series, settle_series


def test_a_queue_that_has_emptied_is_empty_at_the_end() -> None:
    net = sim.Network(seed=1)
    a, b = net.host("a", ip="10.0.0.1/24"), net.host("b", ip="10.0.0.2/24")
    net.link(a, b, bandwidth="1Mbps", delay="1ms")
    a.ping("10.0.0.2")
    series = record_series(net)
    for port in range(9000, 9005):
        a.socket(2, 2).sendto(bytes(1000), ("10.0.0.2", port))
    net.run(until="1s")
    assert series.points("a:eth0", "queue")[-1][1] > 0
    settle_series(net)
    times = [time for time, _ in series.points("a:eth0", "queue")]
    assert series.points("a:eth0", "queue")[-1][1] == 0
    assert times == sorted(times)
