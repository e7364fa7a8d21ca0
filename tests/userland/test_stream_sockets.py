"""TCP sockets: every test is run on a simulated host and on Linux, and must hold on both."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable
from socket import AF_INET, IPPROTO_TCP, SO_ERROR, SO_LINGER, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.userland.conftest import World

HERE = "127.0.0.1"
IN, OUT, ERR, HUP, RDHUP = 0x1, 0x4, 0x8, 0x10, 0x2000
ABORT = struct.pack("ii", 1, 0)

Tried = Callable[..., Any]


def listener(world: World, backlog: int = 5) -> Any:
    made = world.socket(SOCK_STREAM)
    made.bind((HERE, 0))
    made.listen(backlog)
    return made


def pair(world: World) -> tuple[Any, Any]:
    """A client and the server's end."""
    server, client = listener(world), world.socket(SOCK_STREAM)
    client.connect_ex(server.getsockname())
    world.wait(client, OUT)
    world.wait(server, IN)
    accepted, _ = world.accept(server)
    server.close()
    return client, accepted


def refused(world: World) -> Any:
    """A socket whose attempt to connect has failed."""
    server, client = listener(world), world.socket(SOCK_STREAM)
    name = server.getsockname()
    server.close()
    client.connect_ex(name)
    world.wait(client, ERR | HUP)
    return client


# -- new, and listening


def test_a_new_socket(world: World, tried: Tried) -> None:
    sock = world.socket(SOCK_STREAM)
    assert (sock.family, sock.type, sock.proto) == (AF_INET, SOCK_STREAM, 0)
    assert (sock.gettimeout(), sock.getblocking(), sock.timeout) == (0.0, False, 0.0)
    assert sock.getsockname() == ("0.0.0.0", 0)
    assert world.poll(sock) == OUT | HUP
    assert tried(lambda: sock.recv(1)) == "ENOTCONN"
    assert tried(lambda: sock.send(b"x")) == "EPIPE"
    assert tried(lambda: sock.sendto(b"x", (HERE, 9))) == "EPIPE"
    assert tried(sock.accept) == "EINVAL"
    assert tried(sock.getpeername) == "ENOTCONN"
    assert tried(lambda: sock.shutdown(socket.SHUT_RDWR)) == "ENOTCONN"


def test_a_listener(world: World, tried: Tried) -> None:
    sock = listener(world)
    assert world.poll(sock) == 0
    assert tried(sock.accept) == "EAGAIN"
    assert tried(lambda: sock.connect((HERE, 9))) == "EISCONN"
    assert tried(lambda: sock.send(b"x")) == "EPIPE"
    assert tried(lambda: sock.recv(1)) == "ENOTCONN"
    assert tried(lambda: sock.bind((HERE, 0))) == "EINVAL"
    assert tried(sock.listen) is None
    assert sock.getsockopt(SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def test_a_listener_without_a_name_gets_a_port(world: World) -> None:
    sock = world.socket(SOCK_STREAM)
    sock.listen()
    assert sock.getsockname()[0] == "0.0.0.0"
    assert sock.getsockname()[1] > 0


@pytest.mark.parametrize(
    ("options", "listens", "result"),
    [
        ((), True, "EADDRINUSE"),
        ((), False, "EADDRINUSE"),
        ((SO_REUSEADDR,), True, "EADDRINUSE"),
        ((SO_REUSEADDR,), False, None),
        ((SO_REUSEPORT,), True, None),
    ],
)
def test_who_may_share_a_port(
    world: World, tried: Tried, options: tuple[int, ...], listens: bool, result: str | None
) -> None:
    first, second = world.socket(SOCK_STREAM), world.socket(SOCK_STREAM)
    for sock in (first, second):
        for option in options:
            sock.setsockopt(SOL_SOCKET, option, 1)
    first.bind((HERE, 0))
    if listens:
        first.listen()
    assert tried(lambda: second.bind(first.getsockname())) == result


# -- connecting


def test_connecting_by_and_by(world: World, tried: Tried) -> None:
    server, client = listener(world), world.socket(SOCK_STREAM)
    name = server.getsockname()
    assert tried(lambda: client.connect(name)) == "EINPROGRESS"
    world.wait(client, OUT)
    assert world.poll(client) == OUT
    assert tried(lambda: client.connect(name)) is None
    assert tried(lambda: client.connect(name)) == "EISCONN"
    assert client.connect_ex(name) == errno.EISCONN
    assert client.getpeername() == name
    world.wait(server, IN)
    accepted, address = world.accept(server)
    assert address == client.getsockname() == accepted.getpeername()
    assert accepted.getsockname() == name
    assert type(accepted) is type(client)
    assert (accepted.family, accepted.type) == (AF_INET, SOCK_STREAM)


def test_so_error_tells_that_it_is_connected(world: World, tried: Tried) -> None:
    server, client = listener(world), world.socket(SOCK_STREAM)
    client.connect_ex(server.getsockname())
    world.wait(client, OUT)
    assert client.getsockopt(SOL_SOCKET, SO_ERROR) == 0
    assert client.send(b"x") == 1
    assert tried(lambda: client.connect(server.getsockname())) in (None, "EISCONN")


def test_a_refused_connection(world: World, tried: Tried) -> None:
    client = refused(world)
    assert world.poll(client) == IN | OUT | ERR | HUP | RDHUP
    assert client.getsockopt(SOL_SOCKET, SO_ERROR) == errno.ECONNREFUSED
    assert client.getsockopt(SOL_SOCKET, SO_ERROR) == 0
    assert tried(lambda: client.send(b"x")) == "EPIPE"
    assert client.recv(1) == b""


def test_the_call_after_a_refusal_says_so(world: World, tried: Tried) -> None:
    assert tried(lambda: refused(world).connect((HERE, 9))) == "ECONNREFUSED"
    assert tried(lambda: refused(world).recv(1)) == "ECONNREFUSED"
    assert tried(lambda: refused(world).send(b"x")) == "ECONNREFUSED"


def test_a_refused_socket_may_try_elsewhere(world: World) -> None:
    client, server = refused(world), listener(world)
    client.getsockopt(SOL_SOCKET, SO_ERROR)
    client.connect_ex(server.getsockname())
    if client.connect_ex(server.getsockname()) == errno.ECONNABORTED:  # Linux tells of the first attempt once more
        client.connect_ex(server.getsockname())
    world.wait(server, IN)


def test_0_0_0_0_is_this_host(world: World) -> None:
    server, client = listener(world), world.socket(SOCK_STREAM)
    client.connect_ex(("", server.getsockname()[1]))
    world.wait(client, OUT)
    assert client.getpeername() == server.getsockname()


# -- data


def test_the_ways_to_send_and_receive(world: World, tried: Tried) -> None:
    client, server = pair(world)
    assert tried(lambda: server.recv(1)) == "EAGAIN"
    assert client.send(b"hel") == 3
    assert client.sendto(b"lo", (HERE, 9)) == 2
    client.sendall(memoryview(b" wor"))
    assert client.sendmsg([b"l", bytearray(b"d")]) == 2
    world.settle()
    buffer = bytearray(5)
    peek = socket.MSG_PEEK
    assert server.recv(100, peek) == b"hello world"
    assert server.recv(0) == b""
    assert server.recvfrom(2) == (b"he", None)
    assert server.recv_into(buffer, 3) == 3
    assert bytes(buffer) == b"llo\0\0"
    assert server.recvmsg(1) == (b" ", [], 0, None)
    assert server.recvfrom_into(buffer) == (5, None)
    assert bytes(buffer) == b"world"
    assert tried(lambda: server.recv(1, socket.MSG_DONTWAIT)) == "EAGAIN"
    assert tried(lambda: server.recv(1, socket.MSG_ERRQUEUE)) == "EAGAIN"
    assert client.send(b"") == 0


def test_msg_trunc_throws_away(world: World) -> None:
    client, server = pair(world)
    client.send(b"hello")
    world.settle()
    buffer = bytearray(3)
    assert server.recv_into(buffer, 3, socket.MSG_TRUNC | socket.MSG_PEEK) == 3
    assert server.recv_into(buffer, 3, socket.MSG_TRUNC) == 3
    assert server.recv(9) == b"lo"


def test_urgent_data(world: World, tried: Tried) -> None:
    client, server = pair(world)
    oob = socket.MSG_OOB
    assert tried(lambda: world.socket(SOCK_STREAM).recv(1, oob)) == "EINVAL"
    assert tried(lambda: server.recv(1, oob)) == "EINVAL"
    assert client.send(b"ab!", oob) == 3
    client.send(b"cd")
    world.settle()
    assert world.poll(server) & 0x2
    assert server.recv(9, oob | socket.MSG_PEEK) == b"!"
    assert server.recvmsg(9, 0, oob) == (b"!", [], oob, None)
    assert tried(lambda: server.recv(1, oob)) == "EINVAL"
    assert not world.poll(server) & 0x2
    assert server.recv(9) == b"ab"
    assert server.recv(9) == b"cd"


def test_urgent_data_in_line(world: World, tried: Tried) -> None:
    client, server = pair(world)
    server.setsockopt(SOL_SOCKET, socket.SO_OOBINLINE, 1)
    client.send(b"ab!", socket.MSG_OOB)
    client.send(b"cd")
    world.settle()
    assert tried(lambda: server.recv(1, socket.MSG_OOB)) == "EINVAL"
    assert server.recv(9) == b"ab"
    assert server.recv(9) == b"!cd"


def test_poll_with_data(world: World) -> None:
    client, server = pair(world)
    assert world.poll(server) == OUT
    client.send(b"x")
    world.settle()
    assert world.poll(server) == IN | OUT


def test_a_full_buffer_blocks_and_frees(world: World, tried: Tried) -> None:
    client, server = pair(world)
    sent, refusals, data = 0, 0, bytes(65536)
    while refusals < 2:
        try:
            sent += client.send(data)
            refusals = 0
        except BlockingIOError:
            refusals += 1
            world.settle()
    assert not world.poll(client) & OUT
    assert tried(lambda: client.send(b"x")) == "EAGAIN"
    received = 0
    while received < sent:
        world.wait(server, IN)
        received += len(server.recv(1 << 20))
    world.wait(client, OUT)


def test_more_is_held_back(world: World) -> None:
    client, server = pair(world)
    client.send(b"a", socket.MSG_MORE)
    world.settle()
    assert not world.poll(server) & IN
    assert client.getsockopt(IPPROTO_TCP, socket.TCP_CORK) == 0
    client.send(b"b")
    world.wait(server, IN)
    assert server.recv(9) == b"ab"


# -- the end


def test_the_end_of_a_stream(world: World, tried: Tried) -> None:
    client, server = pair(world)
    client.send(b"last")
    client.close()
    world.wait(server, RDHUP)
    assert world.poll(server) == IN | OUT | RDHUP
    assert server.recv(9) == b"last"
    assert server.recv(9) == b""
    assert server.recv(9) == b""


def test_half_close(world: World, tried: Tried) -> None:
    client, server = pair(world)
    client.shutdown(socket.SHUT_WR)
    world.wait(server, RDHUP)
    assert tried(lambda: client.send(b"x")) == "EPIPE"
    assert world.poll(client) == OUT
    assert server.recv(1) == b""
    server.send(b"still")
    world.wait(client, IN)
    assert client.recv(9) == b"still"
    server.shutdown(socket.SHUT_WR)
    world.wait(client, HUP)
    assert world.poll(client) == IN | OUT | HUP | RDHUP
    world.settle()
    assert world.poll(server) == IN | OUT | HUP | RDHUP
    assert client.recv(9) == b""


def test_shutting_down_reading(world: World) -> None:
    client, server = pair(world)
    client.send(b"before")
    world.settle()
    server.shutdown(socket.SHUT_RD)
    assert world.poll(server) == IN | OUT | RDHUP
    assert server.recv(9) == b"before"
    assert server.recv(9) == b""


def test_shutdown_with_a_wrong_number(world: World, tried: Tried) -> None:
    client, _server = pair(world)
    assert tried(lambda: client.shutdown(5)) == "EINVAL"


def test_shutting_a_listener_down_ends_its_listening(world: World, tried: Tried) -> None:
    server = listener(world)
    server.shutdown(socket.SHUT_RD)
    assert tried(server.accept) == "EINVAL"


@pytest.mark.parametrize("call", ["recv", "send", "option"])
def test_a_reset_is_the_error_of_one_call(world: World, tried: Tried, call: str) -> None:
    client, server = pair(world)
    client.setsockopt(SOL_SOCKET, SO_LINGER, ABORT)
    client.close()
    world.wait(server, HUP)
    assert world.poll(server) == IN | OUT | ERR | HUP | RDHUP
    if call == "option":
        assert server.getsockopt(SOL_SOCKET, SO_ERROR) == errno.ECONNRESET
    else:
        assert tried(lambda: server.recv(1) if call == "recv" else server.send(b"x")) == "ECONNRESET"
    assert server.recv(1) == b""
    assert tried(lambda: server.send(b"x")) == "EPIPE"
    assert tried(server.getpeername) == "ENOTCONN"
    assert tried(lambda: server.shutdown(socket.SHUT_WR)) == "ENOTCONN"


def test_closing_with_unread_data_resets(world: World, tried: Tried) -> None:
    client, server = pair(world)
    client.send(b"unread")
    world.wait(server, IN)
    server.close()
    world.wait(client, HUP)
    assert tried(lambda: client.recv(1)) == "ECONNRESET"


def test_writing_to_who_has_gone(world: World, tried: Tried) -> None:
    client, server = pair(world)
    server.close()
    world.wait(client, RDHUP)
    assert client.send(b"x") == 1
    world.wait(client, HUP)
    assert tried(lambda: client.send(b"x")) == "EPIPE"
    assert client.recv(1) == b""


def test_a_closed_socket(world: World, tried: Tried) -> None:
    client, _server = pair(world)
    client.close()
    assert (client.fileno(), client.detach(), client.close()) == (-1, -1, None)
    for call in (
        lambda: client.recv(1),
        lambda: client.send(b""),
        lambda: client.bind((HERE, 0)),
        client.accept,
        client.getsockname,
        lambda: client.getsockopt(SOL_SOCKET, SO_ERROR),
        lambda: client.settimeout(0),
    ):
        assert tried(call) == "EBADF"
    assert (client.recv(0), client.gettimeout()) == (b"", 0.0)
