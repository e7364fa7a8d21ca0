"""Waiting for several sockets: select, poll, epoll, selectors."""

from __future__ import annotations

import select
import selectors
import socket
import threading
import time
from typing import Any

from tests.userland.parity.outcome import Ready, tried


def pair_of_streams(host: str, port: int) -> tuple[socket.socket, socket.socket, socket.socket]:
    server = socket.create_server((host, port))
    client = socket.create_connection((host, port))
    return server, client, server.accept()[0]


def elapsed(begin: float) -> str:
    """In hundredths of a second, as far as machines agree."""
    return f"{time.monotonic() - begin:.1f}"


def select_alone(host: str, port: int) -> None:
    server, client, accepted = pair_of_streams(host, port)
    begin = time.monotonic()
    print(select.select([server, client], [], [], 0), select.select([client], [], [client], 0.1), elapsed(begin))
    print([sock is client for sock in select.select([], [client], [])[1]])
    accepted.send(b"a")
    time.sleep(0.01)
    read, write, _ = select.select([client, server], [client], [])
    print(read == [client], write == [client])
    other = socket.create_connection((host, port))
    print(select.select([server.fileno()], [], [], 1)[0] == [server.fileno()])
    accepted.close()
    client.recv(10)
    time.sleep(0.01)
    print(select.select([client], [client], [client], 1) == ([client], [client], []), client.recv(1))
    print(tried(select.select, [], [], [], 0.05), tried(select.select, [], [], [], -1), tried(select.select, 1, [], []))
    print(tried(select.select, [accepted], [], [], 0), tried(select.select, ["a"], [], [], 0))
    number = other.fileno()
    other.close()
    print(tried(select.select, [number], [], [], 0), tried(select.select, [], [], [], "x"))


def poll_alone(host: str, port: int) -> None:
    server, client, accepted = pair_of_streams(host, port)
    poller = select.poll()
    names = {server.fileno(): "server", client.fileno(): "client", accepted.fileno(): "accepted"}

    def show(timeout: float | None) -> None:
        print(sorted((names[number], events) for number, events in poller.poll(timeout)))

    poller.register(server)
    poller.register(client, select.POLLIN)
    show(0)
    begin = time.monotonic()
    show(100)
    print(elapsed(begin))
    accepted.send(b"x")
    show(None)
    poller.modify(client, select.POLLIN | select.POLLOUT)
    show(-1)
    poller.register(client.fileno(), select.POLLOUT)
    show(0)
    print(tried(poller.modify, accepted, select.POLLIN), tried(poller.unregister, accepted).split(":")[0])
    client.recv(10)
    accepted.shutdown(socket.SHUT_WR)
    poller.modify(client, select.POLLIN | select.POLLRDHUP)
    show(1000)
    poller.modify(client, 0)
    show(0)
    number = client.fileno()
    client.close()
    print([(found == number, events) for found, events in poller.poll(0)])
    poller.unregister(server)
    poller.register(accepted, select.POLLIN | select.POLLRDHUP | select.POLLOUT)
    names.pop(-1, None)
    print(tried(poller.register, client), tried(poller.register, "x"), tried(poller.poll, "x"))


def epoll_alone(host: str, port: int) -> None:
    server, client, accepted = pair_of_streams(host, port)
    names = {server.fileno(): "server", client.fileno(): "client", accepted.fileno(): "accepted"}
    with select.epoll() as poller:

        def show(*arguments: Any) -> None:
            print(sorted((names[number], events) for number, events in poller.poll(*arguments)))

        poller.register(server, select.EPOLLIN)
        poller.register(client.fileno(), select.EPOLLIN | select.EPOLLOUT)
        show(0)
        begin = time.monotonic()
        poller.modify(client, select.EPOLLIN)
        show(0.1)
        print(elapsed(begin))
        print(tried(poller.register, client), tried(poller.modify, accepted, 1), tried(poller.unregister, accepted))
        accepted.send(b"x")
        show()
        show()
        poller.modify(client, select.EPOLLIN | select.EPOLLET)
        show(0)
        show(0)
        accepted.send(b"y")
        time.sleep(0.01)
        show(0)
        poller.modify(client, select.EPOLLIN | select.EPOLLONESHOT)
        show(0)
        show(0)
        poller.modify(client, select.EPOLLIN | select.EPOLLOUT)
        poller.register(accepted, select.EPOLLOUT)
        print(len(poller.poll(0, 1)), len(poller.poll(0, 5)))
        accepted.close()
        time.sleep(0.01)
        show(0)
        number = client.fileno()
        client.close()
        show(0)
        print(tried(poller.unregister, number), tried(poller.modify, number, 1), tried(poller.register, client))
        print(tried(poller.poll, 0, 0), tried(poller.poll, 0, -2), poller.closed)
    print(poller.closed, tried(poller.poll, 0), tried(poller.register, server))


def number_used_again_alone(host: str, port: int) -> None:
    """A closed socket is forgotten, also when another one has its number."""
    _server, client, _accepted = pair_of_streams(host, port)
    with select.epoll() as poller, selectors.DefaultSelector() as selector:
        poller.register(client, select.EPOLLOUT | select.EPOLLONESHOT)
        selector.register(client, selectors.EVENT_READ)
        print(len(poller.poll(1)))
        number = client.fileno()
        client.close()
        again = socket.create_connection((host, port))
        print(again.fileno() == number)
        print(tried(poller.modify, again, select.EPOLLOUT), tried(poller.unregister, again))
        poller.register(again, select.EPOLLOUT)
        print(poller.poll(1) == [(number, select.EPOLLOUT)])
        print(tried(selector.modify, client, selectors.EVENT_WRITE), len(selector.get_map()))
        selector.register(again, selectors.EVENT_READ)
        print(len(selector.get_map()))


def awaited_meanwhile_alone(host: str, port: int) -> None:
    """Another thread adds to what epoll waits for."""
    _server, client, accepted = pair_of_streams(host, port)
    with select.epoll() as poller:
        poller.register(client, select.EPOLLIN)
        for call, sock in ((poller.modify, client), (poller.register, accepted)):
            begin = time.monotonic()
            threading.Timer(
                0.1, lambda call, sock: (call(sock, select.EPOLLOUT), time.sleep(0.3)), (call, sock)
            ).start()
            print([number == sock.fileno() for number, _ in poller.poll(5)], elapsed(begin))
            poller.unregister(sock)


def shut_alone(host: str, port: int) -> None:
    """What poll says at each stage of a connection's life."""
    everything = select.POLLIN | select.POLLOUT | select.POLLPRI | select.POLLRDHUP

    def look(sock: socket.socket) -> int:
        time.sleep(0.005)
        poller = select.poll()
        poller.register(sock, everything)
        return sum(events for _, events in poller.poll(0))

    print(look(socket.socket()), look(socket.socket(type=socket.SOCK_DGRAM)))
    server, client, accepted = pair_of_streams(host, port)
    print(look(server), look(client), look(accepted))
    client.shutdown(socket.SHUT_WR)
    print(look(client), look(accepted))
    accepted.shutdown(socket.SHUT_WR)
    print(look(client), look(accepted), client.recv(1))
    client.close()
    print(look(accepted))
    accepted.close()
    client = socket.create_connection((host, port))
    print(look(server))
    accepted, _ = server.accept()
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    accepted.close()
    print(look(client), tried(client.recv, 1), look(client), tried(client.recv, 1), look(client))
    refused = socket.socket()
    refused.setblocking(False)
    server.close()
    print(refused.connect_ex((host, port)) != 0, look(refused), refused.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    print(look(refused))


def selectors_alone(host: str, port: int) -> None:
    for kind in (selectors.DefaultSelector, selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector):
        server, client, accepted = pair_of_streams(host, port)
        with kind() as selector:
            print(kind.__name__, type(selector).__name__, isinstance(selector, kind))
            key = selector.register(server, selectors.EVENT_READ, "server")
            print(key.fileobj is server, key.fd == server.fileno(), key.events, key.data)
            selector.register(client, selectors.EVENT_READ | selectors.EVENT_WRITE, data="client")
            print([(key.data, events) for key, events in selector.select(timeout=0)])
            print(selector.modify(client, selectors.EVENT_READ, "reader").data, len(selector.get_map()))
            begin = time.monotonic()
            print(selector.select(0), selector.select(-1), selector.select(0.1), elapsed(begin))
            accepted.send(b"x")
            print([(key.data, events) for key, events in selector.select()])
            print(client.recv(1), selector.get_key(client).data, client in selector.get_map())
            print(tried(selector.register, client, 1).split(":")[0], tried(selector.register, accepted, 0))
            print(tried(selector.get_key, accepted).split(":")[0], tried(selector.unregister, accepted).split(":")[0])
            print(tried(selector.modify, accepted, 1).split(":")[0], tried(selector.register, "a", 1))
            accepted.close()
            print([(key.data, events) for key, events in selector.select(1)])
            client.close()
            print(selector.unregister(client).data, len(selector.get_map()))
        print(tried(selector.get_key, server), selector.get_map())
        server.close()


class Counted(selectors.SelectSelector):
    """A selector of the program's own."""

    rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.rounds += 1
        return super().select(timeout)


class CountedPoll(selectors.PollSelector):
    pass


class CountedEpoll(selectors.EpollSelector):
    pass


def own_selectors_alone(host: str, port: int) -> None:
    for kind in (Counted, CountedPoll, CountedEpoll):
        server, client, accepted = pair_of_streams(host, port)
        selector = kind()
        selector.register(client, selectors.EVENT_READ, 5)
        print(type(selector) is kind, selector.select(0.01))
        accepted.send(b"x")
        print([(key.data, events) for key, events in selector.select()], getattr(selector, "rounds", 0))
        selector.close()
        for sock in (server, client, accepted):
            sock.close()


def chat_server(host: str, port: int, ready: Ready) -> None:
    """A server for several clients with one selector."""
    selector = selectors.DefaultSelector()
    server = socket.create_server((host, port))
    server.setblocking(False)
    selector.register(server, selectors.EVENT_READ)
    ready()
    open_now, served = 1, 0
    while open_now or served < 3:
        open_now = len(selector.get_map()) - 1
        for key, _ in selector.select(timeout=5):
            if key.fileobj is server:
                connection, _ = server.accept()
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
                open_now += 1
                continue
            sock: Any = key.fileobj
            data = sock.recv(100)
            if data:
                sock.send(data[::-1])
                continue
            selector.unregister(sock)
            sock.close()
            served += 1
            open_now -= 1
    print(served, len(selector.get_map()))


def chat_client(host: str, port: int) -> None:
    clients = [socket.create_connection((host, port)) for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(b"hello %d" % number)
    print([client.recv(100) for client in clients])
    for client in clients:
        client.close()


def woken_alone(host: str, port: int) -> None:
    """A socket pair wakes a thread out of select; a listener becomes ready while somebody waits."""
    one, other = socket.socketpair()
    begin = time.monotonic()
    timer = threading.Timer(0.1, lambda: other.send(b"!"))
    timer.start()
    print(select.select([one], [], [], 5)[0] == [one], one.recv(5), elapsed(begin))
    timer.join()
    server = socket.create_server((host, port))
    thread = threading.Thread(target=lambda: (time.sleep(0.1), socket.create_connection((host, port))))
    thread.start()
    poller = select.poll()
    poller.register(server, select.POLLIN)
    print([events for _, events in poller.poll()], elapsed(begin))
    thread.join()


def connecting_server(host: str, port: int, ready: Ready) -> None:
    server = socket.create_server((host, port))
    ready()
    connection, _ = server.accept()
    print(connection.recv(5))
    time.sleep(0.2)


def connecting_client(host: str, port: int) -> None:
    client = socket.socket()
    client.setblocking(False)
    print(tried(client.connect_ex, (host, port)))
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_WRITE)
        print([events for _, events in selector.select(5)], client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        print(client.send(b"there"))
        sent = 0
        while True:
            try:
                sent += client.send(bytes(65536))
            except BlockingIOError:
                break
        print(sent > 65536)
    client.close()
