"""AF_UNIX sockets and socket pairs."""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.userland.parity.outcome import tried


@contextlib.contextmanager
def place() -> Iterator[str]:
    """A path for a socket."""
    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            yield "sock"
        finally:
            os.chdir(before)


def unix(kind: int = socket.SOCK_STREAM) -> socket.socket:
    return socket.socket(socket.AF_UNIX, kind)


def pair_alone(host: str, port: int) -> None:
    one, other = socket.socketpair()
    print(one.family, one.type, one.proto, repr(one.getsockname()), repr(one.getpeername()), one.gettimeout())
    print(one.send(b"hello"), other.recv(2), other.recv(10, socket.MSG_PEEK), other.recvfrom(10), other.fileno() > 0)
    print(one.sendmsg([b"a", b"b"]), other.recvmsg(10), one.sendall(b"xyz"))
    buffer = bytearray(5)
    print(other.recv_into(buffer), buffer)
    other.setblocking(False)
    print(tried(other.recv, 1), tried(one.bind, ""), tried(one.connect, "/nowhere"), tried(one.sendto, b"a", "/x"))
    one.shutdown(socket.SHUT_WR)
    print(tried(one.send, b"x"), other.recv(1), other.send(b"back"), one.recv(10))
    one.close()
    print(tried(other.send, b"x"), other.recv(1), tried(one.recv, 1))
    one, other = socket.socketpair()
    one.send(b"unread")
    other.close()
    print(tried(one.recv, 1), tried(one.recv, 1), tried(one.send, b"x"))
    for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        one, other = socket.socketpair(socket.AF_UNIX, kind)
        one.send(b"first")
        one.send(b"second")
        print(other.type, other.recv(3), other.recvmsg(3)[2] == socket.MSG_TRUNC)
    print(tried(socket.socketpair, socket.AF_INET), tried(socket.socketpair, socket.AF_UNIX, socket.SOCK_STREAM, 77))


def stream_alone(host: str, port: int) -> None:
    with place() as path:
        server = unix()
        print(server.getsockname() == "", tried(server.listen), tried(server.accept), tried(server.recv, 1))
        print(tried(server.getpeername), tried(server.send, b"x"), tried(server.connect, path))
        server.bind(path)
        print(server.getsockname(), os.path.exists(path), tried(unix().bind, path), tried(server.bind, "other"))
        print(tried(unix().connect, path), tried(unix(socket.SOCK_DGRAM).connect, path))
        server.listen(2)
        client = unix()
        print(client.connect(path), client.getpeername(), repr(client.getsockname()))
        connection, address = server.accept()
        print(repr(address), connection.getsockname(), repr(connection.getpeername()), connection.type)
        client.sendall(b"to the server")
        print(connection.recv(100), connection.send(b"to the client"), client.recvfrom(100))
        print(tried(client.connect, path), tried(server.connect, path), tried(client.listen))
        with client.makefile("rw") as file:
            file.write("line\n")
            file.flush()
        print(connection.makefile().readline())
        client.close()
        print(connection.recv(1), tried(connection.send, b"x"))
        server.close()
        print(os.path.exists(path), tried(unix().connect, path), tried(unix().bind, path))
        os.unlink(path)
        print(tried(unix().connect, path), tried(os.unlink, path), tried(unix().bind, path))


def abstract_alone(host: str, port: int) -> None:
    name = f"\0parity-{port}"
    server = unix()
    server.bind(name)
    server.listen()
    print(len(server.getsockname()), type(server.getsockname()), tried(unix().bind, name).replace(str(port), ""))
    client = unix()
    client.connect(name.encode())
    print(len(server.accept()), type(client.getpeername()))
    server.close()
    print(tried(unix().connect, name))
    again = unix()
    print(again.bind(name), tried(unix().bind, "x" * 200), tried(unix().connect, 5), tried(unix().connect, ("a", 1)))
    free = unix(socket.SOCK_DGRAM)
    free.bind("")
    print(len(free.getsockname()), type(free.getsockname()))


def datagrams_alone(host: str, port: int) -> None:
    with place() as path:
        server, client = unix(socket.SOCK_DGRAM), unix(socket.SOCK_DGRAM)
        server.bind(path)
        print(client.sendto(b"anonymous", path), server.recvfrom(100), tried(client.send, b"x"))
        client.bind("client")
        client.connect(path)
        print(client.send(b"named"), server.recvfrom(100), server.sendto(b"back", "client"), client.recv(10))
        stranger = unix(socket.SOCK_DGRAM)
        print(tried(stranger.sendto, b"x", "client"), tried(stranger.sendto, b"x", "nobody"), tried(server.listen))
        print(tried(stranger.sendto, b"x" * 300_000, path), stranger.sendto(b"", path), server.recv(5))
        server.settimeout(0.05)
        print(tried(server.recv, 1), tried(server.recvfrom, 1))
        server.close()
        print(tried(client.send, b"x"), tried(client.send, b"x"), tried(stranger.sendto, b"x", path))


def full_alone(host: str, port: int) -> None:
    """A writer waits for a slow reader."""
    one, other = socket.socketpair()
    one.setblocking(False)
    total = 0
    while True:
        try:
            total += one.send(b"a" * 10_000)
        except BlockingIOError:
            break
    print(total > 50_000, select.select([], [one], [], 0))
    read = 0
    while read < total:
        read += len(other.recv(4096))
    print(read == total, select.select([], [one], [], 0)[1] == [one])
    one.setblocking(True)
    thread = threading.Thread(target=lambda: one.sendall(b"b" * 1_000_000))
    thread.start()
    read = 0
    while read < 1_000_000:
        read += len(other.recv(65536))
    thread.join()
    print(read)
    one.settimeout(0.05)
    print(tried(one.sendall, b"c" * 10_000_000))


def backlog_alone(host: str, port: int) -> None:
    with place() as path:
        server = unix()
        server.bind(path)
        server.listen(1)
        clients = [unix() for _ in range(3)]
        for client in clients:
            client.settimeout(0.05)
        print([tried(client.connect, path) for client in clients])
        clients[2].settimeout(None)
        timer = threading.Timer(0.05, server.accept)
        timer.start()
        print(tried(clients[2].connect, path))
        timer.join()
        server.close()
        print(tried(clients[1].recv, 1))


def rights_alone(host: str, port: int) -> None:
    """A socket goes from one to another."""
    one, other = socket.socketpair()
    left, right = socket.socketpair()
    print(socket.send_fds(one, [b"take it"], [right.fileno()]))
    right.close()
    data, numbers, flags, address = socket.recv_fds(other, 100, 4)
    print(data, len(numbers), flags, address)
    taken = socket.socket(fileno=numbers[0])
    print(taken.send(b"through the passed one"), left.recv(100))
    item = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [left.fileno()]))
    print(one.sendmsg([b"y"], [item]), other.recvmsg(10)[2] == socket.MSG_CTRUNC)


def readiness_alone(host: str, port: int) -> None:
    everything = select.POLLIN | select.POLLOUT | select.POLLRDHUP

    def look(sock: socket.socket) -> int:
        poller = select.poll()
        poller.register(sock, everything)
        return sum(events for _, events in poller.poll(0))

    with place() as path:
        server, client = unix(), unix()
        print(look(server), look(unix(socket.SOCK_DGRAM)))
        server.bind(path)
        server.listen()
        print(look(server))
        client.connect(path)
        print(look(server), look(client))
        connection, _ = server.accept()
        connection.send(b"x")
        print(look(client), look(connection))
        connection.shutdown(socket.SHUT_WR)
        print(look(client), look(connection))
        client.recv(10)
        connection.close()
        print(look(client), client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        client = unix()
        client.connect(path)
        client.send(b"unread")
        server.accept()[0].close()
        print(look(client), client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), look(client))


def options_alone(host: str, port: int) -> None:
    one, _ = socket.socketpair()
    for name in ("SO_TYPE", "SO_DOMAIN", "SO_PROTOCOL", "SO_ERROR", "SO_ACCEPTCONN", "SO_REUSEADDR", "SO_SNDBUF"):
        print(name, tried(one.getsockopt, socket.SOL_SOCKET, getattr(socket, name)))
    print(tried(one.setsockopt, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), tried(one.getsockopt, 6, 1))
    print(one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 5000))
    print(one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), tried(one.getsockopt, socket.SOL_SOCKET, 9999))
    print(one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 5))
    print(one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), one.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE, 4))


def thread_alone(host: str, port: int) -> None:
    """Two threads talk through a named socket."""
    with place() as path:
        server = unix()
        server.bind(path)
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while data := connection.recv(10):
                    connection.sendall(data.upper())

        thread = threading.Thread(target=serve)
        thread.start()
        with unix() as client:
            client.connect(path)
            client.sendall(b"quiet")
            print(client.recv(10))
        thread.join()
        print(thread.is_alive())
        time.sleep(0.01)
