"""Stream sockets: every call in its usual order."""

from __future__ import annotations

import contextlib
import socket
import time

from tests.userland.parity.outcome import Ready, tried


def listener(host: str, port: int, backlog: int = 5) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(backlog)
    return server


def echo_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    print(server.getsockname() == (host, port), tried(server.getpeername))
    ready()
    for _ in range(2):
        connection, address = server.accept()
        print(connection.getpeername() == address, connection.getsockname() == (host, port), connection.gettimeout())
        with connection:
            while data := connection.recv(1024):
                print(data.decode("gbk"))
                connection.send(data.upper())
        print(connection.fileno(), tried(connection.recv, 1))
    server.close()


def echo_client(host: str, port: int) -> None:
    for text in ("hello", "你好"):
        client = socket.socket()
        print(client.connect((host, port)))
        print(client.fileno() > 0, client.getpeername() == (host, port), client.getsockname()[0] != "0.0.0.0")
        print(client.send(text.encode("gbk")), client.recv(100).decode("gbk"))
        client.close()


def half_close_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    data = b"".join(iter(lambda: connection.recv(4096), b""))
    print(len(data), tried(connection.recv, 10))
    connection.sendall(b"got %d" % len(data))
    print(connection.shutdown(socket.SHUT_WR), tried(connection.send, b"x"))
    connection.close()


def half_close_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    print(client.sendall(b"a" * 300_000))
    print(client.shutdown(socket.SHUT_WR), tried(client.send, b"x"), tried(client.sendall, b"y"))
    print(client.recv(3), client.recv(100), client.recv(100), client.recv(100))
    client.close()
    print(tried(client.shutdown, socket.SHUT_WR))


def flags_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    print(connection.recv(3, socket.MSG_PEEK), connection.recv(3), tried(connection.recv, 3, socket.MSG_DONTWAIT))
    connection.send(b"go")
    print(connection.recv(10, socket.MSG_WAITALL))
    buffer = bytearray(8)
    print(connection.recv_into(buffer, 6, socket.MSG_WAITALL), bytes(buffer))
    print(connection.recvfrom(2, socket.MSG_WAITALL))
    print(connection.recvmsg(4, 0, socket.MSG_WAITALL))
    print(connection.recv(4, socket.MSG_WAITALL | socket.MSG_PEEK), connection.recv(100, socket.MSG_WAITALL))
    connection.close()


def flags_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    client.send(b"abc")
    print(client.recv(2))
    for part in (b"01234", b"56789", b"abc", b"def", b"xy", b"1", b"234", b"AB", b"CDE"):
        client.send(part)
        time.sleep(0.02)
    client.close()


def messages_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    print(connection.recv(1))
    print(connection.recvmsg(100))
    connection.send(b"next")
    one, two = bytearray(3), bytearray(10)
    print(connection.recvmsg_into([one, two]), one, two)
    connection.send(b"next")
    whole = bytearray(5)
    print(connection.recvfrom_into(whole), whole, connection.recvfrom_into(whole, 2), whole)
    print(connection.recvfrom(100))
    connection.close()


def messages_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    print(client.sendmsg([b"a", b"bc", bytearray(b"d")]))
    client.recv(4)
    print(client.sendmsg([memoryview(b"hello "), b"world"], [], 0), tried(client.sendmsg, [b""]))
    client.recv(4)
    print(client.send(b"0123456789"))
    print(client.recv(10))
    client.close()


def files_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as reader, connection.makefile("wb") as writer:
        print(reader.readline(), reader.read(3), reader.readable(), reader.writable(), writer.writable())
        writer.write(b"one\ntwo\n")
        writer.flush()
        print(reader.readlines())
    print(connection.fileno())
    connection, _ = server.accept()
    file = connection.makefile("rw", encoding="utf-8", newline="\n")
    connection.close()
    print(connection.fileno() > 0, connection._closed)  # type: ignore[attr-defined]
    for line in file:
        print(line.rstrip())
        file.write(line[::-1])
        file.flush()
    file.close()
    print(connection.fileno())
    connection, _ = server.accept()
    with connection.makefile("rwb", buffering=0) as raw:
        print(type(raw).__name__, raw.read(4), raw.readinto(bytearray(2)), raw.write(b"unbuffered"), raw.name > 0)
        print(raw.mode, raw.seekable(), tried(raw.seek, 0), raw.readall())
    print(tried(raw.read, 1), tried(connection.makefile, "x"))
    connection.close()


def files_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    reader = client.makefile("r")
    client.sendall(b"line\nabcrest\nlast")
    print(reader.readline(), reader.readline())
    client.shutdown(socket.SHUT_WR)
    print(repr(reader.read()))
    client.close()
    with socket.create_connection((host, port)) as client, client.makefile("rw", newline="\n") as file:
        for line in ("hello\n", "grüße\n"):
            file.write(line)
            file.flush()
            print(repr(file.readline()), repr(file.read(len(line) - 1)) if line == "" else "")
    with socket.create_connection((host, port)) as client:
        client.sendall(b"data++")
        print(client.recv(100))
        client.sendall(b"tail")
        client.shutdown(socket.SHUT_WR)
        print(client.recv(10))


def timeouts_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    print(server.gettimeout(), server.getblocking(), server.timeout)
    server.settimeout(0.02)
    print(server.gettimeout(), server.getblocking(), tried(server.accept))
    server.setblocking(False)
    print(server.gettimeout(), server.getblocking(), tried(server.accept))
    server.settimeout(None)
    ready()
    connection, _ = server.accept()
    connection.settimeout(0.02)
    print(tried(connection.recv, 1), tried(connection.recv_into, bytearray(1)), tried(connection.recvmsg, 1))
    connection.settimeout(0)
    print(tried(connection.recv, 1), tried(connection.recvfrom, 1), connection.getblocking())
    for value in (-1, "a", float("nan"), 10**20, True):
        print(tried(connection.settimeout, value))
    with contextlib.suppress(OSError):
        connection.setblocking(True)
    file = connection.makefile("rb")
    connection.settimeout(0.02)
    print(tried(file.read, 1), tried(file.read, 1))
    connection.settimeout(None)
    print(connection.recv(10))
    connection.close()


def timeouts_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port), timeout=5)
    print(client.gettimeout())
    time.sleep(0.3)
    client.send(b"late")
    print(client.recv(10))
    client.close()
    print(tried(client.settimeout, 1), tried(client.setblocking, False), client.gettimeout())


def slow_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    time.sleep(0.2)
    total = 0
    while data := connection.recv(1 << 16):
        total += len(data)
    print(total)
    connection.close()


def slow_client(host: str, port: int) -> None:
    """A blocking send takes all; one with a timeout what there is room for; sendall times out as a whole."""
    client = socket.create_connection((host, port))
    print(client.send(b"a" * 20_000_000))
    client.close()


def full_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    connection.recv(1)
    time.sleep(0.4)
    connection.close()


def full_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    client.settimeout(0.05)
    print(tried(client.sendall, b"a" * 50_000_000))
    print(tried(client.send, b"a" * 10))
    client.setblocking(False)
    print(tried(client.send, b"a" * 10), tried(client.sendmsg, [b"a" * 10]))
    client.close()


def refused_alone(host: str, port: int) -> None:
    client = socket.socket()
    print(tried(client.connect, (host, port)), tried(client.getpeername))
    print(tried(client.connect_ex, (host, port)))
    print(tried(socket.create_connection, (host, port)), tried(socket.create_connection, (host, port), 1))
    client.settimeout(1)
    print(tried(client.connect, (host, port)))
    client.close()
    print(tried(client.connect, (host, port)), tried(client.connect_ex, (host, port)))


def states_alone(host: str, port: int) -> None:
    """Calls in the wrong order."""
    fresh = socket.socket()
    print(tried(fresh.recv, 1), tried(fresh.send, b"a"), tried(fresh.accept), tried(fresh.getpeername))
    print(tried(fresh.shutdown, socket.SHUT_RDWR), fresh.getsockname(), tried(fresh.shutdown, 9))
    print(tried(fresh.bind, ("192.0.2.77", port)), tried(fresh.bind, host), tried(fresh.bind, (host, 70000)))
    print(tried(fresh.bind, (host, "a")), tried(fresh.bind, (host,)), tried(fresh.connect, (host, -1)))
    fresh.bind((host, port))
    print(tried(fresh.bind, (host, port)), fresh.getsockname() == (host, port))
    other = socket.socket()
    print(tried(other.bind, (host, port)))
    fresh.listen()
    print(tried(fresh.connect, (host, port)), tried(fresh.recv, 1), tried(fresh.send, b"a"), tried(fresh.listen, -1))
    client = socket.create_connection((host, port))
    print(tried(client.connect, (host, port)), tried(client.connect_ex, (host, port)), tried(client.listen))
    print(tried(client.bind, (host, 0)), tried(client.accept))
    for sock in (fresh, other, client):
        sock.close()
        sock.close()
        print(sock.fileno(), tried(sock.getsockname), tried(sock.bind, (host, port)), tried(sock.listen))
        print(tried(sock.accept), tried(sock.send, b"a"), tried(sock.sendall, b"a"), tried(sock.recv, 1))
        print(tried(sock.sendto, b"a", (host, port)), tried(sock.sendmsg, [b"a"]), tried(sock.recvfrom, 1))
        print(tried(sock.recv_into, bytearray(1)), tried(sock.recvmsg, 1), tried(sock.dup))
        print(tried(sock.setsockopt, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1), tried(sock.detach))
        print(tried(sock.getsockopt, socket.SOL_SOCKET, socket.SO_TYPE), sock.family, sock.type, sock.proto)


def reset_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    connection, _ = server.accept()
    connection.recv(1)
    connection.close()
    connection, _ = server.accept()
    time.sleep(0.1)
    connection.close()  # unread data: a reset
    server.close()


def reset_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    client.send(b"a")
    print(tried(client.recv, 10), tried(client.recv, 10), tried(client.send, b"x"))
    client.close()
    client = socket.create_connection((host, port))
    client.send(b"a")
    print(tried(client.recv, 10), tried(client.send, b"x"))
    time.sleep(0.05)
    print(tried(client.send, b"x"), tried(client.send, b"x"), tried(client.recv, 1))
    client.close()
    client = socket.create_connection((host, port))
    client.send(b"unread")
    print(tried(client.recv, 10), tried(client.recv, 1))
    client.close()


def progress_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    connection.send(b"welcome")
    print(connection.recv(10))
    connection.close()


def progress_client(host: str, port: int) -> None:
    client = socket.socket()
    client.setblocking(False)
    print(tried(client.connect, (host, port)))
    client.settimeout(5)
    time.sleep(0.05)
    print(tried(client.connect_ex, (host, port)), tried(client.connect_ex, (host, port)))
    print(client.recv(100), client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), client.send(b"bye"))
    client.close()


def copies_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    connection, _ = server.accept()
    connection.settimeout(3)
    copy = connection.dup()
    print(copy.fileno() != connection.fileno(), copy.getpeername() == connection.getpeername(), copy.gettimeout())
    connection.close()
    print(copy.recv(10), connection.fileno())
    number = copy.detach()
    print(copy.fileno(), tried(copy.recv, 1), number > 0)
    again = socket.socket(fileno=number)
    print(again.family, again.type, again.fileno() == number, again.send(b"again"))
    third = socket.fromfd(again.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    third.setblocking(True)
    again.close()
    print(third.recv(10))
    third.close()
    connection, _ = server.accept()
    number = connection.detach()
    socket.close(number)
    print(tried(socket.close, number), tried(socket.socket, fileno=number), tried(socket.socket, fileno=-1))


def copies_client(host: str, port: int) -> None:
    client = socket.create_connection((host, port))
    client.send(b"first")
    print(client.recv(10), client.send(b"second"), client.recv(10))
    client.close()
    with socket.create_connection((host, port)) as client:
        print(client.recv(10))
    print(client.fileno())


def convenience_server(host: str, port: int, ready: Ready) -> None:
    print(socket.has_dualstack_ipv6() in (True, False))
    with socket.create_server((host, port), backlog=2, reuse_port=True) as server:
        print(server.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), server.getblocking())
        print(tried(socket.create_server, (host, port)))
        ready()
        connection, _ = server.accept()
        with connection:
            print(connection.getpeername()[1] == int(connection.recv(10)))
    print(server.fileno())


def convenience_client(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("", 0))
        own = probe.getsockname()[1]
    client = socket.create_connection((host, port), 2.5, ("", own))
    print(client.getsockname()[1] == own, client.gettimeout())
    client.sendall(str(own).encode())
    client.close()


def several_alone(host: str, port: int) -> None:
    """All the errors of create_connection, and what create_server refuses."""
    try:
        socket.create_connection((host, port), all_errors=True)
    except ExceptionGroup as group:
        print(group.message, [repr(error) for error in group.exceptions])
    print(tried(socket.create_connection, (host, port), timeout=0), tried(socket.create_connection, (host, -1)))
    print(tried(socket.create_connection, ("no.such.host.invalid", port), all_errors=True))
    print(tried(socket.create_connection, (host, port), source_address=("192.0.2.1", 0)))
    print(tried(socket.create_server, ("192.0.2.1", port)), tried(socket.create_server, (host, port), family=99))
    print(tried(socket.create_server, host))
    with (
        socket.create_server((host, port), reuse_port=True) as one,
        socket.create_server((host, port), reuse_port=True),
    ):
        print(one.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), tried(socket.create_server, (host, port)))
    server = socket.create_server(("", port), backlog=0)
    client = socket.create_connection((host, port), source_address=("127.0.0.1", 0))
    connection, address = server.accept()
    print(address == client.getsockname(), client.getpeername(), connection.getsockname())
    copy = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    again = socket.socket(fileno=connection.detach())
    again.close()
    print(copy.send(b"by a copy"), client.recv(100), copy.type, copy.proto, again.proto, connection.proto)
    copy.close()
    print(client.recv(1))


def defaults_alone(host: str, port: int) -> None:
    print(socket.getdefaulttimeout())
    socket.setdefaulttimeout(0.02)
    server = listener(host, port)
    print(server.gettimeout(), socket.getdefaulttimeout(), tried(server.accept))
    client = socket.create_connection((host, port))
    connection, _ = server.accept()
    print(connection.gettimeout(), client.gettimeout(), tried(connection.recv, 1))
    print(tried(socket.setdefaulttimeout, -1), tried(socket.setdefaulttimeout, "x"))
    socket.setdefaulttimeout(None)
    print(socket.socket().gettimeout())
    server.setblocking(False)
    other = socket.create_connection((host, port))
    connection, _ = server.accept()
    print(connection.gettimeout(), connection.get_inheritable(), connection.set_inheritable(True))
    print(connection.get_inheritable(), other.close())


def looks_alone(host: str, port: int) -> None:
    """What a socket says of itself."""
    server = listener(host, port)
    text = repr(server).replace(str(port), "PORT").replace(f"fd={server.fileno()}", "fd=N")
    print(text, type(server).__name__, isinstance(server, socket.socket), server.__class__.__qualname__)
    server.close()
    print(repr(server), str(server.family), str(server.type), server.proto)
    print(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP).proto)
    print(tried(socket.socket, 1234), tried(socket.socket, socket.AF_INET, 77), tried(socket.socket, "a"))
    print(tried(socket.socket, socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_UDP))
    both = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    print(both.type, both.gettimeout(), both.getblocking())


def backlog_alone(host: str, port: int) -> None:
    """More connections than the backlog takes: the next one has to wait."""
    server = listener(host, port, backlog=1)
    clients = []
    for _ in range(4):
        client = socket.socket()
        client.settimeout(0.1)
        clients.append(client)
        print(tried(client.connect, (host, port)))
    for client in clients[:2]:
        connection, address = server.accept()
        print(address == client.getsockname())
        connection.close()


def sending_files_server(host: str, port: int, ready: Ready) -> None:
    server = listener(host, port)
    ready()
    for _ in range(2):
        connection, _ = server.accept()
        data = b"".join(iter(lambda: connection.recv(1 << 16), b""))  # noqa: B023
        print(len(data), data[:9], data[-9:])
        connection.close()


def sending_files_client(host: str, port: int) -> None:
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(b"".join(b"%08d\n" % number for number in range(20_000)))
        file.seek(0)
        with socket.create_connection((host, port)) as client:
            print(client.sendfile(file), file.tell())
        with socket.create_connection((host, port)) as client:
            print(client.sendfile(file, 9, 18), file.tell())
            client.setblocking(False)
            print(tried(client.sendfile, file))
