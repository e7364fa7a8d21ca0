from __future__ import annotations

from typing import TYPE_CHECKING

from sim.links.rules import PASS, Deliver, Drop
from sim.services.traceroute import FIRST_PORT, TraceHop
from sim.units import MILLISECOND, SECOND

if TYPE_CHECKING:
    from tests.services.conftest import Chain

EXCEEDED, REACHED = "time to live exceeded", "port unreachable"


def is_from_r1(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[26:30] == bytes((10, 0, 0, 254))


def test_every_router_on_the_way_is_found(chain: Chain) -> None:
    chain.warm_up()
    trace = chain.h1.traceroute("h2")
    assert trace.reached
    assert trace.hops == [
        TraceHop(1, "10.0.0.254", 2 * MILLISECOND, EXCEEDED),
        TraceHop(2, "10.1.0.2", 4 * MILLISECOND, EXCEEDED),
        TraceHop(3, "10.2.0.1", 6 * MILLISECOND, REACHED),
    ]


def test_each_probe_has_its_ttl_and_a_port_further(chain: Chain) -> None:
    chain.warm_up()
    left: list[tuple[int, int]] = []
    chain.h1.attach(lambda time, port, frame: left.append((frame[22], int.from_bytes(frame[36:38], "big"))))
    chain.h1.traceroute("h2")
    assert left[::2] == [(n + 1, FIRST_PORT + n) for n in range(3)]


def test_a_silent_hop_is_shown_and_passed(chain: Chain) -> None:
    chain.warm_up()
    chain.links[0].add_rule(lambda frame, time: Drop("test") if is_from_r1(frame) else PASS)
    start = chain.net.now
    trace = chain.h1.traceroute("h2", timeout="300ms")
    assert trace.hops[0] == TraceHop(1, None, None, "no answer")
    assert [hop.address for hop in trace.hops] == [None, "10.1.0.2", "10.2.0.1"]
    assert trace.reached
    assert chain.net.now == start + 310 * MILLISECOND


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_hops(chain: Chain) -> None:
    chain.warm_up()
    chain.links[0].add_rule(lambda frame, time: Deliver(after=302 * MILLISECOND) if is_from_r1(frame) else PASS)
    trace = chain.h1.traceroute("h2", timeout="300ms")
    assert [hop.address for hop in trace.hops] == [None, "10.1.0.2", "10.2.0.1"]


def test_it_ends_where_the_network_is_unreachable(chain: Chain) -> None:
    trace = chain.h1.traceroute("172.16.0.1")
    # As in Linux, the router looks for a route before it looks at the TTL.
    assert [(hop.address, hop.text) for hop in trace.hops] == [("10.0.0.254", "network unreachable")]
    assert not trace.reached


def test_it_ends_where_the_host_is_unreachable(chain: Chain) -> None:
    trace = chain.h1.traceroute("10.2.0.9", timeout="5s")
    assert [hop.text for hop in trace.hops] == [EXCEEDED, EXCEEDED, "host unreachable"]
    assert not trace.reached


def test_it_gives_up_after_the_last_hop_allowed(chain: Chain) -> None:
    trace = chain.h1.traceroute("h2", max_hops=2)
    assert [hop.ttl for hop in trace.hops] == [1, 2]
    assert not trace.reached
    chain.links[2].add_rule(lambda frame, time: Drop("test"))
    start = chain.net.now
    silent = chain.h1.traceroute("h2", max_hops=4)
    assert [hop.address for hop in silent.hops] == ["10.0.0.254", "10.1.0.2", None, None]
    assert silent.done
    assert chain.net.now > start + 2 * SECOND


def test_without_a_route_it_ends_at_home(chain: Chain) -> None:
    chain.net.set_link(chain.links[0], False)
    trace = chain.h1.traceroute("h2")
    assert trace.hops == [TraceHop(1, None, None, "network is unreachable")]


def test_a_port_where_somebody_listens_is_silent_and_the_next_one_answers(chain: Chain) -> None:
    listener = chain.h2.stack.udp.open(port=FIRST_PORT + 2)
    listener.on_event = lambda: listener.send_to(b"here", *(listener.receive() or (b"", b"", 0))[1:])
    trace = chain.h1.traceroute("h2", max_hops=5)
    assert [hop.address for hop in trace.hops] == ["10.0.0.254", "10.1.0.2", None, "10.2.0.1"]
    assert trace.reached


def test_each_probe_begins_a_journey_of_its_own(chain: Chain) -> None:
    trace = chain.h1.traceroute("h2")
    paths = [chain.net.trace.journey(root).path() for root in trace.roots]
    assert paths == [["h1", "r1"], ["h1", "r1", "r2"], ["h1", "r1", "r2", "h2"]]
