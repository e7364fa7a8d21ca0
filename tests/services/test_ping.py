from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.lab.network import Network
from sim.links.rules import PASS, Deliver, Drop, Verdict
from sim.services.ping import EchoReply, Ping
from sim.units import MILLISECOND, SECOND
from sim.wire import ipv4
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from tests.services.conftest import Chain


def is_echo(frame: bytes, kind: int) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == ipv4.PROTOCOL_ICMP and frame[34] == kind


def sequence(frame: bytes) -> int:
    return int.from_bytes(frame[40:42], "big")


def test_every_request_is_answered_with_its_time_and_ttl(chain: Chain) -> None:
    chain.warm_up()
    start = chain.net.now
    ping = chain.h1.ping("h2", count=3)
    assert ping.replies == [EchoReply(n, 6 * MILLISECOND, 62, "10.2.0.1") for n in (1, 2, 3)]
    assert (ping.sent, ping.received, ping.lost, ping.errors, ping.done) == (3, 3, 0, [], True)
    assert chain.net.now == start + 2 * SECOND + 6 * MILLISECOND  # it waits for nothing more


def test_the_first_one_takes_longer_because_everybody_has_to_ask(chain: Chain) -> None:
    ping = chain.h1.ping("h2", count=2)
    assert [reply.rtt for reply in ping.replies] == [12 * MILLISECOND, 6 * MILLISECOND]


def test_requests_leave_at_the_interval_with_the_size_and_the_ttl(chain: Chain) -> None:
    chain.warm_up()
    start = chain.net.now
    left: list[tuple[int, int, int, int]] = []
    chain.h1.attach(lambda time, port, frame: left.append((time, len(frame), frame[22], frame[34])))
    chain.h1.ping("h2", count=3, interval="200ms", size=100, ttl=9)
    requests = [(time - start, size, ttl) for time, size, ttl, kind in left if kind == 8]
    assert requests == [(n * 200 * MILLISECOND, 14 + 28 + 100, 9) for n in range(3)]


def test_a_lost_request_is_counted_once_the_time_is_up(chain: Chain) -> None:
    chain.warm_up()

    def lose_the_second(frame: bytes, time: int) -> Verdict:
        return Drop("test") if is_echo(frame, 8) and sequence(frame) == 2 else PASS

    chain.links[1].add_rule(lose_the_second)
    start = chain.net.now
    ping = chain.h1.ping("h2", count=3, timeout="500ms")
    assert ([reply.sequence for reply in ping.replies], ping.lost, ping.errors) == ([1, 3], 1, [])
    assert chain.net.now == start + 2 * SECOND + 500 * MILLISECOND


def test_a_reply_that_comes_twice_counts_once(chain: Chain) -> None:
    chain.links[1].add_rule(lambda frame, time: Deliver(copies=2) if is_echo(frame, 0) else PASS)
    ping = chain.h1.ping("h2", count=2)
    assert (len(ping.replies), ping.received, ping.lost) == (3, 2, 0)  # the second one's double comes when it is over


def test_a_late_reply_is_not_taken_for_the_next_pings(chain: Chain) -> None:
    chain.warm_up()
    chain.links[1].add_rule(lambda frame, time: Deliver(after=SECOND) if is_echo(frame, 0) else PASS)
    assert chain.h1.ping("h2", timeout="500ms").received == 0
    assert chain.h1.ping("h2", timeout="600ms").received == 0
    assert chain.h1.ping("h2", timeout="2s").received == 1


@pytest.mark.parametrize(
    ("destination", "ttl", "text", "reporter"),
    [
        ("h2", 1, "time to live exceeded", "10.0.0.254"),
        ("h2", 2, "time to live exceeded", "10.1.0.2"),
        ("172.16.0.1", 64, "network unreachable", "10.0.0.254"),
        ("10.2.0.9", 64, "host unreachable", "10.1.0.2"),
        ("10.0.0.9", 64, "host unreachable", "10.0.0.1"),
    ],
)
def test_an_icmp_error_is_the_answer_to_its_request(
    chain: Chain, destination: str, ttl: int, text: str, reporter: str
) -> None:
    ping = chain.h1.ping(destination, ttl=ttl, timeout="5s")
    assert [(error.sequence, error.text, error.reporter) for error in ping.errors] == [(1, text, reporter)]
    assert (ping.received, ping.lost) == (0, 1)


def test_what_cannot_even_leave_is_an_error_at_once() -> None:
    net = Network()
    host = net.host("h1", "10.0.0.1/24")
    net.link(host, net.hub("hub1"))
    ping = host.ping("8.8.8.8", count=2)
    assert [(error.text, error.reporter) for error in ping.errors] == [("network is unreachable", "h1")] * 2
    assert net.now == SECOND
    assert host.drops() == {"network is unreachable": 2}


def test_a_packet_that_may_not_be_cut_says_so(chain: Chain) -> None:
    (error,) = chain.h1.ping("h2", size=2000, dont_fragment=True).errors
    assert error.text == "message too long"
    assert chain.h1.ping("h2", size=1472, dont_fragment=True).received == 1


def test_a_packet_longer_than_any_packet_is_an_error(chain: Chain) -> None:
    assert [error.text for error in chain.h1.ping("h2", size=65508).errors] == ["message too long"]
    assert chain.h1.ping("h2", size=65507).received == 1


def test_pings_side_by_side_keep_apart(chain: Chain) -> None:
    done: list[str] = []
    pings = {
        name: Ping(chain.h1, parse_ip(name), lambda name=name: done.append(name), count=3)  # type: ignore[misc]
        for name in ("10.2.0.1", "10.0.0.254")
    }
    for ping in pings.values():
        ping.start()
    chain.net.run()
    assert {name: {reply.source for reply in ping.replies} for name, ping in pings.items()} == {
        "10.2.0.1": {"10.2.0.1"},
        "10.0.0.254": {"10.0.0.254"},
    }
    assert sorted(done) == ["10.0.0.254", "10.2.0.1"]


def test_a_ping_calls_back_once(chain: Chain) -> None:
    done: list[bool] = []
    chain.links[1].add_rule(lambda frame, time: Deliver(copies=3) if is_echo(frame, 0) else PASS)
    ping = Ping(chain.h1, parse_ip("10.2.0.1"), lambda: done.append(True))
    ping.start()
    chain.net.run()
    assert done == [True]


def test_each_request_begins_a_journey_of_its_own(chain: Chain) -> None:
    ping = chain.h1.ping("h2", count=2)
    journeys = [chain.net.trace.journey(root) for root in ping.roots]
    assert [journey.text for journey in journeys] == [f"ICMP echo request {n} to 10.2.0.1" for n in (1, 2)]
    assert [journey.path() for journey in journeys] == [["h1", "r1", "r2", "h2"]] * 2
