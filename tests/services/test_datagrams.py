from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from sim.links.rules import PASS, Drop
from sim.services.datagrams import Listener, Sender
from sim.units import MILLISECOND, SECOND
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from tests.services.conftest import Chain

H2 = parse_ip("10.2.0.1")


def sender(chain: Chain, port: int = 7, destination: bytes = H2, **options: int | bool) -> Sender:
    """A sender at h1 that has run to its end."""
    made = Sender(chain.h1, destination, port, b"data", chain.net.engine.stop, **options)  # type: ignore[arg-type]
    made.start()
    chain.net.run_until(lambda: made.done)
    return made


def test_a_listener_keeps_what_comes_and_from_where(chain: Chain) -> None:
    listener = Listener(chain.h2, 7)
    sent = sender(chain, source_port=5000, count=2)
    assert listener.received == [(b"data", "10.0.0.1", 5000)] * 2
    assert (sent.sent, sent.replies, sent.errors) == (2, [], [])
    assert chain.net.now == 2 * SECOND  # nobody answered: it waited out its time


@pytest.mark.parametrize(("reply", "answer"), [(True, b"data"), (b"pong", b"pong"), (b"", b"")])
def test_a_listener_may_answer(chain: Chain, reply: bool | bytes, answer: bytes) -> None:
    Listener(chain.h2, 7, reply)
    sent = sender(chain, count=3, interval=100 * MILLISECOND)
    assert sent.replies == [answer] * 3
    assert 200 * MILLISECOND < chain.net.now < 300 * MILLISECOND


def test_a_port_where_nobody_listens_is_an_error(chain: Chain) -> None:
    sent = sender(chain)
    assert sent.errors == ["port unreachable"]
    assert chain.net.now < SECOND


def test_a_ttl_too_small_is_an_error(chain: Chain) -> None:
    assert sender(chain, ttl=2).errors == ["time to live exceeded"]


def test_no_route_is_an_error_at_once(chain: Chain) -> None:
    chain.net.set_link(chain.links[0], False)
    assert sender(chain).errors == ["network is unreachable"]
    assert chain.net.now == 0


def test_a_lost_datagram_is_waited_for_to_the_end(chain: Chain) -> None:
    Listener(chain.h2, 7, True)
    chain.links[2].add_rule(lambda frame, time: Drop("test") if frame[12:14] == b"\x08\x00" else PASS)
    assert sender(chain, timeout=300 * MILLISECOND).replies == []
    assert chain.net.now == 300 * MILLISECOND


def test_a_broadcast_needs_no_asking(chain: Chain) -> None:
    listener = Listener(chain.h1, 7)
    h3 = chain.net.host("h3", "10.0.0.3/24")
    chain.net.switch("sw1")
    chain.net.link("h3", "sw1")
    made = Sender(h3, parse_ip("10.0.0.255"), 7, b"all", chain.net.engine.stop)
    made.start()
    chain.net.run()
    assert made.errors == []
    assert listener.received == []  # h3's switch leads nowhere


def test_a_listener_that_closed_hears_nothing_and_frees_its_port(chain: Chain) -> None:
    listener = Listener(chain.h2, 7)
    with pytest.raises(OSError, match="in use") as refused:
        Listener(chain.h2, 7)
    assert refused.value.errno == errno.EADDRINUSE
    listener.close()
    assert sender(chain).errors == ["port unreachable"]
    Listener(chain.h2, 7)


def test_each_datagram_begins_a_journey_of_its_own(chain: Chain) -> None:
    Listener(chain.h2, 7)
    sent = sender(chain, count=2)
    journeys = [chain.net.trace.journey(root) for root in sent.roots]
    assert [journey.text for journey in journeys] == ["UDP datagram of 4 bytes to 10.2.0.1 port 7"] * 2
    assert [journey.path() for journey in journeys] == [["h1", "r1", "r2", "h2"]] * 2
