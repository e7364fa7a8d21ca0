from __future__ import annotations

import errno
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sim.links.rules import PASS, Drop
from sim.services.payload import CHUNK, Outgoing
from sim.services.streams import ECHO_LIMIT, Manners, Stream, StreamServer
from sim.units import MILLISECOND, SECOND
from sim.userland.machine import TcpSocket
from sim.wire.addresses import parse_ip

if TYPE_CHECKING:
    from tests.services.conftest import Chain

H2 = parse_ip("10.2.0.1")


def serve(chain: Chain, **manners: Any) -> StreamServer:
    """A server at h2, which by default takes in what comes until the client closes."""

    def welcome(socket: TcpSocket) -> Stream:
        return Stream(chain.h2, socket, Manners(**{"close_after": None, **manners}))

    return StreamServer(chain.h2, 80, welcome)


def connect(chain: Chain, manners: Manners | None = None, **options: int) -> Stream:
    """A client at h1 that has been started."""
    client = Stream(chain.h1, chain.h1.stack.tcp.socket(), manners or Manners(), chain.net.engine.stop)
    client.connect(H2, 80, **options)
    return client


def finish(chain: Chain, client: Stream, server: StreamServer | None = None) -> None:
    """Let time pass until both are done."""
    chain.net.run_until(lambda: client.done)
    if server is not None:
        chain.net.run(chain.net.now + SECOND)
        assert all(stream.done for stream in server.streams)


def test_open_and_close(chain: Chain) -> None:
    chain.warm_up()
    began = chain.net.now
    server = serve(chain)
    client = connect(chain, source_port=5000)
    finish(chain, client, server)
    (accepted,) = server.streams
    assert (client.error, accepted.error, client.retransmissions) == (None, None, 0)
    assert client.connected_at == began + 6 * MILLISECOND
    assert client.ends() == accepted.ends()[::-1] == ("10.0.0.1:5000", "10.2.0.1:80")
    assert client.ended_at == began + 12 * MILLISECOND


def test_so_many_bytes_arrive_as_they_were_sent(chain: Chain) -> None:
    server = serve(chain)
    client = connect(chain, Manners(Outgoing(300_000)))
    finish(chain, client, server)
    (accepted,) = server.streams
    assert accepted.incoming.received == 300_000
    assert accepted.incoming.equals(client.outgoing)
    assert accepted.incoming.ended


def test_the_server_may_send_and_close_first(chain: Chain) -> None:
    server = serve(chain, outgoing=Outgoing(5000), close_after=0)
    client = connect(chain, Manners(close_after=None))
    finish(chain, client, server)
    assert client.incoming.equals(server.streams[0].outgoing)
    assert client.incoming.received == 5000


def test_an_echo_sends_back_what_comes(chain: Chain) -> None:
    server = serve(chain, outgoing=Outgoing.later(), reply=True)
    client = connect(chain, Manners(Outgoing(1_000_000), close_after=1_000_000))
    finish(chain, client, server)
    assert client.incoming.equals(client.outgoing)
    assert client.incoming.received == 1_000_000


def test_an_echo_whose_client_does_not_read_stops_reading_too(chain: Chain) -> None:
    server = serve(chain, outgoing=Outgoing.later(), reply=True)
    socket = chain.h1.stack.tcp.socket()
    chain.h1.originate("a client that does not read")
    with pytest.raises(BlockingIOError):
        socket.connect(H2, 80)
    chain.net.run(SECOND)
    for time in range(12):
        chain.h1.originate("more")
        with suppress(BlockingIOError):
            while socket.send(bytes(CHUNK)):
                pass
        chain.net.run(SECOND + time * 100 * MILLISECOND)
    assert 0 < server.streams[0].outgoing.waiting <= ECHO_LIMIT + CHUNK


@pytest.mark.parametrize("request_size", [0, 5, 100])
def test_an_answer_comes_when_the_request_is_there(chain: Chain, request_size: int) -> None:
    server = serve(chain, outgoing=Outgoing.later(), reply=b"welcome", request=request_size)
    client = connect(chain, Manners(Outgoing(request_size), close_after=7))
    finish(chain, client, server)
    assert client.incoming.head == b"welcome"


def test_nobody_listens(chain: Chain) -> None:
    client = connect(chain)
    finish(chain, client)
    assert (client.error, client.connected_at) == ("connection refused", None)


def test_no_route_is_an_error_at_once(chain: Chain) -> None:
    chain.net.set_link(chain.links[0], False)
    client = connect(chain)
    assert client.done
    assert client.error == "network is unreachable"
    assert chain.net.trace.journey(client.root or 0).drops() == [("h1", "network is unreachable")]


def test_no_answer_is_waited_for_as_long_as_tcp_does(chain: Chain) -> None:
    chain.links[1].add_rule(lambda frame, time: Drop("test") if frame[12:14] == b"\x08\x00" else PASS)
    client = connect(chain)
    finish(chain, client)
    assert client.error == "connection timed out"
    assert client.retransmissions == 6
    assert 127 * SECOND <= chain.net.now < 128 * SECOND


def test_what_is_given_up_is_reset(chain: Chain) -> None:
    server = serve(chain)
    client = connect(chain, Manners(Outgoing(None)))
    chain.net.engine.after(20 * MILLISECOND, lambda: client.abort("enough"))
    finish(chain, client, server)
    assert client.error == "enough"
    assert server.streams[0].error == "connection reset by peer"


def test_without_an_end_until_it_is_stopped(chain: Chain) -> None:
    server = serve(chain)
    client = connect(chain, Manners(Outgoing(None)))
    chain.net.engine.after(20 * MILLISECOND, client.stop)
    finish(chain, client, server)
    assert client.error is None
    assert server.streams[0].incoming.equals(client.outgoing)
    assert client.outgoing.sent > 50_000


def test_two_servers_on_one_port(chain: Chain) -> None:
    server = serve(chain)
    with pytest.raises(OSError, match="in use") as refused:
        serve(chain)
    assert refused.value.errno == errno.EADDRINUSE
    server.close()
    serve(chain)


def test_a_connection_is_a_journey(chain: Chain) -> None:
    server = serve(chain)
    client = connect(chain)
    finish(chain, client, server)
    journey = chain.net.trace.journey(client.root or 0)
    assert journey.text == "TCP connection to 10.2.0.1 port 80"
    assert journey.path() == ["h1", "r1", "r2", "h2"]


def test_manners_of_the_socket(chain: Chain) -> None:
    serve(chain)
    client = connect(chain, Manners(congestion="reno", nodelay=True))
    assert client.state == "SYN-SENT"
    socket = client._socket
    assert (socket.congestion, socket.options.nodelay) == ("reno", True)
