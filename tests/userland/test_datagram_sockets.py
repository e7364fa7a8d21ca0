"""UDP sockets: every test is run on a simulated host and on Linux, and must hold on both."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from socket import AF_INET, IPPROTO_IP, SO_ERROR, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SOCK_DGRAM, SOL_SOCKET
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.userland.conftest import World

HERE = "127.0.0.1"
IN, OUT, ERR, HUP, RDHUP = 0x1, 0x4, 0x8, 0x10, 0x2000
IP_RECVERR, IP_PKTINFO, IP_RECVTTL, IP_MULTICAST_ALL = 11, 8, 12, 49
GROUP = "239.1.2.3"

Tried = Callable[..., Any]


def udp(world: World, *options: int, bound: str | None = None, port: int = 0) -> Any:
    made = world.socket(SOCK_DGRAM)
    for option in options:
        made.setsockopt(SOL_SOCKET, option, 1)
    if bound is not None:
        made.bind((bound, port))
    return made


def closed_port(world: World) -> int:
    """A port where nobody listens."""
    made = udp(world, bound=HERE)
    port: int = made.getsockname()[1]
    made.close()
    return port


def texts(world: World, *sockets: Any) -> list[list[bytes]]:
    """All that has come in, by socket."""
    world.settle()
    found: list[list[bytes]] = []
    for sock in sockets:
        found.append([])
        while world.poll(sock) & IN:
            found[-1].append(sock.recv(100))
    return found


# -- naming


def test_names_of_a_new_a_bound_and_a_connected_socket(world: World, tried: Tried) -> None:
    sock = udp(world)
    assert sock.getsockname() == ("0.0.0.0", 0)
    assert tried(sock.getpeername) == "ENOTCONN"
    sock.bind(("", 0))
    host, port = sock.getsockname()
    assert host == "0.0.0.0"
    assert port > 1023
    sock.connect((HERE, 9))
    assert sock.getsockname() == (HERE, port)
    assert sock.getpeername() == (HERE, 9)
    assert (sock.family, sock.type, sock.proto) == (AF_INET, SOCK_DGRAM, 0)


def test_0_0_0_0_is_this_host(world: World) -> None:
    receiver, sender = udp(world, bound=HERE), udp(world)
    port = receiver.getsockname()[1]
    sender.sendto(b"1", ("0.0.0.0", port))
    sender.connect(("", port))
    assert sender.getpeername() == (HERE, port)
    sender.send(b"2")
    assert texts(world, receiver) == [[b"1", b"2"]]


def test_a_socket_is_bound_once(world: World, tried: Tried) -> None:
    sock = udp(world, bound=HERE)
    assert tried(lambda: sock.bind((HERE, 0))) == "EINVAL"
    assert tried(lambda: sock.bind(("192.0.2.99", 0))) == "EADDRNOTAVAIL"
    assert tried(lambda: udp(world).bind(("192.0.2.99", 0))) == "EADDRNOTAVAIL"
    assert tried(lambda: udp(world).bind((HERE, sock.getsockname()[1]))) == "EADDRINUSE"
    assert tried(lambda: udp(world).bind(("", sock.getsockname()[1]))) == "EADDRINUSE"
    assert tried(lambda: udp(world).bind(("127.0.0.2", sock.getsockname()[1]))) is None


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        ((), (SO_REUSEADDR,), "EADDRINUSE"),
        ((SO_REUSEADDR,), (), "EADDRINUSE"),
        ((SO_REUSEADDR,), (SO_REUSEADDR,), None),
        ((SO_REUSEADDR,), (SO_REUSEPORT,), "EADDRINUSE"),
        ((SO_REUSEPORT,), (SO_REUSEPORT,), None),
        ((SO_REUSEPORT,), (SO_REUSEPORT, SO_REUSEADDR), None),
        ((), (SO_REUSEPORT,), "EADDRINUSE"),
    ],
)
def test_who_may_share_a_port(
    world: World, tried: Tried, first: tuple[int, ...], second: tuple[int, ...], result: str | None
) -> None:
    port = udp_port = udp(world, *first, bound=HERE).getsockname()[1]
    other = udp(world, *second)
    assert tried(lambda: other.bind((HERE, port))) == result
    assert udp_port == port


def test_the_closest_socket_gets_it_and_of_equals_the_last(world: World) -> None:
    every = udp(world, SO_REUSEADDR, bound="")
    port = every.getsockname()[1]
    first, second = (udp(world, SO_REUSEADDR, bound=HERE, port=port) for _ in range(2))
    connected = udp(world, SO_REUSEADDR, bound=HERE, port=port)
    sender, peer = udp(world, bound=HERE), udp(world, bound=HERE)
    connected.connect(peer.getsockname())
    sender.sendto(b"here", (HERE, port))
    sender.sendto(b"there", ("127.0.0.2", port))
    peer.sendto(b"peer", (HERE, port))
    assert texts(world, every, first, second, connected) == [[b"there"], [], [b"here"], [b"peer"]]


def test_those_who_share_with_reuseport_get_each_flow_whole(world: World) -> None:
    first = udp(world, SO_REUSEPORT, bound=HERE)
    port = first.getsockname()[1]
    second = udp(world, SO_REUSEPORT, bound=HERE, port=port)
    for number in range(40):
        sender = udp(world)
        for _ in range(2):
            sender.sendto(b"%d" % number, (HERE, port))
    one, other = texts(world, first, second)
    assert len(one) + len(other) == 80
    assert one
    assert other
    assert not set(one) & set(other)


# -- sending


def test_sending_without_a_peer_takes_a_port_all_the_same(world: World, tried: Tried) -> None:
    for send in (
        lambda s: s.send(b""),
        lambda s: s.sendto(b"", (HERE, 0)),
        lambda s: s.sendto(bytes(65508), (HERE, 9)),
    ):
        sock = udp(world)
        assert tried(send, sock) in ("EDESTADDRREQ", "EINVAL", "EMSGSIZE")
        assert sock.getsockname()[1] != 0
    assert tried(lambda: udp(world).send(b"")) == "EDESTADDRREQ"
    assert tried(lambda: udp(world).sendto(b"", (HERE, 0))) == "EINVAL"
    assert tried(lambda: udp(world).sendto(bytes(65508), (HERE, 9))) == "EMSGSIZE"


def test_the_longest_and_the_shortest_datagram(world: World) -> None:
    receiver, sender = udp(world, bound=HERE), udp(world)
    assert sender.sendto(bytes(65507), receiver.getsockname()) == 65507
    assert sender.sendto(b"", receiver.getsockname()) == 0
    world.settle()
    assert len(receiver.recv(70000)) == 65507
    assert world.poll(receiver) & IN
    assert receiver.recvfrom(10) == (b"", (HERE, sender.getsockname()[1]))
    assert not world.poll(receiver) & IN


def test_who_is_connected_may_still_send_elsewhere_but_hears_only_the_peer(world: World) -> None:
    peer, other, sock = udp(world, bound=HERE), udp(world, bound=HERE), udp(world)
    sock.connect(peer.getsockname())
    sock.send(b"peer")
    sock.sendto(b"other", other.getsockname())
    peer.sendto(b"hello", sock.getsockname())
    other.sendto(b"hi", sock.getsockname())
    assert texts(world, peer, other, sock) == [[b"peer"], [b"other"], [b"hello"]]


def test_a_socket_may_be_connected_anew(world: World) -> None:
    one, other, sock = udp(world, bound=HERE), udp(world, bound=HERE), udp(world)
    for peer in (one, other):
        sock.connect(peer.getsockname())
        sock.sendall(b"x")
    assert texts(world, one, other) == [[b"x"], [b"x"]]


def test_a_loopback_source_stays_at_home(world: World, tried: Tried) -> None:
    sock = udp(world)
    sock.connect((HERE, 9))
    assert tried(lambda: sock.connect(("198.51.100.1", 9))) in ("EINVAL", "ENETUNREACH")  # with a route, without
    assert sock.getpeername()[1] == 9


def test_a_broadcast_takes_permission(world: World, tried: Tried) -> None:
    sock = udp(world)
    assert tried(lambda: sock.connect(("127.255.255.255", 9))) == "EACCES"
    assert tried(lambda: sock.sendto(b"", ("127.255.255.255", 9))) == "EACCES"


def test_connect_to_port_0_is_no_peer_to_speak_of(world: World, tried: Tried) -> None:
    sock = udp(world)
    sock.connect((HERE, 0))
    assert tried(sock.getpeername) == "ENOTCONN"


def test_what_datagrams_do_not_know(world: World, tried: Tried) -> None:
    sock = udp(world)
    assert tried(sock.listen) == "EOPNOTSUPP"
    assert tried(sock.accept) == "EOPNOTSUPP"
    assert tried(lambda: sock.sendto(b"x", socket.MSG_OOB, (HERE, 9))) == "EOPNOTSUPP"
    assert tried(lambda: sock.recv(1, socket.MSG_OOB)) == "EAGAIN"


# -- receiving


def test_the_ways_to_receive(world: World, tried: Tried) -> None:
    receiver, sender = udp(world, bound=HERE), udp(world, bound=HERE)
    name = sender.getsockname()
    assert tried(lambda: receiver.recv(5)) == "EAGAIN"
    sender.sendto(b"hello", receiver.getsockname())
    world.settle()
    buffer = bytearray(3)
    peek = socket.MSG_PEEK
    assert receiver.recv(0) == b""
    assert receiver.recv(2, peek) == b"he"
    assert receiver.recvfrom(9, peek) == (b"hello", name)
    assert receiver.recvfrom(0, peek) == (b"", name)
    assert receiver.recvmsg(9, 0, peek) == (b"hello", [], 0, name)
    assert receiver.recvmsg(2, 0, peek) == (b"he", [], socket.MSG_TRUNC, name)
    assert receiver.recv_into(buffer, 0, peek) == 3
    assert bytes(buffer) == b"hel"
    assert receiver.recv_into(buffer, 2, peek | socket.MSG_TRUNC) == 5
    assert receiver.recvfrom_into(buffer, 2, peek) == (2, name)
    assert bytes(buffer) == b"hel"
    assert len(receiver.recv(2, peek | socket.MSG_TRUNC)) == 5
    assert receiver.recv(2) == b"he"
    assert tried(lambda: receiver.recv(5, socket.MSG_DONTWAIT)) == "EAGAIN"


def test_buffers_are_gathered(world: World) -> None:
    receiver, sender = udp(world, bound=HERE), udp(world)
    assert sender.sendmsg([b"one ", bytearray(b"two"), memoryview(b"!")], [], 0, receiver.getsockname()) == 8
    sender.connect(receiver.getsockname())
    assert sender.sendmsg([]) == 0
    assert texts(world, receiver) == [[b"one two!", b""]]


def test_ancillary_data(world: World) -> None:
    receiver, sender = udp(world, bound=""), udp(world)
    for option in (IP_PKTINFO, IP_RECVTTL, socket.IP_RECVTOS):
        receiver.setsockopt(IPPROTO_IP, option, 1)
    sender.setsockopt(IPPROTO_IP, socket.IP_TTL, 9)
    sender.setsockopt(IPPROTO_IP, socket.IP_TOS, 0x20)
    port = receiver.getsockname()[1]
    sender.sendto(b"1", ("127.0.0.3", port))
    sender.sendmsg([b"2"], [(IPPROTO_IP, socket.IP_TTL, struct.pack("i", 5))], 0, (HERE, port))
    world.settle()
    _, items, flags, _ = receiver.recvmsg(10, 200)
    found = {kind: data for _, kind, data in items}
    assert (found[socket.IP_TTL], found[socket.IP_TOS], flags) == (struct.pack("i", 9), b"\x20", 0)
    assert found[IP_PKTINFO][8:] == socket.inet_aton("127.0.0.3")
    _, items, flags, _ = receiver.recvmsg(10, 0, socket.MSG_PEEK)
    assert (items, flags) == ([], socket.MSG_CTRUNC)
    _, items, _, _ = receiver.recvmsg(10, 200)
    assert (IPPROTO_IP, socket.IP_TTL, struct.pack("i", 5)) in items
    sender.sendto(b"3", (HERE, port))
    world.settle()
    assert (IPPROTO_IP, socket.IP_TTL, struct.pack("i", 9)) in receiver.recvmsg(10, 200)[1]


def test_a_full_buffer_drops_the_latest(world: World) -> None:
    receiver, sender = udp(world, bound=HERE), udp(world)
    receiver.setsockopt(SOL_SOCKET, SO_RCVBUF, 2000)
    for number in range(40):
        sender.sendto(b"%d" % number, receiver.getsockname())
    (kept,) = texts(world, receiver)
    assert kept[0] == b"0"
    assert 4 <= len(kept) < 10


# -- errors that come back


def test_an_unreachable_port_is_the_error_of_the_next_call(world: World, tried: Tried) -> None:
    sock = udp(world)
    sock.connect((HERE, closed_port(world)))
    sock.send(b"x")
    world.settle()
    assert world.poll(sock) == OUT | ERR
    assert tried(lambda: sock.send(b"x")) == "ECONNREFUSED"
    assert sock.send(b"x") == 1
    world.settle()
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == 111
    assert tried(lambda: sock.recv(1)) == "EAGAIN"
    sock.send(b"x")
    world.settle()
    assert tried(lambda: sock.recv(1)) == "ECONNREFUSED"
    assert world.poll(sock) == OUT


def test_who_is_not_connected_hears_of_no_error(world: World) -> None:
    sock = udp(world)
    sock.sendto(b"x", (HERE, closed_port(world)))
    world.settle()
    assert world.poll(sock) == OUT
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == 0


def test_unless_he_asks_for_all(world: World, tried: Tried) -> None:
    sock, port = udp(world, bound=HERE), closed_port(world)
    sock.setsockopt(IPPROTO_IP, IP_RECVERR, 1)
    sock.sendto(b"hello", (HERE, port))
    world.settle()
    assert world.poll(sock) == OUT | ERR
    assert tried(lambda: sock.recv(1)) == "ECONNREFUSED"
    assert world.poll(sock) == OUT | ERR
    data, items, flags, address = sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)
    assert (data, flags, address) == (b"hello", socket.MSG_ERRQUEUE, (HERE, port))
    ((level, kind, content),) = items
    assert (level, kind) == (IPPROTO_IP, IP_RECVERR)
    assert struct.unpack("=IBBBBII", content[:16]) == (111, 2, 3, 3, 0, 0, 0)
    assert content[16:18] + content[20:24] == struct.pack("=H", 2) + socket.inet_aton(HERE)
    assert tried(lambda: sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)) == "EAGAIN"
    assert world.poll(sock) == OUT


def test_reading_the_queue_of_errors_settles_the_pending_one(world: World) -> None:
    sock = udp(world)
    sock.setsockopt(IPPROTO_IP, IP_RECVERR, 1)
    sock.sendto(b"hello", (HERE, closed_port(world)))
    world.settle()
    sock.recvmsg(100, 512, socket.MSG_ERRQUEUE)
    assert sock.getsockopt(SOL_SOCKET, SO_ERROR) == 0


# -- shutdown and close


def test_shutdown_without_a_peer_fails_and_works(world: World, tried: Tried) -> None:
    sock = udp(world)
    assert tried(lambda: sock.shutdown(socket.SHUT_RDWR)) == "ENOTCONN"
    assert tried(lambda: sock.recv(5)) == "EAGAIN"
    assert world.poll(sock) == IN | OUT | HUP | RDHUP
    assert tried(lambda: sock.sendto(b"x", (HERE, 9))) == "EPIPE"


def test_shutdown_by_direction(world: World, tried: Tried) -> None:
    sock = udp(world)
    sock.connect((HERE, 9))
    assert tried(lambda: sock.shutdown(5)) == "EINVAL"
    sock.shutdown(socket.SHUT_RD)
    assert world.poll(sock) == IN | OUT | RDHUP
    assert tried(lambda: sock.recv(5)) == "EAGAIN"
    sock.shutdown(socket.SHUT_WR)
    assert tried(lambda: sock.send(b"x")) == "EPIPE"
    assert world.poll(sock) == IN | OUT | HUP | RDHUP


def test_a_closed_socket(world: World, tried: Tried) -> None:
    sock = udp(world, bound=HERE)
    name = sock.getsockname()
    with sock:
        pass
    assert (sock.fileno(), sock.detach(), sock.close()) == (-1, -1, None)
    for call in (lambda: sock.recv(1), lambda: sock.sendto(b"", name), sock.getsockname, lambda: sock.settimeout(0)):
        assert tried(call) == "EBADF"
    assert tried(lambda: udp(world).bind(name)) is None


# -- groups


def membership(interface: str = HERE, group: str = GROUP) -> bytes:
    return socket.inet_aton(group) + socket.inet_aton(interface)


def test_joining_and_leaving(world: World, tried: Tried) -> None:
    sock = udp(world)

    def join(request: bytes) -> Any:
        return tried(lambda: sock.setsockopt(IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request))

    def leave(request: bytes) -> Any:
        return tried(lambda: sock.setsockopt(IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request))

    assert join(membership(group="10.0.0.1")) == "EINVAL"
    assert join(bytes(4)) == "EINVAL"
    assert join(membership("9.9.9.9")) == "ENODEV"
    assert leave(membership()) == "EADDRNOTAVAIL"
    assert join(membership()) is None
    assert join(membership()) == "EADDRINUSE"
    assert leave(membership()) is None
    assert leave(membership()) == "EADDRNOTAVAIL"
    for number in range(20):
        assert join(membership(group=f"239.1.1.{number}")) is None
    assert join(membership()) == "ENOBUFS"


def test_a_group_is_heard_by_who_joined_it_and_by_who_takes_all(world: World) -> None:
    member = udp(world, SO_REUSEADDR, bound="")
    port = member.getsockname()[1]
    bystander, stranger = (udp(world, SO_REUSEADDR, bound="", port=port) for _ in range(2))
    bound = udp(world, SO_REUSEADDR, bound=GROUP, port=port)
    elsewhere = udp(world, SO_REUSEADDR, bound=HERE, port=port)
    for sock in (member, stranger):
        sock.setsockopt(IPPROTO_IP, IP_MULTICAST_ALL, 0)
    sender = udp(world)
    sender.setsockopt(IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HERE))
    everyone = (member, bystander, stranger, bound, elsewhere)
    sender.sendto(b"nobody", (GROUP, port))
    assert texts(world, *everyone) == [[], [], [], [], []]
    member.setsockopt(IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership())
    sender.sendto(b"all", (GROUP, port))
    assert texts(world, *everyone) == [[b"all"], [b"all"], [], [b"all"], []]
    member.close()
    sender.sendto(b"gone", (GROUP, port))
    assert texts(world, bystander, bound) == [[], []]
    assert sender.getsockopt(IPPROTO_IP, socket.IP_MULTICAST_IF, 4) == socket.inet_aton(HERE)


# -- REUSEADDR and broadcast


def test_a_broadcast_is_heard_by_all_on_the_port(world: World) -> None:
    first = udp(world, SO_REUSEADDR, bound="")
    port = first.getsockname()[1]
    second = udp(world, SO_REUSEADDR, bound="", port=port)
    sender = udp(world, socket.SO_BROADCAST)
    sender.bind((HERE, 0))
    sender.sendto(b"all", ("127.255.255.255", port))
    assert texts(world, first, second) == [[b"all"], [b"all"]]
